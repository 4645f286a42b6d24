// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/checkparts.h"
#include "tests/analyze/checkcase.h"

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestCheck : public QObject
{
    Q_OBJECT
private slots:
    void unknownsAreSaid();
    void worstFirst();
    void theSameFromAWorld();
    void aFileHasDefaults();
    void addresses_data();
    void addresses();
    void durations_data();
    void durations();
    void hostileTextIsPlain();
};

void TestCheck::unknownsAreSaid()
{
    const auto says = [](const CheckInput& input, const CheckOptions& options, const char* words) {
        const ConfigReport report = check_configuration(input, options);
        return std::any_of(
            report.unknown.begin(), report.unknown.end(),
            [&](const std::string& each) { return each.find(words) != std::string::npos; });
    };
    const Pool orders = pool_of("hikaricp", hikari);
    QVERIFY(!says(on(server_of(), {orders}), {}, "orders"));
    Pool nowhere = orders;
    nowhere.database = Text{};
    QVERIFY(says(on(server_of(), {nowhere}), {}, "Where pool orders leads is not told"));
    Pool other = orders;
    other.database = Text{std::string("postgresql://10.0.0.9:5432/shop")};
    QVERIFY(says(on(server_of(), {other}), {}, "none of the servers here by its address"));
    QVERIFY(!says(alone(other), {}, "orders"));
    const Pool sizeless = pool_of("hikaricp", without(hikari, "maximumPoolSize"));
    QVERIFY(says(on(server_of(), {sizeless}), {}, "How many connections pool orders may open"));
    const Pool untold = pool_of("database/sql", {{"MaxOpenConns", "20"}});
    QVERIFY(says(on(server_of(), {untold}), firewall, "How long pool orders keeps"));
    CheckInput leaked = loaded(orders, load(120, 10, 4));
    leaked.targets.front().suspected = {{orders.name, 6}};
    QVERIFY(says(leaked, {}, "6 of its connections are suspected"));
}

void TestCheck::worstFirst()
{
    const CheckInput input =
        on(server_of(8, 0), {pool_of("hikaricp", hikari),
                             pool_of("sqlalchemy", with(sqlalchemy, "pool_pre_ping", "false"), "z"),
                             pool_of("r2d2", with(r2d2, "test_on_check_out", "false"), "a")});
    const ConfigReport report = check_configuration(input);
    QCOMPARE(report.findings.size(), std::size_t{3});
    QCOMPARE(report.findings[0].severity, Severity::critical);
    QCOMPARE(report.findings[1].pool.str(), std::string("a"));
    QCOMPARE(report.findings[2].pool.str(), std::string("z"));
    QVERIFY(check_configuration(input) == report);
}

/// What is judged follows from observations alone: a checkout joined to its session tells server
/// and role, whatever the address says.
void TestCheck::theSameFromAWorld()
{
    World world;
    std::uint64_t n = 0;
    const auto tell = [&](TargetId target, Fact fact) {
        world.apply(
            {SequenceNumber{++n}, began + std::chrono::seconds{n}, target, std::move(fact)});
    };
    const CheckTarget server = server_of(100, 3, {limit_of(SettingScope::role, "app", "8")});
    tell(server_id, TargetAttached{server.info});
    tell(server_id, FactsReported{*server.facts});
    tell(server_id, SettingsReported{*server.settings});
    Session session;
    session.key = {server_id, Pid{4711}, began};
    session.user = Text{std::string("app")};
    session.database = Text{std::string("shop")};
    session.client = Text{std::string("10.0.0.1:50000")};
    session.backend_type = Text{std::string("client backend")};
    session.state = SessionState::idle;
    ServerSample sessions;
    sessions.full = true;
    sessions.changed = {session};
    tell(server_id, sessions);
    tell(process_id, TargetAttached{process_of({}).info});
    PoolSample sample;
    sample.full = true;
    Pool pool = pool_of("hikaricp", hikari);
    pool.database = Text{std::string("postgresql://10.1.1.1:5432/shop")};
    sample.pools = {pool};
    QVERIFY(check_configuration(check_input(world)).findings.empty());
    Checkout checkout;
    checkout.key = {process_id, Text{std::string("c1")}};
    checkout.pool = pool.name;
    checkout.server_pid = 4711;
    checkout.local_port = std::uint16_t{50000};
    checkout.acquired = began + std::chrono::seconds{5};
    sample.changed = {checkout};
    tell(process_id, sample);
    const ConfigReport report = check_configuration(check_input(world));
    QCOMPARE(report.findings.size(), std::size_t{1});
    QCOMPARE(report.findings.front().rule, std::string("maxima_over_role_limit"));
}

