// SPDX-License-Identifier: GPL-3.0-or-later
// Configuration, circuit breaker, health monitor, histogram: what a pool is made of.
#include "core/pool/circuitbreaker.h"
#include "core/pool/healthmonitor.h"
#include "core/pool/loghistogram.h"
#include "core/pool/poolconfig.h"
#include "core/pool/poolusers.h"

#include <QString>
#include <QTest>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <thread>

using namespace poolscope;
using namespace std::chrono_literals;

class TestPoolParts : public QObject
{
    Q_OBJECT
private slots:
    void presets_data();
    void presets();
    void defaultsOnlyObserve();
    void validateNamesEverything();
    void validateBoundsDurations_data();
    void validateBoundsDurations();
    void longIntervalsDoNotSpin_data();
    void longIntervalsDoNotSpin();
    void circuitWithLongTimesOpens();
    void circuitOpensAndCloses();
    void circuitForgetsOldFailures();
    void circuitProbes();
    void healthThresholds();
    void healthLeavesBusyAlone();
    void healthRuns();
    void healthStopsWhileItIsStarted();
    void healthForgetsOnlyWhatNobodyLooksAt_data();
    void healthForgetsOnlyWhatNobodyLooksAt();
    void healthMayBeForgottenWhileItIsLookedAt();
    void histogram();
};

void TestPoolParts::presets_data()
{
    QTest::addColumn<int>("preset");
    QTest::addColumn<quint32>("max");
    QTest::addColumn<quint32>("perUser");
    QTest::addColumn<QList<int>>("seconds"); // acquire, idle, age, health, leak, cleanup
    QTest::newRow("development") << 0 << 100U << 10U << QList<int>{5, 60, 600, 30, 10, 30};
    QTest::newRow("staging") << 1 << 1'000U << 50U << QList<int>{10, 180, 1'800, 60, 15, 60};
    QTest::newRow("production") << 2 << 10'000U << 100U << QList<int>{30, 300, 3'600, 60, 30, 60};
}

void TestPoolParts::presets()
{
    QFETCH(int, preset);
    QFETCH(quint32, max);
    QFETCH(quint32, perUser);
    QFETCH(QList<int>, seconds);
    const PoolConfig c = preset == 0   ? PoolConfig::development()
                         : preset == 1 ? PoolConfig::staging()
                                       : PoolConfig::production();
    QCOMPARE(c.max_connections, max);
    QCOMPARE(c.max_per_user, perUser);
    const QList<Duration> durations{c.acquire_timeout,       c.idle_timeout,   c.max_connection_age,
                                    c.health_check_interval, c.leak_threshold, c.cleanup_interval};
    for (int i = 0; i < durations.size(); ++i)
        QCOMPARE(durations[i].count(), seconds[i] * 1'000'000LL);
    QVERIFY(c.health_check && c.leak_detection && c.automatic_cleanup);
    QVERIFY(c.validate());
}

void TestPoolParts::defaultsOnlyObserve()
{
    const PoolConfig c;
    QVERIFY(!c.health_check && !c.leak_detection && !c.automatic_cleanup);
    QVERIFY(c.validate());
    QCOMPARE(c.leak_thresholds(), LeakThresholds{});
}

