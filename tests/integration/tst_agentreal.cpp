// SPDX-License-Identifier: GPL-3.0-or-later
// The source with the agent and the pool that it was made for, in this process and in others.
#include "core/agent/agent.h"
#include "core/pool/connectionpool.h"
#include "core/pool/sqliteconnection.h"
#include "core/source/localpools.h"
#include "tests/integration/agentprocess.h"
#include "tests/source/poolprobe.h"

#include <QFile>
#include <QFileInfo>
#include <QLocalSocket>
#include <QProcess>
#include <QProcessEnvironment>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using SqlitePool = ConnectionPool<SqliteConnection>;
using Process = AgentProcess;

} // namespace

class TestAgentReal : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void attachInMidIncident();
    void killed();
    void stopped();
    void restarted();
    void overflowOfATinyRing();
    void token();
    void reclaimAllowed();
    void reclaimRefused();
    void discovery();
    void worldIsTheProcessesOwnPicture();
    void severalInspectors();

private:
    QString socket() const { return folder_->filePath(QStringLiteral("a.sock")); }
    QString listen() const { return QStringLiteral("unix:") + socket(); }
    std::unique_ptr<QTemporaryDir> folder_;
};

void TestAgentReal::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
    qunsetenv("POOLSCOPE_TOKEN");
}

