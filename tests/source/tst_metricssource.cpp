// SPDX-License-Identifier: GPL-3.0-or-later
// A source of metrics with a small server that behaves, or does not.
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "core/source/metricssource.h"
#include "tests/source/metricsserver.h"
#include "tests/source/poolprobe.h"

#include <QFile>
#include <QProcess>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const char* const wrongPath = "/actuator/prometheus";

QByteArray dataPage(const char* name)
{
    QFile file(QStringLiteral(POOLSCOPE_DATA "/metrics/") + QLatin1String(name));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("no %s", name);
    return file.readAll();
}

QByteArray goPage(int used, int waits, double started = 100)
{
    return QStringLiteral("go_sql_in_use_connections{db_name=\"orders\"} %1\n"
                          "go_sql_in_use_connections{db_name=\"audit\"} 1\n"
                          "go_sql_wait_count_total{db_name=\"orders\"} %2\n"
                          "process_start_time_seconds %3\n")
        .arg(used)
        .arg(waits)
        .arg(started)
        .toUtf8();
}

/// A source with waits that are short, polling ten times a second.
struct Probe : PoolProbe
{
    explicit Probe(const QString& target, const QString& secret = {}, bool begin = true)
        : PoolProbe(target, secret)
    {
        if (auto* const made = metrics()) {
            MetricsSource::Timings timings;
            timings.answer = 5000ms;
            timings.firstRetry = 50ms;
            timings.longestRetry = 200ms;
            made->setTimings(timings);
        }
        if (begin && metrics() != nullptr)
            start();
    }
    MetricsSource* metrics() { return qobject_cast<MetricsSource*>(&source()); }
    const Pool* pool(const char* name) const
    {
        const auto found = pools().pools.find(Text{std::string(name)});
        return found == pools().pools.end() ? nullptr : &found->second;
    }
    bool says(const char* words) const { return sentence().contains(QLatin1String(words)); }
    bool advises(const char* words) const { return nextStep().contains(QLatin1String(words)); }
    QByteArray everything() const
    {
        QByteArray all;
        for (const Fact& fact : facts) {
            if (const auto* const status = std::get_if<StatusChanged>(&fact))
                all +=
                    QByteArray::fromStdString(status->status.sentence + status->status.next_step);
            if (const auto* const gap = std::get_if<Gap>(&fact))
                all += QByteArray::fromStdString(gap->reason);
        }
        return all;
    }
};

} // namespace

class TestMetricsSource : public QObject
{
    Q_OBJECT
private slots:
    void addresses_data();
    void addresses();
    void badAddresses_data();
    void badAddresses();
    void realPage();
    void onlyWhatChanged();
    void poolsComeAndGo();
    void countersBeginAnew();
    void processBeginsAnew();
    void expvarPage();
    void noPool();
    void endlessPage();
    void giganticLine();
    void unpackedTooLong();
    void packed();
    void slowDrip();
    void neverAnswers();
    void cutOff();
    void nobodyThere();
    void wrongType();
    void oddType();
    void statuses_data();
    void statuses();
    void redirects();
    void redirectsElsewhere();
    void redirectsForEver();
    void token();
    void userAndPassword();
    void notInTheClear();
    void tls();
    void troubleIsToldOnce();
    void ordersAreRefused();
    void oneThreadForAll();
    void stops();
    void replaysTheSame();
};

void TestMetricsSource::addresses_data()
{
    QTest::addColumn<QString>("shown");
    QTest::newRow("prometheus+http://h:9100") << "prometheus+http://h:9100/metrics";
    QTest::newRow("prometheus+https://h/a/prometheus") << "prometheus+https://h/a/prometheus";
    QTest::newRow("PROMETHEUS+HTTP://h:1/m") << "prometheus+http://h:1/m";
    QTest::newRow("expvar+http://h:8080") << "expvar+http://h:8080/debug/vars";
    QTest::newRow("prometheus+http://me:pw%40x@h:1/m?format=x")
        << "prometheus+http://me@h:1/m?format=x";
    QTest::newRow("prometheus+http://[::1]:1/m") << "prometheus+http://[::1]:1/m";
}

