// SPDX-License-Identifier: GPL-3.0-or-later
// What an inspector gets: pictures, events, loss, several at once.
#include "tests/agent/inspector.h"
#include "tests/agent/scriptedpool.h"

#include <QTemporaryDir>
#include <QTest>

#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAgent : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void attachInMidIncident();
    void eventsFollow();
    void nobodyAttached();
    void severalInspectors();
    void eventsWhileAPictureIsTaken();
    void picturesAreExact();
    void fullRingIsToldAndMended();
    void slowReaderLosesAndRecovers();
    void readerThatNeverReadsIsClosed();
    void poolsComeAndGo();
    void pingIsAnswered();
    void reclaimOnlyWhereAllowed();
    void hundredThousandOpen();

private:
    std::unique_ptr<Agent> start(AgentOptions options);
    std::string folder() const { return folder_->path().toStdString(); }
    AgentOptions options() const { return options_in(folder()); }
    std::unique_ptr<QTemporaryDir> folder_;
};

void TestAgent::init()
{
    folder_ = std::make_unique<QTemporaryDir>();
}

std::unique_ptr<Agent> TestAgent::start(AgentOptions options)
{
    Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
    if (!started) {
        qWarning("%s", started.error().sentence.c_str());
        return nullptr;
    }
    return std::move(started).value();
}

/// Everything that is open is there at once, with its stack.
void TestAgent::attachInMidIncident()
{
    ScriptedPool pool("orders");
    const ConnectionId first = pool.open_connection();
    const ConnectionId second = pool.open_connection();
    const Tag tags[] = {{"route", "/orders"}};
    const CheckoutId held = pool.lend(first, StackId{7}, "worker", tags);
    const CheckoutId other = pool.lend(second, StackId{7}, "report");
    const auto agent = start(options());
    QVERIFY(agent);
    agent->add(pool);
    Inspector inspector(agent->address());
    QVERIFY(inspector.connected());
    QTRY_VERIFY(inspector.hears("ready"));
    QVERIFY(inspector.notes.said.front().starts_with("hello 0 1"));
    QVERIFY(inspector.state.is_open(std::to_string(held.value)));
    QVERIFY(inspector.state.is_open(std::to_string(other.value)));
    QCOMPARE(inspector.state.open_connections(), std::size_t{2});
    QCOMPARE(inspector.count(R"("by":"worker","thread":"77","stack":"7")"), std::size_t{1});
    QCOMPARE(inspector.count(R"("tags":{"route":"/orders"})"), std::size_t{1});
    QCOMPARE(
        inspector.count(R"({"k":"stack","n":0,"id":"7","frames":[{"function":"shop::handle7")"),
        std::size_t{1});
    QVERIFY(inspector.count(R"("used":2)") >= 1);
    QVERIFY(inspector.decoder.figures().skipped() == 0);
    agent->remove(pool);
}

void TestAgent::eventsFollow()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    const ConnectionId connection = pool.open_connection();
    const CheckoutId checkout = pool.lend(connection, StackId{3}, "a \"quoted\"\n\xff name");
    PoolEvent event;
    event.time = now_ticks();
    event.checkout = checkout;
    for (const PoolEventKind kind :
         {PoolEventKind::busy, PoolEventKind::idle, PoolEventKind::beat, PoolEventKind::leak,
          PoolEventKind::pending, PoolEventKind::timeout, PoolEventKind::health}) {
        event.kind = kind;
        event.text = kind == PoolEventKind::leak ? "alert" : "SELECT ?";
        event.stack = StackId{kind == PoolEventKind::timeout ? 4U : 0U};
        event.number = 2;
        pool.report(event);
    }
    pool.give_back(checkout);
    pool.close_connection(connection);
    QTRY_VERIFY(inspector.hears(R"({"k":"close","n":11)"));
    QTRY_VERIFY(inspector.hears("shop::handle4"));
    for (const char* const text :
         {R"("k":"open","n":1)", R"("k":"checkout","n":2)", R"("k":"use","n":3)",
          R"("k":"use","n":4)", R"("k":"beat","n":5)", R"("k":"leak","n":6)", R"("k":"wait","n":7)",
          R"("k":"timeout","n":8)", R"("k":"health","n":9)", R"("k":"checkin","n":10)",
          R"("busy":true,"statement":"SELECT ?")", R"("busy":false)", R"("severity":"alert")",
          R"("pending":2)", "\"by\":\"a \\\"quoted\\\" \xef\xbf\xbd name\""})
        QVERIFY2(inspector.count(text) == 1, text);
    QCOMPARE(inspector.state.figures().gaps, std::uint64_t{0});
    QCOMPARE(pool.symbolised.load(), 2);
    // The same place again: the stack is known.
    pool.give_back(pool.lend(connection, StackId{3}, "again"));
    QTRY_VERIFY(inspector.hears(R"("n":13)"));
    QCOMPARE(pool.symbolised.load(), 2);
    agent->remove(pool);
}

