// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/checkcase.h"

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

std::vector<Case> pool_cases()
{
    const auto h = [](const char* n, const char* v) {
        return alone(pool_of("hikaricp", with(hikari, n, v)));
    };
    const auto d = [](const char* n, const char* v) {
        return alone(pool_of("dbcp2", with(dbcp2, n, v)));
    };
    const auto t = [](const char* n, const char* v) {
        return alone(pool_of("tomcat-jdbc", with(tomcat, n, v)));
    };
    const auto a = [](const char* n, const char* v) {
        return alone(pool_of("druid", with(druid, n, v)));
    };
    const auto s = [](const char* n, const char* v) {
        return alone(pool_of("sqlalchemy", with(sqlalchemy, n, v)));
    };
    const auto r = [](const char* n, const char* v) {
        return alone(pool_of("r2d2", with(r2d2, n, v)));
    };
    const auto o = [](const char* n, const char* v) {
        return alone(pool_of("poolscope", with(ours, n, v)));
    };
    return {
        {"hikaricp is fine", alone(pool_of("hikaricp", hikari))},
        {"dbcp2 is fine", alone(pool_of("dbcp2", dbcp2))},
        {"tomcat is fine", alone(pool_of("tomcat-jdbc", tomcat))},
        {"druid is fine", alone(pool_of("druid", druid))},
        {"sqlalchemy is fine", alone(pool_of("sqlalchemy", sqlalchemy))},
        {"go is fine", alone(pool_of("database/sql", go))},
        {"r2d2 is fine", alone(pool_of("r2d2", r2d2))},
        {"diesel is fine", alone(pool_of("diesel", r2d2))},
        {"ours is fine", alone(pool_of("poolscope", ours))},
        {"pgbouncer is fine", {{pooler_of({bouncer_pool("shop/app", bouncer)})}, {}, {}}},
        {"an unknown kind says nothing", alone(pool_of("c3p0", {{"maxPoolSize", "0"}}))},
        {"a pool that tells nothing", alone(pool_of("hikaricp", {}))},

        {"go has no limit",
         alone(pool_of("database/sql", with(go, "MaxOpenConns", "0"))),
         {},
         "unlimited_size",
         "SetMaxOpenConns",
         "0",
         "20"},
        {"dbcp2 has no limit", d("maxTotal", "-1"), {}, "unlimited_size", "maxTotal", "-1", ""},
        {"sqlalchemy overflows",
         s("max_overflow", "-1"),
         {},
         "unlimited_size",
         "pool_size + max_overflow",
         "5 + -1",
         ""},
        {"sqlalchemy pool_size 0",
         s("pool_size", "0"),
         {},
         "unlimited_size",
         "pool_size + max_overflow",
         "0 + 10",
         ""},
        {"min over max", o("min_idle", "12"), {}, "min_over_max", "min_idle", "12", "10"},
        {"min at max", o("min_idle", "10")},
        {"dbcp2 min over max idle",
         alone(pool_of("dbcp2", with(with(dbcp2, "minIdle", "6"), "maxIdle", "4"))),
         {},
         "min_over_max",
         "minIdle",
         "6",
         "4"},
        {"dbcp2 max idle without limit",
         alone(pool_of("dbcp2", with(with(dbcp2, "minIdle", "6"), "maxIdle", "-1")))},

        {"dbcp2 waits for ever",
         d("maxWaitMillis", "-1"),
         {},
         "no_acquire_timeout",
         "maxWaitMillis",
         "-1",
         "5000"},
        {"hikari waits for ever",
         h("connectionTimeout", "2147483647"),
         {},
         "no_acquire_timeout",
         "connectionTimeout",
         "2147483647",
         "5000"},
        {"tomcat waits for ever",
         t("maxWait", "-1"),
         {},
         "no_acquire_timeout",
         "maxWait",
         "-1",
         "5000"},
        {"tomcat waits for ever at 0, too",
         t("maxWait", "0"),
         {},
         "no_acquire_timeout",
         "maxWait",
         "0",
         "5000"},
        {"druid waits for ever",
         a("maxWait", "-1"),
         {},
         "no_acquire_timeout",
         "maxWait",
         "-1",
         "5000"},
        {"pgbouncer waits for ever",
         {{pooler_of({bouncer_pool("shop/app", with(bouncer, "query_wait_timeout", "0"))})},
          {},
          {}},
         {},
         "no_acquire_timeout",
         "query_wait_timeout",
         "0",
         "5"},
        {"longer than the caller", s("pool_timeout", "30.0"), callers,
         "acquire_timeout_over_caller", "pool_timeout", "30.0", "1"},
        {"r2d2 longer than the caller", r("connection_timeout", "2.5s"), callers,
         "acquire_timeout_over_caller", "connection_timeout", "2.5s", "1s"},
        {"shorter than the caller", s("pool_timeout", "1"), callers},

        {"sqlalchemy does not ping",
         s("pool_pre_ping", "false"),
         {},
         "no_validation",
         "pool_pre_ping",
         "false",
         "true"},
        {"r2d2 does not test",
         r("test_on_check_out", "false"),
         {},
         "no_validation",
         "test_on_check_out",
         "false",
         "true"},
        {"diesel does not test",
         alone(pool_of("diesel", with(r2d2, "test_on_check_out", "false"))),
         {},
         "no_validation",
         "test_on_check_out",
         "false",
         "true"},
        {"diesel longer than the caller",
         alone(pool_of("diesel", with(r2d2, "connection_timeout", "2.5s"))), callers,
         "acquire_timeout_over_caller", "connection_timeout", "2.5s", "1s"},
        {"dbcp2 does not test",
         d("testOnBorrow", "false"),
         {},
         "no_validation",
         "testOnBorrow",
         "false",
         "true"},
        {"dbcp2 tests idle ones",
         alone(
             pool_of("dbcp2", with(with(dbcp2, "testOnBorrow", "false"), "testWhileIdle", "true"))),
         {},
         "no_validation",
         "testOnBorrow",
         "false",
         "true",
         Severity::info},
        {"tomcat does not test",
         t("testOnBorrow", "false"),
         {},
         "no_validation",
         "testOnBorrow",
         "false",
         "true"},
        {"druid tests nothing",
         a("testWhileIdle", "false"),
         {},
         "no_validation",
         "testOnBorrow",
         "false",
         "true"},
        {"ours does not test",
         o("validation_on_acquire", "false"),
         {},
         "no_validation",
         "validation_on_acquire",
         "false",
         "true"},

        {"hikari's detection is off: too long",
         h("leakDetectionThreshold", "1800001"),
         {},
         "leak_detection_off",
         "leakDetectionThreshold",
         "1800001",
         "60000"},
        {"hikari's threshold at the lifetime", h("leakDetectionThreshold", "1800000")},
        {"hikari without a lifetime",
         alone(pool_of("hikaricp", with(with(hikari, "maxLifetime", "0"), "leakDetectionThreshold",
                                        "3600000")))},
        {"hikari's detection is off: too short",
         h("leakDetectionThreshold", "1999"),
         {},
         "leak_detection_off",
         "leakDetectionThreshold",
         "1999",
         "2000"},
        {"threshold under p99",
         alone(used(pool_of("hikaricp", with(hikari, "leakDetectionThreshold", "5000")), 8s)),
         {},
         "leak_threshold_low",
         "leakDetectionThreshold",
         "5000",
         "16000"},
        {"threshold over p99",
         alone(used(pool_of("hikaricp", with(hikari, "leakDetectionThreshold", "9000")), 8s))},
        {"too few uses to tell",
         alone(used(pool_of("hikaricp", with(hikari, "leakDetectionThreshold", "5000")), 8s, 99))},
        {"our threshold under p99",
         alone(used(pool_of("poolscope", ours), 40s)),
         {},
         "leak_threshold_low",
         "leak_threshold",
         "30 s",
         "80 s"},
        {"our detection is off",
         alone(used(pool_of("poolscope", with(ours, "leak_detection", "false")), 40s))},

        {"dbcp2 removes on borrow",
         d("removeAbandonedOnBorrow", "true"),
         {},
         "abandoned_closes_busy",
         "removeAbandonedOnBorrow",
         "true",
         "false"},
        {"dbcp2 removes on maintenance",
         d("removeAbandonedOnMaintenance", "true"),
         {},
         "abandoned_closes_busy",
         "removeAbandonedOnMaintenance",
         "true",
         "false"},
        {"tomcat removes",
         t("removeAbandoned", "true"),
         {},
         "abandoned_closes_busy",
         "removeAbandoned",
         "true",
         "false"},
        {"druid removes",
         a("removeAbandoned", "true"),
         {},
         "abandoned_closes_busy",
         "removeAbandoned",
         "true",
         "false"},
        {"it hits honest work",
         alone(used(pool_of("tomcat-jdbc", with(tomcat, "removeAbandoned", "true")), 61s)),
         {},
         "abandoned_closes_busy",
         "removeAbandoned",
         "true",
         "false",
         Severity::critical},
        {"druid's seconds",
         alone(used(pool_of("druid", with(with(without(druid, "removeAbandonedTimeoutMillis"),
                                               "removeAbandonedTimeout", "60"),
                                          "removeAbandoned", "true")),
                    61s)),
         {},
         "abandoned_closes_busy",
         "removeAbandoned",
         "true",
         "false",
         Severity::critical},
        {"garbage is not read", d("maxWaitMillis", "soon")},
        {"too large a number is not read", d("maxTotal", "99999999999999999999")},
    };
}

