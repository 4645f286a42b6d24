// SPDX-License-Identifier: GPL-3.0-or-later
// A query API that refuses, is late, answers too much or nonsense.
#include "tests/source/fleetscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestFleetTrouble : public QObject
{
    Q_OBJECT
private slots:
    void tooMuchIsHalved();
    void endlessAnswer();
    void refused();
    void refusedAsIfTooMuch();
    void lateHalfway();
    void redirectOfWhatItScrapes();
    void noQueryApi();
    void failsHalfway();
};

void TestFleetTrouble::tooMuchIsHalved()
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

void TestFleetTrouble::endlessAnswer()
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

void TestFleetTrouble::refused()
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

void TestFleetTrouble::refusedAsIfTooMuch()
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

void TestFleetTrouble::lateHalfway()
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

void TestFleetTrouble::redirectOfWhatItScrapes()
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

void TestFleetTrouble::noQueryApi()
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

void TestFleetTrouble::failsHalfway()
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

QTEST_GUILESS_MAIN(TestFleetTrouble)
#include "tst_fleettrouble.moc"
