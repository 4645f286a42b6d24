// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that goes wrong between the MySQL source and a server, with a real MariaDB.
#include "tests/integration/mysqlprobe.h"
#include "tests/support/mariadb.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include <algorithm>
#include <csignal>
#include <memory>
#include <vector>

using namespace poolscope;
using namespace poolscope::test;

class TestMySqlTrouble : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void nothingListens();
    void unknownHost();
    void noSuchSocket();
    void bySocket();
    void silentServer();
    void silentInTheHandshake();
    void anotherProtocol();
    void endlessAnswer();
    void unknownDatabase();
    void passwordMissingOrWrong();
    void optionFile();
    void settings();
    void aServerThatLiesAboutItsVersion_data();
    void aServerThatLiesAboutItsVersion();
    void full();
    void fullAtAttach();
    void killedByOthers();
    void interruptedByOthers();
    void serverRestart();
    void crashInMidPoll();
    void frozenServer();
    void stopIsSilent();

private:
    std::vector<std::unique_ptr<MariaClient>> fill(const char* user) const;

    MariaDb server_; ///< few connections
};

std::vector<std::unique_ptr<MariaClient>> TestMySqlTrouble::fill(const char* user) const
{
    std::vector<std::unique_ptr<MariaClient>> crowd;
    for (int i = 0; i < 60; ++i) {
        auto client = std::make_unique<MariaClient>(server_, user);
        if (!client->ok())
            break;
        crowd.push_back(std::move(client));
    }
    return crowd;
}

void TestMySqlTrouble::initTestCase()
{
    if (!MariaDb::available())
        QSKIP("no such server here");
    MariaDb::Options options;
    options.tls = true;
    options.settings = {QStringLiteral("--max-connections=10")};
    QVERIFY2(server_.start(options), qPrintable(server_.error()));
}

void TestMySqlTrouble::nothingListens()
{
    QTcpServer free;
    QVERIFY(free.listen(QHostAddress::LocalHost));
    const quint16 port = free.serverPort();
    free.close();
    MySqlProbe probe(QStringLiteral("mysql://u@127.0.0.1:%1/").arg(port));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().startsWith(QStringLiteral("Nothing listens at")),
             qPrintable(probe.sentence()));
}

void TestMySqlTrouble::unknownHost()
{
    MySqlProbe probe(QStringLiteral("mysql://u@no-such-host.invalid/"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("no-such-host.invalid")),
             qPrintable(probe.sentence()));
}

void TestMySqlTrouble::noSuchSocket()
{
    const QTemporaryDir dir;
    MySqlProbe probe(QStringLiteral("mysql://u@/?socket=%1/none").arg(dir.path()));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().startsWith(QStringLiteral("There is no server at ") + dir.path()),
             qPrintable(probe.sentence()));
}

void TestMySqlTrouble::bySocket()
{
    MySqlProbe probe(QStringLiteral("mariadb://admin@/?socket=") + server_.socket());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    QTRY_VERIFY(probe.own());
    QCOMPARE(probe.own()->client.str(), std::string("local"));
    QVERIFY(!probe.state().facts->tls);
}

void TestMySqlTrouble::silentServer()
{
    // It takes the connection and says nothing; nothing here waits with it.
    QTcpServer silent;
    QVERIFY(silent.listen(QHostAddress::LocalHost));
    MySqlSource::Timings timings = MySqlProbe::quick();
    timings.connect = std::chrono::milliseconds{700};
    MySqlProbe probe(QStringLiteral("mysql://u@127.0.0.1:%1/").arg(silent.serverPort()), timings);
    QElapsedTimer took;
    took.start();
    probe.start();
    QVERIFY(took.elapsed() < 500);
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("did not answer within")),
             qPrintable(probe.sentence()));
    // As long as the address has it, where it says so.
    MySqlProbe patient(
        QStringLiteral("mysql://u@127.0.0.1:%1/?connect-timeout=2").arg(silent.serverPort()),
        timings);
    patient.start();
    QTRY_COMPARE_WITH_TIMEOUT(patient.reach(), Reach::failing, 20000);
    QVERIFY2(patient.sentence().contains(QStringLiteral("did not answer within 2 s")),
             qPrintable(patient.sentence()));
}

