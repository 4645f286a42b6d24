// SPDX-License-Identifier: GPL-3.0-or-later
// What a query API remembers.
#include "tests/source/fleetscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestFleetPast : public QObject
{
    Q_OBJECT
private slots:
    void past();
    void pastOfNothing();
    void pastEndsWhereItFails();
    void remarksOfThePast();
};

void TestFleetPast::past()
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

void TestFleetPast::pastOfNothing()
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

void TestFleetPast::pastEndsWhereItFails()
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

void TestFleetPast::remarksOfThePast()
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

QTEST_GUILESS_MAIN(TestFleetPast)
#include "tst_fleetpast.moc"
