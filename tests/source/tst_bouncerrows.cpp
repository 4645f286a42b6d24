// SPDX-License-Identifier: GPL-3.0-or-later
// PgBouncer's tables as 1.18 and 1.26 print them, and what becomes of them.
#include "core/model/pools.h"
#include "core/source/bouncerpools.h"
#include "core/source/bouncersource.h"

#include <QTest>

#include <libpq-fe.h>

#include <memory>

namespace poolscope::test {

namespace {

using Table = std::unique_ptr<PGresult, void (*)(PGresult*)>;
using Row = std::map<std::string, std::string>;

Table table(const std::vector<std::string>& columns, const std::vector<Row>& rows)
{
    Table made{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), PQclear};
    std::vector<PGresAttDesc> attributes(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
        attributes[i].name = const_cast<char*>(columns[i].c_str());
    PQsetResultAttrs(made.get(), static_cast<int>(columns.size()), attributes.data());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto cell = rows[row].find(columns[i]);
            std::string value = cell == rows[row].end() ? std::string{} : cell->second;
            PQsetvalue(made.get(), static_cast<int>(row), static_cast<int>(i), value.data(),
                       cell == rows[row].end() ? -1 : static_cast<int>(value.size()));
        }
    }
    return made;
}

std::vector<std::string> words(const char* line)
{
    std::vector<std::string> list;
    for (const QString& word : QString::fromLatin1(line).split(QLatin1Char(' ')))
        list.push_back(word.toStdString());
    return list;
}

const std::vector<std::string>& pools118()
{
    static const auto columns =
        words("database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req "
              "sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login "
              "maxwait maxwait_us pool_mode");
    return columns;
}

const std::vector<std::string>& sockets118()
{
    static const auto columns =
        words("type user database state addr port local_addr local_port connect_time request_time "
              "wait wait_us close_needed ptr link remote_pid tls application_name");
    return columns;
}

const std::vector<std::string>& sockets126()
{
    static const auto columns =
        words("type user database replication state addr port local_addr local_port connect_time "
              "request_time wait wait_us close_needed ptr link remote_pid tls application_name "
              "prepared_statements id");
    return columns;
}

/// "2026-11-22 10:09:SS UTC".
std::string at(int second)
{
    return "2026-11-22 10:09:" + std::string(second < 10 ? "0" : "") + std::to_string(second) +
           " UTC";
}

Timestamp instant(int second, int ms = 0)
{
    return *parse_iso8601("2026-11-22T10:09:00Z") + std::chrono::seconds{second} +
           std::chrono::milliseconds{ms};
}

Row server(int requested, const std::string& link = "0xc1", const std::string& id = {})
{
    return {{"type", "S"},
            {"user", "app"},
            {"database", "shop"},
            {"state", "active"},
            {"addr", "10.0.0.9"},
            {"port", "5432"},
            {"local_port", "52468"},
            {"connect_time", at(1)},
            {"request_time", at(requested)},
            {"ptr", "0x51"},
            {"link", link},
            {"remote_pid", "8787"},
            {"wait", "0"},
            {"wait_us", "0"},
            {"application_name", "cart"},
            {"id", id}};
}

Row client(int requested, int waitMs = 0, const std::string& id = {})
{
    return {{"type", "C"},
            {"user", "app"},
            {"database", "shop"},
            {"state", "active"},
            {"addr", "10.0.0.7"},
            {"port", "43146"},
            {"local_port", "6432"},
            {"connect_time", at(1)},
            {"request_time", at(requested)},
            {"wait", std::to_string(waitMs / 1000)},
            {"wait_us", std::to_string(waitMs % 1000 * 1000)},
            {"ptr", "0xc1"},
            {"link", "0x51"},
            {"remote_pid", "0"},
            {"application_name", "cart"},
            {"id", id}};
}

/// The console's own connection: its last packet is the question.
Row console(int second)
{
    return {{"type", "C"},
            {"user", "adm"},
            {"database", "pgbouncer"},
            {"ptr", "0xcc"},
            {"request_time", at(second)},
            {"connect_time", at(0)}};
}

