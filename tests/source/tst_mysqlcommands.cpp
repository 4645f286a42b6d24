// SPDX-License-Identifier: GPL-3.0-or-later
// What we may do on MySQL and MariaDB, how sessions are ended there, and what goes wrong.
#include "core/source/mysqlcommands.h"
#include "core/source/mysqlsessions.h"
#include "core/source/mysqlstatements.h"
#include "core/source/mysqltrouble.h"
#include "tests/source/mysqlanswers.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlCommands : public QObject
{
    Q_OBJECT
private slots:
    void grants();
    void textLimits();
    void troubles_data();
    void troubles();
    void killIsChecked();
    void clientsOfIpv6();
    void cloudsHaveOtherWays();
    void identity();
};

void TestMySqlCommands::grants()
{
    const auto granted = [](const char* line, bool mariadb, int version) {
        MySqlRows r;
        r.columns = {"Grants"};
        r.rows = {{std::string(line)}};
        MySqlShape shape;
        shape.mariadb = mariadb;
        shape.version = version;
        return read_mysql_grants(r, shape);
    };
    QCOMPARE(granted("GRANT ALL PRIVILEGES ON *.* TO `a`@`%` WITH GRANT OPTION", true, 101119),
             (MySqlGrants{true, true, true, true, true, false}));
    QCOMPARE(granted("GRANT PROCESS ON *.* TO `a`@`%`", true, 101119),
             (MySqlGrants{true, false, false, false}));
    QCOMPARE(granted("GRANT SUPER ON *.* TO `a`@`%`", true, 101119),
             (MySqlGrants{false, false, true, false}));
    QCOMPARE(granted("GRANT SUPER ON *.* TO `a`@`%`", true, 100300),
             (MySqlGrants{false, true, true, false}));
    QCOMPARE(granted("GRANT PROCESS, CONNECTION ADMIN ON *.* TO `a`@`%`", true, 101119),
             (MySqlGrants{true, true, false, false}));
    QCOMPARE(granted("GRANT CONNECTION_ADMIN,XA_RECOVER_ADMIN ON *.* TO `a`@`%`", false, 80040),
             (MySqlGrants{false, true, false, false}));
    QCOMPARE(granted("GRANT SELECT ON `performance_schema`.* TO `a`@`%`", false, 80040),
             (MySqlGrants{false, false, false, true}));
    // The procedures by which clouds let sessions be ended.
    const MySqlGrants executes{false, false, false, false, true, false};
    for (const char* const line :
         {"GRANT EXECUTE ON PROCEDURE `mysql`.`rds_kill` TO `a`@`%`",
          "GRANT EXECUTE ON PROCEDURE `mysql`.`az_kill` TO `a`@`%`",
          "GRANT EXECUTE ON `mysql`.* TO `a`@`%`", "GRANT INSERT, EXECUTE ON *.* TO `a`@`%`"})
        QVERIFY2(granted(line, false, 80040) == executes, line);
    for (const char* const line :
         {"GRANT EXECUTE ON PROCEDURE `mysql`.`rds_kill_query` TO `a`@`%`",
          "GRANT EXECUTE ON FUNCTION `mysql`.`rds_kill` TO `a`@`%`",
          "GRANT EXECUTE ON `shop`.* TO `a`@`%`", "GRANT SELECT ON `shop`.* TO `a`@`%`"})
        QVERIFY2(granted(line, false, 80040) == MySqlGrants{}, line);
    for (const char* const line :
         {"GRANT SELECT ON `mysql`.* TO `a`@`%`", "GRANT SHOW_ROUTINE ON *.* TO `a`@`%`",
          "GRANT SELECT ON `mysql`.`proc` TO `a`@`%`"})
        QVERIFY2(granted(line, false, 80040).sees_others, line);
    QCOMPARE(granted("GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`", false, 80040), MySqlGrants{});
}

void TestMySqlCommands::textLimits()
{
    QCOMPARE(mysql_text_limit(0), std::size_t{65536});
    QCOMPARE(mysql_text_limit(100), std::size_t{65536});
    QCOMPARE(mysql_text_limit(10000), std::size_t{2048});
    QCOMPARE(mysql_text_limit(1000000), std::size_t{1024});
}

