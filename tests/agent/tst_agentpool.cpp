// SPDX-License-Identifier: GPL-3.0-or-later
// The agent with the pool that it was made for.
#include "tests/agent/inspector.h"
#include "tests/pool/testfactory.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <chrono>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAgentPool : public QObject
{
    Q_OBJECT
private slots:
    void leakIsNamedByItsLine();
    void expectationIsSeen();
    void timeoutIsSeen();
    void reclaim();
    void nothingIsLostUnderLoad();
    void helloSaysWhatIsReported();

private:
    std::unique_ptr<Agent> start(bool allow_reclaim = false, std::size_t peer_bytes = 8U << 20U)
    {
        AgentOptions options = options_in(folder_.path().toStdString());
        options.allow_reclaim = allow_reclaim;
        options.peer_bytes = peer_bytes;
        Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
        return started ? std::move(started).value() : nullptr;
    }
    QTemporaryDir folder_;
};

namespace {

/// The line that keeps a connection.
constexpr int offending_line = __LINE__ + 3;
[[gnu::noinline]] auto keep(FakePool& pool)
{
    auto guard = pool.acquire("orders");
    asm volatile(""); // no tail call
    return guard;
}

std::string own(std::string_view function)
{
    return "\"own\":true},{\"function\":\"" + std::string(function);
}

} // namespace

void TestAgentPool::leakIsNamedByItsLine()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    const auto agent = start();
    QVERIFY(agent);
    agent->add(pool.control());
    const auto before = keep(pool); // in mid-incident
    QVERIFY(before);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    QVERIFY(inspector.state.is_open(std::to_string(before.value().checkout_id().value)));
    const std::string line = "tst_agentpool.cpp\",\"line\":" + std::to_string(offending_line);
    QVERIFY2(inspector.count(line) == 1, inspector.notes.said.back().c_str());
    QCOMPARE(inspector.count(own("tst_agentpool::TestAgentPool::leakIsNamedByItsLine")),
             std::size_t{1});
    // And as it happens.
    const auto after = keep(pool);
    QVERIFY(after);
    const std::string id = std::to_string(after.value().checkout_id().value);
    QTRY_VERIFY(inspector.hears("\"id\":\"" + id + "\""));
    QVERIFY(inspector.count(R"("by":"orders")") >= 2);
    agent->remove(pool.control());
}

/// What is expected late is no leak for an inspector either, whenever it attached.
void TestAgentPool::expectationIsSeen()
{
    Backend backend;
    FakePool pool(small_config(4), FakeFactory{&backend});
    const auto agent = start();
    agent->add(pool.control());
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    auto guard = pool.acquire("batch");
    QTRY_VERIFY(inspector.hears(R"("k":"checkout")"));
    QVERIFY(!inspector.hears("expected_us"));
    guard.value().heartbeat();
    QTRY_VERIFY(inspector.hears(R"("k":"beat")"));
    QVERIFY(!inspector.hears("expected_us"));
    guard.value().expect(600s);
    QTRY_VERIFY(inspector.hears(R"(,"expected_us":60)"));
    QCOMPARE(inspector.count(R"("k":"beat")"), std::size_t{2});
    Inspector late(agent->address());
    QTRY_VERIFY(late.hears("ready"));
    QCOMPARE(late.count(R"(,"expected_us":60)"), std::size_t{1});
    agent->remove(pool.control());
}

void TestAgentPool::timeoutIsSeen()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.acquire_timeout = 20ms;
    FakePool pool(config, FakeFactory{&backend});
    const auto agent = start();
    QVERIFY(agent);
    agent->add(pool.control());
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    const auto held = pool.acquire("holder");
    QVERIFY(held && !pool.acquire("victim"));
    QTRY_VERIFY(inspector.hears(R"("k":"timeout")"));
    QTRY_VERIFY(inspector.hears(R"("by":"victim")"));
    QTRY_VERIFY(inspector.hears(R"("timeouts":1)"));
    QTRY_VERIFY(inspector.hears(R"("pending":1)"));
    agent->remove(pool.control());
}

void TestAgentPool::reclaim()
{
    Backend backend;
    FakePool pool(small_config(2), FakeFactory{&backend});
    const auto agent = start(true);
    QVERIFY(agent);
    agent->add(pool.control());
    auto held = pool.acquire("holder");
    QVERIFY(held);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    inspector.ask(wire::Reclaim{std::to_string(held.value().checkout_id().value), {}});
    QTRY_VERIFY(inspector.hears("done 1"));
    held.value().release();
    QTRY_COMPARE((inspector.pump(), inspector.state.open_checkouts()), std::size_t{0});
    inspector.ask(wire::Reclaim{"999999999", {}});
    QTRY_VERIFY(inspector.hears("refused 2"));
    agent->remove(pool.control());
}

