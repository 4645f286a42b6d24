// SPDX-License-Identifier: GPL-3.0-or-later
// How a side is summed up from a recording: whole or in parts, within bounds, told and stopped.
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

class TestCompareFold : public Sides
{
    Q_OBJECT
private slots:
    void initTestCase() { QVERIFY(dir_.isValid()); }
    void moreThanIsKept();
    void whoHeldIsAsThePageSays();
    void twoHalvesAreTheWhole();
    void howFarItIs();
    void itCanBeStopped();
};

void TestCompareFold::moreThanIsKept()
{
    const auto crowd = [this](int round) {
        return record([round](Tape& tape) {
            int next = 0;
            tape.also_seen = [&next, round](ServerSample& sample) {
                for (int i = 0; i < 300; ++i) {
                    Session s = sample.changed.front();
                    s.key.pid = Pid{1000 + i};
                    s.application =
                        Text{"app-" + std::to_string(round) + "-" + std::to_string(++next)};
                    sample.changed.push_back(s);
                }
            };
            tape.play({.seconds = 30});
        });
    };
    const Side side = sideOf(crowd(1));
    QVERIFY(side.crowded);
    QCOMPARE(side.targets.at(Tape::server).applications.size(), most_applications);
    const Comparison comparison = compare::compare(side, sideOf(crowd(2)));
    QVERIFY(says(comparison, "Before: there are more pools, lines of code or applications"));
    // All of them count for the server.
    const Change* const all = find(comparison, Subject::server, Measure::sessions_mean);
    QVERIFY(all && near(all->before.value, 301));
}

void TestCompareFold::whoHeldIsAsThePageSays()
{
    // The fold behind the page Stacks counts checkout by checkout.
    const std::string file = record([](Tape& tape) {
        tape.play({.seconds = 40, .leaks = 6});
        tape.pass(500ms);
        PoolSample sample;
        for (const int number : {1, 3, 4})
            sample.ended.push_back(
                {Text{"c" + std::to_string(100'000 + number)}, tape.now() - 300ms});
        tape.tell(Tape::process, sample);
        tape.play({.seconds = 40, .leaks = 2});
    });
    for (const auto& [from, to] : {std::pair{0, 80}, std::pair{13, 55}, std::pair{41, 47}}) {
        const Timestamp begin = Tape::start + std::chrono::seconds{from} + 450ms;
        const Timestamp end = Tape::start + std::chrono::seconds{to};
        const Side side = sideOf(file, begin, end);
        auto reader = RecordingReader::open(file);
        World world = reader.value()->keyframe(Tape::start).value();
        HeldFold fold{begin, end};
        QVERIFY(reader.value()->read(world.sequence(), [&](const Observation& observation) {
            if (observation.time > end)
                return false;
            fold.watch(world, observation);
            world.apply(observation);
            return true;
        }));
        const std::vector<HeldPlace> places = fold.finish(world);
        QCOMPARE(places.size(), std::size_t{2});
        for (const HeldPlace& place : places) {
            const auto& mine =
                side.targets.at(place.target).places.at({place.pool, place.stack->fingerprint});
            QVERIFY(near(mine.held(), static_cast<double>(to_us(place.held)) / 1e6, 0.001));
        }
    }
}

void TestCompareFold::twoHalvesAreTheWhole()
{
    const std::string file = record([](Tape& tape) {
        tape.play({.seconds = 50, .timeouts = 20, .leaks = 6, .in_transaction = 3});
        tape.play({.seconds = 50,
                   .acquires = 3,
                   .used = 9,
                   .gap_from = 20,
                   .gap_to = 30,
                   .acquires_in_gap = 100});
        tape.play({.seconds = 50, .pending = 2, .leaks = 3, .waiting = 5});
    });
    const Timestamp end = Tape::start + 150s;
    const Side whole = sideOf(file, {}, end);
    for (const auto at : {7s + 0ms, 49s + 500ms, 91s + 123ms, 120s + 0ms, 149s + 999ms}) {
        const Side first = sideOf(file, {}, Tape::start + at);
        const Side second = sideOf(file, Tape::start + at, end);
        const auto adds = [&](auto value) {
            return near(value(first) + value(second), value(whole), 1e-3);
        };
        const auto pool = [](const Side& side) -> const PoolFigures& {
            return side.targets.at(Tape::process).pools.at(Text{"shop"});
        };
        QVERIFY(adds([](const Side& s) { return s.targets.at(Tape::process).observed; }));
        QVERIFY(adds([](const Side& s) { return s.targets.at(Tape::server).unseen; }));
        QVERIFY(adds([&](const Side& s) { return pool(s).waits.sum(); }));
        QVERIFY(adds([&](const Side& s) { return pool(s).use_total.sum() / 1e6; }));
        QVERIFY(adds([&](const Side& s) { return pool(s).timeouts.sum(); }));
        QVERIFY(adds([&](const Side& s) { return pool(s).used.area(); }));
        QVERIFY(adds([&](const Side& s) { return pool(s).exhausted.area(); }));
        QVERIFY(adds([](const Side& s) {
            double held = 0;
            for (const auto& [key, place] : s.targets.at(Tape::process).places)
                held += place.held();
            return held;
        }));
        QVERIFY(adds([](const Side& s) {
            double sessions = 0;
            for (const auto& [key, application] : s.targets.at(Tape::server).applications)
                sessions += application.sessions.area();
            return sessions;
        }));
    }
}

void TestCompareFold::howFarItIs()
{
    const std::string file = record(Behaviour{.seconds = 300});
    auto reader = RecordingReader::open(file);
    QVERIFY(bool(reader));
    std::vector<double> told;
    const auto side = side_of(*reader.value(), {"x", {}, {}}, [&told](double fraction) {
        told.push_back(fraction);
        return true;
    });
    QVERIFY(bool(side));
    QVERIFY(told.size() >= 3);
    QVERIFY(std::is_sorted(told.begin(), told.end()));
    QVERIFY(told.front() < 0.1);
    QVERIFY(told.back() > 0.6 && told.back() <= 1);
    // Who is told changes nothing.
    QVERIFY(changes_by_weight(compare::compare(side.value(), sideOf(file))).empty());
}

void TestCompareFold::itCanBeStopped()
{
    auto reader = RecordingReader::open(record(Behaviour{.seconds = 300}));
    QVERIFY(bool(reader));
    int calls = 0;
    const auto side =
        side_of(*reader.value(), {"x", {}, {}}, [&calls](double) { return ++calls < 2; });
    QVERIFY(!side);
    QCOMPARE(side.error().sentence, std::string("The comparison was stopped."));
    QCOMPARE(calls, 2); // nothing is read beyond
}

QTEST_GUILESS_MAIN(TestCompareFold)
#include "tst_comparefold.moc"
