// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include <QTest>

#include <functional>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'795'271'320'000'000);

StackRef place(int line)
{
    return make_stack({{Text{"database/sql.(*DB).Prepare"}, Text{"sql.go"}, 1573, false},
                       {Text{"main.price"}, Text{"price.go"}, line, true}});
}

/// A process with a pool of four connections, told of once a second.
class Process
{
public:
    Process()
    {
        tell(TargetAttached{{TargetId{1}, "pool", "shop", "pool://shop"}});
        PoolSample first;
        first.full = true;
        first.pools.resize(1);
        first.pools[0].name = Text{"orders"};
        for (int i = 0; i < 4; ++i) {
            first.opened.emplace_back();
            first.opened.back().key = {Text{"orders"}, Text{std::to_string(i)}};
        }
        tell(first);
    }

    void tell(const Fact& what)
    {
        WorldDelta delta;
        all.push_back({SequenceNumber{all.size() + 1}, now, TargetId{1}, what});
        analysis.apply(all.back(), delta);
        for (const Mark& mark : analysis.take_marks())
            marks.push_back(mark);
    }

    /// `open` says how many there are, and of how many texts, that many seconds after the
    /// beginning.
    void run(int seconds, const std::function<std::uint64_t(int)>& open,
             std::optional<std::uint64_t> distinct = 1, int line = 31)
    {
        for (int i = 0; i < seconds; ++i) {
            now += 1s;
            PoolSample sample;
            PreparedStatements at;
            at.pool = Text{"orders"};
            at.stack = place(line);
            at.open = open(++second);
            if (at.open > 0) {
                at.oldest = start;
                at.distinct = distinct ? std::min(*distinct, at.open) : distinct;
                at.statement = Text{"SELECT price FROM items WHERE id = ?"};
            }
            sample.prepared = {at};
            tell(sample);
        }
    }

    const std::vector<StatementLeak>& found() const
    {
        return analysis.findings(TargetId{1}).statements;
    }

    Analysis analysis;
    std::vector<Observation> all;
    std::vector<Mark> marks;
    Timestamp now = start;
    int second = 0;
};

std::uint64_t twoASecond(int second)
{
    return static_cast<std::uint64_t>(2 * second);
}

bool says(const std::vector<std::string>& sentences, const char* what)
{
    return std::any_of(sentences.begin(), sentences.end(), [&](const std::string& sentence) {
        return sentence.find(what) != std::string::npos;
    });
}

} // namespace

class TestStatementGrowth : public QObject
{
    Q_OBJECT
private slots:
    void oneThatOnlyGrowsIsALeak();
    void criticalAfterTheThreshold();
    void whatLevelsOffIsNone_data();
    void whatLevelsOffIsNone();
    void aCacheThatFillsIsNone();
    void manyTextsForLong();
    void aSlowOneForLong();
    void thePoolsOwnThreshold();
    void aProcessThatStartsAgain();
    void sameAfterASeek();
    void sameBetweenTwoObservations();
    void thresholdsOutOfReason();
    void placesThatComeAndGoAreForgotten();
};

void TestStatementGrowth::oneThatOnlyGrowsIsALeak()
{
    Process p;
    p.run(59, twoASecond);
    QVERIFY(p.found().empty()); // the window is not over
    p.run(6, twoASecond);
    QCOMPARE(p.found().size(), 1U);
    const StatementLeak& leak = p.found()[0];
    QCOMPARE(leak.severity, LeakSeverity::alert);
    QCOMPARE(leak.open, std::uint64_t{130});
    QCOMPARE(leak.before, std::uint64_t{10});
    QCOMPARE(leak.window, Duration{60s});
    QCOMPARE(leak.age, Duration{65s});
    QCOMPARE(leak.connections, std::uint64_t{4});
    QCOMPARE(leak.pool.str(), std::string{"orders"});
    QCOMPARE(acquiring_line(leak.stack.get())->line, 31);
    const auto evidence = evidence_of(leak);
    QVERIFY(says(evidence, "130 statements prepared here are open; 1 min ago there were 10"));
    QVERIFY(says(evidence, "They all have the same text, and the pool has 4 connections."));
    QVERIFY(says(evidence, "The alert threshold is 30 s."));
    QVERIFY(says(evidence, "Prepared at price.go:31, in main.price."));
    QCOMPARE(p.marks.size(), 1U);
    QVERIFY(p.marks[0].sentence.find("price.go:31") != std::string::npos);
    p.run(30, [&](int) { return std::uint64_t{130}; }); // nobody calls it any more
    QVERIFY(p.found().empty());
}

