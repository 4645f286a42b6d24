// SPDX-License-Identifier: GPL-3.0-or-later
// What answers of MySQL and MariaDB mean: states, instants, who blocks whom, what changed.
#include "core/source/mysqlcommands.h"
#include "core/source/mysqlrows.h"
#include "core/source/mysqlsessions.h"
#include "core/source/mysqlstatements.h"
#include "core/source/mysqltrouble.h"

#include <QTest>

using namespace poolscope;

namespace {

constexpr TargetId target{1};
const Timestamp serverStart = timestamp_from_us(1700000000000000);

MySqlRows poll(std::initializer_list<MySqlRows::Row> rows)
{
    MySqlRows r;
    r.columns = {"clock", "ID",   "user",    "host",     "db",        "command",     "time",
                 "state", "info", "time_ms", "query_id", "trx_state", "trx_started", "trx_wait"};
    r.rows = rows;
    return r;
}

MySqlRows::Row row(const char* id, const char* command, const char* state = "",
                   const char* trx = "", const char* query = "7", const char* ms = "2500.250",
                   const char* info = "")
{
    const auto text = [](const char* word) {
        return *word ? std::optional<std::string>{word} : std::nullopt;
    };
    return {"1700000100.500000",
            id,
            "app",
            "10.0.0.1:4711",
            "shop",
            command,
            "2",
            text(state),
            text(info),
            text(ms),
            text(query),
            text(trx),
            *trx ? std::optional<std::string>{"1700000090.000000"} : std::nullopt,
            std::string_view{trx} == "LOCK WAIT" ? std::optional<std::string>{"1700000099.000000"}
                                                 : std::nullopt};
}

MySqlPoll read(const MySqlRows& rows, TextPool& texts, std::int64_t own = 99)
{
    MySqlPoll p = read_mysql_poll(rows, target, serverStart, own, texts);
    read_mysql_transactions(rows, p); // columns are found by their names
    return p;
}

MySqlRows locks(std::initializer_list<MySqlRows::Row> rows)
{
    MySqlRows r;
    r.columns = {"id", "object_type", "object_schema", "object_name", "lock_type", "lock_status"};
    r.rows = rows;
    return r;
}

std::vector<Pid> pids(std::initializer_list<int> ids)
{
    std::vector<Pid> out;
    for (const int id : ids)
        out.push_back(Pid{id});
    return out;
}

} // namespace

class TestMySqlRows : public QObject
{
    Q_OBJECT
private slots:
    void states_data();
    void states();
    void instants();
    void serversOwnWork();
    void hostileValues();
    void rowWaits();
    void metadataWaits();
    void compatibility();
    void onlyWhatChanged();
    void lastStatementIsKept();
    void blockersAreKept();
    void ownSessionIsQuiet();
    void grants();
    void textLimits();
    void troubles_data();
    void troubles();
    void killIsChecked();
    void cloudsHaveOtherWays();
    void identity();
};

void TestMySqlRows::states_data()
{
    QTest::addColumn<QByteArray>("command");
    QTest::addColumn<QByteArray>("state");
    QTest::addColumn<QByteArray>("trx");
    QTest::addColumn<int>("expected");
    const auto add = [](const char* name, const char* command, const char* state, const char* trx,
                        SessionState expected) {
        QTest::newRow(name) << QByteArray(command) << QByteArray(state) << QByteArray(trx)
                            << int(expected);
    };
    add("asleep", "Sleep", "", "", SessionState::idle);
    add("asleep in a transaction", "Sleep", "", "RUNNING", SessionState::idle_in_transaction);
    add("runs", "Query", "Sending data", "", SessionState::active);
    add("runs in a transaction", "Execute", "Updating", "RUNNING", SessionState::active);
    add("waits for a row", "Query", "Updating", "LOCK WAIT", SessionState::waiting);
    add("waits for a name", "Query", "Waiting for table metadata lock", "", SessionState::waiting);
    add("waits for all tables", "Query", "Waiting for global read lock", "RUNNING",
        SessionState::waiting);
    add("waits for a user's lock", "Query", "User lock", "", SessionState::waiting);
    add("waits for a flush", "Query", "Waiting for table flush", "", SessionState::waiting);
    add("waits for nobody", "Query", "Waiting for commit", "", SessionState::active);
    add("logs in", "Connect", "login", "", SessionState::other);
    add("was killed", "Killed", "", "", SessionState::other);
    add("dumps its binlog", "Binlog Dump", "Has sent all binlog", "", SessionState::other);
}

