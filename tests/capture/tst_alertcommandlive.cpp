// SPDX-License-Identifier: GPL-3.0-or-later
// A command runs of what a capture observes, whatever the window shows, and never of a recording.
#include "core/capture/alertcommand.h"
#include "tests/capture/alertscripts.h"
#include "tests/capture/workspacefixture.h"

#include <QSignalSpy>

using namespace poolscope;

namespace {

constexpr auto rules = "[[rule]]\nname = \"nearly\"\nmeasure = \"used_ratio\"\nat_least = 0.9\n"
                       "severity = \"critical\"\n";

} // namespace

class TestAlertCommandLive : public QObject
{
    Q_OBJECT

    test::AlertScripts scripts;
    Fixture f;
    std::unique_ptr<AlertCommand> command;
    std::vector<Timestamp> busy; ///< when it fired
    bool first = true;

    void used(int count);

private slots:
    void runsAtTheLiveEdge();
    void runsWhileThePastIsShown();
    void nothingOfARecording();
    void ofAnotherCaptureAgain();
};

void TestAlertCommandLive::used(int count)
{
    f.clock->advance(1s);
    if (count > 8)
        busy.push_back(f.clock->now());
    PoolSample sample;
    sample.full = std::exchange(first, false);
    sample.pools.resize(1);
    sample.pools.front().name = Text{"orders"};
    sample.pools.front().max = 10;
    sample.pools.front().used = count;
    QMetaObject::invokeMethod(f.source, [this, sample] { f.source->report(sample); });
}

void TestAlertCommandLive::runsAtTheLiveEdge()
{
    AlertCommand::Limits limits;
    limits.pause = 0ms;
    command = std::make_unique<AlertCommand>(limits, nullptr);
    command->setCommand(scripts.keeper());
    command->follow(*f.workspace);
    QVERIFY(f.attach());
    f.workspace->setAlertRules(rules);
    used(3);
    QTest::qWait(700); // a tick, too
    QCOMPARE(scripts.count("arguments"), 0);
    used(10);
    QTRY_COMPARE(scripts.count("arguments"), 1);
    const QJsonObject alert =
        scripts.message(0)[QStringLiteral("alerts")].toArray().first().toObject();
    QCOMPARE(alert[QStringLiteral("sentence")].toString(),
             QStringLiteral("orders: 10 of 10 connections are used."));
    QCOMPARE(alert[QStringLiteral("target")].toString(), QStringLiteral("service=fake"));
    used(2);
    QTRY_COMPARE(scripts.count("arguments"), 2);
    QCOMPARE(test::AlertScripts::rules(scripts.message(1)),
             QStringList{QStringLiteral("resolved nearly")});
}

void TestAlertCommandLive::runsWhileThePastIsShown()
{
    QVERIFY(f.seek(busy.front())); // what fires there did so before
    QCOMPARE(f.last->targets.front().alerts.size(), std::size_t{1});
    QVERIFY(f.last->targets.front().alerts.front().calls());
    QTest::qWait(700);
    QCOMPARE(scripts.count("arguments"), 2);
    used(10);
    QTRY_COMPARE(scripts.count("arguments"), 3);
    used(3);
    QTRY_COMPARE(scripts.count("arguments"), 4);
    QCOMPARE(f.workspace->transport().mode, Mode::paused);
    f.workspace->goLive();
    QTRY_VERIFY(f.workspace->transport().mode == Mode::live);
    QTest::qWait(700);
    QCOMPARE(scripts.count("arguments"), 4);
    used(10);
    QTRY_COMPARE(scripts.count("arguments"), 5);
}

void TestAlertCommandLive::nothingOfARecording()
{
    const QString file = f.folder.filePath(QStringLiteral("saved.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE_WITH_TIMEOUT(saved.count(), 1, 20'000);
    f.workspace->open(file);
    QTRY_COMPARE_WITH_TIMEOUT(f.workspace->transport().mode, Mode::replay, 20'000);
    for (const Timestamp at : busy) {
        QVERIFY(f.seek(at));
        QCOMPARE(f.last->targets.front().alerts.size(), std::size_t{1});
        QVERIFY(f.last->targets.front().alerts.front().calls());
    }
    f.workspace->seek(f.workspace->transport().start);
    f.workspace->setSpeed(64);
    f.workspace->play(true);
    QTRY_VERIFY(f.workspace->transport().cursor == f.workspace->transport().end);
    QTest::qWait(700);
    QCOMPARE(scripts.count("arguments"), 5); // nor that what fired at the end is over
}

void TestAlertCommandLive::ofAnotherCaptureAgain()
{
    first = true;
    f.source = nullptr;
    f.workspace->attach(AttachRequest{});
    QTRY_VERIFY(f.workspace->transport().mode == Mode::live && f.source);
    QTRY_VERIFY(!f.last->targets.empty() && f.last->targets.front().status.reach == Reach::up);
    f.workspace->setAlertRules(rules);
    used(10);
    QTRY_COMPARE(scripts.count("arguments"), 6);
    QCOMPARE(test::AlertScripts::rules(scripts.message(5)),
             QStringList{QStringLiteral("firing nearly")});
}

QTEST_GUILESS_MAIN(TestAlertCommandLive)
#include "tst_alertcommandlive.moc"
