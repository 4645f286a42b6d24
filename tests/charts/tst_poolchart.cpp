// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/charts/chartdata.h"
#include "ui/charts/poolchart.h"
#include "ui/theme/theme.h"

#include <QImage>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <memory>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

namespace {

PoolPoint point(std::chrono::seconds at, std::int64_t used, std::int64_t pending = 0,
                std::int64_t max = 20)
{
    PoolPoint p;
    p.time = start + at;
    p.used = used;
    p.idle = std::max<std::int64_t>(0, max - used);
    p.pending = pending;
    p.max = max;
    p.timeouts = 0;
    return p;
}

} // namespace

class TestPoolChart : public QObject
{
    Q_OBJECT

private:
    std::shared_ptr<PoolStore> points_;
    std::unique_ptr<PoolChart> chart_;

    void show(PoolPlot plots, const std::vector<PoolPoint>& points)
    {
        points_ = std::make_shared<PoolStore>();
        points_->merge(points);
        chart_ = std::make_unique<PoolChart>(plots, points_);
        chart_->resize(800, 300);
        chart_->setTitle(QStringLiteral("orders"));
        chart_->setUtc(true);
        chart_->setRange(start, start + 100s);
        chart_->setUntil(start + 100s);
        chart_->show();
        QVERIFY(QTest::qWaitForWindowExposed(chart_.get()));
        chart_->flush();
    }
    QImage picture()
    {
        chart_->flush();
        return chart_->grab().toImage();
    }
    QPoint at(double seconds, double value) const
    {
        const PoolPicture& p = chart_->picture();
        return QPointF(p.x(start + Duration(static_cast<std::int64_t>(seconds * 1e6))), p.y(value))
            .toPoint();
    }
    static bool near(const QColor& a, const QColor& b, int most = 12)
    {
        return std::abs(a.red() - b.red()) <= most && std::abs(a.green() - b.green()) <= most &&
               std::abs(a.blue() - b.blue()) <= most;
    }

private slots:
    void init()
    {
        Theme::current().install();
        Theme::current().setMode(Theme::Mode::light);
    }
    void cleanup() { chart_.reset(); }

    void columnsStepFromPointToPoint()
    {
        const auto columns =
            poolColumns({point(0s, 4), point(50s, 9)}, start, start + 100s, start + 100s, 100);
        QCOMPARE(columns.size(), std::size_t{100});
        for (std::size_t i = 0; i < columns.size(); ++i) {
            QVERIFY(columns[i].seen);
            QCOMPARE(columns[i].used, i < 50 ? 4.0 : 9.0);
        }
    }

    void theFirstPointStoodBeforeTheRange()
    {
        const auto columns = poolColumns({point(-40s, 4), point(-20s, 7), point(90s, 1)}, start,
                                         start + 100s, start + 95s, 100);
        QCOMPARE(columns.front().used, 7.0);
        QCOMPARE(columns[89].used, 7.0);
        QCOMPARE(columns[90].used, 1.0);
        QVERIFY(columns[94].seen);
        QVERIFY(!columns[95].seen); // nobody knows yet
    }

    void aPeakWithinAPixelIsKept()
    {
        std::vector<PoolPoint> points{point(0s, 2)};
        points.push_back(point(10s, 20, 6));
        points.back().time += 100ms;
        points.push_back(point(10s, 2));
        points.back().time += 200ms;
        const auto columns = poolColumns(points, start, start + 100s, start + 100s, 100);
        QCOMPARE(columns[10].used, 20.0);
        QCOMPARE(columns[10].pending, 6.0);
        QCOMPARE(columns[11].used, 2.0);
    }

