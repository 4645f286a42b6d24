// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/analysis.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

Session holder(std::int64_t pid, Timestamp since,
               SessionState state = SessionState::idle_in_transaction)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, start - 1h};
    s.backend_type = Text{"client backend"};
    s.application = Text{"shop-api"};
    s.user = Text{"shop"};
    s.state = state;
    s.state_since = since;
    s.transaction_since = since;
    return s;
}

TargetState target(const std::vector<Session>& sessions)
{
    TargetState state;
    state.info = {TargetId{1}, "postgresql", "shop-db", ""};
    for (const Session& s : sessions)
        state.sessions.emplace(s.key.pid, s);
    return state;
}

std::vector<SuspectedLeak> suspects(const TargetState& state, Timestamp now)
{
    return find_suspects(state, find_blocking(state), LeakThresholds{}, now);
}

} // namespace

class TestSuspects : public QObject
{
    Q_OBJECT
private slots:
    void onlyHoldersPastTheThreshold();
    void worstFirst();
    void vacuumIsHeldBackByTheOldest();
    void aWriterHoldsVacuumBackWithoutASnapshot();
    void evidenceSaysWhatIsTrue();
    void neverOwnNorWorkers();
    void timeAloneRaisesAMarkOnce();
};

void TestSuspects::onlyHoldersPastTheThreshold()
{
    const TargetState state =
        target({holder(1, start), holder(2, start + 5s), holder(3, start, SessionState::active),
                holder(4, start, SessionState::idle), holder(5, start, SessionState::waiting),
                holder(6, start, SessionState::idle_in_transaction_aborted),
                holder(7, start, SessionState::unknown)});
    QCOMPARE(suspects(state, start + 29s).size(), size_t{0});
    const auto found = suspects(state, start + 30s);
    QCOMPARE(found.size(), size_t{2});
    QCOMPARE(found[0].session.pid, Pid{1});
    QCOMPARE(found[1].session.pid, Pid{6});
    QCOMPARE(suspects(state, start + 300s)[0].severity, LeakSeverity::critical);
}

void TestSuspects::worstFirst()
{
    Session waiter = holder(9, start, SessionState::waiting);
    waiter.blocked_by = {Pid{3}};
    const TargetState state =
        target({holder(1, start - 10s), holder(2, start - 400s), holder(3, start), waiter});
    const auto found = suspects(state, start + 60s);
    QCOMPARE(found.size(), size_t{3});
    QCOMPARE(found[0].session.pid, Pid{2});
    QCOMPARE(found[1].session.pid, Pid{3});
    QCOMPARE(found[1].blocks, 1);
    QCOMPARE(found[2].session.pid, Pid{1});
}

void TestSuspects::vacuumIsHeldBackByTheOldest()
{
    Session a = holder(1, start), b = holder(2, start);
    a.xmin = 900;
    b.xmin = 500;
    TargetState state = target({a, b});
    state.next_xid = 1000;
    const auto found = suspects(state, start + 60s);
    QCOMPARE(found[0].xmin_age, std::optional<std::uint32_t>{100});
    QVERIFY(!found[0].oldest_xmin);
    QCOMPARE(found[1].xmin_age, std::optional<std::uint32_t>{500});
    QVERIFY(found[1].oldest_xmin);
}

