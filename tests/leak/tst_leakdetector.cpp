// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/leak/leakdetector.h"
#include "core/leak/resourceguard.h"
#include "core/stack/symboliser.h"

#include <QTest>

#include <latch>
#include <stdexcept>
#include <thread>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Ticks start{1'000'000'000'000};

Ticks after(Duration duration)
{
    return Ticks{start.value + ticks_in(duration)};
}

ResourceInfo info_of(const char* who, ResourceType type = ResourceType::statement)
{
    return {type, who, {{"route", "/orders"}}, StackId{7}, {}};
}

} // namespace

class TestLeakDetector : public QObject
{
    Q_OBJECT
private slots:
    void thresholds();
    void reportSaysEverything();
    void lateReleaseResolves();
    void expectedAndHeartbeat();
    void wrongReleases();
    void boundedAndCounted();
    void stackIsTheCallers();
    void guardReleasesOnce();
    void manyThreads();
};

void TestLeakDetector::thresholds()
{
    LeakDetector detector;
    detector.track(ResourceId{1}, info_of("a"), start);
    QVERIFY(detector.check_leaks(after(29s)).empty());
    QCOMPARE(detector.check_leaks(after(30s + 1ms)).at(0).severity, LeakSeverity::alert);
    QCOMPARE(detector.check_leaks(after(301s)).at(0).severity, LeakSeverity::critical);
    QCOMPARE(detector.statistics(start).leaks_detected, 1U); // one leak, however often reported
    LeakDetector strict({{1s, 2s}, 10, false, CaptureMethod::automatic});
    strict.track(ResourceId{1}, info_of("a"), start);
    QCOMPARE(strict.check_leaks(after(2s + 1ms)).at(0).severity, LeakSeverity::critical);
}

void TestLeakDetector::reportSaysEverything()
{
    LeakDetector detector;
    detector.track(ResourceId{5}, info_of("young", ResourceType::file), after(10s));
    detector.track(ResourceId{4}, info_of("old", ResourceType::cursor), start);
    const auto reports = detector.check_leaks(after(60s));
    QCOMPARE(reports.size(), std::size_t{2});
    QCOMPARE(reports[0].id, ResourceId{4}); // oldest first
    QCOMPARE(name_of(reports[0].type), std::string_view("cursor"));
    QVERIFY(reports[0].age >= 60s - 1ms && reports[0].age <= 60s + 1ms);
    QCOMPARE(reports[0].acquired_by, std::string("old"));
    QCOMPARE(reports[0].metadata, (std::vector<Tag>{{"route", "/orders"}}));
    QCOMPARE(reports[0].stack, StackId{7});
    QVERIFY(!reports[0].resolved);
    const LeakStatistics statistics = detector.statistics(after(60s));
    QCOMPARE(statistics.leaks_detected, 2U);
    QCOMPARE(statistics.currently_suspected, std::size_t{2});
    QCOMPARE(statistics.currently_tracked, std::size_t{2});
    QVERIFY(statistics.oldest.value() >= 60s - 1ms);
    QVERIFY(!LeakDetector().statistics(start).oldest);
}

void TestLeakDetector::lateReleaseResolves()
{
    LeakDetector detector;
    detector.track(ResourceId{1}, info_of("a"), start);
    detector.track(ResourceId{2}, info_of("b"), start);
    QCOMPARE(detector.check_leaks(after(40s)).size(), std::size_t{2});
    QCOMPARE(detector.release(ResourceId{1}, after(50s)), ReleaseOutcome::resolved);
    const auto reports = detector.check_leaks(after(51s));
    QCOMPARE(reports.size(), std::size_t{2});
    QCOMPARE(reports[1].id, ResourceId{1});
    QVERIFY(reports[1].resolved);
    QVERIFY(reports[1].age < 51s);
    QCOMPARE(detector.check_leaks(after(52s)).size(), std::size_t{1}); // told once
    QCOMPARE(detector.statistics(start).leaks_resolved, 1U);
    // Never reported, so nothing to resolve.
    detector.track(ResourceId{3}, info_of("c"), start);
    QCOMPARE(detector.release(ResourceId{3}, after(400s)), ReleaseOutcome::released);
}

void TestLeakDetector::expectedAndHeartbeat()
{
    LeakDetector detector;
    ResourceInfo batch = info_of("batch");
    batch.expected = 10min;
    detector.track(ResourceId{1}, batch, start);
    detector.track(ResourceId{2}, info_of("beating"), start);
    QVERIFY(detector.heartbeat(ResourceId{2}, after(5min)));
    QVERIFY(!detector.heartbeat(ResourceId{9}, after(5min)));
    QVERIFY(detector.check_leaks(after(5min + 29s)).empty());
    QCOMPARE(detector.check_leaks(after(5min + 31s)).size(), std::size_t{1});
    QCOMPARE(detector.check_leaks(after(11min)).size(), std::size_t{2});
    // A late one counts too, of the same leak.
    QVERIFY(detector.heartbeat(ResourceId{2}, after(12min)));
    QCOMPARE(detector.check_leaks(after(12min + 1s)).size(), std::size_t{1});
    QCOMPARE(detector.statistics(after(12min + 1s)).currently_suspected, std::size_t{1});
    QCOMPARE(detector.check_leaks(after(20min)).size(), std::size_t{2});
    QCOMPARE(detector.statistics(after(20min)).currently_suspected, std::size_t{2});
    QCOMPARE(detector.statistics(after(20min)).leaks_detected, 2U);
    // Neither for ever.
    detector.heartbeat(ResourceId{2}, after(2h));
    QCOMPARE(detector.check_leaks(after(2h + 1s)).size(), std::size_t{2});
}