void TestMetricsSource::addresses()
{
    QFETCH(QString, shown);
    const QString given = QLatin1String(QTest::currentDataTag());
    QVERIFY(classifyTarget(given));
    QVERIFY(classifyTarget(given).value() == TargetKind::metrics);
    QCOMPARE(withoutSecrets(given), shown);
    QCOMPARE(withoutSecrets(shown), shown);
    AttachRequest request;
    request.target = given;
    const auto source = makeSource(TargetId{1}, request);
    QVERIFY(source);
    QCOMPARE(QString::fromStdString(source.value()->info().url), shown);
    QCOMPARE(source.value()->info().kind, std::string("metrics"));
    QVERIFY(usualInterval(given) == 5s);
}

void TestMetricsSource::badAddresses_data()
{
    QTest::addColumn<QString>("stripped");
    const QString prometheus = QStringLiteral("prometheus+http://");
    QTest::newRow("prometheus+http://") << prometheus;
    QTest::newRow("prometheus+http:///metrics") << prometheus;
    QTest::newRow("prometheus+http://h:0/m") << prometheus;
    QTest::newRow("prometheus+http://h:99999/m") << prometheus;
    QTest::newRow("prometheus+http://h/m#x") << prometheus;
    QTest::newRow("prometheus+http://h/m?access_token=s3cret") << prometheus;
    QTest::newRow("prometheus+http://h/m?pass=s3cret") << prometheus;
    QTest::newRow("prometheus+http://h/m?dbPwd=s3cret") << prometheus;
    QTest::newRow("prometheus+http://:s3cret@h/m") << prometheus;
}

void TestMetricsSource::badAddresses()
{
    QFETCH(QString, stripped);
    const QString given = QLatin1String(QTest::currentDataTag());
    const auto kind = classifyTarget(given);
    QVERIFY(!kind);
    QVERIFY(kind.error().sentence.find("s3cret") == std::string::npos);
    QCOMPARE(withoutSecrets(given), stripped);
}

void TestMetricsSource::realPage()
{
    MetricsServer server;
    server.page = dataPage("go-client.txt");
    Probe probe(server.url());
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
    Probe probe(server.url());
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
    Probe probe(server.url());
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
    Probe probe(server.url());
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
    Probe probe(server.url());
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
    Probe probe(QStringLiteral("expvar+http://") + server.address());
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
    Probe probe(server.url());
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

void TestMetricsSource::endlessPage()
{
    MetricsServer server;
    QByteArray lines;
    while (lines.size() < (1 << 16))
        lines += "a{b=\"" + QByteArray::number(lines.size()) + "\"} 1\n";
    qint64 sent = 0;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        socket->write("HTTP/1.1 200 OK\r\n" + MetricsServer::textType + "\r\n" + lines);
        connect(socket, &QTcpSocket::bytesWritten, socket, [&, socket](qint64 bytes) {
            sent += bytes;
            if (socket->bytesToWrite() < lines.size())
                socket->write(lines);
        });
    };
    Probe probe(server.url());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    QVERIFY2(probe.says("longer than 16 MiB"), qPrintable(probe.sentence()));
    QCOMPARE(probe.samples, 0);
    QVERIFY2(sent < (24 << 20), qPrintable(QString::number(sent)));
}

void TestMetricsSource::giganticLine()
{
    MetricsServer server;
    server.page = "a{b=\"" + QByteArray(12 << 20, 'x') + "\"} 1\n" + goPage(3, 1);
    Probe probe(server.url());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    QCOMPARE(*probe.pool("orders")->used, 3);
    QVERIFY(probe.says("cannot be read: 1"));
}

void TestMetricsSource::unpackedTooLong()
{
    MetricsServer server;
    // What qCompress makes is, behind its length, what HTTP calls deflate.
    const QByteArray bomb = qCompress(QByteArray(64 << 20, '\n'), 9).mid(4);
    QVERIFY(bomb.size() < (1 << 20));
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, bomb, MetricsServer::textType + "Content-Encoding: deflate\r\n");
    };
    Probe probe(server.url());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    QVERIFY2(probe.says("longer than 16 MiB"), qPrintable(probe.sentence()));
}

void TestMetricsSource::packed()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, qCompress(dataPage("pgbouncer-spreaker.txt")).mid(4),
                   MetricsServer::textType + "Content-Encoding: deflate\r\n");
    };
    Probe probe(server.url());
    QTRY_VERIFY(probe.up());
    QCOMPARE(*probe.pool("orders/postgres")->pending, 4);
    QVERIFY(server.requests.first().contains("gzip"));
}