/// An idle transaction that wrote has an id and, in READ COMMITTED, no snapshot.
void TestSuspects::aWriterHoldsVacuumBackWithoutASnapshot()
{
    Session writer = holder(1, start), reader = holder(2, start), later = holder(3, start);
    writer.xid = 500;
    reader.xmin = 500; // a snapshot of that time is as old as the writer, because of it
    later.xid = 700;
    TargetState state = target({writer, reader, later});
    state.next_xid = 1000;
    const auto found = suspects(state, start + 60s);
    QCOMPARE(found[0].xmin_age, std::optional<std::uint32_t>{500});
    QVERIFY(found[0].oldest_xmin);
    QCOMPARE(found[1].xmin_age, std::optional<std::uint32_t>{500});
    QVERIFY(!found[1].oldest_xmin);
    QCOMPARE(found[2].xmin_age, std::optional<std::uint32_t>{300});
    QVERIFY(!found[2].oldest_xmin);
    const auto words = [&](std::size_t i) {
        return evidence_of(found[i], state, LeakThresholds{}, start + 60s).back();
    };
    QCOMPARE(words(0), std::string("It keeps vacuum from removing rows deleted in the last 500 "
                                   "transactions; no other session here holds it back further."));
    QCOMPARE(words(1), std::string("It keeps vacuum from removing rows deleted in the last 500 "
                                   "transactions."));

    // Once the writer has gone, the snapshot alone is in the way.
    state = target({reader, later});
    state.next_xid = 1000;
    QVERIFY(suspects(state, start + 60s)[0].oldest_xmin);
    // Nothing has ended since it began: it holds nothing back yet, and nothing is said.
    writer.xid = 1003;
    state = target({writer});
    state.next_xid = 1000;
    const auto young = suspects(state, start + 60s);
    QCOMPARE(young[0].xmin_age, std::optional<std::uint32_t>{0});
    QCOMPARE(evidence_of(young[0], state, LeakThresholds{}, start + 60s).size(), size_t{1});
}

void TestSuspects::evidenceSaysWhatIsTrue()
{
    Session a = holder(1, start, SessionState::idle_in_transaction_aborted);
    a.transaction_since = start - 120s;
    a.xmin = 500;
    Session waiter = holder(2, start, SessionState::waiting);
    waiter.blocked_by = {Pid{1}};
    TargetState state = target({a, waiter});
    state.next_xid = 1000;
    const auto found = suspects(state, start + 372s);
    const auto evidence = evidence_of(found.at(0), state, LeakThresholds{}, start + 372s);
    QCOMPARE(evidence.size(), size_t{5});
    QCOMPARE(evidence[0],
             std::string("Idle in an aborted transaction for 6 min 12 s; no statement ran in that "
                         "time. The critical threshold is 5 min."));
    QCOMPARE(evidence[2], std::string("Its transaction has been open for 8 min 12 s."));
    QCOMPARE(evidence[3], std::string("1 session waits behind it."));
    QVERIFY(evidence[4].find("500 transactions; no other session") != std::string::npos);
}

void TestSuspects::neverOwnNorWorkers()
{
    Session own = holder(1, start);
    own.own = true;
    Session worker = holder(2, start);
    worker.backend_type = Text{"walsender"};
    QVERIFY(suspects(target({own, worker}), start + 1h).empty());
}

void TestSuspects::timeAloneRaisesAMarkOnce()
{
    Analysis analysis;
    std::uint64_t n = 0;
    const auto feed = [&](Timestamp at, TargetId id, Fact fact) {
        WorldDelta ignored;
        analysis.apply({SequenceNumber{++n}, at, id, std::move(fact)}, ignored);
    };
    feed(start, TargetId{1}, TargetAttached{{TargetId{1}, "postgresql", "shop-db", ""}});
    ServerSample sample;
    sample.full = true;
    sample.changed = {holder(1, start)};
    feed(start, TargetId{1}, sample);
    std::vector<Mark> marks;
    for (int second = 1; second <= 400; ++second) {
        feed(start + std::chrono::seconds{second}, TargetId{0}, Tick{});
        for (const Mark& mark : analysis.take_marks())
            marks.push_back(mark);
    }
    QCOMPARE(marks.size(), size_t{2});
    QCOMPARE(marks[0].kind, MarkKind::warning);
    QCOMPARE(marks[0].time, start + 30s);
    QCOMPARE(marks[1].kind, MarkKind::critical);
    QCOMPARE(marks[1].time, start + 300s);
    QCOMPARE(marks[1].sentence, std::string("1 of shop-api idle in transaction for 5 min"));
}

QTEST_APPLESS_MAIN(TestSuspects)
#include "tst_suspects.moc"
