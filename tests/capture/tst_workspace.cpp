// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/capture/workspacefixture.h"

#include <QSignalSpy>

using namespace poolscope;

class TestWorkspace : public QObject
{
    Q_OBJECT
private slots:
    void startsEmpty();
    void attachingUntilSomethingIsKnown();
    void showsWhatTheSourceSees();
    void pausesAndScrubsWhileRecordingGoesOn();
    void ofManySeeksTheLastCounts();
    void commandsAreRecordedAndNeedTheLiveEdge();
    void ordersOfWhatIsDetachedEnd();
    void ourOwnSessionIsNeverHit();
    void readOnlyRefuses();
    void thresholdsMakeSuspects();
    void aWhatIfIsTakenBack();
    void whatIsTakenBackTwiceStaysSo();
    void takenBackIsWhatCounts();
    void aWhatIfOfTheBeginningCountsBeforeWhatWasChosenThen();
    void blockersAndSuspectsAreWatched();
    void secretsGoToTheSource();
};

void TestWorkspace::startsEmpty()
{
    Fixture f;
    QCOMPARE(f.workspace->transport().mode, Mode::empty);
    QVERIFY(f.workspace->latest());
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->save(f.folder.filePath(QStringLiteral("x.poolrec")));
    QCOMPARE(failed.count(), 1);
}

void TestWorkspace::attachingUntilSomethingIsKnown()
{
    Fixture f;
    QVERIFY(!f.workspace->transport().attaching);
    f.workspace->attach(AttachRequest{});
    QVERIFY(f.workspace->transport().attaching);
    QTRY_VERIFY(!f.workspace->transport().attaching);
    QCOMPARE(f.last->targets.size(), size_t{1});
    // Another one beside it is told of by the first.
    f.workspace->attach(AttachRequest{});
    QVERIFY(!f.workspace->transport().attaching);

    Workspace::Options options;
    options.temporaryFolder = f.folder.filePath(QStringLiteral("other"));
    options.sourceFactory = [](TargetId, const AttachRequest&) {
        return Result<std::unique_ptr<Source>>{Error{"No such target.", "Choose another."}};
    };
    Workspace refused{options};
    QSignalSpy failed(&refused, &Workspace::failed);
    refused.attach(AttachRequest{});
    QVERIFY(refused.transport().attaching);
    QTRY_VERIFY(!refused.transport().attaching);
    QCOMPARE(failed.count(), 1);
}

void TestWorkspace::showsWhatTheSourceSees()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(
        f.sample({session(1, SessionState::active, start), session(2, SessionState::idle, start)}));
    QCOMPARE(f.rows.size(), size_t{2});
    QVERIFY(f.sample({session(2, SessionState::idle, start)}));
    QCOMPARE(f.rows.size(), size_t{1});
    QCOMPARE(f.points.size(), size_t{2});
    QCOMPARE(f.points.back().counts.at(4), 1);
    QCOMPARE(f.workspace->transport().mode, Mode::live);
    QCOMPARE(f.workspace->transport().cursor, f.clock->now());
}

void TestWorkspace::pausesAndScrubsWhileRecordingGoesOn()
{
    Fixture f;
    QVERIFY(f.attach());
    for (int i = 1; i <= 20; ++i) {
        QVERIFY(f.sample({session(i, SessionState::active, f.clock->now())}));
        f.history[f.clock->now()] = f.rows;
    }
    const Timestamp edge = f.clock->now();
    const Timestamp past = start + 7s;
    QVERIFY(f.seek(past));
    QCOMPARE(f.workspace->transport().mode, Mode::paused);
    QVERIFY(f.rows == f.history.at(past));

    // The capture goes on, the cursor stays.
    f.clock->advance(5s);
    ServerSample more;
    more.full = true;
    more.changed = {session(77, SessionState::idle, f.clock->now())};
    const std::size_t points = f.points.size();
    QMetaObject::invokeMethod(f.source, [&f, more] { f.source->report(more); });
    QTRY_COMPARE(f.points.size(), points + 1);
    QVERIFY(f.rows == f.history.at(past));
    QTRY_VERIFY(f.workspace->transport().end > edge);
    QCOMPARE(f.workspace->transport().cursor, past);

    for (const int back : {3, 19, 1, 12}) {
        const Timestamp to = start + std::chrono::seconds{back};
        QVERIFY(f.seek(to));
        QVERIFY(f.rows == f.history.at(to));
    }
    f.workspace->step(true);
    QTRY_COMPARE(f.workspace->transport().cursor, start + 13s);
    QVERIFY(f.rows == f.history.at(start + 13s));

    const int resets = f.resets;
    f.workspace->goLive();
    QTRY_COMPARE(f.resets, resets + 1);
    QVERIFY(f.rows.size() == 1 && f.rows.begin()->first.pid == Pid{77});
    QCOMPARE(f.workspace->transport().mode, Mode::live);
}

