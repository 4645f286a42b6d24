// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/joined.h"

#include <QElapsedTimer>
#include <QTest>

#include <random>

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

/// Few pids and ports, so that much of it meets by chance: two databases, two poolers, three
/// processes.
struct Crowd
{
    explicit Crowd(unsigned seed)
        : random(seed)
    {
        update.now = start + 10s;
        const char* const kinds[] = {"postgresql", "mysql", "pgbouncer", "pgbouncer",
                                     "pool",       "pool",  "pool"};
        for (const char* const kind : kinds) {
            TargetSummary target;
            target.info.id = TargetId{static_cast<std::uint32_t>(update.targets.size() + 1)};
            target.info.kind = kind;
            if (update.targets.size() >= 2) {
                Pool pool;
                pool.name = Text{"orders"};
                if (one(3) == 0)
                    pool.database = Text{"postgresql://db/shop"};
                target.pools.push_back(pool);
            }
            update.targets.push_back(target);
        }
        for (int i = 0; i < 14; ++i)
            addSession(i);
        for (int i = 0; i < 20; ++i)
            addCheckout(i);
    }

    int one(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); }
    std::string port() { return "10.0.0.1:" + std::to_string(5000 + one(9)); }
    void addSession(int i)
    {
        SessionRow row;
        row.session.key = {TargetId{static_cast<std::uint32_t>(1 + one(2))}, Pid{100 + i},
                           start - std::chrono::seconds{one(100)}};
        if (one(4) > 0)
            row.session.client = one(6) == 0 ? Text{"local"} : Text{port()};
        if (one(2) == 0)
            row.session.database = Text{one(3) == 0 ? "other" : "shop"};
        update.changed.push_back(row);
    }
    void addCheckout(int i)
    {
        Checkout c = checkout("c" + std::to_string(i), {});
        c.key.target = TargetId{static_cast<std::uint32_t>(3 + one(5))};
        c.acquired = start - std::chrono::seconds{one(60)};
        if (one(3) > 0)
            c.server_pid = 100 + one(14);
        if (one(3) > 0)
            c.local_port = static_cast<std::uint16_t>(5000 + one(9));
        if (c.key.target.value <= 4 && one(4) > 0)
            c.tags.emplace_back(Text{"client"}, Text{port()});
        update.checkouts.push_back(c);
    }
    /// As the command line has them: over everything.
    Links all() const
    {
        Links links;
        for (const TargetSummary& target : update.targets)
            links.add_target(target.info, target.clock_offset);
        for (const SessionRow& row : update.changed)
            links.add_session(row.session);
        for (const Checkout& each : update.checkouts) {
            const auto& pools = update.targets.at(each.key.target.value - 1).pools;
            links.add_checkout(each, pools.empty() ? Text{} : pools.front().database);
        }
        return links;
    }

    std::mt19937 random;
    Update update;
};

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
    void theSameAsOverEverything();
    void throughThePoolerBothWays();
    void whoWaitsBehindACheckout();
    void asManyAsAView();
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

void TestJoined::theSameAsOverEverything()
{
    bool ok = false;
    const int given = qEnvironmentVariableIntValue("POOLSCOPE_SEED", &ok);
    const int worlds = ok ? 1 : 400;
    int joined = 0, ambiguous = 0, pooled = 0;
    for (int i = 0; i < worlds; ++i) {
        const auto seed = static_cast<unsigned>(ok ? given : i + 1);
        const Crowd crowd(seed);
        SessionStore store;
        store.apply(crowd.update);
        Links links = crowd.all();
        for (const Checkout& each : crowd.update.checkouts) {
            const SessionLink* const known = links.session_of(each.key);
            const auto expected = known ? std::optional(*known) : std::nullopt;
            const auto found = sessionLink(store, each.key);
            QVERIFY2(found == expected,
                     qPrintable(QStringLiteral("POOLSCOPE_SEED=%1, checkout %2")
                                    .arg(seed)
                                    .arg(QString::fromStdString(each.key.id.str()))));
            joined += found && found->session() ? 1 : 0;
            ambiguous += found && found->ambiguous() ? 1 : 0;
            pooled += found && found->by == JoinedBy::pgbouncer ? 1 : 0;
        }
        for (const SessionRow& row : crowd.update.changed) {
            const CheckoutLink* const known = links.checkout_of(row.session.key);
            const auto expected = known ? std::optional(*known) : std::nullopt;
            QVERIFY2(checkoutLink(store, row.session.key) == expected,
                     qPrintable(QStringLiteral("POOLSCOPE_SEED=%1, session %2")
                                    .arg(seed)
                                    .arg(row.session.key.pid.value)));
        }
    }
    if (!ok) // else it would have shown nothing
        QVERIFY2(joined > 1000 && ambiguous > 10 && pooled > 100,
                 qPrintable(QStringLiteral("%1 %2 %3").arg(joined).arg(ambiguous).arg(pooled)));
}