void TestAgent::nobodyAttached()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    QVERIFY(!pool.watched());
    {
        Inspector inspector(agent->address());
        QTRY_VERIFY(inspector.hears("ready"));
        QVERIFY(pool.watched());
    }
    QTRY_VERIFY(!pool.watched());
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{0});
    pool.open_connection();
    Inspector again(agent->address());
    QTRY_VERIFY(again.hears("ready"));
    QCOMPARE(again.state.open_connections(), std::size_t{1});
    agent->remove(pool);
    QVERIFY(!pool.watched());
}

void TestAgent::severalInspectors()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    Inspector first(agent->address());
    QTRY_VERIFY(first.hears("ready"));
    const CheckoutId checkout = pool.lend(ConnectionId{1}, StackId{5}, "x");
    Inspector second(agent->address());
    QTRY_VERIFY(second.hears("ready"));
    QTRY_VERIFY(first.hears("shop::handle5"));
    QVERIFY(second.state.is_open(std::to_string(checkout.value)));
    pool.give_back(checkout);
    QTRY_VERIFY(first.hears("checkin"));
    QTRY_VERIFY(second.hears("checkin"));
    QCOMPARE(agent->figures().attached, std::uint64_t{2});
    first.abort();
    pool.lend(ConnectionId{1}, StackId{5}, "after");
    QTRY_VERIFY(second.hears("after"));
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{1});
    QCOMPARE(second.state.figures().gaps, std::uint64_t{0});
    agent->remove(pool);
}

/// What happens between the pool's picture and the cut is in what the inspector gets, and once.
void TestAgent::eventsWhileAPictureIsTaken()
{
    ScriptedPool pool("orders");
    const CheckoutId ended = pool.lend(ConnectionId{1}, StackId{1}, "ended");
    const CheckoutId kept = pool.lend(ConnectionId{2}, StackId{1}, "kept");
    CheckoutId begun;
    pool.behind_picture = [&] {
        begun = pool.lend(ConnectionId{3}, StackId{2}, "begun");
        pool.give_back(ended);
    };
    const auto agent = start(options());
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    QVERIFY(inspector.notes.said.front().starts_with("hello 2"));
    QVERIFY(inspector.state.is_open(std::to_string(kept.value)));
    QVERIFY(inspector.state.is_open(std::to_string(begun.value)));
    QVERIFY(!inspector.state.is_open(std::to_string(ended.value)));
    QCOMPARE(inspector.count("shop::handle2"), std::size_t{1});
    pool.give_back(begun);
    QTRY_VERIFY(inspector.hears(R"({"k":"checkin","n":3)"));
    QVERIFY(inspector.state.figures().events == 1 && inspector.state.figures().not_open == 0);
    agent->remove(pool);
}

