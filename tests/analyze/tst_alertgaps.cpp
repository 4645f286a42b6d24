// SPDX-License-Identifier: GPL-3.0-or-later
// Alerts where nothing was seen for a while, or the clock or a counter is not what it was.
#include "tests/analyze/alertplay.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestAlertGaps : public QObject
{
    Q_OBJECT
private slots:
    void stopped();
    void nobodyLookedMeanwhile();
    void theClockIsSetBack();
    void growthBetweenSlowReadings();
    void aCounterIsMissing();
};

void TestAlertGaps::stopped()
{
    // It needs the user, so nothing is looked at any more: worse than failing.
    Play p("[[rule]]\nname = 'down'\nmeasure = 'unreachable'\nat_least = 1\n");
    p.reach(Reach::stopped);
    p.run(1);
    QVERIFY(p.only());
    QCOMPARE(p.only()->state, AlertState::firing);
    QVERIFY(p.only()->sentence.starts_with("shop does not answer."));
    TargetStatus detached;
    detached.reach = Reach::stopped;
    detached.sentence = "Detached.";
    p.tell(shop, StatusChanged{detached});
    p.run(1);
    QCOMPARE(p.only()->state, AlertState::resolved);
    QCOMPARE(p.only()->sentence, std::string("shop is detached."));
}

void TestAlertGaps::nobodyLookedMeanwhile()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'timeouts'\nat_least = 1\n");
    p.run(70, [](Pool& pool, int) { pool.timeouts = 40; });
    p.tell(shop, Gap{"it did not answer"});
    const World picture = p.world;
    const std::size_t from = p.all.size();
    p.run(30);
    p.run(2, [](Pool& pool, int) { pool.timeouts = 45; });
    QVERIFY(p.alerts().empty());
    AlertBook book;
    book.set_rules(p.book.rules());
    book.restore(picture);
    World again = picture;
    for (std::size_t i = from; i < p.all.size(); ++i) {
        again.apply(p.all[i]);
        book.watch(again, p.all[i]);
    }
    QVERIFY(book.alerts(again, p.findings).empty());
    p.run(1, [](Pool& pool, int) { pool.timeouts = 46; });
    QCOMPARE(p.only()->value.value(), 1.0);
}

void TestAlertGaps::theClockIsSetBack()
{
    Play p("[[rule]]\nname = 'nearly'\nmeasure = 'used_ratio'\nat_least = 0.95\nfor = '10s'\n"
           "clear_for = '5s'\n");
    p.used(5, 20);
    QCOMPARE(p.only()->state, AlertState::pending);
    p.now -= 1h;
    p.used(12, 20);
    QVERIFY(p.only());
    QCOMPARE(p.only()->state, AlertState::firing);
    p.used(7, 10);
    QCOMPARE(p.only()->state, AlertState::resolved);
}

void TestAlertGaps::growthBetweenSlowReadings()
{
    // Read every half minute: what was waited between two readings is not of 10 s.
    Play p("[[rule]]\nname = 'a'\nmeasure = 'wait_growth'\nat_least = 4\n");
    const auto reading = [&](int seconds, Duration a_second) {
        p.run(seconds - 1);
        p.run(1, [&](Pool& pool, int) {
            if (!pool.wait_time)
                pool.wait_time = DurationSummary{0, Duration{}, std::nullopt, std::nullopt};
            pool.wait_time->count += 10;
            *pool.wait_time->total += a_second * seconds;
        });
    };
    for (int i = 0; i < 20; ++i)
        reading(i % 2 ? 30 : 25, 600ms);
    QVERIFY(p.onsets.empty());
    for (int i = 0; i < 10; ++i)
        reading(15, 100ms);
    QVERIFY(p.onsets.empty());
    reading(15, 1500ms);
    QCOMPARE(p.onsets.size(), std::size_t{1});
}

void TestAlertGaps::aCounterIsMissing()
{
    Play p("[[rule]]\nname = 'a'\nmeasure = 'timeouts'\nat_least = 1\n"
           "[[rule]]\nname = 'b'\nmeasure = 'wait'\nat_least = '1ms'\n");
    p.run(5, [](Pool&, int) {});
    const auto told = [](Pool& pool, int) {
        pool.timeouts = 1000;
        pool.wait_time = DurationSummary{5000, Duration{900s}, std::nullopt, std::nullopt};
    };
    const auto untold = [](Pool& pool, int) {
        pool.timeouts.reset();
        pool.wait_time.reset();
    };
    p.run(20, told); // for the first time
    QVERIFY(p.onsets.empty());
    p.run(1, untold);
    p.run(20, told);
    QVERIFY(p.onsets.empty());
    p.run(1, [](Pool& pool, int) { pool.timeouts = 1002; });
    QCOMPARE(p.only()->value.value(), 2.0);
}

QTEST_APPLESS_MAIN(TestAlertGaps)
#include "tst_alertgaps.moc"