void TestAgentReal::attachInMidIncident()
{
    Process process(listen());
    QCOMPARE(process.url, QStringLiteral("pool+unix://") + socket());
    QVERIFY(process.order("keep 3"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    QCOMPARE(probe.fullSamples, 1);
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{3});
    for (const auto& [id, checkout] : probe.pools().checkouts) {
        QCOMPARE(checkout.acquired_by.str(), std::string("keeper"));
        QVERIFY(checkout.stack);
        const StackLine* const line = acquiring_line(checkout.stack.get());
        QVERIFY(line);
        QVERIFY2(
            QString::fromStdString(line->file.str()).endsWith(QStringLiteral("agentprocess.cpp")),
            line->file.str().c_str());
    }
    QCOMPARE(probe.pools().agent->pid, process.process.processId());
    QCOMPARE(probe.pools().agent->process, std::string("agentprocess"));
    const Pool& pool = probe.pools().pools.at(Text{"orders"});
    QCOMPARE(pool.used.value(), 3);
    QCOMPARE(pool.max.value(), 16);
    // One machine, one clock.
    QVERIFY(std::chrono::abs(probe.state().clock_offset) < 100ms);
    QVERIFY(process.order("drop"));
    QTRY_COMPARE(probe.pools().checkouts.size(), std::size_t{2});
    QVERIFY(process.order("burst 1000"));
    const auto brief = [&] {
        std::uint64_t count = 0;
        for (const Fact& fact : probe.facts) {
            if (const auto* sample = std::get_if<PoolSample>(&fact)) {
                for (const BriefHolds& holds : sample->brief)
                    count += holds.count;
            }
        }
        return count;
    };
    QTRY_COMPARE(brief(), std::uint64_t{1000});
    QCOMPARE(probe.gaps, 0);
}

void TestAgentReal::killed()
{
    Process process(listen());
    QVERIFY(process.order("keep 2"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    process.send(SIGKILL);
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QCOMPARE(probe.gaps, 1);
    QVERIFY(probe.state().status.next_try.has_value());
    // Its socket stays behind, and nobody listens.
    QTRY_VERIFY2(probe.sentence().contains(QStringLiteral("Nobody listens")),
                 qPrintable(probe.sentence()));
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{2}); // the last that is known
}

void TestAgentReal::stopped()
{
    Process process(listen());
    QVERIFY(process.order("keep 2"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    process.send(SIGSTOP);
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("has not answered")),
             qPrintable(probe.sentence()));
    QCOMPARE(probe.gaps, 1);
    const int full = probe.fullSamples;
    process.send(SIGCONT);
    QTRY_COMPARE(probe.reach(), Reach::up);
    QTRY_COMPARE(probe.fullSamples, full + 1);
    QVERIFY(process.order("drop"));
    QTRY_COMPARE(probe.pools().checkouts.size(), std::size_t{1});
    // A stopped process still takes connections: whoever attaches then is told.
    QVERIFY(process.freeze());
    PoolProbe late(process.url);
    late.start();
    QTRY_COMPARE(late.reach(), Reach::failing);
    QVERIFY2(late.sentence().contains(QStringLiteral("said nothing")), qPrintable(late.sentence()));
    process.send(SIGCONT);
    QTRY_VERIFY(late.up());
    QCOMPARE(late.pools().checkouts.size(), std::size_t{1});
}

void TestAgentReal::restarted()
{
    auto process = std::make_unique<Process>(listen());
    QVERIFY(process->order("keep 3"));
    PoolProbe probe(process->url);
    probe.start();
    QTRY_VERIFY(probe.up());
    const std::int64_t pid = probe.pools().agent->pid;
    process.reset();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    process = std::make_unique<Process>(listen());
    QVERIFY(process->order("keep 1"));
    QTRY_COMPARE(probe.reach(), Reach::up);
    QTRY_COMPARE(probe.pools().checkouts.size(), std::size_t{1});
    QVERIFY(probe.pools().agent->pid != pid);
    QCOMPARE(probe.pools().unmatched, std::uint64_t{0});
    QCOMPARE(probe.gaps, 1);
}

void TestAgentReal::overflowOfATinyRing()
{
    Process process(listen(), {QStringLiteral("--ring"), QStringLiteral("4096")});
    QVERIFY(process.order("keep 2"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    // An inspector that does not ask for sums: each checkout is told by itself then.
    QLocalSocket old;
    old.connectToServer(socket());
    QByteArray heard;
    QTRY_VERIFY((heard += old.readAll()).contains("\"ready\""));
    QVERIFY(process.order("burst 100000"));
    QVERIFY(process.order("keep 1"));
    QTRY_VERIFY(probe.pools().lost > 0);
    QTRY_COMPARE(probe.pools().checkouts.size(), std::size_t{3});
    QVERIFY(probe.gaps >= 1);
    QTRY_VERIFY(probe.fullSamples >= 2);
    QCOMPARE(probe.reach(), Reach::up);
    QCOMPARE(probe.pools().unmatched, std::uint64_t{0});
}

void TestAgentReal::token()
{
    Process process(QStringLiteral("127.0.0.1:0"), {}, QStringLiteral("s3same"));
    QVERIFY2(process.url.startsWith(QStringLiteral("pool://127.0.0.1:")), qPrintable(process.url));
    QVERIFY(process.order("keep 1"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_COMPARE(probe.secrets.size(), 1);
    probe.source().provideSecret(QStringLiteral("sesame"));
    QTRY_COMPARE(probe.secrets.size(), 2);
    QCOMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().contains(QStringLiteral("wrong token")),
             qPrintable(probe.sentence()));
    probe.source().provideSecret(QStringLiteral("s3same"));
    QTRY_VERIFY(probe.up());
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{1});
    PoolProbe knows(process.url, QStringLiteral("s3same"));
    knows.start();
    QTRY_VERIFY(knows.up());
    QVERIFY(knows.secrets.isEmpty());
}

void TestAgentReal::reclaimAllowed()
{
    Process process(listen(), {QStringLiteral("--reclaim")});
    QVERIFY(process.order("keep 2"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY(probe.pools().agent->may_reclaim);
    const std::string id = probe.pools().checkouts.begin()->first.str();
    const ActionId action = probe.execute(ActionVerb::reclaim, id);
    QTRY_COMPARE(probe.phases(action), QStringLiteral("sent accepted observed"));
    QVERIFY(!probe.isOpen(id));
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{1});
}

void TestAgentReal::reclaimRefused()
{
    Process process(listen());
    QVERIFY(process.order("keep 1"));
    PoolProbe probe(process.url);
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY(!probe.pools().agent->may_reclaim);
    const std::string id = probe.pools().checkouts.begin()->first.str();
    const ActionId action = probe.execute(ActionVerb::reclaim, id);
    QTRY_COMPARE(probe.phases(action), QStringLiteral("sent refused"));
    QVERIFY2(
        probe.outcome(action).contains(QStringLiteral("reclaim is not allowed by this process")),
        qPrintable(probe.outcome(action)));
    QVERIFY(probe.isOpen(id));
}

void TestAgentReal::discovery()
{
    const QByteArray before = qgetenv("XDG_RUNTIME_DIR");
    qputenv("XDG_RUNTIME_DIR", QFile::encodeName(folder_->path()));
    qunsetenv("RUNTIME_DIRECTORY");
    const auto found = [](qint64 pid) {
        const std::vector<LocalPool> pools = localPools();
        return std::find_if(pools.begin(), pools.end(), [pid](const LocalPool& pool) {
                   return pool.pid == pid;
               }) != pools.end();
    };
    Process process({});
    const qint64 pid = process.process.processId();
    const QString path = process.url.mid(12);
    const bool there = found(pid);
    const bool exists = QFileInfo::exists(path);
    process.send(SIGKILL);
    process.process.waitForFinished();
    const bool stale = QFileInfo::exists(path);
    const bool gone = !found(pid);
    const bool removed = !QFileInfo::exists(path);
    qputenv("XDG_RUNTIME_DIR", before);
    QVERIFY(process.url.startsWith(QStringLiteral("pool+unix://") + folder_->path()));
    QVERIFY(there && exists);
    QVERIFY(stale);
    QVERIFY(gone && removed);
}

/// Threads work for a while; when it is quiet, what the inspector has is what the pool itself says.
void TestAgentReal::worldIsTheProcessesOwnPicture()
{
    PoolConfig config;
    config.name = "orders";
    config.max_connections = 8;
    SqlitePool pool(config, SqliteFactory(":memory:"));
    AgentOptions options;
    options.listen = socket().toStdString();
    options.drain_every = 5ms;
    options.stats_every = 100ms;
    Result<std::unique_ptr<Agent>> agent = Agent::start(std::move(options));
    QVERIFY(agent);
    agent.value()->add(pool.control());
    PoolProbe probe(QString::fromStdString(agent.value()->address()));
    probe.start();
    QTRY_VERIFY(probe.up());

    std::atomic<bool> stop{false};
    std::atomic<int> rounds{0};
    std::vector<std::thread> threads;
    std::vector<std::vector<SqlitePool::Guard>> kept(4);
    for (unsigned i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            std::mt19937 random(i);
            while (!stop) {
                auto guard = pool.acquire("worker");
                ++rounds;
                if (guard && kept[i].empty() && random() % 50 == 0)
                    kept[i].push_back(std::move(guard).value());
                else if (!kept[i].empty() && random() % 60 == 0)
                    kept[i].pop_back();
                std::this_thread::yield();
            }
        });
    }
    const int before = probe.samples;
    QTRY_VERIFY(rounds > 20'000 && probe.samples > before + 5);
    stop = true;
    for (std::thread& thread : threads)
        thread.join();

    // A picture counts as told all that it shows: only when nothing is left to tell. Alike in
    // number they may be before.
    const int joined = probe.samples;
    QTRY_VERIFY(probe.samples > joined + 5);
    QTRY_COMPARE(probe.pools().checkouts.size(), static_cast<std::size_t>(pool.stats().active));
    const PoolPicture picture = pool.control().picture();
    const auto difference = [&]() -> QString {
        const Pools& pools = probe.pools();
        if (pools.checkouts.size() != picture.checkouts.size() ||
            pools.connections.size() != picture.connections.size())
            return QStringLiteral("%1 checkouts and %2 connections, not %3 and %4")
                .arg(pools.checkouts.size())
                .arg(pools.connections.size())
                .arg(picture.checkouts.size())
                .arg(picture.connections.size());
        for (const OpenCheckout& open : picture.checkouts) {
            const auto found = pools.checkouts.find(Text{std::to_string(open.id.value)});
            if (found == pools.checkouts.end())
                return QStringLiteral("no checkout %1").arg(open.id.value);
            // The process works times out anew, to some microseconds, whenever it is asked.
            if (std::chrono::abs(found->second.acquired - open.acquired) > 1ms ||
                found->second.acquired_by.str() != open.acquired_by ||
                found->second.connection.str() != std::to_string(open.connection.value))
                return QStringLiteral("checkout %1 of %2 at %3, not %4")
                    .arg(open.id.value)
                    .arg(QString::fromStdString(found->second.connection.str()))
                    .arg(to_us(found->second.acquired))
                    .arg(to_us(open.acquired));
        }
        const auto known = pools.pools.find(Text{"orders"});
        if (known == pools.pools.end() || known->second.used != picture.figures.used ||
            known->second.idle != picture.figures.idle)
            return QStringLiteral("other figures");
        return {};
    };
    QTRY_COMPARE(difference(), QString());
    QCOMPARE(probe.pools().unmatched, std::uint64_t{0});
    agent.value()->remove(pool.control());
    QTRY_VERIFY(probe.pools().pools.empty()); // the process says so unasked
    QTRY_VERIFY(probe.pools().checkouts.empty());
}

void TestAgentReal::severalInspectors()
{
    Process process(listen());
    QVERIFY(process.order("keep 5"));
    std::vector<std::unique_ptr<PoolProbe>> probes;
    for (int i = 0; i < 5; ++i) {
        probes.push_back(std::make_unique<PoolProbe>(process.url));
        probes.back()->start();
    }
    for (const auto& probe : probes)
        QTRY_VERIFY(probe->up());
    probes.pop_back(); // one leaves
    QVERIFY(process.order("drop"));
    for (const auto& probe : probes)
        QTRY_COMPARE(probe->pools().checkouts.size(), std::size_t{4});
}

QTEST_GUILESS_MAIN(TestAgentReal)
#include "tst_agentreal.moc"
