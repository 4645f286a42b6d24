// SPDX-License-Identifier: GPL-3.0-or-later
// A fleet's pools by a query API that behaves, or does not.
#include "core/source/fleetanswer.h"
#include "core/source/fleetpoll.h"
#include "tests/source/fakefleet.h"
#include "tests/source/metricsprobe.h"

#include <QTest>

#include <cmath>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

constexpr int patience = 60000; // on a machine that does other things too

/// Two instances of one application with two pools each.
void fill(FakeFleet& fleet)
{
    for (const char* const instance : {"10.0.0.1:8080", "10.0.0.2:8080"}) {
        for (const char* const pool : {"orders", "audit"}) {
            fleet.add("hikaricp_connections_active", pool, instance, "3");
            fleet.add("hikaricp_connections_max", pool, instance, "10");
            fleet.add("hikaricp_connections_timeout_total", pool, instance, "7");
            fleet.add("hikaricp_connections_acquire_seconds_count", pool, instance, "40");
            fleet.add("hikaricp_connections_acquire_seconds_sum", pool, instance, "0.5");
        }
    }
}

const char* const first = "orders (shop, 10.0.0.1:8080)";

/// On a machine that is busy, no more than that.
bool saysNothing(const MetricsProbe& probe)
{
    return probe.sentence().isEmpty() ||
           probe.sentence().startsWith(QStringLiteral("An answer takes long"));
}

struct Counted final : MetricTaker
{
    void take(const MetricSample& sample) override
    {
        names.push_back(std::string(sample.name));
        values.push_back(sample.value);
    }
    std::vector<std::string> names;
    std::vector<double> values;
};

std::string vectorOf(const std::string& result, const std::string& more = {})
{
    return R"({"status":"success","data":{"resultType":"vector","result":[)" + result + "]}" +
           more + "}";
}

} // namespace

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
    void tooMuchIsHalved();
    void endlessAnswer();
    void warnings();
    void replicas();
    void nobodyKnown();
    void refused();
    void refusedAsIfTooMuch();
    void lateHalfway();
    void redirectOfWhatItScrapes();
    void noQueryApi();
    void failsHalfway();
    void token();
    void past();
    void pastOfNothing();
    void pastEndsWhereItFails();
    void remarksOfThePast();
    void readsAnswers();
    void awkwardAnswers_data();
    void awkwardAnswers();
    void readsRanges();
    void readsScraped();
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

void TestFleet::tooMuchIsHalved()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.onQuery = [&](QTcpSocket* socket, const QString& selector) {
        const bool never = selector.contains(QStringLiteral("=\"hikaricp_connections_max\""));
        if (!never && FakeFleet::namesIn(selector) <= 3)
            return false;
        fleet.sayJson(socket, FakeFleet::error("execution", "too many samples"),
                      "422 Unprocessable Entity");
        return true;
    };
    MetricsProbe probe(fleet.apiUrl());
    const Nudge nudge(probe);
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(probe.pools().pools.size(), 4U);
    QCOMPARE(*probe.pool(first)->max, 10);
    QVERIFY2(saysNothing(probe), qPrintable(probe.sentence()));
    // It stays in parts: nothing is refused a second time.
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= 2, patience);
    fleet.selectors.clear();
    const int before = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= before + 2, patience);
    for (const QString& selector : fleet.selectors)
        QVERIFY2(FakeFleet::namesIn(selector) <= 3, qPrintable(selector));
    // One that is too much by itself is done without.
    fleet.onQuery = [&](QTcpSocket* socket, const QString& selector) {
        if (!selector.contains(QStringLiteral("hikaricp_connections_max")))
            return false;
        fleet.sayJson(socket, FakeFleet::error("timeout", "query timed out"),
                      "503 Service Unavailable");
        return true;
    };
    QTRY_VERIFY2_WITH_TIMEOUT(probe.says("left out: 1 (hikaricp_connections_max)"),
                              qPrintable(probe.sentence()), patience);
    QVERIFY(!probe.pool(first)->max);
    QCOMPARE(*probe.pool(first)->used, 3);
}