void TestPoolParts::validateNamesEverything()
{
    PoolConfig c;
    c.max_connections = 0;
    c.max_per_user = 5;
    c.min_idle = 6;
    c.acquire_timeout = 0s;
    c.idle_timeout = 10s;
    c.max_connection_age = 5s;
    c.health_check = c.leak_detection = c.automatic_cleanup = true;
    c.health_check_interval = 0s;
    c.leak_threshold = 0s;
    c.leak_critical_threshold = -1s;
    c.cleanup_interval = -5s;
    c.stack_capture = StackCapture::sampled;
    c.sample_every = 0;
    c.circuit.failure_rate = std::numeric_limits<double>::quiet_NaN();
    c.circuit.probes = 0;
    const Result<Done> result = c.validate();
    QVERIFY(!result);
    const QString all = QString::fromStdString(result.error().sentence);
    for (const char* name : {"max_connections", "max_per_user", "min_idle", "acquire_timeout",
                             "idle_timeout", "max_connection_age", "health_check_interval",
                             "leak_threshold", "leak_critical_threshold", "cleanup_interval",
                             "sample_every", "circuit.failure_rate", "circuit.probes"})
        QVERIFY2(all.contains(QLatin1String(name)), name);
    QCOMPARE(all.count(QLatin1Char('\n')), 11); // one complaint a line
    c = PoolConfig();
    c.idle_timeout = 0s; // never
    c.max_connection_age = 1s;
    QVERIFY(c.validate());
    c.leak_threshold = -1s; // switched off: no contradiction
    QVERIFY(c.validate());
}

namespace {

Ticks at(Duration since)
{
    return Ticks{1'000'000'000'000 + ticks_in(since)};
}

} // namespace

void TestPoolParts::validateBoundsDurations_data()
{
    QTest::addColumn<int>("which");
    int which = 0;
    for (const char* name : {"acquire_timeout", "idle_timeout", "max_connection_age",
                             "health_check_interval", "leak_threshold", "leak_critical_threshold",
                             "cleanup_interval", "circuit.window", "circuit.open_for"})
        QTest::newRow(name) << which++;
}

void TestPoolParts::validateBoundsDurations()
{
    QFETCH(int, which);
    PoolConfig c = PoolConfig::production();
    c.idle_timeout = c.max_connection_age = 0s;
    Duration* const all[] = {
        &c.acquire_timeout,       &c.idle_timeout,   &c.max_connection_age,
        &c.health_check_interval, &c.leak_threshold, &c.leak_critical_threshold,
        &c.cleanup_interval,      &c.circuit.window, &c.circuit.open_for};
    c.leak_critical_threshold = longest_setting;
    *all[which] = longest_setting;
    QVERIFY(c.validate());
    for (const Duration value : {longest_setting + 1us, Duration::max()}) {
        *all[which] = value;
        const auto result = c.validate();
        QVERIFY(!result);
        const std::string sentence = QTest::currentDataTag() + std::string(" is above 10 years");
        QVERIFY2(result.error().sentence.find(sentence) != std::string::npos,
                 result.error().sentence.c_str());
    }
}

void TestPoolParts::longIntervalsDoNotSpin_data()
{
    QTest::addColumn<qint64>("us");
    QTest::addColumn<int>("most");
    QTest::newRow("longest there is") << qint64{Duration::max().count()} << 1;
    QTest::newRow("none") << qint64{0} << 200;
    QTest::newRow("negative") << qint64{Duration::min().count()} << 200;
}

void TestPoolParts::longIntervalsDoNotSpin()
{
    QFETCH(qint64, us);
    QFETCH(int, most);
    HealthMonitor monitor({Duration{us}, 1, 3, 1, 1s});
    std::atomic<int> probes{0};
    int connection = 0;
    monitor.monitor(ConnectionId{1}, connection, [&](int&) { return ++probes > 0; });
    monitor.start();
    QTest::qWait(150);
    monitor.stop();
    QVERIFY2(probes >= 1 && probes <= most, qPrintable(QString::number(probes)));
}

void TestPoolParts::circuitWithLongTimesOpens()
{
    CircuitBreaker breaker({true, 0.5, 4, Duration::max(), Duration::max(), 2});
    // One after the other: a window that has come out as no time at all would forget each at once.
    for (int i = 0; i < 4; ++i) {
        QCOMPARE(breaker.state(at(i * 1h)), CircuitState::closed);
        breaker.failed(at(i * 1h));
    }
    QCOMPARE(breaker.state(at(4h)), CircuitState::open);
    const Duration refused = breaker.refuses_for(at(4h));
    QVERIFY(refused > 24h && refused <= longest_setting); // an instant that far off can be told
}

