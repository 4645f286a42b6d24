// SPDX-License-Identifier: GPL-3.0-or-later
// A fleet's pools by a query API that behaves.
#include "core/source/fleetpoll.h"
#include "tests/source/fleetscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestFleet : public QObject
{
    Q_OBJECT
private slots:
    void addresses_data();
    void addresses();
    void matchers();
    void requests();
    void poolsOfAFleet();
    void whereToAttach();
    void kindsThatNobodyHas();
    void onlyWhatChanged();
    void restartsAreNoGap();
    void warnings();
    void replicas();
    void nobodyKnown();
    void token();
};

void TestFleet::addresses_data()
{
    QTest::addColumn<QString>("shown");
    QTest::addColumn<bool>("fleet");
    QTest::newRow("prometheus+http://h:9090/api/v1") << "prometheus+http://h:9090/api/v1" << true;
    QTest::newRow("prometheus+https://h/select/0/prometheus/api/v1/")
        << "prometheus+https://h/select/0/prometheus/api/v1" << true;
    QTest::newRow("prometheus+http://me:pw@h/api/v1?match={job=\"a b\"}")
        << "prometheus+http://me@h/api/v1?match=%7Bjob=%22a%20b%22%7D" << true;
    QTest::newRow("prometheus+http://h/api/v1/metrics")
        << "prometheus+http://h/api/v1/metrics" << false;
    QTest::newRow("expvar+http://h/api/v1") << "expvar+http://h/api/v1" << false;
}

void TestFleet::addresses()
{
    QFETCH(QString, shown);
    QFETCH(bool, fleet);
    const QString given = QLatin1String(QTest::currentDataTag());
    const auto address = parseMetricsUrl(given);
    QVERIFY(address);
    QCOMPARE(address.value().format == MetricsAddress::Format::query, fleet);
    QCOMPARE(withoutSecrets(given), shown);
    QCOMPARE(withoutSecrets(shown), shown);
    QVERIFY(classifyTarget(given).value() == TargetKind::metrics);
    QVERIFY(usualInterval(given) == (fleet ? 15s : 5s));
}

void TestFleet::matchers()
{
    const auto of = [](const char* query) {
        return fleetMatchers(QUrl(QStringLiteral("http://h/api/v1?") + QLatin1String(query)));
    };
    QCOMPARE(of(""), std::string());
    QCOMPARE(of("match=job=\"a\""), std::string("job=\"a\""));
    QCOMPARE(of("match=%7Bjob=\"a\",env=~\"p.%2B\"%7D&match={x!=\"1\"}&dedup=true"),
             std::string("job=\"a\",env=~\"p.+\",x!=\"1\""));
    QCOMPARE(fleetSelector({"a"}, false, ""), std::string("{__name__=\"a\"}"));
    QCOMPARE(fleetSelector({"a", "b"}, false, "j=\"1\""),
             std::string("{__name__=~\"a|b\",j=\"1\"}"));
    QCOMPARE(fleetSelector({"A", "B"}, true, ""), std::string("{__name__=~\".+_pool_(A|B)\"}"));
    const QString tooLong =
        QStringLiteral("prometheus+http://h/api/v1?match=") + QString(2001, QLatin1Char('x'));
    QVERIFY(!parseMetricsUrl(tooLong));
}

void TestFleet::requests()
{
    FakeFleet fleet;
    fill(fleet);
    MetricsProbe probe(fleet.apiUrl("?match={job=~\"s.%2B\"}&dedup=false"));
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QVERIFY(!fleet.selectors.isEmpty());
    for (const QString& selector : fleet.selectors)
        QVERIFY2(selector.endsWith(QStringLiteral(",job=~\"s.+\"}")), qPrintable(selector));
    QVERIFY(fleet.selectors.join(QLatin1Char('\n'))
                .contains(QStringLiteral("__name__=~\".+_pool_(ActiveConnections|")));
    for (const QByteArray& path : fleet.paths) {
        QVERIFY2(path.contains("dedup=false") && !path.contains("match="), path.constData());
        QVERIFY2(path.size() < 6000, path.constData());
    }
    QVERIFY(fleet.requests.first().contains("Accept: application/json"));
}

