// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/holders.h"
#include "core/analyze/links.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'795'342'000'000'000);

TargetInfo target(int id, const char* kind)
{
    return {TargetId{static_cast<std::uint32_t>(id)}, kind, "t", "u"};
}

Session session(int target, int pid, const char* client, Timestamp started = start)
{
    Session made;
    made.key = {TargetId{static_cast<std::uint32_t>(target)}, Pid{pid}, started};
    if (*client)
        made.client = Text{client};
    return made;
}

Checkout checkout(int target, const char* id, std::optional<std::int64_t> pid,
                  std::optional<std::uint16_t> port, const char* client = "")
{
    Checkout made;
    made.key = {TargetId{static_cast<std::uint32_t>(target)}, Text{id}};
    if (pid)
        made.server_pid = *pid;
    made.local_port = port;
    made.acquired = start + 60s;
    if (*client)
        made.tags.emplace_back(Text{"client"}, Text{client});
    return made;
}

constexpr int app = 1, other = 2, bouncer = 3, bouncer2 = 4, db = 5, db2 = 6;

Links world(const std::vector<Session>& sessions, const std::vector<Checkout>& checkouts)
{
    Links links;
    links.add_target(target(app, "pool"), 0s);
    links.add_target(target(other, "pool"), 0s);
    links.add_target(target(bouncer, "pgbouncer"), 0s);
    links.add_target(target(bouncer2, "pgbouncer"), 0s);
    links.add_target(target(db, "postgresql"), 0s);
    links.add_target(target(db2, "postgresql"), 0s);
    for (const Session& each : sessions)
        links.add_session(each);
    for (const Checkout& each : checkouts)
        links.add_checkout(each);
    return links;
}

} // namespace

class TestLinks : public QObject
{
    Q_OBJECT
private slots:
    void byPid();
    void byPortAlone();
    void anAmbiguousPid();
    void aSessionThatCameLater();
    void throughPgBouncer();
    void aMadeUpPidJoinsNothing();
    void aPidWithoutAPort();
    void twoClientsOfOnePort();
    void aPoolerWithoutItsServer();
    void theServersOwnNumber();
    void clocksThatDiffer();
    void databasesThatDiffer();
    void anotherAddressThanTheServers_data();
    void anotherAddressThanTheServers();
    void aNumberOfMySql();
    void aHostWithoutAPort();
    void directBeforeThePooler();
    void evidence();
    void sessionPoolsAreNotJudged();
};

void TestLinks::byPid()
{
    const auto s = session(db, 100, "10.0.0.1:5000");
    Links links = world({s, session(db, 101, "10.0.0.1:5001")}, {checkout(app, "a", 100, 5000)});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->session() == s.key);
    QVERIFY(link->by == JoinedBy::server_pid && !link->through);
    const CheckoutLink* const back = links.checkout_of(s.key);
    QVERIFY(back && back->checkout.id.str() == "a" && back->by == JoinedBy::server_pid);
    QVERIFY(!links.session_of({TargetId{app}, Text{"b"}}));
    // The same pid at another port is another's.
    Links wrong = world({s}, {checkout(app, "a", 100, 5555)});
    QVERIFY(!wrong.session_of({TargetId{app}, Text{"a"}}));
    QVERIFY(!wrong.checkout_of(s.key));
    // A local socket has no port.
    Links local = world({session(db, 100, "local")}, {checkout(app, "a", 100, 5000)});
    QVERIFY(!local.session_of({TargetId{app}, Text{"a"}}));
    Links plain = world({session(db, 100, "local")}, {checkout(app, "a", 100, {})});
    QVERIFY(plain.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::byPortAlone()
{
    const auto s = session(db, 100, "10.0.0.1:5000");
    Links links = world({s}, {checkout(app, "a", {}, 5000)});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->session() == s.key);
    QVERIFY(link->by == JoinedBy::client_port);
    Links two = world({s, session(db2, 7, "10.0.0.2:5000")}, {checkout(app, "a", {}, 5000)});
    QVERIFY(two.session_of({TargetId{app}, Text{"a"}})->ambiguous());
    QVERIFY(!two.checkout_of(s.key));
}

