// SPDX-License-Identifier: GPL-3.0-or-later
// What the PostgreSQL source sees and does, on a real server of every version that is installed
// (POOLSCOPE_PG_BINDIRS names others).
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"

#include <QTest>

#include <memory>

using namespace poolscope;
using namespace poolscope::test;

class TestPgSessions : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void init();
    void states();
    void heldTransactionsThatMove();
    void lockWaitsAndBlockers();
    void preparedTransactionBlocks();
    void departuresAndArrivals();
    void longStatementsKeepTheirText();
    void hostileNames();
    void cancelAndTerminate();
    void identityIsChecked();
    void locksOfWatched();
    void manyWaiters();
    void roleWithoutRights();
    void memberOfItsRole();
    void serverFull();
    void samplesStaySmall();

private:
    QString info() const { return cluster_.conninfo(); }
    PgCluster cluster_;
};

void TestPgSessions::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 40"),
                        QStringLiteral("superuser_reserved_connections = 3")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    qInfo("PostgreSQL %d", cluster_.versionNumber());
    PgClient admin(info());
    QVERIFY2(admin.exec(QStringLiteral("CREATE TABLE t (id int PRIMARY KEY, n int)")),
             qPrintable(admin.error()));
    QVERIFY(admin.exec(QStringLiteral("INSERT INTO t SELECT i, 0 FROM generate_series(1, 50) i")));
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE plain LOGIN")));
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE \"O'Odd \"\"one\" LOGIN")));
}

void TestPgSessions::init()
{
    // What the test before left behind: a statement runs on after its client has gone.
    PgClient admin(info());
    admin.exec(QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                              " WHERE datid IS NOT NULL AND pid <> pg_backend_pid()"));
    QTRY_COMPARE(
        admin.value(QStringLiteral("SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT "
                                   "NULL")),
        QStringLiteral("1"));
}

void TestPgSessions::states()
{
    PgClient idle(info()), transaction(info()), aborted(info()), active(info());
    QVERIFY(idle.exec(QStringLiteral("SELECT 'just idle'")));
    QVERIFY(transaction.exec(QStringLiteral("BEGIN; UPDATE t SET n = 1 WHERE id = 1")));
    QVERIFY(aborted.exec(QStringLiteral("BEGIN")));
    QVERIFY(!aborted.exec(QStringLiteral("SELECT 1/0")));
    QVERIFY(active.send(QStringLiteral("SELECT pg_sleep(60)")));
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_COMPARE(probe.stateOf(active.pid()), SessionState::active);
    QCOMPARE(probe.stateOf(idle.pid()), SessionState::idle);
    QCOMPARE(probe.stateOf(transaction.pid()), SessionState::idle_in_transaction);
    QCOMPARE(probe.stateOf(aborted.pid()), SessionState::idle_in_transaction_aborted);
    const Session& seen = *probe.session(transaction.pid());
    QCOMPARE(seen.user.str(), std::string("postgres"));
    QCOMPARE(seen.database.str(), std::string("postgres"));
    QVERIFY(QString::fromStdString(seen.client.str()).startsWith(QStringLiteral("127.0.0.1:")));
    QCOMPARE(seen.statement.str(), std::string("BEGIN; UPDATE t SET n = 1 WHERE id = 1"));
    QVERIFY(seen.xid.has_value());
    QVERIFY(seen.transaction_since.has_value());
    QVERIFY(seen.state_since >= seen.transaction_since);
    QVERIFY(seen.is_client());
    // Our own session is there, marked, and says nothing about itself.
    int own = 0;
    for (const auto& [pid, session] : probe.state().sessions) {
        own += session.own;
        if (session.own) {
            QCOMPARE(session.application.str(), std::string("poolscope"));
            QCOMPARE(session.state, SessionState::other);
        }
        QVERIFY(session.is_client() || session.backend_type.str() == "autovacuum worker");
    }
    QCOMPARE(own, 1);
    QVERIFY(probe.orderly);
    QVERIFY(probe.state().facts->superuser && probe.state().facts->sees_all &&
            probe.state().facts->can_signal);
    QCOMPARE(probe.state().facts->max_connections, std::optional<std::int32_t>(40));
    QCOMPARE(probe.state().facts->reserved, std::optional<std::int32_t>(3));
    QCOMPARE(probe.state().facts->version_number, cluster_.versionNumber());
    QVERIFY(probe.state().next_xid > 3U);
    // The same machine's clock; a first poll that took long bounds it only loosely.
    QTRY_VERIFY(std::abs(to_us(probe.state().clock_offset)) < 5000);
    // Changes show in a steady poll.
    QVERIFY(transaction.exec(QStringLiteral("COMMIT")));
    QTRY_COMPARE(probe.stateOf(transaction.pid()), SessionState::idle);
    QVERIFY(!probe.session(transaction.pid())->transaction_since);
    QCOMPARE(probe.fullSamples, 1);
}

