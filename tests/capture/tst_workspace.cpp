// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/workspace.h"

#include "core/capture/temporaryrecording.h"
#include "tests/capture/fakesource.h"

#include <QDir>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <map>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

/// The test decides what time it is.
class ManualClock final : public Clock
{
public:
    Timestamp now() const override { return timestamp_from_us(us_.load()); }
    void advance(Duration by) { us_ += to_us(by); }

private:
    std::atomic<std::int64_t> us_{to_us(start)};
};

Session session(std::int64_t pid, SessionState state, Timestamp since)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, start - 1h};
    s.backend_type = Text{"client backend"};
    s.application = Text{"shop-api"};
    s.state = state;
    s.state_since = since;
    s.statement = Text{"SELECT " + std::to_string(pid)};
    return s;
}

/// A workspace on a fake source, and what a window would see of it.
struct Fixture
{
    QTemporaryDir folder;
    std::shared_ptr<ManualClock> clock = std::make_shared<ManualClock>();
    FakeSource* source = nullptr;
    std::unique_ptr<Workspace> workspace;
    std::map<SessionKey, SessionRow> rows;
    std::map<Timestamp, std::map<SessionKey, SessionRow>> history;
    UpdatePtr last;
    std::vector<SeriesPoint> points;

    Fixture()
    {
        Workspace::Options options;
        options.temporaryFolder = folder.path() + QStringLiteral("/cache");
        options.clock = clock;
        options.sourceFactory = [this](TargetId id, const AttachRequest&) {
            auto made = std::make_unique<FakeSource>(id);
            source = made.get();
            return Result<std::unique_ptr<Source>>{std::move(made)};
        };
        workspace = std::make_unique<Workspace>(options);
        QObject::connect(workspace.get(), &Workspace::updated, workspace.get(),
                         [this](const UpdatePtr& update) { apply(update); });
    }

    void apply(const UpdatePtr& update)
    {
        last = update;
        if (update->reset)
            rows.clear();
        for (const SessionKey& key : update->gone)
            rows.erase(key);
        for (const SessionRow& row : update->changed)
            rows[row.session.key] = row;
        for (const TargetSeries& series : update->live_points)
            points.insert(points.end(), series.points.begin(), series.points.end());
    }

    bool attach()
    {
        workspace->attach(AttachRequest{});
        return QTest::qWaitFor([this] { return last && !last->targets.empty(); });
    }

    /// One sample a second later, and the window has seen it.
    bool sample(const std::vector<Session>& sessions)
    {
        clock->advance(1s);
        const Timestamp at = clock->now();
        ServerSample sample;
        sample.full = true;
        sample.changed = sessions;
        QMetaObject::invokeMethod(source, [this, sample] { source->report(sample); });
        return QTest::qWaitFor([this, at] {
            return last && !last->targets.empty() && last->targets.front().last_sample == at;
        });
    }

    bool seek(Timestamp to)
    {
        workspace->seek(to);
        return QTest::qWaitFor([this, to] {
            return last->now == to && workspace->transport().cursor == to &&
                   workspace->transport().mode != Mode::live;
        });
    }
};

} // namespace

class TestWorkspace : public QObject
{
    Q_OBJECT
private slots:
    void startsEmpty();
    void showsWhatTheSourceSees();
    void pausesAndScrubsWhileRecordingGoesOn();
    void savedRecordingReplaysTheSame();
    void commandsAreRecordedAndNeedTheLiveEdge();
    void readOnlyRefuses();
    void thresholdsMakeSuspects();
    void blockersAndSuspectsAreWatched();
    void secretsGoToTheSource();
    void discardedRecordingIsRemoved();
    void leftBehindIsFound();
    void openingNonsenseSaysSo();
    void withoutAFolderItStillShows();
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

    f.workspace->goLive();
    QTRY_VERIFY(f.last->reset && f.rows.size() == 1 && f.rows.begin()->first.pid == Pid{77});
    QCOMPARE(f.workspace->transport().mode, Mode::live);
}

