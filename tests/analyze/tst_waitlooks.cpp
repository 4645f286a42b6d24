// SPDX-License-Identifier: GPL-3.0-or-later
// What a server's sessions ran and waited for, look by look.
#include "core/analyze/waitlooks.h"
#include "tests/analyze/incidentscene.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

const Timestamp begin = IncidentScene::start();

Session running(int pid, const char* statement, const char* event = nullptr)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, begin - 600s};
    s.backend_type = Text{"client backend"};
    s.state = SessionState::active;
    s.statement_since = begin;
    s.statement = Text{statement};
    if (event != nullptr)
        s.wait_event = Text{event};
    return s;
}

TargetState server(const std::vector<Session>& sessions)
{
    TargetState target;
    target.info.kind = "postgresql";
    for (const Session& each : sessions)
        target.sessions[each.key.pid] = each;
    return target;
}

} // namespace

class TestWaitLooks : public QObject
{
    Q_OBJECT
private slots:
    void shapes_data();
    void shapes();
    void kinds_data();
    void kinds();
    void whoeverRunsItCounts();
    void othersDoNot();
    void noFurtherBackThanItsWindow();
    void oneLookInAStep();
    void noMoreThanItsBound();
    void theCommonest();
    void aSeekSeesWhatPlaySaw();
};

void TestWaitLooks::shapes_data()
{
    QTest::addColumn<QString>("a");
    QTest::addColumn<QString>("b");
    QTest::addColumn<bool>("same");
    QTest::addColumn<SqlDialect>("dialect");
    const auto row = [](const char* name, const char* a, const char* b, bool same,
                        SqlDialect dialect = SqlDialect::postgresql) {
        QTest::newRow(name) << QString::fromUtf8(a) << QString::fromUtf8(b) << same << dialect;
    };
    const auto mysql = [&](const char* name, const char* a, const char* b, bool same) {
        row(name, a, b, same, SqlDialect::mysql);
    };
    row("numbers", "SELECT a FROM t WHERE id = 7", "SELECT a FROM t WHERE id = 123.5e4", true);
    row("strings", "SELECT a FROM t WHERE n = 'it''s'", "SELECT a FROM t WHERE n = ''", true);
    row("parameters", "SELECT a FROM t WHERE id = $1", "SELECT a FROM t WHERE id = 8", true);
    row("question mark", "SELECT a FROM t WHERE id=?", "SELECT a FROM t WHERE id = 8", true);
    row("lists", "SELECT a FROM t WHERE id IN (1, 2,3)", "SELECT a FROM t WHERE id IN (1)", true);
    row("layout", "SELECT a\n   FROM t", "select a from t", true);
    row("comments", "SELECT /* page 7 */ a FROM t -- x", "SELECT a FROM t", true);
    row("table", "SELECT a FROM t", "SELECT a FROM u", false);
    row("name with a number", "SELECT a FROM t1", "SELECT a FROM t2", false);
    row("words stay apart", "SELECT ab FROM t", "SELECT a b FROM t", false);
    row("empty list", "SELECT f()", "SELECT f(1)", false);
    row("unfinished", "SELECT 'abc", "SELECT 'de", true);
    row("a backslash at a string's end", "SELECT a FROM t WHERE b = 'c:\\' AND d = 1",
        "SELECT a FROM t WHERE b = 'x' AND d = 1", true);
    row("and behind it", "SELECT 'c:\\' FROM t", "SELECT 'c:\\' FROM u", false);
    row("escapes", "SELECT E'it\\'s' FROM t", "SELECT 'x' FROM t", true);
    row("dollar quotes", "SELECT $$it's 1$$, a FROM t", "SELECT $x$no$$ne$x$, a FROM t", true);
    row("behind dollar quotes", "SELECT $$it's$$ FROM t", "SELECT $$it's$$ FROM u", false);
    row("quoted names", "SELECT \"a 1\" FROM t", "SELECT \"a 2\" FROM t", false);
    row("an operator", "SELECT a #> '{b}' FROM t", "SELECT a #> '{b}' FROM u", false);
    row("nested comments", "SELECT /* a /* b */ c */ d FROM t", "SELECT d FROM t", true);
    mysql("MySQL: strings", "SELECT a FROM t WHERE b = \"x y\"",
          "SELECT a FROM t WHERE b = \"it's\"", true);
    mysql("MySQL: behind strings", "SELECT \"it's\" FROM t", "SELECT \"it's\" FROM u", false);
    mysql("MySQL: escapes", "SELECT a FROM t WHERE b = 'it\\'s' AND c = 1",
          "SELECT a FROM t WHERE b = 'x' AND c = 1", true);
    mysql("MySQL: comments", "SELECT a # it's page 7\nFROM t", "SELECT a FROM t", true);
    mysql("MySQL: minus minus", "SELECT 5--1, a FROM t", "SELECT 5--1, b FROM t", false);
    mysql("MySQL: comments do not nest", "SELECT /* a /* b */ c FROM t", "SELECT c FROM t", true);
    mysql("MySQL: quoted names", "SELECT `a 1` FROM t", "SELECT `a 2` FROM t", false);
    mysql("MySQL: a quote in a name", "SELECT `it's` FROM t", "SELECT `it's` FROM u", false);
    mysql("MySQL: dollars", "SELECT $x$ FROM t", "SELECT $y$ FROM t", false);
}

