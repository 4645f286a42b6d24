// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/charts/chartdata.h"
#include "ui/charts/reduction.h"
#include "ui/charts/stackview.h"
#include "ui/theme/theme.h"

#include <QAreaSeries>
#include <QChart>
#include <QChartView>
#include <QGraphicsLayout>
#include <QLineSeries>
#include <QTest>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

using namespace poolscope;
using namespace poolscope::testdata;

/// One refresh of a state chart with painting: reduced, and as Qt Charts does it when left alone.
/// Printed are the factors of 6 x 3,600 points against raw areas (aim: 1/50) and of 36,000 against
/// 3,600 (aim: 2); what fails is a step back from what was reached, with room for a busy machine.
class BenchCharts : public QObject
{
    Q_OBJECT

private:
    static constexpr QSize size{900, 300};

    template <class Refresh>
    static double medianMs(int runs, const Refresh& refresh)
    {
        std::vector<double> times;
        for (int i = 0; i < runs; ++i) {
            const std::clock_t before = std::clock(); // of this process: the machine may be busy
            refresh(i);
            times.push_back(1e3 * double(std::clock() - before) / CLOCKS_PER_SEC);
        }
        std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
        return times[std::size_t(runs / 2)];
    }

    static double reducedMs(int seconds)
    {
        const auto points = wandering(seconds);
        StackView view;
        view.resize(size);
        view.show();
        const Timestamp to = start + std::chrono::seconds(seconds);
        return medianMs(15, [&](int i) {
            const auto reduced = reduce_series(points, start + std::chrono::milliseconds(i), to,
                                               std::size_t(size.width()));
            view.setPicture(reduced, start, to, 220);
            QVERIFY(!view.grab().isNull());
        });
    }

    static double rawMs(int seconds, int runs)
    {
        const auto points = wandering(seconds);
        QChartView view;
        view.setRenderHint(QPainter::Antialiasing);
        view.chart()->legend()->hide();
        std::array<QLineSeries*, 7> edges{};
        for (QLineSeries*& edge : edges)
            edge = new QLineSeries(&view);
        for (std::size_t i = 0; i < 6; ++i)
            view.chart()->addSeries(new QAreaSeries(edges[i + 1], edges[i]));
        view.chart()->createDefaultAxes();
        view.resize(size);
        view.show();
        return medianMs(runs, [&](int) {
            std::array<QList<QPointF>, 7> lines;
            for (const SeriesPoint& point : points) {
                const double x = double(to_us(point.time - start)) / 1e6;
                double sum = 0;
                lines[0].append(QPointF(x, 0));
                for (std::size_t s = 0; s < 6; ++s) {
                    sum += point.counts[s];
                    lines[s + 1].append(QPointF(x, sum));
                }
            }
            for (std::size_t i = 0; i < 7; ++i)
                edges[i]->replace(lines[i]);
            view.chart()->axes(Qt::Horizontal).first()->setRange(0, seconds);
            view.chart()->axes(Qt::Vertical).first()->setRange(0, 220);
            QVERIFY(!view.grab().isNull());
        });
    }

private slots:
    void reductionAlone()
    {
        const auto points = wandering(36'000);
        const double ms = medianMs(50, [&](int) {
            const auto reduced =
                reduce_series(points, start, start + std::chrono::hours(10), most_columns);
            QVERIFY(reduced.points.size() <= 1'000);
        });
        std::printf("reduction of 36,000 points: %.2f ms\n", ms);
    }

    void refresh()
    {
        const double few = reducedMs(3'600);
        const double many = reducedMs(36'000);
        const double raw = rawMs(3'600, 3);
        std::printf("6 x 3,600 points: reduced %.1f ms, raw areas %.1f ms, ratio 1/%.0f\n", few,
                    raw, raw / few);
        std::printf("6 x 36,000 points: reduced %.1f ms, %.2f times that of 3,600\n", many,
                    many / few);
        QVERIFY2(many <= 5 * few, qPrintable(QString::number(many / few)));
        QVERIFY2(raw >= 15 * few, qPrintable(QString::number(raw / few)));
    }
};

QTEST_MAIN(BenchCharts)
#include "bench_charts.moc"
