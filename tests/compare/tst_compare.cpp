// SPDX-License-Identifier: GPL-3.0-or-later
// Two recordings, or two ranges, side by side: from files to what is called a change.
#include "core/analyze/held.h"
#include "core/compare/compare.h"
#include "tests/compare/sides.h"
#include "tests/compare/tape.h"
#include "tests/support/places.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>

using namespace poolscope;
using namespace poolscope::compare;
using namespace poolscope::test;

class TestCompare : public Sides
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void theSameRangeTwice_data();
    void theSameRangeTwice();
    void whatChangedIsTold();
    void aLeakThatGrew();
    void ofDifferentLengths();
    void gapsDoNotCount();
    void onOneSideAlone();
    void tooLittleToTell();
    void changesInWords();
    void timeoutsThatChanceExplains();
    void theLongestOfALongerRange();
    void anotherBuildOfTheProgram();
    void anotherProcessOfTheProgram();
    void sessionsByApplication();
    void hostileNames();
    void whatMattersMostComesFirst();
};

void TestCompare::theSameRangeTwice_data()
{
    QTest::addColumn<QString>("file");
    const QDir golden(inTree("tests/data"));
    for (const QString& name : golden.entryList({QStringLiteral("*.poolrec")}))
        QTest::newRow(qPrintable(name)) << golden.filePath(name);
    QTest::newRow("sample") << inTree("resources/samples/incident.poolrec");
    QTest::newRow("made up") << QString::fromStdString(
        record({.timeouts = 8, .leaks = 5, .in_transaction = 3}));
}

void TestCompare::theSameRangeTwice()
{
    QFETCH(const QString, file);
    const Side side = sideOf(file.toStdString());
    QVERIFY(!side.damage);
    const Comparison comparison = compare::compare(side, sideOf(file.toStdString()));
    QVERIFY(comparison.changes.size() > 5);
    for (const Change& change : comparison.changes) {
        QVERIFY2(change.verdict == Verdict::same, sentence_of(change).c_str());
        QCOMPARE(change.weight, 0.0);
        QVERIFY(change.target && change.and_target);
    }
    QVERIFY(changes_by_weight(comparison).empty());
}

void TestCompare::whatChangedIsTold()
{
    const Comparison comparison =
        compared({.acquires = 40, .use = 20ms, .used = 4}, {.acquires = 10,
                                                            .use = 90ms,
                                                            .wait = 30ms,
                                                            .timeouts = 30,
                                                            .used = 9,
                                                            .pending = 2,
                                                            .max = 20});
    const auto is = [&](Measure measure, double before, double after, Verdict verdict) {
        const Change* const change = find(comparison, Subject::pool, measure);
        return change && near(change->before.value, before) && near(change->after.value, after) &&
               change->verdict == verdict;
    };
    QVERIFY(is(Measure::acquires_per_second, 40, 10, Verdict::less));
    QVERIFY(is(Measure::use_mean, 0.020, 0.090, Verdict::more));
    QVERIFY(is(Measure::wait_mean, 0.001, 0.030, Verdict::more));
    QVERIFY(is(Measure::timeouts_per_minute, 0, 30, Verdict::appeared));
    QVERIFY(is(Measure::used_mean, 4, 9, Verdict::more));
    QVERIFY(is(Measure::used_ratio_mean, 0.4, 0.45, Verdict::little));
    QVERIFY(is(Measure::pending_mean, 0, 2, Verdict::appeared));
    QVERIFY(is(Measure::exhausted_ratio, 0, 1, Verdict::appeared));
    QVERIFY(is(Measure::max, 10, 20, Verdict::more));
    const Change* const acquires = find(comparison, Subject::pool, Measure::acquires_per_second);
    QCOMPARE(sentence_of(*acquires),
             std::string("shop-api, pool shop: acquires fell from 40.0/s to 10.0/s (-75 %)."));
    const Change* const held = find(comparison, Subject::place, Measure::held_mean, "browse");
    QVERIFY(held);
    QVERIFY(near(held->before.value, 0.8));
    QVERIFY(near(held->after.value, 0.9));
    QCOMPARE(held->verdict, Verdict::little);
    const Change* const hold = find(comparison, Subject::place, Measure::hold_mean, "browse");
    QVERIFY(hold && near(hold->before.value, 0.020) && near(hold->after.value, 0.090));
}

