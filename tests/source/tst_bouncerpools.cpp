// SPDX-License-Identifier: GPL-3.0-or-later
// PgBouncer's clock, and who holds a connection of its pools.
#include "core/model/pools.h"
#include "tests/source/bouncertables.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestBouncerPools : public QObject
{
    Q_OBJECT
private slots:
    void clock();
    void aHoldIsTold();
    void aSilentHolderStays();
    void aBusyClientNeverGrowsOld();
    void aLongStatementIsOneHold();
    void sessionModeIsOneHold();
    void linksMustAgree();
    void withoutClients();
    void aPoolThatGoesAway();
    void settingsAreTold();
};

void TestBouncerPools::clock()
{
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    const auto stamp = [](int second, int zone, const char* name) {
        return BouncerStamp{to_us(instant(second)) / 1'000'000 + zone, name};
    };
    BouncerClock utc;
    utc.learn(stamp(10, 0, "UTC"), instant(10, 300), instant(10, 310));
    QVERIFY(utc.offset() == Duration{0});
    QVERIFY(utc.instant(stamp(4, 0, "UTC")) == instant(4));
    // Half past five hours east, the clock three seconds behind.
    BouncerClock east;
    for (int ms = 0; ms < 1000; ms += 100) {
        const Timestamp ours = instant(20, ms);
        const auto shown = std::chrono::floor<seconds>(ours - seconds{3}) - instant(0);
        east.learn(stamp(int(std::chrono::duration_cast<seconds>(shown).count()), 19800, "IST"),
                   ours, ours + milliseconds{5});
    }
    QVERIFY2(east.offset() > milliseconds{-3150} && east.offset() < milliseconds{-2850},
             std::to_string(to_us(east.offset())).c_str());
    QVERIFY(east.instant(stamp(4, 19800, "IST")) == instant(4));
    // West of it.
    BouncerClock west;
    west.learn(stamp(10, -18000, "EST"), instant(10, 300), instant(10, 310));
    QVERIFY(west.offset() == Duration{0});
    QVERIFY(west.instant(stamp(4, -18000, "EST")) == instant(4));
}

void TestBouncerPools::aHoldIsTold()
{
    BouncerPools pools{TargetId{1}};
    const PoolSample sample = pools.absorb(poll(20, {server(5)}, {client(5)}), true);
    QVERIFY(sample.full);
    QCOMPARE(sample.pools.size(), std::size_t{1});
    QCOMPARE(sample.pools[0].name.str(), std::string{"shop/app"});
    QCOMPARE(sample.pools[0].health.str(), std::string{"one waits for 12 s"});
    QCOMPARE(sample.opened.size(), std::size_t{1});
    QCOMPARE(sample.changed.size(), std::size_t{1});
    const Checkout& checkout = sample.changed[0];
    QVERIFY(checkout.acquired == instant(5));
    QVERIFY(checkout.server_pid == std::optional<std::int64_t>{8787});
    QVERIFY(checkout.local_port == std::optional<std::uint16_t>{52468});
    QCOMPARE(checkout.acquired_by.str(), std::string{"cart"});
    QVERIFY(checkout.busy == std::optional{false});
    QVERIFY(checkout.busy_since == std::optional{instant(5)});
    QCOMPARE(checkout.tags.front().first.str(), std::string{"client"});
    QCOMPARE(checkout.tags.front().second.str(), std::string{"10.0.0.7:43146"});
    QVERIFY(checkout.connection == sample.opened[0].key.id);
}

void TestBouncerPools::aSilentHolderStays()
{
    BouncerPools pools{TargetId{1}};
    const PoolSample first = pools.absorb(poll(20, {server(5)}, {client(5)}), true);
    const PoolSample second = pools.absorb(poll(40, {server(5)}, {client(5)}), false);
    QVERIFY(second.changed.empty() && second.ended.empty() && second.opened.empty());
    // It gave it back, another has it.
    Row other = client(45);
    other["port"] = "43999";
    other["connect_time"] = at(44);
    const PoolSample third = pools.absorb(poll(50, {server(46)}, {other}), false);
    QCOMPARE(third.ended.size(), std::size_t{1});
    QVERIFY(third.ended[0].id == first.changed[0].key.id);
    QCOMPARE(third.changed.size(), std::size_t{1});
    const PoolSample last = pools.absorb(poll(55, {server(51, "")}, {}), false);
    QCOMPARE(last.ended.size(), std::size_t{1});
    QVERIFY(last.changed.empty());
}

