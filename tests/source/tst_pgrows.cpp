// SPDX-License-Identifier: GPL-3.0-or-later
// Decoding and folding of polls, without a server: results are made by hand.
#include "core/base/bounds.h"
#include "core/source/pgcommands.h"
#include "core/source/pgrows.h"
#include "core/source/pgsessions.h"
#include "core/source/pgtrouble.h"

#include <QTest>
#include <QtEndian>

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

using namespace poolscope;

using Steady = std::chrono::steady_clock;

namespace {

/// A binary result of one row.
class Made
{
public:
    explicit Made(const std::vector<std::pair<const char*, std::optional<QByteArray>>>& columns)
        : result_(PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), PQclear)
    {
        std::vector<PGresAttDesc> attributes;
        for (const auto& [name, value] : columns)
            attributes.push_back({const_cast<char*>(name), 0, 0, 1, 0, -1, -1});
        PQsetResultAttrs(result_.get(), int(attributes.size()), attributes.data());
        for (std::size_t i = 0; i < columns.size(); ++i) {
            QByteArray value = columns.at(i).second.value_or(QByteArray());
            PQsetvalue(result_.get(), 0, int(i), columns.at(i).second ? value.data() : nullptr,
                       columns.at(i).second ? int(value.size()) : -1);
        }
    }
    const PGresult* get() const { return result_.get(); }

private:
    std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

template <class T>
QByteArray big(T value)
{
    QByteArray bytes(sizeof(T), 0);
    qToBigEndian(value, bytes.data());
    return bytes;
}

QByteArray stamp(Timestamp t)
{
    return big<qint64>(to_us(t) - 946684800000000);
}

Session session(std::int32_t pid, std::int64_t started, SessionState state)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, timestamp_from_us(started)};
    s.backend_type = Text{"client backend"};
    s.state = state;
    s.state_since = s.statement_since = timestamp_from_us(started + 10);
    s.statement = Text{"SELECT 1"};
    return s;
}

PgPoll poll(std::int64_t clock, const std::vector<Session>& sessions,
            std::vector<std::int32_t> pids = {})
{
    PgPoll p;
    p.clock = timestamp_from_us(clock);
    for (const Session& s : sessions) {
        PgRow row;
        row.session = s;
        row.text_sent = true;
        p.rows.push_back(row);
        pids.push_back(std::int32_t(s.key.pid.value));
    }
    std::sort(pids.begin(), pids.end());
    p.pids = pids;
    return p;
}

} // namespace

class TestPgRows : public QObject
{
    Q_OBJECT
private slots:
    void decodesARow();
    void hiddenAndMalformed();
    void onceInOurOwnRow();
    void housekeeping();
    void crowded();
    void states();
    void clients();
    void onlyChangesAreTold();
    void reusedPid();
    void textAskedForWhenMissing();
    void unknownPidsAreAskedForOnce();
    void blockersStandWhileNotAsked();
    void namesOnce();
    void troubleSentences();
    void commandsExpire();
};

void TestPgRows::decodesARow()
{
    const Timestamp start = timestamp_from_us(1700000000123456);
    const Made made(
        {{"clock", std::nullopt},
         {"query", QByteArray("SELECT\t1;\x1b\n")},
         {"backend_start", stamp(start)},
         {"pid", big<qint32>(42)},
         {"usesysid", big<quint32>(4000000000U)},
         {"datid", big<quint32>(5)},
         {"state", QByteArray("active")},
         {"wait_event_type", QByteArray("Lock")},
         {"wait_event", QByteArray("tuple")},
         {"client_addr", QByteArray("\x02\x20\x00\x04\x0a\x00\x00\x07", 8)},
         {"client_port", big<qint32>(5555)},
         {"backend_xmin", big<quint32>(3999999999U)},
         {"blockers", big<qint32>(1) + big<qint32>(0) + big<qint32>(23) + big<qint32>(3) +
                          big<qint32>(1) + big<qint32>(4) + big<qint32>(9) + big<qint32>(4) +
                          big<qint32>(0) + big<qint32>(4) + big<qint32>(9)},
         {"backend_type", QByteArray("client backend")}});
    TextPool texts;
    const PgPoll p = read_poll(made.get(), TargetId{3}, 1, texts);
    QCOMPARE(p.rows.size(), std::size_t{1});
    const Session& s = p.rows.front().session;
    QCOMPARE(s.key, (SessionKey{TargetId{3}, Pid{42}, start}));
    QCOMPARE(p.rows.front().user, 4000000000U);
    QCOMPARE(s.state, SessionState::waiting);
    QCOMPARE(s.wait_event.str(), std::string("Lock/tuple"));
    QCOMPARE(s.client.str(), std::string("10.0.0.7:5555"));
    QCOMPARE(s.xmin, std::optional<std::uint32_t>(3999999999U));
    QCOMPARE(s.blocked_by, (std::vector<Pid>{Pid{0}, Pid{9}}));
    QCOMPARE(s.statement.str(), std::string("SELECT\t1;\xEF\xBF\xBD\n"));
    QVERIFY(s.application.is_null()); // the column is absent
}

