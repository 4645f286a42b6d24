// SPDX-License-Identifier: GPL-3.0-or-later
// What a server, an agent or a recording counts may be any number: nothing is made of it that is
// its opposite.
#include "core/analyze/idlegrowth.h"
#include "core/analyze/poolcase.h"
#include "core/analyze/suspects.h"

#include <QTest>

#include <algorithm>
#include <limits>

using namespace poolscope;

namespace {

constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t least = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();

TargetState server(std::int32_t max, std::int32_t reserved, std::int32_t idle = 2)
{
    TargetState target;
    target.info.id = TargetId{1};
    target.facts.emplace();
    target.facts->max_connections = max;
    target.facts->reserved = reserved;
    target.counts.at(static_cast<std::size_t>(SessionState::idle)) = idle;
    return target;
}

} // namespace

class TestHugeCounts : public QObject
{
    Q_OBJECT
private slots:
    void slotsThatAreLeft_data();
    void slotsThatAreLeft();
    void howLongTheyLast_data();
    void howLongTheyLast();
    void howAPoolStands_data();
    void howAPoolStands();
};

void TestHugeCounts::slotsThatAreLeft_data()
{
    QTest::addColumn<int>("max");
    QTest::addColumn<int>("reserved");
    QTest::addColumn<int>("idle");
    QTest::addColumn<int>("left");
    QTest::addColumn<bool>("nearlyFull");
    QTest::newRow("as they are") << 100 << 3 << 2 << 95 << false;
    QTest::newRow("fewer than none reserved") << most << least << 2 << most << false;
    QTest::newRow("more than all reserved") << least << most << 2 << least << true;
    QTest::newRow("all that can be taken") << least << 0 << most << least << true;
    QTest::newRow("less than none taken") << most << 0 << least << most << false;
}

void TestHugeCounts::slotsThatAreLeft()
{
    QFETCH(const int, max);
    QFETCH(const int, reserved);
    QFETCH(const int, idle);
    QFETCH(const int, left);
    QFETCH(const bool, nearlyFull);
    const TargetState target = server(max, reserved, idle);
    QCOMPARE(slots_left(target), std::optional{left});
    QCOMPARE(nearly_full(target), nearlyFull);
}

void TestHugeCounts::howLongTheyLast_data()
{
    QTest::addColumn<int>("max");
    QTest::addColumn<int>("reserved");
    QTest::addColumn<int>("from");
    QTest::addColumn<int>("to");
    QTest::addColumn<QByteArray>("words");
    const QByteArray full = "The server has no slot left for an ordinary role.";
    QTest::newRow("as they are") << 100 << 3 << 10 << 30 << QByteArray("At this rate the 95 ");
    QTest::newRow("none are left") << 10 << 8 << 10 << 30 << full;
    QTest::newRow("more than there can be") << most << least << 10 << 30 << QByteArray();
    QTest::newRow("fewer than none") << least << most << 10 << 30 << full;
    QTest::newRow("a rate beyond all measure")
        << most << 0 << least << most << QByteArray("At this rate the ");
    QTest::newRow("no rate") << 100 << 3 << 30 << 30 << QByteArray();
}

void TestHugeCounts::howLongTheyLast()
{
    QFETCH(const int, max);
    QFETCH(const int, reserved);
    QFETCH(const int, from);
    QFETCH(const int, to);
    QFETCH(const QByteArray, words);
    TargetState target = server(max, reserved);
    const Timestamp now = timestamp_from_us(1'795'270'000'000'000);
    Session session;
    session.key = {TargetId{1}, Pid{7}, now - std::chrono::hours{1}};
    session.state = SessionState::idle;
    session.state_since = now - std::chrono::minutes{20};
    target.sessions[session.key.pid] = session;
    SuspectedLeak leak;
    leak.session = session.key;
    leak.since = *session.state_since;
    leak.growth = IdleGrowth{from, to, to};
    const auto evidence = evidence_of(leak, target, LeakThresholds{}, now);
    const auto said =
        std::find_if(evidence.begin(), evidence.end(), [](const std::string& sentence) {
            return sentence.find("At this rate") != std::string::npos ||
                   sentence.find("no slot left") != std::string::npos;
        });
    const std::string told = said == evidence.end() ? std::string{} : *said;
    QVERIFY2(words.isEmpty() ? told.empty() : told.starts_with(words.toStdString()), told.c_str());
}

void TestHugeCounts::howAPoolStands_data()
{
    QTest::addColumn<qint64>("used");
    QTest::addColumn<qint64>("max");
    QTest::addColumn<int>("strain");
    const auto row = [](const char* name, std::int64_t used, std::int64_t max, Strain strain) {
        QTest::newRow(name) << qint64{used} << qint64{max} << static_cast<int>(strain);
    };
    row("94 of 100", 94, 100, Strain::none);
    row("95 of 100", 95, 100, Strain::nearly);
    row("18 of 19", 18, 19, Strain::none);
    row("19 of 19", 19, 19, Strain::nearly);
    row("19 of 20", 19, 20, Strain::nearly);
    row("38 of 41", 38, 41, Strain::none);
    row("39 of 41", 39, 41, Strain::nearly);
    row("half of very many", 400'000'000'000'000'000, 800'000'000'000'000'000, Strain::none);
    row("all there can be", huge, huge, Strain::nearly);
    row("one of these", 1, huge, Strain::none);
}

void TestHugeCounts::howAPoolStands()
{
    QFETCH(const qint64, used);
    QFETCH(const qint64, max);
    QFETCH(const int, strain);
    FlowPoint point;
    point.used = used;
    point.max = max;
    point.pending = 0;
    QCOMPARE(static_cast<int>(point.strain()), strain);
}

QTEST_APPLESS_MAIN(TestHugeCounts)
#include "tst_hugecounts.moc"