void TestWorkspace::ofManySeeksTheLastCounts()
{
    Fixture f;
    QVERIFY(f.attach());
    for (int i = 1; i <= 20; ++i) {
        QVERIFY(f.sample({session(i, SessionState::active, f.clock->now())}));
        f.history[f.clock->now()] = f.rows;
    }
    QVERIFY(f.seek(start + 10s));
    int updates = 0;
    connect(f.workspace.get(), &Workspace::updated, this,
            [&](const UpdatePtr& update) { updates += update->live_points.empty() ? 1 : 0; });
    for (int i = 0; i < 500; ++i)
        f.workspace->seek(start + std::chrono::seconds{1 + i % 19});
    QVERIFY(f.seek(start + 3s));
    QVERIFY(f.rows == f.history.at(start + 3s));
    QVERIFY2(updates < 400, qPrintable(QString::number(updates)));
}

void TestWorkspace::commandsAreRecordedAndNeedTheLiveEdge()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    const SessionRow row = f.rows.begin()->second;
    f.workspace->execute(ActionVerb::terminate, {row});
    QTRY_VERIFY(f.last->actions->size() == 1 &&
                f.last->actions->front().phase == ActionPhase::accepted);
    QCOMPARE(f.last->actions->front().session, row.session.key);
    QVERIFY(f.last->actions->front().subject.find("shop-api, idle in transaction") == 0);

    QVERIFY(f.sample({}));
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    QVERIFY(f.seek(start + 1s));
    f.workspace->execute(ActionVerb::terminate, {row});
    QCOMPARE(failed.count(), 1);
    const int resets = f.resets;
    f.workspace->goLive();
    QTRY_COMPARE(f.resets, resets + 1);
    QCOMPARE(f.last->actions->size(), size_t{1});
}

void TestWorkspace::ordersOfWhatIsDetachedEnd()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    f.source->mute = true;
    f.workspace->execute(ActionVerb::terminate, {f.rows.begin()->second});
    QTRY_COMPARE(f.last->actions->size(), size_t{1});
    QCOMPARE(f.last->actions->front().phase, ActionPhase::requested);
    f.workspace->detach(TargetId{1});
    QTRY_COMPARE(f.last->actions->front().phase, ActionPhase::timed_out);
    QVERIFY(f.last->actions->front().outcome.find("detached") != std::string::npos);
}

/// Two targets may be on one server: to each, the other's session is anybody's.
void TestWorkspace::ourOwnSessionIsNeverHit()
{
    Fixture f;
    QVERIFY(f.attach());
    Session own = session(1, SessionState::other, start);
    own.own = true;
    QVERIFY(f.sample({own}));
    SessionRow seen = f.rows.begin()->second;
    seen.session.own = false;
    f.workspace->execute(ActionVerb::terminate, {seen});
    QTRY_VERIFY(f.last->actions->size() == 1 &&
                f.last->actions->front().phase == ActionPhase::refused);
    QCOMPARE(f.last->actions->front().outcome, std::string("This is a session of this Poolscope."));
    QVERIFY(f.sample({own}));
    QVERIFY(f.source->commands.empty());
}

