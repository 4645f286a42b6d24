// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/world.h"

#include <QTest>

#include <numeric>
#include <random>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

Observation observation(std::uint64_t n, Fact fact, TargetId target = TargetId{1})
{
    return {SequenceNumber{n}, start + std::chrono::seconds{n}, target, std::move(fact)};
}

Session session(std::int64_t pid, SessionState state, std::int64_t startedUs = 1000)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, timestamp_from_us(startedUs)};
    s.backend_type = Text{"client backend"};
    s.application = Text{"shop-api"};
    s.state = state;
    return s;
}

World attached()
{
    World world;
    world.apply(
        observation(1, TargetAttached{{TargetId{1}, "postgresql", "shop-db", "service=shop"}}));
    return world;
}

int count(const World& world, SessionState state)
{
    return world.target(TargetId{1})->counts.at(static_cast<std::size_t>(state));
}

} // namespace

class TestWorld : public QObject
{
    Q_OBJECT
private slots:
    void identityRoundTrips();
    void fullSampleReplaces();
    void aReusedPidIsAnotherSession();
    void goneNamesOnlyThatSession();
    void ownSessionCountsAsOther();
    void walSendersTakeSlots();
    void countsAlwaysEqualARecount();
    void actionsKeepTheirStory();
    void locksLeaveWithTheirSession();
    void agesUseTheServersClock();
    void unknownTargetsAreIgnored();
    void xidAgeWraps();
};

void TestWorld::identityRoundTrips()
{
    const SessionKey key{TargetId{7}, Pid{48213}, start};
    QCOMPARE(key_from_identity(TargetId{7}, identity_of(key)), std::optional{key});
    for (const char* bad : {"", "pg-", "pg-1", "pg-1-", "pg-1-2x", "pg--1-2", "my-1-", "or-1-2",
                            "pg-0-5", "pg-99999999999999999999-1"})
        QVERIFY2(!key_from_identity(TargetId{7}, bad), bad);
}

void TestWorld::fullSampleReplaces()
{
    World world = attached();
    ServerSample first;
    first.full = true;
    first.changed = {session(1, SessionState::active), session(2, SessionState::idle),
                     session(3, SessionState::waiting)};
    world.apply(observation(2, first));
    ServerSample second;
    second.full = true;
    second.changed = {session(2, SessionState::active), session(4, SessionState::idle)};
    WorldDelta delta;
    world.apply(observation(3, second), delta);
    QCOMPARE(world.target(TargetId{1})->sessions.size(), size_t{2});
    QCOMPARE(delta.gone.size(), size_t{2});
    QCOMPARE(delta.changed.size(), size_t{2});
    QCOMPARE(count(world, SessionState::active), 1);
    QCOMPARE(count(world, SessionState::waiting), 0);
}

void TestWorld::aReusedPidIsAnotherSession()
{
    World world = attached();
    ServerSample sample;
    sample.changed = {session(1, SessionState::idle, 1000)};
    world.apply(observation(2, sample));
    const SessionKey old = sample.changed.front().key;
    sample.changed = {session(1, SessionState::active, 2000)};
    WorldDelta delta;
    world.apply(observation(3, sample), delta);
    QCOMPARE(delta.gone, std::vector<SessionKey>{old});
    QVERIFY(!world.session(old));
    QVERIFY(world.session(sample.changed.front().key));
    QCOMPARE(world.target(TargetId{1})->client_count(), 1);
}

void TestWorld::goneNamesOnlyThatSession()
{
    World world = attached();
    ServerSample sample;
    sample.changed = {session(1, SessionState::idle, 2000)};
    world.apply(observation(2, sample));
    ServerSample leaves;
    leaves.gone = {session(1, SessionState::idle, 1000).key};
    world.apply(observation(3, leaves));
    QCOMPARE(world.target(TargetId{1})->client_count(), 1);
}

void TestWorld::ownSessionCountsAsOther()
{
    World world = attached();
    Session own = session(9, SessionState::active);
    own.own = true;
    Session worker = session(10, SessionState::active);
    worker.backend_type = Text{"autovacuum worker"};
    ServerSample sample;
    sample.full = true;
    sample.changed = {own, worker};
    world.apply(observation(2, sample));
    QCOMPARE(count(world, SessionState::active), 0);
    QCOMPARE(count(world, SessionState::other), 1);
    QCOMPARE(world.target(TargetId{1})->client_count(), 1);
}