void TestPgRows::hiddenAndMalformed()
{
    TextPool texts;
    const Made hidden({{"pid", big<qint32>(7)},
                       {"backend_start", std::nullopt},
                       {"query", QByteArray("<insufficient privilege>")}});
    const PgPoll p = read_poll(hidden.get(), TargetId{1}, 1, texts);
    QCOMPARE(p.rows.front().session.state, SessionState::unknown);
    QVERIFY(p.rows.front().session.statement.is_null());
    QCOMPARE(p.rows.front().session.key.started, Timestamp{});

    // Sizes that lie: nothing is read, nothing past the value.
    const Made broken({{"pid", QByteArray("\x00\x01", 2)},
                       {"clock", QByteArray("\x01", 1)},
                       {"pids", big<qint32>(1) + big<qint32>(0) + big<qint32>(23) +
                                    big<qint32>(2000000000) + big<qint32>(1) + big<qint32>(4)},
                       {"next_xid", QByteArray()}});
    const PgPoll none = read_poll(broken.get(), TargetId{1}, 1, texts);
    QVERIFY(none.rows.empty() && none.pids.empty() && !none.clock && !none.next_xid);

    const Made infinite({{"t", big<qint64>(std::numeric_limits<qint64>::max())},
                         {"a", QByteArray("\x03\x80\x00\x10\x00", 5)}});
    QVERIFY(!PgRows{infinite.get()}.timestamp(0, 0));
    const Made far({{"past", big<qint64>(std::numeric_limits<qint64>::min() + 1)},
                    {"future", big<qint64>(std::numeric_limits<qint64>::max() - 946684800000000)}});
    QCOMPARE(PgRows{far.get()}.timestamp(0, 0), std::optional{timestamp_from_us(-farthest_us)});
    QCOMPARE(PgRows{far.get()}.timestamp(0, 1), std::optional{timestamp_from_us(farthest_us)});
    QVERIFY(!PgRows{infinite.get()}.address(0, 1));
    QVERIFY(!PgRows{infinite.get()}.int4(0, 99));

    const Made own({{"pid", big<qint32>(1)},
                    {"backend_start", stamp(timestamp_from_us(5))},
                    {"state", QByteArray("active")},
                    {"query", QByteArray("the poll")}});
    const Session me = read_poll(own.get(), TargetId{1}, 1, texts).rows.front().session;
    QVERIFY(me.own && me.state == SessionState::other && me.statement.is_null());
}

void TestPgRows::onceInOurOwnRow()
{
    TextPool texts;
    const Made own({{"clock", stamp(timestamp_from_us(1700000000000000))},
                    {"next_xid", big<qint64>(77)},
                    {"pids", big<qint32>(1) + big<qint32>(0) + big<qint32>(23) + big<qint32>(2) +
                                 big<qint32>(1) + big<qint32>(4) + big<qint32>(9) + big<qint32>(4) +
                                 big<qint32>(4)},
                    {"pid", big<qint32>(4)},
                    {"datid", big<quint32>(5)},
                    {"backend_start", stamp(timestamp_from_us(1600000000000000))},
                    {"backend_type", QByteArray("client backend")}});
    const PgPoll p = read_poll(own.get(), TargetId{1}, 4, texts);
    QCOMPARE(p.clock, std::optional(timestamp_from_us(1700000000000000)));
    QCOMPARE(p.next_xid, std::optional<std::uint64_t>(77));
    QCOMPARE(p.pids, (std::vector<std::int32_t>{4, 9})); // 9 is idle and was not sent
    QCOMPARE(p.rows.size(), std::size_t{1});
    QVERIFY(p.rows.front().session.own && p.others.empty());
}

