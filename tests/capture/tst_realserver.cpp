// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/workspace.h"
#include "tests/support/loopwatch.h"
#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include <map>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

struct Fixture
{
    QTemporaryDir folder;
    std::unique_ptr<Workspace> workspace;
    std::map<SessionKey, SessionRow> rows;
    UpdatePtr last;
    int resets = 0;

    Fixture()
    {
        Workspace::Options options;
        options.temporaryFolder = folder.path();
        workspace = std::make_unique<Workspace>(options);
        QObject::connect(workspace.get(), &Workspace::updated, workspace.get(),
                         [this](const UpdatePtr& update) { apply(update); });
    }

    void apply(const UpdatePtr& update)
    {
        last = update;
        if (update->reset) {
            rows.clear();
            ++resets;
        }
        for (const SessionKey& key : update->gone)
            rows.erase(key);
        for (const SessionRow& row : update->changed)
            rows[row.session.key] = row;
    }

    bool attach(const QString& target)
    {
        AttachRequest request;
        request.target = target;
        request.interval = 200ms;
        workspace->attach(request);
        return QTest::qWaitFor(
            [this] { return last && !last->targets.empty() && last->targets.front().last_sample; },
            15000);
    }
};

} // namespace

class TestRealServer : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void frozenServerLeavesTheWindowFree();
    void rowQueueIsFlat();
    void liveEqualsReplay();

private:
    PgCluster cluster_;
};

void TestRealServer::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server binaries on this machine");
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
}

void TestRealServer::frozenServerLeavesTheWindowFree()
{
    Fixture f;
    QVERIFY(f.attach(cluster_.conninfo()));
    const auto thaw = qScopeGuard([this] { cluster_.thaw(); });
    cluster_.freeze();
    LoopWatch watch;
    IdleThread idle;
    QElapsedTimer frozen;
    frozen.start();
    bool toggle = false;
    QTimer poke;
    connect(&poke, &QTimer::timeout, this, [&] {
        f.workspace->sampleNow();
        toggle ? f.workspace->pause() : f.workspace->goLive();
        toggle = !toggle;
    });
    poke.start(100);
    QVERIFY(QTest::qWaitFor(
        [&] {
            return frozen.elapsed() > 3000 &&
                   f.last->targets.front().status.reach == Reach::failing;
        },
        30000));
    poke.stop();
    idle.quit();
    idle.wait();
    QVERIFY2(watch.longestMs() < 100 + idle.longestMs(),
             qPrintable(QStringLiteral("%1 ms, an idle thread %2 ms")
                            .arg(watch.longestMs())
                            .arg(idle.longestMs())));
    const QString sentence = QString::fromStdString(f.last->targets.front().status.sentence);
    QVERIFY2(!sentence.isEmpty(), "a failing target says why");
    f.workspace->goLive();
    cluster_.thaw();
    QTRY_VERIFY_WITH_TIMEOUT(f.last->targets.front().status.reach == Reach::up, 40000);
}

/// What the server really says of a queue for one row.
void TestRealServer::rowQueueIsFlat()
{
    PgClient holder{cluster_.localConninfo()};
    QVERIFY(holder.exec(QStringLiteral("CREATE TABLE q (id int PRIMARY KEY, n int)")));
    QVERIFY(holder.exec(QStringLiteral("INSERT INTO q VALUES (1, 0)")));
    Fixture f;
    QVERIFY(f.attach(cluster_.conninfo()));
    QVERIFY(holder.exec(QStringLiteral("BEGIN")) &&
            holder.exec(QStringLiteral("UPDATE q SET n = 1 WHERE id = 1")));
    std::vector<std::unique_ptr<PgClient>> queue;
    for (int i = 1; i <= 4; ++i) {
        queue.push_back(std::make_unique<PgClient>(cluster_.localConninfo()));
        QVERIFY(queue.back()->send(QStringLiteral("UPDATE q SET n = 2 WHERE id = 1")));
        QTRY_COMPARE_WITH_TIMEOUT(f.last->targets.front().blocking.blocked, i, 15000);
    }
    QTRY_VERIFY(f.last->targets.front().blocking.trees.size() == 1 &&
                f.last->targets.front().blocking.trees.front().root.waiting.size() == 4);
    const UpdatePtr shown = f.last;
    const BlockingNode& root = shown->targets.front().blocking.trees.front().root;
    QCOMPARE(root.key.pid, Pid{holder.pid()});
    QCOMPARE(root.blocks, 4);
    QCOMPARE(root.waiting.size(), queue.size());
    for (std::size_t i = 0; i < queue.size(); ++i) {
        QCOMPARE(root.waiting[i].key.pid, Pid{queue[i]->pid()});
        QCOMPARE(root.waiting[i].queued, i > 0);
        QVERIFY(root.waiting[i].waiting.empty());
    }
    // The server itself names everyone ahead, but for the holder.
    const Session& last = f.rows.at(root.waiting.back().key).session;
    QCOMPARE(last.wait_event.str(), std::string("Lock/tuple"));
    QCOMPARE(last.blocked_by.size(), size_t{3});
    QVERIFY(holder.exec(QStringLiteral("COMMIT")));
    for (const auto& client : queue)
        QVERIFY(client->finish());
}

