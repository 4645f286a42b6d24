// SPDX-License-Identifier: GPL-3.0-or-later
// The attach dialog's Test against each kind of target, as it really is: what it answers, what it
// says of a wrong password, and of a port where nothing listens.
#include "tests/integration/agentprocess.h"
#include "tests/source/metricsserver.h"
#include "tests/support/mariadb.h"
#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"
#include "tests/support/prometheus.h"
#include "tests/support/say.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/attachtest.h"

#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <memory>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// A port where nothing listens, and nobody else can while this lives: it is bound.
class ClosedPort
{
public:
    ClosedPort()
    {
        if (!socket_.bind(QHostAddress::LocalHost, 0, QAbstractSocket::DontShareAddress))
            qFatal("no port can be bound");
    }
    quint16 number() const { return socket_.localPort(); }

private:
    QTcpSocket socket_;
};

/// One that was free just now, for a process that is to listen there.
quint16 freePort()
{
    QTcpServer taken;
    taken.listen(QHostAddress::LocalHost);
    return taken.serverPort();
}

/// What Test says of a target.
struct Answer
{
    bool reached = false;
    QStringList lines;
};

} // namespace

class TestRealAttach : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void postgres();
    void mySql();
    void pgBouncer();
    void agent();
    void page();
    void prometheus();

private:
    /// By the dialog's own field and button.
    Answer ask(const QString& target);
    /// Whether Test reached it, and what it must say, in this order.
    bool says(const QString& target, bool reached, const QStringList& words);

    QTemporaryDir dir_{say("/tmp/pst-XXXXXX")};
};

void TestRealAttach::initTestCase()
{
    // Nothing of this account's own answers in the place of what a test says.
    qputenv("PGPASSFILE", QFile::encodeName(dir_.filePath(say("none"))));
    qputenv("HOME", QFile::encodeName(dir_.path()));
    for (const char* const name : {"PGPASSWORD", "MYSQL_PWD", "POOLSCOPE_TOKEN"})
        qunsetenv(name);
}