void TestPoolParts::circuitOpensAndCloses()
{
    CircuitBreaker breaker({true, 0.5, 4, 10s, 5s, 2});
    breaker.succeeded(at(0s));
    breaker.succeeded(at(0s));
    breaker.failed(at(1s));
    QCOMPARE(breaker.state(at(1s)), CircuitState::closed);
    QVERIFY(breaker.failure_rate(at(1s)) > 0.33 && breaker.failure_rate(at(1s)) < 0.34);
    breaker.failed(at(1s)); // 2 of 4
    QCOMPARE(breaker.state(at(1s)), CircuitState::open);
    QVERIFY(!breaker.allow(at(5s)));
    QCOMPARE(breaker.state(at(6s)), CircuitState::half_open);
    QVERIFY(breaker.allow(at(6s)));
    breaker.succeeded(at(6s));
    QCOMPARE(breaker.state(at(6s)), CircuitState::half_open);
    QVERIFY(breaker.allow(at(6s)));
    breaker.succeeded(at(6s));
    QCOMPARE(breaker.state(at(6s)), CircuitState::closed);
    QCOMPARE(breaker.times_opened(), 1U);
    QCOMPARE(breaker.failure_rate(at(6s)), 0.0);
    // A counter that begins anew: who opened it is hours in the future.
    for (int i = 0; i < 4; ++i)
        breaker.failed(at(10h));
    QCOMPARE(breaker.state(at(10h)), CircuitState::open);
    QCOMPARE(breaker.state(at(10h - 1ms)), CircuitState::open); // asked by another thread
    QCOMPARE(breaker.state(at(20s)), CircuitState::half_open);
    QVERIFY(breaker.allow(at(20s)));
    CircuitBreaker off({false, 0.5, 1, 10s, 5s, 1});
    for (int i = 0; i < 10; ++i)
        off.failed(at(0s));
    QVERIFY(off.allow(at(0s)));
}

void TestPoolParts::circuitForgetsOldFailures()
{
    CircuitBreaker breaker({true, 0.5, 3, 10s, 5s, 1});
    breaker.failed(at(0s));
    breaker.failed(at(1s));
    breaker.failed(at(12s)); // the first two are out of the window
    QCOMPARE(breaker.state(at(12s)), CircuitState::closed);
    breaker.failed(at(13s));
    breaker.failed(at(13s));
    QCOMPARE(breaker.state(at(13s)), CircuitState::open);
}

void TestPoolParts::circuitProbes()
{
    CircuitBreaker breaker({true, 0.5, 1, 10s, 5s, 2});
    breaker.failed(at(0s));
    QVERIFY(breaker.allow(at(5s)));
    QVERIFY(breaker.allow(at(5s)));
    QVERIFY(!breaker.allow(at(5s))); // two probes, no more
    breaker.forgotten();
    QVERIFY(breaker.allow(at(5s)));
    breaker.succeeded(at(6s));
    breaker.failed(at(6s)); // one bad probe is enough
    QCOMPARE(breaker.state(at(6s)), CircuitState::open);
    QVERIFY(!breaker.allow(at(10s)));
    breaker.succeeded(at(10s)); // let through long ago
    QCOMPARE(breaker.state(at(10s)), CircuitState::open);
    QCOMPARE(breaker.times_opened(), 2U);
}

namespace {

struct ScriptedProbe final : HealthProbe
{
    ProbeResult probe() override
    {
        ++probes;
        if (throws)
            throw std::runtime_error("no answer");
        return result;
    }
    bool is_leaked() const override { return leaked; }
    std::atomic<int> probes{0};
    std::atomic<ProbeResult> result{ProbeResult::passed};
    std::atomic<bool> leaked{false};
    std::atomic<bool> throws{false};
};

} // namespace