void TestRealServer::liveEqualsReplay()
{
    PgClient setup{cluster_.localConninfo()};
    QVERIFY(setup.exec(QStringLiteral("CREATE TABLE t (id int PRIMARY KEY, n int)")));
    QVERIFY(setup.exec(QStringLiteral("INSERT INTO t SELECT g, 0 FROM generate_series(1, 10) g")));
    Fixture f;
    QVERIFY(f.attach(cluster_.conninfo()));
    f.workspace->setThresholds(f.last->targets.front().info.id, {1s, 3s});

    std::map<Timestamp, std::pair<std::map<SessionKey, SessionRow>, UpdatePtr>> seen;
    connect(f.workspace.get(), &Workspace::updated, this, [&](const UpdatePtr& update) {
        seen[update->now] = {f.rows, update};
    });

    PgClient holder{cluster_.conninfo()}, waiter{cluster_.conninfo()}, aborted{cluster_.conninfo()};
    QVERIFY(holder.exec(QStringLiteral("BEGIN")) &&
            holder.exec(QStringLiteral("UPDATE t SET n = 1 WHERE id = 1")));
    aborted.exec(QStringLiteral("BEGIN"));
    QVERIFY(!aborted.exec(QStringLiteral("SELECT 1/0")));
    QVERIFY(waiter.send(QStringLiteral("UPDATE t SET n = 2 WHERE id = 1")));
    QTRY_VERIFY_WITH_TIMEOUT(f.last->targets.front().blocking.blocked == 1, 10000);
    QTRY_VERIFY_WITH_TIMEOUT(f.last->targets.front().suspects.size() == 2 &&
                                 f.last->targets.front().suspects.front().severity ==
                                     LeakSeverity::critical,
                             15000);
    const auto holderPid = Pid{holder.pid()};
    QTRY_VERIFY_WITH_TIMEOUT(f.last->targets.front().locks.contains(holderPid), 15000);
    QVERIFY(holder.exec(QStringLiteral("COMMIT")));
    QVERIFY(waiter.finish());
    QTRY_VERIFY_WITH_TIMEOUT(f.last->targets.front().blocking.blocked == 0, 10000);

    const QString file = f.folder.filePath(QStringLiteral("run.poolrec"));
    QSignalSpy saved(f.workspace.get(), &Workspace::saved);
    disconnect(f.workspace.get(), &Workspace::updated, this, nullptr);
    f.workspace->save(file);
    QTRY_COMPARE(saved.count(), 1);
    f.workspace->open(file);
    QTRY_VERIFY(f.workspace->transport().mode == Mode::replay && !f.last->targets.empty());
    const Timestamp end = f.workspace->transport().end;

    int compared = 0;
    for (const auto& [at, live] : seen) {
        if (at > end)
            continue;
        // Back first, so that a keyframe is needed.
        const Timestamp begin = f.workspace->transport().start;
        f.workspace->seek(begin);
        QTRY_VERIFY(f.last->now <= begin);
        f.workspace->seek(at);
        QTRY_VERIFY(f.last->now == at);
        QVERIFY(f.rows == live.first);
        QVERIFY(f.last->targets == live.second->targets);
        ++compared;
    }
    QVERIFY(compared > 15);
}

QTEST_GUILESS_MAIN(TestRealServer)
#include "tst_realserver.moc"