void TestPgRows::housekeeping()
{
    TextPool texts;
    const Made row({{"pid", big<qint32>(7)},
                    {"datid", std::nullopt},
                    {"backend_start", stamp(timestamp_from_us(1600000000000000))},
                    {"backend_type", QByteArray("checkpointer")}});
    const PgPoll p = read_poll(row.get(), TargetId{1}, 1, texts);
    QVERIFY(p.rows.empty());
    QCOMPARE(p.others, std::vector<std::int32_t>{7});
    QCOMPARE(p.pids, std::vector<std::int32_t>{7}); // without the column every backend is listed
    // It took the pid of a session that ended.
    PgSessions known{TargetId{1}};
    const Session before = session(7, 100, SessionState::idle);
    known.absorb(poll(5000000, {before}), true);
    QCOMPARE(known.absorb(p, false).gone, std::vector<SessionKey>{before.key});
    QVERIFY(known.sessions().empty());
}

void TestPgRows::crowded()
{
    PgSessions known{TargetId{1}};
    std::vector<std::int32_t> pids(79);
    for (std::size_t i = 0; i < pids.size(); ++i)
        pids[i] = std::int32_t(100 + i);
    std::vector<Session> busy;
    for (int i = 0; i < 9; ++i)
        busy.push_back(session(10 + i, 100, SessionState::active));
    known.absorb(poll(5000000, busy, pids), false);
    QVERIFY(!known.crowded()); // 9 of 88
    busy.push_back(session(30, 100, SessionState::active));
    busy.push_back(session(31, 100, SessionState::active));
    busy.push_back(session(32, 100, SessionState::active));
    known.absorb(poll(6000000, busy, pids), false);
    QVERIFY(known.crowded()); // 12 of 91
    known.clear();
    QVERIFY(!known.crowded());
}

void TestPgRows::states()
{
    QCOMPARE(state_of("active", "Lock"), SessionState::waiting);
    QCOMPARE(state_of("active", "LWLock"), SessionState::active);
    QCOMPARE(state_of("idle", "Lock"), SessionState::idle);
    QCOMPARE(state_of("idle in transaction", {}), SessionState::idle_in_transaction);
    QCOMPARE(state_of("idle in transaction (aborted)", {}),
             SessionState::idle_in_transaction_aborted);
    for (const char* odd : {"disabled", "fastpath function call", "starting", ""})
        QCOMPARE(state_of(odd, {}), SessionState::other);
    QCOMPARE(state_of({}, {}), SessionState::other);
}

void TestPgRows::clients()
{
    QCOMPARE(client_text("10.0.0.1", 1).str(), std::string("10.0.0.1:1"));
    QCOMPARE(client_text("::1", 1).str(), std::string("[::1]:1"));
    QCOMPARE(client_text({}, -1).str(), std::string("local"));
    QVERIFY(client_text({}, {}).is_null());
}

void TestPgRows::onlyChangesAreTold()
{
    PgSessions known{TargetId{1}};
    const Session a = session(10, 100, SessionState::idle),
                  b = session(11, 101, SessionState::idle);
    const ServerSample first = known.absorb(poll(5000000, {a, b}), true);
    QVERIFY(first.full);
    QCOMPARE(first.changed, (std::vector<Session>{a, b}));
    Session busy = b;
    busy.state = SessionState::active;
    const ServerSample second = known.absorb(poll(6000000, {a, busy}), false);
    QCOMPARE(second.changed, std::vector<Session>{busy});
    QVERIFY(second.gone.empty() && !second.full);
    // An old statement that runs must be asked for by its pid, the idle one not.
    QCOMPARE(known.wanted(false), std::vector<std::int64_t>{11});
    QVERIFY(known.wanted(true).empty()); // a full poll sees its state
    PgPoll third = poll(7000000, {busy});
    const ServerSample left = known.absorb(third, false);
    QCOMPARE(left.gone, std::vector<SessionKey>{a.key});
    QVERIFY(left.changed.empty());
    QVERIFY(!known.find(a.key));
}

void TestPgRows::reusedPid()
{
    PgSessions known{TargetId{1}};
    const Session before = session(10, 100, SessionState::idle);
    const Session after = session(10, 200, SessionState::idle);
    known.absorb(poll(5000000, {before}), true);
    const ServerSample sample = known.absorb(poll(6000000, {after}), false);
    QCOMPARE(sample.gone, std::vector<SessionKey>{before.key});
    QCOMPARE(sample.changed, std::vector<Session>{after});
    QVERIFY(!known.find(before.key) && known.find(after.key));
}

