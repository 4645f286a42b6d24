// SPDX-License-Identifier: GPL-3.0-or-later
// A source of metrics with a small server that misbehaves, or is not there.
#include "tests/source/metricsprobe.h"
#include "tests/source/metricsserver.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const char* const wrongPath = "/actuator/prometheus";

} // namespace

class TestMetricsTrouble : public QObject
{
    Q_OBJECT
private slots:
    void endlessPage();
    void giganticLine();
    void unpackedTooLong();
    void slowDrip();
    void neverAnswers();
    void cutOff();
    void nobodyThere();
    void wrongType();
    void oddType();
    void statuses_data();
    void statuses();
    void troubleIsToldOnce();
};

void TestMetricsTrouble::endlessPage()
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
    MetricsProbe probe(server.url());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    QVERIFY2(probe.says("longer than 16 MiB"), qPrintable(probe.sentence()));
    QCOMPARE(probe.samples, 0);
    QVERIFY2(sent < (24 << 20), qPrintable(QString::number(sent)));
}

void TestMetricsTrouble::giganticLine()
{
    MetricsServer server;
    server.page = "a{b=\"" + QByteArray(12 << 20, 'x') + "\"} 1\n" + goPage(3, 1);
    MetricsProbe probe(server.url());
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    QCOMPARE(*probe.pool("orders")->used, 3);
    QVERIFY(probe.says("cannot be read: 1"));
}

void TestMetricsTrouble::unpackedTooLong()
{
    MetricsServer server;
    // What qCompress makes is, behind its length, what HTTP calls deflate.
    const QByteArray bomb = qCompress(QByteArray(64 << 20, '\n'), 9).mid(4);
    QVERIFY(bomb.size() < (1 << 20));
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, bomb, MetricsServer::textType + "Content-Encoding: deflate\r\n");
    };
    MetricsProbe probe(server.url());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    QVERIFY2(probe.says("longer than 16 MiB"), qPrintable(probe.sentence()));
}

void TestMetricsTrouble::slowDrip()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        socket->write("HTTP/1.1 200 OK\r\n" + MetricsServer::textType + "\r\nup 1\n");
        auto* const drip = new QTimer(socket);
        connect(drip, &QTimer::timeout, socket, [socket] { socket->write("#"); });
        drip->start(20);
    };
    MetricsProbe probe(server.url(), {}, false);
    MetricsSource::Timings timings;
    timings.answer = 500ms;
    probe.metrics()->setTimings(timings);
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.says("began, and had not ended"), qPrintable(probe.sentence()));
    QCOMPARE(probe.samples, 0);
}

void TestMetricsTrouble::neverAnswers()
{
    MetricsServer server;
    server.onRequest = [](QTcpSocket*, const QByteArray&) {
    };
    MetricsProbe probe(server.url(), {}, false);
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

void TestMetricsTrouble::cutOff()
{
    MetricsServer server;
    server.page = goPage(1, 1);
    MetricsProbe probe(server.url());
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

void TestMetricsTrouble::nobodyThere()
{
    QString url;
    {
        const MetricsServer server;
        url = server.url();
    }
    MetricsProbe probe(url);
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.says("Nobody listens at 127.0.0.1:"), qPrintable(probe.sentence()));
}

void TestMetricsTrouble::wrongType()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, "<!DOCTYPE html>\n<html><body>Hello</body></html>\n",
                   "Content-Type: text/html; charset=utf-8\r\n");
    };
    MetricsProbe probe(server.url());
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.says("no page of metrics: it is text/html"), qPrintable(probe.sentence()));
    QVERIFY(probe.advises("/actuator/prometheus"));
}

void TestMetricsTrouble::oddType()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, goPage(4, 4), "Content-Type: application/octet-stream\r\n");
    };
    MetricsProbe probe(server.url());
    QTRY_VERIFY(probe.up());
    QVERIFY(probe.says("says that it is application/octet-stream"));
    QCOMPARE(*probe.pool("orders")->used, 4);
}

void TestMetricsTrouble::statuses_data()
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

void TestMetricsTrouble::statuses()
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
    MetricsProbe probe(server.url());
    QTRY_COMPARE(probe.reach(), persistent ? Reach::stopped : Reach::failing);
    QVERIFY2(probe.sentence().contains(words), qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(advice));
    QCOMPARE(probe.samples, 0);
    // Once it was up, all of it is a passing trouble.
    MetricsServer later;
    later.page = goPage(1, 1);
    MetricsProbe known(later.url());
    QTRY_VERIFY(known.up());
    later.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        later.say(socket, {}, MetricsServer::textType, status);
    };
    QTRY_COMPARE(known.reach(), Reach::failing);
    later.onRequest = nullptr;
    QTRY_COMPARE(known.reach(), Reach::up);
}

void TestMetricsTrouble::troubleIsToldOnce()
{
    MetricsServer server;
    server.onRequest = [&](QTcpSocket* socket, const QByteArray&) {
        server.say(socket, {}, MetricsServer::textType, "500 Oops");
    };
    MetricsProbe probe(server.url());
    QTRY_VERIFY(server.requests.size() >= 4);
    QCOMPARE(probe.failing, 1);
    probe.source().sampleNow();
    server.onRequest = nullptr;
    server.page = goPage(1, 1);
    QTRY_VERIFY(probe.up());
}

QTEST_GUILESS_MAIN(TestMetricsTrouble)
#include "tst_metricstrouble.moc"