void TestBouncerPools::aBusyClientNeverGrowsOld()
{
    // At every look it has the same server: each time for another transaction.
    BouncerPools pools{TargetId{1}};
    Pools world;
    for (int second = 5; second < 60; ++second) {
        world.apply(pools.absorb(poll(second, {server(second)}, {client(second, 2)}), second == 5));
        QCOMPARE(world.checkouts.size(), std::size_t{1});
        QVERIFY(instant(second) - world.checkouts.begin()->second.acquired <
                std::chrono::seconds{2});
    }
    QCOMPARE(world.unmatched, std::uint64_t{0});
}

void TestBouncerPools::aLongStatementIsOneHold()
{
    // COPY: packet upon packet from the client, one answer at the end.
    BouncerPools pools{TargetId{1}};
    const PoolSample first = pools.absorb(poll(10, {server(5)}, {client(9, 5000)}), true);
    QVERIFY(first.changed[0].busy == std::optional{true});
    for (int second = 11; second < 30; ++second) {
        const PoolSample sample =
            pools.absorb(poll(second, {server(5)}, {client(second, (second - 5) * 1000)}), false);
        QVERIFY(sample.ended.empty());
        QVERIFY(sample.changed.empty()); // since when it is busy does not jitter
    }
}

void TestBouncerPools::sessionModeIsOneHold()
{
    BouncerPools pools{TargetId{1}};
    const PoolSample first = pools.absorb(poll(10, {server(9)}, {client(9)}, "session"), true);
    QVERIFY(first.changed[0].acquired == instant(1)); // since it is connected
    const PoolSample second = pools.absorb(poll(20, {server(19)}, {client(19)}, "session"), false);
    QVERIFY(second.ended.empty());
    QVERIFY(second.changed.empty() || second.changed[0].key.id == first.changed[0].key.id);
    // The client was connected long before there was a server for it.
    BouncerPools late{TargetId{1}};
    Row made = server(9);
    made["connect_time"] = at(7);
    const PoolSample held = late.absorb(poll(10, {made}, {client(9)}, "session"), true);
    QVERIFY(held.changed[0].acquired == instant(7));
}

void TestBouncerPools::linksMustAgree()
{
    // Between the two lists the server went to another client.
    BouncerPools pools{TargetId{1}};
    Row elsewhere = client(5);
    elsewhere["link"] = "0x52";
    const PoolSample sample = pools.absorb(poll(20, {server(5)}, {elsewhere}), true);
    QVERIFY(sample.changed.empty());
    QCOMPARE(sample.opened.size(), std::size_t{1});
}