// Most sessions hold a transaction, so that every poll reads all: those that do nothing are not
// sent again, and each step of one is.
void TestPgSessions::heldTransactionsThatMove()
{
    std::vector<PgClient> held;
    for (int i = 0; i < 12; ++i) {
        held.emplace_back(info());
        QVERIFY(held.back().exec(QStringLiteral("BEGIN; SELECT %1").arg(i)));
    }
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    PgClient& moves = held.at(3);
    const auto is = [&](SessionState state, const char* statement) {
        const Session* const session = probe.session(moves.pid());
        return session && session->state == state && session->statement.str() == statement;
    };
    QTRY_VERIFY(is(SessionState::idle_in_transaction, "BEGIN; SELECT 3"));
    // Longer than the overlap, so that only its own steps bring it back.
    PgClient admin(info());
    QTRY_COMPARE(admin.value(QStringLiteral("SELECT state_change < clock_timestamp() - interval"
                                            " '2.5 s' FROM pg_stat_activity WHERE pid = %1")
                                 .arg(moves.pid())),
                 QStringLiteral("t"));
    QVERIFY(moves.exec(QStringLiteral("UPDATE t SET n = 1 WHERE id = 3")));
    QTRY_VERIFY(is(SessionState::idle_in_transaction, "UPDATE t SET n = 1 WHERE id = 3"));
    QVERIFY(probe.session(moves.pid())->xid.has_value());
    QVERIFY(!moves.exec(QStringLiteral("SELECT 1/0")));
    QTRY_VERIFY(is(SessionState::idle_in_transaction_aborted, "SELECT 1/0"));
    QVERIFY(moves.exec(QStringLiteral("ROLLBACK")));
    QTRY_VERIFY(is(SessionState::idle, "ROLLBACK"));
    QVERIFY(!probe.session(moves.pid())->transaction_since);
    for (const PgClient& other : held) {
        if (&other != &moves)
            QCOMPARE(probe.stateOf(other.pid()), SessionState::idle_in_transaction);
    }
    held.erase(held.begin());
    QTRY_COMPARE(probe.state().sessions.size(), held.size() + 2); // Poolscope's own, and admin
    QVERIFY(probe.orderly);
}

void TestPgSessions::lockWaitsAndBlockers()
{
    PgClient holder(info()), first(info()), second(info());
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY(holder.exec(QStringLiteral("BEGIN; UPDATE t SET n = 1 WHERE id = 2")));
    QVERIFY(first.send(QStringLiteral("UPDATE t SET n = 2 WHERE id = 2")));
    QTRY_COMPARE(probe.stateOf(first.pid()), SessionState::waiting);
    QVERIFY(second.send(QStringLiteral("UPDATE t SET n = 3 WHERE id = 2")));
    QTRY_COMPARE(probe.stateOf(second.pid()), SessionState::waiting);
    QCOMPARE(probe.session(first.pid())->blocked_by, std::vector<Pid>{Pid{holder.pid()}});
    QTRY_COMPARE(probe.session(second.pid())->blocked_by, std::vector<Pid>{Pid{first.pid()}});
    QVERIFY(QString::fromStdString(probe.session(first.pid())->wait_event.str())
                .startsWith(QStringLiteral("Lock/")));
    QVERIFY(holder.exec(QStringLiteral("ROLLBACK")));
    QTRY_COMPARE(probe.stateOf(first.pid()), SessionState::idle);
    QVERIFY(probe.session(first.pid())->blocked_by.empty());
}