namespace {

/// What a server greets with, MySQL 8's words.
QByteArray greeting()
{
    QByteArray body;
    body += char(10);
    body += QByteArray("8.0.30") + '\0';
    body += QByteArray("\x01\x00\x00\x00", 4) + "abcdefgh" + '\0';
    body += QByteArray("\xff\xff\x08\x02\x00\xff\xdf\x15", 8);
    body += QByteArray(10, '\0') + "abcdefghijkl" + '\0' + "mysql_native_password" + '\0';
    QByteArray packet;
    packet += char(body.size());
    return packet + QByteArray("\0\0\0", 3) + body;
}

} // namespace

void TestMySqlTrouble::silentInTheHandshake()
{
    // It offers TLS, is asked for it, and then hangs: the event loop must go on.
    QTcpServer hangs;
    QVERIFY(hangs.listen(QHostAddress::LocalHost));
    QByteArray asked;
    connect(&hangs, &QTcpServer::newConnection, this, [&] {
        QTcpSocket* const peer = hangs.nextPendingConnection();
        connect(peer, &QTcpSocket::readyRead, peer, [&asked, peer] { asked += peer->readAll(); });
        peer->write(greeting());
    });
    MySqlSource::Timings timings = MySqlProbe::quick();
    timings.connect = std::chrono::milliseconds{1500};
    MySqlProbe probe(
        QStringLiteral("mysql://u@127.0.0.1:%1/?ssl-mode=required").arg(hangs.serverPort()),
        timings);
    qint64 longest = 0;
    QElapsedTimer since;
    QTimer beat;
    connect(&beat, &QTimer::timeout, this, [&] { longest = std::max(longest, since.restart()); });
    since.start();
    beat.start(10);
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY(asked.size() > 36); // the request for TLS, and the beginning of the handshake
    QVERIFY2(longest < 1000, qPrintable(QString::number(longest)));
    QVERIFY2(probe.sentence().contains(QStringLiteral("did not answer within")),
             qPrintable(probe.sentence()));
}

void TestMySqlTrouble::anotherProtocol()
{
    QTcpServer web;
    QVERIFY(web.listen(QHostAddress::LocalHost));
    connect(&web, &QTcpServer::newConnection, this,
            [&web] { web.nextPendingConnection()->write("HTTP/1.1 400 Bad Request\r\n\r\n"); });
    MySqlProbe probe(QStringLiteral("mysql://u@127.0.0.1:%1/").arg(web.serverPort()));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::failing || probe.reach() == Reach::stopped,
                             20000);
    QVERIFY(!probe.sentence().isEmpty() && !probe.nextStep().isEmpty());
}

void TestMySqlTrouble::endlessAnswer()
{
    // Garbage without end in place of a greeting: a bounded packet at most is read.
    QTcpServer garbage;
    QVERIFY(garbage.listen(QHostAddress::LocalHost));
    connect(&garbage, &QTcpServer::newConnection, this, [&garbage] {
        garbage.nextPendingConnection()->write(QByteArray(1 << 20, char(0x7f)));
    });
    MySqlProbe probe(QStringLiteral("mysql://u@127.0.0.1:%1/").arg(garbage.serverPort()));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::failing || probe.reach() == Reach::stopped,
                             20000);
}

void TestMySqlTrouble::unknownDatabase()
{
    MySqlProbe probe(server_.url("admin", "nowhere"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 20000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("no database \"nowhere\"")),
             qPrintable(probe.sentence()));
}

void TestMySqlTrouble::passwordMissingOrWrong()
{
    MySqlProbe probe(server_.url("locked"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.secrets.size(), 1, 20000);
    QCOMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().contains(QStringLiteral("wants a password")),
             qPrintable(probe.sentence()));
    probe.source().provideSecret(QStringLiteral("wrong-hush"));
    QTRY_COMPARE_WITH_TIMEOUT(probe.secrets.size(), 2, 20000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("refused the password")),
             qPrintable(probe.sentence()));
    QVERIFY(!probe.sentence().contains(QStringLiteral("hush")));
    probe.source().provideSecret(QStringLiteral("right"));
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    MySqlProbe known(server_.url("locked:right"));
    known.start();
    QTRY_VERIFY_WITH_TIMEOUT(known.up(), 20000);
    QCOMPARE(known.source().info().url,
             QStringLiteral("mysql://locked@127.0.0.1:%1/shop").arg(server_.port()).toStdString());
}

