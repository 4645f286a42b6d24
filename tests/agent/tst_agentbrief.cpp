// SPDX-License-Identifier: GPL-3.0-or-later
// Inspectors that would rather be told of short checkouts in sums, with the real pool.
#include "tests/agent/inspector.h"
#include "tests/pool/testfactory.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAgentBrief : public QObject
{
    Q_OBJECT
private slots:
    void shortOnesInSumsLongOnesOneByOne();
    void whoDoesNotAskGetsThemAll();
    void summingEndsWithItsAgent();
    void eachAcquireIsCountedOnce();
    void whatIsShownToOneIsToldToAll();
    void whoDoesNotAskIsToldNoSumOfBefore();

private:
    std::unique_ptr<Agent> start()
    {
        AgentOptions options = options_in(folder_.path().toStdString());
        options.ring_bytes = 64U << 20U;
        options.peer_bytes = 256U << 20U; // nothing is lost, however slow the test
        Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
        return started ? std::move(started).value() : nullptr;
    }
    QTemporaryDir folder_;
};

namespace {

PoolConfig tracked(std::uint32_t connections)
{
    PoolConfig config = small_config(connections);
    config.stack_capture = StackCapture::always;
    return config;
}

std::uint64_t number_in(std::string_view said, std::string_view key)
{
    std::uint64_t number = 0;
    const std::size_t at = said.find(key);
    if (at != std::string_view::npos)
        std::from_chars(said.data() + at + key.size(), said.data() + said.size(), number);
    return number;
}

/// What an inspector was told of, in sums and one by one. Each note is read once.
class Tally
{
public:
    explicit Tally(Inspector& inspector)
        : inspector_(inspector)
    {}
    std::uint64_t all()
    {
        read();
        return briefly_ + ids_.size();
    }
    std::uint64_t briefly()
    {
        read();
        return briefly_;
    }
    std::uint64_t one_by_one()
    {
        read();
        return ids_.size();
    }

private:
    void read()
    {
        inspector_.pump();
        for (; next_ < inspector_.notes.said.size(); ++next_) {
            const std::string_view said = inspector_.notes.said[next_];
            if (said.find("{\"k\":\"brief\"") != std::string_view::npos)
                briefly_ += number_in(said, "\"count\":");
            else if (said.find("{\"k\":\"checkout\"") != std::string_view::npos)
                ids_.insert(number_in(said, "\"id\":\""));
        }
    }