void TestJoined::throughThePoolerBothWays()
{
    SessionStore store;
    Update u = update();
    u.targets[0].info.kind = "postgresql";
    u.targets[1].info.kind = "pool";
    TargetSummary pooler;
    pooler.info.id = TargetId{3};
    pooler.info.kind = "pgbouncer";
    u.targets.push_back(pooler);
    SessionRow server = session(70);
    server.session.client = Text{"127.0.0.1:6001"};
    Checkout own = checkout("a", 999); // made up by the pooler
    own.local_port = 5001;
    Checkout pooled = checkout("client", 70);
    pooled.key.target = TargetId{3};
    pooled.local_port = 6001;
    pooled.tags.emplace_back(Text{"client"}, Text{"127.0.0.1:5001"});
    u.changed = {server};
    u.checkouts = {own, pooled};
    store.apply(u);
    const auto link = sessionLink(store, own.key);
    QVERIFY(link && link->session() == server.session.key && link->through == pooled.key);
    QCOMPARE(joinWords(link->by), QStringLiteral("through PgBouncer"));
    const auto back = checkoutLink(store, server.session.key);
    QVERIFY(back && back->checkout == own.key && back->by == JoinedBy::pgbouncer);
    // The pooler gives the server connection to another client, while the store already answers.
    Update later = u;
    later.changed.clear();
    pooled.tags.front().second = Text{"127.0.0.1:5002"};
    later.checkouts = {pooled};
    store.apply(later);
    QVERIFY(!sessionOf(store, own.key));
    QCOMPARE(checkoutOf(store, server.session.key), std::optional(pooled.key));
}

void TestJoined::whoWaitsBehindACheckout()
{
    SessionStore store;
    Update u = update();
    u.targets[0].info.kind = "postgresql";
    u.targets[1].info.kind = "pool";
    u.changed = {session(70), session(71)};
    u.checkouts = {checkout("a", 70), checkout("b", 72)};
    BlockingTree tree;
    tree.root.key = session(70).session.key;
    tree.root.blocks = 3;
    u.targets[0].blocking.trees = {tree};
    u.targets[0].blocking.blocked = 3;
    store.apply(u);
    const auto blocking = blockingCheckouts(store);
    QCOMPARE(blocking.size(), 1U);
    QCOMPARE(blocking.at(checkout("a", 70).key), 3);
}

/// Each view asks for what it shows at each update, and no answer looks at all that there is.
void TestJoined::asManyAsAView()
{
    constexpr int sessions = 10'000, checkouts = 100'000, shown = 200;
    SessionStore store;
    Update u = update();
    u.targets[0].info.kind = "postgresql";
    u.targets[1].info.kind = "pool";
    for (int i = 0; i < checkouts; ++i) {
        Checkout c = checkout(std::to_string(1'000'000 + i), i);
        c.local_port = static_cast<std::uint16_t>(1024 + i % 60'000);
        u.checkouts.push_back(c);
        if (i < sessions) {
            SessionRow row = session(i);
            row.session.client = Text{"10.0.0.1:" + std::to_string(1024 + i % 60'000)};
            u.changed.push_back(row);
        }
    }
    store.apply(u);
    QElapsedTimer timer;
    timer.start();
    QVERIFY(checkoutOf(store, session(0).session.key));
    const qint64 first = timer.nsecsElapsed();
    timer.start();
    for (int i = 0; i < shown; ++i)
        QVERIFY(checkoutOf(store, session(i * 7).session.key));
    const qint64 then = timer.nsecsElapsed();
    qInfo("the first question %lld us, %d more %lld us", first / 1000, shown, then / 1000);
    // Those took a hundredth of what one walk over everything takes, which the first one was.
    QVERIFY(then / shown < first / 10);
}

QTEST_APPLESS_MAIN(TestJoined)
#include "tst_joined.moc"
