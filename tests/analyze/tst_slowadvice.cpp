// SPDX-License-Identifier: GPL-3.0-or-later
// What is said of a slow statement beside its reason: what MySQL's stages mean, what a look at its
// plan would do, and of which time that is.
#include "core/analyze/waitwords.h"
#include "tests/analyze/slowscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

using Scene = IncidentScene;

} // namespace

class TestSlowAdvice : public QObject
{
    Q_OBJECT
private slots:
    void stagesOfMySql_data();
    void stagesOfMySql();
    void onlyWhatReads_data();
    void onlyWhatReads();
    void looksAtAStatement();
    void looksAtAll();
    void whatIsOver();
};

/// Each with what no plan would tell.
void TestSlowAdvice::stagesOfMySql_data()
{
    QTest::addColumn<QString>("stage");
    QTest::addColumn<QString>("said");
    QTest::addColumn<QString>("look"); ///< begins what would prevent it
    const auto row = [](const char* stage, const char* said, const char* look) {
        QTest::newRow(stage) << QString::fromUtf8(stage) << QString::fromUtf8(said)
                             << QString::fromUtf8(look);
    };
    row("update", "It writes rows: ", "Look at how many rows and indexes it changes");
    row("Update", "It writes rows: ", "Look at how many rows and indexes it changes"); // MariaDB's
    row("Updating", "It changes rows: ", "Look at its plan with EXPLAIN: a missing index for ");
    row("Searching rows for update",
        "It changes rows: ", "Look at its plan with EXPLAIN: a missing index for ");
    row("updating main table", "It changes rows: ", "Look at its plan with EXPLAIN: ");
    row("copy to tmp table", "It builds a table anew, as ALTER TABLE does: ",
        "Change large tables while little else runs. ");
    row("altering table", "It builds a table anew, as ALTER TABLE does: ",
        "Change large tables while little else runs. ");
    row("Copying to tmp table", "It works in a temporary table: ",
        "Look at its plan with EXPLAIN: an index that it could group or sort by ");
    row("Copying to tmp table on disk", "It works in a temporary table: ",
        "Look at its plan with EXPLAIN: an index that it could group or sort by ");
    row("Reading from net", "It waits for the application to send more: ",
        "Look at what the application does between. ");
    row("Receiving from client", "It waits for the application to send more: ",
        "Look at what the application does between. ");
    row("Sending to client",
        "It waits for the application to take its rows: ", "Ask for fewer rows");
    row("waiting for handler commit", "It waits for the redo log or the binary log: ",
        "Commit less often, and look at the disk of these logs. ");
    row("Commit", "It waits for the redo log or the binary log: ", "Commit less often");
    row("Writing to binlog", "It waits for the redo log or the binary log: ", "Commit less often");
    row("Waiting for commit lock", "It waits for locks of other sessions: ", "The Blocking page");
    row("Waiting for semi-sync ACK from slave",
        "It waits for a replica to confirm: ", "Look at the replica");
}

void TestSlowAdvice::stagesOfMySql()
{
    QFETCH(const QString, stage);
    QFETCH(const QString, said);
    QFETCH(const QString, look);
    Scene scene{{.agent = true, .server = true, .mysql = true}};
    go_as_usual(scene);
    go_slow(scene, {stage}, 12, "UPDATE orders SET total = 1 WHERE day = ");
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements && d->evidence.size() > 1);
    QVERIFY2(d->evidence[1].sentence.starts_with(said.toStdString()),
             d->evidence[1].sentence.c_str());
    QVERIFY2(d->prevention.starts_with(look.toStdString()), d->prevention.c_str());
    QVERIFY(!has(evidence(d), "write-ahead"));
}