    Inspector& inspector_;
    std::size_t next_ = 0;
    std::uint64_t briefly_ = 0;
    std::set<std::uint64_t> ids_;
};

/// Attached, and has asked. What comes before the agent has read that is told one by one.
bool asks(Inspector& inspector)
{
    if (!QTest::qWaitFor([&] { return inspector.hears("ready"); }, 30'000))
        return false;
    inspector.ask(wire::Want{true});
    inspector.ask(wire::Ping{});
    return QTest::qWaitFor([&] { return inspector.hears("pong"); }, 30'000);
}

/// Lends and takes back, counted, until the agent has told a sum.
bool lendsUntilSummed(FakePool& pool, Inspector& inspector, std::uint64_t& cycles)
{
    const auto sums = [&] {
        pool.acquire("orders").value().release();
        ++cycles;
        return inspector.hears("\"k\":\"brief\"");
    };
    return QTest::qWaitFor(sums, 30'000);
}

/// A pool of which one gives something back just before a picture is taken.
class ReturnsBefore final : public PoolControl
{
public:
    ReturnsBefore(PoolControl& pool, FakeGuard& guard)
        : pool_(pool)
        , guard_(guard)
    {}
    PoolDescription description() const override { return pool_.description(); }
    PoolFigures figures() const override { return pool_.figures(); }
    void set_sink(EventSink* sink) override { pool_.set_sink(sink); }
    void sum_brief(bool on) override { pool_.sum_brief(on); }
    std::vector<OpenCheckout> tell_lent(Ticks before) override { return pool_.tell_lent(before); }
    std::vector<BriefUses> take_brief() override { return pool_.take_brief(); }
    PoolPicture picture() const override
    {
        if (now.exchange(false))
            guard_.release();
        return pool_.picture();
    }
    Frames frames(StackId stack) const override { return pool_.frames(stack); }
    Result<Done> reclaim(CheckoutId checkout) override { return pool_.reclaim(checkout); }

    mutable std::atomic<bool> now{false};

private:
    PoolControl& pool_;
    FakeGuard& guard_;
};

/// An inspector that does not ask comes, hears of each checkout by itself, and goes.
void aSilentOneGetsEach(FakePool& pool, const Agent& agent)
{
    Inspector silent(agent.address());
    QTRY_VERIFY_WITH_TIMEOUT(silent.hears("ready"), 30'000);
    Tally tally(silent);
    const std::uint64_t before = tally.one_by_one();
    for (int i = 1; i < 100; ++i)
        pool.acquire("orders").value().release();
    // It is told of this one in any case, and of those before by then: nothing to wait for where it
    // is not.
    const auto last = pool.acquire("orders");
    QVERIFY(last);
    const std::string id = std::to_string(last.value().checkout_id().value);
    QTRY_VERIFY_WITH_TIMEOUT(silent.hears("\"id\":\"" + id + "\""), 30'000);
    QCOMPARE(tally.one_by_one(), before + 100);
    QCOMPARE(tally.briefly(), std::uint64_t{0});
}

} // namespace

void TestAgentBrief::shortOnesInSumsLongOnesOneByOne()
{
    Backend backend;
    FakePool pool(tracked(4), FakeFactory{&backend});
    const auto agent = start();
    QVERIFY(agent);
    agent->add(pool.control());
    Inspector inspector(agent->address());
    QVERIFY(asks(inspector));
    QVERIFY(std::ranges::count(inspector.notes.can, "brief") == 1);
    std::uint64_t cycles = 0;
    QVERIFY(lendsUntilSummed(pool, inspector, cycles));
    AcquireOptions options;
    options.user = "batch";
    options.tags = {{"route", "/cart"}};
    auto kept = pool.acquire(options);
    QVERIFY(kept);
    const std::string id = std::to_string(kept.value().checkout_id().value);
    const Timestamp before = process_epoch().wall(now_ticks());
    QTRY_VERIFY_WITH_TIMEOUT(inspector.hears("\"id\":\"" + id + "\""), 30'000);
    QVERIFY(inspector.state.is_open(id));
    const auto told = std::ranges::find_if(inspector.notes.said, [&](const std::string& said) {
        return said.find("\"id\":\"" + id + "\"") != std::string::npos;
    });
    QVERIFY2(told->starts_with("happened"), told->c_str());
    QVERIFY(told->find("\"open\"") == std::string::npos);
    QVERIFY2(told->find("\"by\":\"batch\"") != std::string::npos, told->c_str());
    QVERIFY2(told->find("\"tags\":{\"route\":\"/cart\"}") != std::string::npos, told->c_str());
    QVERIFY2(told->find("\"stack\":\"") != std::string::npos, told->c_str());
    // When it was lent, not when it was told.
    QVERIFY(timestamp_from_us(static_cast<std::int64_t>(number_in(*told, "\"t\":"))) <
            before + std::chrono::milliseconds(1));
    kept.value().release();
    Tally tally(inspector);
    const auto all = [&] {
        return tally.all() == cycles + 1 && inspector.state.open_checkouts() == 0;
    };
    QTRY_VERIFY2_WITH_TIMEOUT(all(), inspector.describe().c_str(), 30'000);
    QCOMPARE(inspector.state.figures().not_open, std::uint64_t{0});
    QCOMPARE(inspector.state.figures().gaps, std::uint64_t{0});
    agent->remove(pool.control());
}

void TestAgentBrief::whoDoesNotAskGetsThemAll()
{
    Backend backend;
    FakePool pool(tracked(4), FakeFactory{&backend});
    const auto agent = start();
    QVERIFY(agent);
    agent->add(pool.control());
    Inspector asking(agent->address());
    QVERIFY(asks(asking));
    aSilentOneGetsEach(pool, *agent);
    QVERIFY(!QTest::currentTestFailed());
    // Once it has gone, in sums again.
    QTRY_COMPARE_WITH_TIMEOUT(agent->figures().attached, std::uint64_t{1}, 30'000);
    std::uint64_t cycles = 0;
    QVERIFY(lendsUntilSummed(pool, asking, cycles));
    // Whichever way it was told of them, of each once.
    Tally tally(asking);
    QTRY_VERIFY_WITH_TIMEOUT(tally.all() >= pool.stats().acquired, 30'000);
    QCOMPARE(pool.stats().acquired, cycles + 100);
    QCOMPARE(tally.all(), cycles + 100);
    agent->remove(pool.control());
}

void TestAgentBrief::summingEndsWithItsAgent()
{
    Backend backend;
    FakePool pool(tracked(4), FakeFactory{&backend});
    {
        const auto first = start();
        QVERIFY(first);
        first->add(pool.control());
        Inspector asking(first->address());
        QVERIFY(asks(asking));
        std::uint64_t cycles = 0;
        QVERIFY(lendsUntilSummed(pool, asking, cycles));
        Tally tally(asking);
        QTRY_VERIFY_WITH_TIMEOUT(tally.all() >= cycles, 30'000);
        QCOMPARE(tally.all(), cycles);
    }
    const auto next = start();
    QVERIFY(next);
    next->add(pool.control());
    aSilentOneGetsEach(pool, *next);
    next->remove(pool.control());
}

void TestAgentBrief::eachAcquireIsCountedOnce()
{
    constexpr int threads = 4;
    constexpr int each = 5'000;
    Backend backend;
    FakePool pool(tracked(3), FakeFactory{&backend}); // so that some wait
    const auto agent = start();
    QVERIFY(agent);
    agent->add(pool.control());
    Inspector first(agent->address());
    QVERIFY(asks(first));
    std::atomic<int> running{threads};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            for (int i = 0; i < each; ++i) {
                auto guard = pool.acquire(t % 2 == 0 ? "orders" : "billing");
                if (guard && i % 1000 == 999)
                    std::this_thread::sleep_for(30ms); // longer than a round
            }
            --running;
        });
    }
    while (running > 0) { // others come and go, some that ask and some that do not
        first.pump();
        Inspector passing(agent->address());
        if (running % 2 == 0)
            passing.ask(wire::Want{true});
        if (!QTest::qWaitFor([&] { return first.pump(), passing.hears("ready"); }, 30'000))
            break;
    }
    for (std::thread& worker : workers)
        worker.join();
    QCOMPARE(pool.stats().acquired, std::uint64_t{threads} * each);
    Tally tally(first);
    const auto all = [&] {
        return tally.all() >= pool.stats().acquired && first.state.open_checkouts() == 0;
    };
    QTRY_VERIFY2_WITH_TIMEOUT(all(), first.describe().c_str(), 60'000);
    QCOMPARE(tally.all(), pool.stats().acquired);
    QVERIFY(tally.briefly() > 0);
    QCOMPARE(agent->figures().dropped, std::uint64_t{0});
    QCOMPARE(first.state.figures().gaps, std::uint64_t{0});
    QCOMPARE(first.state.figures().not_open, std::uint64_t{0});
    agent->remove(pool.control());
}

/// A picture for one makes them told; the others must hear of them too, before their returns.
void TestAgentBrief::whatIsShownToOneIsToldToAll()
{
    Backend backend;
    FakePool pool(tracked(8), FakeFactory{&backend});
    AgentOptions options = options_in(folder_.path().toStdString());
    options.drain_every = std::chrono::hours(1); // by itself it would tell of none
    Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
    QVERIFY(started);
    const std::unique_ptr<Agent> agent = std::move(started).value();
    agent->add(pool.control());
    Inspector first(agent->address());
    QVERIFY(asks(first));
    auto kept = pool.acquire("orders");
    QVERIFY(kept);
    const std::string id = std::to_string(kept.value().checkout_id().value);
    Inspector second(agent->address());
    QTRY_VERIFY_WITH_TIMEOUT(second.hears("ready"), 30'000);
    QVERIFY(second.state.is_open(id));
    QTRY_VERIFY_WITH_TIMEOUT((first.pump(), first.state.is_open(id)), 30'000);
    kept.value().release();
    for (Inspector* const inspector : {&first, &second})
        QTRY_VERIFY_WITH_TIMEOUT((inspector->pump(), !inspector->state.is_open(id)), 30'000);
    QCOMPARE(first.state.figures().not_open, std::uint64_t{0});
    agent->remove(pool.control());
}

/// Lent while all who were attached had asked, and back before one that has not was shown anything:
/// that is in a sum, and the sum is not for it.
void TestAgentBrief::whoDoesNotAskIsToldNoSumOfBefore()
{
    Backend backend;
    FakePool pool(tracked(8), FakeFactory{&backend});
    AgentOptions options = options_in(folder_.path().toStdString());
    options.drain_every = std::chrono::hours(1); // by itself it would tell of none
    options.stats_every = 1ms;
    Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
    QVERIFY(started);
    const std::unique_ptr<Agent> agent = std::move(started).value();
    FakeGuard guard;
    ReturnsBefore control(pool.control(), guard);
    agent->add(control);
    Inspector asking(agent->address());
    QVERIFY(asks(asking));
    guard = pool.acquire("orders").value();
    control.now = true;
    Inspector silent(agent->address());
    QTRY_VERIFY_WITH_TIMEOUT(silent.hears("ready"), 30'000);
    QVERIFY(!control.now);
    Tally told(asking);
    QTRY_COMPARE_WITH_TIMEOUT(told.briefly(), std::uint64_t{1}, 30'000);
    // What it is told of comes behind that.
    Tally tally(silent);
    pool.acquire("orders").value().release();
    QTRY_COMPARE_WITH_TIMEOUT(tally.one_by_one(), std::uint64_t{1}, 30'000);
    QCOMPARE(tally.briefly(), std::uint64_t{0});
    QCOMPARE(silent.state.figures().gaps, std::uint64_t{0});
    agent->remove(control);
}

QTEST_GUILESS_MAIN(TestAgentBrief)
#include "tst_agentbrief.moc"