void TestPgRows::textAskedForWhenMissing()
{
    PgSessions known{TargetId{1}};
    Session s = session(10, 100, SessionState::active);
    known.absorb(poll(5000000, {s}), true);
    PgPoll p = poll(6000000, {s});
    p.rows.front().text_sent = false;
    p.rows.front().session.statement = {};
    QVERIFY2(known.absorb(p, false).changed.empty(), "the text known stands");
    p.rows.front().session.statement_since = timestamp_from_us(999);
    QCOMPARE(known.absorb(p, false).changed.size(), std::size_t{1});
    QCOMPARE(known.textless(), std::vector<std::int64_t>{10});
    s.statement_since = timestamp_from_us(999);
    known.absorb(poll(7000000, {s}), false);
    QVERIFY(known.textless().empty());
}

void TestPgRows::unknownPidsAreAskedForOnce()
{
    PgSessions known{TargetId{1}};
    known.absorb(poll(5000000, {}, {1, 2}), true); // the server's own
    QVERIFY(known.wanted(false).empty());
    known.absorb(poll(6000000, {}, {1, 2, 77}), false);
    QCOMPARE(known.wanted(false), std::vector<std::int64_t>{77});
    QCOMPARE(known.wanted(true), std::vector<std::int64_t>{77});
    known.absorb(poll(7000000, {}, {1, 2, 77}), false);
    QVERIFY(known.wanted(false).empty());
    known.absorb(poll(8000000, {}, {1, 2}), false);
    known.absorb(poll(9000000, {}, {1, 2, 77}), false);
    QCOMPARE(known.wanted(false), std::vector<std::int64_t>{77});
}

void TestPgRows::blockersStandWhileNotAsked()
{
    PgSessions known{TargetId{1}};
    Session s = session(10, 100, SessionState::waiting);
    s.blocked_by = {Pid{5}};
    PgPoll p = poll(5000000, {s});
    p.rows.front().blockers_sent = true;
    known.absorb(p, true);
    p.rows.front().blockers_sent = false;
    p.rows.front().session.blocked_by.clear();
    QVERIFY(known.absorb(p, false).changed.empty());
    QCOMPARE(known.find(s.key)->blocked_by, std::vector<Pid>{Pid{5}});
    p.rows.front().session.state = SessionState::active;
    known.absorb(p, false);
    QVERIFY(known.find(s.key)->blocked_by.empty());
}

void TestPgRows::namesOnce()
{
    PgNames names;
    PgPoll p = poll(1, {session(10, 100, SessionState::idle)});
    p.rows.front().user = 10;
    p.rows.front().database = 5;
    const PgNames::Missing missing = names.missing(p);
    QCOMPARE(missing.roles, std::vector<std::int64_t>{10});
    TextPool texts;
    const Made answer(
        {{"kind", QByteArray("r")}, {"oid", big<quint32>(10)}, {"name", QByteArray("app\nuser")}});
    names.learn(missing, answer.get(), texts);
    QVERIFY2(names.missing(p).none(), "one that the server does not know is not asked for again");
    names.fill(p);
    QCOMPARE(p.rows.front().session.user.str(), std::string("app user"));
    QVERIFY(p.rows.front().session.database.is_null());
}

