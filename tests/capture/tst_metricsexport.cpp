// SPDX-License-Identifier: GPL-3.0-or-later
// What is observed, served as OpenMetrics: the page, who may read it, and reading it back.
#include "core/capture/metricsexport.h"
#include "core/capture/openmetrics.h"
#include "core/source/metricspools.h"
#include "core/source/metricstext.h"
#include "core/source/registry.h"

#include <QElapsedTimer>
#include <QTcpSocket>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

constexpr int patience = 60000; // on a machine that does other things too

TargetSummary target(std::uint16_t id, const char* kind, const char* url)
{
    TargetSummary made;
    made.info = {TargetId{id}, kind, "name", url};
    made.status.reach = Reach::up;
    made.last_sample = timestamp_from_us(1'795'271'320'000'000);
    return made;
}

Pool pool(const char* name, const char* kind)
{
    Pool made;
    made.name = Text{std::string(name)};
    made.kind = Text{std::string(kind)};
    return made;
}

Update example()
{
    Update update;
    TargetSummary process = target(1, "pool", "pool://127.0.0.1:7007");
    process.agent = AgentFacts{};
    Pool orders = pool("orders", "hikaricp");
    orders.used = 3;
    orders.idle = 1;
    orders.max = 10;
    orders.pending = 0;
    orders.timeouts = 7;
    orders.wait_time = DurationSummary{40, 500ms, 2ms, 80ms};
    orders.use_time = DurationSummary{0, 0ms, 1ms, 1ms};
    Pool odd = pool("a\"b\\c\nd", "hikaricp");
    odd.used = 2;
    Pool go = pool("go", "database/sql");
    go.used = 1;
    go.wait_time = DurationSummary{5, 250ms, {}, {}};
    process.pools = {odd, go, orders};
    Place place;
    place.holders = {{{TargetId{1}, Text{std::string("c1")}}, LeakSeverity::critical, 400s, false},
                     {{TargetId{1}, Text{std::string("c2")}}, LeakSeverity::none, 1s, false}};
    process.places = {place};
    update.targets.push_back(process);

    TargetSummary server = target(2, "postgresql", "postgresql://dba@db/shop");
    server.counts[static_cast<std::size_t>(SessionState::idle_in_transaction)] = 4;
    server.counts[static_cast<std::size_t>(SessionState::active)] = 2;
    server.facts = ServerFacts{};
    server.facts->max_connections = 100;
    server.blocking.blocked = 3;
    SuspectedLeak leak;
    leak.severity = LeakSeverity::alert;
    server.suspects = {leak, leak};
    update.targets.push_back(server);

    TargetSummary away = target(3, "postgresql", "postgresql://dba@gone/shop");
    away.status.reach = Reach::failing;
    away.counts = server.counts;
    away.pools = process.pools;
    update.targets.push_back(away);
    return update;
}

struct Read
{
    explicit Read(const std::string& page)
    {
        MetricsReader reader;
        reader.feed(page, pools);
        reader.finish(pools);
        figures = reader.figures();
    }
    MetricsPools pools;
    MetricsFigures figures;
};

/// Everything that an export answers to a request, until it hangs up.
QByteArray answerTo(const MetricsExport& served, const QByteArray& request)
{
    QTcpSocket socket;
    const QUrl url(served.url());
    socket.connectToHost(url.host(), static_cast<quint16>(url.port()));
    QElapsedTimer waited;
    waited.start();
    bool asked = false;
    QByteArray got;
    while (waited.elapsed() < 20000 &&
           (!asked || socket.state() != QAbstractSocket::UnconnectedState)) {
        QCoreApplication::processEvents(QEventLoop::AllEvents, 20);
        if (!asked && socket.state() == QAbstractSocket::ConnectedState) {
            socket.write(request);
            asked = true;
        }
        got += socket.readAll();
    }
    return got + socket.readAll();
}

QByteArray get(const QByteArray& path, const QByteArray& more = {}, const char* verb = "GET")
{
    return verb + (" " + path) + " HTTP/1.1\r\nHost: 127.0.0.1:9\r\n" + more + "\r\n";
}

} // namespace