void TestMySqlCommands::troubles_data()
{
    QTest::addColumn<unsigned int>("number");
    QTest::addColumn<QString>("words");
    QTest::addColumn<int>("kind");
    QTest::addColumn<QString>("said");
    using Kind = PgTrouble::Kind;
    const auto add = [](const char* name, unsigned int number, const char* words, Kind kind,
                        const char* said) {
        QTest::newRow(name) << number << QString::fromUtf8(words) << int(kind)
                            << QString::fromUtf8(said);
    };
    add("refused", 2002, "Can't connect to server on '10.0.0.1' (111)", Kind::transient,
        "Nothing listens at");
    add("no socket", 2002, "Can't connect to local server through socket '/a' (2)", Kind::transient,
        "There is no server at");
    add("password", 1045, "Access denied for user 'a'@'b' (using password: NO)", Kind::password,
        "wants a password");
    add("database", 1049, "Unknown database 'd'", Kind::persistent, "has no database \"d\"");
    add("full", 1040, "Too many connections", Kind::transient, "CONNECTION ADMIN");
    add("full before TLS", 2002,
        "Received error packet before completion of TLS handshake. The authenticity of the "
        "following error cannot be verified: 1040 - Too many connections",
        Kind::transient, "has no free connection");
    add("blocked", 1129, "Host 'x' is blocked because of many connection errors", Kind::persistent,
        "FLUSH HOSTS");
    add("not from here", 1130, "Host 'x' is not allowed to connect to this server",
        Kind::persistent, "lets no account in from this machine");
    add("TLS", 2026, "TLS/SSL error: the server does not support TLS", Kind::persistent,
        "ssl-mode=preferred");
    add("stops", 1053, "Server shutdown in progress", Kind::transient, "is shutting down");
    add("process", 1227, "Access denied; you need the PROCESS privilege", Kind::persistent,
        "GRANT PROCESS ON *.* TO `u`");
    add("hung up", 2013, "Lost connection to server at 'handshake'", Kind::transient, "hung up");
    add("another protocol", 2027, "Malformed packet", Kind::transient,
        "does not speak MySQL's protocol");
    add("clear text", 2059, "Authentication plugin 'mysql_clear_password' is restricted",
        Kind::persistent, "wants a way to log in");
}

void TestMySqlCommands::troubles()
{
    QFETCH(unsigned int, number);
    QFETCH(QString, words);
    QFETCH(int, kind);
    QFETCH(QString, said);
    PgWhom whom;
    whom.where = "db1:3306";
    whom.user = "u";
    whom.database = "d";
    const PgTrouble trouble =
        mysql_connect_trouble({number, "HY000", words.toStdString(), 0}, whom);
    QCOMPARE(int(trouble.kind), kind);
    const QString all = QString::fromStdString(trouble.sentence + ' ' + trouble.next_step);
    QVERIFY2(all.contains(said), qPrintable(all));
    QVERIFY(!trouble.next_step.empty());
    QVERIFY2(!all.contains(QLatin1String("..")), qPrintable(all));
}

namespace {

MySqlReply replyOf(const MySqlRows& rows)
{
    MySqlReply reply;
    reply.rows = rows;
    return reply;
}

MySqlReply refusal(unsigned int number, const char* words)
{
    MySqlReply reply;
    reply.error = number;
    reply.trouble = mysql_server_trouble({number, "", words, 0}, {});
    return reply;
}

} // namespace

void TestMySqlCommands::killIsChecked()
{
    TextPool texts;
    MySqlSessions sessions(target);
    const MySqlRows seen =
        poll({row("5", "Query", "x", "", "7", "2500.250", "SELECT SLEEP(9)"), row("6", "Sleep")});
    sessions.absorb(read(seen, texts), nullptr, nullptr, true);
    const MySqlCommands::Instant now{};
    Command command;
    command.verb = ActionVerb::cancel;
    command.session = {target, Pid{5}, serverStart};
    command.statementSince = sessions.find(command.session)->statement_since;
    const auto outcome = [&](const MySqlRows& found) {
        MySqlCommands commands;
        if (!commands.add(command, sessions, now).empty())
            return QStringLiteral("refused at once");
        commands.take(now);
        const auto facts = commands.checked(replyOf(found), sessions);
        return facts.empty() ? QString::fromStdString(commands.order())
                             : QString::fromStdString(facts[0].sentence);
    };
    MySqlRows found = poll({seen.rows[0]});
    QCOMPARE(outcome(found), QStringLiteral("KILL QUERY ID 7"));
    found.rows[0][10] = "8";
    QVERIFY(outcome(found).contains(QStringLiteral("another statement")));
    // Without the server's name for it, its text tells.
    found = poll({row("5", "Query", "x", "", "", "2500.250", "SELECT SLEEP(9)")});
    QCOMPARE(outcome(found), QStringLiteral("KILL QUERY 5"));
    found = poll({row("5", "Query", "x", "", "", "2500.250", "SELECT SLEEP(8)")});
    QVERIFY(outcome(found).contains(QStringLiteral("another statement")));
    // Its time was up before it was known whom it would hit.
    MySqlCommands late;
    QVERIFY(late.add(command, sessions, now).empty());
    late.take(now);
    QCOMPARE(late.expire(now + std::chrono::seconds{11}).size(), std::size_t{1});
    const auto refused = late.checked(replyOf(seen), sessions);
    QCOMPARE(refused.size(), std::size_t{1});
    QVERIFY(refused[0].phase == ActionPhase::refused && !late.inFlight());
    found = poll({row("5", "Sleep")});
    QVERIFY(outcome(found).contains(QStringLiteral("runs no statement")));
    found = poll({});
    QVERIFY(outcome(found).contains(QStringLiteral("no longer the one")));
    command.verb = ActionVerb::terminate;
    found = poll({seen.rows[0]});
    QCOMPARE(outcome(found), QStringLiteral("KILL CONNECTION 5"));
    found.rows[0][3] = "10.0.0.1:4712";
    QVERIFY(outcome(found).contains(QStringLiteral("no longer the one")));
    found = poll({seen.rows[0]});
    found.rows[0][2] = "other";
    QVERIFY(outcome(found).contains(QStringLiteral("no longer the one")));
    found = poll({seen.rows[0]});
    found.rows[0][4] = "mysql";
    QVERIFY(outcome(found).contains(QStringLiteral("another database")));
    // Of an earlier life of the server.
    command.session.started -= std::chrono::hours{1};
    QVERIFY(outcome(poll({seen.rows[0]})).contains(QStringLiteral("no longer the one")));
}

