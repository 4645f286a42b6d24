// SPDX-License-Identifier: GPL-3.0-or-later
// A server behind a bastion: through the real ssh, to a private sshd with keys of its own.
#include "core/source/bouncersource.h"
#include "tests/integration/mysqlprobe.h"
#include "tests/integration/sourceprobe.h"
#include "tests/source/poolprobe.h"
#include "tests/support/mariadb.h"
#include "tests/support/pgbouncer.h"
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QFile>
#include <QHostAddress>
#include <QProcess>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;

class TestSshTunnel : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void throughTheBastion();
    void oneOfSeveral_data();
    void oneOfSeveral();
    void wordsOfSsh();
    void noSuchProgram();
    void mysqlBehindIt();
    void bouncerBehindIt();
    void agentOverTcp();
    void agentOnASocket();
    void agentThatIsNotThere();
    void cleanupTestCase();

private:
    QString path(const char* name) const { return dir_.filePath(QString::fromLatin1(name)); }
    QStringList clientOptions(const char* key) const;
    QString bastion() const { return user_ + QStringLiteral("@127.0.0.1"); }
    QString startAgent(QProcess& process, const QString& listen, const QString& token = {}) const;

    QTemporaryDir dir_{QStringLiteral("/tmp/psh-XXXXXX")};
    QProcess sshd_;
    quint16 port_ = 0;
    QString user_;
    PgCluster cluster_;
};

void TestSshTunnel::initTestCase()
{
    const QString sshd =
        QStandardPaths::findExecutable(QStringLiteral("sshd"), {QStringLiteral("/usr/sbin")});
    const QString keygen = QStandardPaths::findExecutable(QStringLiteral("ssh-keygen"));
    if (sshd.isEmpty() || keygen.isEmpty() || !PgCluster::available())
        QSKIP("this needs sshd, ssh-keygen and a PostgreSQL server");
    for (const char* key : {"host", "good", "bad"}) {
        QCOMPARE(QProcess::execute(keygen, {QStringLiteral("-q"), QStringLiteral("-t"),
                                            QStringLiteral("ed25519"), QStringLiteral("-N"),
                                            QString(), QStringLiteral("-f"), path(key)}),
                 0);
    }
    QVERIFY(QFile::copy(path("good.pub"), path("authorized")));
    QTcpServer free;
    QVERIFY(free.listen(QHostAddress::LocalHost));
    port_ = free.serverPort();
    free.close();
    QFile config(path("sshd_config"));
    QVERIFY(config.open(QIODevice::WriteOnly));
    config.write(QStringLiteral("Port %1\nListenAddress 127.0.0.1\nHostKey %2\n"
                                "AuthorizedKeysFile %3\nStrictModes no\nPidFile none\nUsePAM no\n"
                                "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                                "PermitRootLogin yes\n")
                     .arg(port_)
                     .arg(path("host"), path("authorized"))
                     .toUtf8());
    config.close();
    // As root sshd wants a folder of the system's: it runs as an ordinary user here.
    const passwd* who = ::getpwuid(::geteuid());
    if (::geteuid() == 0)
        who = ::getpwnam("postgres") ? ::getpwnam("postgres") : ::getpwnam("nobody");
    QVERIFY(who);
    user_ = QString::fromLocal8Bit(who->pw_name);
    const uid_t uid = who->pw_uid;
    const gid_t gid = who->pw_gid;
    if (::geteuid() == 0) {
        for (const QString& each :
             {dir_.path(), path("host"), path("authorized"), path("sshd_config")})
            QCOMPARE(::chown(QFile::encodeName(each).constData(), uid, gid), 0);
        sshd_.setChildProcessModifier([uid, gid] {
            if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)
                ::_exit(126);
        });
    }
    sshd_.start(sshd, {QStringLiteral("-D"), QStringLiteral("-e"), QStringLiteral("-f"),
                       config.fileName()});
    QVERIFY(sshd_.waitForStarted());
    bool listens = false;
    for (int i = 0; i < 50 && !listens; ++i) {
        QTcpSocket probe;
        probe.connectToHost(QHostAddress::LocalHost, port_);
        listens = probe.waitForConnected(200);
        if (sshd_.state() == QProcess::NotRunning || (!listens && sshd_.waitForFinished(100)))
            QSKIP("sshd does not start here: " + sshd_.readAllStandardError());
    }
    QVERIFY(listens);
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
}

QStringList TestSshTunnel::clientOptions(const char* key) const
{
    const auto option = [](const QString& text) {
        return QStringList{QStringLiteral("-o"), text};
    };
    return QStringList{QStringLiteral("-F"),   QStringLiteral("none"), QStringLiteral("-p"),
                       QString::number(port_), QStringLiteral("-i"),   path(key)} +
           option(QStringLiteral("IdentitiesOnly=yes")) +
           option(QStringLiteral("IdentityAgent=none")) +
           option(QStringLiteral("StrictHostKeyChecking=accept-new")) +
           option(QStringLiteral("UserKnownHostsFile=") + path("known"));
}