void TestMetricsSource::slowDrip()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        socket->write("HTTP/1.1 200 OK\r\n" + MetricsServer::textType + "\r\nup 1\n");
        auto* const drip = new QTimer(socket);
        connect(drip, &QTimer::timeout, socket, [socket] { socket->write("#"); });
        drip->start(20);
    };
    Probe probe(server.url(), {}, false);
    MetricsSource::Timings timings;
    timings.answer = 500ms;
    probe.metrics()->setTimings(timings);
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.says("began, and had not ended"), qPrintable(probe.sentence()));
    QCOMPARE(probe.samples, 0);
}

void TestMetricsSource::neverAnswers()
{
    MetricsServer server;
    server.onRequest = [](QTcpSocket*, const QByteArray&) {
    };
    Probe probe(server.url(), {}, false);
    MetricsSource::Timings timings;
    timings.answer = 300ms;
    timings.firstRetry = 50ms;
    timings.longestRetry = 100ms;
    probe.metrics()->setTimings(timings);
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY(probe.says("did not answer within"));
    server.onRequest = nullptr;
    server.page = goPage(1, 1);
    QTRY_VERIFY(probe.up());
}

void TestMetricsSource::cutOff()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    Probe probe(server.url());
    QTRY_VERIFY(probe.up());
    server.onRequest = [](QTcpSocket* socket, const QByteArray&) {
        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + goPage(9, 9));
        socket->disconnectFromHost();
    };
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.says("before the page ended"), qPrintable(probe.sentence()));
    QCOMPARE(*probe.pool("orders")->used, 1); // half a page is none
    QCOMPARE(probe.gaps, 1);
    server.onRequest = nullptr;
    server.page = goPage(2, 2);
    QTRY_VERIFY(probe.reach() == Reach::up);
    QTRY_VERIFY(*probe.pool("orders")->used == 2);
    QCOMPARE(probe.fullSamples, 2);
}

void TestMetricsSource::nobodyThere()
{
    QString url;
    {
        const MetricsServer server;
        url = server.url();
    }
    Probe probe(url);
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.says("Nobody listens at 127.0.0.1:"), qPrintable(probe.sentence()));
}

void TestMetricsSource::wrongType()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, "<!DOCTYPE html>\n<html><body>Hello</body></html>\n",
                   "Content-Type: text/html; charset=utf-8\r\n");
    };
    Probe probe(server.url());
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.says("no page of metrics: it is text/html"), qPrintable(probe.sentence()));
    QVERIFY(probe.advises("/actuator/prometheus"));
}

void TestMetricsSource::oddType()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, goPage(4, 4), "Content-Type: application/octet-stream\r\n");
    };
    Probe probe(server.url());
    QTRY_VERIFY(probe.up());
    QVERIFY(probe.says("says that it is application/octet-stream"));
    QCOMPARE(*probe.pool("orders")->used, 4);
}

void TestMetricsSource::statuses_data()
{
    QTest::addColumn<QByteArray>("status");
    QTest::addColumn<bool>("persistent");
    QTest::addColumn<QString>("words");
    QTest::addColumn<QString>("advice");
    QTest::newRow("404") << QByteArray("404 Not Found") << true << "has no page /metrics"
                         << wrongPath;
    QTest::newRow("500") << QByteArray("500 Oops") << false << "HTTP status 500"
                         << "own log";
    QTest::newRow("503") << QByteArray("503 Busy") << false << "HTTP status 503"
                         << "own log";
    QTest::newRow("204") << QByteArray("204 Nothing") << false << "HTTP status 204"
                         << "";
}

void TestMetricsSource::statuses()
{
    QFETCH(QByteArray, status);
    QFETCH(bool, persistent);
    QFETCH(QString, words);
    QFETCH(QString, advice);
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, status.startsWith("204") ? QByteArray() : goPage(9, 9),
                   MetricsServer::textType, status);
    };
    Probe probe(server.url());
    QTRY_COMPARE(probe.reach(), persistent ? Reach::stopped : Reach::failing);
    QVERIFY2(probe.sentence().contains(words), qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(advice));
    QCOMPARE(probe.samples, 0);
    // Once it was up, all of it is a passing trouble.
    MetricsServer later;
    later.page = goPage(1, 1);
    Probe known(later.url());
    QTRY_VERIFY(known.up());
    later.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        later.say(socket, {}, MetricsServer::textType, status);
    };
    QTRY_COMPARE(known.reach(), Reach::failing);
    later.onRequest = nullptr;
    QTRY_COMPARE(known.reach(), Reach::up);
}