void TestFleet::poolsOfAFleet()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.add("go_sql_in_use_connections", "orders", "10.0.0.9:9100", "1", "db_name", "basket");
    fleet.add("go_sql_wait_count_total", "orders", "10.0.0.9:9100", "5", "db_name", "basket");
    fleet.add("shop_db_pool_ActiveConnections", "x", "10.0.0.8:80", "2", "unused");
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(probe.pools().pools.size(), 6U);
    const Pool* const pool = probe.pool(first);
    QVERIFY(pool);
    QCOMPARE(*pool->used, 3);
    QCOMPARE(*pool->max, 10);
    QCOMPARE(*pool->timeouts, 7U);
    QVERIFY(!pool->idle);
    QCOMPARE(pool->wait_time->count, 40U);
    QVERIFY(pool->wait_time->total == 500ms);
    QVERIFY(!pool->wait_time->p99);
    QCOMPARE(pool->kind.str(), std::string("hikaricp"));
    QCOMPARE(probe.pool("orders (basket, 10.0.0.9:9100)")->wait_time->count, 5U);
    QCOMPARE(*probe.pool("shop_db (shop, 10.0.0.8:80)")->used, 2);
    QVERIFY2(saysNothing(probe), qPrintable(probe.sentence()));
    QCOMPARE(probe.source().info().kind, std::string("metrics"));
}

void TestFleet::whereToAttach()
{
    FakeFleet fleet;
    fill(fleet);
    const auto scrape = [&](const char* instance, const char* page) {
        fleet.scraped.append({QLatin1String(instance), QLatin1String(page)});
    };
    scrape("10.0.0.1:8080", "http://10.0.0.1:8080/actuator/prometheus");
    // What looks like a secret is not offered.
    scrape("10.0.0.2:8080", "http://10.0.0.2:8080/m?token=s3cret");
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    const std::string direct = direct_target_of(*probe.pool(first));
    QCOMPARE(direct, std::string("prometheus+http://10.0.0.1:8080/actuator/prometheus"));
    QVERIFY(classifyTarget(QString::fromStdString(direct)).value() == TargetKind::metrics);
    QCOMPARE(direct_target_of(*probe.pool("orders (shop, 10.0.0.2:8080)")), std::string());
    // A server that does not tell what it scrapes: the instance says where most serve their page.
    FakeFleet silent;
    fill(silent);
    silent.tellsScraped = false;
    silent.add("hikaricp_connections_active", "p", "a:b@c/d:1", "3");
    MetricsProbe guessed(silent.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(guessed.up(), patience);
    QCOMPARE(direct_target_of(*guessed.pool(first)),
             std::string("prometheus+http://10.0.0.1:8080/metrics"));
    for (const auto& [name, pool] : guessed.pools().pools)
        QVERIFY(direct_target_of(pool).find('@') == std::string::npos);
}

void TestFleet::kindsThatNobodyHas()
{
    FakeFleet fleet;
    fill(fleet);
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= 1, patience);
    const auto all = fleet.selectors.size();
    QVERIFY(static_cast<std::size_t>(all) >= metrics_questions().size());
    probe.source().sampleNow();
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= 2, patience);
    // Of what is there alone, once a poll.
    QVERIFY(fleet.selectors.size() < all + 4);
    const Nudge nudge(probe);
    fleet.add("go_sql_in_use_connections", "orders", "10.0.0.9:9100", "1", "db_name", "basket");
    QTRY_VERIFY_WITH_TIMEOUT(probe.pool("orders (basket, 10.0.0.9:9100)"), patience);
}