class TestMetricsExport : public QObject
{
    Q_OBJECT
private slots:
    void page();
    void twiceTheSame();
    void tooManyPools();
    void readsBack();
    void addresses_data();
    void addresses();
    void serves();
    void requests_data();
    void requests();
    void slowPeers();
    void manyPeers();
    void roundTrip();
};

void TestMetricsExport::page()
{
    const std::string page = open_metrics_page(example());
    const auto has = [&](const char* line) {
        return page.find(std::string("\n") + line + "\n") != std::string::npos;
    };
    const auto says = [&](const char* words) {
        return page.find(words) != std::string::npos;
    };
    QVERIFY(has("poolscope_target_up{kind=\"postgresql\",target=\"postgresql://dba@db/shop\"} 1"));
    QVERIFY(has("poolscope_target_up{kind=\"postgresql\",target=\"postgresql://dba@gone/shop\"} "
                "0"));
    QVERIFY(has("db_client_connection_count{db_client_connection_pool_name=\"orders\",target="
                "\"pool://127.0.0.1:7007\",db_client_connection_state=\"used\"} 3"));
    QVERIFY(says("db_client_connection_pool_name=\"a\\\"b\\\\c d\""));
    QVERIFY(has("# TYPE db_client_connection_timeouts counter"));
    QVERIFY(has("db_client_connection_timeouts_total{db_client_connection_pool_name=\"orders\","
                "target=\"pool://127.0.0.1:7007\"} 7"));
    QVERIFY(has("# UNIT db_client_connection_wait_time_seconds seconds"));
    QVERIFY(has("db_client_connection_wait_time_seconds{db_client_connection_pool_name=\"orders\","
                "target=\"pool://127.0.0.1:7007\",quantile=\"0.99\"} 0.08"));
    // What is not reported is not there, and percentiles of nothing neither.
    QVERIFY(!says("db_client_connection_idle_min{"));
    QVERIFY(!says("db_client_connection_use_time_seconds{"));
    QVERIFY(says("db_client_connection_use_time_seconds_count{"));
    // Go counts waits, not acquires.
    QVERIFY(!says("wait_time_seconds_count{db_client_connection_pool_name=\"go\""));
    QVERIFY(has("poolscope_pool_waits_total{db_client_connection_pool_name=\"go\",target="
                "\"pool://127.0.0.1:7007\"} 5"));
    QVERIFY(has("poolscope_sessions{target=\"postgresql://dba@db/shop\",state="
                "\"idle_in_transaction\"} 4"));
    QVERIFY(has("poolscope_sessions_max{target=\"postgresql://dba@db/shop\"} 100"));
    QVERIFY(has("poolscope_blocked_sessions{target=\"postgresql://dba@db/shop\"} 3"));
    QVERIFY(has("poolscope_suspected_leaks{kind=\"checkout\",severity=\"critical\",target="
                "\"pool://127.0.0.1:7007\"} 1"));
    QVERIFY(has("poolscope_suspected_leaks{kind=\"checkout\",severity=\"alert\",target="
                "\"pool://127.0.0.1:7007\"} 0"));
    QVERIFY(has("poolscope_suspected_leaks{kind=\"session\",severity=\"alert\",target="
                "\"postgresql://dba@db/shop\"} 2"));
    // Of what does not answer nothing old is told as if it were new.
    QCOMPARE(QByteArray::fromStdString(page).count("postgresql://dba@gone/shop"), 1);
    QVERIFY(page.ends_with("# EOF\n"));
    const Read read(page);
    QCOMPARE(read.figures.unreadable, 0U);
    QCOMPARE(read.figures.duplicates, 0U);
    QVERIFY(read.figures.ended);
}