void TestWorkspace::savedRecordingReplaysTheSame()
{
    Fixture f;
    QVERIFY(f.attach());
    std::map<Timestamp, UpdatePtr> seen;
    for (int i = 1; i <= 60; ++i) {
        Session holder = session(500, SessionState::idle_in_transaction, start);
        Session waiter = session(501, SessionState::waiting, start + 20s);
        if (i > 20)
            waiter.blocked_by = {Pid{500}};
        QVERIFY(f.sample({session(i, SessionState::active, f.clock->now()), holder, waiter}));
        f.history[f.clock->now()] = f.rows;
        seen[f.clock->now()] = f.last;
    }
    const std::vector<Mark> liveMarks = *f.workspace->marks();
    QVERIFY(!liveMarks.empty());
    const QString file = f.folder.filePath(QStringLiteral("night.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    QVERIFY(f.workspace->transport().saved);
    QVERIFY(!QFile::exists(file + QStringLiteral("-wal")));

    f.workspace->open(file);
    QTRY_COMPARE(f.workspace->transport().mode, Mode::replay);
    QTRY_VERIFY(f.last->reset && !f.last->targets.empty());
    for (const int second : {60, 1, 31, 45, 29, 30}) {
        const Timestamp to = start + std::chrono::seconds{second};
        QVERIFY(f.seek(to));
        QVERIFY(f.rows == f.history.at(to));
        QVERIFY(f.last->targets.front().suspects == seen.at(to)->targets.front().suspects);
        QVERIFY(f.last->targets.front().blocking == seen.at(to)->targets.front().blocking);
        QVERIFY(f.last->targets.front().evidence == seen.at(to)->targets.front().evidence);
    }
    QTRY_VERIFY(*f.workspace->marks() == liveMarks);

    std::vector<TargetSeries> series;
    f.workspace->series(start, start + 61s, 1000,
                        [&](const std::vector<TargetSeries>& s) { series = s; });
    QTRY_COMPARE(series.size(), size_t{1});
    QVERIFY(series.front().points == f.points);
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
    f.workspace->goLive();
    QTRY_VERIFY(f.last->reset && f.last->actions->size() == 1);
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

void TestWorkspace::discardedRecordingIsRemoved()
{
    Fixture f;
    QVERIFY(f.attach());
    QVERIFY(f.sample({session(1, SessionState::active, start)}));
    const QDir cache{f.folder.path() + QStringLiteral("/cache")};
    QVERIFY(!cache.entryList({QStringLiteral("*.poolrec")}, QDir::Files).isEmpty());
    QVERIFY(TemporaryRecording::leftBehind(cache.path()).isEmpty());
    f.workspace.reset();
    QVERIFY(cache.entryList(QDir::Files).isEmpty());
}

void TestWorkspace::leftBehindIsFound()
{
    QTemporaryDir folder;
    QFile file{folder.filePath(QStringLiteral("crashed.poolrec"))};
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QCOMPARE(Workspace::leftBehind(folder.path()), QStringList{file.fileName()});
    Workspace::discardLeftBehind(file.fileName());
    QVERIFY(Workspace::leftBehind(folder.path()).isEmpty());
}

void TestWorkspace::openingNonsenseSaysSo()
{
    Fixture f;
    QSignalSpy failed(f.workspace.get(), &Workspace::failed);
    f.workspace->open(f.folder.filePath(QStringLiteral("missing.poolrec")));
    QTRY_COMPARE(failed.count(), 1);
    const auto error = failed.front().front().value<Error>();
    QVERIFY(!error.sentence.empty());
    QCOMPARE(f.workspace->transport().mode, Mode::empty);
}

void TestWorkspace::withoutAFolderItStillShows()
{
    Workspace::Options options;
    QTemporaryDir folder;
    QFile blocker{folder.filePath(QStringLiteral("file"))};
    QVERIFY(blocker.open(QIODevice::WriteOnly));
    options.temporaryFolder = blocker.fileName() + QStringLiteral("/below-a-file");
    options.sourceFactory = [](TargetId id, const AttachRequest&) {
        return Result<std::unique_ptr<Source>>{std::make_unique<FakeSource>(id)};
    };
    Workspace workspace{options};
    QSignalSpy failed(&workspace, &Workspace::failed);
    QSignalSpy updated(&workspace, &Workspace::updated);
    workspace.attach(AttachRequest{});
    QCOMPARE(failed.count(), 1);
    QTRY_VERIFY(!workspace.latest()->targets.empty());
    QVERIFY(!workspace.transport().recordingTrouble.isEmpty());
    workspace.seek(start);
    QCOMPARE(failed.count(), 2);
    QCOMPARE(workspace.transport().mode, Mode::live);
}

QTEST_GUILESS_MAIN(TestWorkspace)
#include "tst_workspace.moc"