void TestFleet::endlessAnswer()
{
    FakeFleet fleet;
    fill(fleet);
    qint64 sent = 0;
    const QByteArray piece(1 << 16, ' ');
    fleet.onQuery = [&](QTcpSocket* socket, const QString& selector) {
        if (!selector.contains(QStringLiteral("\"hikaricp_connections_active\"")) &&
            !(selector.contains(QStringLiteral("hikaricp_connections_active")) &&
              selector.contains(QLatin1Char('|'))))
            return false;
        socket->write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + piece);
        connect(socket, &QTcpSocket::bytesWritten, socket, [&, socket](qint64 bytes) {
            sent += bytes;
            if (socket->bytesToWrite() < piece.size())
                socket->write(piece);
        });
        return true;
    };
    // Five questions hold that name, one within the other.
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    MetricsSource::Timings timings;
    timings.answer = 30s;
    probe.metrics()->setTimings(timings);
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 120000);
    QVERIFY2(probe.says("hikaricp_connections_active"), qPrintable(probe.sentence()));
    QVERIFY(!probe.pool(first)->used);
    QCOMPARE(*probe.pool(first)->max, 10);
    QVERIFY2(sent < 8 * (24 << 20), qPrintable(QString::number(sent)));
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

void TestFleet::refused()
{
    FakeFleet fleet;
    fill(fleet);
    bool wrong = true;
    fleet.onQuery = [&](QTcpSocket* socket, const QString&) {
        if (wrong)
            fleet.sayJson(socket, FakeFleet::error("bad_data", "parse error: \x1b[31m unexpected"),
                          "400 Bad Request");
        return wrong;
    };
    MetricsProbe probe(fleet.apiUrl("?match=job"));
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, patience);
    QVERIFY2(probe.says("refused the query: parse error:"), qPrintable(probe.sentence()));
    QVERIFY(!probe.sentence().contains(QChar(0x1b)));
    QVERIFY(probe.advises("match"));
    wrong = false;
    MetricsProbe later(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(later.up(), patience);
    wrong = true;
    QTRY_COMPARE_WITH_TIMEOUT(later.reach(), Reach::failing, patience);
    QCOMPARE(later.gaps, 1);
    wrong = false;
    QTRY_COMPARE_WITH_TIMEOUT(later.reach(), Reach::up, patience);
}

/// Some say 422 of whatever is wrong with a question: that is no reason to ask in 300 parts.
void TestFleet::refusedAsIfTooMuch()
{
    FakeFleet fleet;
    fill(fleet);
    bool wrong = true;
    fleet.onQuery = [&](QTcpSocket* socket, const QString&) {
        if (wrong)
            fleet.sayJson(socket, FakeFleet::error("422", "cannot parse query"),
                          "422 Unprocessable Entity");
        return wrong;
    };
    MetricsProbe probe(fleet.apiUrl("?match=job"));
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, patience);
    QVERIFY2(probe.says("refused the query: cannot parse query"), qPrintable(probe.sentence()));
    QVERIFY(probe.advises("match"));
    QVERIFY2(fleet.selectors.size() < 20, qPrintable(QString::number(fleet.selectors.size())));
    const QString whole = fleet.selectors.first();
    // Nothing of it stays behind: the next poll asks in whole questions.
    wrong = false;
    fleet.selectors.clear();
    probe.source().sampleNow();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(fleet.selectors.first(), whole);
    QCOMPARE(probe.pools().pools.size(), 4U);
}

/// A name that takes too long is done without, as one that is too much.
void TestFleet::lateHalfway()
{
    FakeFleet fleet;
    fill(fleet);
    int asked = 0;
    fleet.onQuery = [&](QTcpSocket*, const QString& selector) {
        const bool late = selector.contains(QStringLiteral("hikaricp_connections_max"));
        asked += late ? 1 : 0;
        return late;
    };
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    MetricsSource::Timings timings;
    timings.answer = 700ms;
    timings.firstRetry = 50ms;
    timings.longestRetry = 200ms;
    probe.metrics()->setTimings(timings);
    probe.start();
    const Nudge nudge(probe);
    QTRY_VERIFY2_WITH_TIMEOUT(probe.says("left out: 1 (hikaricp_connections_max)"),
                              qPrintable(probe.sentence()), patience);
    QCOMPARE(*probe.pool(first)->used, 3);
    // It rests: the next polls ask for the others alone.
    const int before = probe.samples;
    asked = 0;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= before + 3, patience);
    QCOMPARE(asked, 0);
    QVERIFY2(probe.says("left out: 1"), qPrintable(probe.sentence()));
    // Where nothing is answered any more the poll has failed.
    fleet.onQuery = [](QTcpSocket*, const QString&) {
        return true;
    };
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, patience);
}

