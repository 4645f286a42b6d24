// SPDX-License-Identifier: GPL-3.0-or-later
// A fleet by a real Prometheus that scrapes real pages; and one that scrapes Poolscope.
#include "core/record/reader.h"
#include "core/source/metricspools.h"
#include "core/source/metricstext.h"
#include "tests/source/metricsprobe.h"
#include "tests/source/metricsserver.h"
#include "tests/support/places.h"
#include "tests/support/prometheus.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

constexpr int patience = 120000; // Prometheus looks every two seconds, if the machine lets it

/// What a page tells, as it is told once Prometheus has put its own labels on.
class Labelled final : public MetricTaker
{
public:
    Labelled(std::string job, std::string instance)
        : job_(std::move(job))
        , instance_(std::move(instance))
    {}
    void take(const MetricSample& sample) override
    {
        if (sample.name.ends_with("_bucket"))
            return; // a fleet is not asked for those
        std::vector<MetricLabel> labels(sample.labels.begin(), sample.labels.end());
        labels.push_back({"instance", instance_});
        labels.push_back({"job", job_});
        std::sort(labels.begin(), labels.end(),
                  [](const MetricLabel& a, const MetricLabel& b) { return a.name < b.name; });
        pools.take({sample.name, labels, sample.value});
    }
    MetricsPools pools;

private:
    std::string job_;
    std::string instance_;
};

std::vector<Pool> poolsOf(const QByteArray& page, const char* job, const QString& instance)
{
    Labelled labelled(job, instance.toStdString());
    MetricsReader reader;
    reader.feed(page.toStdString(), labelled);
    reader.finish(labelled);
    return labelled.pools.pools();
}

/// Without where it may be attached to, which the page does not say.
Pool withoutOrigin(Pool pool)
{
    std::erase_if(pool.configuration,
                  [](const auto& setting) { return setting.first == attach_setting; });
    return pool;
}

/// Of a query's answer, the value of its only series; empty where there is none.
QString valueOf(const Prometheus& prometheus, const char* query)
{
    const QByteArray said =
        prometheus.get("/api/v1/query?query=" + QUrl::toPercentEncoding(QLatin1String(query)));
    const QJsonArray result = QJsonDocument::fromJson(said)
                                  .object()
                                  .value(QStringLiteral("data"))
                                  .toObject()
                                  .value(QStringLiteral("result"))
                                  .toArray();
    return result.size() == 1
               ? result[0].toObject().value(QStringLiteral("value")).toArray()[1].toString()
               : QString();
}

} // namespace

class TestPrometheus : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void fleetOfRealPages();
    void partOfTheFleet();
    void instancesComeAndGo();
    void serverGoesAndComes();
    void wrongMatcher();
    void recordsThePast();
    void recordServesMetrics();
    void busyAddress();
};

void TestPrometheus::initTestCase()
{
    if (!Prometheus::available())
        QSKIP("this needs Prometheus, or VictoriaMetrics");
}

void TestPrometheus::fleetOfRealPages()
{
    const std::vector<std::pair<const char*, const char*>> pages{
        {"hikari", "micrometer-hikaricp.txt"},  {"go", "go-client.txt"},
        {"old", "hikaricp-prometheus.txt"},     {"dropwizard", "hikaricp-dropwizard.txt"},
        {"otel", "otel-java-hikaricp-new.txt"}, {"python", "otel-python-sqlalchemy.txt"},
        {"bouncer", "pgbouncer-spreaker.txt"},  {"tomcat", "spring-jdbc.txt"}};
    std::vector<std::unique_ptr<MetricsServer>> servers;
    std::map<std::string, Pool> expected;
    QList<Prometheus::Job> jobs;
    for (const auto& [job, page] : pages) {
        servers.push_back(std::make_unique<MetricsServer>());
        servers.back()->page = dataPage(page);
        jobs.append({QLatin1String(job), {servers.back()->address()}});
        for (const Pool& pool : poolsOf(servers.back()->page, job, servers.back()->address()))
            expected.emplace(pool.name.str(), pool);
    }
    QVERIFY(expected.size() >= 13);
    Prometheus prometheus;
    QVERIFY2(prometheus.start(jobs), qPrintable(prometheus.error()));
    MetricsProbe probe(prometheus.apiUrl());
    const Nudge nudge(probe);
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().pools.size(), expected.size(), patience);
    for (const auto& [name, pool] : expected) {
        const Pool* const found = probe.pool(name.c_str());
        QVERIFY2(found, name.c_str());
        QVERIFY2(withoutOrigin(*found) == pool, name.c_str());
    }
    QVERIFY2(probe.sentence().isEmpty() || probe.says("takes long"), qPrintable(probe.sentence()));
    // From there to the process itself: its own page tells what the fleet does.
    const auto& some = *expected.begin();
    const auto direct = [&] {
        return direct_target_of(*probe.pool(some.first.c_str()));
    };
    QTRY_VERIFY_WITH_TIMEOUT(!direct().empty(), patience);
    MetricsProbe one(QString::fromStdString(direct()));
    QTRY_VERIFY_WITH_TIMEOUT(one.up(), patience);
    QVERIFY(std::any_of(one.pools().pools.begin(), one.pools().pools.end(), [&](const auto& pool) {
        return some.first.starts_with(pool.first.str().substr(0, pool.first.str().find(" (")));
    }));
}

