// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/charts/chartdata.h"
#include "ui/charts/pastlane.h"
#include "ui/charts/timelinestrip.h"
#include "ui/charts/transportpanel.h"
#include "ui/theme/theme.h"

#include <QAction>
#include <QHelpEvent>
#include <QImage>
#include <QLabel>
#include <QMenu>
#include <QSignalSpy>
#include <QTest>
#include <QToolButton>
#include <QToolTip>
#include <QWheelEvent>

#include <memory>

using namespace poolscope;
using namespace poolscope::testdata;
using namespace std::chrono_literals;

class TestTimelineStrip : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<TimelineStrip> strip_;

    static Mark mark(std::chrono::seconds at, MarkKind kind, std::string text = "something")
    {
        return {start + at, kind, TargetId{1}, std::move(text)};
    }

private slots:
    void init()
    {
        Theme::current().install();
        Theme::current().setMode(Theme::Mode::light);
        strip_ = std::make_unique<TimelineStrip>();
        strip_->resize(1032, 72); // 1,000 px for the time
        strip_->setUtc(true);
        strip_->setBounds(start, start + 1000s, true);
        strip_->setCursor(start + 1000s);
        strip_->show();
        QVERIFY(QTest::qWaitForWindowExposed(strip_.get()));
    }

    void cleanup() { strip_.reset(); }

    void aRecordingTakesNoNotes()
    {
        TransportPanel panel;
        QToolButton* note = nullptr;
        for (QToolButton* const button : panel.findChildren<QToolButton*>())
            if (button->accessibleName().contains(QStringLiteral("ote")))
                note = button;
        QVERIFY(note);
        using Shows = TransportPanel::Shows;
        for (const auto& [shows, takes] : {std::pair{Shows::nothing, false},
                                           {Shows::live, true},
                                           {Shows::paused, true},
                                           {Shows::replay, false}}) {
            panel.setShows(shows);
            QCOMPARE(note->isEnabled(), takes);
        }
    }

    void aNotchOfTheWheelZoomsOnce()
    {
        QSignalSpy zoomed(strip_.get(), &TimelineStrip::zoomRequested);
        const auto turn = [this](int by) {
            const QPointF where(500, 30);
            QWheelEvent wheel(where, strip_->mapToGlobal(where), {}, {0, by}, Qt::NoButton,
                              Qt::NoModifier, Qt::NoScrollPhase, false);
            QApplication::sendEvent(strip_.get(), &wheel);
        };
        for (int i = 0; i < 16; ++i)
            turn(15); // as a touchpad
        QCOMPARE(zoomed.count(), 2);
        QCOMPARE(zoomed.last().front().toInt(), 1);
        turn(-120);
        QCOMPARE(zoomed.count(), 3);
        QCOMPARE(zoomed.last().front().toInt(), -1);
    }

    void worstPoolWins()
    {
        const auto pool = [](std::chrono::seconds at, std::int64_t used) {
            PoolPoint point;
            point.time = start + at;
            point.used = used;
            point.max = 20;
            return point;
        };
        strip_->mergeSeries({{TargetId{1}, flat(1000, 30, 100)}});
        strip_->mergePools({{TargetId{2}, Text("orders"), {pool(0s, 2), pool(500s, 20)}}});
        strip_->flush();
        // It stands until it changes, and where the server is fuller, that counts.
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 250s)) - 0.3) < 0.001);
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 750s)) - 1.0) < 0.001);
        strip_->appendPools({{TargetId{2}, Text("orders"), {pool(800s, 4)}},
                             {TargetId{2}, Text("reports"), {pool(900s, 10)}}});
        strip_->flush();
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 850s)) - 0.3) < 0.001);
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 950s)) - 0.5) < 0.001);
        // A pool without a limit is never full, and one that was not seen has no share.
        strip_->clearSeries();
        PoolPoint open = pool(100s, 50), after = pool(600s, 20);
        open.max = 0;
        after.gap_before = true;
        strip_->mergePools({{TargetId{2}, Text("open"), {open}},
                            {TargetId{2}, Text("gone"), {pool(0s, 10), after}}});
        strip_->flush();
        QVERIFY(strip_->shareAt(strip_->x(start + 300s)) < 0);
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 700s)) - 1.0) < 0.001);
    }

    void worstTargetWins()
    {
        TargetSeries calm{TargetId{1}, flat(1000, 10, 100)};
        TargetSeries busy{TargetId{2}, flat(500, 90, 100)};
        strip_->mergeSeries({calm, busy});
        strip_->flush();
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 250s)) - 0.9) < 0.001);
        QVERIFY(std::abs(strip_->shareAt(strip_->x(start + 750s)) - 0.1) < 0.001);
    }

    void gapIsNoLine()
    {
        auto points = flat(1000, 50, 100);
        points.erase(points.begin() + 400, points.begin() + 600);
        points[400].gap_before = true;
        strip_->mergeSeries({{TargetId{1}, points}});
        strip_->flush();
        QVERIFY(strip_->shareAt(strip_->x(start + 300s)) > 0);
        QVERIFY(strip_->shareAt(strip_->x(start + 500s)) < 0);
        QVERIFY(strip_->shareAt(strip_->x(start + 700s)) > 0);
        const QImage image = strip_->grab().toImage();
        const QColor blue = lightTokens().state(SessionState::active);
        const auto bluest = [&](std::chrono::seconds at) {
            int least = 1000;
            for (int y = 20; y < 53; ++y) {
                const QColor c = image.pixelColor(int(strip_->x(start + at)), y);
                least = std::min(least,
                                 std::abs(c.red() - blue.red()) + std::abs(c.blue() - blue.blue()));
            }
            return least;
        };
        QVERIFY(bluest(300s) < 80);
        for (int s = 405; s < 595; s += 5)
            QVERIFY(bluest(std::chrono::seconds(s)) > 80);
    }

    void marksMerge()
    {
        strip_->setMarks({mark(100s, MarkKind::note), mark(105s, MarkKind::critical),
                          mark(111s, MarkKind::warning), mark(300s, MarkKind::warning),
                          mark(315s, MarkKind::action), mark(5000s, MarkKind::note)});
        strip_->flush();
        QCOMPARE(strip_->groups().size(), std::size_t{3}); // the last is out of bounds
        QCOMPARE(strip_->groups()[0].marks.size(), std::size_t{3});
        QCOMPARE(strip_->groups()[0].worst, MarkKind::critical);
        QCOMPARE(strip_->groups()[1].worst, MarkKind::warning);
        QCOMPARE(strip_->groups()[2].worst, MarkKind::action);
        // A number of two digits covers what stands 14 px from it, and a glyph does not.
        const double second = strip_->x(start + 101s) - strip_->x(start + 100s);
        const auto near = Duration{static_cast<std::int64_t>(14e6 / second)};
        Mark beside = mark(100s, MarkKind::critical);
        beside.time += near;
        strip_->setMarks({mark(100s, MarkKind::note), beside});
        strip_->flush();
        QCOMPARE(strip_->groups().size(), std::size_t{2});
        std::vector<Mark> many(12, mark(100s, MarkKind::note));
        many.push_back(beside);
        strip_->setMarks(many);
        strip_->flush();
        QCOMPARE(strip_->groups().size(), std::size_t{1});
        QCOMPARE(strip_->groups()[0].marks.size(), std::size_t{13});
        QCOMPARE(strip_->groups()[0].worst, MarkKind::critical);
    }

    void clickAndDragSeek()
    {
        QSignalSpy spy(strip_.get(), &TimelineStrip::seekRequested);
        QTest::mousePress(strip_.get(), Qt::LeftButton, {}, QPoint(16 + 250, 40));
        QCOMPARE(spy.count(), 1);
        QCOMPARE(to_us(spy[0][0].value<Timestamp>() - start), std::int64_t{250'000'000});
        QMouseEvent drag(QEvent::MouseMove, QPointF(16 + 700, 40),
                         strip_->mapToGlobal(QPointF(16 + 700, 40)), Qt::NoButton, Qt::LeftButton,
                         Qt::NoModifier);
        QApplication::sendEvent(strip_.get(), &drag);
        QCOMPARE(spy.count(), 2);
        QCOMPARE(to_us(spy[1][0].value<Timestamp>() - start), std::int64_t{700'000'000});
    }

    void clickOnMarkGoesToTheMark()
    {
        strip_->setMarks({mark(400s, MarkKind::critical)});
        strip_->flush();
        QSignalSpy spy(strip_.get(), &TimelineStrip::seekRequested);
        QTest::mouseClick(strip_.get(), Qt::LeftButton, {}, QPoint(16 + 404, 10));
        QCOMPARE(spy.count(), 1);
        QCOMPARE(spy[0][0].value<Timestamp>(), start + 400s);
    }

    void keys()
    {
        QSignalSpy step(strip_.get(), &TimelineStrip::stepRequested);
        QSignalSpy jump(strip_.get(), &TimelineStrip::jumpRequested);
        QSignalSpy marks(strip_.get(), &TimelineStrip::markRequested);
        QSignalSpy first(strip_.get(), &TimelineStrip::startRequested);
        QSignalSpy live(strip_.get(), &TimelineStrip::liveRequested);
        QSignalSpy speed(strip_.get(), &TimelineStrip::speedRequested);
        QSignalSpy zoom(strip_.get(), &TimelineStrip::zoomRequested);
        QTest::keyClick(strip_.get(), Qt::Key_Left);
        QTest::keyClick(strip_.get(), Qt::Key_Right);
        QTest::keyClick(strip_.get(), Qt::Key_Left, Qt::ShiftModifier);
        QTest::keyClick(strip_.get(), Qt::Key_Right, Qt::ControlModifier);
        QTest::keyClick(strip_.get(), Qt::Key_Home);
        QTest::keyClick(strip_.get(), Qt::Key_End);
        QTest::keyClick(strip_.get(), Qt::Key_Plus);
        QTest::keyClick(strip_.get(), Qt::Key_Minus, Qt::ControlModifier);
        QCOMPARE(step.count(), 2);
        QCOMPARE(step[0][0].toBool(), false);
        QCOMPARE(step[1][0].toBool(), true);
        QCOMPARE(jump.count(), 1);
        QCOMPARE(jump[0][0].toInt(), -10);
        QCOMPARE(marks.count(), 1);
        QCOMPARE(marks[0][0].toBool(), true);
        QCOMPARE(first.count(), 1);
        QCOMPARE(live.count(), 1);
        QCOMPARE(speed.count(), 1);
        QCOMPARE(speed[0][0].toInt(), 1);
        QCOMPARE(zoom.count(), 1);
        QCOMPARE(zoom[0][0].toInt(), -1);
    }

    void toolTipIsPlain()
    {
        strip_->setMarks({mark(400s, MarkKind::critical, "<img src=x> & <b>bold</b>")});
        strip_->flush();
        const QPoint where(16 + 400, 10);
        QHelpEvent help(QEvent::ToolTip, where, strip_->mapToGlobal(where));
        QApplication::sendEvent(strip_.get(), &help);
        QVERIFY(QToolTip::text().contains(QStringLiteral("&lt;b&gt;bold")));
        QVERIFY(!QToolTip::text().contains(QStringLiteral("<img")));
        QToolTip::hideText();
    }

    void memoryIsBounded()
    {
        for (const SeriesPoint& point : wandering(30'000))
            strip_->appendSeries({{TargetId{1}, {point}}});
        strip_->setBounds(start, start + 30'000s, true);
        strip_->flush();
        QVERIFY(strip_->wantedPoints() <= 2'000);
        QVERIFY(strip_->shareAt(strip_->x(start + 20'000s)) > 0);
    }

    void transport()
    {
        TransportPanel panel;
        panel.show();
        panel.setClock(start + 412ms, true);
        bool clock = false;
        for (const QLabel* label : panel.findChildren<QLabel*>())
            clock = clock || label->text() == QStringLiteral("13:00:00.412");
        QVERIFY(clock);
        const auto button = [&](const char* name) {
            for (QToolButton* one : panel.findChildren<QToolButton*>())
                if (one->accessibleName().startsWith(QLatin1String(name)))
                    return one;
            return static_cast<QToolButton*>(nullptr);
        };
        QVERIFY(!button("Play")->isEnabled());
        panel.setShows(TransportPanel::Shows::live);
        QVERIFY(button("Pause")->isEnabled());
        QVERIFY(!button("To the live edge")->isVisible());
        panel.setShows(TransportPanel::Shows::paused);
        QVERIFY(button("Play"));
        QSignalSpy play(&panel, &TransportPanel::playRequested);
        QSignalSpy marks(&panel, &TransportPanel::markRequested);
        QSignalSpy live(&panel, &TransportPanel::liveRequested);
        QSignalSpy note(&panel, &TransportPanel::noteRequested);
        QSignalSpy speed(&panel, &TransportPanel::speedChosen);
        QTest::mouseClick(button("Play"), Qt::LeftButton);
        QTest::mouseClick(button("Next mark"), Qt::LeftButton);
        QTest::mouseClick(button("To the live edge"), Qt::LeftButton);
        QTest::mouseClick(button("Note"), Qt::LeftButton);
        button("Speed")->menu()->actions().at(3)->trigger();
        QCOMPARE(play.count(), 1);
        QCOMPARE(marks[0][0].toBool(), true);
        QCOMPARE(live.count(), 1);
        QCOMPARE(note.count(), 1);
        QCOMPARE(speed[0][0].toInt(), 8);
        panel.setPlaying(true);
        QVERIFY(button("Pause"));
    }

    void pastLane()
    {
        PastLane lane;
        lane.setUtc(true);
        lane.resize(200, 34);
        lane.setSpans({{start, SessionState::idle},
                       {start + 50s, SessionState::active},
                       {start + 100s, std::nullopt},
                       {start + 150s, SessionState::idle_in_transaction}},
                      start, start + 200s);
        const QImage image = lane.grab().toImage();
        const Tokens& t = lightTokens();
        QCOMPARE(image.pixelColor(25, 5), t.state(SessionState::idle));
        QCOMPARE(image.pixelColor(75, 5), t.state(SessionState::active));
        QCOMPARE(image.pixelColor(125, 5), t.header);
        QCOMPARE(image.pixelColor(175, 5), t.state(SessionState::idle_in_transaction));
        QVERIFY(lane.accessibleDescription().contains(QStringLiteral("13:02:30")));
    }
};

QTEST_MAIN(TestTimelineStrip)
#include "tst_timelinestrip.moc"
