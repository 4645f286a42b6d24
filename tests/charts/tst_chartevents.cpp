// SPDX-License-Identifier: GPL-3.0-or-later
// What stands across a chart: events, gaps, and the stretch without an answer.
#include "tests/charts/chartdata.h"
#include "ui/charts/chartevents.h"
#include "ui/charts/statechart.h"
#include "ui/theme/theme.h"

#include <QImage>
#include <QTest>

#include <memory>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

class TestChartEvents : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<StateChart> chart_;

    QImage picture()
    {
        chart_->flush();
        return chart_->grab().toImage();
    }
    static Mark mark(Duration at, MarkKind kind, const char* words = "something happened")
    {
        return {start + at, kind, TargetId{1}, words};
    }
    static bool near(const QColor& a, const QColor& b, int most = 60)
    {
        return std::abs(a.red() - b.red()) <= most && std::abs(a.green() - b.green()) <= most &&
               std::abs(a.blue() - b.blue()) <= most;
    }
    /// Neither the panel's ground nor an area: a line of the hatch, softened or not.
    static bool hatched(const QColor& pixel)
    {
        const Tokens& t = lightTokens();
        return !near(pixel, t.surface, 12) && pixel.lightness() > t.line2.lightness() - 12 &&
               pixel.saturation() < 60;
    }
    /// How many pixels of the column at an instant have that colour.
    int column(const QImage& image, Timestamp at, const QColor& colour) const
    {
        const ChartPicture& p = chart_->picture();
        int found = 0;
        for (int dx = -1; dx <= 1; ++dx) {
            int here = 0;
            for (int y = int(p.plot.top()); y < int(p.plot.bottom()); ++y)
                here += near(image.pixelColor(int(p.x(at)) + dx, y), colour);
            found = std::max(found, here);
        }
        return found;
    }