void TestWaitLooks::shapes()
{
    QFETCH(const QString, a);
    QFETCH(const QString, b);
    QFETCH(const bool, same);
    QFETCH(const SqlDialect, dialect);
    const std::string first = statement_shape(a.toStdString(), dialect);
    const std::string second = statement_shape(b.toStdString(), dialect);
    QVERIFY2((first == second) == same, (first + " / " + second).c_str());
    QVERIFY(!first.empty());
}

void TestWaitLooks::kinds_data()
{
    QTest::addColumn<QString>("server");
    QTest::addColumn<QString>("event");
    QTest::addColumn<QString>("kind");
    QTest::addColumn<int>("version"); ///< 0: not told
    const auto row = [](const char* server, const char* event, const char* kind, int version = 0) {
        QTest::addRow("%s %d %s", server, version, event)
            << QString::fromUtf8(server) << QString::fromUtf8(event) << QString::fromUtf8(kind)
            << version;
    };
    row("postgresql", "", "running");
    row("postgresql", "IO/DataFileRead", "io");
    row("postgresql", "LWLock/BufferMapping", "internal");
    row("postgresql", "LWLockTranche/lock_manager", "internal");
    row("postgresql", "BufferPin/BufferPin", "internal");
    row("postgresql", "Client/ClientWrite", "client");
    row("postgresql", "IPC/ExecuteGather", "workers");
    row("postgresql", "Timeout/PgSleep", "pause");
    row("postgresql", "Extension/Extension", "other");
    // 9.6 names locks alone: what it does not name may be a disk, a client or pg_sleep.
    row("postgresql", "", "stage", 90624);
    row("postgresql", "", "stage", 99999);
    row("postgresql", "", "running", 100000);
    row("postgresql", "LWLockNamed/WALWriteLock", "internal", 90624);
    row("postgresql", "BufferPin/BufferPin", "internal", 90624);
    row("mysql", "Sending data", "stage");
    row("mysql", "", "stage");
    row("mysql", "User sleep", "pause");
}

void TestWaitLooks::kinds()
{
    QFETCH(const QString, server);
    QFETCH(const QString, event);
    QFETCH(const QString, kind);
    QFETCH(const int, version);
    TargetState on;
    on.info.kind = server.toStdString();
    if (version > 0)
        on.facts.emplace().version_number = version;
    QCOMPARE(names_all_waits(on),
             server == QStringLiteral("postgresql") && (version == 0 || version >= 100000));
    Session s = running(1, "SELECT 1");
    if (!event.isEmpty())
        s.wait_event = Text{event.toStdString()};
    QCOMPARE(QString::fromUtf8(name_of(wait_kind_of(s, on))), kind);
    // Whoever waits for a lock does so by whatever name.
    s.state = SessionState::waiting;
    QCOMPARE(wait_kind_of(s, on), WaitKind::lock);
}

void TestWaitLooks::whoeverRunsItCounts()
{
    WaitLooks looks;
    for (int i = 1; i <= 5; ++i) {
        Session worker = running(3, "SELECT a FROM t WHERE id = 3", "IO/DataFileRead");
        worker.backend_type = Text{"parallel worker"};
        looks.watch(server({running(1, "SELECT a FROM t WHERE id = 1", "IO/DataFileRead"),
                            running(2, "SELECT a FROM t WHERE id = 2"), worker}),
                    begin + i * 1s);
    }
    const auto waits =
        looks.profile(statement_shape("SELECT a FROM t WHERE id = 9", SqlDialect::postgresql),
                      begin + 1s, begin + 4s);
    QVERIFY(waits);
    QCOMPARE(waits->polls, 3U); // after the one, up to the other
    QCOMPARE(waits->looks, 9U);
    QCOMPARE(waits->counts.size(), std::size_t{2});
    QCOMPARE(waits->counts[0].event.str(), std::string("IO/DataFileRead"));
    QCOMPARE(waits->counts[0].looks, 6U);
    QCOMPARE(waits->of(WaitKind::running), 3U);
    QCOMPARE(waits->statement.str(), std::string("SELECT a FROM t WHERE id = 3"));
    QVERIFY(waits->from == begin + 2s && waits->to == begin + 4s);
}

