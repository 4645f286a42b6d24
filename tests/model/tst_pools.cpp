// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/pools.h"

#include <QTest>

#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

Checkout checkout(const std::string& id, const std::string& by = "orders")
{
    Checkout c;
    c.key = {TargetId{1}, Text{id}};
    c.pool = Text{"main"};
    c.connection = Text{"c" + id};
    c.acquired = start;
    c.acquired_by = Text{by};
    return c;
}

Pool pool(const std::string& name)
{
    Pool p;
    p.name = Text{name};
    return p;
}

StackLine line(const std::string& function, const std::string& file, int number, bool own)
{
    return {Text{function}, Text{file}, number, own};
}

std::vector<std::string> names(const std::vector<Text>& texts)
{
    std::vector<std::string> out;
    for (const Text& text : texts)
        out.push_back(text.str());
    return out;
}

using Names = std::vector<std::string>;

} // namespace

class TestPools : public QObject
{
    Q_OBJECT
private slots:
    void aFullSampleReplaces();
    void whatIsNotNamedStays();
    void theSameAgainIsNoChange();
    void strangersAreCounted();
    void theLineThatAcquiredIsTheApplications();
    void aFingerprintFollowsTheContent();
    void changesAndPicturesAgree();
};

void TestPools::aFullSampleReplaces()
{
    Pools pools;
    PoolSample first;
    first.full = true;
    first.pools = {pool("main"), pool("reports")};
    first.opened = {{{Text{"main"}, Text{"c1"}}, start, 11, {}, {}},
                    {{Text{"main"}, Text{"c2"}}, start, 12, {}, {}}};
    first.changed = {checkout("1"), checkout("2")};
    QCOMPARE(names(pools.apply(first).changed), (Names{"1", "2"}));

    PoolSample second;
    second.full = true;
    second.pools = {pool("main")};
    second.opened = {{{Text{"main"}, Text{"c2"}}, start, 12, {}, {}}};
    second.changed = {checkout("2", "billing"), checkout("3")};
    const Pools::Delta delta = pools.apply(second);
    QCOMPARE(names(delta.gone), (Names{"1"}));
    QCOMPARE(names(delta.changed), (Names{"2", "3"}));
    QCOMPARE(pools.pools.size(), 1U);
    QCOMPARE(pools.connections.size(), 1U);
    QCOMPARE(pools.checkouts.size(), 2U);
    QCOMPARE(pools.checkouts.at(Text{"2"}).acquired_by.str(), std::string("billing"));
}

void TestPools::whatIsNotNamedStays()
{
    Pools pools;
    PoolSample picture;
    picture.full = true;
    picture.changed = {checkout("1"), checkout("2"), checkout("3")};
    pools.apply(picture);
    PoolSample change;
    change.ended = {{Text{"2"}, start + 1s}};
    change.lost = 4;
    const Pools::Delta delta = pools.apply(change);
    QCOMPARE(names(delta.gone), (Names{"2"}));
    QVERIFY(delta.changed.empty());
    QCOMPARE(pools.checkouts.size(), 2U);
    QCOMPARE(pools.lost, 4U);
    QCOMPARE(pools.unmatched, 0U);
}

void TestPools::theSameAgainIsNoChange()
{
    Pools pools;
    PoolSample picture;
    picture.full = true;
    picture.changed = {checkout("1")};
    // Equal content in another object is the same stack.
    picture.changed[0].stack = make_stack({line("leak", "a.cpp", 7, true)});
    pools.apply(picture);
    picture.changed[0].stack = make_stack({line("leak", "a.cpp", 7, true)});
    QVERIFY(pools.apply(picture).changed.empty());
    picture.changed[0].stack = make_stack({line("leak", "a.cpp", 8, true)});
    QCOMPARE(pools.apply(picture).changed.size(), 1U);
}

void TestPools::strangersAreCounted()
{
    Pools pools;
    PoolSample change;
    change.ended = {{Text{"7"}, start}};
    change.closed = {{Text{"main"}, Text{"c7"}}};
    const Pools::Delta delta = pools.apply(change);
    QVERIFY(delta.gone.empty());
    QCOMPARE(pools.unmatched, 2U);
}

void TestPools::theLineThatAcquiredIsTheApplications()
{
    const StackRef stack =
        make_stack({line("Pool::acquire", "pool.h", 90, false),
                    line("load", "orders.cpp", 41, true), line("main", "main.cpp", 12, true)});
    QCOMPARE(acquiring_line(stack.get())->line, 41);
    const StackRef foreign = make_stack({line("Pool::acquire", "pool.h", 90, false)});
    QCOMPARE(acquiring_line(foreign.get())->line, 90);
    QVERIFY(!acquiring_line(nullptr));
    QVERIFY(!acquiring_line(make_stack({}).get()));
}

void TestPools::aFingerprintFollowsTheContent()
{
    const auto of = [](std::vector<StackLine> lines) {
        return make_stack(std::move(lines))->fingerprint;
    };
    const std::uint64_t one = of({line("f", "a.cpp", 1, true)});
    QCOMPARE(of({line("f", "a.cpp", 1, true)}), one);
    // Whose code it is does not change where it is.
    QCOMPARE(of({line("f", "a.cpp", 1, false)}), one);
    QVERIFY(of({line("f", "a.cpp", 2, true)}) != one);
    QVERIFY(of({line("fa", ".cpp", 1, true)}) != one);
    QVERIFY(of({}) != 0);
}

/// Random changes fold to what a picture of the same moment folds to.
void TestPools::changesAndPicturesAgree()
{
    std::mt19937 random(20261121);
    Pools live;
    std::map<Text, Checkout> truth;
    int next = 1;
    for (int step = 0; step < 2000; ++step) {
        PoolSample sample;
        std::map<Text, Checkout> changed;
        std::vector<Text> ended;
        for (auto it = truth.begin(); it != truth.end();) {
            const auto dice = random() % 10;
            if (dice == 0) {
                ended.push_back(it->first);
                it = truth.erase(it);
                continue;
            }
            if (dice == 1) {
                it->second.heartbeat = start + std::chrono::seconds{step};
                changed[it->first] = it->second;
            }
            ++it;
        }
        for (auto n = random() % 4; n > 0; --n) {
            const Checkout fresh = checkout(std::to_string(next++));
            truth[fresh.key.id] = fresh;
            changed[fresh.key.id] = fresh;
        }
        for (const auto& [id, value] : changed)
            sample.changed.push_back(value);
        for (const Text& id : ended)
            sample.ended.push_back({id, start});
        const Pools::Delta delta = live.apply(sample);
        QCOMPARE(names(delta.gone), names(ended));
        QCOMPARE(delta.changed.size(), changed.size());
        QVERIFY(live.checkouts == truth);

        Pools seen = live;
        PoolSample picture;
        picture.full = true;
        for (const auto& [id, value] : truth)
            picture.changed.push_back(value);
        QVERIFY(seen.apply(picture).changed.empty());
        QVERIFY(seen.checkouts == truth);
    }
    QCOMPARE(live.unmatched, 0U);
}

QTEST_APPLESS_MAIN(TestPools)
#include "tst_pools.moc"
