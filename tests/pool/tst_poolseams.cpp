// SPDX-License-Identifier: GPL-3.0-or-later
// What may come between two steps of a pool, made to come just there: this test compiles the pool
// with its seams open.
#include "tests/pool/testfactory.h"

#include "core/pool/poolseams.h"

#include <QTest>

#include <array>
#include <functional>
#include <numeric>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;
using poolscope::detail::BriefTable;
using poolscope::detail::Seam;

void (*poolscope::detail::at_seam)(Seam) = nullptr;

namespace {

/// Steps in at one seam, once. There may be one for each seam.
class StepIn
{
public:
    StepIn(Seam seam, std::function<void()> what)
        : seam_(seam)
    {
        at(seam) = std::move(what);
        detail::at_seam = [](Seam passed) {
            if (at(passed))
                std::exchange(at(passed), nullptr)();
        };
    }
    ~StepIn() { at(seam_) = nullptr; }
    StepIn(const StepIn&) = delete;
    StepIn& operator=(const StepIn&) = delete;
    bool is_done() const { return !at(seam_); }

private:
    static std::function<void()>& at(Seam seam)
    {
        static std::array<std::function<void()>, 8> steps;
        return steps.at(static_cast<std::size_t>(seam));
    }
    Seam seam_;
};

/// What was told, in order; it is forgotten.
std::string kinds_of(RecordingSink& sink)
{
    const std::lock_guard lock(sink.mutex);
    std::string text;
    for (const RecordingSink::Seen& seen : sink.seen)
        text += std::string(name_of(seen.kind)) + " ";
    sink.seen.clear();
    return text;
}

/// Until it is so, or that long.
template <class Condition>
bool soon(Condition condition, std::chrono::milliseconds patience)
{
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until)
            return false;
        std::this_thread::yield();
    }
    return true;
}

/// How many its pool showed as lent when each return was told.
struct UsedAtReturn final : EventSink
{
    void take(const PoolEvent& event) noexcept override
    {
        if (event.kind == PoolEventKind::checkin)
            used.push_back(control->figures().used);
    }
    PoolControl* control = nullptr;
    std::vector<std::int64_t> used;
};

std::uint64_t briefly(PoolControl& control)
{
    std::uint64_t count = 0;
    for (const BriefUses& uses : control.take_brief())
        count += uses.count;
    return count;
}

} // namespace

class TestPoolSeams : public QObject
{
    Q_OBJECT
private slots:
    void aConnectionThatWasToldOfShows();
    void reclaimedWhileItComesBack();
    void aReturnIsToldBeforeItShows();
    void soIsThatOfOneThatIsToldMeanwhile();
    void toldWhileItComesBack();
    void shownWhileItComesBack();
    void untoldUntilTheEnd();
    void theSumWaitsForWhatCameBack();
    void aSuspicionIsToldBehindItsCheckout();
    void aSuspicionOfOneThatComesBack();
    void toldByItsHolder();
    void morePlacesThanThereIsRoomFor();
    void countsAreExact();
};

/// add_connection: whoever was told of it finds it in a picture from then on.
void TestPoolSeams::aConnectionThatWasToldOfShows()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(4), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    std::size_t told = 0;
    PoolPicture picture;
    const StepIn step(Seam::taken_up, [&] {
        told = sink.of(PoolEventKind::opened).size();
        picture = pool.control().picture();
    });
    const auto id = pool.add_connection(FakeConnection{}, "batch");
    QVERIFY(id && step.is_done());
    QCOMPARE(told, std::size_t{1});
    QCOMPARE(picture.connections.size(), std::size_t{1});
    QCOMPARE(picture.connections.front().id, id.value());
    QCOMPARE(picture.figures.idle, std::int64_t{1});
    pool.control().set_sink(nullptr);
}