std::vector<Case> load_cases()
{
    const Pool ten = pool_of("hikaricp", hikari);
    const Pool hundred = pool_of("hikaricp", with(hikari, "maximumPoolSize", "100"));
    CheckInput leaked = loaded(ten, load(120, 10, 4));
    leaked.targets.front().suspected = {{Text{std::string("orders")}, 6}};
    // Half a connection's worth more comes each second than goes: 5 s each, 0.5 a second.
    PoolSeries queued = load(120, 10, 0, 5);
    for (std::size_t i = 0; i < queued.points.size(); ++i)
        queued.points[i].pending = static_cast<std::int64_t>(i / 2);
    PoolSeries untold = load(120, 10, 4);
    for (PoolPoint& point : untold.points)
        point.use_time.reset();
    PoolSeries holed = load(120, 10, 4);
    for (std::size_t i = 0; i < holed.points.size(); i += 30)
        holed.points[i].gap_before = true;
    return {
        {"always full, and some wait",
         loaded(ten, load(120, 10, 4)),
         {},
         "pool_too_small",
         "maximumPoolSize",
         "10",
         "13"},
        {"always full, and more and more wait",
         loaded(ten, queued),
         {},
         "pool_too_small",
         "maximumPoolSize",
         "10",
         "17"},
        {"always full, some wait, and uses are not told",
         loaded(ten, untold),
         {},
         "pool_too_small",
         "maximumPoolSize",
         "10",
         "19"},
        {"less than a fifth to spare",
         loaded(ten, load(120, 9, 0)),
         {},
         "pool_too_small",
         "maximumPoolSize",
         "10",
         "12"},
        {"a fifth to spare", loaded(ten, load(120, 8, 0))},
        {"not seen for a minute", loaded(ten, load(50, 10, 4))},
        {"never a minute without a gap", loaded(ten, holed)},
        {"what is leaked is no load", leaked},
        {"far too large",
         loaded(hundred, load(700, 8, 0)),
         {},
         "pool_too_large",
         "maximumPoolSize",
         "100",
         "11",
         Severity::info},
        {"large, not seen for long", loaded(hundred, load(500, 8, 0))},
        {"large, and used", loaded(hundred, load(700, 30, 0))},
        {"sqlalchemy's overflow stays",
         loaded(pool_of("sqlalchemy", sqlalchemy), load(120, 15, 0)),
         {},
         "pool_too_small",
         "pool_size",
         "5",
         "10"},
    };
}