void TestPgSessions::preparedTransactionBlocks()
{
    PgClient holder(info()), waiter(info());
    QVERIFY2(holder.exec(QStringLiteral("BEGIN; UPDATE t SET n = 1 WHERE id = 3")),
             qPrintable(holder.error()));
    QVERIFY(holder.exec(QStringLiteral("PREPARE TRANSACTION 'forgotten'")));
    QVERIFY(waiter.send(QStringLiteral("UPDATE t SET n = 2 WHERE id = 3")));
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(waiter.pid()), SessionState::waiting);
    QTRY_COMPARE(probe.session(waiter.pid())->blocked_by, std::vector<Pid>{Pid{0}});
    QVERIFY(holder.exec(QStringLiteral("ROLLBACK PREPARED 'forgotten'")));
    QTRY_COMPARE(probe.stateOf(waiter.pid()), SessionState::idle);
}

void TestPgSessions::departuresAndArrivals()
{
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    int pid = 0;
    {
        PgClient visitor(info() + QStringLiteral(" application_name=visitor"));
        pid = visitor.pid();
        QTRY_VERIFY(probe.session(pid));
        QCOMPARE(probe.session(pid)->application.str(), std::string("visitor"));
        QCOMPARE(probe.stateOf(pid), SessionState::idle);
    }
    QTRY_VERIFY_WITH_TIMEOUT(!probe.session(pid), 2000);
    QCOMPARE(probe.fullSamples, 1);
    QVERIFY(probe.orderly);
}

void TestPgSessions::longStatementsKeepTheirText()
{
    PgClient sleeper(info());
    QVERIFY(sleeper.send(QStringLiteral("SELECT pg_sleep(2.5) /* the long one */")));
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(sleeper.pid()), SessionState::active);
    const std::string text = "SELECT pg_sleep(2.5) /* the long one */";
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(sleeper.pid()), SessionState::idle, 8000);
    // It ended long after its statement began: only the list of those wanted can have shown that.
    QCOMPARE(probe.session(sleeper.pid())->statement.str(), text);
    for (const Fact& fact : probe.facts) {
        const auto* const sample = std::get_if<ServerSample>(&fact);
        for (const Session& s : sample ? sample->changed : std::vector<Session>{}) {
            if (s.key.pid.value == sleeper.pid())
                QCOMPARE(s.statement.str(), text);
        }
    }
}

void TestPgSessions::hostileNames()
{
    PgClient odd(info());
    QVERIFY(odd.exec(QString::fromUtf8("SET application_name = '<b>bold</b> \u202Egnp'")));
    PgClient lengthy(info());
    QVERIFY(lengthy.exec(
        QStringLiteral("SET application_name = '%1'").arg(QString(10000, QLatin1Char('x')))));
    PgClient control(info());
    QVERIFY(control.exec(QString::fromUtf8("SELECT 'a\x01\x1b[31m \u200B\u2066<script>'")));
    PgClient quoted(QStringLiteral("host=127.0.0.1 port=%1 dbname=postgres user='O\\'Odd \"one'")
                        .arg(cluster_.port()));
    QVERIFY2(quoted.ok(), qPrintable(quoted.error()));
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_VERIFY(probe.session(control.pid()) && probe.session(quoted.pid()));
    QVERIFY(probe.session(lengthy.pid())->application.str().size() <= 256);
    QCOMPARE(probe.session(quoted.pid())->user.str(), std::string("O'Odd \"one"));
    for (const auto& [pid, session] : probe.state().sessions) {
        for (const Text* text : {&session.application, &session.statement, &session.user}) {
            const QString shown = QString::fromStdString(text->str());
            for (const QChar c : shown) {
                QVERIFY(c == QLatin1Char('\n') || c == QLatin1Char('\t') || c.unicode() >= 0x20);
                QVERIFY(c.unicode() != 0x202E && c.unicode() != 0x2066 && c.unicode() != 0x200B);
            }
        }
    }
}