/// The last instant for it: the return must not lend again what was taken away.
void TestPoolSeams::reclaimedWhileItComesBack()
{
    Backend backend;
    FakePool pool(small_config(1), FakeFactory{&backend});
    auto guard = pool.acquire("orders");
    QVERIFY(guard);
    bool taken = false;
    const CheckoutId id = guard.value().checkout_id();
    const StepIn step(Seam::returning,
                      [&] { taken = static_cast<bool>(pool.control().reclaim(id)); });
    guard.value().release();
    QVERIFY(taken);
    const PoolStatistics statistics = pool.stats();
    QCOMPARE(statistics.reclaimed, std::uint64_t{1});
    QCOMPARE(statistics.total, std::int64_t{0});
    QCOMPARE(backend.closed.load(), 1);
    QVERIFY(pool.acquire("orders"));
    QCOMPARE(backend.opened.load(), 2);
}

void TestPoolSeams::aReturnIsToldBeforeItShows()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(1), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    std::size_t told = 0;
    std::int64_t used = -1;
    {
        auto guard = pool.acquire("orders");
        QVERIFY(guard);
        const StepIn step(Seam::returned, [&] {
            told = sink.of(PoolEventKind::checkin).size();
            used = pool.control().figures().used;
        });
        guard.value().release();
        QVERIFY(step.is_done());
    }
    QCOMPARE(told, std::size_t{1});
    QCOMPARE(used, std::int64_t{0});
    pool.control().set_sink(nullptr);
}

/// While it is told it still shows as lent, whoever told of it: a picture of then has it.
void TestPoolSeams::soIsThatOfOneThatIsToldMeanwhile()
{
    Backend backend;
    UsedAtReturn sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(1), FakeFactory{&backend});
    sink.control = &pool.control();
    pool.control().set_sink(&sink);
    for (const bool sums : {false, true}) {
        pool.control().sum_brief(sums);
        auto guard = pool.acquire("orders");
        QVERIFY(guard);
        const StepIn step(Seam::returning,
                          [&] { pool.control().tell_lent(in_future(Duration{1})); });
        guard.value().release();
        QVERIFY(step.is_done());
    }
    QCOMPARE(sink.used, (std::vector<std::int64_t>{1, 1}));
    pool.control().set_sink(nullptr);
}

/// The agent marks it just before it comes back: then the agent tells of it, and the pool of its
/// return.
void TestPoolSeams::toldWhileItComesBack()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(2), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    for (const bool broken : {false, true}) {
        auto guard = pool.acquire("orders");
        QVERIFY(guard);
        const CheckoutId id = guard.value().checkout_id();
        std::vector<OpenCheckout> told;
        const StepIn step(Seam::returning,
                          [&] { told = pool.control().tell_lent(in_future(Duration{1})); });
        if (broken)
            guard.value().mark_broken();
        guard.value().release();
        QCOMPARE(told.size(), std::size_t{1});
        QCOMPARE(told.front().id, id);
        QCOMPARE(told.front().acquired_by, std::string("orders"));
        QCOMPARE(sink.of(PoolEventKind::checkin).back().checkout, id);
        QCOMPARE(briefly(pool.control()), std::uint64_t{0});
    }
    QVERIFY(sink.of(PoolEventKind::checkout).empty());
    QCOMPARE(sink.of(PoolEventKind::checkin).size(), std::size_t{2});
    pool.control().set_sink(nullptr);
}

void TestPoolSeams::shownWhileItComesBack()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(2), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    auto guard = pool.acquire("orders");
    QVERIFY(guard);
    const CheckoutId id = guard.value().checkout_id();
    PoolPicture picture;
    const StepIn step(Seam::returning, [&] { picture = pool.control().picture(); });
    guard.value().release();
    QCOMPARE(picture.checkouts.size(), std::size_t{1});
    QCOMPARE(picture.told, std::vector<CheckoutId>{id});
    QCOMPARE(sink.of(PoolEventKind::checkin).size(), std::size_t{1});
    QCOMPARE(briefly(pool.control()), std::uint64_t{0});
    QVERIFY(pool.control().picture().checkouts.empty());
    pool.control().set_sink(nullptr);
}

