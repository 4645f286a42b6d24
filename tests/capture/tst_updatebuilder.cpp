// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/updatebuilder.h"

#include <QTest>

#include <map>
#include <random>
#include <set>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
const TargetId target{1};

/// What a window that only applies updates believes.
struct Mirror
{
    std::map<SessionKey, SessionRow> rows;
    std::vector<TargetSummary> targets;
    std::map<CheckoutKey, Checkout> checkouts;

    void apply(const Update& update)
    {
        if (update.reset)
            rows.clear(), checkouts.clear();
        for (const CheckoutKey& key : update.checkouts_gone)
            QCOMPARE(checkouts.erase(key), size_t{1});
        for (const Checkout& checkout : update.checkouts)
            checkouts[checkout.key] = checkout;
        for (const SessionKey& key : update.gone)
            QCOMPARE(rows.erase(key), size_t{1});
        for (const SessionRow& row : update.changed)
            rows[row.session.key] = row;
        targets = update.targets;
    }
};

/// A target whose facts come one by one, and a window that has applied every update until now.
class Followed
{
public:
    explicit Followed(const char* kind) { feed(TargetAttached{{target, kind, "shop", ""}}); }
    void feed(Fact fact, TargetId of = target)
    {
        WorldDelta delta;
        analysis.apply(
            {SequenceNumber{++n_}, start + std::chrono::seconds{n_}, of, std::move(fact)}, delta);
        builder.add(delta);
    }
    /// It believes what one that is opened now is told.
    void update()
    {
        mirror.apply(*builder.build(analysis));
        UpdateBuilder fresh;
        Mirror opened;
        const UpdatePtr whole = fresh.build(analysis);
        QVERIFY(whole->reset);
        opened.apply(*whole);
        QCOMPARE(mirror.rows.size(), opened.rows.size());
        QVERIFY(mirror.rows == opened.rows);
        QVERIFY(mirror.checkouts == opened.checkouts);
        QVERIFY(mirror.targets == opened.targets);
    }

    Analysis analysis;
    UpdateBuilder builder;
    Mirror mirror;

private:
    std::uint64_t n_ = 0;
};

Session randomSession(std::mt19937& random, std::int64_t pid)
{
    Session s;
    s.key = {target, Pid{pid}, timestamp_from_us(1000 + static_cast<std::int64_t>(random() % 3))};
    s.state = static_cast<SessionState>(random() % session_state_count);
    s.state_since = start - std::chrono::seconds{random() % 600};
    if (random() % 4 == 0)
        s.blocked_by = {Pid{static_cast<std::int64_t>(1 + random() % 30)}};
    return s;
}

} // namespace

class TestUpdateBuilder : public QObject
{
    Q_OBJECT
private slots:
    void deltasEqualAReset();
    void pointsComeOnce();
    void checkoutsToo();
    void whatWasDetachedIsLeftOut();
    void locksEndWithTheirTransaction();
};

void TestUpdateBuilder::deltasEqualAReset()
{
    std::mt19937 random{7};
    Followed followed("postgresql");
    for (int round = 0; round < 400; ++round) {
        ServerSample sample;
        sample.full = random() % 30 == 0;
        for (std::int64_t pid = 1; pid <= 30; ++pid) {
            if (random() % 6 == 0)
                sample.changed.push_back(randomSession(random, pid));
        }
        followed.feed(sample);
        if (random() % 3 == 0) // several observations in one update
            followed.update();
        if (QTest::currentTestFailed())
            return;
    }
    QVERIFY(!followed.mirror.rows.empty());
}

void TestUpdateBuilder::checkoutsToo()
{
    std::mt19937 random{11};
    Followed followed("pool");
    const auto world = [&]() -> const World& {
        return followed.analysis.world();
    };
    for (int round = 0; round < 400; ++round) {
        PoolSample sample;
        sample.full = random() % 30 == 0;
        for (int id = 10; id < 40; ++id) {
            Checkout checkout;
            checkout.key = {target, Text{std::to_string(id)}};
            checkout.acquired = start + std::chrono::seconds{random() % 600};
            const bool open = world().checkout(checkout.key) != nullptr;
            if (random() % 6 == 0)
                sample.changed.push_back(checkout);
            else if (open && !sample.full && random() % 6 == 0)
                sample.ended.push_back({checkout.key.id, start});
        }
        followed.feed(sample);
        if (random() % 3 != 0)
            continue;
        followed.update();
        if (QTest::currentTestFailed())
            return;
        QCOMPARE(followed.mirror.checkouts.size(), world().target(target)->pools.checkouts.size());
    }
    QVERIFY(!followed.mirror.checkouts.empty());
}

