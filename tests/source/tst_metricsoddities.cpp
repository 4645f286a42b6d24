// SPDX-License-Identifier: GPL-3.0-or-later
// What pages of metrics tell that no library would: odd, hostile, or too much of it.
#include "core/source/metricsexpvar.h"
#include "core/source/metricspools.h"
#include "tests/source/metricspages.h"
#include "tests/support/places.h"

#include <QFile>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using poolscope::test::inTree;
using namespace std::chrono_literals;

class TestMetricsOddities : public QObject
{
    Q_OBJECT
private slots:
    void processesApart();
    void notANumber();
    void hostileNames();
    void percentiles();
    void counters();
    void tooMany();
};

void TestMetricsOddities::processesApart()
{
    const PagePools page(
        "go_sql_in_use_connections{db_name=\"a\",instance=\"h1:80\",job=\"shop\"} 1\n"
        "go_sql_in_use_connections{db_name=\"a\",instance=\"h2:80\",job=\"shop\"} 2\n"
        "db_client_connections_usage{pool_name=\"p\",state=\"used\",pid=\"7\"} 3\n"
        "db_client_connections_usage{pool_name=\"p\",state=\"used\",pid=\"8\"} 4\n"
        "db_client_connections_usage{pool_name=\"p\",state=\"used\",pid=\"8\",otel_scope_name="
        "\"x\"} 5\n"
        "go_sql_in_use_connections{db_name=\"p\",pid=\"8\"} 6\n");
    QCOMPARE(page.pools.size(), 5U);
    QCOMPARE(page.pool("a (shop, h1:80)")->used, Number(1));
    QCOMPARE(page.pool("a (shop, h2:80)")->used, Number(2));
    QCOMPARE(page.pool("p (7)")->used, Number(3));
    // What other labels part counts together; two kinds of one name stay two.
    QVERIFY(page.pool("p (8)"));
    QVERIFY(page.pool("p (8) opentelemetry") || page.pool("p (8) database/sql"));
    // Two clusters may give one address to an instance each, and one page tell of several targets.
    const PagePools fleet(
        "go_sql_in_use_connections{db_name=\"a\",cluster=\"east\",instance=\"h1:80\"} 1\n"
        "go_sql_in_use_connections{db_name=\"a\",cluster=\"west\",instance=\"h1:80\"} 2\n"
        "hikaricp_connections_active{pool=\"a\",target=\"pool://h\"} 3\n");
    QCOMPARE(fleet.pool("a (east, h1:80)")->used, Number(1));
    QCOMPARE(fleet.pool("a (west, h1:80)")->used, Number(2));
    QCOMPARE(fleet.pool("a (pool://h)")->used, Number(3));
    QVERIFY(!counts_waits_alone(*fleet.pool("a (pool://h)")));
}

void TestMetricsOddities::notANumber()
{
    const PagePools page("hikaricp_connections_active{pool=\"p\"} NaN\n"
                         "hikaricp_connections_idle{pool=\"p\"} +Inf\n"
                         "hikaricp_connections_max{pool=\"p\"} -1\n"
                         "hikaricp_connections{pool=\"p\"} 1e300\n"
                         "hikaricp_connections_min{pool=\"p\"} 3\n"
                         "hikaricp_connections_timeout_total{pool=\"p\"} NaN\n"
                         "hikaricp_connections_acquire_seconds{pool=\"p\",quantile=\"0.5\"} NaN\n"
                         "hikaricp_connections_acquire_seconds_count{pool=\"p\"} 4\n"
                         "hikaricp_connections_acquire_seconds_sum{pool=\"p\"} NaN\n"
                         "hikaricp_connections_usage_seconds_count{pool=\"p\"} NaN\n");
    const Pool* const pool = page.pool("p");
    QVERIFY(pool);
    QVERIFY(!pool->used && !pool->idle && !pool->max && !pool->total && !pool->timeouts);
    QCOMPARE(pool->idle_min, Number(3));
    QCOMPARE(pool->wait_time->count, 4U);
    QVERIFY(!pool->wait_time->total && !pool->wait_time->p50);
    QVERIFY(!pool->use_time && !pool->create_time);
}