const std::vector<Case>& cases()
{
    static const std::vector<Case> all = [] {
        std::vector<Case> list = pool_cases();
        for (const Case& more : load_cases())
            list.push_back(more);
        return list;
    }();
    return all;
}

} // namespace

class TestCheckPools : public QObject
{
    Q_OBJECT
private slots:
    void findings_data() { add_rows(cases()); }
    void findings()
    {
        QFETCH(std::size_t, index);
        judge_case(cases()[index]);
    }
    void whatAMinimumAboveTheIdleMeans()
    {
        const auto said = [](const char* kind, const Config& config) {
            const ConfigReport report = check_configuration(alone(pool_of(kind, config)));
            return report.findings.empty() ? std::string{} : report.findings.front().sentence;
        };
        QCOMPARE(said("dbcp2", with(with(dbcp2, "minIdle", "6"), "maxIdle", "4")),
                 std::string("minIdle (6) is above maxIdle (4): minIdle counts for no more than "
                             "maxIdle."));
    }
    void everyRuleIsTold()
    {
        QVERIFY(all_told(cases(), {"unlimited_size", "min_over_max", "no_acquire_timeout",
                                   "acquire_timeout_over_caller", "no_validation",
                                   "leak_detection_off", "leak_threshold_low",
                                   "abandoned_closes_busy", "pool_too_small", "pool_too_large"}));
    }
};

QTEST_APPLESS_MAIN(TestCheckPools)
#include "tst_checkpools.moc"