void TestStatementGrowth::criticalAfterTheThreshold()
{
    Process p;
    p.run(299, twoASecond);
    QCOMPARE(p.found()[0].severity, LeakSeverity::alert);
    p.run(1, twoASecond);
    QCOMPARE(p.found()[0].severity, LeakSeverity::critical);
    QCOMPARE(p.marks.size(), 2U);
    QCOMPARE(p.marks[1].kind, MarkKind::critical);
}

void TestStatementGrowth::whatLevelsOffIsNone_data()
{
    QTest::addColumn<int>("size");
    QTest::addColumn<int>("seconds"); // until it is there
    QTest::newRow("at once") << 100 << 1;
    QTest::newRow("within a window") << 100 << 45;
    QTest::newRow("one each connection") << 4 << 200;
}

/// Also where it holds more than one each connection: it does not grow.
void TestStatementGrowth::whatLevelsOffIsNone()
{
    QFETCH(int, size);
    QFETCH(int, seconds);
    Process p;
    for (int i = 0; i < 400; ++i) {
        p.run(1, [&](int second) {
            return static_cast<std::uint64_t>(
                std::max(1, size * std::min(second, seconds) / seconds));
        });
        QVERIFY2(p.found().empty(), qPrintable(QString::number(p.second)));
    }
}

/// One of each text a connection, and it takes its time.
void TestStatementGrowth::aCacheThatFillsIsNone()
{
    Process p;
    for (int i = 0; i < 250; ++i) {
        const auto texts = static_cast<std::uint64_t>(i / 2 + 1);
        p.run(
            1, [&](int) { return 4 * texts; }, texts);
        QVERIFY(p.found().empty());
    }
}

/// What is never the same, or not told, needs the longest window.
void TestStatementGrowth::manyTextsForLong()
{
    for (const std::optional<std::uint64_t> distinct :
         {std::optional<std::uint64_t>{1'000'000}, std::optional<std::uint64_t>{}}) {
        Process p;
        p.run(299, twoASecond, distinct);
        QVERIFY(p.found().empty());
        p.run(3, twoASecond, distinct);
        QCOMPARE(p.found().size(), 1U);
        QCOMPARE(p.found()[0].window, Duration{5min});
    }
}

void TestStatementGrowth::aSlowOneForLong()
{
    Process p;
    p.run(360, [](int second) { return static_cast<std::uint64_t>(20 + second / 40); });
    QCOMPARE(p.found().size(), 1U);
    QCOMPARE(p.found()[0].window, Duration{5min});
}

void TestStatementGrowth::thePoolsOwnThreshold()
{
    Process p;
    p.tell(ThresholdsChanged{{1s, 60s}, Text{"orders"}, false});
    p.run(17, twoASecond);
    QCOMPARE(p.found().size(), 1U);
    QCOMPARE(p.found()[0].window, Duration{15s});
    p.tell(ThresholdsChanged{{}, Text{"orders"}, true});
    QVERIFY(p.found().empty());
}

/// Its statements went with it; what the next one does is no growth of them.
void TestStatementGrowth::aProcessThatStartsAgain()
{
    Process p;
    p.run(40, twoASecond);
    PoolSample nothing;
    nothing.full = true;
    p.tell(nothing);
    p.run(40, [](int second) { return static_cast<std::uint64_t>(2 * (second - 40)); });
    QVERIFY(p.found().empty());
}