Row poolRow(const std::string& mode = "transaction")
{
    return {{"database", "shop"}, {"user", "app"},   {"cl_active", "4"},       {"cl_waiting", "3"},
            {"sv_active", "2"},   {"sv_idle", "1"},  {"sv_used", "1"},         {"sv_tested", "1"},
            {"sv_login", "1"},    {"maxwait", "12"}, {"maxwait_us", "500000"}, {"pool_mode", mode}};
}

/// A poll that ended at a second, on our clock as on PgBouncer's.
BouncerPoll poll(int second, const std::vector<Row>& servers, const std::vector<Row>& clients,
                 const std::string& mode = "transaction",
                 const std::vector<std::string>& columns = sockets118())
{
    BouncerPoll made;
    made.pools = read_bouncer_pools(table(pools118(), {poolRow(mode)}).get());
    made.servers = read_bouncer_sockets(table(columns, servers).get(), false);
    std::vector<Row> listed = clients;
    listed.push_back(console(second));
    made.clients = read_bouncer_sockets(table(columns, listed).get(), true);
    made.sent = instant(second, 100);
    made.received = instant(second, 110);
    return made;
}

} // namespace

class TestBouncerRows : public QObject
{
    Q_OBJECT
private slots:
    void stamps_data();
    void stamps();
    void versions_data();
    void versions();
    void poolsAndDatabases();
    void socketsByVersion();
    void hostileTables();
    void addresses_data();
    void addresses();
    void passwordsAreTakenOut();
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

void TestBouncerRows::stamps_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<qint64>("seconds");
    QTest::addColumn<QByteArray>("zone");
    QTest::newRow("utc") << QByteArray("2026-11-22 10:09:57 UTC") << qint64{1795342197}
                         << QByteArray("UTC");
    QTest::newRow("cet") << QByteArray("2026-11-22 11:09:57 CET") << qint64{1795345797}
                         << QByteArray("CET");
    QTest::newRow("no zone") << QByteArray("1970-01-01 00:00:05") << qint64{5} << QByteArray();
    QTest::newRow("empty") << QByteArray() << qint64{-1} << QByteArray();
    QTest::newRow("words") << QByteArray("yesterday, about ten o'clock") << qint64{-1}
                           << QByteArray();
    QTest::newRow("month 13") << QByteArray("2026-13-22 10:09:57 UTC") << qint64{-1}
                              << QByteArray();
}

void TestBouncerRows::stamps()
{
    QFETCH(QByteArray, text);
    QFETCH(qint64, seconds);
    QFETCH(QByteArray, zone);
    const auto read = parse_bouncer_stamp(std::string_view{text.data(), std::size_t(text.size())});
    QCOMPARE(read ? read->seconds : -1, seconds);
    if (read)
        QCOMPARE(read->zone, zone.toStdString());
}

void TestBouncerRows::versions_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("number");
    QTest::newRow("1.18") << QByteArray("1.18.0/bouncer") << 11800;
    QTest::newRow("1.26") << QByteArray("1.26.1/bouncer") << 12601;
    QTest::newRow("development") << QByteArray("1.24dev/bouncer") << 12400;
    QTest::newRow("PostgreSQL") << QByteArray("15.8 (Debian 15.8-1)") << 0;
    QTest::newRow("nothing") << QByteArray("/bouncer") << 0;
    QTest::newRow("huge") << QByteArray("99999999999.1.1/bouncer") << 0;
}

void TestBouncerRows::versions()
{
    QFETCH(QByteArray, text);
    QFETCH(int, number);
    QCOMPARE(bouncer_version(text.toStdString()), number);
}