/// Nobody marked it: it is in the sum, and in nothing else; so it is with a broken one.
void TestPoolSeams::untoldUntilTheEnd()
{
    Backend backend;
    PoolConfig config = small_config(2);
    config.stack_capture = StackCapture::always;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(config, FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    for (const bool broken : {false, true}) {
        auto guard = pool.acquire("orders");
        QVERIFY(guard);
        // Not old enough yet.
        QVERIFY(pool.control()
                    .tell_lent(Ticks{now_ticks().value - ticks_in(std::chrono::hours(1))})
                    .empty());
        if (broken)
            guard.value().mark_broken();
        guard.value().release();
        const std::vector<BriefUses> uses = pool.control().take_brief();
        QCOMPARE(uses.size(), std::size_t{1});
        QCOMPARE(uses.front().count, std::uint64_t{1});
        QVERIFY(uses.front().stack != StackId{});
    }
    QVERIFY(pool.control().take_brief().empty());
    QVERIFY(sink.of(PoolEventKind::checkout).empty());
    QVERIFY(sink.of(PoolEventKind::checkin).empty());
    // Switched off, each is told again.
    pool.control().sum_brief(false);
    pool.acquire("orders").value().release();
    QCOMPARE(sink.of(PoolEventKind::checkout).size(), std::size_t{1});
    QCOMPARE(sink.of(PoolEventKind::checkin).size(), std::size_t{1});
    QCOMPARE(briefly(pool.control()), std::uint64_t{0});
    pool.control().set_sink(nullptr);
}

/// Whoever has seen that it came back finds it in the sum: else the sum of another time had it, and
/// went to one who did not ask for sums.
void TestPoolSeams::theSumWaitsForWhatCameBack()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(1), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    auto guard = pool.acquire("orders");
    QVERIFY(guard);
    std::uint64_t count = 0;
    std::atomic<bool> answered{false};
    std::thread asks;
    const StepIn step(Seam::untold, [&] {
        QCOMPARE(pool.control().picture().checkouts.size(), std::size_t{0});
        asks = std::thread([&] {
            count = briefly(pool.control());
            answered = true;
        });
        // It has to wait for this very step.
        QVERIFY(!soon([&] { return answered.load(); }, std::chrono::milliseconds(200)));
    });
    guard.value().release();
    QVERIFY(asks.joinable());
    asks.join();
    QCOMPARE(count, std::uint64_t{1});
    pool.control().set_sink(nullptr);
}

/// Else whoever is attached would not know whom it suspects.
void TestPoolSeams::aSuspicionIsToldBehindItsCheckout()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.leak_detection = true;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(config, FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    auto guard = pool.acquire("orders");
    QVERIFY(guard);
    QCOMPARE(kinds_of(sink), std::string("open "));
    pool.maintain(in_future(std::chrono::minutes(1)));
    {
        const std::lock_guard lock(sink.mutex);
        QCOMPARE(sink.seen.front().checkout, guard.value().checkout_id());
    }
    QCOMPARE(kinds_of(sink), std::string("checkout leak "));
    pool.maintain(in_future(std::chrono::minutes(10)));
    guard.value().release();
    QCOMPARE(kinds_of(sink), std::string("leak leak checkin "));
    QCOMPARE(briefly(pool.control()), std::uint64_t{0});
    pool.control().set_sink(nullptr);
}