void TestMySqlTrouble::optionFile()
{
    const QTemporaryDir dir;
    QFile file(dir.filePath(QStringLiteral("my.cnf")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QStringLiteral("[client]\nhost=127.0.0.1\nport=%1\n[poolscope]\nuser=locked\n"
                              "password=right\n")
                   .arg(server_.port())
                   .toUtf8());
    file.close();
    MySqlProbe probe(QStringLiteral("mysql://?defaults-file=") + file.fileName());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    QCOMPARE(probe.state().facts->role, std::string("locked"));
}

void TestMySqlTrouble::settings()
{
    MySqlProbe probe(server_.url("admin"));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.state().settings, 20000);
    const ServerSettings& told = *probe.state().settings;
    for (const char* name :
         {"max_connections", "max_user_connections", "wait_timeout", "interactive_timeout"})
        QVERIFY2(told.find(name) != nullptr, name);
    // The server's own, not what we have set for our session.
    QCOMPARE(told.find("wait_timeout")->value,
             MariaClient(server_, "admin")
                 .value(QStringLiteral("SELECT @@GLOBAL.wait_timeout"))
                 .toStdString());
}

/// Which tables it has follows from what it says it is; where they are not there, with less.
void TestMySqlTrouble::aServerThatLiesAboutItsVersion_data()
{
    QTest::addColumn<QString>("version");
    QTest::newRow("another product") << "8.0.36-lie";
    QTest::newRow("long gone") << "5.0.1";
    QTest::newRow("to come") << "99.9.9-MariaDB";
    QTest::newRow("none") << "not-a-version";
}

void TestMySqlTrouble::aServerThatLiesAboutItsVersion()
{
    QFETCH(QString, version);
    if (MariaDb::isMySql())
        QSKIP("MySQL does not lie for the asking");
    MariaDb liar;
    MariaDb::Options options;
    options.settings = {QStringLiteral("--version=") + version};
    QVERIFY2(liar.start(options), qPrintable(liar.error()));
    MariaClient holder(liar);
    QVERIFY(holder.exec(QStringLiteral("BEGIN")) &&
            holder.value(QStringLiteral("SELECT 1")) == u"1");
    QCOMPARE(holder.value(QStringLiteral("SELECT VERSION()")).left(4), version.left(4));
    MySqlProbe probe(liar.url());
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
    QTRY_VERIFY(probe.own());
    QTRY_VERIFY(probe.state().sessions.contains(Pid{holder.id()}));
    QVERIFY(probe.state().facts);
    const int before = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples > before + 3, 20000);
    QCOMPARE(probe.reach(), Reach::up);
}

void TestMySqlTrouble::full()
{
    // Attached already, it stays attached, sees what happens and can end sessions.
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    auto crowd = fill("app");
    QCOMPARE(crowd.size(), std::size_t{9});
    QTRY_COMPARE_WITH_TIMEOUT(probe.stateOf(crowd.back()->id()), SessionState::idle, 20000);
    // Who is refused is counted, once the spare connection for administrators is taken too.
    auto spare = std::make_unique<MariaClient>(server_, "admin");
    QVERIFY(spare->ok());
    QTRY_VERIFY_WITH_TIMEOUT(
        [&] {
            const MariaClient refused(server_, "app");
            return !refused.ok() && probe.said("lately: all of max_connections were taken");
        }(),
        20000);
    spare.reset(); // it counts, so that one less would still be full
    const ActionId action = probe.execute(ActionVerb::terminate, probe.keyOf(crowd.front()->id()));
    QTRY_COMPARE_WITH_TIMEOUT(probe.phases(action), QStringLiteral("sent accepted observed"),
                              20000);
    bool letIn = false; // once: a second one might come before the server dropped the first
    QTRY_VERIFY_WITH_TIMEOUT(letIn = letIn || MariaClient(server_, "app").ok(), 20000);
}

void TestMySqlTrouble::fullAtAttach()
{
    auto crowd = fill("app");
    QCOMPARE(crowd.size(), std::size_t{10});
    // An ordinary account waits; it says who may come in.
    MySqlProbe probe(server_.url("app"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("has no free connection")),
             qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(QStringLiteral("CONNECTION ADMIN")));
    // The spare one.
    MySqlProbe admin(server_.url());
    admin.start();
    QTRY_VERIFY_WITH_TIMEOUT(admin.up(), 20000);
    crowd.pop_back();
    crowd.pop_back();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
}

