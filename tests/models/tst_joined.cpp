// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/joined.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

Checkout checkout(const std::string& id, std::optional<std::int64_t> pid)
{
    Checkout c;
    c.key = {TargetId{2}, Text{id}};
    c.pool = Text{"orders"};
    c.acquired = start;
    c.server_pid = pid;
    return c;
}

SessionRow session(std::int64_t pid)
{
    SessionRow row;
    row.session.key = {TargetId{1}, Pid{pid}, start - 1h};
    return row;
}

/// A server and a process.
Update update()
{
    Update made;
    made.now = start + 10s;
    for (const std::uint32_t id : {1U, 2U}) {
        TargetSummary target;
        target.info.id = TargetId{id};
        made.targets.push_back(target);
    }
    return made;
}

} // namespace

class TestJoined : public QObject
{
    Q_OBJECT
private slots:
    void aSessionFindsItsCheckout();
    void oneThatMovedIsFoundWhereItIs();
    void twoAreNone();
    void aHundredThousandHoldersAreNotLookedAt();
    void aQuarterMillionOnOnePidAreNotBelieved();
};

void TestJoined::aSessionFindsItsCheckout()
{
    SessionStore store;
    Update u = update();
    u.changed = {session(70), session(71)};
    u.checkouts = {checkout("a", 70), checkout("b", {})};
    store.apply(u);
    store.apply(u); // several pages share one update
    const auto found = checkoutOf(store, session(70).session.key);
    QVERIFY(found);
    QCOMPARE(found->id.str(), std::string("a"));
    QVERIFY(!checkoutOf(store, session(71).session.key));
    Update later = update();
    later.checkouts_gone = {found.value()};
    store.apply(later);
    QVERIFY(!checkoutOf(store, session(70).session.key));
    QVERIFY(store.checkoutsOn(70).empty());
}

/// Its process told of another server pid, as when the pool replaced the connection under it.
void TestJoined::oneThatMovedIsFoundWhereItIs()
{
    SessionStore store;
    Update u = update();
    u.changed = {session(70), session(71)};
    u.checkouts = {checkout("a", 70)};
    store.apply(u);
    u.checkouts = {checkout("a", 71)};
    store.apply(u);
    QVERIFY(!checkoutOf(store, session(70).session.key));
    QVERIFY(checkoutOf(store, session(71).session.key));
    u.checkouts = {checkout("a", {})};
    store.apply(u);
    QVERIFY(!checkoutOf(store, session(71).session.key));
    u.reset = true;
    u.checkouts = {checkout("a", 70)};
    store.apply(u);
    QCOMPARE(store.checkoutsOn(70).size(), 1U);
}

void TestJoined::twoAreNone()
{
    SessionStore store;
    Update u = update();
    u.changed = {session(70)};
    u.checkouts = {checkout("a", 70), checkout("b", 70)};
    store.apply(u);
    QVERIFY(!checkoutOf(store, session(70).session.key));
}

/// Each page asks for each of its rows at each update.
void TestJoined::aHundredThousandHoldersAreNotLookedAt()
{
    SessionStore store;
    Update u = update();
    for (int i = 0; i < 100'000; ++i) {
        u.checkouts.push_back(checkout(std::to_string(1'000'000 + i), i));
        if (i < 500)
            u.changed.push_back(session(i));
    }
    store.apply(u);
    std::size_t most = 0;
    int found = 0;
    for (int i = 0; i < 500; ++i) {
        most = std::max(most, store.checkoutsOn(i).size());
        found += checkoutOf(store, session(i).session.key) ? 1 : 0;
    }
    QCOMPARE(found, 500);
    QCOMPARE(most, 1U);
}

/// Of a process that lies they come, move and go without a look at each other, and what another
/// process holds on that pid is found none the less.
void TestJoined::aQuarterMillionOnOnePidAreNotBelieved()
{
    constexpr int many = 250'000;
    SessionStore store;
    Update u = update();
    u.changed = {session(70), session(71)};
    Checkout honest = checkout("honest", 70);
    honest.key.target = TargetId{3};
    u.checkouts = {honest};
    for (int i = 0; i < many; ++i)
        u.checkouts.push_back(checkout(std::to_string(1'000'000 + i), 70));
    store.apply(u);
    QCOMPARE(store.checkoutsOn(70).size(), 1U);
    const auto found = checkoutOf(store, session(70).session.key);
    QVERIFY(found);
    QCOMPARE(found->id.str(), std::string("honest"));

    for (Checkout& moved : u.checkouts)
        moved.server_pid = 71;
    store.apply(u);
    QVERIFY(store.checkoutsOn(70).empty());
    QCOMPARE(store.checkoutsOn(71).size(), 1U);

    // As few as one process may well have.
    Update end = update();
    for (int i = 16; i < many; ++i)
        end.checkouts_gone.push_back(checkout(std::to_string(1'000'000 + i), {}).key);
    store.apply(end);
    QCOMPARE(store.checkoutsOn(71).size(), 17U);
}

QTEST_APPLESS_MAIN(TestJoined)
#include "tst_joined.moc"