void TestPrometheus::partOfTheFleet()
{
    MetricsServer a;
    a.page = goPage(3, 5);
    MetricsServer b;
    b.page = goPage(4, 6);
    Prometheus prometheus;
    QVERIFY2(prometheus.start({{QStringLiteral("shop"), {a.address(), b.address()}},
                               {QStringLiteral("other"), {a.address()}}}),
             qPrintable(prometheus.error()));
    MetricsProbe all(prometheus.apiUrl());
    QTRY_COMPARE_WITH_TIMEOUT(all.pools().pools.size(), 6U, patience);
    MetricsProbe part(prometheus.apiUrl() + QStringLiteral("?match={job=~\"sho.+\",instance!=\"") +
                      a.address() + QStringLiteral("\"}"));
    QTRY_COMPARE_WITH_TIMEOUT(part.pools().pools.size(), 2U, patience);
    const QString name = QStringLiteral("orders (shop, %1)").arg(b.address());
    QVERIFY(part.pool(name.toUtf8().constData()));
    b.page = goPage(7, 6);
    QTRY_COMPARE_WITH_TIMEOUT(*part.pool(name.toUtf8().constData())->used, 7, patience);
    QCOMPARE(part.fullSamples, 1);
}

void TestPrometheus::instancesComeAndGo()
{
    auto a = std::make_unique<MetricsServer>();
    a->page = goPage(3, 5);
    MetricsServer b;
    b.page = goPage(4, 6);
    Prometheus prometheus;
    QVERIFY2(prometheus.start({{QStringLiteral("shop"), {a->address(), b.address()}}}),
             qPrintable(prometheus.error()));
    MetricsProbe probe(prometheus.apiUrl());
    const Nudge nudge(probe);
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().pools.size(), 4U, patience);
    a.reset();
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().pools.size(), 2U, patience);
    QVERIFY(probe.up());
    QCOMPARE(probe.gaps, 0);
    // One that begins anew counts from 0, and the others go on.
    b.page = goPage(1, 0, 500);
    const QByteArray name = QStringLiteral("orders (shop, %1)").arg(b.address()).toUtf8();
    QTRY_COMPARE_WITH_TIMEOUT(probe.pool(name.constData())->wait_time->count, 0U, patience);
    QCOMPARE(probe.gaps, 0);
}

void TestPrometheus::serverGoesAndComes()
{
    MetricsServer a;
    a.page = goPage(3, 5);
    Prometheus prometheus;
    QVERIFY2(prometheus.start({{QStringLiteral("shop"), {a.address()}}}),
             qPrintable(prometheus.error()));
    MetricsProbe probe(prometheus.apiUrl());
    const Nudge nudge(probe);
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().pools.size(), 2U, patience);
    QVERIFY(prometheus.stop());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, patience);
    QCOMPARE(probe.gaps, 1);
    QVERIFY(prometheus.resume());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::up, patience);
    QTRY_COMPARE_WITH_TIMEOUT(probe.pools().pools.size(), 2U, patience);
}