void TestSshTunnel::throughTheBastion()
{
    SourceProbe probe(cluster_.uri(), SourceProbe::quick(), user_ + QStringLiteral("@127.0.0.1"));
    probe.source().tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 10000);
    QVERIFY(probe.source().tunnel().isReady());
    QVERIFY(probe.source().tunnel().port() != cluster_.port());
    const quint16 local = probe.source().tunnel().port();
    // It ends with the source.
    probe.source().stop();
    QTRY_VERIFY_WITH_TIMEOUT(
        [&] {
            QTcpSocket socket;
            socket.connectToHost(QHostAddress::LocalHost, local);
            return !socket.waitForConnected(200);
        }(),
        5000);
}

void TestSshTunnel::oneOfSeveral_data()
{
    QTest::addColumn<bool>("dead");
    QTest::newRow("the first takes no changes") << false;
    QTest::newRow("nothing listens at the first") << true;
}

/// As without ssh each host of the list is tried in turn, by its own name and password.
void TestSshTunnel::oneOfSeveral()
{
    QFETCH(const bool, dead);
    PgCluster first, second;
    PgCluster::Options options;
    options.password = "one";
    options.settings = {QStringLiteral("default_transaction_read_only = on")};
    QVERIFY2(first.start(options), qPrintable(first.error()));
    options = {};
    options.password = "two";
    QVERIFY2(second.start(options), qPrintable(second.error()));
    if (dead)
        QVERIFY(first.stop());
    QFile passwords(path("pgpass"));
    QVERIFY(passwords.open(QIODevice::WriteOnly | QIODevice::Truncate));
    passwords.write(QStringLiteral("127.0.0.1:%1:*:*:one\n127.0.0.1:%2:*:*:two\n")
                        .arg(first.port())
                        .arg(second.port())
                        .toUtf8());
    passwords.close();
    QVERIFY(passwords.setPermissions(QFile::ReadOwner | QFile::WriteOwner));
    const QString list =
        QStringLiteral("host=127.0.0.1,127.0.0.1 port=%1,%2 user=postgres dbname=postgres "
                       "target_session_attrs=read-write passfile=%3")
            .arg(first.port())
            .arg(second.port())
            .arg(passwords.fileName());
    SourceProbe probe(list, SourceProbe::quick(), bastion());
    probe.source().tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
    const std::vector<quint16> ports = probe.source().tunnel().ports();
    QCOMPARE(ports.size(), std::size_t{2});
    QVERIFY(ports.front() != ports.back() && ports.front() != 0 && ports.back() != 0);
    PgClient there(second.localConninfo());
    QTRY_VERIFY(probe.session(there.pid()));
    // Fail over, and back: the same tunnel leads to both.
    QVERIFY(second.stop());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QTRY_VERIFY2_WITH_TIMEOUT(
        probe.sentence().contains(QStringLiteral("127.0.0.1:%1").arg(first.port())) ||
            probe.sentence().contains(QStringLiteral("127.0.0.1:%1").arg(second.port())),
        qPrintable(probe.sentence()), 20000);
    QVERIFY(second.resume());
    QTRY_VERIFY2_WITH_TIMEOUT(probe.reach() == Reach::up, qPrintable(probe.sentence()), 20000);
    QVERIFY(probe.source().tunnel().ports() == ports);
}

void TestSshTunnel::wordsOfSsh()
{
    SourceProbe probe(cluster_.uri(), SourceProbe::quick(), user_ + QStringLiteral("@127.0.0.1"));
    probe.source().tunnel().setExtraArguments(clientOptions("bad"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("Permission denied")),
             qPrintable(probe.sentence()));
    QVERIFY(!probe.sentence().contains(QStringLiteral("debug")));
}

void TestSshTunnel::noSuchProgram()
{
    SourceProbe probe(cluster_.uri(), SourceProbe::quick(), QStringLiteral("bastion"));
    probe.source().tunnel().setProgram(path("no-such-ssh"));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().contains(QStringLiteral("cannot be started")),
             qPrintable(probe.sentence()));
}