/// Before PostgreSQL 12, of max_connections; from then on they have slots of their own.
void TestWorld::walSendersTakeSlots()
{
    World world = attached();
    const auto facts = [](std::int32_t version) {
        ServerFacts f;
        f.version_number = version;
        f.max_connections = 20;
        return FactsReported{f};
    };
    const auto counted = [&world] {
        const auto& counts = world.target(TargetId{1})->counts;
        return std::accumulate(counts.begin(), counts.end(), 0);
    };
    const auto sender = [](std::int64_t pid) {
        Session s = session(pid, SessionState::active);
        s.backend_type = Text{"walsender"};
        return s;
    };
    world.apply(observation(2, facts(110022)));
    ServerSample sample;
    sample.full = true;
    sample.changed = {session(1, SessionState::idle), sender(2), sender(3)};
    Session worker = session(4, SessionState::other);
    worker.backend_type = Text{"autovacuum worker"};
    sample.changed.push_back(worker);
    world.apply(observation(3, sample));
    QCOMPARE(counted(), 3);
    QCOMPARE(count(world, SessionState::active), 0); // not a statement that runs
    QCOMPARE(count(world, SessionState::other), 2);
    QVERIFY(!sender(2).is_client()); // nobody is offered to end it
    ServerSample later;
    later.gone = {sender(3).key};
    world.apply(observation(4, later));
    QCOMPARE(counted(), 2);
    // Upgraded behind the same address.
    world.apply(observation(5, facts(120001)));
    QCOMPARE(counted(), 1);
    world.apply(observation(6, facts(90624)));
    QCOMPARE(counted(), 2);
    sample.changed = {session(1, SessionState::idle)};
    world.apply(observation(7, sample));
    QCOMPARE(counted(), 1);
}

void TestWorld::countsAlwaysEqualARecount()
{
    std::mt19937 random{42};
    World world = attached();
    for (std::uint64_t n = 2; n < 500; ++n) {
        ServerSample sample;
        sample.full = random() % 20 == 0;
        for (std::int64_t pid = 1; pid < 40; ++pid) {
            if (random() % 4 == 0)
                sample.changed.push_back(session(pid, static_cast<SessionState>(random() % 7),
                                                 1000 + static_cast<std::int64_t>(random() % 2)));
            else if (!sample.full && random() % 10 == 0)
                sample.gone.push_back(
                    session(pid, SessionState::idle, 1000 + static_cast<std::int64_t>(random() % 2))
                        .key);
        }
        world.apply(observation(n, sample));
        StateCounts recount{};
        for (const auto& [pid, s] : world.target(TargetId{1})->sessions)
            recount.at(static_cast<std::size_t>(s.state))++;
        QCOMPARE(world.target(TargetId{1})->counts, recount);
    }
}

void TestWorld::actionsKeepTheirStory()
{
    World world = attached();
    const SessionKey key = session(1, SessionState::idle).key;
    const auto report = [&](std::uint64_t n, ActionPhase phase, const char* words) {
        world.apply(
            observation(n, ActionReported{ActionId{1}, ActionVerb::terminate, key, phase, words}));
    };
    report(2, ActionPhase::requested, "shop-api, idle in transaction");
    report(3, ActionPhase::sent, "");
    report(4, ActionPhase::refused, "must be a superuser");
    QCOMPARE(world.actions().size(), size_t{1});
    const ActionRecord& action = world.actions().front();
    QCOMPARE(action.phase, ActionPhase::refused);
    QCOMPARE(action.subject, std::string("shop-api, idle in transaction"));
    QCOMPARE(action.outcome, std::string("must be a superuser"));
    QCOMPARE(action.requested, start + 2s);
    QCOMPARE(action.changed, start + 4s);
}

void TestWorld::locksLeaveWithTheirSession()
{
    World world = attached();
    ServerSample sample;
    sample.full = true;
    sample.changed = {session(1, SessionState::idle_in_transaction)};
    world.apply(observation(2, sample));
    const SessionKey key = sample.changed.front().key;
    world.apply(observation(3, LocksReported{key, {{"relation", "orders", "RowShareLock", true}}}));
    QCOMPARE(world.target(TargetId{1})->locks.size(), size_t{1});
    sample.changed.clear();
    world.apply(observation(4, sample));
    QVERIFY(world.target(TargetId{1})->locks.empty());
    world.apply(observation(5, LocksReported{key, {{"relation", "orders", "RowShareLock", true}}}));
    QVERIFY(world.target(TargetId{1})->locks.empty());
}

void TestWorld::agesUseTheServersClock()
{
    TargetState target;
    target.clock_offset = 5s;
    QCOMPARE(target.age(start, start + 10s), Duration{15s});
    QCOMPARE(target.age(start + 60s, start), Duration{0});
}

void TestWorld::unknownTargetsAreIgnored()
{
    World world = attached();
    ServerSample sample;
    sample.full = true;
    world.apply(observation(2, sample, TargetId{99}));
    QVERIFY(!world.target(TargetId{99}));
    QCOMPARE(world.sequence(), SequenceNumber{2});
}

void TestWorld::xidAgeWraps()
{
    QCOMPARE(xid_age(90, 100), 10U);
    QCOMPARE(xid_age(0xFFFFFFF0U, (std::uint64_t{3} << 32) + 16), 32U);
    QCOMPARE(xid_age(105, 100), 0U); // given out after the next one was asked for
    QCOMPARE(xid_age(3, 0xFFFFFFFEU), 0U);
}

QTEST_APPLESS_MAIN(TestWorld)
#include "tst_world.moc"
