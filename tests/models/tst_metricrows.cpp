// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/metricrows.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

PoolPoint point(Duration after, std::int64_t used, std::optional<std::int64_t> max = 20)
{
    PoolPoint made;
    made.time = start + after;
    made.used = used;
    made.max = max;
    return made;
}

Pool pool(const char* name, std::optional<std::int64_t> used, std::optional<std::int64_t> max,
          std::optional<std::int64_t> pending)
{
    Pool made;
    made.name = Text{name};
    made.used = used;
    made.max = max;
    made.pending = pending;
    return made;
}

SessionStore store(const std::vector<Pool>& pools, const char* kind = "prometheus")
{
    Update update;
    update.now = start;
    TargetSummary target;
    target.info = {TargetId{1}, kind, "shop", "prometheus+http://shop/metrics"};
    target.last_sample = start;
    target.status.reach = Reach::up;
    target.pools = pools;
    update.targets = {target};
    SessionStore made;
    made.apply(update);
    return made;
}

QString cell(const TreeNode& row, MetricColumn column)
{
    return row.cells.at(static_cast<std::size_t>(column)).text;
}

} // namespace

class TestMetricRows : public QObject
{
    Q_OBJECT
private slots:
    void aPoolThatFills();
    void noTrendOfTooLittle();
    void neitherOfOneThatRests();
    void whatWasBeforeAGap();
    void rowsWorstFirst();
    void whatIsNotReported();
    void alone();
};

/// Two more a minute, ten are left: five minutes.
void TestMetricRows::aPoolThatFills()
{
    std::vector<PoolPoint> points;
    for (int i = 0; i <= 8; ++i)
        points.push_back(point(i * 30s, 2 + i));
    const auto trend = poolTrend(points, start + 240s);
    QVERIFY(trend && trend->fullIn);
    QVERIFY(std::abs(trend->perMinute - 2.0) < 0.001);
    QCOMPARE(std::chrono::duration_cast<std::chrono::seconds>(*trend->fullIn).count(), 300);
}

void TestMetricRows::noTrendOfTooLittle()
{
    QVERIFY(!poolTrend({}, start));
    std::vector<PoolPoint> points;
    for (int i = 0; i < 4; ++i)
        points.push_back(point(i * 60s, i));
    QVERIFY(!poolTrend(points, start + 300s)); // four
    points.clear();
    for (int i = 0; i < 20; ++i)
        points.push_back(point(i * 1s, i));
    QVERIFY(!poolTrend(points, start + 60s)); // within a minute
    points.back().time = start + 61s;
    QVERIFY(poolTrend(points, start + 61s));
    QVERIFY(!poolTrend(points, start + 61s + trend_window)); // long ago
}

void TestMetricRows::neitherOfOneThatRests()
{
    std::vector<PoolPoint> points;
    for (int i = 0; i <= 10; ++i)
        points.push_back(point(i * 30s, i % 2 == 0 ? 5 : 6));
    const auto rests = poolTrend(points, start + 300s);
    QVERIFY(rests && !rests->fullIn);
    for (PoolPoint& each : points)
        each.used = 16 - (to_us(each.time - start) / 60'000'000);
    const auto falls = poolTrend(points, start + 300s);
    QVERIFY(falls && falls->perMinute < 0 && !falls->fullIn);
    // It grows, towards no limit that is known.
    for (PoolPoint& each : points) {
        each.used = to_us(each.time - start) / 30'000'000;
        each.max.reset();
    }
    const auto unlimited = poolTrend(points, start + 300s);
    QVERIFY(unlimited && unlimited->perMinute > 1 && !unlimited->fullIn);
}

void TestMetricRows::whatWasBeforeAGap()
{
    std::vector<PoolPoint> points;
    for (int i = 0; i <= 10; ++i)
        points.push_back(point(i * 30s, 2 * i));
    points[8].gap_before = true;
    QVERIFY(!poolTrend(points, start + 300s)); // three since
}

void TestMetricRows::rowsWorstFirst()
{
    const SessionStore pools =
        store({pool("calm", 1, 20, 0), pool("filling", 17, 20, 0), pool("full", 20, 20, 3)});
    PoolTrends trends;
    trends[{TargetId{1}, Text{"filling"}}] = {1.5, Duration{120s}};
    const TreeNodes rows = metricRows(pools, trends);
    QCOMPARE(rows.size(), 3U);
    QVERIFY(cell(*rows[0], MetricColumn::pool).startsWith(QStringLiteral("full")));
    QCOMPARE(cell(*rows[0], MetricColumn::fullIn), QStringLiteral("now"));
    QCOMPARE(rows[0]->severity, std::optional(2));
    QVERIFY(cell(*rows[1], MetricColumn::pool).startsWith(QStringLiteral("filling")));
    QCOMPARE(cell(*rows[1], MetricColumn::perMinute), QStringLiteral("+1.5"));
    QCOMPARE(cell(*rows[1], MetricColumn::fullIn), QStringLiteral("2m 00s"));
    QCOMPARE(rows[1]->severity, std::optional(1));
    QCOMPARE(cell(*rows[2], MetricColumn::fullIn), QString());
    const Answer answer = metricsAnswer(pools, trends);
    QCOMPARE(answer.severity, 2);
    QCOMPARE(answer.sentence, QStringLiteral("full: 20 of 20 in use, 3 wait"));
    QVERIFY(answer.explanation.contains(QStringLiteral("not by whom")));
    const Answer fills = metricsAnswer(store({pool("filling", 17, 20, 0)}), trends);
    QVERIFY(fills.explanation.startsWith(QStringLiteral("full in 2 min")));
}

void TestMetricRows::whatIsNotReported()
{
    const SessionStore pools = store({pool("dark", {}, {}, {})});
    const TreeNodes rows = metricRows(pools, {});
    for (const MetricColumn column :
         {MetricColumn::used, MetricColumn::free, MetricColumn::pending, MetricColumn::timeouts})
        QCOMPARE(cell(*rows.front(), column), QStringLiteral("not reported"));
    QCOMPARE(cell(*rows.front(), MetricColumn::perMinute), QStringLiteral("no trend yet"));
    QCOMPARE(metricsAnswer(pools, {}).kind, Answer::Kind::healthy);
}

void TestMetricRows::alone()
{
    QVERIFY(metricsAlone(store({pool("a", 1, 2, 0)})));
    QVERIFY(!metricsAlone(store({pool("a", 1, 2, 0)}, "pool")));
    QVERIFY(!metricsAlone(SessionStore()));
}

QTEST_APPLESS_MAIN(TestMetricRows)
#include "tst_metricrows.moc"