Answer TestRealAttach::ask(const QString& target)
{
    QSettings settings(dir_.filePath(say("settings.ini")), QSettings::IniFormat);
    AttachFinders finders;
    finders.pools = [] {
        return std::vector<LocalPool>{};
    };
    AttachDialog dialog({}, settings, false, nullptr, finders);
    dialog.findChild<QLineEdit*>(say("target"))->setText(target);
    QSignalSpy finished(dialog.test(), &AttachTest::finished);
    for (QPushButton* const button : dialog.findChildren<QPushButton*>())
        if (button->text().remove(u'&') == say("Test"))
            button->click();
    Answer answer;
    if (QTest::qWaitFor([&] { return finished.count() > 0; }, 30'000))
        answer.reached = finished[0][0].toBool();
    answer.lines = dialog.test()->lines();
    return answer;
}

bool TestRealAttach::says(const QString& target, bool reached, const QStringList& words)
{
    const Answer answer = ask(target);
    const QString all = answer.lines.join(u'\n');
    qsizetype at = 0;
    for (const QString& each : words) {
        at = all.indexOf(each, at);
        if (at < 0)
            break;
    }
    if (answer.reached == reached && at >= 0)
        return true;
    qWarning("%s (%s): %s", qPrintable(target), answer.reached ? "reached" : "not reached",
             qPrintable(all));
    return false;
}

void TestRealAttach::postgres()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    PgCluster cluster;
    PgCluster::Options options;
    options.password = "right";
    QVERIFY2(cluster.start(options), qPrintable(cluster.error()));
    PgClient admin(cluster.localConninfo());
    QVERIFY(admin.exec(say("CREATE ROLE plain LOGIN PASSWORD 'right'")));
    const auto url = [&](const char* who) {
        return say("postgresql://%1@127.0.0.1:%2/postgres").arg(say(who)).arg(cluster.port());
    };
    QVERIFY(says(url("postgres:right"), true,
                 {say("PostgreSQL "), say("of 100 connections used"), say("sees every session"),
                  say("may cancel and terminate")}));
    QVERIFY(says(url("plain:right"), true,
                 {say("cannot see other users"), say("cannot end other users"),
                  say("GRANT pg_monitor TO plain; GRANT pg_signal_backend TO plain;")}));
    QVERIFY(says(url("postgres:wrong"), false,
                 {say("The server is there."), say("refused the password for user \"postgres\"")}));
    QVERIFY(says(url("postgres"), false,
                 {say("The server is there."), say("wants a password for user \"postgres\""),
                  say("~/.pgpass")}));
    const ClosedPort closed;
    QVERIFY(says(
        say("postgresql://postgres@127.0.0.1:%1/postgres").arg(closed.number()), false,
        {say("Nothing listens at 127.0.0.1:%1.").arg(closed.number()), say("Check the port")}));
}

void TestRealAttach::mySql()
{
    if (!MariaDb::available())
        QSKIP("this needs a MariaDB or MySQL server");
    MariaDb server;
    MariaDb::Options options;
    options.tls = true;
    QVERIFY2(server.start(options), qPrintable(server.error()));
    QVERIFY(says(server.url(), true,
                 {MariaDb::isMySql() ? say("MySQL ") : say("MariaDB "), say("connections used"),
                  say("sees every session"), say("may cancel and terminate")}));
    QVERIFY(says(server.url("locked:right"), true,
                 {say("cannot see other users"), say("cannot end other users"),
                  say("GRANT PROCESS ON *.*")}));
    QVERIFY(says(server.url("locked:wrong"), false,
                 {say("The server is there."), say("refused the password for user \"locked\"")}));
    QVERIFY(says(server.url("locked"), false,
                 {say("The server is there."), say("wants a password for user \"locked\""),
                  say("~/.my.cnf")}));
    const ClosedPort closed;
    QVERIFY(says(
        say("mysql://admin@127.0.0.1:%1/shop").arg(closed.number()), false,
        {say("Nothing listens at 127.0.0.1:%1.").arg(closed.number()), say("Check the port")}));
}

void TestRealAttach::pgBouncer()
{
    if (!PgCluster::available() || !PgBouncer::available())
        QSKIP("this needs a PostgreSQL server and PgBouncer");
    PgCluster cluster;
    QVERIFY2(cluster.start(), qPrintable(cluster.error()));
    PgClient(cluster.conninfo()).exec(say("CREATE ROLE app LOGIN"));
    PgBouncer bouncer;
    QVERIFY2(
        bouncer.start({say("shop = host=127.0.0.1 port=%1 dbname=postgres").arg(cluster.port())}),
        qPrintable(bouncer.error()));
    PgClient client(bouncer.conninfo(say("shop")));
    QVERIFY(client.exec(say("BEGIN")));
    const bool kills = bouncer.version() >= 12400;
    QVERIFY(says(bouncer.url(), true,
                 {say("PgBouncer "), say("pool shop/app  1 of 20 used"),
                  kills ? say("may end clients")
                        : say("may not end clients: that takes version 1.24 and admin_users")}));
    QVERIFY(says(bouncer.url(say("stats")), true,
                 {say("pool shop/app  1 of 20 used"), say("may not end clients")}));
    QVERIFY(says(bouncer.url(say("adm"), say("wrong")), false,
                 {say("The server is there."), say("refused the password for user \"adm\"")}));
    QVERIFY(says(say("pgbouncer://adm@127.0.0.1:%1").arg(bouncer.port()), false,
                 {say("wants a password for user \"adm\"")}));
    QVERIFY(says(bouncer.url(say("app")), false,
                 {say("does not let user \"app\" into its console"), say("stats_users")}));
    // By the address of its clients: it says which to take.
    QVERIFY(says(say("postgresql://app:app@127.0.0.1:%1/shop").arg(bouncer.port()), false,
                 {say("is PgBouncer or another pooler"),
                  say("pgbouncer://127.0.0.1:%1").arg(bouncer.port())}));
    const ClosedPort closed;
    QVERIFY(says(say("pgbouncer://adm@127.0.0.1:%1").arg(closed.number()), false,
                 {say("Nothing listens at 127.0.0.1:%1.").arg(closed.number())}));
}

void TestRealAttach::agent()
{
    const QString socket = dir_.filePath(say("app.sock"));
    AgentProcess local(socket);
    QVERIFY(local.order("keep 2"));
    QVERIFY(says(local.url, true,
                 {say("agentprocess, pid %1").arg(local.process.processId()),
                  say("pool orders  2 of 16 used"), say("tells at which line"),
                  say("does not allow connections to be taken back")}));
    AgentProcess remote(say("127.0.0.1:0"), {say("--reclaim")}, say("right"));
    QVERIFY(remote.url.startsWith(say("pool://127.0.0.1:")));
    QVERIFY(
        says(remote.url, false,
             {say("The process is there."), say("asks for its token"), say("POOLSCOPE_TOKEN")}));
    qputenv("POOLSCOPE_TOKEN", "right");
    QVERIFY(
        says(remote.url, true, {say("pool orders"), say("allows connections to be taken back")}));
    qputenv("POOLSCOPE_TOKEN", "wrong");
    QVERIFY(says(remote.url, false, {say("The process is there."), say("wrong token")}));
    qunsetenv("POOLSCOPE_TOKEN");
    const ClosedPort closed;
    QVERIFY(says(
        say("pool://127.0.0.1:%1").arg(closed.number()), false,
        {say("Nobody listens at 127.0.0.1:%1.").arg(closed.number()), say("without an agent")}));
    QVERIFY(says(say("pool+unix://") + dir_.filePath(say("nobody.sock")), false,
                 {say("There is no socket"), say("without an agent")}));
}

/// The page of Poolscope's own exporter, of a real pool.
void TestRealAttach::page()
{
    AgentProcess app(dir_.filePath(say("exported.sock")));
    QVERIFY(app.order("keep 3"));
    const quint16 port = freePort();
    QProcess exporter;
    exporter.start(inBuild("app/poolscope"),
                   {say("record"), app.url, say("-o"), dir_.filePath(say("e.poolrec")),
                    say("--metrics"), say("127.0.0.1:%1").arg(port)});
    const auto end = qScopeGuard([&exporter] {
        exporter.terminate();
        exporter.waitForFinished(10'000);
    });
    QVERIFY(exporter.waitForStarted());
    const auto url = [](const char* scheme, quint16 at, const char* path = "/metrics") {
        return say("%1://127.0.0.1:%2%3").arg(say(scheme)).arg(at).arg(say(path));
    };
    // What it serves first knows no pool yet.
    QTRY_VERIFY_WITH_TIMEOUT(
        ask(url("prometheus+http", port)).lines.join(u'\n').contains(say("3 of 16 used")), 20'000);
    QVERIFY(says(
        url("prometheus+http", port), true,
        {say("Prometheus metrics"), say("pool orders"), say("3 of 16 used"), say("not by whom")}));
    QVERIFY(says(url("prometheus+http", port, "/nowhere"), false,
                 {say("has no page /nowhere"), say("/actuator/prometheus")}));
    QVERIFY(
        says(url("expvar+http", port), false, {say("is no page of metrics"), say("/debug/vars")}));
    QVERIFY(says(url("prometheus+https", port), false,
                 {say("does not answer by TLS"), say("http://")}));
    const ClosedPort closed;
    QVERIFY(says(url("prometheus+http", closed.number()), false,
                 {say("Nobody listens at 127.0.0.1:%1.").arg(closed.number())}));
    // One that wants to know who asks.
    MetricsServer guarded;
    guarded.onRequest = [&guarded](QTcpSocket* socket, const QByteArray&) {
        guarded.say(socket, "who asks?", MetricsServer::textType, "401 Unauthorized");
    };
    QVERIFY(says(
        guarded.url(), false,
        {say("The endpoint is there."), say("wants a token"), say("POOLSCOPE_METRICS_TOKEN")}));
    qputenv("POOLSCOPE_METRICS_TOKEN", "wrong");
    QVERIFY(says(guarded.url(), false, {say("The endpoint is there."), say("refused the token")}));
    qunsetenv("POOLSCOPE_METRICS_TOKEN");
}

void TestRealAttach::prometheus()
{
    if (!Prometheus::available())
        QSKIP("this needs Prometheus");
    // A page of a real pool, for it to scrape.
    MetricsServer page;
    QFile real(inTree("tests/data/metrics/hikaricp-prometheus.txt"));
    QVERIFY(real.open(QIODevice::ReadOnly));
    page.page = real.readAll();
    Prometheus server, empty;
    const ClosedPort closed; // also where the one finds nothing
    QVERIFY2(server.start({{say("shop"), {page.address()}}}), qPrintable(server.error()));
    QVERIFY2(empty.start({{say("nobody"), {say("127.0.0.1:%1").arg(closed.number())}}}),
             qPrintable(empty.error()));
    QTRY_VERIFY_WITH_TIMEOUT(
        server.get("/api/v1/query?query=hikaricp_connections").contains("\"value\""), 30'000);
    QVERIFY(says(server.apiUrl(), true, {say("Prometheus"), say("used"), say("not by whom")}));
    // It answers, and knows of no pool: that is not silence.
    QVERIFY(says(empty.apiUrl(), true,
                 {say("no pool yet"), say("It has no metrics of a pool that Poolscope knows.")}));
    QVERIFY(says(say("prometheus+http://%1/metrics").arg(empty.address()), true,
                 {say("no pool yet"), say("/api/v1")}));
    QVERIFY(says(say("prometheus+http://127.0.0.1:%1/api/v1").arg(closed.number()), false,
                 {say("Nobody listens at 127.0.0.1:%1.").arg(closed.number())}));
}

QTEST_MAIN(TestRealAttach)
#include "tst_realattach.moc"