void TestMetricsExport::twiceTheSame()
{
    Update update = example();
    update.targets.push_back(update.targets.front());
    update.targets.back().info.id = TargetId{9};
    const std::string longName(300, 'x');
    update.targets.front().pools = {pool((longName + "1").c_str(), "k"),
                                    pool((longName + "2").c_str(), "k")};
    for (Pool& one : update.targets.front().pools)
        one.used = 1;
    const std::string page = open_metrics_page(update);
    const Read read(page);
    QCOMPARE(read.figures.duplicates, 0U);
    QVERIFY(page.find("target=\"pool://127.0.0.1:7007 (2)\"") != std::string::npos);
    QVERIFY(page.find("\npoolscope_pools_left_out{} 1\n") != std::string::npos);
}

void TestMetricsExport::tooManyPools()
{
    Update update = example();
    update.targets.front().pools.clear();
    for (std::size_t i = 0; i < most_exported_pools + 7; ++i) {
        update.targets.front().pools.push_back(pool(("p" + std::to_string(i)).c_str(), "k"));
        update.targets.front().pools.back().used = 1;
    }
    const std::string page = open_metrics_page(update);
    QVERIFY(page.find("\npoolscope_pools_left_out{} 7\n") != std::string::npos);
    QCOMPARE(Read(page).pools.pools().size(), most_exported_pools);
}

void TestMetricsExport::readsBack()
{
    const Read read(open_metrics_page(example()));
    const std::vector<Pool> pools = read.pools.pools();
    QCOMPARE(pools.size(), 3U);
    const auto orders = std::find_if(pools.begin(), pools.end(), [](const Pool& one) {
        return one.name.str() == "orders (pool://127.0.0.1:7007)";
    });
    QVERIFY(orders != pools.end());
    QCOMPARE(*orders->used, 3);
    QCOMPARE(*orders->idle, 1);
    QCOMPARE(*orders->max, 10);
    QCOMPARE(*orders->pending, 0);
    QCOMPARE(*orders->timeouts, 7U);
    QVERIFY(!orders->idle_min);
    QVERIFY((orders->wait_time == DurationSummary{40, 500ms, 2ms, 80ms}));
    QVERIFY(orders->use_time->count == 0 && !orders->use_time->p99);
}

void TestMetricsExport::addresses_data()
{
    QTest::addColumn<bool>("taken");
    QTest::newRow("0") << true;
    QTest::newRow("127.0.0.1:0") << true;
    QTest::newRow("localhost:0") << true;
    QTest::newRow("[::1]:0") << true;
    QTest::newRow("") << false;
    QTest::newRow(":") << false;
    QTest::newRow(":9466") << false;
    QTest::newRow("x:9466") << false;
    QTest::newRow("70000") << false;
    QTest::newRow("-1") << false;
    QTest::newRow("http://127.0.0.1:0") << false;
    QTest::newRow("192.0.2.7:0") << false; // no address of this machine
}

void TestMetricsExport::addresses()
{
    QFETCH(bool, taken);
    MetricsExport served;
    const Result<Done> listens = served.listen(QLatin1String(QTest::currentDataTag()));
    if (taken && !listens && QLatin1String(QTest::currentDataTag()).startsWith(u'['))
        QSKIP("this machine has no IPv6");
    QCOMPARE(static_cast<bool>(listens), taken);
    if (taken) {
        QVERIFY(served.isLoopback());
        MetricsExport second;
        const QString same = QUrl(served.url()).authority();
        const Result<Done> again = second.listen(same);
        QVERIFY(!again && again.error().sentence.find("cannot be served") != std::string::npos);
    } else {
        QVERIFY(!listens.error().sentence.empty() && !listens.error().next_step.empty());
    }
}

