// SPDX-License-Identifier: GPL-3.0-or-later
// What a report makes of recordings that hold more, or odder, things than it can list.
#include "core/report/gather.h"
#include "core/report/story.h"
#include "tests/report/page.h"
#include "tests/report/recorded.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <ctime>
#include <limits>

using namespace poolscope;
using namespace poolscope::test;

class TestGatherBounds : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void whatStillGoesOnIsKept();
    void gapsAreCountedByTarget();
    void theMostThatThereWas();
    void marksTellTheirPool();
    void actionsThatReachIntoARange();
    void notesThatWereWrittenLater_data();
    void notesThatWereWrittenLater();
    void rulesThatCannotBeRead();
    void manyClientsThatHoldSessions();
    void instantsBeyondAllMeasure();

private:
    QString fresh() { return dir_.filePath(QStringLiteral("%1.poolrec").arg(++files_)); }

    QTemporaryDir dir_;
    int files_ = 0;
};

namespace {

using Facts = std::vector<std::tuple<int, TargetId, Fact>>;

const TargetId app{1};

StatusChanged answers()
{
    TargetStatus up;
    up.reach = Reach::up;
    return StatusChanged{up};
}

bool anyOpen(const report::Incident& incident, report::Period::Kind kind)
{
    return std::any_of(
        incident.periods.begin(), incident.periods.end(),
        [kind](const report::Period& period) { return period.kind == kind && !period.to; });
}

std::ptrdiff_t countOf(const report::Incident& incident, report::Period::Kind kind)
{
    return std::count_if(incident.periods.begin(), incident.periods.end(),
                         [kind](const report::Period& period) { return period.kind == kind; });
}

} // namespace

void TestGatherBounds::whatStillGoesOnIsKept()
{
    constexpr int gaps = 2500;
    Facts facts{{0, app, attached(1, "shop")}, {0, app, answers()}, {0, app, taken(3)}};
    for (int gap = 0; gap < gaps; ++gap) {
        facts.emplace_back(2 * gap + 1, app, Gap{"lost"});
        facts.emplace_back(2 * gap + 2, app, taken(3));
    }
    for (int second = 2 * gaps + 3; second < 2 * gaps + 90; ++second) {
        facts.emplace_back(second, app, taken(3));
        facts.emplace_back(second, TargetId{}, Tick{});
    }
    const QString file = fresh();
    QVERIFY(record(file, facts));
    const report::Incident incident = gatherFrom(file).incident;
    // The incident itself, which is the last to end.
    QVERIFY(anyOpen(incident, report::Period::Kind::alert));
    // Not all gaps are listed, all are counted.
    QCOMPARE(countOf(incident, report::Period::Kind::gap), std::ptrdiff_t{2000});
    QVERIFY(incident.moments_left_out >= 500);
    QCOMPARE(incident.unseen.size(), std::size_t{1});
    QCOMPARE(incident.unseen[0].gaps, gaps);
    QCOMPARE(incident.unseen[0].length, Duration{2s * gaps});
    const Page page = readPage(report::html_of({"0.1.0", true, false, {incident}}));
    QVERIFY(page.text.contains(QStringLiteral("nothing was seen in 2")));
}

void TestGatherBounds::gapsAreCountedByTarget()
{
    const QString file = fresh();
    QVERIFY(record(file, {{0, app, attached(1, "shop")},
                          {0, TargetId{2}, attached(2, "shop")},
                          {1, app, taken(0)},
                          {1, TargetId{2}, taken(0)},
                          {2, app, Gap{"lost"}},
                          {5, app, taken(0)},
                          {6, TargetId{2}, Gap{"lost"}},
                          {9, TargetId{}, Tick{}}}));
    const report::Incident incident = gatherFrom(file).incident;
    QCOMPARE(incident.unseen.size(), std::size_t{2});
    QCOMPARE(incident.unseen[0].length, Duration{4s});
    QCOMPARE(incident.unseen[1].length, Duration{8s}); // to the end
}

