// SPDX-License-Identifier: GPL-3.0-or-later
// What answers of MySQL and MariaDB mean: states, instants, who blocks whom, what changed.
#include "core/base/bounds.h"
#include "core/source/mysqlgreeting.h"
#include "core/source/mysqlsessions.h"
#include "tests/source/mysqlanswers.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

namespace {

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
    void theHourThatComesTwice();
    void onlyWhatChanged();
    void lastStatementIsKept();
    void blockersAreKept();
    void ownSessionIsQuiet();
    void greetings();
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
    MySqlRows far;
    far.columns = {"a"};
    far.rows = {{"4000000000000"}};
    QCOMPARE(far.instant(0, 0), std::optional{timestamp_from_us(farthest_us)});
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

namespace {

/// A sleeper, and the transaction that it has, begun at that second.
MySqlPoll sleeper(const char* clock, const char* began, TextPool& texts)
{
    MySqlRows r = poll({row("5", "Sleep", "", *began ? "RUNNING" : "")});
    r.rows[0][0] = clock;
    r.rows[0][9] = "5000.000";
    if (*began)
        r.rows[0][12] = began;
    return read(r, texts);
}

std::optional<Timestamp> begun(const ServerSample& sample)
{
    return sample.changed.empty() ? std::nullopt : sample.changed.front().transaction_since;
}

} // namespace

void TestMySqlRows::theHourThatComesTwice()
{
    // The server's zone tells which of the two it was by nothing. Not one that is still to come.
    TextPool texts;
    const auto second = [](std::int64_t s) {
        return std::optional{timestamp_from_us(s * 1000000)};
    };
    MySqlSessions sessions(target);
    QCOMPARE(begun(sessions.absorb(sleeper("1700000100.5", "1700003690.0", texts), nullptr, nullptr,
                                   true)),
             second(1700000090));
    // Nor one from before the session was seen without any.
    sessions.clear();
    sessions.absorb(sleeper("1700000100.5", "", texts), nullptr, nullptr, true);
    QCOMPARE(begun(sessions.absorb(sleeper("1700000110.5", "1699996505.0", texts), nullptr, nullptr,
                                   false)),
             second(1700000105));
    // So it stays.
    QVERIFY(sessions.absorb(sleeper("1700000111.5", "1699996505.0", texts), nullptr, nullptr, false)
                .changed.empty());
    // One that nobody knows better is believed.
    sessions.clear();
    QCOMPARE(begun(sessions.absorb(sleeper("1700000110.5", "1699996505.0", texts), nullptr, nullptr,
                                   true)),
             second(1699996505));
}

void TestMySqlRows::greetings()
{
    const auto packet = [](const QByteArray& version, char flags) {
        QByteArray body = char(10) + version + '\0' + QByteArray("\1\0\0\0abcdefgh\0", 13);
        body += QByteArray("\xff", 1) + flags + QByteArray(40, '\1');
        return QByteArray(1, char(body.size())) + QByteArray("\0\0\0", 3) + body;
    };
    const auto told = [](const QByteArray& bytes) {
        return read_mysql_greeting(
            {reinterpret_cast<const unsigned char*>(bytes.constData()), std::size_t(bytes.size())});
    };
    const QByteArray offers = packet("8.0.30", char(0xff)), plain = packet("8.0.30", char(0xf7));
    QVERIFY(told(offers).greets && told(offers).offers_tls && told(offers).needs == 0);
    QVERIFY(told(plain).greets && !told(plain).offers_tls && told(plain).needs == 0);
    // In pieces, each too short to tell: it never asks for less than one byte more, nor for more
    // than there will be.
    for (int size = 0; size < 4 + 1 + 7 + 13 + 2; ++size) {
        const MySqlGreeting greeting = told(offers.left(size));
        QVERIFY2(greeting.needs > std::size_t(size) && greeting.needs <= 4 + 1 + 7 + 13 + 2,
                 qPrintable(QString::number(size)));
        QVERIFY(!greeting.greets);
    }
    // An error, another protocol, a version without end, a packet that is too short.
    QVERIFY(told(QByteArray("\x17\0\0\0\xff\x10\x04Too many", 14)).needs == 0);
    QVERIFY(!told(QByteArray("HTTP/1.1 400 Bad Request")).greets);
    const QByteArray endless = QByteArray("\xff\xff\0\0\x0a", 5) + QByteArray(600, 'x');
    QVERIFY(!told(endless).greets && told(endless).needs == 0);
    QVERIFY(told(endless.left(300)).needs == 301);
    QVERIFY(!told(QByteArray("\x05\0\0\0\x0a"
                             "8.0\0",
                             9) +
                  QByteArray(40, '\xff'))
                 .greets);
}

QTEST_APPLESS_MAIN(TestMySqlRows)
#include "tst_mysqlrows.moc"
