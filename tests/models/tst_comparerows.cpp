// SPDX-License-Identifier: GPL-3.0-or-later
// What a comparison looks like as rows: sections, what changed first, marked by glyph and word.
#include "ui/models/comparerows.h"

#include <QAbstractItemModelTester>
#include <QTest>

#include <string>

using namespace poolscope;
using namespace poolscope::compare;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

TargetInfo shop()
{
    return {TargetId{1}, "pool", "shop-api", "pool+unix:///run/poolscope/shop.sock"};
}

Change figure(Subject subject, Measure measure, std::optional<double> before,
              std::optional<double> after, double count = 1000)
{
    Change change;
    change.subject = subject;
    change.measure = measure;
    change.target = shop();
    change.and_target = shop();
    const auto side = [&](const std::optional<double>& value) {
        const MeasureRule& rule = rule_of(measure);
        // A rate is of what was counted in that minute.
        return Figure{value, 60,
                      rule.nature == Nature::rate
                          ? value.value_or(0) * (rule.unit == Unit::per_second ? 60 : 1)
                          : count};
    };
    change.before = side(before);
    change.after = side(after);
    change.verdict = judge(measure, change.before, change.after);
    change.weight = weight_of(measure, change.verdict, change.before, change.after);
    return change;
}

Change ofPool(const char* pool, Measure measure, std::optional<double> before,
              std::optional<double> after, double count = 1000)
{
    Change change = figure(Subject::pool, measure, before, after, count);
    change.pool = Text{pool};
    return change;
}

Change ofApplication(const char* name, Measure measure, double before, double after,
                     std::optional<SessionState> state = {})
{
    Change change = figure(Subject::application, measure, before, after);
    change.what = Text{name};
    change.state = state;
    return change;
}

/// Their places in memory are the rows' names: it is filled once.
Comparison several()
{
    Comparison comparison;
    comparison.before = {"monday.poolrec", start, start + 60s, true};
    comparison.after = {"tuesday.poolrec", start + 1h, start + 1h + 60s, true};
    comparison.changes = {
        ofPool("idle", Measure::acquires_per_second, 5, 5),
        ofPool("idle", Measure::timeouts_per_minute, 0, 0),
        ofPool("idle", Measure::pending_mean, 0, 0),
        ofPool("orders", Measure::acquires_per_second, 40, 40.5),
        ofPool("orders", Measure::use_mean, 0.020, 0.090, 5),
        ofPool("orders", Measure::wait_mean, {}, 0.002),
        ofPool("orders", Measure::timeouts_per_minute, 0, 30),
        ofPool("orders", Measure::max, 10, 20),
        ofApplication("orders-api", Measure::sessions_mean, 20, 5),
        ofApplication("orders-api", Measure::sessions_peak, 20, 20),
        ofApplication("orders-api", Measure::sessions_mean, 12, 0, SessionState::active),
        ofApplication("billing", Measure::sessions_mean, 3, 3),
    };
    return comparison;
}

QString cell(const QModelIndex& row, CompareColumn column)
{
    return row.siblingAtColumn(static_cast<int>(column)).data().toString();
}

QStringList below(const TreeModel& model, const QModelIndex& parent)
{
    QStringList words;
    for (int row = 0; row < model.rowCount(parent); ++row)
        words += model.index(row, 0, parent).data().toString();
    return words;
}

Mark mark(Duration after, MarkKind kind, const char* sentence)
{
    return {start + after, kind, TargetId{1}, sentence};
}

} // namespace

class TestCompareRows : public QObject
{
    Q_OBJECT
private slots:
    void whatChangedComesFirst();
    void byGlyphAndWord_data();
    void byGlyphAndWord();
    void whatIsNotTold();
    void rowsNameTheirFigure();
    void aThingThatTellsItself();
    void moreThanAnyoneReads();
    void hostileNames();
    void theSentencesAboveThem();
    void nothingChanged();
    void whereItIsCut();
};

