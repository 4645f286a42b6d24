// SPDX-License-Identifier: GPL-3.0-or-later
// Alerts of a live capture: recorded rules and answers, and the same alerts in replay.
#include "tests/capture/workspacefixture.h"

#include <QSignalSpy>

using namespace poolscope;

namespace {

constexpr auto rules = "[[rule]]\nname = \"nearly\"\nmeasure = \"used_ratio\"\nat_least = 0.9\n"
                       "clear_below = 0.5\nfor = \"3s\"\nclear_for = \"2s\"\n"
                       "severity = \"critical\"\n";

} // namespace

class TestAlertWorkspace : public QObject
{
    Q_OBJECT

    Fixture f;
    /// What a window was shown, by instant.
    std::map<Timestamp, std::vector<Alert>> shown;

    bool used(int count);
    std::vector<Alert> alerts() const
    {
        return f.last && !f.last->targets.empty() ? f.last->targets.front().alerts
                                                  : std::vector<Alert>{};
    }

private slots:
    void fires();
    void isAnswered();
    void replaysTheSame();
    void whatIf();
};

/// A second goes by with so many of ten lent, and both the sample and a tick were seen.
bool TestAlertWorkspace::used(int count)
{
    f.clock->advance(1s);
    const Timestamp at = f.clock->now();
    PoolSample sample;
    sample.full = shown.empty();
    sample.pools.resize(1);
    sample.pools.front().name = Text{"orders"};
    sample.pools.front().max = 10;
    sample.pools.front().used = count;
    QMetaObject::invokeMethod(f.source, [this, sample] { f.source->report(sample); });
    // A tick is real time; the instant it tells is the test's.
    const auto seen = [&] {
        return f.last && !f.last->targets.empty() && f.last->targets.front().last_sample == at;
    };
    if (!QTest::qWaitFor(seen))
        return false;
    QSignalSpy updates(f.workspace.get(), &Workspace::updated);
    for (int ticks = 0; ticks < 2; ++ticks) {
        if (!updates.wait(10'000))
            return false;
    }
    shown[at] = alerts();
    return true;
}

void TestAlertWorkspace::fires()
{
    QVERIFY(f.attach());
    f.workspace->setAlertRules(rules);
    for (int i = 0; i < 3; ++i)
        QVERIFY(used(3));
    QVERIFY(alerts().empty());
    QVERIFY(used(10));
    QCOMPARE(alerts().size(), std::size_t{1});
    QCOMPARE(alerts().front().state, AlertState::pending);
    for (int i = 0; i < 4; ++i)
        QVERIFY(used(10));
    QCOMPARE(alerts().size(), std::size_t{1});
    QCOMPARE(alerts().front().state, AlertState::firing);
    QVERIFY(alerts().front().calls());
    QCOMPARE(alerts().front().sentence, std::string("orders: 10 of 10 connections are used."));
}

void TestAlertWorkspace::isAnswered()
{
    AlertAnswered answer;
    answer.pool = Text{"orders"};
    answer.rule = "nearly";
    answer.answer = AlertAnswer::acknowledged;
    f.clock->advance(200ms); // not of the instant that was shown before
    f.workspace->answerAlert(TargetId{1}, answer, 3s);
    QTRY_VERIFY(!alerts().empty() && alerts().front().answer == AlertAnswer::acknowledged);
    QVERIFY(!alerts().front().calls());
    QVERIFY(used(10));
    QVERIFY(!alerts().front().calls());
    // It ends by itself, and is taken back.
    for (int i = 0; i < 3; ++i)
        QVERIFY(used(10));
    QVERIFY(alerts().front().calls());
    answer.answer = AlertAnswer::silenced;
    f.clock->advance(200ms);
    f.workspace->answerAlert(TargetId{1}, answer, 1h);
    QTRY_VERIFY(alerts().front().answer == AlertAnswer::silenced);
    answer.answer = AlertAnswer::revoked;
    f.clock->advance(200ms);
    f.workspace->answerAlert(TargetId{1}, answer, 0s);
    QTRY_VERIFY(alerts().front().calls());
    for (int i = 0; i < 4; ++i)
        QVERIFY(used(2));
    QCOMPARE(alerts().front().state, AlertState::resolved);
}

void TestAlertWorkspace::replaysTheSame()
{
    std::size_t states = 0;
    for (const auto& [at, then] : shown) {
        QVERIFY(f.seek(at));
        QVERIFY2(alerts() == then, qPrintable(QString::number(to_us(at - start) / 1'000'000)));
        for (const Alert& alert : then)
            states |= std::size_t{1} << static_cast<int>(alert.state);
    }
    QCOMPARE(states, std::size_t{7});
    const Marks told = f.workspace->marks();
    const std::vector<Mark>& marks = *told;
    QVERIFY(std::any_of(marks.begin(), marks.end(), [](const Mark& mark) {
        return mark.sentence == "orders: 10 of 10 connections are used." &&
               mark.kind == MarkKind::critical;
    }));
}

void TestAlertWorkspace::whatIf()
{
    const QString file = f.folder.filePath(QStringLiteral("saved.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE_WITH_TIMEOUT(saved.count(), 1, 20'000);
    f.workspace->open(file);
    QTRY_COMPARE_WITH_TIMEOUT(f.workspace->transport().mode, Mode::replay, 20'000);
    const Timestamp firing = std::find_if(shown.begin(), shown.end(), [](const auto& each) {
                                 return !each.second.empty() && each.second.front().calls();
                             })->first;
    QVERIFY(f.seek(firing));
    QVERIFY(alerts() == shown[firing]);
    const auto counting = [this] {
        std::optional<std::string> told;
        f.workspace->findAlertRules([&](const std::string& rules) { told = rules; });
        return QTest::qWaitFor([&] { return told.has_value(); }, 20'000) ? *told : "nobody tells";
    };
    QCOMPARE(counting(), rules); // the recording's
    const std::string any = "[[rule]]\nname = \"any\"\nmeasure = \"used_ratio\"\n"
                            "at_least = 0.1\nseverity = \"info\"\n";
    f.workspace->setAlertRules(any);
    QCOMPARE(counting(), any);
    QTRY_VERIFY(!alerts().empty() && alerts().front().rule == "any");
    QCOMPARE(alerts().front().state, AlertState::firing);
    f.workspace->setAlertRules({});
    QTRY_VERIFY(alerts() == shown[firing]);
    QCOMPARE(counting(), rules);
}

QTEST_GUILESS_MAIN(TestAlertWorkspace)
#include "tst_alertworkspace.moc"