void TestLeakDetector::wrongReleases()
{
    LeakDetector detector;
    QCOMPARE(detector.track(ResourceId{1}, info_of("a"), start), TrackOutcome::tracked);
    QCOMPARE(detector.track(ResourceId{1}, info_of("b"), after(1s)), TrackOutcome::duplicate);
    QCOMPARE(detector.check_leaks(after(40s)).at(0).acquired_by, std::string("a"));
    ReleaseOutcome elsewhere = ReleaseOutcome::unknown;
    std::thread([&] { elsewhere = detector.release(ResourceId{1}); }).join();
    QCOMPARE(elsewhere, ReleaseOutcome::resolved);
    QCOMPARE(detector.release(ResourceId{1}), ReleaseOutcome::twice);
    QCOMPARE(detector.release(ResourceId{2}), ReleaseOutcome::unknown);
    const LeakStatistics statistics = detector.statistics(start);
    QCOMPARE(statistics.duplicates, 1U);
    QCOMPARE(statistics.double_releases, 1U);
    QCOMPARE(statistics.unknown_releases, 1U);
    QCOMPARE(statistics.currently_tracked, std::size_t{0});
    // An id that is used again after all is tracked again.
    QCOMPARE(detector.track(ResourceId{1}, info_of("a"), start), TrackOutcome::tracked);
    QCOMPARE(detector.release(ResourceId{1}), ReleaseOutcome::released);
}

void TestLeakDetector::boundedAndCounted()
{
    LeakDetector detector({{}, 3, false, CaptureMethod::automatic});
    for (std::uint64_t i = 1; i <= 5; ++i)
        detector.track(ResourceId{i}, info_of("a"), start);
    QCOMPARE(detector.track(ResourceId{6}, info_of("a"), start), TrackOutcome::full);
    QCOMPARE(detector.statistics(start).dropped, 3U);
    QCOMPARE(detector.statistics(start).currently_tracked, std::size_t{3});
    QCOMPARE(detector.release(ResourceId{5}), ReleaseOutcome::unknown);
    QCOMPARE(detector.release(ResourceId{1}), ReleaseOutcome::released);
    QCOMPARE(detector.track(ResourceId{7}, info_of("a"), start), TrackOutcome::tracked);
}

void TestLeakDetector::stackIsTheCallers()
{
    LeakDetector detector;
    const int line = __LINE__ + 1;
    detector.track(ResourceId{1}, {ResourceType::other, "a", {}, {}, {}});
    const auto reports = detector.check_leaks(Ticks{now_ticks().value + ticks_in(40s)});
    const Frames frames = Symboliser::process().frames(reports.at(0).stack);
    QVERIFY(!frames.empty());
    QVERIFY(frames[0].function.ends_with("TestLeakDetector::stackIsTheCallers"));
    QCOMPARE(frames[0].line, line);
    QVERIFY(frames[0].own);
    LeakDetector without({{}, 10, false, CaptureMethod::automatic});
    without.track(ResourceId{1}, {ResourceType::other, "a", {}, {}, {}});
    QCOMPARE(without.check_leaks(Ticks{now_ticks().value + ticks_in(40s)}).at(0).stack, StackId{});
}

void TestLeakDetector::guardReleasesOnce()
{
    LeakDetector detector;
    {
        ResourceGuard guard(detector, info_of("a"));
        QVERIFY(guard.tracked());
        ResourceGuard moved(std::move(guard));
        QVERIFY(!guard.tracked()); // NOLINT(bugprone-use-after-move): that is what is asked
        ResourceGuard other(detector, info_of("b"));
        QCOMPARE(detector.statistics(start).currently_tracked, std::size_t{2});
        other = std::move(moved);
        QCOMPARE(detector.statistics(start).currently_tracked, std::size_t{1});
        other.heartbeat();
        other.release();
        other.release();
        ResourceGuard twin(detector, other.id(), info_of("c"));
        const ResourceGuard late(detector, other.id(), info_of("d"));
        QVERIFY(!late.tracked()); // and will not release what twin holds
    }
    try {
        const ResourceGuard guard(detector, info_of("a"));
        throw std::runtime_error("an error path");
    } catch (const std::runtime_error&) {
    }
    const LeakStatistics statistics = detector.statistics(start);
    QCOMPARE(statistics.currently_tracked, std::size_t{0});
    QCOMPARE(statistics.double_releases, 0U);
    QCOMPARE(statistics.unknown_releases, 0U);
    QCOMPARE(statistics.duplicates, 1U);
}

void TestLeakDetector::manyThreads()
{
    constexpr std::uint64_t threads = 8;
    constexpr std::uint64_t rounds = 2000;
    LeakDetector detector({{}, 1'000'000, false, CaptureMethod::automatic});
    std::latch ready(threads);
    std::vector<std::thread> workers;
    for (std::uint64_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            ready.arrive_and_wait();
            for (std::uint64_t i = 0; i < rounds; ++i) {
                detector.track(ResourceId{t * rounds + i}, info_of("a"), start);
                if (i % 100 == 0)
                    detector.check_leaks(after(60s));
                // What the neighbour acquired, if it is there already.
                detector.release(ResourceId{(t + 1) % threads * rounds + i});
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    const LeakStatistics s = detector.statistics(start);
    QCOMPARE(s.dropped + s.duplicates, 0U);
    const std::uint64_t missed = s.double_releases + s.unknown_releases;
    QCOMPARE(s.currently_tracked, std::size_t{missed}); // each miss left one behind
    QVERIFY(s.leaks_resolved <= s.leaks_detected);
}

QTEST_APPLESS_MAIN(TestLeakDetector)
#include "tst_leakdetector.moc"
