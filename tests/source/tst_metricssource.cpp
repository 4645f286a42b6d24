// SPDX-License-Identifier: GPL-3.0-or-later
// A source of metrics with a small server that behaves: what becomes of its pages.
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/source/metricsprobe.h"
#include "tests/source/metricsserver.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestMetricsSource : public QObject
{
    Q_OBJECT
private slots:
    void realPage();
    void onlyWhatChanged();
    void poolsComeAndGo();
    void countersBeginAnew();
    void processBeginsAnew();
    void expvarPage();
    void noPool();
    void packed();
    void ordersAreRefused();
    void oneThreadForAll();
    void stops();
    void replaysTheSame();
};

void TestMetricsSource::realPage()
{
    MetricsServer server;
    server.page = dataPage("go-client.txt");
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    // On a machine that is busy, no more than that.
    QVERIFY(probe.sentence().isEmpty() ||
            probe.sentence().startsWith(QStringLiteral("The page takes")));
    QCOMPARE(probe.pools().pools.size(), 2U);
    QCOMPARE(*probe.pool("orders")->used, 4);
    QCOMPARE(probe.pool("orders")->wait_time->count, 3U);
    QVERIFY(!probe.pool("orders")->wait_time->p99);
    QCOMPARE(server.paths.first(), QByteArray("/metrics"));
    QVERIFY(server.requests.first().contains("\r\nAccept: text/plain;version=0.0.4"));
    QVERIFY(!server.requests.first().contains("Authorization"));
}

void TestMetricsSource::onlyWhatChanged()
{
    MetricsServer server;
    server.page = goPage(1, 5);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.samples >= 2);
    server.page = goPage(2, 6);
    QTRY_VERIFY(*probe.pool("orders")->used == 2);
    QCOMPARE(probe.fullSamples, 1);
    QCOMPARE(probe.gaps, 0);
    int told = 0;
    for (const Fact& fact : probe.facts) {
        const auto* const sample = std::get_if<PoolSample>(&fact);
        if (sample != nullptr && !sample->full)
            told += static_cast<int>(sample->pools.size());
    }
    QCOMPARE(told, 1); // orders, once
}

void TestMetricsSource::poolsComeAndGo()
{
    MetricsServer server;
    server.page = goPage(1, 5);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    server.page = goPage(1, 5) + "go_sql_in_use_connections{db_name=\"new\"} 7\n";
    QTRY_VERIFY(probe.pool("new"));
    QCOMPARE(probe.fullSamples, 1);
    server.page = "go_sql_in_use_connections{db_name=\"new\"} 8\n";
    QTRY_COMPARE(probe.pools().pools.size(), 1U);
    QCOMPARE(*probe.pool("new")->used, 8);
    QCOMPARE(probe.gaps, 0);
}

void TestMetricsSource::countersBeginAnew()
{
    MetricsServer server;
    server.page = goPage(1, 5, 0);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    server.page = goPage(1, 2, 0);
    QTRY_COMPARE(probe.gaps, 1);
    QTRY_COMPARE(probe.fullSamples, 2);
    QCOMPARE(probe.pool("orders")->wait_time->count, 2U);
    QVERIFY(probe.everything().contains("began anew"));
    QVERIFY(probe.up());
}

void TestMetricsSource::processBeginsAnew()
{
    MetricsServer server;
    server.page = goPage(1, 5, 1000);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    server.page = goPage(2, 5, 1001); // a clock that jitters
    QTRY_VERIFY(*probe.pool("orders")->used == 2);
    QCOMPARE(probe.gaps, 0);
    server.page = goPage(3, 9, 1050);
    QTRY_COMPARE(probe.gaps, 1);
    QTRY_COMPARE(probe.fullSamples, 2);
    QCOMPARE(*probe.pool("orders")->used, 3);
}

void TestMetricsSource::expvarPage()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        QCOMPARE(path, QByteArray("/debug/vars"));
        server.say(socket, dataPage("go-expvar.json"),
                   "Content-Type: application/json; charset=utf-8\r\n");
    };
    MetricsProbe probe(QStringLiteral("expvar+http://") + server.address());
    QTRY_VERIFY(probe.up());
    // On a machine that is busy, no more than that.
    QVERIFY(probe.sentence().isEmpty() ||
            probe.sentence().startsWith(QStringLiteral("The page takes")));
    QCOMPARE(*probe.pool("db.orders")->used, 4);
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, "{\"cmdline\":[]", "Content-Type: application/json\r\n");
    };
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY(probe.says("no page of metrics"));
}