/// It can be done without, as where it is not there.
void TestFleet::redirectOfWhatItScrapes()
{
    FakeFleet fleet;
    fill(fleet);
    const auto reply = fleet.onRequest;
    fleet.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        if (path.contains("/targets"))
            fleet.say(socket, {}, "Location: http://login.invalid/\r\n", "302 Found");
        else
            reply(socket, path);
    };
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    QCOMPARE(probe.pools().pools.size(), 4U);
    QVERIFY2(saysNothing(probe), qPrintable(probe.sentence()));
}

void TestFleet::noQueryApi()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        if (path.contains("/targets"))
            server.say(socket, "x", "Content-Type: text/html\r\n");
        else
            server.say(socket, "<html></html>", "Content-Type: text/html\r\n");
    };
    MetricsProbe probe(server.url("/api/v1"));
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, patience);
    QVERIFY2(probe.says("is no answer of a query API"), qPrintable(probe.sentence()));
    MetricsServer empty;
    empty.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        empty.say(socket, {}, MetricsServer::textType, "404 Not Found");
    };
    MetricsProbe lost(empty.url("/x/api/v1"));
    QTRY_COMPARE_WITH_TIMEOUT(lost.reach(), Reach::stopped, patience);
    QVERIFY2(lost.says("has no page /x/api/v1/query"), qPrintable(lost.sentence()));
    QVERIFY(lost.advises("/prometheus/api/v1"));
}

void TestFleet::failsHalfway()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.add("go_sql_in_use_connections", "orders", "10.0.0.9:9100", "1", "db_name", "basket");
    MetricsProbe probe(fleet.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), patience);
    bool broken = true;
    fleet.onQuery = [&](QTcpSocket* socket, const QString& selector) {
        if (broken && selector.contains(QStringLiteral("go_sql")))
            fleet.say(socket, {}, MetricsServer::textType, "500 Oops");
        return broken && selector.contains(QStringLiteral("go_sql"));
    };
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, patience);
    const int samples = probe.samples;
    fleet.series[0].value = QStringLiteral("9");
    const auto asked = fleet.selectors.size();
    QTRY_VERIFY_WITH_TIMEOUT(fleet.selectors.size() > asked + 4, patience);
    QCOMPARE(probe.samples, samples); // half a fleet is none
    QCOMPARE(probe.failing, 1);
    broken = false;
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && *probe.pool(first)->used == 9, patience);
    QCOMPARE(probe.pools().pools.size(), 5U);
    QCOMPARE(probe.fullSamples, 2);
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