    void nothingIsJoinedAcrossAGap()
    {
        std::vector<PoolPoint> points{point(0s, 5), point(30s, 8), point(60s, 5)};
        points[2].gap_before = true;
        const auto columns = poolColumns(points, start, start + 100s, start + 100s, 100);
        QVERIFY(columns[30].seen);
        for (std::size_t i = 31; i < 60; ++i)
            QVERIFY(!columns[i].seen);
        QVERIFY(columns[60].seen);
        const auto holes = poolHoles(points, start, start + 100s);
        QCOMPARE(holes.size(), std::size_t{1});
        QCOMPARE(holes[0], (Hole{start + 30s, start + 60s}));
        QCOMPARE(poolHoles(points, start + 40s, start + 50s).size(), std::size_t{1});
        QCOMPARE(poolHoles(points, start + 70s, start + 90s).size(), std::size_t{0});
        QVERIFY(!poolPointAt(points, start + 45s, start + 100s));
        QCOMPARE(poolPointAt(points, start + 30s, start + 100s)->used,
                 std::optional<std::int64_t>(8));
        QVERIFY(!poolPointAt(points, start - 1s, start + 100s));
    }

    void whatIsNotReportedIsNoZero()
    {
        PoolPoint bare;
        bare.time = start;
        bare.used = 3;
        const auto columns = poolColumns({bare}, start, start + 10s, start + 10s, 10);
        QCOMPARE(columns[5].used, 3.0);
        QVERIFY(columns[5].idle < 0 && columns[5].pending < 0 && columns[5].limit < 0);
        QVERIFY(columns[5].wait99 < 0);
    }

    void timeoutsAreEventsAtTheirStep()
    {
        std::vector<PoolPoint> points;
        for (int i = 0; i <= 20; ++i)
            points.push_back(point(std::chrono::seconds(5 * i), 20));
        for (int i = 4; i <= 20; ++i)
            points[std::size_t(i)].timeouts = i < 16 ? 3 : 5;
        const auto x = [](Timestamp t) {
            return double(to_us(t - start)) / 1e6 * 8;
        };
        const auto events = timeoutEvents(points, start, start + 100s, x);
        QCOMPARE(events.size(), std::size_t{2});
        QCOMPARE(events[0].time, start + 20s);
        QCOMPARE(events[0].count, 3);
        QCOMPARE(events[0].words, QStringLiteral("3 acquires timed out"));
        QCOMPARE(events[1].count, 2);
        // Those that follow closely are one.
        for (std::size_t i = 6; i < points.size(); ++i)
            points[i].timeouts = *points[i].timeouts + 1;
        const auto fewer =
            timeoutEvents(points, start, start + 100s, [&](Timestamp t) { return x(t) / 8; });
        QCOMPARE(fewer.size(), std::size_t{2});
        QCOMPARE(fewer[0].count, 4);
        // A new process counts from zero.
        points[12].timeouts = 0;
        for (std::size_t i = 13; i < points.size(); ++i)
            points[i].timeouts = 0;
        QCOMPARE(timeoutEvents(points, start + 50s, start + 100s, x).size(), std::size_t{0});
    }

    void liveAndAskedAreTheSame()
    {
        std::vector<PoolPoint> points;
        for (int i = 0; i < 600; ++i) {
            points.push_back(point(std::chrono::seconds(i), i % 21, i % 7));
            points.back().gap_before = i == 300;
        }
        PoolStore live, asked, both;
        for (const PoolPoint& p : points)
            live.append(p);
        asked.merge(points);
        for (std::size_t i = 200; i < points.size(); ++i)
            both.append(points[i]);
        both.merge({points.begin(), points.begin() + 400});
        QCOMPARE(live.points(), points);
        QCOMPARE(asked.points(), points);
        QCOMPARE(both.points(), points);
    }

    void pendingStandsAboveTheLimit()
    {
        show(PoolPlot::use, {point(0s, 6), point(50s, 20, 8)});
        const QImage image = picture();
        const Tokens& t = lightTokens();
        QVERIFY(near(image.pixelColor(at(25, 3)), t.state(SessionState::active)));
        QVERIFY(near(image.pixelColor(at(25, 12)), t.state(SessionState::idle)));
        QVERIFY(near(image.pixelColor(at(75, 10)), t.state(SessionState::active)));
        QVERIFY(near(image.pixelColor(at(75, 24)), t.state(SessionState::waiting)));
        QVERIFY(near(image.pixelColor(at(25, 24)), t.surface));
        // It steps: right of the instant all of it, left of it nothing.
        QVERIFY(near(image.pixelColor(at(50, 17) + QPoint(3, 0)), t.state(SessionState::active)));
        QVERIFY(near(image.pixelColor(at(50, 17) - QPoint(3, 0)), t.state(SessionState::idle)));
        int dark = 0;
        for (int dy = -2; dy <= 2; ++dy)
            dark += near(image.pixelColor(at(25, 20) + QPoint(0, dy)), t.text, 60);
        QVERIFY(dark >= 1);
        QVERIFY(chart_->picture().top() > 28);
        QVERIFY(chart_->accessibleDescription().startsWith(QStringLiteral("20 of 20 in use")));
    }