void TestPrometheus::wrongMatcher()
{
    Prometheus prometheus;
    QVERIFY2(prometheus.start({}), qPrintable(prometheus.error()));
    MetricsProbe probe(prometheus.apiUrl() + QStringLiteral("?match={job=}"));
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, patience);
    QVERIFY2(probe.says("refused the query: ") && probe.says("parse error"),
             qPrintable(probe.sentence()));
    MetricsProbe none(prometheus.apiUrl());
    QTRY_VERIFY_WITH_TIMEOUT(none.up(), patience);
    QVERIFY2(none.says("no metrics of a pool"), qPrintable(none.sentence()));
    // Its own page, which is what many will give first.
    MetricsProbe own(QStringLiteral("prometheus+http://") + prometheus.address());
    QTRY_VERIFY_WITH_TIMEOUT(own.up(), patience);
    QVERIFY2(own.says("/api/v1"), qPrintable(own.sentence()));
    // In the shell "No pools." is not all that is said.
    QProcess pools;
    pools.start(
        inBuild("app/poolscope"),
        {QStringLiteral("pools"), QStringLiteral("prometheus+http://") + prometheus.address()});
    QVERIFY(pools.waitForFinished(patience));
    QCOMPARE(pools.exitCode(), 0);
    const QByteArray said = pools.readAllStandardError();
    QVERIFY2(said.contains("asked for at /api/v1"), said.constData());
    // Nor is its page for people a page of metrics.
    MetricsProbe front(QStringLiteral("prometheus+http://") + prometheus.address() +
                       QStringLiteral("/graph"));
    QTRY_COMPARE_WITH_TIMEOUT(front.reach(), Reach::stopped, patience);
    QVERIFY2(front.nextStep().contains(QStringLiteral("/api/v1")), qPrintable(front.nextStep()));
}

void TestPrometheus::recordsThePast()
{
    MetricsServer shop;
    shop.page = goPage(3, 5);
    Prometheus prometheus;
    QVERIFY2(prometheus.start({{QStringLiteral("shop"), {shop.address()}}}),
             qPrintable(prometheus.error()));
    const auto used = [&] {
        return valueOf(prometheus, "go_sql_in_use_connections{db_name=\"orders\"}");
    };
    QTRY_COMPARE_WITH_TIMEOUT(used(), QStringLiteral("3"), patience);
    // A whole second of that, and one of what comes then.
    const qint64 before = QDateTime::currentSecsSinceEpoch();
    QTRY_VERIFY_WITH_TIMEOUT(QDateTime::currentSecsSinceEpoch() > before + 1, patience);
    shop.page = goPage(7, 9);
    QTRY_COMPARE_WITH_TIMEOUT(used(), QStringLiteral("7"), patience);
    const qint64 after = QDateTime::currentSecsSinceEpoch();
    QTRY_VERIFY_WITH_TIMEOUT(QDateTime::currentSecsSinceEpoch() > after + 1, patience);
    const QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("past.poolrec"));
    QProcess recording;
    recording.start(inBuild("app/poolscope"),
                    {QStringLiteral("record"), prometheus.apiUrl(), QStringLiteral("--past"),
                     QStringLiteral("2m"), QStringLiteral("--interval"), QStringLiteral("1s"),
                     QStringLiteral("-o"), file});
    QVERIFY(recording.waitForFinished(patience));
    QVERIFY2(recording.exitCode() == 0, recording.readAllStandardError().constData());
    auto reader = RecordingReader::open(file.toStdString());
    QVERIFY(reader);
    QVERIFY(reader.value()->info().value().complete);
    World world;
    std::vector<std::int64_t> seen;
    Timestamp last;
    bool inOrder = true;
    QVERIFY(reader.value()->read(SequenceNumber{0}, [&](const Observation& o) {
        world.apply(o);
        inOrder = inOrder && o.time >= last;
        last = o.time;
        if (const auto* const sample = std::get_if<PoolSample>(&o.what)) {
            for (const Pool& pool : sample->pools) {
                if (pool.name.str().starts_with("orders") && pool.used)
                    seen.push_back(*pool.used);
            }
        }
        return true;
    }));
    QVERIFY(inOrder);
    seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
    QCOMPARE(seen, (std::vector<std::int64_t>{3, 7}));
    QCOMPARE(world.notes().size(), 1U);
    QVERIFY(world.notes().front().text.starts_with("Not observed as it happened"));
    QCOMPARE(world.target(TargetId{1})->pools.pools.size(), 2U);
    // Of a page there is none to be had.
    recording.start(inBuild("app/poolscope"),
                    {QStringLiteral("record"), shop.url(), QStringLiteral("--past"),
                     QStringLiteral("1m"), QStringLiteral("-o"),
                     dir.filePath(QStringLiteral("none.poolrec"))});
    QVERIFY(recording.waitForFinished(patience));
    QCOMPARE(recording.exitCode(), 2);
    QVERIFY(!QFile::exists(dir.filePath(QStringLiteral("none.poolrec"))));
}

