// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/charts/chartdata.h"
#include "ui/charts/chartpicture.h"
#include "ui/charts/reduction.h"
#include "ui/charts/seriesstore.h"
#include "ui/charts/timeaxis.h"

#include <QTest>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

class TestSeriesReduction : public QObject
{
    Q_OBJECT

private:
    static std::int32_t peak(const std::vector<SeriesPoint>& points)
    {
        std::int32_t most = 0;
        for (const SeriesPoint& point : points)
            most = std::max(most, total_of(point));
        return most;
    }

private slots:
    void fewStayAsTheyAre()
    {
        const auto points = wandering(120);
        const auto reduced = reduce_series(points, start, start + 120s, 800);
        QCOMPARE(reduced.points.size(), points.size());
        QVERIFY(reduced.points == points);
        QVERIFY(reduced.holes.empty());
    }

    void boundedAndAscending()
    {
        for (const int seconds : {900, 3'600, 36'000, 90'000})
            for (const std::size_t columns : {1U, 60U, 250U, 3000U}) {
                const auto points = wandering(seconds);
                const auto reduced =
                    reduce_series(points, start, start + std::chrono::seconds(seconds), columns);
                QVERIFY(reduced.points.size() <= 2 * (std::min(columns, most_columns) + 2));
                QVERIFY(reduced.points.size() <= 1'000);
                QVERIFY(
                    std::is_sorted(reduced.points.begin(), reduced.points.end(),
                                   [](const auto& a, const auto& b) { return a.time < b.time; }));
                QCOMPARE(peak(reduced.points), peak(points));
            }
    }

    void noPeakIsLost()
    {
        // One second of many idle sessions, and elsewhere one second of trouble that no total
        // shows.
        auto points = wandering(36'000);
        points[12'345].counts[4] = 190;
        SeriesPoint& trouble = points[23'456];
        trouble.counts = {60, 0, 0, 0, 10, 0, 0};
        const auto reduced = reduce_series(points, start, start + 36'000s, 400);
        QVERIFY(std::count(reduced.points.begin(), reduced.points.end(), points[12'345]) == 1);
        QVERIFY(std::count(reduced.points.begin(), reduced.points.end(), trouble) == 1);
    }

    void gapsStay()
    {
        auto points = wandering(36'000);
        points.erase(points.begin() + 10'000,
                     points.begin() + 10'003); // far below a column's width
        points[10'000].gap_before = true;
        points.erase(points.begin() + 20'000, points.begin() + 21'000);
        points[20'000].gap_before = true;
        const auto reduced = reduce_series(points, start, start + 36'000s, 400);
        QCOMPARE(reduced.holes.size(), std::size_t{2});
        QCOMPARE(reduced.holes[0].from, start + 9'999s);
        QCOMPARE(reduced.holes[0].to, start + 10'003s);
        QCOMPARE(to_us(reduced.holes[1].to - reduced.holes[1].from), std::int64_t{1'001'000'000});
        QCOMPARE(std::count_if(reduced.points.begin(), reduced.points.end(),
                               [](const auto& p) { return p.gap_before; }),
                 2);
    }

    void manyGapsAreBounded()
    {
        auto points = wandering(20'000);
        for (SeriesPoint& point : points)
            point.gap_before = true;
        const auto reduced = reduce_series(points, start, start + 20'000s, 3000);
        QVERIFY(reduced.points.size() <= 1'000);
        QVERIFY(reduced.holes.size() <= 1'000);
    }

    void neighboursOutsideReachTheEdges()
    {
        const auto points = wandering(100);
        const auto reduced = reduce_series(points, start + 40500ms, start + 60500ms, 500);
        QCOMPARE(reduced.points.front().time, start + 40s);
        QCOMPARE(reduced.points.back().time, start + 61s);
        QVERIFY(reduce_series({}, start, start + 1s, 100).points.empty());
        QVERIFY(reduce_series(points, start + 5s, start + 5s, 100).points.empty());
    }

    void valueAtAnInstant()
    {
        auto points = wandering(10);
        QVERIFY(!point_at(points, start - 1s));
        QCOMPARE(point_at(points, start)->time, start);
        QCOMPARE(point_at(points, start + 3900ms)->time, start + 3s);
        QCOMPARE(point_at(points, start + 1h)->time, start + 9s);
        points[5].gap_before = true;
        QVERIFY(!point_at(points, start + 4500ms)); // nothing was seen then: no value
        QCOMPARE(point_at(points, start + 4s)->time, start + 4s);
    }

    void storeIsBounded()
    {
        SeriesStore store(1'000);
        auto points = wandering(50'000);
        points[30'000].counts[3] = 180;
        points[40'000].gap_before = true;
        for (const SeriesPoint& point : points) {
            store.append(point);
            QVERIFY(store.points().size() <= store.limit());
        }
        QCOMPARE(peak(store.points()), peak(points));
        QCOMPARE(store.points().back(), points.back());
        QCOMPARE(std::count_if(store.points().begin(), store.points().end(),
                               [](const auto& p) { return p.gap_before; }),
                 1);
        // The newest stay one a second.
        const auto& kept = store.points();
        QCOMPARE(kept[kept.size() - 200].time, points[points.size() - 200].time);
    }

    void storeOfGapsIsBounded()
    {
        SeriesStore store(400);
        for (SeriesPoint point : wandering(5'000)) {
            point.gap_before = true;
            store.append(point);
            QVERIFY(store.points().size() <= store.limit());
        }
        QVERIFY(store.points().front().gap_before);
    }

    void storeMerges()
    {
        const auto points = wandering(100);
        SeriesStore store;
        for (std::size_t i = 60; i < 100; ++i)
            store.append(points[i]);
        // The recording's answer overlaps what came live; nothing twice, nothing lost.
        store.merge({points.begin(), points.begin() + 71});
        QVERIFY(store.points() == points);
        store.append(points[50]); // late: known already
        QVERIFY(store.points() == points);
        store.merge({});
        QVERIFY(store.points() == points);
        store.clear();
        QVERIFY(store.points().empty());
    }

    void ticksAreRound()
    {
        const auto ticks = timeTicks(start + 7s, start + 907s, 600, 96, true);
        QVERIFY(ticks.size() >= 4 && ticks.size() <= 7);
        for (const TimeTick& tick : ticks)
            QCOMPARE(to_us(tick.at) % 60'000'000, std::int64_t{0});
        QVERIFY(timeTicks(start, start + 10s, 600, 96, true).front().label.size() == 8);
        QVERIFY(timeTicks(start, start, 600, 96, true).empty());
        QVERIFY(timeTicks(start, start + 8760h, 600, 96, true).size() < 8);
    }

    void zones()
    {
        const QByteArray zone = qgetenv("TZ");
        qputenv("TZ", "Asia/Kolkata"); // half an hour off: ticks must be round there, not in UTC
        tzset();
        QCOMPARE(clockText(start, true), QStringLiteral("13:00:00"));
        QCOMPARE(clockText(start, false), QStringLiteral("18:30:00"));
        const auto ticks = timeTicks(start, start + 6h, 600, 96, false);
        QVERIFY(!ticks.empty());
        for (const TimeTick& tick : ticks)
            QVERIFY2(tick.label.endsWith(QStringLiteral(":00")), qPrintable(tick.label));
        zone.isEmpty() ? qunsetenv("TZ") : qputenv("TZ", zone);
        tzset();
    }

    void clockForms()
    {
        const Timestamp instant = start + 412ms;
        QCOMPARE(clockText(instant, true, true), QStringLiteral("13:00:00.412"));
        QCOMPARE(clockText(instant, true, instant + 1h), QStringLiteral("13:00:00"));
        QCOMPARE(clockText(instant, true, instant + 48h), QStringLiteral("2025-11-21 13:00:00"));
    }

    void valueLines()
    {
        for (const double most : {1.0, 4.0, 10.0, 37.0, 100.0, 142.0, 200.0, 5'000.0}) {
            const double step = valueStep(most);
            const int lines = int(most / step) + 1;
            QVERIFY2(lines >= 2 && lines <= 6, qPrintable(QString::number(most)));
            QCOMPARE(step, std::floor(step));
        }
        QCOMPARE(valueStep(200), 50.0);
    }

    void labelsArePushedApart()
    {
        const auto placed = pushedApart({10, 95, 96, 97, 98, 99}, 15, 8, 100);
        QCOMPARE(placed.size(), std::size_t{6});
        for (std::size_t i = 1; i < placed.size(); ++i)
            QVERIFY(placed[i] - placed[i - 1] >= 15 - 1e-9);
        QCOMPARE(placed.back(), 99.0);
        QCOMPARE(placed.front(), 10.0);
    }
};

QTEST_MAIN(TestSeriesReduction)
#include "tst_seriesreduction.moc"