void TestWaitLooks::othersDoNot()
{
    WaitLooks looks;
    Session idle = running(2, "SELECT a FROM t");
    idle.state = SessionState::idle;
    Session open = running(3, "SELECT a FROM t");
    open.state = SessionState::idle_in_transaction;
    Session own = running(4, "SELECT a FROM t");
    own.own = true;
    Session vacuum = running(5, "SELECT a FROM t");
    vacuum.backend_type = Text{"autovacuum worker"};
    looks.watch(server({running(1, "SELECT a FROM u"), idle, open, own, vacuum}), begin);
    QVERIFY(!looks.profile(statement_shape("SELECT a FROM t", SqlDialect::postgresql), begin - 1s,
                           begin));
    const auto all = looks.profile({}, begin - 1s, begin);
    QVERIFY(all && all->looks == 1 && all->statement.is_null());
}

void TestWaitLooks::noFurtherBackThanItsWindow()
{
    WaitLooks looks;
    for (int i = 0; i < 200; ++i)
        looks.watch(server({running(1, "SELECT 1")}), begin + i * 1s);
    const auto all = looks.profile({}, begin - 1s, begin + 200s);
    QVERIFY(all);
    QCOMPARE(all->looks, 60U);
    QVERIFY(all->from == begin + 140s);
    // A clock that was set back begins anew.
    looks.watch(server({running(1, "SELECT 1")}), begin);
    QCOMPARE(looks.profile({}, begin - 1s, begin + 200s)->looks, 1U);
}

/// However often it is read.
void TestWaitLooks::oneLookInAStep()
{
    WaitLooks looks;
    for (int i = 0; i < 100; ++i)
        looks.watch(server({running(1, "SELECT 1")}), begin + i * 50ms);
    QCOMPARE(looks.profile({}, begin - 1s, begin + 5s)->looks, 10U);
}

void TestWaitLooks::noMoreThanItsBound()
{
    std::vector<Session> many;
    for (int pid = 1; pid <= 1000; ++pid)
        many.push_back(running(pid, "SELECT 1"));
    WaitLooks looks;
    looks.watch(server(many), begin);
    QCOMPARE(looks.profile({}, begin - 1s, begin)->looks, 256U);
    QVERIFY(looks.profile({}, begin - 1s, begin)->cut);
    // As many as are remembered are all there are.
    many.resize(256);
    looks.watch(server(many), begin + 1s);
    QCOMPARE(looks.profile({}, begin, begin + 1s)->looks, 256U);
    QVERIFY(!looks.profile({}, begin, begin + 1s)->cut);
    QVERIFY(looks.profile({}, begin - 1s, begin + 1s)->cut);
}

void TestWaitLooks::theCommonest()
{
    WaitLooks looks;
    looks.watch(server({running(1, "SELECT a FROM t WHERE id = 1"),
                        running(2, "SELECT a FROM t WHERE id = 2"), running(3, "SELECT b FROM u"),
                        running(4, "SELECT c FROM v")}),
                begin);
    QCOMPARE(looks.commonest(begin - 1s, begin, 0.5),
             statement_shape("SELECT a FROM t WHERE id=3", SqlDialect::postgresql));
    QCOMPARE(looks.commonest(begin - 1s, begin, 0.6), std::string());
    QCOMPARE(looks.commonest(begin, begin + 9s, 0.5), std::string());
}

/// A replay that begins a window before the cursor says the same, to the look.
void TestWaitLooks::aSeekSeesWhatPlaySaw()
{
    using Does = IncidentScene::Does;
    IncidentScene scene{{true, false, true, false}};
    World keyframe;
    std::size_t from = 0;
    scene.run(340, [&](int i) {
        if (i == 30) {
            keyframe = scene.analysis.world();
            from = scene.observations.size();
        }
        if (i < 300) {
            scene.brief(52, 60, 20ms);
            return;
        }
        while (scene.lent() < 10)
            scene.lend(52, Does::working, "SELECT sum(total) FROM orders");
        int k = i;
        for (auto& held : scene.all_held())
            held.wait_event = ++k % 3 == 0 ? "" : "IO/DataFileRead";
        scene.pending = 6;
    });
    const Diagnosis* const played = scene.of_pool();
    QVERIFY(played && played->cause == Cause::slow_statements && played->waits);
    QVERIFY(played->waits->looks > 100);
    Analysis sought;
    sought.restore(keyframe);
    WorldDelta ignored;
    for (std::size_t i = from; i < scene.observations.size(); ++i)
        sought.fold(scene.observations[i], ignored);
    sought.look();
    QVERIFY(sought.diagnoses() == scene.analysis.diagnoses());
}

QTEST_APPLESS_MAIN(TestWaitLooks)
#include "tst_waitlooks.moc"