/// Suspected in the last instant, it is told of before its return is.
void TestPoolSeams::aSuspicionOfOneThatComesBack()
{
    Backend backend;
    PoolConfig config = small_config(1);
    config.leak_detection = true;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(config, FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    auto guard = pool.acquire("orders");
    QVERIFY(guard);
    std::atomic<bool> marked{false};
    std::thread judges;
    const StepIn telling(Seam::marked, [&] {
        marked = true;
        // Its return is under way, and has to wait.
        QVERIFY(!soon([&] { return !sink.of(PoolEventKind::checkin).empty(); },
                      std::chrono::milliseconds(200)));
    });
    const StepIn coming(Seam::returning, [&] {
        judges = std::thread([&] { pool.maintain(in_future(std::chrono::minutes(1))); });
        QVERIFY(soon([&] { return marked.load(); }, std::chrono::seconds(60)));
    });
    guard.value().release();
    QVERIFY(judges.joinable());
    judges.join();
    QVERIFY(telling.is_done());
    // Its suspicion may be told before or behind its return.
    const std::string kinds = kinds_of(sink);
    QVERIFY2(kinds.starts_with("open checkout "), kinds.c_str());
    QVERIFY2(kinds.find("checkin ") != std::string::npos, kinds.c_str());
    pool.control().set_sink(nullptr);
}

/// What is said of a checkout comes behind it.
void TestPoolSeams::toldByItsHolder()
{
    Backend backend;
    RecordingSink sink; // outlives the pool, also where a check fails
    FakePool pool(small_config(2), FakeFactory{&backend});
    pool.control().set_sink(&sink);
    pool.control().sum_brief(true);
    const auto kinds = [&] {
        return kinds_of(sink);
    };
    pool.acquire("orders").value().release();
    QCOMPARE(kinds(), std::string("open "));
    AcquireOptions options;
    options.user = "orders";
    options.tags = {{"route", "/cart"}};
    auto beating = pool.acquire(options);
    QVERIFY(beating);
    beating.value().heartbeat();
    beating.value().heartbeat();
    {
        const std::lock_guard lock(sink.mutex);
        QCOMPARE(sink.seen.front().tags.size(), std::size_t{1});
    }
    beating.value().release();
    QCOMPARE(kinds(), std::string("checkout beat beat checkin "));
    auto taken = pool.acquire("orders");
    QVERIFY(taken);
    QVERIFY(pool.control().reclaim(taken.value().checkout_id()));
    taken.value().release();
    QCOMPARE(kinds(), std::string("checkout checkin close "));
    auto speaking = pool.acquire("orders");
    QVERIFY(speaking);
    speaking.value().begin_statement("select 1");
    speaking.value().end_statement();
    speaking.value().release();
    QCOMPARE(kinds(), std::string("open checkout use use checkin "));
    pool.acquire("orders").value().release(); // it tells of its statements, so of all
    QCOMPARE(kinds(), std::string("checkout checkin "));
    QCOMPARE(briefly(pool.control()), std::uint64_t{1});
    pool.control().set_sink(nullptr);
}

/// The rest is told one by one, and nothing is counted twice.
void TestPoolSeams::morePlacesThanThereIsRoomFor()
{
    const auto owner = std::make_unique<detail::ThreadRecord>();
    const auto table = std::make_unique<BriefTable>(*owner);
    std::size_t found = 0;
    for (std::uint32_t stack = 1; stack <= 10'000; ++stack) {
        if (BriefTable::Place* const place = table->place_of(StackId{stack})) {
            QCOMPARE(table->place_of(StackId{stack}), place);
            table->add(place, 7, 1);
            ++found;
        }
    }
    QVERIFY(found > 64 && found <= 128);
    std::size_t taken = 0;
    table->take([&](const BriefTable::Taken& one) {
        QCOMPARE(one.count, std::uint64_t{1});
        QCOMPARE(one.total, std::uint64_t{7});
        QCOMPARE(one.longest, std::uint64_t{7});
        ++taken;
    });
    QCOMPARE(taken, found);
}

/// Measured ones stand for others; the sum is that of all the same, whenever it is taken.
void TestPoolSeams::countsAreExact()
{
    const auto owner = std::make_unique<detail::ThreadRecord>();
    const auto table = std::make_unique<BriefTable>(*owner);
    std::uint64_t told = 0;
    std::array<std::uint64_t, 3> by_place{};
    const auto take = [&] {
        table->take([&](const BriefTable::Taken& one) {
            told += one.count;
            by_place.at(one.stack.value) += one.count;
        });
    };
    for (std::uint64_t i = 1; i <= 30'000; ++i) {
        const std::uint32_t stack = i % 3 == 0 ? 2 : 1;
        const bool measured = i * 0x9E3779B97F4A7C15U >> 61U == 0;
        table->add(measured ? table->place_of(StackId{stack}) : nullptr, 10, measured ? 8 : 0);
        if (i % 7 == 0 || i == 30'000) {
            take();
            QCOMPARE(told, i);
        }
    }
    QCOMPARE(std::accumulate(by_place.begin(), by_place.end(), std::uint64_t{0}), told);
    QVERIFY(by_place[1] > 19'000 && by_place[1] < 21'000);
    QVERIFY(by_place[2] > 9'000 && by_place[2] < 11'000);
}

QTEST_GUILESS_MAIN(TestPoolSeams)
#include "tst_poolseams.moc"
