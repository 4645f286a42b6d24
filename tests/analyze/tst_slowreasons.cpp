// SPDX-License-Identifier: GPL-3.0-or-later
// Why statements are slow, as far as their server tells, and what to do about it. Never a guess.
#include "tests/analyze/slowscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;
using Does = Scene::Does;

} // namespace

class TestSlowReasons : public QObject
{
    Q_OBJECT
private slots:
    void reasons_data();
    void reasons();
    void ofAnOldPostgres_data();
    void ofAnOldPostgres();
    void tooFewLooks();
    void aProfileOfItsOwn();
    void statementsOfManyKinds();
    void whatOnlyItsServerTells();
    void whatIsHidden_data();
    void whatIsHidden();
    void theBoundAsALine_data();
    void theBoundAsALine();
    void theBoundThatThereIs();
    void noBoundThatIsAGuess();
    void asManyAsWait();
    void whatIsRolledBack();
    void figuresAndServer();
};

void TestSlowReasons::reasons_data()
{
    QTest::addColumn<bool>("mysql");
    QTest::addColumn<QStringList>("events");
    QTest::addColumn<QString>("said");
    QTest::addColumn<QString>("look");
    const auto row = [](const char* name, bool mysql, const QStringList& events, const char* said,
                        const char* look) {
        QTest::newRow(name) << mysql << events << QString::fromUtf8(said)
                            << QString::fromUtf8(look);
    };
    row("reads", false, ten_of("IO/DataFileRead", "", 8),
        "It reads from disk: 96 of 120 looks in the last 15 s found it in IO/DataFileRead, 24 on "
        "a processor.",
        "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once more: a missing "
        "index or a cold cache reads like this. ");
    row("computes", false, ten_of("", "IO/DataFileRead", 10),
        "It computes: 120 of 120 looks in the last 15 s found it on a processor.",
        "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once more: many rows in "
        "memory, a missing index ");
    row("reads in two ways", false,
        {QStringLiteral("IO/DataFileRead"), QStringLiteral("IO/DataFilePrefetch")},
        "It reads from disk: 120 of 120 looks in the last 15 s found it in IO/DataFilePrefetch and "
        "the "
        "like.",
        "a cold cache");
    row("others read what it wants", false, ten_of("IPC/BufferIO", "IO/DataFileRead", 5),
        "It reads from disk: 120 of 120 looks in the last 15 s found it in ", "a cold cache");
    row("temporary files", false, ten_of("IO/BufFileWrite", "", 9),
        "It sorts or joins through temporary files: 108 of 120 ", "more work_mem");
    row("the log", false, ten_of("IO/WALSync", "LWLock/WALWrite", 5),
        "It waits for the write-ahead log: 120 of 120 looks in the last 15 s found it in ",
        "Commit less often, and look at the disk of the log. ");
    row("short locks", false, ten_of("LWLock/BufferMapping", "", 7),
        "It waits for the server's own short locks: 84 of 120 ", "fewer at a time are faster. ");
    row("takes no rows", false, ten_of("Client/ClientWrite", "", 10),
        "It waits for the application to take its rows: ", "Ask for fewer rows");
    row("workers", false, ten_of("IPC/ExecuteGather", "", 10),
        "It waits for other processes of the server", "EXPLAIN");
    row("a standby", false, ten_of("IPC/SyncRep", "", 10),
        "It waits for a standby to confirm: ", "synchronous_commit");
    row("sleeps", false, ten_of("Timeout/PgSleep", "", 10),
        "It sleeps, as it is told to: 120 of 120 looks in the last 15 s found it in "
        "Timeout/PgSleep.",
        "The pause is written into it, ");
    row("unheard of", false, ten_of("Extension/Remote", "", 10),
        "It is in Extension/Remote: 120 of 120 looks",
        "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once more. ");
    row("no one thing", false,
        {QStringLiteral("IO/DataFileRead"), QStringLiteral(""),
         QStringLiteral("LWLock/BufferMapping")},
        "It has no one reason: of 120 looks in the last 15 s 48 found it in IO/DataFileRead, 36 ",
        "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once more. ");
    row("MySQL goes through rows", true, ten_of("Sending data", "statistics", 9),
        "It goes through rows, in memory or from disk: the server does not tell which: 108 of 120 "
        "looks in the last 15 s found it in Sending data, 12 in statistics.",
        "Look at its plan with EXPLAIN: a missing index looks like this. ");
    row("MySQL sorts", true, ten_of("Creating sort index", "", 10), "It sorts: 120 of 120 ",
        "an index in the order it asks for");
    row("MySQL copies", true, ten_of("Copying to tmp table", "", 10),
        "It works in a temporary table: ", "EXPLAIN: ");
    row("MySQL sleeps", true, ten_of("User sleep", "", 10),
        "It sleeps, as it is told to: ", "The pause is written into it, ");
    row("MySQL says nothing", true, ten_of("", "", 10),
        "It runs, and its server does not say what it is at: 120 of 120 looks in the last 15 s "
        "found it "
        "in no state that it names.",
        "Look at its plan with EXPLAIN. ");
}

