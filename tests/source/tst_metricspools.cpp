// SPDX-License-Identifier: GPL-3.0-or-later
// The pools that pages of metrics tell of: pages of the real libraries and exporters (tests/data/
// metrics), and such as are made up here.
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
