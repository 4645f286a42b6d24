// SPDX-License-Identifier: GPL-3.0-or-later
// Where a source of metrics may go, and with which secret.
#include "tests/source/metricsprobe.h"
#include "tests/source/metricsserver.h"

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

class TestMetricsAccess : public QObject
{
    Q_OBJECT
private slots:
    void addresses_data();
    void addresses();
    void badAddresses_data();
    void badAddresses();
    void redirects();
    void redirectsElsewhere();
    void redirectsForEver();
    void token();
    void userAndPassword();
    void notInTheClear();
    void tls();
};

void TestMetricsAccess::addresses_data()
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

void TestMetricsAccess::addresses()
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

void TestMetricsAccess::badAddresses_data()
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

void TestMetricsAccess::badAddresses()
{
    QFETCH(QString, stripped);
    const QString given = QLatin1String(QTest::currentDataTag());
    const auto kind = classifyTarget(given);
    QVERIFY(!kind);
    QVERIFY(kind.error().sentence.find("s3cret") == std::string::npos);
    QCOMPARE(withoutSecrets(given), stripped);
}

void TestMetricsAccess::redirects()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        if (path == "/metrics")
            server.say(socket, {}, "Location: /real?x=1\r\n", "302 Found");
        else
            server.say(socket, goPage(3, 3));
    };
    MetricsProbe probe(server.url(), QStringLiteral("t0k3n"));
    QTRY_VERIFY(probe.up());
    QCOMPARE(server.paths.mid(0, 2), (QList<QByteArray>{"/metrics", "/real?x=1"}));
    QVERIFY(server.requests.at(1).contains("Bearer t0k3n"));
}

void TestMetricsAccess::redirectsElsewhere()
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
        MetricsProbe probe(server.url(), QStringLiteral("t0k3n"));
        QTRY_COMPARE(probe.reach(), Reach::stopped);
        QVERIFY2(probe.says("another place: not followed"), qPrintable(probe.sentence()));
        QVERIFY(!probe.everything().contains("s3cret"));
    }
    QVERIFY(other.requests.isEmpty());
}

void TestMetricsAccess::redirectsForEver()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray& path) {
        server.say(socket, {}, "Location: " + path + "x\r\n", "307 Again");
    };
    MetricsProbe probe(server.url());
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.says("sends on and on"));
    QCOMPARE(server.requests.size(), 1 + MetricsSource::mostRedirects);
}

void TestMetricsAccess::token()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        if (server.requests.last().contains("Authorization: Bearer r1ght\r\n"))
            server.say(socket, goPage(1, 1));
        else
            server.say(socket, {}, "WWW-Authenticate: Bearer\r\n", "401 Unauthorized");
    };
    MetricsProbe probe(server.url());
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
    MetricsProbe declined(server.url());
    QTRY_COMPARE(declined.secrets.size(), 1);
    declined.source().provideSecret({});
    QCOMPARE(declined.sentence(), QStringLiteral("No token was given."));
    // A line break would make two headers of one.
    MetricsProbe broken(server.url(), QStringLiteral("a\r\nX: y"));
    QTRY_COMPARE(broken.reach(), Reach::stopped);
    QVERIFY(broken.says("line break"));
}

void TestMetricsAccess::userAndPassword()
{
    MetricsServer server;
    const QByteArray header = "Authorization: Basic " + QByteArray("me:pw@1").toBase64() + "\r\n";
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        if (server.requests.last().contains(header))
            server.say(socket, goPage(1, 1));
        else
            server.say(socket, {}, "WWW-Authenticate: Basic realm=\"x\"\r\n", "401 Unauthorized");
    };
    MetricsProbe given(QStringLiteral("prometheus+http://me:pw%401@") + server.address());
    QTRY_VERIFY(given.up());
    QVERIFY(given.source().info().url.find("pw") == std::string::npos);
    MetricsProbe asked(QStringLiteral("prometheus+http://me@") + server.address());
    QTRY_COMPARE(asked.secrets.size(), 1);
    QVERIFY(asked.secrets.last().contains(QStringLiteral("the password of me")));
    asked.source().provideSecret(QStringLiteral("pw@1"));
    QTRY_VERIFY(asked.up());
}

void TestMetricsAccess::notInTheClear()
{
    MetricsProbe probe(QStringLiteral("prometheus+http://metrics.invalid/m"),
                       QStringLiteral("t0k3n"));
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.says("in the clear"), qPrintable(probe.sentence()));
    QVERIFY(probe.advises("https"));
    // One that is merely at hand is not sent there, and stops nothing.
    qputenv("POOLSCOPE_METRICS_TOKEN", "at-hand");
    MetricsServer server;
    server.page = goPage(1, 1);
    MetricsProbe near(server.url());
    MetricsProbe far(QStringLiteral("prometheus+http://metrics.invalid/m"));
    // Nor to a place that somebody else has named.
    MetricsServer named;
    named.page = goPage(1, 1);
    AttachRequest offered;
    offered.target = named.url();
    offered.secretAtHand = false;
    auto source = makeSource(TargetId{1}, offered);
    qunsetenv("POOLSCOPE_METRICS_TOKEN");
    QVERIFY(source);
    source.value()->start();
    QTRY_VERIFY(!named.requests.isEmpty());
    QVERIFY(!named.requests.first().contains("Authorization"));
    QTRY_VERIFY(near.up());
    QVERIFY(server.requests.first().contains("Bearer at-hand"));
    QTRY_COMPARE(far.reach(), Reach::failing);
    QVERIFY2(far.says("no address for metrics.invalid"), qPrintable(far.sentence()));
}

void TestMetricsAccess::tls()
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
    MetricsProbe untrusted(QStringLiteral("prometheus+https://") + server.address(),
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
    MetricsProbe trusted(QStringLiteral("prometheus+https://") + again.address(),
                         QStringLiteral("t0k3n"));
    QTRY_VERIFY2_WITH_TIMEOUT(trusted.up(), qPrintable(trusted.sentence()), 20000);
    QSslConfiguration::setDefaultConfiguration(before);
    QVERIFY(again.requests.first().contains("Bearer t0k3n"));
    // TLS to what does not speak it, and says so in its own way, or hangs up.
    QTcpServer plain;
    QVERIFY(plain.listen(QHostAddress::LocalHost));
    bool answers = true;
    connect(&plain, &QTcpServer::newConnection, &plain, [&plain, &answers] {
        QTcpSocket* const client = plain.nextPendingConnection();
        connect(client, &QTcpSocket::readyRead, client, [client, &answers] {
            if (answers)
                client->write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            client->disconnectFromHost();
        });
    });
    const QString https = QStringLiteral("prometheus+https://127.0.0.1:%1").arg(plain.serverPort());
    MetricsProbe confused(https);
    QTRY_VERIFY(confused.reach() == Reach::stopped || confused.reach() == Reach::failing);
    QVERIFY2(confused.says("does not answer by TLS") && confused.advises("http://"),
             qPrintable(confused.sentence()));
    answers = false;
    MetricsProbe hungUp(https);
    QTRY_VERIFY(hungUp.reach() == Reach::stopped || hungUp.reach() == Reach::failing);
    QVERIFY2(hungUp.says("does not answer by TLS"), qPrintable(hungUp.sentence()));
}

QTEST_GUILESS_MAIN(TestMetricsAccess)
#include "tst_metricsaccess.moc"