void TestStatementGrowth::sameAfterASeek()
{
    Process p;
    p.run(200, twoASecond);
    World keyframe;
    std::size_t from = 0;
    for (; p.all[from].time <= p.now + 50s - Analysis::longest_window || from < 50; ++from)
        keyframe.apply(p.all[from]);
    p.run(300, [](int second) { return static_cast<std::uint64_t>(400 + second / 3); });
    Analysis sought;
    sought.restore(keyframe);
    WorldDelta ignored;
    for (; from < p.all.size(); ++from)
        sought.fold(p.all[from], ignored);
    sought.look();
    QVERIFY(!p.found().empty());
    QVERIFY(sought == p.analysis);
}

/// The cursor stands almost a second after the last observation, and the keyframe just before the
/// longest window.
void TestStatementGrowth::sameBetweenTwoObservations()
{
    const auto slowly = [](int second) {
        return static_cast<std::uint64_t>(20 + second / 5);
    };
    Process p;
    std::vector<World> keyframes;
    for (int i = 0; i < 800; ++i) {
        p.now += 900ms;
        p.tell(Tick{});
        keyframes.push_back(p.analysis.world());
        p.now -= 900ms;
        p.run(1, slowly, {});
    }
    const Timestamp cursor = p.now + 950ms;
    const auto after = std::find_if(keyframes.begin(), keyframes.end(), [&](const World& world) {
        return world.now() > cursor - Analysis::longest_window;
    });
    QVERIFY(after - keyframes.begin() > 100);
    Analysis sought;
    sought.restore(*std::prev(after));
    WorldDelta ignored;
    for (std::size_t i = sought.world().sequence().value; i < p.all.size(); ++i)
        sought.fold(p.all[i], ignored);
    sought.look();
    QCOMPARE(p.found().size(), 1U);
    QVERIFY(sought == p.analysis);
}

/// As a recording may have them that nobody's Poolscope wrote.
void TestStatementGrowth::thresholdsOutOfReason()
{
    for (const Duration alert : {Duration::min(), Duration::min() / 2 - 1us}) {
        Process p;
        p.tell(ThresholdsChanged{{alert, 1h}, Text{"orders"}, false});
        p.run(20, twoASecond);
        QCOMPARE(p.found().size(), 1U);
        QCOMPARE(p.found()[0].window, Duration{15s});
    }
    Process p;
    p.tell(ThresholdsChanged{{Duration::max(), 1h}, Text{"orders"}, false});
    p.run(20, twoASecond);
    QVERIFY(p.found().empty());
}

/// Nobody need ever tell everything, and a stack is new as often as one likes.
void TestStatementGrowth::placesThatComeAndGoAreForgotten()
{
    TargetState target;
    target.last_sample = start;
    StatementHistory history;
    history.restore(target, start);
    PreparedStatements at;
    at.pool = Text{"orders"};
    std::size_t most = 0;
    for (int second = 1; second <= 3000; ++second) {
        const Timestamp now = start + std::chrono::seconds{second};
        for (const std::uint64_t open : {1U, 0U}) {
            PoolSample sample;
            at.stack = place(second);
            at.open = open;
            sample.prepared = {at};
            history.watch(target, sample, now);
        }
        most = std::max(most, history.size());
    }
    QVERIFY2(most <= 1000, qPrintable(QString::number(most)));
    // What it was within the window is known.
    PreparedStatements open = at;
    open.open = 7;
    PoolSample sample;
    sample.prepared = {open};
    history.watch(target, sample, start + 3001s);
    QVERIFY(history.open_at(key_of(open), start + 3001s) == std::uint64_t{7});
    QVERIFY(history.open_at(key_of(open), start + 2990s) == std::uint64_t{0});
}

QTEST_APPLESS_MAIN(TestStatementGrowth)
#include "tst_statementgrowth.moc"