void TestMySqlRows::states()
{
    QFETCH(QByteArray, command);
    QFETCH(QByteArray, state);
    QFETCH(QByteArray, trx);
    QFETCH(int, expected);
    TextPool texts;
    const MySqlPoll p = read(poll({row("5", command, state, trx)}), texts);
    QCOMPARE(p.rows.size(), std::size_t{1});
    QCOMPARE(int(p.rows[0].session.state), expected);
}

void TestMySqlRows::instants()
{
    TextPool texts;
    const MySqlPoll p =
        read(poll({row("5", "Sleep", "", "RUNNING"), row("6", "Query", "Updating", "LOCK WAIT"),
                   row("7", "Query", "x", "", "", "")}),
             texts);
    QCOMPARE(p.clock, std::optional{timestamp_from_us(1700000100500000)});
    const Session& idle = p.rows[0].session;
    QCOMPARE(idle.state_since, std::optional{timestamp_from_us(1700000097999750)});
    QCOMPARE(idle.transaction_since, std::optional{timestamp_from_us(1700000090000000)});
    QVERIFY(!idle.statement_since);
    // One that began only after it was seen asleep.
    MySqlRows raced = poll({row("5", "Sleep", "", "RUNNING")});
    raced.rows[0][12] = "1700000100.000000";
    QCOMPARE(int(read(raced, texts).rows[0].session.state), int(SessionState::idle));
    QCOMPARE(idle.key.started, serverStart);
    QCOMPARE(idle.client.str(), std::string("10.0.0.1:4711"));
    const Session& waits = p.rows[1].session;
    QCOMPARE(waits.state_since, std::optional{timestamp_from_us(1700000099000000)});
    QCOMPARE(waits.statement_since, std::optional{timestamp_from_us(1700000097999750)});
    QCOMPARE(waits.wait_event.str(), std::string("InnoDB row lock"));
    // Whole seconds of the server's clock: the same whenever within the second it is asked.
    const Session& seconds = p.rows[2].session;
    QCOMPARE(seconds.statement_since, std::optional{timestamp_from_us(1700000098000000)});
}

void TestMySqlRows::serversOwnWork()
{
    QVERIFY(!is_mysql_client("Daemon", "event_scheduler"));
    QVERIFY(!is_mysql_client("Binlog Dump GTID", "repl"));
    QVERIFY(!is_mysql_client("Slave_SQL", "system user"));
    QVERIFY(is_mysql_client("Sleep", "app"));
    QVERIFY(is_mysql_client("Connect", "unauthenticated user"));
    TextPool texts;
    MySqlRows r = poll({row("5", "Slave_SQL"), row("6", "Daemon")});
    r.rows[0][2] = "system user";
    const MySqlPoll p = read(r, texts);
    QCOMPARE(p.rows[0].session.backend_type.str(), std::string("system user: Slave_SQL"));
    QCOMPARE(p.rows[1].session.backend_type.str(), std::string("Daemon"));
    QVERIFY(!p.rows[0].session.is_client() && !p.rows[1].session.is_client());
}

void TestMySqlRows::hostileValues()
{
    TextPool texts;
    MySqlRows r =
        poll({row("5", "Query", "\x1b[31m", "", "7", "x", "SELECT '\x07'\n1"), row("-3", "Query"),
              row("word", "Query"), row("8", "Sleep"), row("8", "Sleep", "", "RUNNING")});
    r.rows[0][2] = std::string("a\nb\x01") + std::string(5000, 'u');
    r.rows[0][0] = "99999999999999999999999";
    r.rows[3] = {"1"}; // fewer values than columns
    r.rows.push_back({});
    const MySqlPoll p = read(r, texts);
    QCOMPARE(p.rows.size(), std::size_t{2});
    const Session& s = p.rows[0].session;
    QVERIFY(s.user.str().size() <= 256 + 3);
    QCOMPARE(s.user.str().find('\n'), std::string::npos);
    QCOMPARE(s.user.str().find('\x01'), std::string::npos);
    QCOMPARE(s.wait_event.str().find('\x1b'), std::string::npos);
    QCOMPARE(s.statement.str().find('\x07'), std::string::npos);
    QVERIFY(!r.integer(77, 0) && !r.integer(0, 77) && !r.integer(0, -1));
    for (const char* text : {"", ".", "-", "1e9", "9223372036854775807.0", "1.2.3", "1,5"}) {
        MySqlRows one;
        one.columns = {"a"};
        one.rows = {{std::string(text)}};
        QVERIFY2(!one.instant(0, 0), text);
    }
}

