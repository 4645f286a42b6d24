// SPDX-License-Identifier: GPL-3.0-or-later
// The pools that pages of metrics tell of: pages of the real libraries and exporters (tests/data/
// metrics), and such as are made up here.
#include "core/source/metricsexpvar.h"
#include "core/source/metricspools.h"
#include "tests/support/places.h"

#include <QFile>
#include <QTest>

using namespace poolscope;
using poolscope::test::inTree;
using namespace std::chrono_literals;

namespace {

struct PagePools
{
    explicit PagePools(const std::string& text)
    {
        MetricsReader reader;
        reader.feed(text, found);
        reader.finish(found);
        figures = reader.figures();
        pools = found.pools();
    }
    const Pool* pool(const char* name) const
    {
        for (const Pool& one : pools) {
            if (one.name.str() == name)
                return &one;
        }
        return nullptr;
    }

    MetricsPools found;
    MetricsFigures figures;
    std::vector<Pool> pools;
};

std::string dataFile(const char* name)
{
    QFile file(inTree("tests/data/metrics/") + QLatin1String(name));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("no %s", name);
    return file.readAll().toStdString();
}

using Number = std::optional<std::int64_t>;

} // namespace

class TestMetricsPools : public QObject
{
    Q_OBJECT
private slots:
    void realPages_data();
    void realPages();
    void micrometer();
    void springBesideHikari();
    void hikariOwn();
    void hikariHistograms();
    void dropwizard();
    void goClient();
    void openTelemetryOld();
    void openTelemetryNew();
    void sqlalchemy();
    void pgbouncer();
    void otherSpellings();
    void processesApart();
    void notANumber();
    void hostileNames();
    void percentiles();
    void counters();
    void tooMany();
    void expvar();
    void expvarAwkward();
};

void TestMetricsPools::realPages_data()
{
    QTest::addColumn<int>("pools");
    QTest::addColumn<bool>("ended");
    QTest::newRow("micrometer-hikaricp.txt") << 2 << false;
    QTest::newRow("micrometer-hikaricp-openmetrics.txt") << 2 << true;
    QTest::newRow("spring-jdbc.txt") << 2 << false;
    QTest::newRow("hikaricp-prometheus.txt") << 1 << false;
    QTest::newRow("hikaricp-histograms.txt") << 2 << false;
    QTest::newRow("hikaricp-dropwizard.txt") << 1 << false;
    QTest::newRow("go-client.txt") << 2 << false;
    QTest::newRow("go-client-openmetrics.txt") << 2 << true;
    QTest::newRow("otel-java-hikaricp.txt") << 1 << false;
    QTest::newRow("otel-java-hikaricp-new.txt") << 1 << false;
    QTest::newRow("otel-python-sqlalchemy.txt") << 2 << false;
    QTest::newRow("pgbouncer-spreaker.txt") << 2 << false;
    QTest::newRow("pgbouncer-debian.txt") << 2 << false;
}

void TestMetricsPools::realPages()
{
    QFETCH(int, pools);
    QFETCH(bool, ended);
    const PagePools page(dataFile(QTest::currentDataTag()));
    QCOMPARE(page.pools.size(), std::size_t(pools));
    QCOMPARE(page.figures.unreadable, 0U);
    QCOMPARE(page.figures.ended, ended);
    // One exporter does tell several databases by one name.
    QVERIFY(page.figures.duplicates == 0 ||
            QByteArray(QTest::currentDataTag()) == "pgbouncer-debian.txt");
}

void TestMetricsPools::micrometer()
{
    for (const char* const name :
         {"micrometer-hikaricp.txt", "micrometer-hikaricp-openmetrics.txt"}) {
        const PagePools page(dataFile(name));
        const Pool* const audit = page.pool("audit (shop)");
        QVERIFY(audit);
        QCOMPARE(audit->kind.str(), std::string("hikaricp"));
        QCOMPARE(audit->used, Number(5));
        QCOMPARE(audit->idle, Number(0));
        QCOMPARE(audit->total, Number(5));
        QCOMPARE(audit->max, Number(5));
        QCOMPARE(audit->idle_min, Number(2));
        QCOMPARE(audit->idle_max, Number());
        QCOMPARE(audit->pending, Number(0));
        QCOMPARE(audit->timeouts, std::optional<std::uint64_t>(1));
        QCOMPARE(audit->wait_time->count, 26U);
        QCOMPARE(*audit->wait_time->total, Duration{372846});
        QVERIFY(!audit->wait_time->p50 && !audit->wait_time->p99);
        QCOMPARE(audit->use_time->count, 20U);
        QCOMPARE(*audit->use_time->total, Duration{123ms});
        QCOMPARE(*audit->create_time->total, Duration{1ms});
        const std::vector<std::pair<std::string, std::string>> settings{{"maximumPoolSize", "5"},
                                                                        {"minimumIdle", "2"}};
        QCOMPARE(audit->configuration, settings);
    }
}