/// What a configuration file does not name has its default; what an agent does not tell is unknown.
void TestCheck::aFileHasDefaults()
{
    CheckTarget target = process_of({pool_of("dbcp2", {})});
    QVERIFY(check_configuration({{target}, {}, {}}).findings.empty());
    target.from_file = true;
    const ConfigReport report = check_configuration({{target}, {}, {}});
    QCOMPARE(report.findings.size(), std::size_t{1});
    QCOMPARE(report.findings.front().rule, std::string("no_acquire_timeout"));
    QCOMPARE(report.findings.front().value, std::string("-1"));
}

void TestCheck::addresses_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("read");
    const auto row = [](const char* text, const char* read) {
        QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(read);
    };
    row("postgresql://db1:5433/shop", "postgresql db1 5433 shop");
    row("postgres://u:p@DB1.example/shop?x=y", "postgresql db1.example 5432 shop");
    row("postgresql+psycopg://[::1]/shop", "postgresql loopback 5432 shop");
    row("postgresql://[fe80::1]:6000/s", "postgresql fe80::1 6000 s");
    row("mysql://127.0.0.1", "mysql loopback 3306 ");
    row("mariadb://h:3307/a;b=c", "mysql h 3307 a");
    row("pgbouncer://stats@db1", "pgbouncer db1 6432 ");
    row("10.0.0.5:5432/shop", " 10.0.0.5 5432 shop");
    row("local:5432/shop", " local 5432 shop");
    row("host=db1 port=6000 dbname=shop user=dba", "postgresql db1 6000 shop");
    row("host=/var/run/postgresql", "postgresql local 5432 ");
    row("service=shop", "-");
    row("postgresql://a,b/shop", "-");
    row("postgresql://a:99999/shop", "-");
    row("sqlite:///tmp/x", "-");
    row("host='a b'", "-");
    row("", "-");
    row("shop", "-");
}

void TestCheck::addresses()
{
    QFETCH(QString, text);
    QFETCH(QString, read);
    const auto address = read_check_address(text.toStdString());
    const QString told =
        address
            ? QStringLiteral("%1 %2 %3 %4")
                  .arg(QString::fromStdString(address->kind), QString::fromStdString(address->host),
                       QString::number(address->port), QString::fromStdString(address->database))
            : QStringLiteral("-");
    QCOMPARE(told, read);
}

void TestCheck::durations_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<qint64>("us"); // -1: cannot be read
    const auto row = [](const char* text, qint64 us) {
        QTest::newRow(text) << QString::fromUtf8(text) << us;
    };
    row("1h30m0s", 5'400'000'000);
    row("5m0s", 300'000'000);
    row("1.5s", 1'500'000);
    row("30 s", 30'000'000);
    row("100ms", 100'000);
    row("100\xC2\xB5s", 100);
    row("30", -1);
    row("", -1);
    row("s", -1);
    row("1.5.5s", -1);
    row("999999999h", -1);
    row("1e9s", -1);
    row("30s!", -1);
}

void TestCheck::durations()
{
    QFETCH(QString, text);
    QFETCH(qint64, us);
    bool never = false;
    const auto read = read_written_duration(text.toStdString(), never);
    QCOMPARE(read ? to_us(*read) : -1, us);
    QVERIFY(!never);
}

void TestCheck::hostileTextIsPlain()
{
    Pool pool = pool_of("dbcp2", with(dbcp2, "maxWaitMillis", "-1"), "a\x1b[31m\nb");
    pool.database = Text{std::string(5000, 'x') + "://"};
    CheckInput input = on(server_of(), {pool});
    input.targets.front().info.name = "db\n\x1b[2J";
    const ConfigReport report = check_configuration(input);
    QCOMPARE(report.findings.size(), std::size_t{1});
    for (const std::string& sentence : report.unknown) {
        QVERIFY(sentence.find('\x1b') == std::string::npos);
        QVERIFY(sentence.find('\n') == std::string::npos);
        QVERIFY(sentence.size() < 1000);
    }
}

QTEST_APPLESS_MAIN(TestCheck)
#include "tst_check.moc"