void TestWorkspace::readOnlyRefuses()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    f.workspace->setReadOnly(true);
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->execute(ActionVerb::cancel, {f.rows.begin()->second});
    QCOMPARE(failed.count(), 1);
    QVERIFY(f.sample({}));
    QVERIFY(f.source->commands.empty());
}

void TestWorkspace::thresholdsMakeSuspects()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    for (int i = 0; i < 10; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QVERIFY(f.last->targets.front().suspects.empty());
    f.workspace->setThresholds(TargetId{1}, {5s, 60s});
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    QCOMPARE(f.last->targets.front().evidence.size(), size_t{1});
}

/// Then what was recorded counts again.
void TestWorkspace::aWhatIfIsTakenBack()
{
    Fixture f;
    QVERIFY(f.attach());
    f.workspace->setThresholds(TargetId{1}, {5s, 60s});
    for (int i = 0; i < 12; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    QVERIFY(f.reopen("a.poolrec"));
    QVERIFY(f.seek(start + 11s));
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    f.workspace->setThresholds(TargetId{1}, {1h, 2h});
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{0});
    const ThresholdsChanged back{{}, {}, true};
    f.workspace->chooseThresholds(TargetId{1}, back);
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    QVERIFY(f.last->now == start + 11s);
    QCOMPARE(f.rows.size(), size_t{1});
    f.workspace->chooseThresholds(TargetId{1}, back); // what if it had not been chosen
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{0});
}

/// Recorded are a choice for the target and one for all: taking both back again and again must not
/// let them take turns.
void TestWorkspace::whatIsTakenBackTwiceStaysSo()
{
    Fixture f;
    QVERIFY(f.attach());
    f.workspace->setThresholds(TargetId{}, {5s, 60s});
    f.workspace->setThresholds(TargetId{1}, {5s, 60s});
    for (int i = 0; i < 12; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    QVERIFY(f.reopen("both.poolrec"));
    QVERIFY(f.seek(start + 11s));
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    const ThresholdsChanged back{{}, {}, true};
    const auto takeBothBack = [&] {
        f.workspace->chooseThresholds(TargetId{1}, back);
        f.workspace->chooseThresholds(TargetId{}, back);
    };
    takeBothBack();
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{0});
    f.workspace->setThresholds(TargetId{1}, {6s, 60s});
    QTRY_COMPARE(f.last->targets.front().suspects.size(), size_t{1});
    f.workspace->chooseThresholds(TargetId{1}, back); // the recording's own counts again
    f.workspace->setThresholds(TargetId{1}, {7s, 60s});
    QTRY_VERIFY(f.last->targets.front().thresholds.alert == Duration{7s});
    f.workspace->chooseThresholds(TargetId{1}, back);
    QTRY_VERIFY(f.last->targets.front().thresholds.alert == Duration{5s});
    takeBothBack();
    QTRY_VERIFY(f.last->targets.front().thresholds.alert == Duration{30s});
    QCOMPARE(f.last->targets.front().suspects.size(), size_t{0});
}