void TestMySqlTrouble::killedByOthers()
{
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.own(), 20000);
    const qint64 id = probe.own()->key.pid.value;
    MariaClient admin(server_, "admin");
    QVERIFY(admin.exec(QStringLiteral("KILL %1").arg(id)));
    QTRY_VERIFY_WITH_TIMEOUT(probe.failing > 0, 20000);
    QTRY_VERIFY_WITH_TIMEOUT(
        probe.reach() == Reach::up && probe.own() && probe.own()->key.pid.value != id, 20000);
    QCOMPARE(probe.gaps, 1);
}

void TestMySqlTrouble::interruptedByOthers()
{
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.own(), 20000);
    const qint64 id = probe.own()->key.pid.value;
    MariaClient admin(server_, "admin");
    // A poll takes a moment; one of many finds it there.
    QTRY_VERIFY_WITH_TIMEOUT(
        [&] {
            for (int i = 0; i < 50 && !probe.said("interrupted Poolscope's poll"); ++i) {
                admin.exec(QStringLiteral("KILL QUERY %1").arg(id));
                QTest::qWait(0);
            }
            return probe.said("interrupted Poolscope's poll");
        }(),
        60000);
    QVERIFY(!probe.said("ended Poolscope's session"));
    const int samples = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && probe.samples > samples, 20000);
    QCOMPARE(probe.own()->key.pid.value, id);
}

void TestMySqlTrouble::serverRestart()
{
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.own(), 20000);
    const SessionKey before = probe.own()->key;
    QVERIFY(server_.stop());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    // The server counts its life in whole seconds: this one must begin at another.
    QElapsedTimer down;
    down.start();
    QTRY_VERIFY(down.elapsed() > 2500);
    QVERIFY2(server_.resume(), qPrintable(server_.error()));
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && probe.own(), 20000);
    QVERIFY(!same_session(probe.own()->key, before, "mysql"));
    QVERIFY(probe.own()->key.started > before.started);
    // Nobody of the life before is listed any more.
    for (const auto& [pid, session] : probe.state().sessions)
        QCOMPARE(session.key.started, probe.own()->key.started);
}

void TestMySqlTrouble::crashInMidPoll()
{
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    server_.freeze();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000); // a poll is under way
    const int samples = probe.samples;
    QVERIFY(server_.stop(SIGKILL));
    QTRY_VERIFY_WITH_TIMEOUT(probe.said("was cut"), 20000);
    QCOMPARE(probe.samples, samples);
    QVERIFY2(server_.resume(), qPrintable(server_.error()));
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && probe.samples > samples, 20000);
}

void TestMySqlTrouble::frozenServer()
{
    MySqlProbe probe(server_.url());
    qint64 longest = 0;
    QElapsedTimer since;
    QTimer beat;
    connect(&beat, &QTimer::timeout, this, [&] { longest = std::max(longest, since.restart()); });
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    since.start();
    beat.start(10);
    server_.freeze();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(probe.sentence().startsWith(QStringLiteral("No answer from")),
             qPrintable(probe.sentence()));
    // The connection is given up, and those that follow get no answer either.
    QTRY_VERIFY_WITH_TIMEOUT(probe.said("did not answer within"), 30000);
    QVERIFY2(longest < 1000, qPrintable(QString::number(longest)));
    const int samples = probe.samples;
    server_.thaw();
    QTRY_VERIFY_WITH_TIMEOUT(probe.reach() == Reach::up && probe.samples > samples, 20000);
}

void TestMySqlTrouble::stopIsSilent()
{
    MySqlProbe probe(server_.url());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 20000);
    server_.freeze();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    const std::size_t told = probe.facts.size();
    probe.source().stop();
    server_.thaw();
    MariaClient admin(server_, "admin");
    // What it asked ends with it.
    QTRY_COMPARE_WITH_TIMEOUT(
        admin.value(QStringLiteral("SELECT COUNT(*) FROM information_schema.PROCESSLIST "
                                   "WHERE INFO LIKE '%poolscope%' AND ID <> CONNECTION_ID()")),
        QStringLiteral("0"), 20000);
    QCOMPARE(probe.facts.size(), told);
}

QTEST_GUILESS_MAIN(TestMySqlTrouble)
#include "tst_mysqltrouble.moc"