void TestFleet::onlyWhatChanged()
{
    FakeFleet fleet;
    fill(fleet);
    MetricsProbe probe(fleet.apiUrl());
    const Nudge nudge(probe);
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= 2, patience);
    fleet.series.first().value = QStringLiteral("4");
    QTRY_COMPARE_WITH_TIMEOUT(*probe.pool(first)->used, 4, patience);
    QCOMPARE(probe.fullSamples, 1);
    int told = 0;
    for (const Fact& fact : probe.facts) {
        const auto* const sample = std::get_if<PoolSample>(&fact);
        if (sample != nullptr && !sample->full)
            told += static_cast<int>(sample->pools.size());
    }
    QCOMPARE(told, 1);
    // One that is gone has left the fleet.
    fleet.series.remove(0, 5);
    QTRY_VERIFY_WITH_TIMEOUT(!probe.pool(first), patience);
    QCOMPARE(probe.pools().pools.size(), 3U);
    QCOMPARE(probe.gaps, 0);
}

void TestFleet::restartsAreNoGap()
{
    FakeFleet fleet;
    fill(fleet);
    MetricsProbe probe(fleet.apiUrl());
    const Nudge nudge(probe);
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    fleet.series[3].value = QStringLiteral("2");
    QTRY_COMPARE_WITH_TIMEOUT(probe.pool(first)->wait_time->count, 2U, patience);
    QCOMPARE(probe.gaps, 0);
    QCOMPARE(probe.fullSamples, 1);
}

void TestFleet::warnings()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.more = {
        {QStringLiteral("warnings"), QJsonArray{QStringLiteral("store db-2 is\naway \u202e"), 7}},
        {QStringLiteral("isPartial"), true}};
    MetricsProbe probe(fleet.apiUrl());
    const Nudge nudge(probe);
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QVERIFY2(probe.says("It could not ask all that it should"), qPrintable(probe.sentence()));
    QVERIFY(probe.says("It warns: \"store db-2 is away"));
    QCOMPARE(probe.sentence().count(QStringLiteral("It warns")), 1);
    QVERIFY(!probe.sentence().contains(QChar(0x202e)));
    fleet.more = {};
    QTRY_VERIFY2_WITH_TIMEOUT(saysNothing(probe), qPrintable(probe.sentence()), patience);
}

void TestFleet::replicas()
{
    FakeFleet fleet;
    fill(fleet);
    const QList<FakeFleet::Series> once = fleet.series;
    for (FakeFleet::Series one : once) {
        one.labels.insert(QStringLiteral("prometheus_replica"), QStringLiteral("b"));
        fleet.series.append(one);
    }
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(*probe.pool(first)->used, 3);
    QVERIFY2(probe.says("several replicas, of which the first counts: 20."),
             qPrintable(probe.sentence()));
}

void TestFleet::nobodyKnown()
{
    FakeFleet fleet;
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QVERIFY2(probe.says("no metrics of a pool"), qPrintable(probe.sentence()));
    // Who gives the server's own page is told where to ask.
    MetricsServer own;
    own.page = "prometheus_build_info{version=\"2.42\"} 1\n";
    MetricsProbe page(own.url());
    QTRY_VERIFY_WITH_TIMEOUT(page.up(), patience);
    QVERIFY2(page.says("/api/v1"), qPrintable(page.sentence()));
}

void TestFleet::token()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.onQuery = [&](QTcpSocket* socket, const QString&) {
        const bool right = fleet.requests.last().contains("Authorization: Bearer r1ght\r\n");
        if (!right)
            fleet.say(socket, {}, "WWW-Authenticate: Bearer\r\n", "401 Unauthorized");
        return !right;
    };
    MetricsProbe probe(fleet.apiUrl());
    QTRY_COMPARE_WITH_TIMEOUT(probe.secrets.size(), 1, patience);
    probe.source().provideSecret(QStringLiteral("r1ght"));
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(probe.pools().pools.size(), 4U);
    QVERIFY(!probe.everything().contains("r1ght"));
}

QTEST_GUILESS_MAIN(TestFleet)
#include "tst_fleet.moc"
