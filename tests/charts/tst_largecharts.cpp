// SPDX-License-Identifier: GPL-3.0-or-later
// What is painted by hand, where the desktop's texts are larger than usual.
#include "tests/charts/chartdata.h"
#include "tests/support/paintedtexts.h"
#include "ui/charts/pastlane.h"
#include "ui/charts/poolchart.h"
#include "ui/charts/statechart.h"
#include "ui/charts/timelinestrip.h"
#include "ui/charts/transportpanel.h"
#include "ui/theme/theme.h"

#include <QImage>
#include <QLayout>
#include <QTest>
#include <QToolButton>

#include <algorithm>
#include <memory>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

namespace {

PoolPoint pointAt(std::chrono::seconds at, std::int64_t used, std::int64_t pending,
                  std::uint64_t timeouts)
{
    PoolPoint p;
    p.time = start + at;
    p.used = used;
    p.idle = 20 - used;
    p.pending = pending;
    p.max = 20;
    p.timeouts = timeouts;
    return p;
}

DurationSummary times(Duration p50, Duration p99)
{
    DurationSummary summary;
    summary.count = 100;
    summary.p50 = p50;
    summary.p99 = p99;
    return summary;
}

Mark mark(std::chrono::seconds at, MarkKind kind)
{
    return {start + at, kind, TargetId{1}, "something"};
}

} // namespace

class TestLargeCharts : public QObject
{
    Q_OBJECT

    static Theme& theme() { return Theme::current(); }
    static void scales()
    {
        QTest::addColumn<double>("scale");
        for (const double scale : {1.0, 1.25, 1.55, 2.0})
            QTest::addRow("%g", scale) << scale;
    }
    static void begin()
    {
        QFETCH(double, scale);
        theme().setScale(scale);
    }
    static std::shared_ptr<PoolStore> exhausted()
    {
        auto points = std::make_shared<PoolStore>();
        std::vector<PoolPoint> all{pointAt(0s, 4, 0, 0), pointAt(40s, 20, 9, 0),
                                   pointAt(60s, 20, 9, 236)};
        for (PoolPoint& point : all) {
            point.wait_time = times(20us, 7700us);
            point.use_time = times(6400us, 89100us);
        }
        points->merge(all);
        return points;
    }
    static QString faultOf(QWidget& widget)
    {
        return support::faultIn(support::paintedTexts(widget), widget.rect());
    }
    /// Rows of the picture that hold that colour, between these columns.
    static std::pair<int, int> rowsOf(const QImage& image, const QColor& colour, int left,
                                      int right)
    {
        int top = -1, bottom = -1;
        for (int y = 0; y < image.height(); ++y)
            for (int x = std::max(0, left); x < std::min(right, image.width()); ++x)
                if (image.pixelColor(x, y) == colour) {
                    top = top < 0 ? y : top;
                    bottom = y;
                }
        return {top, bottom};
    }

private slots:
    void initTestCase()
    {
        theme().install();
        theme().setMode(Theme::Mode::light);
    }
    void cleanup() { theme().setScale(1.0); }

    void textsOfAPoolsChart_data() { scales(); }
    void textsOfAPoolsChart()
    {
        begin();
        for (const PoolPlot plots : {PoolPlot::use, PoolPlot::times}) {
            for (const bool past : {false, true}) {
                PoolChart chart(plots, exhausted());
                chart.resize(2 * chart.minimumSizeHint().width(), chart.minimumSizeHint().height());
                chart.setTitle(QStringLiteral("shop"));
                chart.setUtc(true);
                chart.setRange(start, start + 100s);
                chart.setUntil(start + 100s);
                if (past)
                    chart.setCursor(start + 50s);
                chart.show();
                chart.flush();
                QCOMPARE(faultOf(chart), QString());
            }
        }
    }

    void textsOfAStateChart_data() { scales(); }
    void textsOfAStateChart()
    {
        begin();
        StateChart chart;
        chart.resize(theme().scaled(QSize(900, 300)));
        chart.setTitle(QStringLiteral("shop-db"));
        chart.setUtc(true);
        chart.setRange(start, start + 300s);
        auto points = flat(300, 1, 200); // all labels but one want to stand at the bottom
        points.erase(points.begin() + 120, points.begin() + 180);
        points[120].gap_before = true;
        chart.mergePoints(points);
        chart.setMarks({mark(20s, MarkKind::critical), mark(200s, MarkKind::warning)});
        chart.setCursor(start + 250s);
        chart.show();
        chart.flush();
        QCOMPARE(faultOf(chart), QString());
        chart.setCursor(start + 300s); // not the past: labels where their bands are
        chart.flush();
        QCOMPARE(faultOf(chart), QString());
    }