/// Whatever stands before or behind it: nobody runs anew what changes or locks, and who hears that
/// changes are rolled back has changed something.
void TestSlowAdvice::onlyWhatReads_data()
{
    QTest::addColumn<QString>("statement"); ///< what follows it is a number
    QTest::addColumn<bool>("again");        ///< it may be run once more
    QTest::addColumn<bool>("undone");       ///< its end undoes what it did
    const auto row = [](const char* name, const QString& statement, bool again, bool undone) {
        QTest::newRow(name) << statement << again << undone;
    };
    const QString select = QStringLiteral("SELECT sum(total) FROM orders WHERE day = ");
    row("a read", select, true, false);
    row("a name before it, as sqlc has it", QStringLiteral("-- name: GetOrders :many\n") + select,
        true, false);
    row("a long comment before it", QStringLiteral("/* %1 */ ").arg(QString(300, u'x')) + select,
        true, false);
    row("words of its text", QStringLiteral("SELECT 'x for update into y' FROM t WHERE a = "), true,
        false);
    row("words within its names",
        QStringLiteral("SELECT into_all, wait_for, update_of FROM t WHERE a = "), true, false);
    row("locks", QStringLiteral("SELECT a FROM t WHERE b < 9 FOR UPDATE LIMIT "), false, false);
    row("locks less", QStringLiteral("SELECT a FROM t WHERE b < 9\n for  no key UPDATE LIMIT "),
        false, false);
    row("shares", QStringLiteral("SELECT a FROM t FOR SHARE LIMIT "), false, false);
    row("shares its key", QStringLiteral("SELECT a FROM t FOR KEY SHARE LIMIT "), false, false);
    row("makes a table", QStringLiteral("SELECT a INTO u FROM t WHERE b = "), false, true);
    row("one after the other", QStringLiteral("SELECT 1; DELETE FROM t WHERE a = "), false, true);
    row("changes", QStringLiteral("DELETE FROM orders WHERE day = "), false, true);
    row("a comment before a change", QStringLiteral("-- select\nDELETE FROM orders WHERE day = "),
        false, true);
}

void TestSlowAdvice::onlyWhatReads()
{
    QFETCH(const QString, statement);
    QFETCH(const bool, again);
    QFETCH(const bool, undone);
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("IO/DataFileRead")}, 12, statement.toStdString());
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements && d->relief);
    QVERIFY2(d->prevention.starts_with(
                 again ? "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once "
                         "more: "
                       : "Look at its plan with EXPLAIN (without ANALYZE, which would run it): "),
             d->prevention.c_str());
    QVERIFY2(has(d->relief->sentence, " is rolled back.") == undone, d->relief->sentence.c_str());
}

void TestSlowAdvice::looksAtAStatement()
{
    WaitProfile waits;
    waits.statement = Text{"SELECT 1"};
    waits.from = Scene::start();
    waits.to = waits.from;
    waits.looks = 12;
    waits.polls = 1;
    waits.counts = {{WaitKind::io, Text{"IO/DataFileRead"}, 9}, {WaitKind::running, Text{}, 3}};
    // One look is of an instant, and is not said to take no time.
    QCOMPARE(looks_in_words(waits),
             std::string("Of 12 looks at it in 1 s 9 found it in IO/DataFileRead, 3 on a "
                         "processor."));
    waits.to = waits.from + 18200ms;
    QCOMPARE(looks_in_words(waits),
             std::string("Of 12 looks at it in 19 s 9 found it in IO/DataFileRead, 3 on a "
                         "processor."));
}

/// Of no one statement.
void TestSlowAdvice::looksAtAll()
{
    WaitProfile waits;
    waits.from = Scene::start();
    waits.to = waits.from + 5s;
    waits.looks = 12;
    waits.polls = 6;
    waits.counts = {{WaitKind::io, Text{"IO/DataFileRead"}, 12}};
    QCOMPARE(looks_in_words(waits), std::string("Of 12 looks at what runs there in 5 s 12 found it "
                                                "in IO/DataFileRead."));
}

/// The looks end with what strained the pool.
void TestSlowAdvice::whatIsOver()
{
    Scene scene{{true, false, true, false}};
    go_as_usual(scene);
    go_slow(scene, {QStringLiteral("IO/DataFileRead")});
    QVERIFY(scene.of_pool() && has(evidence(scene.of_pool()), " looks in the last 15 s found it "));
    // Nobody waits any more.
    scene.pending = 0;
    for (int i = 0; i < 3; ++i) {
        for (const auto& held : std::vector(scene.all_held()))
            if (scene.lent() > 9)
                scene.give_back(held.id);
        scene.second();
    }
    const Diagnosis* const d = scene.of_pool();
    QVERIFY(d && d->cause == Cause::slow_statements);
    QVERIFY2(has(evidence(d), " looks in 15 s found it "), evidence(d).c_str());
}

QTEST_APPLESS_MAIN(TestSlowAdvice)
#include "tst_slowadvice.moc"