void TestLinks::anAmbiguousPid()
{
    const auto one = session(db, 100, ""), two = session(db2, 100, "");
    Links links = world({one, two}, {checkout(app, "a", 100, 5000)});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->ambiguous() && !link->session());
    QVERIFY(!links.checkout_of(one.key) && !links.checkout_of(two.key));
    // One whose port agrees settles it.
    const auto certain = session(db2, 100, "10.0.0.1:5000");
    for (const bool first : {true, false}) {
        Links settled = world(first ? std::vector{certain, one} : std::vector{one, certain},
                              {checkout(app, "a", 100, 5000)});
        QVERIFY(settled.session_of({TargetId{app}, Text{"a"}})->session() == certain.key);
    }
}

void TestLinks::aSessionThatCameLater()
{
    Links links =
        world({session(db, 100, "10.0.0.1:5000", start + 90s)}, {checkout(app, "a", 100, 5000)});
    QVERIFY(!links.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::throughPgBouncer()
{
    const auto s = session(db, 100, "10.0.0.3:7000");
    // The application was told pid 4242 by the pooler.
    Links links = world(
        {s}, {checkout(app, "a", 4242, 5000), checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000")});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->session() == s.key);
    QVERIFY(link->by == JoinedBy::pgbouncer);
    QVERIFY(link->through && link->through->id.str() == "h");
    const SessionLink* const own = links.session_of({TargetId{bouncer}, Text{"h"}});
    QVERIFY(own && own->by == JoinedBy::server_pid && own->session() == s.key);
    // The session's checkout is the one with a line of code.
    const CheckoutLink* const back = links.checkout_of(s.key);
    QVERIFY(back && back->checkout.id.str() == "a" && back->by == JoinedBy::pgbouncer);
    Links alone = world({s}, {checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000")});
    QCOMPARE(alone.checkout_of(s.key)->checkout.id.str(), std::string{"h"});
}

void TestLinks::aMadeUpPidJoinsNothing()
{
    // What the pooler made up happens to be another session's pid.
    const auto s = session(db, 100, "10.0.0.3:7000"), stranger = session(db, 4242, "10.9.9.9:1");
    Links links = world({s, stranger}, {checkout(app, "a", 4242, 5000),
                                        checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000")});
    QVERIFY(links.session_of({TargetId{app}, Text{"a"}})->session() == s.key);
    QVERIFY(!links.checkout_of(stranger.key));
    // Nor where its client has no server just now.
    Links idle = world({s, stranger}, {checkout(app, "a", 4242, 5000)});
    QVERIFY(!idle.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::aPidWithoutAPort()
{
    // Nothing speaks against it, but that the session is known to be the pooler's.
    const auto s = session(db, 100, "10.0.0.3:7000");
    Links links = world(
        {s}, {checkout(app, "a", 100, {}), checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000")});
    QVERIFY(!links.session_of({TargetId{app}, Text{"a"}}));
    QCOMPARE(links.checkout_of(s.key)->checkout.id.str(), std::string{"h"});
    Links direct = world({s}, {checkout(app, "a", 100, {})});
    QVERIFY(direct.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::twoClientsOfOnePort()
{
    const auto one = session(db, 100, "10.0.0.3:7000"), two = session(db, 101, "10.0.0.3:7001");
    Links links = world({one, two}, {checkout(app, "a", 4242, 5000),
                                     checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000"),
                                     checkout(bouncer2, "i", 101, 7001, "10.0.0.2:5000")});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->ambiguous() && !link->through);
    QCOMPARE(link->sessions.size(), std::size_t{2});
    // The pooler's own join is not in doubt.
    QCOMPARE(links.checkout_of(one.key)->checkout.id.str(), std::string{"h"});
}

void TestLinks::aPoolerWithoutItsServer()
{
    Links links = world(
        {}, {checkout(app, "a", 4242, 5000), checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000")});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->sessions.empty() && link->through);
}

void TestLinks::theServersOwnNumber()
{
    const Text shop{"postgresql://db1:6432/shop"};
    const auto mine = checkout(app, "a", 1'903'448'211, 5000);
    const auto lent = checkout(bouncer, "h", 100, 7000, "10.0.0.1:5000");
    const auto number = [&](Links&& links, const Checkout* through) {
        return server_pid_of(mine, shop, links.session_of(mine.key), through);
    };
    const auto s = session(db, 100, "10.0.0.3:7000");
    QCOMPARE(number(world({s}, {mine, lent}), &lent), std::optional<std::int64_t>{100});
    QCOMPARE(number(world({}, {mine, lent}), &lent), std::optional<std::int64_t>{100});
    // The pooler gave it none just now, or two may be its client.
    const auto none = checkout(bouncer, "h", {}, {}, "10.0.0.1:5000");
    QVERIFY(!number(world({s}, {mine, none}), &none));
    const auto other = checkout(bouncer2, "i", 101, 7001, "10.0.0.2:5000");
    QVERIFY(!number(world({s, session(db, 101, "10.0.0.3:7001")}, {mine, lent, other}), nullptr));
    // Alone: no process of PostgreSQL has such a number; one of MySQL's connections may.
    QVERIFY(!number(world({}, {mine}), nullptr));
    QVERIFY(server_pid_of(mine, Text{"mysql://db1/shop"}, nullptr, nullptr) == 1'903'448'211);
    QVERIFY(server_pid_of(checkout(app, "a", 4242, 5000), shop, nullptr, nullptr) == 4242);
}

void TestLinks::clocksThatDiffer()
{
    // The server's clock is an hour ahead.
    Links links;
    const TargetInfo pool = target(app, "pool"), server = target(db, "postgresql");
    links.add_target(pool, 0s);
    links.add_target(server, 1h);
    links.add_session(session(db, 100, "10.0.0.1:5000", start + 1h));
    links.add_checkout(checkout(app, "a", 100, 5000));
    QVERIFY(links.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::databasesThatDiffer()
{
    const auto joins = [](const char* ofSession, const char* ofPool, bool byPort,
                          const char* kind = "postgresql") {
        Links links;
        links.add_target(target(app, "pool"), 0s);
        links.add_target(target(db, kind), 0s);
        Session s = session(db, 100, byPort ? "10.0.0.1:5000" : "");
        s.database = Text{ofSession};
        links.add_session(s);
        links.add_checkout(byPort ? checkout(app, "a", {}, 5000) : checkout(app, "a", 100, {}),
                           Text{ofPool});
        return links.session_of({TargetId{app}, Text{"a"}}) != nullptr;
    };
    for (const bool byPort : {false, true}) {
        QVERIFY(joins("shop", "postgresql://db1:5432/shop", byPort));
        QVERIFY(joins("shop", "jdbc:postgresql://db1/shop?ssl=true", byPort));
        QVERIFY(!joins("shop", "postgresql://db1:5432/bank", byPort));
        // What is not told speaks against nothing.
        QVERIFY(joins("shop", "", byPort));
        QVERIFY(joins("shop", "postgresql://db1:5432", byPort));
        QVERIFY(joins("shop", "postgresql://db1:5432/", byPort));
        QVERIFY(joins("", "postgresql://db1:5432/shop", byPort));
        // Another kind of server.
        QVERIFY(!joins("shop", "postgresql://db1:5432/shop", byPort, "mysql"));
        QVERIFY(!joins("shop", "jdbc:mariadb://db1/shop", byPort));
        QVERIFY(joins("shop", "jdbc:mariadb://db1/shop", byPort, "mysql"));
    }
}

void TestLinks::anotherAddressThanTheServers_data()
{
    QTest::addColumn<QString>("pool");
    QTest::addColumn<QString>("server");
    QTest::addColumn<bool>("joined"); // by a pid or a port alone
    const auto row = [](const char* pool, const char* server, bool joined) {
        QTest::addRow("%s and %s", pool, server)
            << QString::fromLatin1(pool) << QString::fromLatin1(server) << joined;
    };
    row("postgresql://127.0.0.1:6432/app", "postgresql://dba@127.0.0.1:5432/app", false);
    row("postgresql://127.0.0.1:6432/app", "postgresql://dba@localhost/app", true); // a socket?
    row("postgresql://db1:6432/app", "postgresql://dba@db1/app", false);
    row("postgresql://db1/app", "postgresql://dba@db1:5433/app", false);
    row("postgresql://db1/app", "postgresql://dba@db1:5432/app", true);
    row("jdbc:postgresql://db1:6432/app?x=y", "postgresql://db1:5432/app", false);
    row("host=db1 port=6432 dbname=app", "host=db1 dbname=app", false);
    row("postgresql://db1:5432/app", "host=db1 port=5432 dbname=app", true);
    // Several hosts: it may be any of them.
    row("postgresql://a:6432,b:6432/app", "postgresql://b:5432/app", false);
    row("postgresql://a:6432,b:5432/app", "postgresql://b:5432/app", true);
    // Hosts: a name and a number may be one, two numbers not.
    row("postgresql://db1:5432/app", "postgresql://db2:5432/app", false);
    row("postgresql://db1:5432/app", "postgresql://db1.example.com:5432/app", true);
    row("postgresql://db1.a.com:5432/app", "postgresql://db1.b.com:5432/app", false);
    row("postgresql://db.prod:5432/app", "postgresql://db.prod.svc.cluster.local:5432/app", true);
    row("postgresql://db1.:5432/app", "postgresql://db1.example.com:5432/app", true);
    row("postgresql://db1:5432/app", "postgresql://db10:5432/app", false);
    row("postgresql://[2001:db8::1]:5432/app", "postgresql://[2001:db8:0:0:0:0:0:1]:5432/app",
        true);
    row("postgresql://[::ffff:10.0.0.1]:5432/app", "postgresql://10.0.0.1:5432/app", true);
    row("jdbc:postgresql://address=(host=h1)(port=1)/app", "postgresql://db1/app", true);
    row("postgresql://db1:5432/app", "postgresql://10.0.0.1:5432/app", true);
    row("postgresql://10.0.0.2:5432/app", "postgresql://10.0.0.1:5432/app", false);
    row("postgresql://[::2]:5432/app", "postgresql://[::3]:5432/app", false);
    row("postgresql://127.0.0.1:5432/app", "postgresql://10.0.0.1:5432/app", true);
    // What is not told, or cannot be read, speaks against nothing.
    row("", "postgresql://db1:5432/app", true);
    row("postgresql://localhost/app", "postgresql://127.0.0.1:45432/app", true); // of a socket
    row("postgresql://db1:6432/app", "postgresql:///app?host=/run/pg&port=5433", true);
    row("postgresql://db1:6432/app", "service=shop", true);
    row("postgresql://a:99999,b:1/app", "postgresql://b:5432/app", true);
}

void TestLinks::anotherAddressThanTheServers()
{
    QFETCH(QString, pool);
    QFETCH(QString, server);
    QFETCH(bool, joined);
    const CheckoutKey key{TargetId{app}, Text{"a"}};
    const Text address{pool.toStdString()};
    const auto links = [&](const Session& s, const Checkout& c) {
        Links made;
        made.add_target(target(app, "pool"), 0s);
        made.add_target({TargetId{db}, "postgresql", "t", server.toStdString()}, 0s);
        made.add_session(s);
        made.add_checkout(c, address);
        return made;
    };
    const Session one = session(db, 100, "10.0.0.9:5000");
    for (const bool byPort : {false, true}) {
        Links alone =
            links(one, byPort ? checkout(app, "a", {}, 5000) : checkout(app, "a", 100, {}));
        const SessionLink* const link = alone.session_of(key);
        QVERIFY(link);
        QCOMPARE(link->session().has_value(), joined);
        QCOMPARE(alone.checkout_of(one.key) != nullptr, joined);
        QCOMPARE(link->doubt.empty(), joined);
        QCOMPARE(link->doubted.empty(), joined);
        if (!joined)
            QVERIFY(link->doubt.starts_with(byPort ? "The server's session 100 has the port that"
                                                   : "The server's session 100 has the number "));
    }
    // A port may be mapped: pid and port together outweigh it.
    Links both = links(one, checkout(app, "a", 100, 5000));
    QVERIFY(both.session_of(key)->session() == one.key);
    QVERIFY(both.session_of(key)->doubt.empty());
}

void TestLinks::aNumberOfMySql()
{
    const auto joins = [](bool alone, const char* ofSession, const char* ofPool) {
        Links links;
        links.add_target(target(app, "pool"), 0s);
        links.add_target(target(db, "mysql"), 0s);
        if (!alone)
            links.add_target(target(db2, "mysql"), 0s);
        Session s = session(db, 7, "10.0.0.1:5000");
        s.database = Text{ofSession};
        links.add_session(s);
        links.add_checkout(checkout(app, "a", 7, {}), Text{ofPool});
        return links.session_of({TargetId{app}, Text{"a"}}) != nullptr;
    };
    QVERIFY(joins(true, "shop", ""));
    QVERIFY(joins(true, "shop", "mysql://db1:3306/shop"));
    QVERIFY(!joins(true, "shop", "mysql://db1:3306/bank"));
    // Of two servers it may be the other's.
    QVERIFY(!joins(false, "shop", ""));
    QVERIFY(!joins(false, "", "mysql://db1:3306/shop"));
    QVERIFY(joins(false, "shop", "mysql://db1:3306/shop"));
}

void TestLinks::aHostWithoutAPort()
{
    Links links = world({session(db, 100, "10.0.0.1")}, {checkout(app, "a", 100, 5000)});
    QVERIFY(links.session_of({TargetId{app}, Text{"a"}}));
}

void TestLinks::directBeforeThePooler()
{
    // A client of the pooler has the same port on another host.
    const auto own = session(db, 100, "10.0.0.1:5000"), served = session(db, 101, "10.0.0.3:7000");
    Links links = world({own, served}, {checkout(app, "a", 100, 5000),
                                        checkout(bouncer, "h", 101, 7000, "10.0.0.2:5000")});
    const SessionLink* const link = links.session_of({TargetId{app}, Text{"a"}});
    QVERIFY(link && link->session() == own.key && link->by == JoinedBy::server_pid);
    QCOMPARE(links.checkout_of(served.key)->checkout.id.str(), std::string{"h"});
}

void TestLinks::evidence()
{
    Session s = session(db, 100, "10.0.0.1:5000");
    s.state = SessionState::idle_in_transaction;
    s.state_since = start;
    const auto sentences = evidence_of(s, 3, JoinedBy::pgbouncer, start + 240s);
    QCOMPARE(sentences.size(), std::size_t{2});
    QCOMPARE(sentences[0], std::string{"Through PgBouncer it is the server's session 100, idle in "
                                       "its transaction for 4 min."});
    QCOMPARE(sentences[1], std::string{"3 sessions wait for it."});
    s.state = SessionState::idle;
    QCOMPARE(evidence_of(s, 0, JoinedBy::server_pid, start + 240s),
             std::vector<std::string>{
                 "On the server it is session 100, idle for 4 min: checked out, and not used."});
}

void TestLinks::sessionPoolsAreNotJudged()
{
    Pools pools;
    for (const char* const mode : {"session", "transaction"}) {
        Pool pool;
        pool.name = Text{mode};
        pool.kind = Text{"pgbouncer"};
        pool.configuration = {{"pool_mode", mode}};
        pools.pools[pool.name] = pool;
        Checkout held = checkout(bouncer, mode, 1, 1);
        held.pool = pool.name;
        held.busy = false;
        held.busy_since = held.acquired;
        pools.checkouts[held.key.id] = held;
    }
    Judging judging;
    judging.chosen = LeakThresholds{30s, 300s};
    const Timestamp now = start + 60s + 1h;
    const auto severities = [&] {
        std::map<std::string, LeakSeverity> found;
        for (const Place& place : find_places(pools, judging, now))
            found[place.pool.str()] = place.severity;
        return found;
    };
    QVERIFY(severities()["session"] == LeakSeverity::none);
    QVERIFY(severities()["transaction"] == LeakSeverity::critical);
    for (const Place& place : find_places(pools, judging, now)) {
        const auto words = evidence_of(place.holders.front(), pools.checkouts.at(place.pool),
                                       &pools.pools.at(place.pool), &place, now);
        const bool session = place.pool.str() == "session";
        QVERIFY(words[0].starts_with("PgBouncer: this client has "));
        QCOMPARE(words[1].find("pool_mode = session") != std::string::npos, session);
        QCOMPARE(words[0].find("held a server connection in its transaction") != std::string::npos,
                 !session);
    }
    // Whoever sets a threshold for that very pool means it.
    judging.pools[Text{"session"}] = {30s, 300s};
    QVERIFY(severities()["session"] == LeakSeverity::critical);
}

QTEST_GUILESS_MAIN(TestLinks)
#include "tst_links.moc"