void TestSshTunnel::mysqlBehindIt()
{
    if (!MariaDb::available())
        QSKIP("no MariaDB server here");
    MariaDb server;
    MariaDb::Options options;
    options.tls = true;
    QVERIFY2(server.start(options), qPrintable(server.error()));
    // The certificate is that of the server's name, whatever the tunnel's end is called here.
    const QString url = QStringLiteral("mysql://locked:right@localhost:%1/shop?"
                                       "ssl-mode=verify_identity&ssl-ca=%2")
                            .arg(server.port())
                            .arg(server.rootCertificate());
    MySqlProbe probe(url, MySqlProbe::quick(), bastion());
    probe.source().tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
    QVERIFY(probe.state().facts->tls);
    const quint16 local = probe.source().tunnel().port();
    QVERIFY(local != 0 && local != server.port());
    // The server is asked for anew, through the same tunnel.
    QVERIFY(server.stop());
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(server.resume(), qPrintable(server.error()));
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::up, 20000);
    QCOMPARE(probe.source().tunnel().port(), local);
    MySqlProbe refused(url, MySqlProbe::quick(), bastion());
    refused.source().tunnel().setExtraArguments(clientOptions("bad"));
    refused.start();
    QTRY_COMPARE_WITH_TIMEOUT(refused.reach(), Reach::stopped, 10000);
    QVERIFY2(refused.sentence().contains(QStringLiteral("Permission denied")),
             qPrintable(refused.sentence()));
}

void TestSshTunnel::bouncerBehindIt()
{
    if (!PgBouncer::available())
        QSKIP("no PgBouncer here");
    PgBouncer bouncer;
    QVERIFY2(
        bouncer.start(
            {QStringLiteral("shop = host=127.0.0.1 dbname=postgres port=%1").arg(cluster_.port())}),
        qPrintable(bouncer.error()));
    PoolProbe probe(bouncer.url(), {}, bastion());
    auto* const source = qobject_cast<BouncerSource*>(&probe.source());
    QVERIFY(source);
    source->tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 20000);
    QVERIFY(source->tunnel().port() != 0 && source->tunnel().port() != bouncer.port());
    const PgClient client(bouncer.conninfo(QStringLiteral("shop")));
    QTRY_VERIFY_WITH_TIMEOUT(probe.pools().pools.contains(Text{"shop/app"}), 20000);
}

/// As the user whom sshd lets in; its address.
QString TestSshTunnel::startAgent(QProcess& process, const QString& listen,
                                  const QString& token) const
{
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"), listen);
    environment.insert(QStringLiteral("POOLSCOPE_TOKEN"), token);
    process.setProcessEnvironment(environment);
    if (::geteuid() == 0) {
        const passwd* const who = ::getpwnam(user_.toLocal8Bit().constData());
        process.setChildProcessModifier([uid = who->pw_uid, gid = who->pw_gid] {
            if (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)
                ::_exit(126);
        });
    }
    // That user may not reach the folder of the build.
    const QString program = path("agentprocess");
    if (!QFile::exists(program) &&
        (!QFile::copy(inBuild("tests/integration/poolscope_agentprocess"), program) ||
         !QFile::setPermissions(program, QFile::permissions(program) | QFile::ReadOther |
                                             QFile::ExeOther | QFile::ExeGroup)))
        return {};
    process.start(program, QStringList());
    if (!process.waitForReadyRead(10000))
        return {};
    return QString::fromUtf8(process.readLine()).trimmed().mid(8);
}

void TestSshTunnel::agentOverTcp()
{
    QProcess process;
    const QString url =
        startAgent(process, QStringLiteral("127.0.0.1:0"), QStringLiteral("sesame"));
    QVERIFY(url.startsWith(QStringLiteral("pool://127.0.0.1:")));
    PoolProbe probe(url, QStringLiteral("sesame"), bastion());
    probe.agent()->setTimings(AgentSource::Timings{});
    probe.agent()->tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 10000);
    QVERIFY(probe.agent()->tunnel().port() != 0);
    QVERIFY(!url.endsWith(QString::number(probe.agent()->tunnel().port())));
    process.closeWriteChannel();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QTRY_COMPARE(process.state(), QProcess::NotRunning);
}

void TestSshTunnel::agentOnASocket()
{
    QProcess process;
    const QString socket = path("agent.sock");
    const QString url = startAgent(process, socket);
    QCOMPARE(url, QStringLiteral("pool+unix://") + socket);
    process.write("keep 2\n");
    QVERIFY(process.waitForReadyRead(10000));
    PoolProbe probe(url, {}, bastion());
    probe.agent()->setTimings(AgentSource::Timings{});
    probe.agent()->tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 10000);
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{2});
    // A port here would let in whoever is on this machine: the agent asks for no token.
    QCOMPARE(probe.agent()->tunnel().port(), quint16{0});
    probe.source().stop();
    process.closeWriteChannel();
    QVERIFY(process.waitForFinished());
}

void TestSshTunnel::agentThatIsNotThere()
{
    PoolProbe probe(QStringLiteral("pool+unix://") + path("none.sock"), {}, bastion());
    probe.agent()->tunnel().setExtraArguments(clientOptions("good"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("closed the connection before")),
             qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(QStringLiteral("On that host")));
}

void TestSshTunnel::cleanupTestCase()
{
    sshd_.terminate();
    sshd_.waitForFinished(5000);
}

QTEST_GUILESS_MAIN(TestSshTunnel)
#include "tst_sshtunnel.moc"