void TestSlowReasons::reasons()
{
    QFETCH(const bool, mysql);
    QFETCH(const QStringList, events);
    QFETCH(const QString, said);
    QFETCH(const QString, look);
    Scene scene{{true, false, true, false, mysql}};
    go_as_usual(scene);
    go_slow(scene, events);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(d->evidence.size() > 1 && d->evidence[1].page == "sessions", evidence(d).c_str());
    const QString sentence = QString::fromStdString(d->evidence[1].sentence);
    QVERIFY2(sentence.startsWith(said), qPrintable(sentence));
    const QString prevention = QString::fromStdString(d->prevention);
    QVERIFY2(prevention.contains(look), qPrintable(prevention));
    QVERIFY(!mysql || !prevention.contains(QStringLiteral("BUFFERS")));
}

/// Before 10 a server named nothing but locks.
void TestSlowReasons::ofAnOldPostgres_data()
{
    QTest::addColumn<int>("version");
    QTest::addColumn<QStringList>("events");
    QTest::addColumn<QString>("said");
    QTest::newRow("9.6 names nothing")
        << 90624 << ten_of("", "", 10)
        << "It runs, and its server does not say what it is at: 120 of 120 looks in the last 15 s "
           "found it in no state that it names.";
    QTest::newRow("10 names nothing")
        << 100000 << ten_of("", "", 10)
        << "It computes: 120 of 120 looks in the last 15 s found it on a processor.";
    QTest::newRow("9.6 writes its log")
        << 90624 << ten_of("LWLockNamed/WALWriteLock", "LWLockTranche/wal_insert", 6)
        << "It waits for the write-ahead log: 120 of 120 looks in the last 15 s found it in "
           "LWLockNamed/WALWriteLock and the like.";
    QTest::newRow("9.6 reads what another reads")
        << 90624 << ten_of("LWLockTranche/buffer_io", "", 9)
        << "It reads from disk: 108 of 120 looks in the last 15 s found it in "
           "LWLockTranche/buffer_io, 12 in no state that it names.";
}

void TestSlowReasons::ofAnOldPostgres()
{
    QFETCH(const int, version);
    QFETCH(const QStringList, events);
    QFETCH(const QString, said);
    Scene scene{{.agent = true, .server = true, .version = version}};
    go_as_usual(scene);
    go_slow(scene, events);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements && d->evidence.size() > 1);
    QCOMPARE(QString::fromStdString(d->evidence[1].sentence), said);
}