private slots:
    void init()
    {
        Theme::current().install();
        Theme::current().setMode(Theme::Mode::light);
        chart_ = std::make_unique<StateChart>();
        chart_->resize(1000, 300);
        chart_->setUtc(true);
        chart_->setRange(start, start + 900s);
        chart_->mergePoints(flat(901, 20, 100));
        chart_->show();
        QVERIFY(QTest::qWaitForWindowExposed(chart_.get()));
    }
    void cleanup() { chart_.reset(); }

    void runsAreOneLine()
    {
        std::vector<Mark> marks;
        for (int i = 0; i < 10; ++i)
            marks.push_back(mark(std::chrono::seconds{100 + 12 * i}, MarkKind::warning));
        marks.push_back(mark(110s, MarkKind::note, "a note"));
        marks.push_back(mark(600s, MarkKind::warning, "later"));
        std::sort(marks.begin(), marks.end(),
                  [](const Mark& a, const Mark& b) { return a.time < b.time; });
        const auto events = chartEvents(marks, start, start + 900s, [](Timestamp t) {
            return double(to_us(t - start)) / 1e6;
        }); // 1 px a second
        QCOMPARE(events.size(), 3U);
        QCOMPARE(events[0].count, 10);
        QVERIFY(events[0].time == start + 100s);
        QCOMPARE(events[0].words, QStringLiteral("something happened, 9 more"));
        QCOMPARE(events[1].kind, MarkKind::note);
        QCOMPARE(events[2].words, QStringLiteral("later"));
        // Out of the range there is nothing, and of many there are few.
        QVERIFY(
            chartEvents(marks, start + 700s, start + 900s, [](Timestamp) { return 0.0; }).empty());
        std::vector<Mark> many;
        for (int i = 0; i < 5000; ++i)
            many.push_back(mark(std::chrono::milliseconds{100 * i}, MarkKind::note));
        QVERIFY(chartEvents(many, start, start + 900s, [](Timestamp t) {
                    return double(to_us(t - start)) / 1e3;
                }).size() <= 100);
    }

    void hostileWordsAreBounded()
    {
        const std::string hostile = "<b>\xe2\x80\xae\n" + std::string(5000, 'x');
        const auto events = chartEvents({mark(1s, MarkKind::note, hostile.c_str())}, start,
                                        start + 900s, [](Timestamp) { return 0.0; });
        QVERIFY(events.front().words.size() <= 110);
        QVERIFY(!events.front().words.contains(QLatin1Char('\n')));
        QVERIFY(!events.front().words.contains(QChar(0x202e)));
    }

    void linesAreDashedAndHaveWords()
    {
        const QImage before = picture();
        chart_->setMarks({mark(450s, MarkKind::critical, "root blocks 13")});
        const QImage image = picture();
        const Tokens& t = lightTokens();
        const int tall = int(chart_->picture().plot.height());
        const int red = column(image, start + 450s, t.crit);
        QCOMPARE(column(before, start + 450s, t.crit), 0);
        QVERIFY2(red > tall / 3 && red < tall * 4 / 5, qPrintable(QString::number(red)));
        // The words stand right of it, below the limit's line.
        const ChartPicture& p = chart_->picture();
        int ink = 0;
        for (int x = int(p.x(start + 450s)) + 4; x < int(p.x(start + 450s)) + 100; ++x)
            for (int y = int(p.y(100)) + 8; y < int(p.y(100)) + 24; ++y)
                ink += near(image.pixelColor(x, y), t.crit);
        QVERIFY(ink > 40);
        QVERIFY(chart_->accessibleDescription().contains(QStringLiteral("root blocks 13")));
    }

    void linesAfterTheCursorArePale()
    {
        chart_->setMarks({mark(300s, MarkKind::critical), mark(700s, MarkKind::critical)});
        chart_->setCursor(start + 450s);
        const QImage image = picture();
        QVERIFY(column(image, start + 300s, lightTokens().crit) > 20);
        QCOMPARE(column(image, start + 700s, lightTokens().crit), 0);
    }

    void gapsAreHatchedWithTheirLength()
    {
        auto points = flat(901, 20, 100);
        points.erase(points.begin() + 301, points.begin() + 600);
        points[301].gap_before = true;
        chart_->clearPoints();
        chart_->mergePoints(points);
        const QImage image = picture();
        const ChartPicture& p = chart_->picture();
        int hatch = 0;
        for (int x = int(p.x(start + 310s)); x < int(p.x(start + 590s)); ++x)
            hatch += hatched(image.pixelColor(x, int(p.y(10))));
        QVERIFY(hatch > 10);
        int ink = 0;
        for (int x = int(p.x(start + 400s)); x < int(p.x(start + 500s)); ++x)
            for (int y = int(p.plot.center().y()) - 9; y < int(p.plot.center().y()) + 9; ++y)
                ink += near(image.pixelColor(x, y), lightTokens().text2, 40);
        QVERIFY(ink > 20); // "gap 5 min"
    }

    /// Two that follow each other: the name of the first would stand in the second, and the hatch
    /// of that one would be over it.
    void gapNamesAreWhole()
    {
        auto points = flat(901, 20, 100);
        const auto hole = [&](int from, int to) {
            std::erase_if(points, [&](const auto& p) {
                return p.time > start + std::chrono::seconds{from} &&
                       p.time < start + std::chrono::seconds{to};
            });
            const auto next = std::find_if(points.begin(), points.end(), [&](const auto& p) {
                return p.time >= start + std::chrono::seconds{to};
            });
            next->gap_before = true;
        };
        hole(300, 306);
        hole(316, 616);
        chart_->clearPoints();
        chart_->mergePoints(points);
        const QImage image = picture();
        const ChartPicture& p = chart_->picture();
        // Between the two, and in the first third of the second, there are no words.
        int ink = 0;
        for (int x = int(p.x(start + 307s)); x < int(p.x(start + 400s)); ++x)
            for (int y = int(p.plot.center().y()) - 9; y < int(p.plot.center().y()) + 9; ++y)
                ink += near(image.pixelColor(x, y), lightTokens().text2, 40);
        QCOMPARE(ink, 0);
        for (int x = int(p.x(start + 420s)); x < int(p.x(start + 520s)); ++x)
            for (int y = int(p.plot.center().y()) - 9; y < int(p.plot.center().y()) + 9; ++y)
                ink += near(image.pixelColor(x, y), lightTokens().text2, 40);
        QVERIFY(ink > 20); // "gap 5 min"
    }

    /// Cut for that if need be, words stand between the lines of other events.
    void wordsStandClearOfOtherLines()
    {
        const std::string words = "a root that blocks thirteen sessions, with quite a long name";
        chart_->setMarks(
            {mark(300s, MarkKind::critical, words.c_str()), mark(520s, MarkKind::source_up, "x")});
        const QImage image = picture();
        const ChartPicture& p = chart_->picture();
        const int top = int(p.y(100)) + 8;
        // The other line is whole beside the words.
        int dashes = 0;
        for (int y = top; y < top + 18; ++y) {
            for (int x = int(p.x(start + 520s)) - 1; x <= int(p.x(start + 520s)) + 1; ++x)
                dashes += near(image.pixelColor(x, y), lightTokens().text2);
        }
        QVERIFY2(dashes >= 8, qPrintable(QString::number(dashes)));
        int ink = 0;
        for (int x = int(p.x(start + 300s)) - 400; x < int(p.x(start + 520s)) - 3; ++x)
            for (int y = top; y < top + 18; ++y)
                ink += x > p.plot.left() && std::abs(x - p.x(start + 300s)) > 3 &&
                       near(image.pixelColor(x, y), lightTokens().crit);
        QVERIFY(ink > 40);
    }

    /// Where there are words alone, nothing is drawn over them.
    void noCursorOverWords()
    {
        chart_->clearPoints();
        chart_->setEmptyWords(QStringLiteral("nothing was observed in this range"));
        const QImage before = picture();
        chart_->setCursor(start + 60s);
        const QImage image = picture();
        const ChartPicture& p = chart_->picture();
        for (int y = int(p.plot.top()); y < int(p.plot.bottom()); ++y)
            for (int x = int(p.plot.left()); x < int(p.plot.right()); ++x)
                QCOMPARE(image.pixelColor(x, y), before.pixelColor(x, y));
    }

    void noAnswerIsHatchedToTheEdge()
    {
        auto points = flat(601, 20, 100);
        chart_->clearPoints();
        chart_->mergePoints(points);
        chart_->setStale(start + 600s);
        const QImage image = picture();
        const ChartPicture& p = chart_->picture();
        QVERIFY(p.old());
        int hatch = 0;
        for (int x = int(p.x(start + 610s)); x < int(p.x(start + 890s)); ++x)
            hatch += hatched(image.pixelColor(x, int(p.y(10))));
        QVERIFY(hatch > 10);
        // The last values stay, written as old.
        int strong = 0;
        for (int x = int(p.labels.right()) - 20; x < int(p.labels.right()); ++x)
            for (int y = int(p.plot.top()); y < int(p.plot.bottom()); ++y)
                strong += near(image.pixelColor(x, y), lightTokens().text, 20);
        QCOMPARE(strong, 0);
        chart_->setStale(std::nullopt);
        QVERIFY(!chart_->picture().old());
    }
};

QTEST_MAIN(TestChartEvents)
#include "tst_chartevents.moc"