void TestFleet::past()
{
    FakeFleet fleet;
    fill(fleet);
    const Timestamp from = timestamp_from_us(1'795'270'000'000'000);
    const double begin = 1'795'270'000;
    fleet.past = [&](const FakeFleet::Series& one, double at) {
        const double step = (at - begin) / 15;
        if (step >= 20 && step < 23)
            return QString(); // nothing was known
        const bool grows = one.name == QLatin1String("hikaricp_connections_active") &&
                           one.labels.value(QStringLiteral("pool")) == QStringLiteral("orders");
        return grows ? QString::number(step >= 5 ? 4 : 3) : one.value;
    };
    int refusals = 2;
    fleet.onQuery = [&](QTcpSocket* socket, const QString&) {
        if (refusals-- > 0)
            fleet.say(socket, {}, MetricsServer::textType, "500 Oops");
        return refusals >= 0;
    };
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    QVERIFY(probe.metrics()->setPast(from, from + 29 * 15s + 7s, 15s));
    std::vector<std::pair<Timestamp, Fact>> told;
    bool ended = false;
    connect(probe.metrics(), &MetricsSource::observedThen, this,
            [&](Timestamp at, const Fact& fact) { told.emplace_back(at, fact); });
    connect(probe.metrics(), &MetricsSource::pastEnded, this, [&] { ended = true; });
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(ended, patience);
    QVERIFY(probe.failing >= 1); // it was tried again
    // 30 instants, three of which nobody knows.
    QCOMPARE(told.size(), 28U);
    for (std::size_t i = 0; i < told.size(); ++i) {
        const std::size_t step = i <= 20 ? i : i + 2;
        QVERIFY(told[i].first == from + static_cast<int>(step) * 15s);
    }
    const auto sample = [&](std::size_t i) {
        return std::get<PoolSample>(told[i].second);
    };
    QVERIFY(sample(0).full && sample(0).pools.size() == 4);
    QVERIFY(!sample(1).full && sample(1).pools.empty());
    QCOMPARE(sample(5).pools.size(), 2U);
    QCOMPARE(*sample(5).pools.front().used, 4);
    QVERIFY(std::holds_alternative<Gap>(told[20].second));
    QVERIFY(sample(21).full && sample(21).pools.size() == 4);
    QCOMPARE(probe.samples, 0); // none of it is now
    // A page has no past.
    MetricsProbe page(QStringLiteral("prometheus+http://127.0.0.1:1"), {}, false);
    QVERIFY(!page.metrics()->setPast(from, from + 1h, 15s));
    QVERIFY(!probe.metrics()->setPast(from, from, 15s));
}

void TestFleet::pastOfNothing()
{
    FakeFleet fleet;
    fleet.past = [](const FakeFleet::Series&, double) {
        return QString();
    };
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    const Timestamp from = timestamp_from_us(1'795'270'000'000'000);
    QVERIFY(probe.metrics()->setPast(from, from + 100 * 15s, 15s));
    bool ended = false;
    int told = 0;
    connect(probe.metrics(), &MetricsSource::observedThen, this, [&] { ++told; });
    connect(probe.metrics(), &MetricsSource::pastEnded, this, [&] { ended = true; });
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(ended, patience);
    QCOMPARE(told, 0);
}

void TestFleet::pastEndsWhereItFails()
{
    FakeFleet fleet;
    fleet.past = [](const FakeFleet::Series&, double) {
        return QString();
    };
    int asked = 0;
    fleet.onQuery = [&](QTcpSocket* socket, const QString&) {
        ++asked;
        fleet.say(socket, {}, MetricsServer::textType, "500 Oops");
        return true;
    };
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    const Timestamp from = timestamp_from_us(1'795'270'000'000'000);
    QVERIFY(probe.metrics()->setPast(from, from + 100 * 15s, 15s));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, patience);
    QCOMPARE(asked, MetricsSource::mostPastFailures);
    QVERIFY2(probe.says("5 times in a row"), qPrintable(probe.sentence()));
}

void TestFleet::remarksOfThePast()
{
    FakeFleet fleet;
    fill(fleet);
    fleet.past = [](const FakeFleet::Series& one, double) {
        return one.value;
    };
    fleet.more = {{QStringLiteral("warnings"), QJsonArray{QStringLiteral("store db-2 is away")}}};
    MetricsProbe probe(fleet.apiUrl(), {}, false);
    const Timestamp from = timestamp_from_us(1'795'270'000'000'000);
    QVERIFY(probe.metrics()->setPast(from, from + 29 * 15s, 15s));
    std::vector<std::string> words;
    bool ended = false;
    connect(probe.metrics(), &MetricsSource::observedThen, this, [&](Timestamp, const Fact& fact) {
        if (const auto* const told = std::get_if<StatusChanged>(&fact))
            words.push_back(told->status.sentence);
    });
    connect(probe.metrics(), &MetricsSource::pastEnded, this, [&] { ended = true; });
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(ended, patience);
    // Once, though it comes with each of three parts.
    QCOMPARE(words, (std::vector<std::string>{"It warns: \"store db-2 is away\"."}));
}

void TestFleet::readsAnswers()
{
    FleetReader reader;
    Counted taken;
    QVERIFY(reader.read_instant(
        vectorOf(R"({"metric":{"__name__":"a","x":"1"},"value":[1795271320.4,"2.5e1"]},)"
                 R"({"metric":{"__name__":"a","x":"2"},"value":[1795271320,"NaN"]},)"
                 R"({"metric":{"__name__":"a","x":"1"},"value":[1795271320,"9"]},)"
                 R"({"metric":{"__name__":"b"},"value":[1795271320,"+Inf"]})"),
        taken));
    QCOMPARE(taken.names, (std::vector<std::string>{"a", "a", "b"}));
    QCOMPARE(taken.values[0], 25.0);
    QVERIFY(std::isnan(taken.values[1]) && std::isinf(taken.values[2]));
    QCOMPARE(reader.figures().series, 3U);
    QCOMPARE(reader.figures().duplicates, 1U);
    // The same once more, in the next answer of the same poll.
    QVERIFY(reader.read_instant(
        vectorOf(R"({"metric":{"__name__":"b","replica":"2"},"value":[1795271320,"1"]})"), taken));
    QCOMPARE(reader.figures().duplicates, 2U);
}

void TestFleet::awkwardAnswers_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<bool>("readable");
    QTest::addColumn<int>("unreadable");
    const auto row = [](const char* name, const std::string& json, bool readable, int bad) {
        QTest::newRow(name) << QByteArray::fromStdString(json) << readable << bad;
    };
    row("nothing", "", false, 0);
    row("cut", R"({"status":"success","data":{"resultType":"vec)", false, 0);
    row("array", "[1,2]", false, 0);
    row("status", R"({"data":{"resultType":"vector","result":[]}})", false, 0);
    row("matrix", R"({"status":"success","data":{"resultType":"matrix","result":[]}})", false, 0);
    row("error", R"({"status":"error","errorType":"x","error":"y"})", false, 0);
    row("deep", std::string(5000, '['), false, 0);
    row("result", R"({"status":"success","data":{"resultType":"vector","result":{}}})", false, 0);
    row("empty", vectorOf(""), true, 0);
    row("no metric", vectorOf(R"({"value":[1,"1"]})"), true, 1);
    row("no name", vectorOf(R"({"metric":{"a":"b"},"value":[1,"1"]})"), true, 1);
    row("label", vectorOf(R"({"metric":{"__name__":"a","b":1},"value":[1,"1"]})"), true, 1);
    row("no value", vectorOf(R"({"metric":{"__name__":"a"}})"), true, 1);
    row("histogram", vectorOf(R"({"metric":{"__name__":"a"},"histogram":[1,{}]})"), true, 1);
    row("number", vectorOf(R"({"metric":{"__name__":"a"},"value":[1,1]})"), true, 1);
    row("three", vectorOf(R"({"metric":{"__name__":"a"},"value":[1,"1",2]})"), true, 1);
    row("time", vectorOf(R"({"metric":{"__name__":"a"},"value":[1e300,"1"]})"), true, 1);
    row("text", vectorOf(R"("x",7,null)"), true, 3);
    std::string labels;
    for (int i = 0; i < 65; ++i)
        labels += ",\"l" + std::to_string(i) + "\":\"v\"";
    row("labels", vectorOf(R"({"metric":{"__name__":"a")" + labels + R"(},"value":[1,"1"]})"), true,
        1);
}

void TestFleet::awkwardAnswers()
{
    QFETCH(QByteArray, json);
    QFETCH(bool, readable);
    QFETCH(int, unreadable);
    FleetReader reader;
    Counted taken;
    QCOMPARE(static_cast<bool>(reader.read_instant(json.toStdString(), taken)), readable);
    QCOMPARE(static_cast<int>(reader.figures().unreadable), unreadable);
    QVERIFY(taken.names.empty());
    QVERIFY(read_scraped(json.toStdString()).empty());
}

void TestFleet::readsRanges()
{
    FleetReader reader;
    std::vector<std::pair<std::int64_t, double>> points;
    QVERIFY(reader.read_range(
        R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"a"},)"
        R"("values":[[100,"1"],[115.5,"2"],["x","3"]]}]}})",
        [&](Timestamp at, const MetricSample& sample) {
            points.emplace_back(to_us(at), sample.value);
        }));
    QCOMPARE(points, (std::vector<std::pair<std::int64_t, double>>{{100'000'000, 1.0},
                                                                   {115'500'000, 2.0}}));
}

void TestFleet::readsScraped()
{
    const auto one = [](const char* instance, const char* url) {
        return std::string(R"({"labels":{"job":"j","instance":")") + instance +
               R"("},"scrapeUrl":")" + url + "\"}";
    };
    const ScrapedTargets read =
        read_scraped(R"({"status":"success","data":{"activeTargets":[)" + one("a", "http://a/1") +
                     "," + one("b", "http://b/1") + "," + one("b", "http://b/2") + "," +
                     one("c", "") + R"(,7,{"labels":3}]}})");
    QCOMPARE(read.size(), 1U);
    QCOMPARE(read.at({"j", "a"}), std::string("http://a/1"));
}

QTEST_GUILESS_MAIN(TestFleet)
#include "tst_fleet.moc"