void TestMetricsOddities::hostileNames()
{
    QCOMPARE(pool_name_of("postgresql://me:pa@ss@host:5432/db"),
             std::string("postgresql://host:5432/db"));
    QCOMPARE(pool_name_of("a@b"), std::string("a@b"));
    const auto shown = [](const char* name, const char* as) {
        const std::string made = pool_name_of(name);
        QVERIFY2(made == as, made.c_str());
    };
    shown("postgresql://me:pa/ss@host:5432/db", "postgresql://host:5432/db");
    shown("postgresql://host/db?user=me&password=pa@ss", "postgresql://host/db");
    shown("jdbc:sqlserver://host:1433;user=me;password=pass", "jdbc:sqlserver://host:1433");
    shown("postgresql://me:pa?ss;@host/db?x=y@z", "postgresql://host/db");
    shown("Server=host;Password=pass", "Server=host");
    shown("Password=pass;Server=host", "");
    shown("host=db1 user=me PassWord = 'pass' dbname=db", "host=db1 user=me");
    shown("me:pass@tcp(host:3306)/db", "tcp(host:3306)/db");
    shown("my password pool", "my password pool");
    const PagePools labels("go_sql_in_use_connections{db_name=\"a\",job=\"x://me:pass@h/j\"} 1\n");
    QVERIFY(labels.pool("a (x://h/j)"));
    const Result<ExpvarPage> vars =
        read_expvar(R"({"db://me:pass@h/a": {"MaxOpenConnections": 5, "OpenConnections": 1,)"
                    R"( "InUse": 1, "Idle": 0, "WaitCount": 1,)"
                    R"( "WaitDuration": 9223372036854775807}})");
    QVERIFY(vars);
    QCOMPARE(vars.value().pools.size(), 1U);
    QCOMPARE(vars.value().pools.front().name.str(), std::string("db://h/a"));
    const PagePools page("hikaricp_connections_active{pool=\"a\\nb\xff\x1b[1m\"} 1\n"
                         "hikaricp_connections_active{pool=\"" +
                         std::string(5000, 'x') + "\"} 1\nhikaricp_connections_active 2\n");
    QCOMPARE(page.pools.size(), 3U);
    for (const Pool& pool : page.pools) {
        QVERIFY(pool.name.str().size() <= 260);
        QVERIFY(pool.name.str().find_first_of("\n\x1b") == std::string::npos);
    }
    QVERIFY(page.pool("default"));
}

void TestMetricsOddities::percentiles()
{
    const auto p = [](const std::string& buckets) {
        std::string text;
        for (const std::string& part : {buckets})
            text += part;
        return PagePools(text);
    };
    const std::string name = "db_client_connection_use_time_seconds_bucket{pool_name=\"p\",le=";
    const PagePools page = p(name + "\"0.1\"} 50\n" + name + "\"1\"} 98\n" + name + "\"2\"} 100\n" +
                             name + "\"+Inf\"} 100\n");
    const DurationSummary use = *page.pool("p")->use_time;
    QCOMPARE(use.count, 100U);
    QVERIFY(!use.total);
    QCOMPARE(*use.p50, Duration{100ms});
    QCOMPARE(*use.p99, Duration{1500ms});
    // No last bucket, buckets that fall, a bound that is none.
    const PagePools odd = p(name + "\"0.1\"} 50\n" + name + "\"1\"} 20\n" + name + "\"x\"} 9\n");
    QVERIFY(!odd.pool("p")->use_time->p50);
    const PagePools falling =
        p(name + "\"0.1\"} 1\n" + name + "\"1\"} 0\n" + name + "\"+Inf\"} 3\n");
    QVERIFY(!falling.pool("p")->use_time->p99);
}

void TestMetricsOddities::counters()
{
    Pool before;
    before.timeouts = 5;
    before.wait_time = DurationSummary{10, 1s, {}, {}};
    Pool now = before;
    QVERIFY(!began_anew(before, now));
    now.wait_time->count = 11;
    QVERIFY(!began_anew(before, now));
    now.timeouts = 4;
    QVERIFY(began_anew(before, now));
    now.timeouts.reset();
    QVERIFY(!began_anew(before, now));
    now.wait_time->count = 0;
    QVERIFY(began_anew(before, now));
}

void TestMetricsOddities::tooMany()
{
    std::string text;
    for (std::size_t i = 0; i < MetricsPools::max_pools + 7; ++i)
        text += "go_sql_in_use_connections{db_name=\"" + std::to_string(i) + "\"} 1\n";
    const PagePools page(text);
    QCOMPARE(page.pools.size(), MetricsPools::max_pools);
    QCOMPARE(page.found.over_limit(), 7U);
    const PagePools none("a_total 1\na_total{b=\"c\"} 1\nb 2\nc 3\nd 4\n");
    QVERIFY(none.pools.empty());
    QCOMPARE(none.found.others(), (std::vector<std::string>{"a_total", "b", "c"}));
}

QTEST_APPLESS_MAIN(TestMetricsOddities)
#include "tst_metricsoddities.moc"