void TestUpdateBuilder::whatWasDetachedIsLeftOut()
{
    const TargetId other{2}, again{3};
    Followed followed("pool");
    const auto sample = [&](TargetId of) {
        followed.feed(StatusChanged{{Reach::up, "", "", {}}}, of);
        ServerSample sessions;
        sessions.full = true;
        Session session;
        session.key = {of, Pid{7}, start};
        sessions.changed = {session};
        followed.feed(sessions, of);
        PoolSample checkouts;
        Checkout checkout;
        checkout.key = {of, Text{"10"}};
        checkouts.changed = {checkout};
        followed.feed(checkouts, of);
    };
    const auto detach = [&](TargetId of) {
        followed.feed(StatusChanged{{Reach::stopped, "Detached.", "", {}}}, of);
    };
    const auto shown = [&] {
        followed.update();
        std::set<std::uint32_t> ids;
        for (const TargetSummary& each : followed.mirror.targets)
            ids.insert(each.info.id.value);
        std::set<std::uint32_t> of;
        for (const auto& [key, row] : followed.mirror.rows)
            of.insert(key.target.value);
        std::set<std::uint32_t> holders;
        for (const auto& [key, checkout] : followed.mirror.checkouts)
            holders.insert(key.target.value);
        return ids == of && ids == holders ? ids : std::set<std::uint32_t>{};
    };
    using Ids = std::set<std::uint32_t>;
    followed.feed(TargetAttached{{other, "pool", "billing", "b"}}, other);
    sample(target);
    sample(other);
    QCOMPARE(shown(), (Ids{1, 2}));
    detach(target);
    QCOMPARE(shown(), Ids{2});
    // Attached anew, it is there once.
    followed.feed(TargetAttached{{again, "pool", "shop", ""}}, again);
    sample(again);
    QCOMPARE(shown(), (Ids{2, 3}));
    detach(other);
    QCOMPARE(shown(), Ids{3});
    // Nothing is attached: what there was is all that can be shown, each of it once.
    detach(again);
    QCOMPARE(shown(), (Ids{2, 3}));
    // One that stopped by itself is trouble, and stays.
    const TargetId broken{4}, well{5};
    followed.feed(TargetAttached{{broken, "pool", "broken", "c"}}, broken);
    sample(broken);
    followed.feed(StatusChanged{{Reach::stopped, "The password is wrong.", "", {}}}, broken);
    followed.feed(TargetAttached{{well, "pool", "well", "d"}}, well);
    sample(well);
    QCOMPARE(shown(), (Ids{4, 5}));
}

void TestUpdateBuilder::pointsComeOnce()
{
    Analysis analysis;
    UpdateBuilder builder;
    builder.add(target, SeriesPoint{});
    QCOMPARE(builder.build(analysis)->live_points.size(), size_t{1});
    QVERIFY(!builder.dirty());
    QVERIFY(builder.build(analysis)->live_points.empty());
    builder.add(target, Text{"main"}, PoolPoint{});
    builder.add(target, Text{"main"}, PoolPoint{});
    const UpdatePtr update = builder.build(analysis);
    QCOMPARE(update->live_pool_points.size(), size_t{1});
    QCOMPARE(update->live_pool_points.front().points.size(), size_t{2});
    QVERIFY(builder.build(analysis)->live_pool_points.empty());
}

void TestUpdateBuilder::locksEndWithTheirTransaction()
{
    Followed shop{"postgresql"};
    Session holder;
    holder.key = {target, Pid{7}, start};
    holder.backend_type = Text{"client backend"};
    const auto sampled = [&](SessionState state) {
        holder.state = state;
        ServerSample sample;
        sample.changed = {holder};
        shop.feed(sample);
        shop.update();
    };
    sampled(SessionState::idle_in_transaction);
    shop.feed(LocksReported{
        holder.key,
        {{"relation", "orders", "RowShareLock", true}, {"advisory", "", "ExclusiveLock", true}}});
    shop.update();
    QCOMPARE(shop.mirror.targets.front().locks.at(Pid{7}).size(), std::size_t{2});
    sampled(SessionState::idle);
    QCOMPARE(shop.mirror.targets.front().locks.at(Pid{7}).size(), std::size_t{1});
    QCOMPARE(shop.mirror.targets.front().locks.at(Pid{7}).front().type, std::string("advisory"));
}

QTEST_APPLESS_MAIN(TestUpdateBuilder)
#include "tst_updatebuilder.moc"