void TestGatherBounds::theMostThatThereWas()
{
    Facts facts{{0, app, attached(1, "shop")}, {0, app, answers()}};
    std::uint64_t timeouts = 100;
    for (int second = 1; second < 3000; ++second) {
        PoolSample sample = taken(second == 1001 ? 9 : 0, 4);
        if (second == 1003)
            sample.pools[0].idle = 50;
        if (second == 500)
            timeouts += 3;
        if (second == 700)
            timeouts = 1; // made anew
        if (second == 2900)
            timeouts += 3;
        sample.pools[0].timeouts = timeouts;
        facts.emplace_back(second, app, sample);
    }
    const QString file = fresh();
    QVERIFY(record(file, facts));
    report::Question question;
    question.at = after(1002);
    const report::Incident incident = gatherFrom(file, question).incident;
    QCOMPARE(incident.pools.size(), std::size_t{1});
    const report::PoolCounts& pool = incident.pools[0];
    QVERIFY(pool.series.points.size() < 700);
    QCOMPARE(pool.most_pending.value_or(-1), 9);
    QCOMPARE(pool.most_idle.value_or(-1), 50);
    QCOMPARE(pool.timeouts.value_or(0), std::uint64_t{3 + 1 + 3});
    // The second before it had nine that waited, and is the peak of its bucket.
    QVERIFY(pool.then);
    QCOMPARE(pool.then->pending.value_or(-1), 0);
    // Of a part of it, what was in that part.
    question.from = after(600);
    question.to = after(1002);
    const report::Incident part = gatherFrom(file, question).incident;
    QCOMPARE(part.pools[0].timeouts.value_or(0), std::uint64_t{1});
    QCOMPARE(part.pools[0].most_idle.value_or(-1), 0);
    QVERIFY(part.cut);
    QVERIFY(!incident.cut);
}

void TestGatherBounds::marksTellTheirPool()
{
    // Two that are alike but for a pool whose name is a number.
    Facts facts{{0, app, attached(1, "shop")}};
    const StackRef stack = make_stack({{Text{"load"}, Text{"cart.cpp"}, 7, true}});
    PoolSample first;
    first.full = true;
    for (const char* const name : {"1", "2"}) {
        Pool pool = taken(0).pools[0];
        pool.name = Text{name};
        first.pools.push_back(pool);
        Checkout checkout;
        checkout.key = {app, Text{std::string{"c"} + name}};
        checkout.pool = pool.name;
        checkout.acquired = after(1);
        checkout.stack = stack;
        first.changed.push_back(checkout);
    }
    facts.emplace_back(1, app, first);
    for (int second = 2; second < 60; ++second)
        facts.emplace_back(second, TargetId{}, Tick{});
    const QString file = fresh();
    QVERIFY(record(file, facts));
    const report::Incident incident = gatherFrom(file).incident;
    const Page page = readPage(report::html_of({"0.1.0", true, false, {incident}}));
    QCOMPARE(page.text.count(QLatin1String("a connection held for 30 s by cart.cpp:7")), 2);
    QVERIFY(page.text.contains(QLatin1String("shop, pool 1")));
    QVERIFY(page.text.contains(QLatin1String("shop, pool 2")));
    QVERIFY2(!page.text.contains(QLatin1String("held for 30 s by cart.cpp:7 (and")),
             qPrintable(page.text));
    // An alert says whose it is once.
    QVERIFY2(!page.text.contains(QLatin1String("leak: 1: ")), qPrintable(page.text));
}

void TestGatherBounds::actionsThatReachIntoARange()
{
    ActionReported action;
    action.action = ActionId{1};
    action.verb = ActionVerb::terminate;
    action.session = {app, Pid{7}, after(-60)};
    action.sentence = "shop-api, idle";
    ActionReported done = action;
    done.phase = ActionPhase::accepted;
    done.sentence = "signalled";
    const QString file = fresh();
    QVERIFY(record(file, {{0, app, attached(1, "shop")},
                          {10, app, action},
                          {30, app, done},
                          {50, TargetId{}, Tick{}}}));
    const auto actions = [&](int from, int to) {
        report::Question question;
        question.from = after(from);
        question.to = after(to);
        return gatherFrom(file, question).incident.actions.size();
    };
    QCOMPARE(actions(20, 40), std::size_t{1});
    QCOMPARE(actions(1, 15), std::size_t{1});
    QCOMPARE(actions(35, 45), std::size_t{0});
    QCOMPARE(actions(1, 5), std::size_t{0});
}

void TestGatherBounds::notesThatWereWrittenLater_data()
{
    QTest::addColumn<bool>("redact");
    QTest::newRow("open") << false;
    QTest::newRow("redacted") << true;
}

