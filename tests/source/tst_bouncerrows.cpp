// SPDX-License-Identifier: GPL-3.0-or-later
// PgBouncer's tables and addresses, and what is read of them.
#include "core/source/bouncersource.h"
#include "tests/source/bouncertables.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

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

QTEST_GUILESS_MAIN(TestBouncerRows)
#include "tst_bouncerrows.moc"