void TestSlowReasons::tooFewLooks()
{
    Scene scene{{true, false, true, false}};
    scene.max = 3;
    go_as_usual(scene);
    std::vector<std::string> ids;
    for (int i = 0; i < 3; ++i)
        ids.push_back(scene.lend(52, Does::working, "SELECT sum(total) FROM orders"));
    scene.pending = 4;
    // It ran something else until the last two seconds.
    scene.run(7, [&](int i) {
        for (const std::string& id : ids)
            scene.held(id).statement =
                i < 5 ? "SELECT max(id) FROM orders" : "SELECT sum(total) FROM orders";
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(has(evidence(d), "It was seen only 6 times: too few to say what it waits for."),
             evidence(d).c_str());
    QVERIFY(d->prevention.starts_with("Look at its plan"));
}

/// What others run there is none of it.
void TestSlowReasons::aProfileOfItsOwn()
{
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    for (int pid = 300; pid < 330; ++pid) {
        scene.session(pid, SessionState::active, "reports", "10.0.0.8:" + std::to_string(pid));
        scene.others()[pid].statement = Text{"SELECT 2 + 2"};
        scene.others()[pid].wait_event = Text{"LWLock/BufferMapping"};
    }
    go_slow(scene, ten_of("IO/DataFileRead", "", 10));
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements && d->waits);
    QCOMPARE(d->waits->looks, 120U);
    QCOMPARE(d->waits->of(WaitKind::io), 120U);
    QCOMPARE(d->waits->polls, 16U); // from five seconds before it was exhausted
    QVERIFY(has(d->waits->statement.str(), "SELECT sum(total)"));
    QVERIFY2(has(d->sentence, ", most of them SELECT sum(total) FROM orders WHERE day = "),
             d->sentence.c_str());
}

/// No one of them is to be blamed alone.
void TestSlowReasons::statementsOfManyKinds()
{
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    scene.run(12, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, Does::working,
                       "SELECT a FROM t" + std::string(scene.lent() + 1, 'x') + " WHERE id = 1");
        for (auto& held : scene.all_held())
            held.wait_event = "IO/DataFileRead";
        scene.pending = 4;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(has(evidence(d), "What runs on shop-db reads from disk: 1"), evidence(d).c_str());
    QVERIFY2(!has(d->sentence, "most of them"), d->sentence.c_str());
    QVERIFY2(d->prevention.starts_with("Look at their plans with EXPLAIN. "),
             d->prevention.c_str());
}

void TestSlowReasons::whatOnlyItsServerTells()
{
    Scene scene{{true, true, false, false}};
    go_as_usual(scene);
    // Reads that come back late are slow, whoever looks.
    scene.run(24, [&](int) {
        std::vector<std::string> done;
        for (const auto& held : scene.all_held()) {
            if (scene.now() - held.since >= 4s)
                done.push_back(held.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        while (scene.lent() < 10)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders");
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements && !d->waits);
    QVERIFY2(has(evidence(d), "Whether it computes, reads from disk or waits only its server "
                              "tells: attach to that too."),
             evidence(d).c_str());
    scene.address = Text{"sqlite:/var/lib/shop.db"};
    scene.second();
    QVERIFY(scene.of_pool() && !has(evidence(scene.of_pool()), "attach to that"));
}

/// A server that shows sessions, but not what they wait for, is not taken to compute.
void TestSlowReasons::whatIsHidden_data()
{
    QTest::addColumn<QString>("missing");
    QTest::addColumn<QString>("said");
    const QString role(63, u'r');
    QTest::newRow("one") << "GRANT pg_monitor TO dba;"
                         << "is hidden from this user: GRANT pg_monitor TO dba;\n";
    QTest::newRow("no more than lets it see")
        << "GRANT PROCESS ON *.* TO dba@'%'; GRANT CONNECTION ADMIN ON *.* TO dba@'%';"
        << "is hidden from this user: GRANT PROCESS ON *.* TO dba@'%';\n";
    QTest::newRow("of a long name")
        << QStringLiteral("GRANT PROCESS ON *.* TO `%1`@`%1%1`; GRANT SUPER").arg(role)
        << QStringLiteral("this user: GRANT PROCESS ON *.* TO `%1`@`%1%1`;\n").arg(role);
    QTest::newRow("a semicolon of a name")
        << "GRANT pg_monitor TO \"a;b\"; GRANT pg_signal_backend TO \"a;b\";"
        << "this user: GRANT pg_monitor TO \"a;b\";\n";
    QTest::newRow("none is known") << ""
                                   << "is hidden from this user.\n";
}

void TestSlowReasons::whatIsHidden()
{
    QFETCH(const QString, missing);
    QFETCH(const QString, said);
    Scene scene{{true, true, true, false}};
    go_as_usual(scene);
    ServerFacts facts;
    facts.max_connections = 100;
    facts.sees_all = false;
    facts.missing_grant = missing.toStdString();
    scene.observe(FactsReported{facts}, Scene::database);
    scene.run(24, [&](int) {
        std::vector<std::string> done;
        for (const auto& held : scene.all_held()) {
            if (scene.now() - held.since >= 4s)
                done.push_back(held.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        while (scene.lent() < 10)
            scene.held(scene.lend(52, Does::working, "")).statement.clear();
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(has(evidence(d), said.toStdString()), evidence(d).c_str());
    QVERIFY2(!has(evidence(d), "computes"), evidence(d).c_str());
}

void TestSlowReasons::theBoundAsALine_data()
{
    QTest::addColumn<QString>("role");
    QTest::addColumn<QString>("version"); ///< of MySQL; empty: PostgreSQL
    QTest::addColumn<QString>("line");
    QTest::newRow("PostgreSQL") << "shop"
                                << ""
                                << "ALTER ROLE \"shop\" SET statement_timeout = '1s';";
    QTest::newRow("a name to be quoted")
        << "Shop \"2\""
        << ""
        << "ALTER ROLE \"Shop \"\"2\"\"\" SET statement_timeout = '1s';";
    for (const char* const word : {"all", "order", "table", "end"})
        QTest::addRow("a name that is a word: %s", word)
            << word << ""
            << QStringLiteral("ALTER ROLE \"%1\" SET statement_timeout = '1s';")
                   .arg(QString::fromUtf8(word));
    QTest::newRow("MySQL") << "shop"
                           << "MySQL 8.4.0"
                           << "SET GLOBAL max_execution_time = 1000;";
    QTest::newRow("MariaDB") << "shop"
                             << "MariaDB 10.11.19"
                             << "SET GLOBAL max_statement_time = 1;";
}

void TestSlowReasons::theBoundAsALine()
{
    QFETCH(const QString, role);
    QFETCH(const QString, version);
    QFETCH(const QString, line);
    Scene scene{{true, false, true, false, !version.isEmpty()}};
    scene.role = role.toStdString();
    if (!version.isEmpty()) {
        ServerFacts facts;
        facts.sees_all = true;
        facts.version = version.toStdString();
        scene.observe(FactsReported{facts}, Scene::database);
    }
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("Sending data")});
    const Diagnosis* d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(d->prevention.ends_with(line.toStdString()), d->prevention.c_str());
}

/// The role's, else the database's: PostgreSQL's own value is never told, as Poolscope's session
/// sets one of its own.
void TestSlowReasons::theBoundThatThereIs()
{
    Scene scene{{true, false, true, false}};
    scene.session_database = "shop";
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("Sending data")});
    ServerSettings settings;
    const auto comes_to = [&](std::string_view words) {
        scene.observe(SettingsReported{settings}, Scene::database);
        scene.second();
        return has(scene.of_pool()->prevention, words);
    };
    const auto also = [&](SettingScope scope, const char* subject, const char* value,
                          const char* unit = "") {
        settings.all.push_back({scope, subject, "statement_timeout", value, unit});
    };
    also(SettingScope::server, "", "7000", "ms");
    also(SettingScope::database, "other", "6min");
    also(SettingScope::role, "other", "6min");
    QVERIFY2(comes_to(" runs on new connections: ALTER ROLE "),
             scene.of_pool()->prevention.c_str());
    also(SettingScope::database, "shop", "0");
    QVERIFY2(comes_to(" on new connections (now unbounded): ALTER ROLE "),
             scene.of_pool()->prevention.c_str());
    also(SettingScope::role, "shop", "5min");
    QVERIFY2(comes_to(" on new connections (now 5min): ALTER ROLE "),
             scene.of_pool()->prevention.c_str());
}

/// Where it was never seen how long they usually take, no number is named.
void TestSlowReasons::noBoundThatIsAGuess()
{
    Scene scene{{true, false, true, false}};
    scene.just_made();
    go_slow(scene, {QStringLiteral("IO/DataFileRead")}, 20);
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(d->prevention.ends_with("A statement_timeout bounds how long one can take."),
             d->prevention.c_str());
}

void TestSlowReasons::asManyAsWait()
{
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("")});
    const Diagnosis* d = scene.of_pool();
    QVERIFY(d && d->relief && d->relief->session);
    QCOMPARE(d->relief->sentence,
             std::string("Cancel the statement of session 5001 of shop (10.0.0.5): that frees 1 of "
                         "10 connections that are busy like it. Cancel 5002, 5003, 5004 too, the "
                         "next oldest, and all of the 4 that wait go on. What comes next runs the "
                         "same."));
    scene.pending = 1;
    scene.second();
    d = scene.of_pool();
    QVERIFY2(d->relief->sentence.ends_with("busy like it. What comes next runs the same."),
             d->relief->sentence.c_str());
    scene.pending = 40;
    scene.second();
    d = scene.of_pool();
    QVERIFY2(has(d->relief->sentence, "5009, 5010 too, the next oldest, and 10 of the 40 that wait "
                                      "go on."),
             d->relief->sentence.c_str());
}

/// One that changes rows is not run a second time by a look, and a cancel undoes it.
void TestSlowReasons::whatIsRolledBack()
{
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("IO/DataFileRead")}, 12, "DELETE FROM orders WHERE day = ");
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->relief);
    QVERIFY2(has(d->relief->sentence, " What they changed is rolled back. "),
             d->relief->sentence.c_str());
    QVERIFY2(d->prevention.starts_with("Look at its plan with EXPLAIN (without ANALYZE, which "
                                       "would run it): "),
             d->prevention.c_str());
}