void TestMetricsPools::springBesideHikari()
{
    // The page of Micrometer tells of "orders" twice: as HikariCP's and as Spring's "dataSource".
    const std::string page = dataFile("micrometer-hikaricp.txt");
    QVERIFY(page.find("jdbc_connections_max{application=\"shop\",name=\"dataSource\"}") !=
            std::string::npos);
    QVERIFY(!PagePools(page).pool("dataSource (shop)"));
    // One that HikariCP does not have is another's.
    const PagePools two(page + "jdbc_connections_active{application=\"shop\",name=\"other\"} 3\n"
                               "jdbc_connections_max{application=\"shop\",name=\"other\"} 8\n");
    QCOMPARE(two.pools.size(), 3U);
    QCOMPARE(two.pool("other (shop)")->used, Number(3));
    const PagePools spring(dataFile("spring-jdbc.txt"));
    const Pool* const tomcat = spring.pool("tomcat");
    QVERIFY(tomcat);
    QCOMPARE(tomcat->kind.str(), std::string("jdbc"));
    QCOMPARE(tomcat->used, Number(3));
    QCOMPARE(tomcat->max, Number(8));
    QCOMPARE(tomcat->idle_min, Number(1));
    QVERIFY(!tomcat->pending && !tomcat->timeouts && !tomcat->wait_time && !tomcat->total);
    QCOMPARE(spring.pool("dbcp2")->max, Number(6));
}

void TestMetricsPools::hikariOwn()
{
    const PagePools page(dataFile("hikaricp-prometheus.txt"));
    const Pool* const own = page.pool("own");
    QVERIFY(own);
    QCOMPARE(own->used, Number(5));
    QCOMPARE(own->max, Number(5));
    QCOMPARE(own->timeouts, std::optional<std::uint64_t>(1));
    QCOMPARE(own->wait_time->count, 26U);
    QCOMPARE(*own->wait_time->total, Duration{396959}); // nanoseconds
    QCOMPARE(*own->wait_time->p50, Duration{5});
    QCOMPARE(*own->wait_time->p99, Duration{300180});
    QCOMPARE(*own->use_time->p99, Duration{40ms}); // milliseconds
    QCOMPARE(*own->create_time->p50, Duration{0});
}

void TestMetricsPools::hikariHistograms()
{
    const PagePools page(dataFile("hikaricp-histograms.txt"));
    const Pool* const pool = page.pool("histograms");
    QVERIFY(pool);
    QCOMPARE(pool->wait_time->count, 26U);
    // The 13th of 26 lies between 8 and 16 us, as the 12th of 19 there.
    QCOMPARE(*pool->wait_time->p50, Duration{13});
    QVERIFY(!pool->wait_time->p99); // beyond the last bound: not known
    QCOMPARE(page.pool("hist")->wait_time->count, 0U);
    QVERIFY(!page.pool("hist")->wait_time->p50);
}

void TestMetricsPools::dropwizard()
{
    const PagePools page(dataFile("hikaricp-dropwizard.txt"));
    const Pool* const pool = page.pool("shop_db");
    QVERIFY(pool);
    QCOMPARE(pool->kind.str(), std::string("hikaricp"));
    QCOMPARE(pool->used, Number(5));
    QCOMPARE(pool->idle_min, Number(2));
    QCOMPARE(pool->timeouts, std::optional<std::uint64_t>(1));
    QCOMPARE(pool->wait_time->count, 26U);
    QVERIFY(!pool->wait_time->total); // it tells none
    QCOMPARE(*pool->wait_time->p99, Duration{300199});
    QCOMPARE(*pool->use_time->p99, Duration{413ms});
}