/// As `poolscope FILE --leak-after 7s --rules mine.toml` has it, with nothing of it for a capture.
void TestWorkspace::aWhatIfOfTheBeginningCountsBeforeWhatWasChosenThen()
{
    const QByteArray mine = "[[rule]]\nname = \"mine\"\nmeasure = \"pending\"\nat_least = 1\n";
    Fixture f{WhatIf{{{LeakThresholds{7s, 60s}}}, mine.toStdString()}};
    const auto alert = [&] {
        return f.last->targets.front().thresholds.alert;
    };
    const auto rules = [&] {
        std::optional<std::string> told;
        f.workspace->findAlertRules([&](const std::string& text) { told = text; });
        return QTest::qWaitFor([&] { return told.has_value(); }) ? *told : "none was told";
    };
    QVERIFY(f.attach());
    f.workspace->setThresholds(TargetId{1}, {3s, 60s});
    for (int i = 0; i < 6; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QTRY_VERIFY(alert() == Duration{3s});
    QCOMPARE(rules(), std::string{});
    f.workspace->setThresholds(TargetId{1}, {4s, 60s});
    for (int i = 0; i < 6; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QTRY_VERIFY(alert() == Duration{4s});
    QVERIFY(f.reopen("whatif.poolrec"));
    QCOMPARE(rules(), mine.toStdString());
    for (const auto second : {12s, 3s, 6s, 9s}) { // also past the moment of a recorded choice
        QVERIFY(f.seek(start + second));
        QVERIFY(alert() == Duration{7s});
        QCOMPARE(f.last->targets.front().suspects.size(), second > 7s ? size_t{1} : size_t{0});
    }
    // In the window it is changed like any other.
    f.workspace->setThresholds(TargetId{1}, {5s, 60s});
    QTRY_VERIFY(alert() == Duration{5s});
    f.workspace->chooseThresholds(TargetId{1}, {{}, {}, true});
    QTRY_VERIFY(alert() == Duration{7s});
    f.workspace->setAlertRules({});
    QCOMPARE(rules(), std::string{});
}

/// Of four that lie on each other, the one that counts: a what-if for the target, the target's own
/// as recorded, a what-if for all, and what was recorded for all.
void TestWorkspace::takenBackIsWhatCounts()
{
    Fixture f;
    QVERIFY(f.attach());
    const ThresholdsChanged back{{}, {}, true};
    const auto alert = [&] {
        return f.last->targets.front().thresholds.alert;
    };
    // Live: the narrower first.
    f.workspace->setThresholds(TargetId{}, {3s, 60s});
    f.workspace->setThresholds(TargetId{1}, {4s, 60s});
    QTRY_VERIFY(alert() == Duration{4s});
    f.workspace->chooseThresholds(TargetId{1}, back);
    QTRY_VERIFY(alert() == Duration{3s});
    f.workspace->chooseThresholds(TargetId{1}, back);
    QTRY_VERIFY(alert() == Duration{30s});

    f.workspace->setThresholds(TargetId{}, {5s, 60s});
    f.workspace->setThresholds(TargetId{1}, {6s, 60s});
    for (int i = 0; i < 12; ++i)
        QVERIFY(f.sample({session(1, SessionState::idle_in_transaction, start)}));
    QVERIFY(f.reopen("four.poolrec"));
    QVERIFY(f.seek(start + 11s));
    QTRY_VERIFY(alert() == Duration{6s});
    f.workspace->setThresholds(TargetId{}, {7s, 60s});
    f.workspace->setThresholds(TargetId{1}, {8s, 60s});
    QTRY_VERIFY(alert() == Duration{8s});
    // And then there is none, however often it is asked for.
    for (const auto then : {6s, 7s, 5s, 30s, 30s}) {
        f.workspace->chooseThresholds(TargetId{1}, back);
        QTRY_VERIFY(alert() == Duration{then});
    }
    QVERIFY(f.seek(start + 5s)); // also after a seek
    QTRY_VERIFY(alert() == Duration{30s});
}

void TestWorkspace::blockersAndSuspectsAreWatched()
{
    Fixture f;
    QVERIFY(f.attach());
    Session waiter = session(2, SessionState::waiting, start);
    waiter.blocked_by = {Pid{1}};
    QVERIFY(f.sample({session(1, SessionState::active, start), waiter}));
    QVERIFY(f.sample({session(1, SessionState::active, start), waiter}));
    const std::vector<SessionKey> expected{session(1, SessionState::active, start).key};
    QTRY_COMPARE(f.source->watched, expected);
}

void TestWorkspace::secretsGoToTheSource()
{
    Fixture f;
    QVERIFY(f.attach());
    f.workspace->provideSecret(TargetId{1}, QStringLiteral("s3cret"));
    QTRY_COMPARE(f.source->secret, QStringLiteral("s3cret"));
}

QTEST_GUILESS_MAIN(TestWorkspace)
#include "tst_workspace.moc"