/// The list without ports, what is looked up once, and the list that is read before a kill write
/// an address in three ways.
void TestMySqlCommands::clientsOfIpv6()
{
    TextPool texts;
    MySqlSessions sessions(target);
    MySqlRows seen = poll({row("5", "Query", "x", "", "7", "2500.250", "SELECT SLEEP(9)")});
    seen.columns[3] = "address"; // as of performance_schema.threads
    seen.rows[0][3] = "2001:db8::5";
    MySqlRows looked;
    looked.columns = {"id", "name", "value"};
    looked.rows = {{"5", "host", "2001:db8::5:51234"}};
    Command command;
    command.verb = ActionVerb::terminate;
    command.session = {target, Pid{5}, serverStart};
    const auto refused = [&](const char* client) {
        MySqlCommands commands;
        if (!commands.add(command, sessions, {}).empty())
            return true;
        commands.take(MySqlCommands::Instant{});
        MySqlRows found = poll({row("5", "Query", "x", "", "7", "2500.250", "SELECT SLEEP(9)")});
        found.rows[0][3] = client;
        return !commands.checked(replyOf(found), sessions).empty();
    };
    sessions.absorb(read(seen, texts), nullptr, nullptr, true);
    QCOMPARE(sessions.find(command.session)->client.str(), std::string("[2001:db8::5]"));
    QVERIFY(!refused("2001:db8::5:51234"));
    QVERIFY(refused("2001:db8::51:51234"));
    sessions.learn({5}, &looked, texts);
    sessions.absorb(read(seen, texts), nullptr, nullptr, false);
    QCOMPARE(sessions.find(command.session)->client.str(), std::string("[2001:db8::5]:51234"));
    QVERIFY(!refused("2001:db8::5:51234"));
    QVERIFY(refused("2001:db8::5:51235"));
}

void TestMySqlCommands::cloudsHaveOtherWays()
{
    TextPool texts;
    MySqlSessions sessions(target);
    const MySqlRows seen = poll({row("6", "Sleep")});
    sessions.absorb(read(seen, texts), nullptr, nullptr, true);
    MySqlCommands commands;
    Command command;
    command.verb = ActionVerb::terminate;
    command.session = {target, Pid{6}, serverStart};
    QVERIFY(commands.add(command, sessions, {}).empty());
    commands.take(MySqlCommands::Instant{});
    QVERIFY(commands.checked(replyOf(seen), sessions).empty());
    QVERIFY(commands.killed(refusal(1095, "You are not owner of thread 6"), "G").empty());
    QCOMPARE(commands.order(), std::string("CALL mysql.rds_kill(6)"));
    QVERIFY(commands.killed(refusal(1305, "PROCEDURE mysql.rds_kill does not exist"), "G").empty());
    QCOMPARE(commands.order(), std::string("CALL mysql.az_kill(6)"));
    const auto facts = commands.killed(refusal(1305, "PROCEDURE does not exist"), "GRANT IT;");
    QCOMPARE(facts.size(), std::size_t{1});
    QCOMPARE(int(facts[0].phase), int(ActionPhase::refused));
    // The words that count are those about KILL, with what would help.
    const QString said = QString::fromStdString(facts[0].sentence);
    QVERIFY2(said.contains(QStringLiteral("not owner")), qPrintable(said));
    QVERIFY2(said.contains(QStringLiteral("GRANT IT;")), qPrintable(said));
    QVERIFY(!commands.inFlight());
}

void TestMySqlCommands::identity()
{
    const SessionKey key{target, Pid{77}, serverStart};
    QCOMPARE(identity_of(key, "mysql"), std::string("my-77-1700000000000000"));
    QCOMPARE(identity_of(key, "postgresql"), std::string("pg-77-1700000000000000"));
    QCOMPARE(key_from_identity(target, "my-77-1700000000000000"), std::optional{key});
    SessionKey near = key;
    near.started += std::chrono::seconds{2};
    QVERIFY(same_session(key, near, "mysql") && !same_session(key, near, "postgresql"));
    near.started += std::chrono::microseconds{1};
    QVERIFY(!same_session(key, near, "mysql"));
    near = key;
    near.pid = Pid{78};
    QVERIFY(!same_session(key, near, "mysql"));
}

QTEST_APPLESS_MAIN(TestMySqlCommands)
#include "tst_mysqlcommands.moc"