void TestGatherBounds::notesThatWereWrittenLater()
{
    QFETCH(const bool, redact);
    const QString file = fresh();
    QVERIFY(record(file, {{0, app, attached(1, "shop")},
                          {20, TargetId{}, Note{"of before", after(5)}},
                          {21, TargetId{}, Note{"secret within", after(15)}},
                          {30, TargetId{}, Note{"at once"}},
                          {50, TargetId{}, Note{"secret later", after(12)}},
                          {51, TargetId{}, Note{"of after", after(45)}},
                          {60, TargetId{}, Tick{}}}));
    report::Question question;
    question.from = after(10);
    question.to = after(40);
    question.redact = redact;
    const report::Incident incident = gatherFrom(file, question).incident;
    std::vector<Timestamp> times;
    for (const report::NoteText& note : incident.notes)
        times.push_back(note.time);
    QCOMPARE(times, (std::vector<Timestamp>{after(12), after(15), after(30)}));
    QCOMPARE(incident.notes[0].written, after(50));
    // On the timeline too, in its order.
    times.clear();
    for (const report::Moment& moment : incident.moments) {
        QCOMPARE(moment.kind, MarkKind::note);
        times.push_back(moment.time);
    }
    QCOMPARE(times, (std::vector<Timestamp>{after(12), after(15), after(30)}));
    const Page page = readPage(report::html_of({"0.1.0", true, redact, {incident}}));
    QCOMPARE(page.text.contains(QLatin1String("secret later")), !redact);
    QCOMPARE(page.text.contains(QLatin1String("secret within")), !redact);
    QVERIFY(page.text.contains(QLatin1String("written at 14:29:30")));
    QVERIFY(!page.text.contains(QLatin1String("written at 14:29:10")));
    // In all of it, in the order of what they are about.
    question = {};
    question.redact = redact;
    const report::Incident all = gatherFrom(file, question).incident;
    QCOMPARE(all.notes.size(), std::size_t{5});
    QCOMPARE(all.notes.front().time, after(5));
    QCOMPARE(all.notes.back().time, after(45));
}

void TestGatherBounds::rulesThatCannotBeRead()
{
    Facts facts{{0, app, attached(1, "shop")},
                {0, app, answers()},
                {0, TargetId{}, AlertRulesChanged{"[[rule]\nno rule at all"}}};
    for (int second = 1; second < 90; ++second) {
        facts.emplace_back(second, app, taken(3));
        facts.emplace_back(second, TargetId{}, Tick{});
    }
    const QString file = fresh();
    QVERIFY(record(file, facts));
    report::Question question;
    const report::Incident open = gatherFrom(file, question).incident;
    question.redact = true;
    const report::Incident redacted = gatherFrom(file, question).incident;
    // Those built in hold, with names taken out too.
    QVERIFY(countOf(open, report::Period::Kind::alert) > 0);
    QCOMPARE(countOf(redacted, report::Period::Kind::alert),
             countOf(open, report::Period::Kind::alert));
}

void TestGatherBounds::manyClientsThatHoldSessions()
{
    constexpr int clients = 6000;
    ServerSample sample;
    sample.full = true;
    for (int client = 0; client < clients; ++client) {
        Session session;
        session.key = {app, Pid{100 + client}, after(-600)};
        session.application = Text{"job-" + std::to_string(client)};
        session.user = session.application;
        session.state = SessionState::idle_in_transaction;
        // The last ones are the worst.
        session.state_since = after(client < clients - 3 ? -60 : -400);
        session.transaction_since = session.state_since;
        sample.changed.push_back(session);
    }
    const QString file = fresh();
    QVERIFY(record(file, {{0, app, TargetAttached{{app, "postgresql", "shop", "service=shop"}}},
                          {1, app, sample},
                          {2, TargetId{}, Tick{}}}));
    const std::clock_t begin = std::clock();
    const report::Incident incident = gatherFrom(file).incident;
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    QCOMPARE(incident.leaks.size(), std::size_t{100});
    QCOMPARE(incident.leaks_left_out, std::size_t{clients - 100});
    for (int worst = 0; worst < 3; ++worst)
        QCOMPARE(incident.leaks[worst].weight, report::Weight::critical);
    QVERIFY2(seconds < 30, qPrintable(QString::number(seconds)));
}

void TestGatherBounds::instantsBeyondAllMeasure()
{
    const QString file = fresh();
    {
        auto created = RecordingWriter::create(file.toStdString(), {});
        QVERIFY(created);
        std::uint64_t number = 0;
        const auto tell = [&](std::int64_t us, TargetId target, Fact what) {
            return static_cast<bool>(created.value()->append(
                {SequenceNumber{++number}, timestamp_from_us(us), target, std::move(what)}));
        };
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
        constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
        QVERIFY(tell(least, app, attached(1, "shop")));
        QVERIFY(tell(least, app, taken(3)));
        QVERIFY(tell(least, app, Gap{"lost"}));
        QVERIFY(tell(most, app, taken(3)));
        QVERIFY(tell(most, TargetId{}, Note{"late"}));
        QVERIFY(tell(0, TargetId{}, Tick{}));
        QVERIFY(created.value()->close());
    }
    const report::Incident incident = gatherFrom(file).incident;
    QCOMPARE(incident.from, report::earliest_told);
    QCOMPARE(incident.to, report::latest_told);
    QCOMPARE(readPage(report::html_of({"0.1.0", true, false, {incident}})).trouble, QString());
}

QTEST_APPLESS_MAIN(TestGatherBounds)
#include "tst_gatherbounds.moc"
