// SPDX-License-Identifier: GPL-3.0-or-later
// Of what time a comparison speaks: what was looked at, as it was recorded, whatever the clocks
// did.
#include "tests/compare/sides.h"

#include <QTest>

#include <algorithm>
#include <cmath>

using namespace poolscope;
using namespace poolscope::compare;
using namespace poolscope::test;

class TestCompareTime : public Sides
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void whatWasNotLookedAt_data();
    void whatWasNotLookedAt();
    void whatIsGoneIsLookedAt();
    void aClockSetForwardForAWhile_data();
    void aClockSetForwardForAWhile();
    void damageIsStillTold();
    void itCanBeStoppedWhileItSeeksTheEnd();
    void aCounterThatBeganAnew();
    void aPoolThatWasNotThere();

private:
    static Result<Side> read(const std::string& file, std::optional<Timestamp> to,
                             const Progress& progress = {})
    {
        auto reader = RecordingReader::open(file);
        if (!reader)
            return reader.error();
        return side_of(*reader.value(), {"a.poolrec", {}, to}, progress);
    }
    static Side sideOf(const std::string& file, std::optional<Timestamp> to = {})
    {
        auto side = read(file, to);
        if (!side)
            qFatal("%s", side.error().sentence.c_str());
        return std::move(side).value();
    }
};

namespace {

Figure figure(const Side& side, Subject subject, Measure measure, const std::string& what = {})
{
    const Comparison comparison = compare::compare(side, side);
    for (const Change& change : comparison.changes) {
        if (change.subject == subject && change.measure == measure && change.what.str() == what)
            return change.before;
    }
    return {};
}

std::string ruleOf(const Side& side)
{
    const TargetFigures& shop = side.targets.at(Tape::process);
    const auto longest =
        std::max_element(shop.alerts.begin(), shop.alerts.end(), [](const auto& a, const auto& b) {
            return a.second.seconds < b.second.seconds;
        });
    return longest == shop.alerts.end() ? std::string{} : longest->first.second;
}

PoolSample counted(std::uint64_t count, Duration used, std::uint64_t timeouts, bool full)
{
    PoolSample sample;
    sample.full = full;
    Pool pool;
    pool.name = Text{"shop"};
    pool.kind = Text{"hikaricp"};
    pool.used = 4;
    pool.max = 10;
    pool.pending = 0;
    pool.timeouts = timeouts;
    pool.use_time = DurationSummary{count, used, {}, {}};
    sample.pools = {pool};
    return sample;
}

} // namespace

void TestCompareTime::whatWasNotLookedAt_data()
{
    QTest::addColumn<int>("blindBefore");
    QTest::addColumn<int>("gap");
    QTest::newRow("all of it was") << 0 << 0;
    QTest::newRow("its pool came later") << 120 << 0;
    QTest::newRow("nobody answered for a while") << 0 << 240;
}

/// For a minute somebody waits: how much of the time that is does not change with what nobody saw.
void TestCompareTime::whatWasNotLookedAt()
{
    QFETCH(const int, blindBefore);
    QFETCH(const int, gap);
    const Side side = sideOf(record([&](Tape& tape) {
        tape.play({.seconds = 2, .pool = false});
        if (blindBefore > 0)
            tape.play({.seconds = blindBefore, .pool = false});
        tape.play({.seconds = 60 + gap, .pending = 2, .gap_from = 60, .gap_to = 60 + gap});
    }));
    const std::string rule = ruleOf(side);
    QVERIFY(!rule.empty());
    const TargetFigures& shop = side.targets.at(Tape::process);
    QVERIFY(near(shop.looked, 59, 0.01));
    const Stood& stood = shop.alerts.at({Text{"shop"}, rule});
    QVERIFY(stood.seconds - stood.unseen > 40);
    const Figure share = figure(side, Subject::alert, Measure::stood_ratio, rule);
    QVERIFY2(share.value && *share.value > 0.75 && *share.value <= 1,
             std::to_string(share.value.value_or(-1)).c_str());
    QVERIFY(near(share.observed, shop.looked + stood.unseen));
}

/// That a server does not answer is seen while it does not: of that time it is.
void TestCompareTime::whatIsGoneIsLookedAt()
{
    const Side side = sideOf(record([](Tape& tape) {
        tape.play({.seconds = 60});
        TargetStatus failing;
        failing.reach = Reach::failing;
        failing.sentence = "Nobody listens.";
        tape.tell(Tape::server, Gap{"No answer."});
        tape.tell(Tape::server, StatusChanged{failing});
        for (int i = 0; i < 60; ++i) {
            tape.pass(1s);
            tape.tell(TargetId{}, Tick{});
        }
    }));
    const TargetFigures& server = side.targets.at(Tape::server);
    QVERIFY(near(server.looked, 59, 1.01));
    const Stood& gone = server.diagnoses.at({Text{}, Cause::server_gone});
    QVERIFY(near(gone.seconds, 55, 2));
    QCOMPARE(gone.unseen, gone.seconds);
    const Figure share = figure(side, Subject::diagnosis, Measure::stood_ratio, "server_gone");
    QVERIFY(near(share.value, 55.0 / 114, 0.03));
}