/// Pictures taken while threads borrow and return as fast as they can: no checkout that is open is
/// missing, none that ended is there, none comes twice.
void TestAgent::picturesAreExact()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    // Destroyed last to first: a check that fails stops and joins them all the same.
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
        threads.emplace_back([&](const std::stop_token& stop) {
            std::vector<CheckoutId> held;
            while (!stop.stop_requested()) {
                held.push_back(pool.lend(ConnectionId{1}, StackId{1}, "busy"));
                if (held.size() > 20) {
                    pool.give_back(held.front());
                    held.erase(held.begin());
                }
                std::this_thread::yield();
            }
        });
    }
    std::vector<std::unique_ptr<Inspector>> inspectors;
    for (int i = 0; i < 5; ++i) {
        inspectors.push_back(std::make_unique<Inspector>(agent->address()));
        // Three threads that do nothing else leave the agent's little time under a sanitizer; and
        // an inspector that does not read meanwhile would be closed.
        const auto ready = [&] {
            for (const auto& inspector : inspectors)
                inspector->pump();
            return inspectors.back()->hears("ready");
        };
        QTRY_VERIFY_WITH_TIMEOUT(ready(), 30'000);
        inspectors.front()->ask(wire::Resync{});
    }
    threads.clear();
    const std::set<std::uint64_t> open = pool.open_ids();
    for (const auto& inspector : inspectors) {
        const auto same = [&] {
            for (const auto& each : inspectors)
                each->pump();
            return inspector->knows_all_of(*agent) &&
                   inspector->state.open_checkouts() == open.size() &&
                   std::all_of(open.begin(), open.end(), [&](std::uint64_t id) {
                       return inspector->state.is_open(std::to_string(id));
                   });
        };
        QTRY_VERIFY_WITH_TIMEOUT(same(), 30'000);
        const wire::PeerFigures& figures = inspector->state.figures();
        QCOMPARE(figures.open_again, std::uint64_t{0});
        if (figures.gaps == 0) // a full ring on a busy machine is no fault of the picture's
            QCOMPARE(figures.not_open, std::uint64_t{0});
        QCOMPARE(inspector->decoder.figures().skipped(), std::uint64_t{0});
    }
    agent->remove(pool);
}

void TestAgent::fullRingIsToldAndMended()
{
    ScriptedPool pool("orders");
    AgentOptions small = options();
    small.ring_bytes = 64 * 1024;
    small.drain_every = 500ms;
    const auto agent = start(std::move(small));
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    // Puts in faster than anybody could take out: more than the ring holds, without a pause.
    std::vector<CheckoutId> held;
    while (agent->figures().dropped == 0) {
        held.push_back(pool.lend(ConnectionId{1}, {}, "burst"));
        if (held.size() > 100) {
            pool.give_back(held.front());
            held.erase(held.begin());
        }
    }
    // In the midst of the burst as many are open, too: the very ones that are held must be.
    const auto settled = [&] {
        inspector.pump();
        return !inspector.state.wants_resync() && inspector.state.is_ready() &&
               inspector.state.figures().gaps > 0 &&
               inspector.state.open_checkouts() == held.size() &&
               std::all_of(held.begin(), held.end(), [&](CheckoutId id) {
                   return inspector.state.is_open(std::to_string(id.value));
               });
    };
    QTRY_VERIFY_WITH_TIMEOUT(settled(), 20'000);
    QVERIFY(agent->figures().pictures >= 2);
    agent->remove(pool);
}

void TestAgent::slowReaderLosesAndRecovers()
{
    ScriptedPool pool("orders");
    AgentOptions narrow = options();
    narrow.peer_bytes = 64 * 1024;
    const auto agent = start(std::move(narrow));
    agent->add(pool);
    Inspector slow(agent->address());
    Inspector quick(agent->address());
    QTRY_VERIFY(slow.hears("ready"));
    QTRY_VERIFY(quick.hears("ready"));
    const std::uint64_t before = agent->figures().events;
    for (int i = 0; i < 20'000; ++i) {
        pool.give_back(pool.lend(ConnectionId{1}, {}, "noise"));
        if (i % 100 == 0)
            quick.pump();
    }
    const CheckoutId last = pool.lend(ConnectionId{1}, {}, "last");
    QTRY_VERIFY(agent->figures().events >= before + 40'001 || agent->figures().dropped > 0);
    QTRY_VERIFY(quick.state.is_open(std::to_string(last.value)) || !quick.pump());
    const auto settled = [&] {
        slow.pump();
        return slow.state.is_ready() && !slow.state.wants_resync() &&
               slow.state.is_open(std::to_string(last.value)) && slow.state.open_checkouts() == 1;
    };
    QTRY_VERIFY_WITH_TIMEOUT(settled(), 20'000);
    QVERIFY(slow.state.figures().gaps > 0);
    agent->remove(pool);
}

void TestAgent::readerThatNeverReadsIsClosed()
{
    ScriptedPool pool("orders");
    AgentOptions strict = options();
    strict.stall_time = 200ms;
    const auto agent = start(std::move(strict));
    agent->add(pool);
    const Inspector deaf(agent->address());
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{1});
    const auto closed = [&] {
        for (int i = 0; i < 1000; ++i)
            pool.give_back(pool.lend(ConnectionId{1}, {}, "noise"));
        return agent->figures().attached == 0;
    };
    QTRY_VERIFY_WITH_TIMEOUT(closed(), 20'000);
    QTRY_VERIFY(!pool.watched());
    agent->remove(pool);
}

void TestAgent::poolsComeAndGo()
{
    ScriptedPool first("orders");
    const auto agent = start(options());
    agent->add(first);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    const CheckoutId held = first.lend(ConnectionId{1}, {}, "x");
    {
        ScriptedPool second("orders"); // the same name
        agent->add(second);
        QTRY_VERIFY(inspector.hears("hello 1 2"));
        second.lend(ConnectionId{1}, {}, "y");
        QTRY_VERIFY(inspector.hears(R"("pool":"orders-2")"));
        QTRY_COMPARE((inspector.pump(), inspector.state.open_checkouts()), std::size_t{2});
        agent->remove(second);
    }
    QTRY_VERIFY(inspector.hears("vanished orders-2"));
    QVERIFY(inspector.state.is_open(std::to_string(held.value)));
    QCOMPARE(inspector.state.figures().gaps, std::uint64_t{0});
    agent->remove(first);
    QTRY_VERIFY(inspector.hears("hello 2 0"));
}

void TestAgent::pingIsAnswered()
{
    const auto agent = start(options());
    Inspector inspector(agent->address());
    inspector.ask(wire::Ping{});
    QTRY_VERIFY(inspector.hears("pong 1"));
    QVERIFY(inspector.notes.said.front().starts_with("hello"));
}

void TestAgent::reclaimOnlyWhereAllowed()
{
    ScriptedPool pool("orders");
    AgentOptions open_handed = options();
    open_handed.allow_reclaim = true;
    auto agent = start(std::move(open_handed));
    agent->add(pool);
    const CheckoutId held = pool.lend(ConnectionId{1}, {}, "x");
    const std::string id = std::to_string(held.value);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    inspector.ask(wire::Reclaim{id, "other"});
    QTRY_VERIFY(inspector.hears("refused 1 checkout " + id + " is not open"));
    inspector.ask(wire::Reclaim{id, "orders"});
    QTRY_VERIFY(inspector.hears("done 2"));
    QTRY_VERIFY(inspector.hears("checkin"));
    QVERIFY(pool.open_ids().empty());
    inspector.ask(wire::Reclaim{id, {}});
    QTRY_VERIFY(inspector.hears("refused 3 checkout " + id + " is not open"));
    for (const char* const odd : {"", "x", "18446744073709551616", "-1", "1 "})
        inspector.ask(wire::Reclaim{odd, {}});
    QTRY_VERIFY(inspector.hears("refused 8"));
    agent->remove(pool);
    agent.reset();

    agent = start(options());
    agent->add(pool);
    pool.lend(ConnectionId{1}, {}, "y");
    Inspector other(agent->address());
    other.ask(wire::Reclaim{std::to_string(*pool.open_ids().begin()), {}});
    QTRY_VERIFY(other.hears("refused 1 reclaim is not allowed by this process"));
    QCOMPARE(pool.open_ids().size(), std::size_t{1});
    agent->remove(pool);
}

void TestAgent::hundredThousandOpen()
{
    ScriptedPool pool("orders");
    for (std::uint32_t i = 0; i < 100'000; ++i)
        pool.lend(ConnectionId{1}, StackId{i % 50 + 1}, "leak");
    const auto agent = start(options());
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY_WITH_TIMEOUT(inspector.hears("ready"), 30'000);
    QCOMPARE(inspector.state.open_checkouts(), std::size_t{100'000});
    QCOMPARE(pool.symbolised.load(), 50);
    QCOMPARE(inspector.state.figures().gaps, std::uint64_t{0});
    agent->remove(pool);
}

QTEST_GUILESS_MAIN(TestAgent)
#include "tst_agent.moc"