void TestMetricsExport::serves()
{
    MetricsExport served;
    QVERIFY(served.listen(QStringLiteral("0")));
    QVERIFY(answerTo(served, get("/metrics")).startsWith("HTTP/1.1 503 "));
    served.show(std::make_shared<Update>(example()));
    const QByteArray open = answerTo(served, get("/metrics"));
    QVERIFY2(open.startsWith("HTTP/1.1 200 OK\r\n"), open.constData());
    QVERIFY(open.contains("\r\nContent-Type: application/openmetrics-text; version=1.0.0; "
                          "charset=utf-8\r\n"));
    QVERIFY(open.contains("\r\nConnection: close\r\n"));
    const QByteArray body = open.mid(open.indexOf("\r\n\r\n") + 4);
    QCOMPARE(body, QByteArray::fromStdString(open_metrics_page(example())));
    QVERIFY(open.contains("\r\nContent-Length: " + QByteArray::number(body.size()) + "\r\n"));
    const QByteArray older = answerTo(served, get("/metrics", "Accept: text/plain;v=1, */*\r\n"));
    QVERIFY(older.contains("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    const QByteArray head = answerTo(served, get("/metrics", {}, "HEAD"));
    QCOMPARE(head, open.left(head.size()));
    QVERIFY(head.endsWith("\r\n\r\n"));
    // The next update is the next page.
    auto later = std::make_shared<Update>(example());
    later->targets.front().pools.back().used = 4;
    served.show(later);
    QVERIFY(answerTo(served, get("/metrics?x=1")).contains("state=\"used\"} 4\n"));
}

void TestMetricsExport::requests_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<QByteArray>("status");
    const QByteArray host = "Host: localhost:1\r\n";
    QTest::newRow("post") << get("/metrics", {}, "POST") << QByteArray("405");
    QTest::newRow("delete") << get("/metrics", {}, "DELETE") << QByteArray("405");
    QTest::newRow("lower") << get("/metrics", {}, "get") << QByteArray("405");
    QTest::newRow("path") << get("/") << QByteArray("404");
    QTest::newRow("up") << get("/metrics/../x") << QByteArray("404");
    QTest::newRow("absolute") << get("http://127.0.0.1/metrics") << QByteArray("400");
    QTest::newRow("garbage") << QByteArray("\x16\x03\x01\r\n\r\n") << QByteArray("400");
    QTest::newRow("words") << QByteArray("GET /metrics\r\n\r\n") << QByteArray("400");
    QTest::newRow("http2") << "PRI * HTTP/2.0\r\n" + host + "\r\n" << QByteArray("400");
    QTest::newRow("no host") << QByteArray("GET /metrics HTTP/1.1\r\n\r\n") << QByteArray("400");
    QTest::newRow("1.0") << QByteArray("GET /metrics HTTP/1.0\r\n\r\n") << QByteArray("200");
    QTest::newRow("localhost") << "GET /metrics HTTP/1.1\r\n" + host + "\r\n" << QByteArray("200");
    QTest::newRow("rebound") << QByteArray("GET /metrics HTTP/1.1\r\nHost: evil.test\r\n\r\n")
                             << QByteArray("403");
    QTest::newRow("long") << get("/metrics", "X: " + QByteArray(20000, 'x') + "\r\n")
                          << QByteArray("431");
    QTest::newRow("endless") << QByteArray(20000, 'x') << QByteArray("431");
}

void TestMetricsExport::requests()
{
    QFETCH(QByteArray, request);
    QFETCH(QByteArray, status);
    MetricsExport served;
    QVERIFY(served.listen(QStringLiteral("0")));
    served.show(std::make_shared<Update>(example()));
    const QByteArray said = answerTo(served, request);
    if (said.isEmpty() && status == "431")
        return; // hung up with its words still under way
    QVERIFY2(said.startsWith("HTTP/1.1 " + status + " "), said.left(300).constData());
    QCOMPARE(said.contains("db_client_connection_count"), status == "200");
    QCOMPARE(said.contains("\r\nAllow: GET, HEAD\r\n"), status == "405");
}

void TestMetricsExport::slowPeers()
{
    MetricsExport served;
    MetricsExport::Timings timings;
    timings.request = 200ms;
    timings.answer = 500ms;
    served.setTimings(timings);
    QVERIFY(served.listen(QStringLiteral("0")));
    auto large = std::make_shared<Update>(example());
    for (int i = 0; i < 900; ++i)
        large->targets.front().pools.push_back(
            pool((std::string(150, 'p') + std::to_string(i)).c_str(), "k"));
    for (Pool& one : large->targets.front().pools)
        one.used = one.idle = one.max = one.pending = one.idle_max = one.idle_min = 1;
    served.show(large);
    const QUrl url(served.url());
    // One that does not say what it wants, and one that does not take what it asked for.
    QTcpSocket silent;
    silent.connectToHost(url.host(), static_cast<quint16>(url.port()));
    QTcpSocket full;
    full.setReadBufferSize(1000);
    full.connectToHost(url.host(), static_cast<quint16>(url.port()));
    QTRY_COMPARE_WITH_TIMEOUT(full.state(), QAbstractSocket::ConnectedState, patience);
    full.write(get("/metrics"));
    QTRY_COMPARE_WITH_TIMEOUT(silent.state(), QAbstractSocket::UnconnectedState, patience);
    QTRY_COMPARE_WITH_TIMEOUT(served.peers(), 0, patience);
    QVERIFY(answerTo(served, get("/metrics")).startsWith("HTTP/1.1 200 "));
}

void TestMetricsExport::manyPeers()
{
    MetricsExport served;
    QVERIFY(served.listen(QStringLiteral("0")));
    served.show(std::make_shared<Update>(example()));
    const QUrl url(served.url());
    std::vector<std::unique_ptr<QTcpSocket>> peers;
    for (int i = 0; i < MetricsExport::mostPeers; ++i) {
        peers.push_back(std::make_unique<QTcpSocket>());
        peers.back()->connectToHost(url.host(), static_cast<quint16>(url.port()));
        QTRY_COMPARE_WITH_TIMEOUT(peers.back()->state(), QAbstractSocket::ConnectedState, patience);
    }
    QTcpSocket tooMany;
    tooMany.connectToHost(url.host(), static_cast<quint16>(url.port()));
    QTRY_COMPARE_WITH_TIMEOUT(tooMany.state(), QAbstractSocket::UnconnectedState, patience);
    peers.pop_back();
    QTRY_VERIFY_WITH_TIMEOUT(answerTo(served, get("/metrics")).startsWith("HTTP/1.1 200 "),
                             patience);
}

void TestMetricsExport::roundTrip()
{
    MetricsExport served;
    QVERIFY(served.listen(QStringLiteral("0")));
    served.show(std::make_shared<Update>(example()));
    AttachRequest request;
    request.target = QStringLiteral("prometheus+") + served.url();
    request.interval = 100ms;
    auto source = makeSource(TargetId{1}, request);
    QVERIFY(source);
    World world;
    std::uint64_t sequence = 0;
    const auto fold = [&](const Fact& fact) {
        world.apply({SequenceNumber{++sequence}, {}, TargetId{1}, fact});
    };
    fold(TargetAttached{source.value()->info()});
    connect(source.value().get(), &Source::observed, this, fold);
    source.value()->start();
    QTRY_COMPARE_WITH_TIMEOUT(world.target(TargetId{1})->pools.pools.size(), 3U, patience);
    QVERIFY(world.target(TargetId{1})->status.reach == Reach::up);
    const Pool& orders = world.target(TargetId{1})
                             ->pools.pools.at(Text{std::string("orders (pool://127.0.0.1:7007)")});
    QVERIFY((orders.wait_time == DurationSummary{40, 500ms, 2ms, 80ms}));
    auto later = std::make_shared<Update>(example());
    later->targets.front().pools.back().used = 9;
    served.show(later);
    QTRY_COMPARE_WITH_TIMEOUT(*orders.used, 9, patience);
    source.value()->stop();
}

QTEST_GUILESS_MAIN(TestMetricsExport)
#include "tst_metricsexport.moc"