void TestCompare::aLeakThatGrew()
{
    const Comparison comparison = compared({}, {.leaks = 4});
    const Change* const held =
        find(comparison, Subject::place, Measure::held_mean, "load (load.cpp:88)");
    QVERIFY(held);
    QCOMPARE(held->verdict, Verdict::appeared);
    // Acquired 1.6, 6.6, 11.6 and 16.6 s after the beginning, and held to its end.
    QVERIFY(near(held->before.value, 0));
    QVERIFY(near(held->after.value, (4 * 60 - 1.6 - 6.6 - 11.6 - 16.6) / 60));
    QCOMPARE(sentence_of(*held), std::string("shop-api, pool shop: load (load.cpp:88) holds 3.4 "
                                             "connections on average, before none."));
    const Change* const longest = find(comparison, Subject::pool, Measure::use_longest);
    QVERIFY(longest && near(longest->before.value, 0.020) && near(longest->after.value, 58.4));
    // They never came back: there is no mean.
    QVERIFY(!find(comparison, Subject::place, Measure::hold_mean, "load"));
    const Change* const leak = find(comparison, Subject::alert, Measure::stood_ratio, "leak");
    QVERIFY(leak && leak->verdict == Verdict::appeared);
}

void TestCompare::ofDifferentLengths()
{
    const Comparison comparison = compared({.seconds = 60, .timeouts = 5, .in_transaction = 2},
                                           {.seconds = 240, .timeouts = 20, .in_transaction = 2});
    for (const Change& change : comparison.changes) {
        if (change.subject != Subject::alert)
            QVERIFY2(!is_change(change.verdict), sentence_of(change).c_str());
    }
    const Change* const rate = find(comparison, Subject::pool, Measure::timeouts_per_minute);
    QVERIFY(rate && near(rate->before.value, 5) && near(rate->after.value, 5));
}

void TestCompare::gapsDoNotCount()
{
    // What is counted while nobody looks belongs to no range.
    const Comparison comparison = compared(
        {.seconds = 90}, {.seconds = 90, .gap_from = 30, .gap_to = 60, .acquires_in_gap = 5000});
    const Change* const acquires = find(comparison, Subject::pool, Measure::acquires_per_second);
    QVERIFY(acquires);
    QVERIFY(near(acquires->after.value, 40));
    QVERIFY(near(acquires->before.observed, 90));
    // The last sample before it and the first behind it are 31 s apart.
    QVERIFY(near(acquires->after.observed, 59));
    QCOMPARE(acquires->verdict, Verdict::same);
    const Change* const used = find(comparison, Subject::pool, Measure::used_mean);
    QVERIFY(used && near(used->after.value, 4));
    QVERIFY(says(comparison, "After: shop-api was not seen for 31 s, in 1 gap."));
    QVERIFY(!says(comparison, "Before:"));
}

void TestCompare::onOneSideAlone()
{
    const Comparison comparison =
        compared({.in_transaction = 2}, {.in_transaction = 2, .pool = false});
    const Change* const acquires = find(comparison, Subject::pool, Measure::acquires_per_second);
    QVERIFY(acquires);
    QCOMPARE(acquires->verdict, Verdict::only_before);
    QVERIFY(near(acquires->before.value, 40));
    QVERIFY(!acquires->after.value);
    QVERIFY(says(comparison, "shop-api was observed before alone."));
    QVERIFY(changes_by_weight(comparison).empty());

    const Comparison other = compared({}, {.pool_name = "orders"});
    QVERIFY(says(other, "shop-api, pool shop: it was there before alone."));
    QVERIFY(says(other, "shop-api, pool orders: it was there after alone."));
    for (const Change& change : other.changes) {
        if (change.subject == Subject::pool)
            QVERIFY(change.verdict == Verdict::only_before ||
                    change.verdict == Verdict::only_after);
    }
}