/// Nobody tells who holds what, but what runs there can only be its own.
void TestSlowReasons::figuresAndServer()
{
    Scene scene{{false, false, true, true}};
    go_as_usual(scene);
    std::vector<std::string> done;
    scene.run(40, [&](int) {
        done.clear();
        for (const auto& held : scene.all_held()) {
            if (scene.now() - held.since >= 5s)
                done.push_back(held.id);
        }
        for (const std::string& id : done)
            scene.give_back(id);
        // Two a second: they are of different ages, the oldest not those of the lowest pid.
        for (int k = 0; k < 2 && scene.lent() < 10; ++k)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders WHERE day = 7");
        for (auto& held : scene.all_held())
            held.wait_event = "IO/DataFileRead";
        scene.pending = 6;
    });
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d);
    QCOMPARE(std::string(name_of(d->cause)), std::string("slow_statements"));
    QVERIFY2(d->sentence.ends_with("most of them SELECT sum(total) FROM orders WHERE day = 7."),
             d->sentence.c_str());
    QVERIFY2(has(evidence(d), "It reads from disk: "), evidence(d).c_str());
    QVERIFY(d->relief && d->relief->session);
    QVERIFY2(d->relief->sentence.ends_with(" that run it: that frees one connection. That helps "
                                           "for a moment only: each comes back by itself, and the "
                                           "next one does the same."),
             d->relief->sentence.c_str());
    // The oldest of them.
    const Session* const oldest = scene.analysis.world().session(*d->relief->session);
    QVERIFY(oldest && oldest->statement_since);
    for (const auto& held : scene.all_held())
        QVERIFY(held.since + Scene::server_offset >= *oldest->statement_since);
}

QTEST_APPLESS_MAIN(TestSlowReasons)
#include "tst_slowreasons.moc"
