// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/updatebuilder.h"

#include <QTest>

#include <map>
#include <random>

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
};

void TestUpdateBuilder::deltasEqualAReset()
{
    std::mt19937 random{7};
    Analysis analysis;
    UpdateBuilder builder;
    Mirror mirror;
    std::uint64_t n = 0;
    const auto feed = [&](Fact fact) {
        WorldDelta delta;
        analysis.apply(
            {SequenceNumber{++n}, start + std::chrono::seconds{n}, target, std::move(fact)}, delta);
        builder.add(delta);
    };
    feed(TargetAttached{{target, "postgresql", "shop-db", ""}});
    for (int round = 0; round < 400; ++round) {
        ServerSample sample;
        sample.full = random() % 30 == 0;
        for (std::int64_t pid = 1; pid <= 30; ++pid) {
            if (random() % 6 == 0)
                sample.changed.push_back(randomSession(random, pid));
        }
        feed(sample);
        if (random() % 3 != 0)
            continue; // several observations in one update
        mirror.apply(*builder.build(analysis));

        UpdateBuilder fresh;
        Mirror expected;
        const UpdatePtr whole = fresh.build(analysis);
        QVERIFY(whole->reset);
        expected.apply(*whole);
        QCOMPARE(mirror.rows.size(), expected.rows.size());
        QVERIFY(mirror.rows == expected.rows);
        QVERIFY(mirror.targets == expected.targets);
    }
}

/// Random checkouts of several samples an update: a window that applies updates believes what one
/// that was just opened is told.
void TestUpdateBuilder::checkoutsToo()
{
    std::mt19937 random{11};
    Analysis analysis;
    UpdateBuilder builder;
    Mirror mirror;
    std::uint64_t n = 0;
    const auto feed = [&](Fact fact) {
        WorldDelta delta;
        analysis.apply(
            {SequenceNumber{++n}, start + std::chrono::seconds{n}, target, std::move(fact)}, delta);
        builder.add(delta);
    };
    feed(TargetAttached{{target, "pool", "shop", ""}});
    for (int round = 0; round < 400; ++round) {
        PoolSample sample;
        sample.full = random() % 30 == 0;
        for (int id = 10; id < 40; ++id) {
            Checkout checkout;
            checkout.key = {target, Text{std::to_string(id)}};
            checkout.acquired = start + std::chrono::seconds{random() % 600};
            const bool open = analysis.world().checkout(checkout.key) != nullptr;
            if (random() % 6 == 0)
                sample.changed.push_back(checkout);
            else if (open && !sample.full && random() % 6 == 0)
                sample.ended.push_back({checkout.key.id, start});
        }
        feed(sample);
        if (random() % 3 != 0)
            continue;
        mirror.apply(*builder.build(analysis));
        Mirror expected;
        UpdateBuilder fresh;
        expected.apply(*fresh.build(analysis));
        QVERIFY(mirror.checkouts == expected.checkouts);
        QVERIFY(mirror.targets == expected.targets);
        QCOMPARE(expected.checkouts.size(),
                 analysis.world().target(target)->pools.checkouts.size());
    }
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

QTEST_APPLESS_MAIN(TestUpdateBuilder)
#include "tst_updatebuilder.moc"