void TestCompare::tooLittleToTell()
{
    const Comparison comparison =
        compared({.seconds = 8}, {.seconds = 8, .acquires = 400, .use = 200ms, .used = 9});
    const Change* const acquires = find(comparison, Subject::pool, Measure::acquires_per_second);
    QVERIFY(acquires && near(acquires->after.value, 400));
    QCOMPARE(acquires->verdict, Verdict::too_little);
    QVERIFY(changes_by_weight(comparison).empty());
    QVERIFY(says(comparison, "Before: the range lasts 8 s. Differences are called changes from "
                             "20 s on."));
    // A mean of a few.
    const Comparison few = compared({.seconds = 60, .acquires = 0}, {.seconds = 60, .acquires = 1});
    const Change* const use = find(few, Subject::pool, Measure::use_mean);
    QVERIFY(use);
    QCOMPARE(use->verdict, Verdict::only_after);
    Figure a{0.02, 60, 19};
    Figure b{0.09, 60, 500};
    QCOMPARE(judge(Measure::use_mean, a, b), Verdict::too_little);
    a.count = 20;
    QCOMPARE(judge(Measure::use_mean, a, b), Verdict::more);
}

void TestCompare::changesInWords()
{
    const auto words = [](Verdict verdict, double before, double after) {
        return change_in_words(verdict, before, after);
    };
    QCOMPARE(words(Verdict::more, 10, 13.5), std::string("+35 %"));
    QCOMPARE(words(Verdict::more, 10, 34), std::string("\u00d73.4"));
    QCOMPARE(words(Verdict::less, 10, 2), std::string("-80 %"));
    // What is left is not nothing.
    QCOMPARE(words(Verdict::less, 1000, 1), std::string("-99.9 %"));
    QCOMPARE(words(Verdict::less, 1e9, 1), std::string("-99.9 %"));
    QCOMPARE(words(Verdict::same, 1, 1), std::string());
    QCOMPARE(in_words(Measure::acquires_per_second, 0.0), std::string("0/s"));
    QCOMPARE(in_words(Measure::held_mean, 0.001), std::string("under 0.01"));
    QCOMPARE(in_words(Measure::used_ratio_mean, 0.004), std::string("under 1 %"));
    QCOMPARE(in_words(Measure::use_mean, std::nullopt), std::string("-"));
}

void TestCompare::timeoutsThatChanceExplains()
{
    const auto verdict = [this](int before, int after) {
        const Comparison comparison = compared({.timeouts = before}, {.timeouts = after});
        return find(comparison, Subject::pool, Measure::timeouts_per_minute)->verdict;
    };
    QCOMPARE(verdict(0, 0), Verdict::same);
    QCOMPARE(verdict(0, 1), Verdict::too_little);
    QCOMPARE(verdict(5, 7), Verdict::too_little);
    QCOMPARE(verdict(0, 6), Verdict::appeared);
    QCOMPARE(verdict(10, 40), Verdict::more);
    QCOMPARE(verdict(40, 10), Verdict::less);
}

void TestCompare::theLongestOfALongerRange()
{
    const Figure brief{1.0, 60, 0};
    QCOMPARE(judge(Measure::use_longest, brief, {5.0, 600, 0}), Verdict::too_little);
    QCOMPARE(judge(Measure::use_longest, brief, {5.0, 80, 0}), Verdict::more);
    // Whoever looked for longer, and saw less, tells something.
    QCOMPARE(judge(Measure::use_longest, {5.0, 60, 0}, {1.0, 600, 0}), Verdict::less);
    QCOMPARE(judge(Measure::used_peak, {9.0, 600, 0}, {3.0, 60, 0}), Verdict::too_little);
}