void TestMetricsSource::redirects()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        if (path == "/metrics")
            server.say(socket, {}, "Location: /real?x=1\r\n", "302 Found");
        else
            server.say(socket, goPage(3, 3));
    };
    Probe probe(server.url(), QStringLiteral("t0k3n"));
    QTRY_VERIFY(probe.up());
    QCOMPARE(server.paths.mid(0, 2), (QList<QByteArray>{"/metrics", "/real?x=1"}));
    QVERIFY(server.requests.at(1).contains("Bearer t0k3n"));
}

void TestMetricsSource::redirectsElsewhere()
{
    MetricsServer other;
    other.page = goPage(1, 1);
    for (const QString& to : {QStringLiteral("http://") + other.address() + QStringLiteral("/x"),
                              QStringLiteral("http://elsewhere.invalid/m?token=s3cret"),
                              QStringLiteral("file:///etc/passwd")}) {
        MetricsServer server;
        server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
            server.say(socket, {}, "Location: " + to.toUtf8() + "\r\n", "301 Moved");
        };
        Probe probe(server.url(), QStringLiteral("t0k3n"));
        QTRY_COMPARE(probe.reach(), Reach::stopped);
        QVERIFY2(probe.says("another place: not followed"), qPrintable(probe.sentence()));
        QVERIFY(!probe.everything().contains("s3cret"));
    }
    QVERIFY(other.requests.isEmpty());
}

void TestMetricsSource::redirectsForEver()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        server.say(socket, {}, "Location: " + path + "x\r\n", "307 Again");
    };
    Probe probe(server.url());
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.says("sends on and on"));
    QCOMPARE(server.requests.size(), 1 + MetricsSource::mostRedirects);
}

void TestMetricsSource::token()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        if (server.requests.last().contains("Authorization: Bearer r1ght\r\n"))
            server.say(socket, goPage(1, 1));
        else
            server.say(socket, {}, "WWW-Authenticate: Bearer\r\n", "401 Unauthorized");
    };
    Probe probe(server.url());
    QTRY_COMPARE(probe.secrets.size(), 1);
    QVERIFY2(probe.secrets.last().contains(QStringLiteral("wants a token")),
             qPrintable(probe.secrets.last()));
    QCOMPARE(probe.reach(), Reach::stopped);
    probe.source().provideSecret(QStringLiteral("wr0ng"));
    QTRY_COMPARE(probe.secrets.size(), 2);
    QVERIFY(probe.secrets.last().contains(QStringLiteral("refused the token")));
    probe.source().provideSecret(QStringLiteral("r1ght"));
    QTRY_VERIFY(probe.up());
    QVERIFY(!probe.everything().contains("r1ght") && !probe.everything().contains("wr0ng"));
    Probe declined(server.url());
    QTRY_COMPARE(declined.secrets.size(), 1);
    declined.source().provideSecret({});
    QCOMPARE(declined.sentence(), QStringLiteral("No token was given."));
    // A line break would make two headers of one.
    Probe broken(server.url(), QStringLiteral("a\r\nX: y"));
    QTRY_COMPARE(broken.reach(), Reach::stopped);
    QVERIFY(broken.says("line break"));
}

void TestMetricsSource::userAndPassword()
{
    MetricsServer server;
    const QByteArray header = "Authorization: Basic " + QByteArray("me:pw@1").toBase64() + "\r\n";
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        if (server.requests.last().contains(header))
            server.say(socket, goPage(1, 1));
        else
            server.say(socket, {}, "WWW-Authenticate: Basic realm=\"x\"\r\n", "401 Unauthorized");
    };
    Probe given(QStringLiteral("prometheus+http://me:pw%401@") + server.address());
    QTRY_VERIFY(given.up());
    QVERIFY(given.source().info().url.find("pw") == std::string::npos);
    Probe asked(QStringLiteral("prometheus+http://me@") + server.address());
    QTRY_COMPARE(asked.secrets.size(), 1);
    QVERIFY(asked.secrets.last().contains(QStringLiteral("the password of me")));
    asked.source().provideSecret(QStringLiteral("pw@1"));
    QTRY_VERIFY(asked.up());
}

void TestMetricsSource::notInTheClear()
{
    Probe probe(QStringLiteral("prometheus+http://metrics.invalid/m"), QStringLiteral("t0k3n"));
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.says("in the clear"), qPrintable(probe.sentence()));
    QVERIFY(probe.advises("https"));
    // One that is merely at hand is not sent there, and stops nothing.
    qputenv("POOLSCOPE_METRICS_TOKEN", "at-hand");
    MetricsServer server;
    server.page = goPage(1, 1);
    Probe near(server.url());
    Probe far(QStringLiteral("prometheus+http://metrics.invalid/m"));
    qunsetenv("POOLSCOPE_METRICS_TOKEN");
    QTRY_VERIFY(near.up());
    QVERIFY(server.requests.first().contains("Bearer at-hand"));
    QTRY_COMPARE(far.reach(), Reach::failing);
    QVERIFY2(far.says("no address for metrics.invalid"), qPrintable(far.sentence()));
}