void TestCompareRows::whatChangedComesFirst()
{
    const auto model = makeCompareModel(nullptr);
    const QAbstractItemModelTester tester(model.get(),
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    const Comparison comparison = several();
    model->replace(compareRows(comparison));
    QCOMPARE(below(*model, {}),
             QStringList(
                 {QStringLiteral("Pools"), QStringLiteral("Sessions by application, on average")}));
    const QModelIndex pools = model->index(0, 0);
    QVERIFY(pools.data(GroupRole).toBool());
    QCOMPARE(cell(pools, CompareColumn::change), QStringLiteral("2 of 7 changed"));
    QCOMPARE(below(*model, pools), QStringList({QStringLiteral("shop-api, pool orders"),
                                                QStringLiteral("shop-api, pool idle")}));
    const QModelIndex orders = model->index(0, 0, pools);
    QCOMPARE(
        below(*model, orders),
        QStringList({QStringLiteral("timeouts"), QStringLiteral("max"), QStringLiteral("acquires"),
                     QStringLiteral("mean use time"), QStringLiteral("mean wait")}));
    QVERIFY(!orders.data(FoldedRole).toBool());
    // Nobody waited, before or after: that is no row; no timeout is one.
    const QModelIndex idle = model->index(1, 0, pools);
    QCOMPARE(below(*model, idle),
             QStringList({QStringLiteral("acquires"), QStringLiteral("timeouts")}));
    QVERIFY(idle.data(FoldedRole).toBool());
    // The same again, and another one, in the model that is shown.
    model->replace(compareRows(comparison));
    QCOMPARE(model->rowCount(pools), 2);
    Comparison fewer = comparison;
    fewer.changes.resize(3);
    model->replace(compareRows(fewer));
    QCOMPARE(below(*model, {}), QStringList(QStringLiteral("Pools")));
}

void TestCompareRows::byGlyphAndWord_data()
{
    QTest::addColumn<double>("before");
    QTest::addColumn<double>("after");
    QTest::addColumn<double>("count");
    QTest::addColumn<int>("moved"); // -1: no mark
    QTest::addColumn<QString>("words");
    const auto add = [](const char* name, double before, double after, double count, int moved,
                        const QString& words) {
        QTest::newRow(name) << before << after << count << moved << words;
    };
    add("rose", 0.02, 0.09, 1000, int(Moved::rose), QStringLiteral("rose, ×4.5"));
    add("fell", 0.09, 0.02, 1000, int(Moved::fell), QStringLiteral("fell, -78 %"));
    add("appeared", 0, 0.09, 1000, int(Moved::appeared), QStringLiteral("appeared"));
    add("gone", 0.09, 0, 1000, int(Moved::gone), QStringLiteral("gone"));
    add("little", 0.02, 0.021, 1000, -1, QStringLiteral("about the same"));
    add("same", 0.02, 0.02, 1000, -1, QStringLiteral("the same"));
    add("too little", 0.02, 0.09, 5, -1, QStringLiteral("too little data"));
}

void TestCompareRows::byGlyphAndWord()
{
    QFETCH(const double, before);
    QFETCH(const double, after);
    QFETCH(const double, count);
    QFETCH(const int, moved);
    QFETCH(const QString, words);
    Comparison comparison;
    comparison.changes = {ofPool("orders", Measure::use_mean, before, after, count)};
    const auto model = makeCompareModel(nullptr);
    model->replace(compareRows(comparison));
    const QModelIndex row = model->index(0, 0, model->index(0, 0, model->index(0, 0)));
    const QModelIndex change = row.siblingAtColumn(int(CompareColumn::change));
    QCOMPARE(change.data().toString(), words);
    QCOMPARE(change.data(EmphasisRole).toInt(),
             int(moved < 0 ? Emphasis::caption : Emphasis::strong));
    const auto marked = movedOf(comparison.changes.front());
    QCOMPARE(marked ? int(*marked) : -1, moved);
}

void TestCompareRows::whatIsNotTold()
{
    Comparison comparison;
    comparison.changes = {ofPool("orders", Measure::wait_mean, {}, 0.002)};
    const auto model = makeCompareModel(nullptr);
    model->replace(compareRows(comparison));
    const QModelIndex row = model->index(0, 0, model->index(0, 0, model->index(0, 0)));
    QCOMPARE(cell(row, CompareColumn::before), QStringLiteral("-"));
    QCOMPARE(cell(row, CompareColumn::after), QStringLiteral("2.0 ms"));
    QCOMPARE(cell(row, CompareColumn::change), QStringLiteral("only after"));
    QVERIFY(!movedOf(comparison.changes.front()));
    // Never a zero, in a copy neither.
    QCOMPARE(row.siblingAtColumn(int(CompareColumn::before)).data(CopyRole).toString(), QString());
}

void TestCompareRows::rowsNameTheirFigure()
{
    const Comparison comparison = several();
    const TreeNodes sections = compareRows(comparison);
    const TreeNode& timeouts = *sections.front()->children.front()->children.front();
    const Change* const change = changeOf(comparison, timeouts.id);
    QVERIFY(change);
    QCOMPARE(change->measure, Measure::timeouts_per_minute);
    QCOMPARE(change->pool, Text{"orders"});
    for (const char* const none : {"pool", "tc0", "c12", "c", "", "c-1"})
        QVERIFY2(!changeOf(comparison, QString::fromLatin1(none)), none);
}

/// An application's own row tells how many sessions it has; their states stand below.
void TestCompareRows::aThingThatTellsItself()
{
    const Comparison comparison = several();
    const auto model = makeCompareModel(nullptr);
    model->replace(compareRows(comparison));
    const QModelIndex section = model->index(1, 0);
    const QModelIndex api = model->index(0, 0, section);
    QCOMPARE(api.data().toString(), QStringLiteral("orders-api  shop-api"));
    QCOMPARE(api.data(LeadRole).toInt(), int(Lead::strong));
    QCOMPARE(cell(api, CompareColumn::before), QStringLiteral("20.0"));
    QCOMPARE(cell(api, CompareColumn::after), QStringLiteral("5.0"));
    QCOMPARE(cell(api, CompareColumn::change), QStringLiteral("fell, -75 %"));
    QCOMPARE(below(*model, api), QStringList({QStringLiteral("active"), QStringLiteral("peak")}));
    const QModelIndex active = model->index(0, 0, api);
    QCOMPARE(active.data(StateRole).toInt(), int(SessionState::active));
    QCOMPARE(cell(active, CompareColumn::change), QStringLiteral("gone"));
    QVERIFY(!model->index(1, 0, api).data(StateRole).isValid());
}

void TestCompareRows::moreThanAnyoneReads()
{
    Comparison comparison;
    for (int i = 0; i < 1200; ++i)
        comparison.changes.push_back(
            ofPool(qPrintable(QStringLiteral("pool %1").arg(i)), Measure::used_mean, 2, 2));
    // What changed most is shown, however late it comes.
    comparison.changes.push_back(ofPool("grown", Measure::used_mean, 2, 19));
    const TreeNodes sections = compareRows(comparison);
    QCOMPARE(sections.size(), std::size_t{1});
    const auto& rows = sections.front()->children;
    QCOMPARE(rows.size(), std::size_t{501});
    QVERIFY(rows.front()->cells.front().text.contains(QStringLiteral("grown")));
    QVERIFY(rows.back()->cells.front().text.startsWith(QStringLiteral("and 701 more")));
    QCOMPARE(sections.front()->cells.back().text,
             QStringLiteral("1 of %1 changed").arg(Formatter::count(1201)));
}

void TestCompareRows::hostileNames()
{
    Comparison comparison;
    comparison.changes = {
        ofPool((std::string("<b>\x1b[31mx\n") + std::string(100'000, 'a')).c_str(),
               Measure::timeouts_per_minute, 0, 30)};
    comparison.notes = {std::string("\x1b]0;x\x07 <img src=x>") + std::string(100'000, 'b')};
    comparison.before.name = "\x1b[2Jbefore";
    const auto model = makeCompareModel(nullptr);
    model->replace(compareRows(comparison));
    const CompareWords words = compareWords(comparison, Formatter(true), start);
    QStringList all{words.headline, words.before, words.notes.constFirst()};
    const QModelIndex pool = model->index(0, 0, model->index(0, 0));
    all += pool.data().toString();
    all += model->index(0, 3, pool).data(Qt::ToolTipRole).toString();
    for (const QString& each : all) {
        QVERIFY(!each.isEmpty());
        QVERIFY2(each.size() < 3000, qPrintable(each.left(80)));
        for (const QChar c : each)
            QVERIFY2(c.unicode() >= 0x20 && c.unicode() != 0x7f, qPrintable(each.left(80)));
    }
    QVERIFY(
        !model->index(0, 3, pool).data(Qt::ToolTipRole).toString().contains(QStringLiteral("<b>")));
}

void TestCompareRows::theSentencesAboveThem()
{
    Comparison comparison = several();
    comparison.notes = {"After: shop-api was not seen for 31 s, in 1 gap."};
    const CompareWords words = compareWords(comparison, Formatter(true), start + 1h);
    QVERIFY(!words.quiet);
    QCOMPARE(words.headline,
             QStringLiteral("shop-api, pool orders: timeouts came up, 30.0/min after none."));
    QCOMPARE(words.others.size(), 3);
    QCOMPARE(words.more, 0);
    QCOMPARE(words.before, QStringLiteral("monday.poolrec, 14:28:40 to 14:29:40, 1 min"));
    QCOMPARE(words.after, QStringLiteral("tuesday.poolrec, 15:28:40 to 15:29:40, 1 min"));
    QCOMPARE(words.notes,
             QStringList(QStringLiteral("After: shop-api was not seen for 31 s, in 1 gap.")));
    for (int i = 0; i < 6; ++i)
        comparison.changes.push_back(
            ofPool(std::to_string(i).c_str(), Measure::timeouts_per_minute, 0, 30));
    const CompareWords many = compareWords(comparison, Formatter(true), start);
    QCOMPARE(many.others.size(), 4);
    QCOMPARE(many.more, 5);
}

void TestCompareRows::nothingChanged()
{
    Comparison comparison = several();
    std::erase_if(comparison.changes,
                  [](const Change& change) { return is_change(change.verdict); });
    const CompareWords words = compareWords(comparison, Formatter(true), start);
    QVERIFY(words.quiet);
    QCOMPARE(words.headline, QStringLiteral("Nothing changed that is worth a word."));
    QCOMPARE(compareRows(comparison).front()->cells.back().text, QStringLiteral("nothing changed"));
    QVERIFY(compareRows({}).empty());
}

void TestCompareRows::whereItIsCut()
{
    const Timestamp end = start + 120s;
    const std::vector<Mark> marks{
        mark(5s, MarkKind::critical, "too early"), mark(30s, MarkKind::source_down, "down"),
        mark(40s, MarkKind::note, "a note"), mark(50s, MarkKind::warning, "idle \x1b for long"),
        mark(60s, MarkKind::critical, "later")};
    const Formatter utc(true);
    const CompareSplit cut = compareSplit(marks, start, end, utc, start);
    QCOMPARE(cut.at, start + 50s);
    QVERIFY2(cut.why.startsWith(QStringLiteral("Proposed: cut at 14:29:30, the first sign of "
                                               "trouble: idle ")),
             qPrintable(cut.why));
    QVERIFY(!cut.why.contains(QChar(0x1b)));
    // Too little would be left before or after any of them.
    const CompareSplit half = compareSplit({marks.front(), mark(110s, MarkKind::warning, "late")},
                                           start, end, utc, start);
    QCOMPARE(half.at, start + 60s);
    QCOMPARE(half.why,
             QStringLiteral("Proposed: the earlier half against the later one, cut at 14:29:40."));
}

QTEST_GUILESS_MAIN(TestCompareRows)
#include "tst_comparerows.moc"