void TestBouncerRows::poolsAndDatabases()
{
    const auto pools = read_bouncer_pools(
        table(pools118(),
              {poolRow(), {{"database", "pgbouncer"}, {"user", "pgbouncer"}, {"sv_active", "0"}}})
            .get());
    QCOMPARE(pools.size(), std::size_t{1}); // not the console
    QCOMPARE(pools[0].active, std::optional<std::int64_t>{2});
    QCOMPARE(pools[0].idle, std::optional<std::int64_t>{2});
    QCOMPARE(pools[0].total, std::optional<std::int64_t>{6});
    QCOMPARE(pools[0].clients_waiting, std::optional<std::int64_t>{3});
    QVERIFY(pools[0].longest_wait == Duration{std::chrono::milliseconds{12500}});
    // 1.18 calls it reserve_pool, 1.24 reserve_pool_size.
    const auto databases = read_bouncer_databases(
        table(words("name host port database pool_size reserve_pool max_connections paused "
                    "disabled"),
              {{{"name", "shop"},
                {"host", "10.0.0.9"},
                {"port", "5432"},
                {"database", "shopdb"},
                {"pool_size", "20"},
                {"reserve_pool", "5"},
                {"max_connections", "0"},
                {"paused", "1"},
                {"disabled", "0"}},
               {{"name", "local"}, {"port", "5432"}, {"database", "x"}}})
            .get());
    QCOMPARE(databases.size(), std::size_t{2});
    const BouncerDatabaseRow& shop = databases.at("shop");
    QVERIFY(shop.paused && !shop.disabled);
    QCOMPARE(shop.pool_size, std::optional<std::int64_t>{20});
    QVERIFY((shop.settings ==
             std::vector<std::pair<std::string, std::string>>{
                 {"pool_size", "20"}, {"reserve_pool", "5"}, {"max_db_connections", "0"}}));
    QVERIFY(databases.at("local").host.empty());
    QVERIFY(!databases.at("local").pool_size);
}

void TestBouncerRows::socketsByVersion()
{
    for (const auto* const columns : {&sockets118(), &sockets126()}) {
        const bool ids = columns == &sockets126();
        const auto read =
            read_bouncer_sockets(table(*columns, {client(5, 0, "17"), console(9)}).get(), true);
        QCOMPARE(read.rows.size(), std::size_t{1}); // the console has no link
        QCOMPARE(read.listed, std::size_t{2});
        QCOMPARE(read.latest.seconds, to_us(instant(9)) / 1'000'000);
        const BouncerSocket& one = read.rows[0];
        QCOMPARE(one.port, 43146);
        QCOMPARE(one.id, ids ? std::string{"17"} : std::string{});
        QCOMPARE(one.identity(),
                 ids ? std::string{"17"}
                     : "0xc1-" + std::to_string(to_us(instant(1)) / 1'000'000) + "-43146");
        const auto servers = read_bouncer_sockets(table(*columns, {server(5)}).get(), false);
        QVERIFY(servers.rows[0].server);
        QCOMPARE(servers.rows[0].pid, std::int64_t{8787});
    }
}

void TestBouncerRows::hostileTables()
{
    // No columns, no numbers, control characters, no end of text, ports beyond all ports.
    QVERIFY(read_bouncer_pools(table({"x"}, {{{"x", "1"}}}).get()).size() == 1);
    Row bad = client(5);
    bad["port"] = "70000";
    bad["local_port"] = "-3";
    bad["wait"] = "99999999999999999999";
    bad["wait_us"] = "x";
    bad["remote_pid"] = "-7";
    bad["connect_time"] = "soon";
    bad["application_name"] = std::string(100'000, 'a') + "\x1b[31m\n<b>";
    bad["user"] = "a\tb\nc";
    const auto read = read_bouncer_sockets(table(sockets118(), {bad}).get(), true);
    QCOMPARE(read.rows.size(), std::size_t{1});
    const BouncerSocket& one = read.rows[0];
    QCOMPARE(one.port, 0);
    QCOMPARE(one.local_port, 0);
    QCOMPARE(one.pid, std::int64_t{0});
    QVERIFY(one.wait == Duration{0});
    QCOMPARE(one.connected.seconds, std::int64_t{0});
    QVERIFY(one.application.size() <= 300);
    QVERIFY(one.user.find('\n') == std::string::npos);
    // More than the bound: counted, not read.
    std::vector<Row> many(bouncer_most_rows + 5, client(5));
    const auto crowd = read_bouncer_sockets(table(sockets118(), many).get(), true);
    QCOMPARE(crowd.rows.size(), bouncer_most_rows);
    QCOMPARE(crowd.listed, bouncer_most_rows + 5);
}

void TestBouncerRows::addresses_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("host");
    QTest::addColumn<QString>("port");
    QTest::addColumn<QString>("user");
    const auto row = [](const char* url, const char* host, const char* port, const char* user) {
        QTest::newRow(url) << QString::fromLatin1(url) << QString::fromLatin1(host)
                           << QString::fromLatin1(port) << QString::fromLatin1(user);
    };
    row("pgbouncer://adm@db1:6000", "db1", "6000", "adm");
    row("pgbouncer://db1", "db1", "6432", "");
    row("pgbouncer://db1/pgbouncer", "db1", "6432", "");
    row("pgbouncer://adm@[::1]:6000/pgbouncer?sslmode=require", "::1", "6000", "adm");
    row("pgbouncer://%2Fvar%2Frun%2Fpgbouncer", "/var/run/pgbouncer", "6432", "");
    row("pgbouncer://db1/shop", "-", "", "");
    row("pgbouncer://db1:port", "-", "", "");
    row("pgbouncer://db1?nonsense=1", "-", "", "");
}