void TestMetricsSource::tls()
{
    const QString openssl = QStandardPaths::findExecutable(QStringLiteral("openssl"));
    if (openssl.isEmpty())
        QSKIP("this needs openssl");
    const QTemporaryDir dir;
    const QString key = dir.filePath(QStringLiteral("key"));
    const QString certificate = dir.filePath(QStringLiteral("certificate"));
    QProcess made;
    made.start(openssl,
               {QStringLiteral("req"), QStringLiteral("-x509"), QStringLiteral("-newkey"),
                QStringLiteral("rsa:2048"), QStringLiteral("-nodes"), QStringLiteral("-days"),
                QStringLiteral("2"), QStringLiteral("-subj"), QStringLiteral("/CN=shop"),
                QStringLiteral("-addext"), QStringLiteral("subjectAltName=IP:127.0.0.1"),
                QStringLiteral("-keyout"), key, QStringLiteral("-out"), certificate});
    QVERIFY(made.waitForFinished() && made.exitCode() == 0);
    QFile keyFile(key);
    QVERIFY(keyFile.open(QIODevice::ReadOnly));
    const QList<QSslCertificate> own = QSslCertificate::fromPath(certificate);
    QCOMPARE(own.size(), 1);
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    tls.setLocalCertificate(own.first());
    tls.setPrivateKey(QSslKey(&keyFile, QSsl::Rsa));
    MetricsServer server(&tls);
    Probe untrusted(QStringLiteral("prometheus+https://") + server.address(),
                    QStringLiteral("t0k3n"));
    QTRY_COMPARE(untrusted.reach(), Reach::stopped);
    QVERIFY2(untrusted.says("is not trusted") && untrusted.says("self-signed"),
             qPrintable(untrusted.sentence()));
    QVERIFY(server.requests.isEmpty());
    const QSslConfiguration before = QSslConfiguration::defaultConfiguration();
    QSslConfiguration trusting = before;
    trusting.addCaCertificates(own);
    QSslConfiguration::setDefaultConfiguration(trusting);
    MetricsServer again(&tls); // what was known of the other is kept with its address
    again.page = goPage(1, 1);
    Probe trusted(QStringLiteral("prometheus+https://") + again.address(), QStringLiteral("t0k3n"));
    QTRY_VERIFY2_WITH_TIMEOUT(trusted.up(), qPrintable(trusted.sentence()), 20000);
    QSslConfiguration::setDefaultConfiguration(before);
    QVERIFY(again.requests.first().contains("Bearer t0k3n"));
    // TLS to what does not speak it.
    MetricsServer plain;
    plain.page = goPage(1, 1);
    Probe confused(QStringLiteral("prometheus+https://") + plain.address());
    QTRY_VERIFY(confused.reach() == Reach::stopped || confused.reach() == Reach::failing);
    QVERIFY(!confused.sentence().isEmpty());
}

void TestMetricsSource::troubleIsToldOnce()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, {}, MetricsServer::textType, "500 Oops");
    };
    Probe probe(server.url());
    QTRY_VERIFY(server.requests.size() >= 4);
    QCOMPARE(probe.failing, 1);
    probe.source().sampleNow();
    server.onRequest = nullptr;
    server.page = goPage(1, 1);
    QTRY_VERIFY(probe.up());
}

void TestMetricsSource::ordersAreRefused()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    Probe probe(server.url());
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
    std::vector<std::unique_ptr<Probe>> probes;
    probes.push_back(std::make_unique<Probe>(server.url()));
    QTRY_VERIFY(probes.front()->up());
    const auto before = threads();
    for (int i = 0; i < 40; ++i)
        probes.push_back(std::make_unique<Probe>(server.url()));
    for (const auto& probe : probes)
        QTRY_VERIFY(probe->up());
    // Resolver threads of Qt may come and go: nothing like one a target.
    QVERIFY2(threads() <= before + 6, qPrintable(QString::number(threads())));
}

void TestMetricsSource::stops()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    Probe probe(server.url());
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
    Probe probe(server.url());
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