void TestPgRows::troubleSentences()
{
    PgWhom whom{"db:5432", "app", "shop", false, {}};
    using Kind = PgTrouble::Kind;
    const auto of = [&](const char* message) {
        return connect_trouble(message, whom, false);
    };
    const PgTrouble full =
        of("connection to server at \"db\" failed: FATAL:  53300: sorry, too many "
           "clients already\nLOCATION:  x, y.c:1\n");
    QCOMPARE(full.kind, Kind::transient);
    QCOMPARE(full.sqlstate, std::string("53300"));
    QCOMPARE(full.retry, Duration{std::chrono::seconds{2}});
    // Through a tunnel: what hangs up is ssh, where nothing listens behind it.
    PgWhom beyond = whom;
    beyond.where = "db:9, through bastion,";
    beyond.tunnel = true;
    const PgTrouble cut =
        connect_trouble("connection to server at \"127.0.0.1\", port 36549 failed: server closed "
                        "the connection unexpectedly\n\tThis probably means the server terminated "
                        "abnormally\n\tbefore or while processing the request.\n",
                        beyond, false);
    QCOMPARE(cut.sentence, std::string("db:9, through bastion, hung up before it let us in."));
    QVERIFY(cut.next_step.find("Nothing may listen there") != std::string::npos);
    // Which slots are left, as the versions say it.
    const auto step = [&](const char* words) {
        return QString::fromStdString(server_trouble("53300", words, whom).next_step);
    };
    QVERIFY(QString::fromStdString(full.next_step).startsWith(QStringLiteral("Even the reserved")));
    for (const char* words : {"remaining connection slots are reserved for non-replication "
                              "superuser connections",
                              "remaining connection slots are reserved for roles with the "
                              "SUPERUSER attribute",
                              "die verbleibenden Verbindungen sind reserviert"})
        QVERIFY2(step(words).startsWith(QStringLiteral("To get in now, attach as a superuser: ")),
                 words);
    QVERIFY(step("remaining connection slots are reserved for roles with privileges of the "
                 "\"pg_use_reserved_connections\" role")
                .contains(QStringLiteral("a member of pg_use_reserved_connections")));
    QVERIFY(step("too many connections for role \"x\"").contains(QStringLiteral("role's own")));
    QVERIFY(
        step("too many connections for database \"x\"").contains(QStringLiteral("database's own")));
    // In the server's own language too.
    QCOMPARE(of("FATAL:  28P01: Passwort-Authentifizierung fehlgeschlagen").kind, Kind::password);
    QCOMPARE(of("FATAL:  28000: no pg_hba.conf entry").kind, Kind::persistent);
    QCOMPARE(of("FATAL:  3D000: x").kind, Kind::persistent);
    QCOMPARE(of("FATAL:  57P03: starting up").retry, Duration{std::chrono::seconds{1}});
    const PgTrouble pooler = of("FATAL:  08P01: unsupported startup parameter: options");
    QCOMPARE(pooler.kind, Kind::persistent);
    QCOMPARE(pooler.sentence, pooler_trouble(whom).sentence);
    QCOMPARE(pooler.next_step, pooler_trouble(whom).next_step);
    QCOMPARE(connect_trouble("fe_sendauth: no password supplied", whom, true).kind, Kind::password);
    QCOMPARE(of("server does not support SSL, but SSL was required").kind, Kind::persistent);
    PgWhom odd{"db:5432", "o\"dd", "shop", false, {}};
    const PgTrouble closed =
        connect_trouble("FATAL:  42501: permission denied for database \"shop\"", odd, false);
    QCOMPARE(closed.kind, Kind::persistent);
    QVERIFY2(closed.next_step.ends_with("GRANT CONNECT ON DATABASE \"shop\" TO \"o\"\"dd\";"),
             closed.next_step.c_str());
    QVERIFY(of("FATAL:  28000: role \"app\" is not permitted to log in")
                .next_step.ends_with("ALTER ROLE \"app\" LOGIN;"));
    QVERIFY(of("server does not support SSL, but SSL was required")
                .next_step.starts_with("Have ssl = on set"));
    QVERIFY(of("expected authentication request from server, but received J")
                .next_step.find("check the port") != std::string::npos);
    QCOMPARE(of(":  :  12345\n:  ").kind, Kind::transient);
    QCOMPARE(of("").kind, Kind::transient);
    QVERIFY(of("FATAL:  XX000: \x1b[31mred").sentence.find('\x1b') == std::string::npos);
}

void TestPgRows::commandsExpire()
{
    PgCommands commands;
    PgSessions none{TargetId{1}};
    const Steady::time_point now = Steady::now();
    Command command;
    command.action = ActionId{1};
    command.verb = ActionVerb::terminate;
    command.session = {TargetId{1}, Pid{10}, timestamp_from_us(100)};
    QVERIFY(commands.add(command, none, now).empty());
    QVERIFY(commands.expire(now + std::chrono::seconds{9}).empty());
    const auto late = commands.expire(now + std::chrono::seconds{10});
    QCOMPARE(late.size(), std::size_t{1});
    QCOMPARE(late.front().phase, ActionPhase::timed_out);
    QVERIFY(!commands.waiting());
    commands.add(command, none, now);
    commands.take(now);
    QCOMPARE(commands.lost().front().phase, ActionPhase::timed_out);
    QVERIFY(commands.lost().empty());

    PgSessions sessions{TargetId{1}};
    Session worker = session(10, 100, SessionState::active);
    worker.backend_type = Text{"autovacuum worker"};
    sessions.absorb(poll(1, {worker}), true);
    QCOMPARE(commands.add(command, sessions, now).front().phase, ActionPhase::refused);
}

QTEST_GUILESS_MAIN(TestPgRows)
#include "tst_pgrows.moc"