void TestBouncerRows::addresses()
{
    QFETCH(QString, url);
    QFETCH(QString, host);
    QFETCH(QString, port);
    QFETCH(QString, user);
    const auto read = parseBouncerUrl(url);
    const auto kind = classifyTarget(url);
    if (host == QLatin1String("-")) {
        QVERIFY(!read || valueOf(read.value(), "port") == QLatin1String("port"));
        if (!read) {
            QVERIFY(!kind);
            QVERIFY(!read.error().next_step.empty());
        }
        return;
    }
    QVERIFY2(read, read ? "" : read.error().sentence.c_str());
    QVERIFY(kind && kind.value() == TargetKind::pgbouncer);
    QCOMPARE(valueOf(read.value(), "host"), host);
    QCOMPARE(valueOf(read.value(), "port"), port);
    QCOMPARE(valueOf(read.value(), "user"), user);
    QCOMPARE(valueOf(read.value(), "dbname"), QStringLiteral("pgbouncer"));
}

void TestBouncerRows::passwordsAreTakenOut()
{
    QCOMPARE(withoutSecrets(QStringLiteral("pgbouncer://adm:s3cret@db1:6432")),
             QStringLiteral("pgbouncer://adm@db1:6432"));
    QCOMPARE(withoutSecrets(QStringLiteral("pgbouncer://adm:s3@cr/et@db1:6432")),
             QStringLiteral("pgbouncer://"));
    AttachRequest request;
    request.target = QStringLiteral("pgbouncer://adm:s3cret@db1.shop.internal:6432");
    const auto source = makeSource(TargetId{1}, request);
    QVERIFY(source);
    QCOMPARE(source.value()->info().url, std::string{"pgbouncer://adm@db1.shop.internal:6432"});
    QCOMPARE(source.value()->info().kind, std::string{"pgbouncer"});
    QCOMPARE(source.value()->info().name, std::string{"pgbouncer@db1"});
}

void TestBouncerRows::clock()
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

void TestBouncerRows::aHoldIsTold()
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

void TestBouncerRows::aSilentHolderStays()
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

void TestBouncerRows::aBusyClientNeverGrowsOld()
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

void TestBouncerRows::aLongStatementIsOneHold()
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

void TestBouncerRows::sessionModeIsOneHold()
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

void TestBouncerRows::linksMustAgree()
{
    // Between the two lists the server went to another client.
    BouncerPools pools{TargetId{1}};
    Row elsewhere = client(5);
    elsewhere["link"] = "0x52";
    const PoolSample sample = pools.absorb(poll(20, {server(5)}, {elsewhere}), true);
    QVERIFY(sample.changed.empty());
    QCOMPARE(sample.opened.size(), std::size_t{1});
}

void TestBouncerRows::withoutClients()
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

void TestBouncerRows::aPoolThatGoesAway()
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

void TestBouncerRows::settingsAreTold()
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

} // namespace poolscope::test

QTEST_GUILESS_MAIN(poolscope::test::TestBouncerRows)
#include "tst_bouncerrows.moc"