    void theStripHoldsItsRows_data() { scales(); }
    void theStripHoldsItsRows()
    {
        begin();
        TimelineStrip strip;
        QCOMPARE(strip.sizeHint().height(), theme().scaled(72));
        strip.resize(theme().scaled(1032), strip.sizeHint().height());
        strip.setUtc(true);
        strip.setBounds(start, start + 1000s, true);
        strip.setCursor(start + 1000s);
        std::vector<Mark> marks(2, mark(300s, MarkKind::critical));
        marks.push_back(mark(600s, MarkKind::critical));
        for (int i = 0; i < 120; ++i)
            marks.push_back(mark(700s, MarkKind::warning));
        marks.push_back(mark(714s, MarkKind::warning));
        strip.setMarks(marks);
        strip.show();
        strip.flush();
        const auto texts = support::paintedTexts(strip);
        QCOMPARE(support::faultIn(texts, strip.rect()), QString());
        // A count stands in its pill, which is as tall as designed, within the strip.
        const QImage image = strip.grab().toImage();
        const int x = qRound(strip.x(start + 300s));
        const int half = theme().scaled(8);
        const auto [top, bottom] = rowsOf(image, theme().tokens().critFill, x - half, x + half);
        QVERIFY(top > 0);
        QVERIFY(std::abs(bottom + 1 - top - theme().scaled(14)) <= 1);
        const auto count = std::find_if(texts.begin(), texts.end(), [](const auto& text) {
            return text.text == QStringLiteral("2");
        });
        QVERIFY(count != texts.end());
        QVERIFY(count->ink.top() > top && count->ink.bottom() <= bottom);
        // So is a glyph without one.
        const int one = qRound(strip.x(start + 600s));
        const auto glyph = rowsOf(image, theme().tokens().critFill, one - half, one + half);
        QVERIFY(std::abs(glyph.second + 1 - glyph.first - theme().scaled(11)) <= 1);
        // A wider pill is one with what it would cover.
        QCOMPARE(strip.groups().size(), std::size_t{3});
    }

    void aMarkIsHitWhereItIsDrawn()
    {
        theme().setScale(2);
        TimelineStrip strip;
        strip.resize(2064, strip.sizeHint().height());
        strip.setBounds(start, start + 1000s, true);
        strip.setMarks({mark(400s, MarkKind::critical)});
        strip.show();
        strip.flush();
        Timestamp sought;
        connect(&strip, &TimelineStrip::seekRequested, this, [&](Timestamp at) { sought = at; });
        QTest::mouseClick(&strip, Qt::LeftButton, {},
                          QPoint(qRound(strip.x(start + 400s)) + 11, 30));
        QCOMPARE(sought, start + 400s);
    }

    void eventsMergeWhereTheirWordsWould()
    {
        const auto x = [](Timestamp t) {
            return static_cast<double>(to_us(t - start)) / 1e6;
        };
        const std::vector<Mark> marks{mark(0s, MarkKind::critical), mark(60s, MarkKind::critical)};
        QCOMPARE(chartEvents(marks, start, start + 100s, x).size(), std::size_t{2});
        theme().setScale(1.5);
        QCOMPARE(chartEvents(marks, start, start + 100s, x).size(), std::size_t{1});
    }

    void theTransportFitsItsPanel_data() { scales(); }
    void theTransportFitsItsPanel()
    {
        begin();
        TransportPanel panel;
        panel.setClock(start + 412ms, true);
        panel.setShows(TransportPanel::Shows::replay);
        panel.show();
        QVERIFY(panel.layout()->minimumSize().height() <= panel.height());
        for (const QToolButton* const button : panel.findChildren<QToolButton*>())
            QCOMPARE(button->iconSize(), theme().scaled(QSize(16, 16)));
        QCOMPARE(faultOf(panel), QString());
    }

    void timesBelowAPastLane_data() { scales(); }
    void timesBelowAPastLane()
    {
        begin();
        PastLane lane;
        lane.setUtc(true);
        lane.resize(theme().scaled(300), lane.sizeHint().height());
        lane.setSpans({{start, SessionState::idle}, {start + 100s, SessionState::active}}, start,
                      start + 200s);
        const auto texts = support::paintedTexts(lane);
        QCOMPARE(texts.size(), std::size_t{3});
        QCOMPARE(support::faultIn(texts, lane.rect()), QString());
        for (const auto& text : texts)
            QVERIFY(text.clip.isEmpty() || text.clip.height() >= text.ink.height());
    }
};

QTEST_MAIN(TestLargeCharts)
#include "tst_largecharts.moc"