void TestBouncerPools::withoutClients()
{
    const auto without = [](int second, const std::vector<Row>& servers, const char* mode) {
        BouncerPoll made = poll(second, servers, {}, mode);
        made.clients.reset();
        return made;
    };
    const char* const mode = "transaction";
    BouncerPools pools{TargetId{1}};
    pools.absorb(poll(20, {server(5)}, {client(5)}), true);
    QVERIFY(pools.hasHolds());
    // Nothing happened: the holder holds on, and need not be asked for. Where there are few, he is.
    const BouncerPoll same = without(21, {server(5)}, mode);
    QVERIFY(!pools.needsClients(same, true));
    QVERIFY(pools.needsClients(same, false));
    QVERIFY(pools.absorb(same, false).ended.empty());
    // The server said something, perhaps the end of a transaction: that hold is over. Whoever has
    // it now is asked for once he keeps it.
    BouncerPoll other = without(22, {server(22)}, mode);
    QVERIFY(!pools.needsClients(other, true));
    QCOMPARE(pools.absorb(other, false).ended.size(), std::size_t{1});
    other = without(23, {server(22)}, mode);
    QVERIFY(pools.needsClients(other, true));
    QVERIFY(pools.absorb(other, false).changed.empty()); // by whom is not known yet
    const PoolSample known = pools.absorb(poll(24, {server(22)}, {client(22)}), false);
    QCOMPARE(known.changed.size(), std::size_t{1});
    const BouncerPoll free = without(25, {server(24, "")}, mode);
    QVERIFY(!pools.needsClients(free, false));
    QCOMPARE(pools.absorb(free, false).ended.size(), std::size_t{1});
    QVERIFY(!pools.hasHolds());
    // In session mode a link that is known needs nobody to be asked, whatever goes over it.
    BouncerPools session{TargetId{1}};
    session.absorb(poll(20, {server(5)}, {client(5)}, "session"), true);
    const BouncerPoll goesOn = without(30, {server(29)}, "session");
    QVERIFY(!session.needsClients(goesOn, false) && !session.needsClients(goesOn, true));
    QVERIFY(session.absorb(goesOn, false).ended.empty());
    QVERIFY(session.hasHolds()); // but now and then: the pointer may be another client's
    const BouncerPoll anew = without(31, {server(31, "0xc9")}, "session");
    QCOMPARE(session.absorb(anew, false).ended.size(), std::size_t{1});
    QVERIFY(session.needsClients(without(32, {server(32, "0xc9")}, "session"), true));
}

void TestBouncerPools::aPoolThatGoesAway()
{
    BouncerPools pools{TargetId{1}};
    Pools world;
    world.apply(pools.absorb(poll(20, {server(5)}, {client(5)}), true));
    BouncerPoll none = poll(21, {}, {});
    none.pools.clear();
    world.apply(pools.absorb(none, false));
    QVERIFY(world.pools.empty());
    QVERIFY(world.connections.empty());
    QVERIFY(world.checkouts.empty());
    QCOMPARE(world.unmatched, std::uint64_t{0});
}

void TestBouncerPools::settingsAreTold()
{
    BouncerPools pools{TargetId{1}};
    QVERIFY(pools.needsSettings(poll(20, {}, {}).pools));
    BouncerSettings settings;
    BouncerDatabaseRow shop;
    shop.host = "10.0.0.9";
    shop.port = "5432";
    shop.database = "shopdb";
    shop.pool_size = 20;
    shop.max_connections = 8;
    shop.settings = {{"pool_size", "20"}};
    settings.databases["shop"] = shop;
    settings.config = {{"query_wait_timeout", "120"}, {"auth_file", "/etc/users"}};
    settings.stats["shop"] = {std::uint64_t{7}, Duration{std::chrono::seconds{3}}};
    pools.setSettings(settings);
    const BouncerPoll one = poll(20, {}, {});
    QVERIFY(!pools.needsSettings(one.pools));
    const PoolSample sample = pools.absorb(one, true);
    const Pool& pool = sample.pools.at(0);
    QCOMPARE(pool.max, std::optional<std::int64_t>{8}); // the narrower limit
    QCOMPARE(pool.database.str(), std::string{"10.0.0.9:5432/shopdb"});
    QVERIFY((pool.configuration ==
             std::vector<std::pair<std::string, std::string>>{{"pool_mode", "transaction"},
                                                              {"pool_size", "20"},
                                                              {"query_wait_timeout", "120"}}));
    QVERIFY(pool.wait_time && pool.wait_time->count == 7 && !pool.wait_time->p99);
    QVERIFY(!pool.timeouts && !pool.use_time);
    // Before 1.24 nobody counts how often: nothing is told then.
    settings.stats["shop"].assignments.reset();
    pools.setSettings(settings);
    QVERIFY(!pools.absorb(one, true).pools.at(0).wait_time);
}

QTEST_GUILESS_MAIN(TestBouncerPools)
#include "tst_bouncerpools.moc"