void TestPoolParts::healthThresholds()
{
    HealthMonitor monitor({60s, 1, 3, 2, 1s});
    const ConnectionId id{7};
    const auto probe = std::make_shared<ScriptedProbe>();
    std::vector<Health> changes;
    monitor.on_change([&](const HealthStatus& s) { changes.push_back(s.status); });
    QVERIFY(!monitor.check(id));
    QCOMPARE(monitor.worst(), Health::unknown);
    monitor.monitor(id, probe);
    QCOMPARE(monitor.all().at(0).status, Health::unknown);
    QCOMPARE(monitor.check(id)->status, Health::healthy);
    probe->throws = true;
    QCOMPARE(monitor.check(id)->status, Health::degraded);
    QCOMPARE(monitor.check(id)->status, Health::degraded);
    QVERIFY(monitor.unhealthy().empty());
    QCOMPARE(monitor.check(id)->status, Health::unhealthy);
    QCOMPARE(monitor.unhealthy().at(0).id, id);
    QCOMPARE(monitor.unhealthy().at(0).consecutive_failures, 3U);
    probe->throws = false;
    QCOMPARE(monitor.check(id)->status, Health::unhealthy); // one success is not enough here
    QCOMPARE(monitor.check(id)->status, Health::healthy);
    QCOMPARE(changes, (std::vector<Health>{Health::healthy, Health::degraded, Health::unhealthy,
                                           Health::healthy}));
    probe->result = ProbeResult::gone;
    QVERIFY(!monitor.check(id));
    QVERIFY(monitor.all().empty());
    int connection = 3;
    monitor.monitor(id, connection, [](int& c) { return c == 3; });
    QCOMPARE(monitor.check(id)->status, Health::healthy);
    struct Session
    {
        bool works;
        bool validate() const { return works; }
    };
    Session session{true};
    monitor.monitor(id, session);
    QCOMPARE(monitor.check(id)->status, Health::healthy);
    session.works = false;
    QCOMPARE(monitor.check(id)->status, Health::degraded);
    monitor.forget(id);
    QVERIFY(monitor.all().empty());
}

void TestPoolParts::healthLeavesBusyAlone()
{
    HealthMonitor monitor;
    const auto probe = std::make_shared<ScriptedProbe>();
    probe->result = ProbeResult::busy;
    probe->leaked = true;
    monitor.monitor(ConnectionId{1}, probe);
    const auto status = monitor.check(ConnectionId{1});
    QCOMPARE(status->status, Health::unknown);
    QCOMPARE(status->skipped, 1U);
    QCOMPARE(status->checks, 0U);
    QVERIFY(status->is_leaked);
    QVERIFY(monitor.all().at(0).is_leaked);
}

void TestPoolParts::healthRuns()
{
    HealthMonitor monitor({1ms, 1, 3, 1, 1s});
    const auto probe = std::make_shared<ScriptedProbe>();
    monitor.monitor(ConnectionId{1}, probe);
    monitor.start();
    monitor.start(); // once
    QTRY_VERIFY(probe->probes > 3);
    monitor.stop();
    const int after = probe->probes;
    QCOMPARE(probe->probes.load(), after);
    monitor.start();
    QTRY_VERIFY(probe->probes > after);
}

void TestPoolParts::healthStopsWhileItIsStarted()
{
    HealthMonitor monitor({1h, 1, 3, 1, 1s});
    std::atomic<bool> inside{false};
    std::atomic<bool> go{false};
    int connection = 0;
    monitor.monitor(ConnectionId{1}, connection, [&](int&) {
        inside = true;
        while (!go)
            std::this_thread::yield();
        return true;
    });
    monitor.start();
    QTRY_VERIFY(inside);
    std::atomic<bool> stopped{false};
    std::thread stopper([&] {
        monitor.stop();
        stopped = true;
    });
    QTest::qWait(20); // it gets as far as waiting; were it later, less would be tried
    std::thread starter([&] { monitor.start(); });
    QTest::qWait(20);
    go = true;
    const bool in_time = QTest::qWaitFor([&] { return stopped.load(); }, 5000);
    starter.join();
    monitor.stop();
    stopper.join();
    QVERIFY(in_time);
}