void TestMySqlRows::rowWaits()
{
    MySqlRows r;
    r.columns = {"waiter", "blocker"};
    r.rows = {{"12", "11"}, {"13", "12"}, {"13", "11"}, {"13", "11"},
              {"14", "14"}, {"15", "0"},  {"x", "1"},   {"16", {}}};
    MySqlBlockers blockers;
    read_row_waits(r, blockers);
    QCOMPARE(blockers[12], pids({11}));
    QCOMPARE(blockers[13], pids({11, 12}));
    QCOMPARE(blockers[15], pids({0})); // a prepared transaction has no session
    QVERIFY(!blockers.contains(14) && !blockers.contains(16) && !blockers.contains(0));
}

void TestMySqlRows::metadataWaits()
{
    MySqlBlockers blockers;
    read_metadata_waits(locks({{"11", "TABLE", "shop", "t", "SHARED_READ", "GRANTED"},
                               {"12", "TABLE", "shop", "t", "SHARED_UPGRADABLE", "GRANTED"},
                               {"12", "TABLE", "shop", "t", "EXCLUSIVE", "PENDING"},
                               {"13", "TABLE", "shop", "t", "SHARED_WRITE", "PENDING"},
                               {"14", "TABLE", "shop", "other", "SHARED_READ", "GRANTED"},
                               {"15", "USER LEVEL LOCK", {}, "l", "EXCLUSIVE", "GRANTED"},
                               {"16", "USER LEVEL LOCK", {}, "l", "EXCLUSIVE", "PENDING"},
                               {"17", "TABLE", "shop", "t", "EXCLUSIVE", "VICTIM"}}),
                        blockers);
    QCOMPARE(blockers[12], pids({11}));
    QCOMPARE(blockers[13], pids({12})); // behind one that is not granted anything either
    QCOMPARE(blockers[16], pids({15}));
    QCOMPARE(blockers.size(), std::size_t{3});
}

void TestMySqlRows::compatibility()
{
    QVERIFY(!metadata_conflict("SHARED_READ", "SHARED_WRITE"));
    QVERIFY(!metadata_conflict("SHARED_WRITE", "SHARED_WRITE"));
    QVERIFY(metadata_conflict("SHARED_WRITE", "SHARED_NO_WRITE"));
    QVERIFY(metadata_conflict("SHARED_UPGRADABLE", "SHARED_UPGRADABLE"));
    QVERIFY(!metadata_conflict("SHARED_UPGRADABLE", "SHARED_WRITE"));
    QVERIFY(!metadata_conflict("SHARED_NO_READ_WRITE", "SHARED_HIGH_PRIO"));
    QVERIFY(metadata_conflict("SHARED_NO_READ_WRITE", "SHARED_READ"));
    QVERIFY(!metadata_conflict("INTENTION_EXCLUSIVE", "INTENTION_EXCLUSIVE"));
    QVERIFY(metadata_conflict("INTENTION_EXCLUSIVE", "SHARED"));
    for (const char* kind :
         {"SHARED", "SHARED_HIGH_PRIO", "SHARED_READ", "SHARED_WRITE", "SHARED_UPGRADABLE",
          "SHARED_READ_ONLY", "SHARED_NO_WRITE", "SHARED_NO_READ_WRITE", "EXCLUSIVE"}) {
        QVERIFY2(metadata_conflict(kind, "EXCLUSIVE"), kind);
        QVERIFY2(metadata_conflict("EXCLUSIVE", kind), kind);
    }
}