void TestPgSessions::cancelAndTerminate()
{
    PgClient sleeper(info()), victim(info());
    QVERIFY(sleeper.send(QStringLiteral("SELECT pg_sleep(60)")));
    QVERIFY(victim.exec(QStringLiteral("BEGIN; UPDATE t SET n = 1 WHERE id = 4")));
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(sleeper.pid()), SessionState::active);
    QTRY_VERIFY(probe.session(victim.pid()));
    const Session shown = *probe.session(sleeper.pid());
    const ActionId cancel = probe.execute(ActionVerb::cancel, shown.key, shown.statement_since);
    QTRY_COMPARE(probe.phases(cancel), QStringLiteral("sent accepted observed"));
    QVERIFY(!sleeper.finish());
    QVERIFY(sleeper.error().contains(QStringLiteral("cancel")));
    QVERIFY(sleeper.exec(QStringLiteral("SELECT 1")));

    const ActionId end = probe.execute(ActionVerb::terminate, probe.keyOf(victim.pid()));
    QTRY_COMPARE(probe.phases(end), QStringLiteral("sent accepted observed"));
    QVERIFY(!victim.exec(QStringLiteral("SELECT 1")));
    QVERIFY(!probe.session(victim.pid()));
}

void TestPgSessions::identityIsChecked()
{
    PgClient other(info()), sleeper(info());
    QVERIFY(sleeper.send(QStringLiteral("SELECT pg_sleep(60)")));
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.session(other.pid()) && probe.session(sleeper.pid()));
    SessionKey wrong = probe.keyOf(other.pid());
    wrong.started += Duration{1};
    const ActionId reused = probe.execute(ActionVerb::terminate, wrong);
    QTRY_COMPARE(probe.phases(reused), QStringLiteral("sent refused"));
    QVERIFY(probe.outcome(reused).contains(QStringLiteral("no longer the one that was shown")));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));

    SessionKey nobody = wrong;
    nobody.pid = Pid{1};
    const ActionId absent = probe.execute(ActionVerb::terminate, nobody);
    QTRY_COMPARE(probe.phases(absent), QStringLiteral("sent refused"));

    SessionKey hidden = probe.keyOf(other.pid());
    hidden.started = {};
    QCOMPARE(probe.phases(probe.execute(ActionVerb::terminate, hidden)), QStringLiteral("refused"));

    const Session running = *probe.session(sleeper.pid());
    const ActionId stale =
        probe.execute(ActionVerb::cancel, running.key, *running.statement_since - Duration{1});
    QTRY_COMPARE(probe.phases(stale), QStringLiteral("sent refused"));
    QVERIFY(probe.outcome(stale).contains(QStringLiteral("another statement")));
    const ActionId idle = probe.execute(ActionVerb::cancel, probe.keyOf(other.pid()));
    QTRY_COMPARE(probe.phases(idle), QStringLiteral("sent refused"));

    for (const auto& [pid, session] : probe.state().sessions) {
        if (session.own) {
            const ActionId own = probe.execute(ActionVerb::terminate, session.key);
            QCOMPARE(probe.phases(own), QStringLiteral("refused"));
            break;
        }
    }
    QVERIFY(!sleeper.answered());
}

void TestPgSessions::locksOfWatched()
{
    PgClient holder(info()), waiter(info());
    QVERIFY(holder.exec(QStringLiteral("BEGIN; UPDATE t SET n = 1 WHERE id = 5")));
    QVERIFY(waiter.send(QStringLiteral("UPDATE t SET n = 2 WHERE id = 5")));
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(waiter.pid()), SessionState::waiting);
    probe.source().setWatched({probe.keyOf(holder.pid()), probe.keyOf(waiter.pid())});
    QTRY_VERIFY(probe.state().locks.contains(Pid{holder.pid()}) &&
                probe.state().locks.contains(Pid{waiter.pid()}));
    const std::vector<Lock>& held = probe.state().locks.at(Pid{holder.pid()});
    const auto names = [](const std::vector<Lock>& locks, const char* relation, bool granted) {
        return std::any_of(locks.begin(), locks.end(), [&](const Lock& lock) {
            return lock.relation == relation && lock.granted == granted;
        });
    };
    QVERIFY(names(held, "public.t", true));
    const std::vector<Lock>& wanted = probe.state().locks.at(Pid{waiter.pid()});
    QVERIFY(!wanted.empty() && !wanted.front().granted);
}