/// Inspectors attach and ask for pictures while threads work: at the end all know what is open.
void TestAgentPool::nothingIsLostUnderLoad()
{
    Backend backend;
    FakePool pool(small_config(8), FakeFactory{&backend});
    // So little that a sanitized inspector has soon read what waits for it; more is lost and
    // mended.
    const auto agent = start(false, 256U << 10U);
    QVERIFY(agent);
    agent->add(pool.control());
    // Destroyed last to first: a check that fails stops and joins them all the same.
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                auto guard = pool.acquire("worker");
                std::this_thread::yield();
            }
        });
    }
    const auto kept = pool.acquire("kept");
    std::vector<std::unique_ptr<Inspector>> inspectors;
    const auto pump = [&] { // all of them: one that does not read would be closed
        for (const auto& inspector : inspectors)
            inspector->pump();
    };
    for (int i = 0; i < 4; ++i) {
        inspectors.push_back(std::make_unique<Inspector>(agent->address()));
        bool ready = false; // for a moment may do: a gap is mended by another picture
        const auto was_ready = [&] {
            pump();
            return ready = ready || inspectors.back()->state.is_ready();
        };
        QTRY_VERIFY_WITH_TIMEOUT(was_ready(), 30'000);
        inspectors.front()->ask(wire::Resync{});
    }
    threads.clear();
    QVERIFY(kept);
    const std::string id = std::to_string(kept.value().checkout_id().value);
    for (const auto& inspector : inspectors) {
        const auto settled = [&] {
            pump();
            return inspector->knows_all_of(*agent) && inspector->state.open_checkouts() == 1 &&
                   inspector->state.is_open(id);
        };
        QTRY_VERIFY2_WITH_TIMEOUT(settled(), inspector->describe().c_str(), 30'000);
        const wire::PeerFigures& figures = inspector->state.figures();
        QCOMPARE(figures.open_again, std::uint64_t{0});
        if (figures.gaps == 0)
            QCOMPARE(figures.not_open, std::uint64_t{0});
    }
    agent->remove(pool.control());
}

/// What a pool does not watch is not promised.
void TestAgentPool::helloSaysWhatIsReported()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.stack_capture = StackCapture::off;
    FakePool plain(config, FakeFactory{&backend});
    const auto agent = start();
    QVERIFY(agent);
    agent->add(plain.control());
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    const auto can = [&](const char* word) {
        return std::ranges::count(inspector.notes.can, word) == 1;
    };
    for (const char* const word : {"connections", "by", "timeouts", "stats", "wait_time"})
        QVERIFY2(can(word), word);
    for (const char* const word : {"leaks", "health", "use", "use_time", "stacks", "reclaim"})
        QVERIFY2(!can(word), word);
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    QVERIFY(inspector.notes.started && *inspector.notes.started < now);
    QVERIFY(*inspector.notes.started > now - 10min);

    // Another pool, of an application that tells of its statements.
    config.name = "watched";
    config.stack_capture = StackCapture::always;
    config.leak_detection = config.health_check = true;
    FakePool watched(config, FakeFactory{&backend});
    auto guard = watched.acquire("a");
    guard.value().begin_statement("SELECT 1");
    agent->add(watched.control());
    QTRY_VERIFY(inspector.hears("hello") && can("leaks"));
    for (const char* const word : {"by", "health", "use", "use_time", "stacks"})
        QVERIFY2(can(word), word);
    QVERIFY(!can("reclaim"));
    // Their literals stay in the process: of one that was cut, too.
    const std::string secret = std::string(2000, 'x') + "'";
    for (const std::string& statement :
         {"UPDATE t SET a = 'hunter2' WHERE b = " + std::to_string(77),
          "INSERT INTO t VALUES ('hunter2" + secret + ")"})
        guard.value().begin_statement(statement);
    QTRY_VERIFY(inspector.hears(R"("statement":"UPDATE t SET a = ? WHERE b = ?")"));
    QTRY_VERIFY(inspector.hears(R"("statement":"INSERT INTO t VALUES (?")"));
    QVERIFY(!inspector.hears("hunter2"));
    agent->remove(watched.control());
    QTRY_VERIFY((inspector.pump(), !can("leaks")));
    agent->remove(plain.control());
}

QTEST_GUILESS_MAIN(TestAgentPool)
#include "tst_agentpool.moc"
