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

/// A target whose facts come one by one, and a window that has applied every update until now.
class Followed
{
public:
    explicit Followed(const char* kind) { feed(TargetAttached{{target, kind, "shop", ""}}); }
    void feed(Fact fact)
    {
        WorldDelta delta;
        analysis.apply(
            {SequenceNumber{++n_}, start + std::chrono::seconds{n_}, target, std::move(fact)},
            delta);
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
