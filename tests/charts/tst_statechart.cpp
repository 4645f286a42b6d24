// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/charts/chartdata.h"
#include "ui/charts/stackview.h"
#include "ui/charts/statechart.h"
#include "ui/theme/theme.h"

#include <QImage>
#include <QMouseEvent>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <memory>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

class TestStateChart : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<StateChart> chart_;

    /// What lies above everything and takes the mouse.
    QWidget* top() const { return chart_->childAt(chart_->picture().plot.center().toPoint()); }
    QImage picture()
    {
        chart_->flush();
        return chart_->grab().toImage();
    }
    QPoint at(Timestamp t, double value) const
    {
        const ChartPicture& p = chart_->picture();
        return QPointF(p.x(t), p.y(value)).toPoint();
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
        chart_ = std::make_unique<StateChart>();
        chart_->resize(800, 300);
        chart_->setTitle(QStringLiteral("shop-db"));
        chart_->setUtc(true);
        chart_->setRange(start, start + 900s);
        chart_->mergePoints(flat(901, 60, 100));
        chart_->setCursor(start + 900s);
        chart_->show();
        QVERIFY(QTest::qWaitForWindowExposed(chart_.get()));
    }

    void cleanup() { chart_.reset(); }

    void areasHaveTheirColour()
    {
        const QImage image = picture();
        const Tokens& t = lightTokens();
        QVERIFY(near(image.pixelColor(at(start + 450s, 30)), t.state(SessionState::active)));
        QVERIFY(near(image.pixelColor(at(start + 450s, 80)), t.surface));
        Theme::current().setMode(Theme::Mode::dark);
        QVERIFY(near(picture().pixelColor(at(start + 450s, 30)),
                     darkTokens().state(SessionState::active)));
    }

    void stackingOrder()
    {
        SeriesPoint point;
        point.counts = {10, 10, 10, 10, 10, 10, 0};
        point.max_connections = 80;
        std::vector<SeriesPoint> points;
        for (int i = 0; i <= 900; i += 10) {
            point.time = start + std::chrono::seconds(i);
            points.push_back(point);
        }
        chart_->clearPoints();
        chart_->mergePoints(points);
        const QImage image = picture();
        for (std::size_t i = 0; i < 6; ++i)
            QVERIFY2(near(image.pixelColor(at(start + 450s, 10.0 * double(i) + 5)),
                          lightTokens().states[i]),
                     qPrintable(QString::number(i)));
    }

    void limitLineIsDrawn()
    {
        const QImage image = picture();
        const QPoint line = at(start + 600s, 100);
        int dark = 0;
        for (int dy = -2; dy <= 2; ++dy)
            dark += near(image.pixelColor(line + QPoint(0, dy)), lightTokens().text, 40);
        QVERIFY(dark >= 1);
        QVERIFY(chart_->picture().top() > 100); // the scale includes the limit
    }

    void gapSplitsAreas()
    {
        auto points = flat(901, 60, 100);
        points.erase(points.begin() + 301, points.begin() + 600);
        points[301].gap_before = true;
        chart_->clearPoints();
        chart_->mergePoints(points);
        const QImage image = picture();
        const QColor blue = lightTokens().state(SessionState::active);
        QVERIFY(near(image.pixelColor(at(start + 200s, 30)), blue));
        QVERIFY(near(image.pixelColor(at(start + 700s, 30)), blue));
        for (int s = 310; s < 590; s += 7)
            for (const int value : {2, 30, 58, 100})
                QVERIFY(
                    !near(image.pixelColor(at(start + std::chrono::seconds(s), value)), blue, 60));
        // Neither does the limit's line cross it.
        int dark = 0;
        for (int s = 310; s < 590; s += 3)
            dark += near(image.pixelColor(at(start + std::chrono::seconds(s), 100)),
                         lightTokens().text, 40);
        QCOMPARE(dark, 0);
        QCOMPARE(chart_->picture().series.holes.size(), std::size_t{1});
    }

    void afterTheCursorIsPale()
    {
        chart_->setCursor(start + 450s);
        const QImage image = picture();
        const Tokens& t = lightTokens();
        const QColor blue = t.state(SessionState::active);
        QVERIFY(near(image.pixelColor(at(start + 300s, 30)), blue));
        const auto mix = [](int over, int under) {
            return int(under * metrics::afterCursor + over * (1 - metrics::afterCursor));
        };
        const QColor pale(mix(t.surface.red(), blue.red()), mix(t.surface.green(), blue.green()),
                          mix(t.surface.blue(), blue.blue()));
        QVERIFY(near(image.pixelColor(at(start + 700s, 30)), pale));
        QVERIFY(near(image.pixelColor(at(start + 450s, 80)), t.text, 60));
        QVERIFY(chart_->picture().past);
    }

    void labelsFollowHoverAndCursor()
    {
        auto points = flat(901, 60, 100);
        points[100].counts[3] = 11;
        points[200].counts[3] = 22;
        chart_->clearPoints();
        chart_->mergePoints(points);
        chart_->flush();
        QVERIFY(!chart_->picture().past);
        QCOMPARE(chart_->picture().shown->counts[3], 60);
        chart_->setCursor(start + 100s);
        chart_->flush();
        QCOMPARE(chart_->picture().shown->counts[3], 11);
        chart_->setHover(start + 200s);
        QCOMPARE(chart_->picture().shown->counts[3], 22);
        chart_->setHover(std::nullopt);
        QCOMPARE(chart_->picture().shown->counts[3], 11);
        QVERIFY(chart_->accessibleDescription().contains(QStringLiteral("active 11")));
    }

    void wheelZoomsAroundThePointer()
    {
        QSignalSpy spy(chart_.get(), &StateChart::rangeRequested);
        const QPoint where = at(start + 600s, 50);
        QWheelEvent wheel(where, chart_->mapToGlobal(where), QPoint(), QPoint(0, 120), Qt::NoButton,
                          Qt::NoModifier, Qt::NoScrollPhase, false);
        QApplication::sendEvent(top(), &wheel);
        QCOMPARE(spy.count(), 1);
        const auto from = spy[0][0].value<Timestamp>(), to = spy[0][1].value<Timestamp>();
        QCOMPARE(to_us(to - from), std::int64_t{720'000'000});
        QVERIFY(std::abs(to_us(from - start) - 120'000'000) < 3'000'000);
    }

    void dragSelectsARange()
    {
        QSignalSpy range(chart_.get(), &StateChart::rangeRequested);
        QSignalSpy seek(chart_.get(), &StateChart::seekRequested);
        const QPoint a = at(start + 300s, 50), b = at(start + 600s, 50);
        QTest::mousePress(top(), Qt::LeftButton, {}, b); // backwards is a range too
        for (const QPointF step : {QPointF(a + b) / 2, QPointF(a)}) {
            QMouseEvent move(QEvent::MouseMove, step, chart_->mapToGlobal(step), Qt::NoButton,
                             Qt::LeftButton, Qt::NoModifier);
            QApplication::sendEvent(top(), &move);
        }
        QTest::mouseRelease(top(), Qt::LeftButton, {}, a);
        QCOMPARE(range.count(), 1);
        QVERIFY(std::abs(to_us(range[0][0].value<Timestamp>() - start) - 300'000'000) < 3'000'000);
        QVERIFY(std::abs(to_us(range[0][1].value<Timestamp>() - start) - 600'000'000) < 3'000'000);
        QVERIFY(!seek.wait(300));
    }

    void clickSeeksDoubleClickResets()
    {
        QSignalSpy seek(chart_.get(), &StateChart::seekRequested);
        QSignalSpy reset(chart_.get(), &StateChart::rangeReset);
        const QPoint where = at(start + 300s, 50);
        QTest::mouseClick(top(), Qt::LeftButton, {}, where);
        QTRY_COMPARE(seek.count(), 1);
        QVERIFY(std::abs(to_us(seek[0][0].value<Timestamp>() - start) - 300'000'000) < 3'000'000);
        QTest::mouseClick(top(), Qt::LeftButton, {}, where);
        QTest::mouseDClick(top(), Qt::LeftButton, {}, where);
        QCOMPARE(reset.count(), 1);
        QVERIFY(!seek.wait(300));
    }

    void hoverIsShared()
    {
        QSignalSpy spy(chart_.get(), &StateChart::hoverChanged);
        const QPointF where = at(start + 300s, 50);
        QMouseEvent move(QEvent::MouseMove, where, chart_->mapToGlobal(where), Qt::NoButton,
                         Qt::NoButton, Qt::NoModifier);
        QApplication::sendEvent(top(), &move);
        QCOMPARE(spy.count(), 1);
        const auto instant = spy.last()[0].value<std::optional<Timestamp>>();
        QVERIFY(instant && std::abs(to_us(*instant - start) - 300'000'000) < 3'000'000);
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(top(), &leave);
        QVERIFY(!spy.last()[0].value<std::optional<Timestamp>>());
        const auto count = spy.count();
        chart_->setHover(start + 10s); // set from elsewhere: not told back
        QCOMPARE(spy.count(), count);
    }

    void fewPointsReachQtCharts()
    {
        chart_->clearPoints();
        chart_->mergePoints(wandering(36'000));
        chart_->setRange(start, start + 36'000s);
        chart_->flush();
        QVERIFY(chart_->findChild<StackView*>()->pointCount() <= 1'000);
        QVERIFY(chart_->store().points().size() <= chart_->store().limit());
        for (const SeriesPoint& point : wandering(60'000))
            chart_->appendPoints({point});
        QVERIFY(chart_->store().points().size() <= chart_->store().limit());
    }

    void emptyAndSmall()
    {
        StateChart empty;
        empty.resize(400, 180);
        QVERIFY(!empty.grab().isNull());
        empty.resize(30, 20); // smaller than its own margins
        QVERIFY(!empty.grab().isNull());
        empty.mergePoints(flat(2, 1, 10));
        empty.setRange(start, start + 2s);
        empty.flush();
        QVERIFY(!empty.grab().isNull());
    }
};

QTEST_MAIN(TestStateChart)
#include "tst_statechart.moc"