    void aGapIsHatched()
    {
        std::vector<PoolPoint> points{point(0s, 10), point(30s, 10), point(60s, 10)};
        points[2].gap_before = true;
        show(PoolPlot::use, points);
        const QImage image = picture();
        const QColor blue = lightTokens().state(SessionState::active);
        QVERIFY(near(image.pixelColor(at(20, 5)), blue));
        QVERIFY(near(image.pixelColor(at(70, 5)), blue));
        for (int s = 32; s < 59; ++s)
            QVERIFY(!near(image.pixelColor(at(s, 5)), blue, 60));
    }

    void theLineOfALongWaitIsDrawn()
    {
        std::vector<PoolPoint> points{point(0s, 10), point(50s, 20)};
        for (PoolPoint& p : points) {
            p.wait_time = DurationSummary{100, 1s, 200us, 40ms};
            p.use_time = DurationSummary{100, 1s, 3ms, 30ms};
        }
        points[1].wait_time->p99 = 4s;
        show(PoolPlot::times, points);
        const QImage image = picture();
        QVERIFY(chart_->picture().most >= 4e6);
        QVERIFY(
            near(image.pixelColor(at(75, 4e6)), lightTokens().state(SessionState::waiting), 20) ||
            near(image.pixelColor(at(75, 4e6) - QPoint(0, 1)),
                 lightTokens().state(SessionState::waiting), 20));
        QVERIFY(near(image.pixelColor(at(25, 3.9e6)), lightTokens().surface));
        QVERIFY(chart_->accessibleDescription().contains(QStringLiteral("p99 4.0 s")) ||
                chart_->accessibleDescription().contains(QStringLiteral("p99 4 s")));
    }

    void hoverShowsTheValuesThere()
    {
        show(PoolPlot::use, {point(0s, 6), point(50s, 20, 8)});
        QCOMPARE(chart_->picture().shown->used, std::optional<std::int64_t>(20));
        chart_->setHover(start + 10s);
        QCOMPARE(chart_->picture().shown->used, std::optional<std::int64_t>(6));
        chart_->setHover(std::nullopt);
        chart_->setCursor(start + 20s);
        chart_->flush();
        QCOMPARE(chart_->picture().shown->used, std::optional<std::int64_t>(6));
        QVERIFY(chart_->picture().past);
    }

    void theWheelAsksForAShorterRange()
    {
        show(PoolPlot::use, {point(0s, 6)});
        QSignalSpy wanted(chart_.get(), &TimeChart::rangeRequested);
        const QPointF middle = chart_->picture().plot.center();
        QWidget* const top = chart_->childAt(middle.toPoint());
        QWheelEvent wheel(middle, top->mapToGlobal(middle), {}, {0, 120}, Qt::NoButton,
                          Qt::NoModifier, Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(top, &wheel);
        QCOMPARE(wanted.size(), 1);
        QCOMPARE(wanted[0][1].value<Timestamp>() - wanted[0][0].value<Timestamp>(), Duration(80s));
    }

    void durationsHaveRoundSteps()
    {
        QCOMPARE(durationStep(4.2e6), 1e6);
        QCOMPARE(durationStep(40'000), 10'000.0);
        QCOMPARE(durationStep(900e6), 300e6);
        for (double most = 1; most < 1e13; most *= 3)
            QVERIFY(most / durationStep(most) <= 5.001);
    }
};

QTEST_MAIN(TestPoolChart)
#include "tst_poolchart.moc"