void TestMetricsPools::goClient()
{
    for (const char* const name : {"go-client.txt", "go-client-openmetrics.txt"}) {
        const PagePools page(dataFile(name));
        const Pool* const orders = page.pool("orders");
        QVERIFY(orders);
        QCOMPARE(orders->kind.str(), std::string("database/sql"));
        QCOMPARE(orders->used, Number(4));
        QCOMPARE(orders->idle, Number(0));
        QCOMPARE(orders->total, Number(4));
        QCOMPARE(orders->max, Number(4));
        QVERIFY(!orders->pending && !orders->timeouts && !orders->use_time);
        QCOMPARE(orders->wait_time->count, 3U);
        QCOMPARE(*orders->wait_time->total, Duration{302883});
        QVERIFY(!orders->wait_time->p99);
        QVERIFY(counts_waits_alone(*orders)); // who need not wait is not counted
        // No limit is none, and no zero.
        const Pool* const audit = page.pool("audit");
        QVERIFY(!audit->max);
        QCOMPARE(audit->configuration.front().second, std::string("0"));
        QVERIFY(page.found.process_started() > 1.7e9);
    }
}

void TestMetricsPools::openTelemetryOld()
{
    const PagePools page(dataFile("otel-java-hikaricp.txt"));
    const Pool* const orders = page.pool("orders");
    QVERIFY(orders);
    QCOMPARE(orders->kind.str(), std::string("opentelemetry"));
    QCOMPARE(orders->used, Number(5));
    QCOMPARE(orders->idle, Number(0));
    QCOMPARE(orders->total, Number(5));
    QCOMPARE(orders->max, Number(5));
    QCOMPARE(orders->idle_min, Number(2));
    QCOMPARE(orders->pending, Number(0));
    QCOMPARE(orders->timeouts, std::optional<std::uint64_t>(1));
    QCOMPARE(orders->wait_time->count, 26U);
    QVERIFY(*orders->wait_time->total > 300ms && *orders->wait_time->total < 400ms);
    QVERIFY(*orders->wait_time->p50 > 2ms && *orders->wait_time->p50 < 3ms); // of 0 to 5
    QVERIFY(*orders->wait_time->p99 > 250ms && *orders->wait_time->p99 < 500ms);
}

void TestMetricsPools::openTelemetryNew()
{
    const PagePools page(dataFile("otel-java-hikaricp-new.txt"));
    const Pool* const orders = page.pool("orders");
    QVERIFY(orders);
    QCOMPARE(orders->used, Number(5));
    QCOMPARE(orders->idle, Number(0));
    QCOMPARE(orders->max, Number(5));
    QCOMPARE(orders->timeouts, std::optional<std::uint64_t>(1));
    QCOMPARE(*orders->wait_time->total, Duration{336154});
    QCOMPARE(orders->use_time->count, 20U);
    // All of them lie in a first bucket of 5 s: the mean says more.
    QCOMPARE(*orders->use_time->p50, Duration{16600});
}

void TestMetricsPools::sqlalchemy()
{
    const PagePools page(dataFile("otel-python-sqlalchemy.txt"));
    const Pool* const orders = page.pool("sqlite://:/orders.db");
    QVERIFY(orders);
    QCOMPARE(orders->used, Number(3));
    QCOMPARE(orders->idle, Number(1));
    QCOMPARE(orders->total, Number(4));
    QVERIFY(!orders->max && !orders->pending && !orders->wait_time);
    QCOMPARE(page.pool("audit")->used, Number(0));
}

void TestMetricsPools::pgbouncer()
{
    const PagePools page(dataFile("pgbouncer-spreaker.txt"));
    const Pool* const orders = page.pool("orders/postgres");
    QVERIFY(orders);
    QCOMPARE(orders->kind.str(), std::string("pgbouncer"));
    QCOMPARE(orders->used, Number(3));
    QCOMPARE(orders->idle, Number(0));
    QCOMPARE(orders->total, Number(3));
    QCOMPARE(orders->pending, Number(4));
    QCOMPARE(orders->max, Number(3));
    const Pool* const audit = page.pool("audit/postgres");
    QCOMPARE(audit->idle, Number(1)); // "used" there is idle here
    QCOMPARE(audit->total, Number(1));
    QCOMPARE(audit->max, Number(5));
    const PagePools debian(dataFile("pgbouncer-debian.txt"));
    QCOMPARE(debian.pool("orders/postgres")->pending, Number(4));
    QVERIFY(!debian.pool("orders/postgres")->used && !debian.pool("orders/postgres")->max);
}