void TestPrometheus::recordServesMetrics()
{
    MetricsServer shop;
    shop.page = dataPage("micrometer-hikaricp.txt");
    const QTemporaryDir dir;
    QProcess recording;
    recording.start(inBuild("app/poolscope"),
                    {QStringLiteral("record"), shop.url(), QStringLiteral("-o"),
                     dir.filePath(QStringLiteral("r.poolrec")), QStringLiteral("--interval"),
                     QStringLiteral("200ms"), QStringLiteral("--metrics"), QStringLiteral("0")});
    QByteArray said;
    QTRY_VERIFY_WITH_TIMEOUT((said += recording.readAllStandardError()).contains('\n'), patience);
    const QString url = QString::fromUtf8(said).section(QStringLiteral("metrics at "), 1).trimmed();
    QVERIFY2(url.startsWith(QStringLiteral("http://127.0.0.1:")), said.constData());
    Prometheus prometheus;
    QVERIFY2(prometheus.start({{QStringLiteral("poolscope"), {QUrl(url).authority()}}}),
             qPrintable(prometheus.error()));
    QTRY_COMPARE_WITH_TIMEOUT(valueOf(prometheus, "poolscope_target_up"), QStringLiteral("1"),
                              patience);
    QCOMPARE(valueOf(prometheus, "up{job=\"poolscope\"}"), QStringLiteral("1"));
    const auto used = [&] {
        return valueOf(prometheus, "db_client_connection_count{db_client_connection_state="
                                   "\"used\",db_client_connection_pool_name=~\"orders.*\"}");
    };
    QTRY_COMPARE_WITH_TIMEOUT(used(), QStringLiteral("4"), patience);
    QVERIFY(prometheus.get("/api/v1/metadata?metric=db_client_connection_wait_time_seconds")
                .contains("\"type\":\"summary\""));
    QVERIFY(prometheus.get("/api/v1/targets").contains("\"lastError\":\"\""));
    // What was scraped from Poolscope is a fleet like any other.
    MetricsProbe back(prometheus.apiUrl());
    QTRY_COMPARE_WITH_TIMEOUT(back.pools().pools.size(), 2U, patience);
    for (const auto& [name, pool] : back.pools().pools) {
        QVERIFY2(name.str().find(shop.url().toStdString()) != std::string::npos,
                 name.str().c_str());
        QVERIFY(pool.used && pool.max && pool.timeouts && pool.use_time);
    }
    recording.terminate();
    QVERIFY(recording.waitForFinished(patience));
    QCOMPARE(recording.exitCode(), 0);
}

void TestPrometheus::busyAddress()
{
    QTcpServer taken;
    QVERIFY(taken.listen(QHostAddress::LocalHost));
    const QTemporaryDir dir;
    QProcess recording;
    recording.start(inBuild("app/poolscope"),
                    {QStringLiteral("record"), QStringLiteral("demo:"), QStringLiteral("-o"),
                     dir.filePath(QStringLiteral("r.poolrec")), QStringLiteral("--metrics"),
                     QString::number(taken.serverPort())});
    QVERIFY(recording.waitForFinished(patience));
    QCOMPARE(recording.exitCode(), 2);
    QVERIFY(recording.readAllStandardError().contains("cannot be served"));
    QVERIFY(!QFile::exists(dir.filePath(QStringLiteral("r.poolrec"))));
}

QTEST_GUILESS_MAIN(TestPrometheus)
#include "tst_prometheus.moc"