void TestMySqlRows::onlyWhatChanged()
{
    TextPool texts;
    MySqlSessions sessions(target);
    const auto first = sessions.absorb(read(poll({row("5", "Sleep"), row("6", "Sleep")}), texts),
                                       nullptr, nullptr, true);
    QCOMPARE(first.changed.size(), std::size_t{2});
    QVERIFY(first.full && first.gone.empty());
    // A later poll: the clock went on, what lasts lasts longer, nothing happened.
    MySqlRows later = poll({row("5", "Sleep", "", "", "7", "3500.100"),
                            row("6", "Query", "x", "", "8", "10.0", "SELECT 1")});
    for (MySqlRows::Row& each : later.rows)
        each[0] = "1700000101.500000";
    const auto second = sessions.absorb(read(later, texts), nullptr, nullptr, false);
    QCOMPARE(second.changed.size(), std::size_t{1});
    QCOMPARE(second.changed[0].key.pid, Pid{6});
    QCOMPARE(int(second.changed[0].state), int(SessionState::active));
    const auto third =
        sessions.absorb(read(poll({row("6", "Sleep")}), texts), nullptr, nullptr, false);
    QCOMPARE(third.gone, (std::vector<SessionKey>{{target, Pid{5}, serverStart}}));
    const SessionKey moved{target, Pid{6}, serverStart + std::chrono::seconds{1}};
    QVERIFY(sessions.find(moved)); // the server's start wobbles by a second
    QVERIFY(!sessions.find({target, Pid{6}, serverStart + std::chrono::seconds{60}}));
}

void TestMySqlRows::lastStatementIsKept()
{
    TextPool texts;
    MySqlSessions sessions(target);
    sessions.absorb(
        read(poll({row("5", "Query", "x", "RUNNING", "7", "10.0", "UPDATE t SET a = 1")}), texts),
        nullptr, nullptr, true);
    auto sample = sessions.absorb(read(poll({row("5", "Sleep", "", "RUNNING", "7")}), texts),
                                  nullptr, nullptr, false);
    QCOMPARE(sample.changed.at(0).statement.str(), std::string("UPDATE t SET a = 1"));
    // Another one ran that was not seen: which one is not known.
    sample = sessions.absorb(read(poll({row("5", "Sleep", "", "RUNNING", "9")}), texts), nullptr,
                             nullptr, false);
    QVERIFY(sample.changed.at(0).statement.is_null());
}

void TestMySqlRows::blockersAreKept()
{
    TextPool texts;
    MySqlSessions sessions(target);
    const MySqlRows r = poll({row("5", "Sleep", "", "RUNNING"),
                              row("6", "Query", "Updating", "LOCK WAIT", "8", "5.0", "UPDATE")});
    const MySqlBlockers known{{6, pids({5})}};
    sessions.absorb(read(r, texts), &known, nullptr, true);
    QCOMPARE(sessions.waiters(), std::size_t{1});
    sessions.absorb(read(r, texts), nullptr, nullptr, false); // not asked for this time
    QCOMPARE(sessions.find({target, Pid{6}, serverStart})->blocked_by, pids({5}));
    const MySqlBlockers none;
    sessions.absorb(read(r, texts), &none, nullptr, false);
    QVERIFY(sessions.find({target, Pid{6}, serverStart})->blocked_by.empty());
    QVERIFY(!sessions.metadataUnknown());
    sessions.absorb(read(poll({row("7", "Query", "Waiting for table metadata lock")}), texts),
                    nullptr, nullptr, false);
    QVERIFY(sessions.metadataUnknown());
}

void TestMySqlRows::ownSessionIsQuiet()
{
    TextPool texts;
    MySqlSessions sessions(target);
    sessions.absorb(read(poll({row("9", "Query", "a", "", "1", "1.0", "SELECT a")}), texts, 9),
                    nullptr, nullptr, true);
    const auto sample =
        sessions.absorb(read(poll({row("9", "Query", "b", "", "2", "2.0", "SELECT b")}), texts, 9),
                        nullptr, nullptr, false);
    QVERIFY(sample.changed.empty());
    QVERIFY(sessions.find({target, Pid{9}, serverStart})->own);
}

void TestMySqlRows::grants()
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
             (MySqlGrants{true, true, true, true}));
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
    QCOMPARE(granted("GRANT ALL PRIVILEGES ON `shop`.* TO `a`@`%`", false, 80040), MySqlGrants{});
}

void TestMySqlRows::textLimits()
{
    QCOMPARE(mysql_text_limit(0), std::size_t{65536});
    QCOMPARE(mysql_text_limit(100), std::size_t{65536});
    QCOMPARE(mysql_text_limit(10000), std::size_t{2048});
    QCOMPARE(mysql_text_limit(1000000), std::size_t{1024});
}

void TestMySqlRows::troubles_data()
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

void TestMySqlRows::troubles()
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

void TestMySqlRows::killIsChecked()
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
        commands.take();
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
    late.take();
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

void TestMySqlRows::cloudsHaveOtherWays()
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
    commands.take();
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

void TestMySqlRows::identity()
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

QTEST_APPLESS_MAIN(TestMySqlRows)
#include "tst_mysqlrows.moc"