void TestMetricsPools::otherSpellings()
{
    // Made up from what these exporters' own sources and documents say.
    const PagePools page(
        "pgbouncer_pools_server_active_connections{database=\"a\",user=\"u\"} 2\n"
        "pgbouncer_databases_pool_size{name=\"a\",host=\"db1\",port=\"5432\",database=\"real\"} 9\n"
        "pgbouncer_databases_reserve_pool{name=\"a\",host=\"db1\",port=\"5432\",database=\"real\"} "
        "1\n"
        "pgbouncer_exporter_pools_active_server{database=\"b\",user=\"u\",pool_mode=\"session\"} "
        "3\n"
        "pgbouncer_exporter_database_pool_size{name=\"b\",pool_mode=\"session\"} 7\n"
        "agroal_active_count{datasource=\"default\"} "
        "4\nagroal_available_count{datasource=\"default\"} 1\n"
        "r2dbc_pool_acquired_connections{name=\"cf\"} 6\n"
        "db_client_connection_count{pool_name=\"n\",state=\"used\"} 8\n"
        "db_client_connection_npgsql_timeouts_total{pool_name=\"n\"} 5\n");
    QCOMPARE(page.pools.size(), 5U);
    QCOMPARE(page.pool("a/u")->max, Number(9));
    QCOMPARE(page.pool("a/u")->database.str(), std::string("db1:5432/real"));
    QCOMPARE(page.pool("a/u")->configuration.front().first, std::string("reserve_pool"));
    QCOMPARE(page.pool("b/u")->used, Number(3));
    QCOMPARE(page.pool("b/u")->max, Number(7));
    QCOMPARE(page.pool("default")->idle, Number(1));
    QCOMPARE(page.pool("cf")->used, Number(6));
    QCOMPARE(page.pool("n")->used, Number(8));
    QVERIFY(!page.pool("n")->total); // the idle ones are not told
    QCOMPARE(page.pool("n")->timeouts, std::optional<std::uint64_t>(5));
}

void TestMetricsPools::processesApart()
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

void TestMetricsPools::notANumber()
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

void TestMetricsPools::hostileNames()
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

void TestMetricsPools::percentiles()
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

void TestMetricsPools::counters()
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

void TestMetricsPools::tooMany()
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

void TestMetricsPools::expvar()
{
    const Result<ExpvarPage> page = read_expvar(dataFile("go-expvar.json"));
    QVERIFY(page);
    QCOMPARE(page.value().pools.size(), 3U);
    const Pool& orders = page.value().pools[1];
    QCOMPARE(orders.name.str(), std::string("db.orders"));
    QCOMPARE(orders.kind.str(), std::string("database/sql"));
    QCOMPARE(orders.used, Number(4));
    QCOMPARE(orders.max, Number(4));
    QCOMPARE(orders.wait_time->count, 3U);
    QCOMPARE(*orders.wait_time->total, Duration{302883});
    QVERIFY(!page.value().pools[0].max);
    QCOMPARE(page.value().pools[2].name.str(), std::string("sessions"));
    QVERIFY(page.value().others.size() >= 2);
}

void TestMetricsPools::expvarAwkward()
{
    for (const char* const text : {"", "[]", "1", "{", "{\"a\":1}}", "null", "\xff"})
        QVERIFY2(!read_expvar(text), text);
    const std::string stats =
        "{\"MaxOpenConnections\":2,\"OpenConnections\":1,\"InUse\":1,\"Idle\":0}";
    const auto count = [&](const std::string& text) {
        const Result<ExpvarPage> page = read_expvar(text);
        return page ? static_cast<int>(page.value().pools.size()) : -1;
    };
    const auto nested = [&](int depth) {
        std::string text = stats;
        for (int i = 0; i < depth; ++i)
            text = "{\"k\":" + text + "}";
        return text;
    };
    QCOMPARE(count(nested(1)), 1);
    QCOMPARE(count(nested(8)), 1);
    QCOMPARE(count(nested(9)), 0);
    QCOMPARE(count(nested(100'000)), -1); // deeper than any reader goes
    QCOMPARE(count("{\"a\":[" + stats + "," + stats + "]}"), 2);
    QCOMPARE(count("{\"a\":" + stats + ",\"a\":" + stats + "}"), 1);
    QCOMPARE(
        count(
            "{\"a\":{\"MaxOpenConnections\":2,\"OpenConnections\":1,\"InUse\":\"1\",\"Idle\":0}}"),
        0);
    QCOMPARE(
        count("{\"a\":{\"MaxOpenConnections\":2,\"OpenConnections\":1,\"InUse\":-1,\"Idle\":0}}"),
        0);
}

QTEST_APPLESS_MAIN(TestMetricsPools)
#include "tst_metricspools.moc"