void TestPgSessions::manyWaiters()
{
    PgClient holder(info());
    QVERIFY(holder.exec(QStringLiteral("BEGIN; LOCK TABLE t")));
    std::vector<std::unique_ptr<PgClient>> waiters;
    for (int i = 0; i < 24; ++i) {
        waiters.push_back(std::make_unique<PgClient>(info()));
        QVERIFY(waiters.back()->send(QStringLiteral("SELECT count(*) FROM t")));
    }
    SourceProbe probe(info());
    probe.start();
    const auto waiting = static_cast<std::size_t>(SessionState::waiting);
    QTRY_COMPARE(probe.state().counts.at(waiting), 24);
    QTRY_VERIFY(probe.sentence().contains(QStringLiteral("wait for locks")));
    const int before = probe.samples;
    QTRY_VERIFY(probe.samples > before + 5);
    for (const auto& waiter : waiters)
        QVERIFY(!probe.session(waiter->pid())->blocked_by.empty());
    QVERIFY(holder.exec(QStringLiteral("ROLLBACK")));
    QTRY_VERIFY(!probe.sentence().contains(QStringLiteral("wait for locks")));
}

void TestPgSessions::roleWithoutRights()
{
    PgClient other(info());
    QVERIFY(other.exec(QStringLiteral("SELECT 'a secret'")));
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("plain")));
    probe.start();
    QTRY_VERIFY(probe.up() && probe.session(other.pid()));
    QCOMPARE(probe.stateOf(other.pid()), SessionState::unknown);
    QVERIFY(probe.session(other.pid())->statement.is_null());
    QCOMPARE(probe.session(other.pid())->key.started, Timestamp{});
    QVERIFY(!probe.state().facts->sees_all && !probe.state().facts->can_signal);
    if (cluster_.versionNumber() >= 100000)
        QCOMPARE(probe.state().facts->missing_grant,
                 std::string("GRANT pg_monitor TO plain; GRANT pg_signal_backend TO plain;"));
    // A new one is seen too, though the server hides when it began.
    PgClient late(info());
    QTRY_VERIFY(probe.session(late.pid()));
    const int gone = late.pid();
    late = PgClient();
    QTRY_VERIFY(!probe.session(gone));

    if (cluster_.versionNumber() < 100000) {
        QVERIFY(probe.state().facts->missing_grant.empty()); // there is none that would help
        QVERIFY(probe.sentence().contains(QStringLiteral("only a superuser sees")));
        return;
    }
    // The server's own words where it refuses: a superuser's session, with the grants.
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("GRANT pg_monitor, pg_signal_backend TO plain")));
    SourceProbe granted(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("plain")));
    granted.start();
    QTRY_VERIFY(granted.up() && granted.session(other.pid()));
    QVERIFY(granted.state().facts->sees_all && granted.state().facts->can_signal);
    QVERIFY(granted.state().facts->missing_grant.empty());
    const ActionId act = granted.execute(ActionVerb::terminate, granted.keyOf(other.pid()));
    QTRY_COMPARE(granted.phases(act), QStringLiteral("sent refused"));
    QVERIFY2(granted.outcome(act).contains(QStringLiteral("superuser"), Qt::CaseInsensitive) ||
                 granted.outcome(act).contains(QStringLiteral("SUPERUSER")),
             qPrintable(granted.outcome(act)));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));
    QVERIFY(admin.exec(QStringLiteral("REVOKE pg_monitor, pg_signal_backend FROM plain")));
}