void TestCompareTime::aClockSetForwardForAWhile_data()
{
    QTest::addColumn<int>("by");
    QTest::newRow("past the range") << 3600;
    QTest::newRow("not at all") << 0;
}

void TestCompareTime::aClockSetForwardForAWhile()
{
    QFETCH(const int, by);
    const std::string file = record([&](Tape& tape) {
        tape.play({.seconds = 30});
        tape.pass(std::chrono::seconds{by});
        tape.play({.seconds = 2, .acquires = 5000});
        tape.pass(-std::chrono::seconds{by});
        tape.play({.seconds = 60, .timeouts = 30});
    });
    const Side side = sideOf(file, Tape::start + 70s);
    const TargetFigures& shop = side.targets.at(Tape::process);
    const auto& pool = shop.pools.at(Text{"shop"});
    if (by == 0) {
        QVERIFY(near(shop.observed, 70, 0.01));
        return;
    }
    // What was counted meanwhile is of no time within it; what came then is.
    QVERIFY(near(shop.observed, 30 + 37, 0.01));
    QVERIFY(near(figure(side, Subject::pool, Measure::acquires_per_second).value, 40));
    QVERIFY(near(pool.timeouts.sum(), 28));
    QVERIFY(!side.damage);
}

/// A recording that cannot be read up to the range's end says so, by whatever way that is sought.
void TestCompareTime::damageIsStillTold()
{
    const std::string file = record([](Tape& tape) { tape.play({.seconds = 300}); });
    QFile broken(QString::fromStdString(file));
    QVERIFY(broken.open(QIODevice::ReadWrite));
    const qint64 size = broken.size();
    QVERIFY(broken.seek(size / 2));
    broken.write(QByteArray(static_cast<int>(size / 4), 'x'));
    broken.close();
    const auto side = read(file, Tape::start + 290s);
    QVERIFY(!side || side.value().damage);
}

void TestCompareTime::itCanBeStoppedWhileItSeeksTheEnd()
{
    const std::string file = record([](Tape& tape) { tape.play({.seconds = 600}); });
    int calls = 0;
    const auto side = read(file, Tape::start + 30s, [&calls](double done) {
        ++calls;
        return done > 0;
    });
    QVERIFY(!side);
    QCOMPARE(side.error().sentence, std::string("The comparison was stopped."));
    QCOMPARE(calls, 1);
}

/// Of the second in which it did nothing is known, as with a process that began anew.
void TestCompareTime::aCounterThatBeganAnew()
{
    const Side side = sideOf(record([](Tape& tape) {
        tape.play({.seconds = 1, .pool = false});
        for (std::uint64_t i = 0; i <= 60; ++i) {
            // The new one's use time is soon more than the old one's in all.
            if (i < 30)
                tape.tell(Tape::process, counted(1000 + 40 * i, (1000 + 40 * i) * 20ms, 5 + i, !i));
            else
                tape.tell(Tape::process,
                          counted(40 * (i - 29), 40 * (i - 29) * 2s, 3 * (i - 29), false));
            tape.tell(TargetId{}, Tick{});
            tape.pass(1s);
        }
    }));
    QVERIFY(near(figure(side, Subject::pool, Measure::acquires_per_second).value, 40));
    QVERIFY(
        near(figure(side, Subject::pool, Measure::use_mean).value, (29 * 0.020 + 30 * 2.0) / 59));
    QVERIFY(near(figure(side, Subject::pool, Measure::timeouts_per_minute).value,
                 (29 + 30 * 3) / 59.0 * 60));
}

/// A pool that is told of for half of the time counts for that half.
void TestCompareTime::aPoolThatWasNotThere()
{
    const Side side = sideOf(record([](Tape& tape) {
        tape.play({.seconds = 1, .pool = false});
        for (std::uint64_t i = 0; i < 60; ++i) {
            PoolSample sample = counted(40 * i, 40 * i * 20ms, 0, true);
            if (i >= 30)
                sample.pools.clear();
            tape.tell(Tape::process, sample);
            tape.tell(TargetId{}, Tick{});
            tape.pass(1s);
        }
    }));
    const Figure rate = figure(side, Subject::pool, Measure::acquires_per_second);
    QVERIFY(near(rate.observed, 30));
    QVERIFY(near(rate.value, 29 * 40 / 30.0));
}

QTEST_GUILESS_MAIN(TestCompareTime)
#include "tst_comparetime.moc"