void TestMetricsSource::noPool()
{
    MetricsServer server;
    server.page = "http_requests_total 3\nup 1\nbad line here\n";
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    QVERIFY2(probe.says("no pool that Poolscope knows"), qPrintable(probe.sentence()));
    QVERIFY(probe.says("http_requests_total, up"));
    QVERIFY(probe.says("cannot be read: 1"));
    QTRY_VERIFY(probe.samples >= 3);
    QCOMPARE(probe.pools().unreadable, 1U); // the same one each time
    server.page += "hikaricp_connections_active{pool=\"p\"} NaN\n";
    QTRY_VERIFY(probe.pool("p"));
    QVERIFY(!probe.pool("p")->used);
}

void TestMetricsSource::packed()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, qCompress(dataPage("pgbouncer-spreaker.txt")).mid(4),
                   MetricsServer::textType + "Content-Encoding: deflate\r\n");
    };
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    QCOMPARE(*probe.pool("orders/postgres")->pending, 4);
    QVERIFY(server.requests.first().contains("gzip"));
}

void TestMetricsSource::ordersAreRefused()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    const ActionId action = probe.execute(ActionVerb::reclaim, "c1");
    QCOMPARE(probe.phases(action), QStringLiteral("refused"));
}

void TestMetricsSource::oneThreadForAll()
{
    const auto threads = [] {
        return QDir(QStringLiteral("/proc/self/task"))
            .entryList(QDir::Dirs | QDir::NoDotAndDotDot)
            .size();
    };
    MetricsServer server;
    server.page = goPage(1, 1);
    std::vector<std::unique_ptr<MetricsProbe>> probes;
    probes.push_back(std::make_unique<MetricsProbe>(server.url()));
    QTRY_VERIFY(probes.front()->up());
    const auto before = threads();
    for (int i = 0; i < 40; ++i)
        probes.push_back(std::make_unique<MetricsProbe>(server.url()));
    for (const auto& probe : probes)
        QTRY_VERIFY(probe->up());
    // Resolver threads of Qt may come and go: nothing like one a target.
    QVERIFY2(threads() <= before + 6, qPrintable(QString::number(threads())));
}

void TestMetricsSource::stops()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    probe.source().sampleNow();
    probe.source().stop();
    const auto facts = probe.facts.size();
    const auto requests = server.requests.size();
    QTRY_VERIFY(server.requests.size() >= requests); // what was under way may still arrive
    QTest::qWait(0);
    QCOMPARE(probe.facts.size(), facts);
    probe.start();
    QTRY_VERIFY(probe.facts.size() > facts + 2);
    QCOMPARE(probe.fullSamples, 2);
}

void TestMetricsSource::replaysTheSame()
{
    const QTemporaryDir dir;
    const std::string file = dir.filePath(QStringLiteral("r.poolrec")).toStdString();
    MetricsServer server;
    server.page = dataPage("hikaricp-dropwizard.txt");
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    server.page = dataPage("otel-java-hikaricp.txt") + dataPage("pgbouncer-spreaker.txt");
    QTRY_VERIFY(probe.pool("orders"));
    server.page = goPage(2, 7) + "hikaricp_connections_acquire_seconds_count{pool=\"h\"} 4\n";
    QTRY_VERIFY(probe.pool("h"));
    probe.source().stop();

    auto writer = RecordingWriter::create(file, {});
    QVERIFY(writer);
    World live;
    std::uint64_t sequence = 0;
    const auto append = [&](const Fact& fact) {
        Observation o;
        o.sequence = SequenceNumber{++sequence};
        o.time = timestamp_from_us(static_cast<std::int64_t>(sequence) * 1'000'000);
        o.target = TargetId{1};
        o.what = fact;
        live.apply(o);
        return static_cast<bool>(writer.value()->append(o));
    };
    QVERIFY(append(TargetAttached{probe.source().info()}));
    for (const Fact& fact : probe.facts) {
        if (!std::holds_alternative<TargetAttached>(fact))
            QVERIFY(append(fact));
    }
    QVERIFY(writer.value()->close());
    auto reader = RecordingReader::open(file);
    QVERIFY(reader);
    World replayed;
    std::size_t compared = 0;
    QVERIFY(reader.value()->read(SequenceNumber{0}, [&](const Observation& o) {
        replayed.apply(o);
        ++compared;
        return true;
    }));
    QCOMPARE(compared, sequence);
    QVERIFY(replayed.target(TargetId{1})->pools == live.target(TargetId{1})->pools);
    QVERIFY(live.target(TargetId{1})->pools == probe.pools());
    const auto& pools = live.target(TargetId{1})->pools.pools;
    QVERIFY(!pools.at(Text{std::string("h")}).wait_time->total);
}

QTEST_GUILESS_MAIN(TestMetricsSource)
#include "tst_metricssource.moc"