/// Who is a member of a session's role sees it and may end it, though it may not signal others'.
void TestPgSessions::memberOfItsRole()
{
    PgClient admin(info());
    for (const char* const sql :
         {"DROP ROLE IF EXISTS chief", "DROP ROLE IF EXISTS clerk", "CREATE ROLE clerk LOGIN",
          "CREATE ROLE chief LOGIN IN ROLE clerk"})
        QVERIFY2(admin.exec(QString::fromLatin1(sql)), sql);
    const auto as = [&](const char* role) {
        return cluster_.conninfo(QStringLiteral("postgres"), QString::fromLatin1(role));
    };
    PgClient clerk(as("clerk")), other(as("plain"));
    SourceProbe probe(as("chief"));
    probe.start();
    QTRY_VERIFY(probe.up() && probe.session(clerk.pid()) && probe.session(other.pid()));
    QVERIFY(!probe.state().facts->can_signal && !probe.state().facts->sees_all);
    QCOMPARE(probe.session(other.pid())->key.started, Timestamp{});
    if (cluster_.versionNumber() < 100000)
        QSKIP("this version shows it to its own role alone");
    QVERIFY(probe.session(clerk.pid())->key.started != Timestamp{});
    const ActionId act = probe.execute(ActionVerb::terminate, probe.keyOf(clerk.pid()));
    QTRY_COMPARE(probe.phases(act), QStringLiteral("sent accepted observed"));
    // With pg_monitor it sees everybody's, and the server says of whom it may not end.
    QVERIFY(admin.exec(QStringLiteral("GRANT pg_monitor TO chief")));
    SourceProbe sees(as("chief"));
    sees.start();
    QTRY_VERIFY(sees.up() && sees.session(other.pid()));
    const ActionId refused = sees.execute(ActionVerb::terminate, sees.keyOf(other.pid()));
    QTRY_COMPARE(sees.phases(refused), QStringLiteral("sent refused"));
    QVERIFY2(sees.outcome(refused).startsWith(QStringLiteral("The server says: ")),
             qPrintable(sees.outcome(refused)));
    QVERIFY(other.exec(QStringLiteral("SELECT 1")));
}

void TestPgSessions::serverFull()
{
    SourceProbe early(info());
    early.start();
    QTRY_VERIFY(early.up());
    const QString plain = cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("plain"));
    std::vector<std::unique_ptr<PgClient>> crowd;
    for (int i = 0; i < 60; ++i) {
        crowd.push_back(std::make_unique<PgClient>(plain));
        if (!crowd.back()->ok())
            break;
    }
    QVERIFY(!crowd.back()->ok());
    crowd.pop_back();
    SourceProbe late(plain);
    late.start();
    QTRY_COMPARE(late.reach(), Reach::failing);
    QVERIFY2(late.sentence().contains(QStringLiteral("no free slot")), qPrintable(late.sentence()));
    QVERIFY(late.nextStep().contains(QStringLiteral("superuser")));
    QVERIFY(late.state().status.next_try.has_value());
    // The one that is attached can still act, and the other one then gets in.
    const int victim = crowd.front()->pid();
    QTRY_VERIFY(early.session(victim));
    const ActionId act = early.execute(ActionVerb::terminate, early.keyOf(victim));
    QTRY_COMPARE(early.phases(act), QStringLiteral("sent accepted observed"));
    QTRY_VERIFY_WITH_TIMEOUT(late.up(), 8000);
}

void TestPgSessions::samplesStaySmall()
{
    std::vector<std::unique_ptr<PgClient>> idle;
    for (int i = 0; i < 20; ++i)
        idle.push_back(std::make_unique<PgClient>(info()));
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY(probe.up());
    QTRY_VERIFY(probe.samples > 15); // past the second in which all of them were new
    const std::size_t from = probe.facts.size();
    const int before = probe.samples;
    QTRY_VERIFY(probe.samples >= before + 10);
    for (std::size_t i = from; i < probe.facts.size(); ++i) {
        if (const auto* sample = std::get_if<ServerSample>(&probe.facts.at(i))) {
            QVERIFY2(sample->changed.empty() && sample->gone.empty(), "nothing changed");
            QVERIFY(!sample->full);
        }
    }
}

QTEST_GUILESS_MAIN(TestPgSessions)
#include "tst_pgsessions.moc"