void TestPoolParts::healthForgetsOnlyWhatNobodyLooksAt_data()
{
    QTest::addColumn<bool>("replaced");
    QTest::newRow("forgotten") << false;
    QTest::newRow("replaced") << true;
}

/// Whoever has forgotten a connection may give it up.
void TestPoolParts::healthForgetsOnlyWhatNobodyLooksAt()
{
    QFETCH(bool, replaced);
    HealthMonitor monitor({1h, 1, 3, 1, 1s});
    std::atomic<bool> inside{false};
    std::atomic<bool> go{false};
    int connection = 0;
    int other = 0;
    const ConnectionId id{1};
    monitor.monitor(id, connection, [&](int& looked_at) {
        inside = true;
        while (!go)
            std::this_thread::yield();
        ++looked_at;
        return true;
    });
    monitor.start();
    QTRY_VERIFY(inside);
    std::atomic<bool> forgotten{false};
    std::thread forgetter([&] {
        if (replaced)
            monitor.monitor(id, other, [](int&) { return true; });
        else
            monitor.forget(id);
        forgotten = true;
    });
    QTest::qWait(50);
    const bool too_early = forgotten;
    go = true;
    forgetter.join();
    QCOMPARE(connection, 1); // nobody writes it any more: the thread sanitizer would tell
    QVERIFY(!too_early);
    QCOMPARE(monitor.all().size(), replaced ? std::size_t{1} : std::size_t{0});
}

/// By the one who looks, that is, who cannot wait for itself.
void TestPoolParts::healthMayBeForgottenWhileItIsLookedAt()
{
    HealthMonitor monitor;
    int connection = 0;
    monitor.on_change([&](const HealthStatus& status) { monitor.forget(status.id); });
    monitor.monitor(ConnectionId{1}, connection, [&](int&) {
        monitor.forget(ConnectionId{1});
        return true;
    });
    QVERIFY(!monitor.check(ConnectionId{1}));
    monitor.monitor(ConnectionId{2}, connection, [](int&) { return false; });
    QVERIFY(monitor.check(ConnectionId{2}));
    QVERIFY(monitor.all().empty());
}

void TestPoolParts::histogram()
{
    for (const std::uint64_t value :
         {0ULL, 1ULL, 3ULL, 4ULL, 5ULL, 7ULL, 8ULL, 1000ULL, 123'456'789ULL, 1ULL << 62U}) {
        const double middle = LogHistogram::middle_of(LogHistogram::bucket_of(value));
        const double exact = static_cast<double>(value);
        QVERIFY2(std::abs(middle - exact) <= 0.13 * exact + 0.5,
                 qPrintable(QString::number(value)));
    }
    LogHistogram histogram;
    for (int i = 0; i < 98; ++i)
        histogram.add(ticks_in(1ms));
    histogram.add(ticks_in(1s), 2);
    histogram.add(-5);
    LogHistogram::Sum sum;
    sum.add(histogram);
    const DurationFigures figures = sum.figures();
    QCOMPARE(figures.count, 101U);
    QVERIFY(figures.p50 > 850us && figures.p50 < 1150us);
    QVERIFY(figures.p99 > 850ms && figures.p99 < 1150ms);
    QVERIFY(figures.total > 2097ms && figures.total < 2099ms);
    QCOMPARE(sum.figures(100'000).p99, 0us); // most took no time
    QCOMPARE(LogHistogram::Sum{}.figures(), DurationFigures{});
}

QTEST_APPLESS_MAIN(TestPoolParts)
#include "tst_poolparts.moc"
