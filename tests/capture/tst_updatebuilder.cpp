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

    void apply(const Update& update)
    {
        if (update.reset)
            rows.clear();
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

void TestUpdateBuilder::pointsComeOnce()
{
    Analysis analysis;
    UpdateBuilder builder;
    builder.add(target, SeriesPoint{});
    QCOMPARE(builder.build(analysis)->live_points.size(), size_t{1});
    QVERIFY(!builder.dirty());
    QVERIFY(builder.build(analysis)->live_points.empty());
}

QTEST_APPLESS_MAIN(TestUpdateBuilder)
#include "tst_updatebuilder.moc"