void TestCompare::anotherBuildOfTheProgram()
{
    const Comparison comparison = compared({.line = 42}, {.acquires = 80, .line = 57});
    const Change* const held =
        find(comparison, Subject::place, Measure::held_mean, "browse.cpp:57");
    QVERIFY(held);
    QVERIFY(near(held->before.value, 0.8));
    QVERIFY(near(held->after.value, 1.6));
    QCOMPARE(held->verdict, Verdict::more);
    QVERIFY(!find(comparison, Subject::place, Measure::held_mean, "browse.cpp:42"));
}

void TestCompare::anotherProcessOfTheProgram()
{
    const Comparison comparison =
        compared({.target = "4711-shop", .url = "pool+unix:///run/poolscope/4711-shop.sock"},
                 {.acquires = 80,
                  .target = "5022-shop",
                  .url = "pool+unix:///run/poolscope/5022-shop.sock"});
    const Change* const acquires = find(comparison, Subject::pool, Measure::acquires_per_second);
    QVERIFY(acquires && near(acquires->before.value, 40) && near(acquires->after.value, 80));
    QCOMPARE(acquires->target->name, std::string("4711-shop"));
    QCOMPARE(acquires->and_target->name, std::string("5022-shop"));
    QVERIFY(says(comparison, "4711-shop (before) is compared with 5022-shop (after)"));
}

void TestCompare::sessionsByApplication()
{
    const Comparison comparison =
        compared({.in_transaction = 2, .waiting = 6}, {.in_transaction = 12});
    const Change* const billing = find(comparison, Subject::application, Measure::sessions_mean,
                                       "billing", SessionState::idle_in_transaction);
    QVERIFY(billing && near(billing->before.value, 2) && near(billing->after.value, 12));
    QCOMPARE(billing->verdict, Verdict::more);
    QCOMPARE(sentence_of(*billing), std::string("shop-db: billing has 12.0 sessions idle in "
                                                "transaction on average, before 2.0."));
    const Change* const waiting = find(comparison, Subject::application, Measure::sessions_mean,
                                       "orders-api", SessionState::waiting);
    QVERIFY(waiting && near(waiting->before.value, 6) && near(waiting->after.value, 0));
    QCOMPARE(waiting->verdict, Verdict::gone);
    const Change* const all = find(comparison, Subject::server, Measure::sessions_mean);
    QVERIFY(all && near(all->before.value, 9) && near(all->after.value, 13));
    const Change* const most =
        find(comparison, Subject::application, Measure::sessions_peak, "billing");
    QVERIFY(most && near(most->before.value, 2) && near(most->after.value, 12));
}

void TestCompare::hostileNames()
{
    const std::string bad = "a\x1b[31m\r\nb\xe2\x80\xae" + std::string(100'000, 'x') + "\xff";
    const Comparison comparison = compared(
        {.pool_name = bad, .target = bad},
        {.acquires = 400, .timeouts = 30, .pool_name = bad, .process = bad, .target = bad});
    const auto changes = changes_by_weight(comparison);
    QVERIFY(!changes.empty());
    for (const Change* const change : changes) {
        for (const std::string& text :
             {sentence_of(*change), where_of(*change), what_of(*change)}) {
            QVERIFY(text.size() < 1000);
            QVERIFY(text.find_first_of("\x1b\r\n") == std::string::npos);
            QVERIFY(text.find("\xe2\x80\xae") == std::string::npos);
        }
    }
    for (const std::string& note : comparison.notes)
        QVERIFY(note.size() < 1000 && note.find('\x1b') == std::string::npos);
}

void TestCompare::whatMattersMostComesFirst()
{
    const Comparison comparison =
        compared({}, {.acquires = 20, .timeouts = 40, .leaks = 2, .in_transaction = 3});
    const auto changes = changes_by_weight(comparison);
    QVERIFY(changes.size() > 3);
    QCOMPARE(changes.front()->measure, Measure::timeouts_per_minute);
    QVERIFY(std::is_sorted(changes.begin(), changes.end(),
                           [](const auto* a, const auto* b) { return a->weight > b->weight; }));
    for (const Change* const change : changes)
        QVERIFY(is_change(change->verdict) && change->weight > 0);
}

QTEST_GUILESS_MAIN(TestCompare)
#include "tst_compare.moc"
