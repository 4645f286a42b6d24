// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that goes wrong between the PostgreSQL source and a server, with real ones.
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QScopeGuard>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

#include <unistd.h>

#include <atomic>
#include <thread>

using namespace poolscope;
using namespace poolscope::test;

class TestPgTrouble : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void unknownHost();
    void nothingListens();
    void noAnswerToConnect();
    void severalHosts();
    void unknownDatabase();
    void passwordMissingOrWrong();
    void passwordFile();
    void tlsRefused();
    void tlsVerified();
    void unknownService();
    void serverRestart();
    void restartOfOneThatWasFull();
    void sessionEndedByOthers();
    void reconnectToABusyServer();
    void frozenServer();
    void pollRefused();
    void pgbouncer();
    void stopIsSilent();

private:
    PgCluster cluster_;
    QByteArray password_ = "s3cr:t@/ %x";
};

void TestPgTrouble::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    PgCluster::Options options;
    options.password = password_;
    options.settings = {QStringLiteral("allow_system_table_mods = on")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    // TCP asks for a password, but not of this one.
    PgClient admin(cluster_.localConninfo());
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE free SUPERUSER LOGIN")));
    cluster_.addHba(QStringLiteral("host all free 127.0.0.1/32 trust"));
}

void TestPgTrouble::unknownHost()
{
    SourceProbe probe(QStringLiteral("host=no-such-host.invalid user=u dbname=d"));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 10000);
    QVERIFY2(probe.sentence().contains(QStringLiteral("no-such-host.invalid")),
             qPrintable(probe.sentence()));
    QVERIFY(!probe.nextStep().isEmpty());
    QCOMPARE(probe.gaps, 0); // nothing was seen before, so nothing was missed
}

void TestPgTrouble::nothingListens()
{
    QTcpServer free;
    QVERIFY(free.listen(QHostAddress::LocalHost));
    const quint16 port = free.serverPort();
    free.close();
    SourceProbe probe(QStringLiteral("host=127.0.0.1 port=%1 user=u dbname=d").arg(port));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QCOMPARE(probe.sentence(), QStringLiteral("Nothing listens at 127.0.0.1:%1.").arg(port));
    QVERIFY(probe.state().status.next_try.has_value());
    QTcpServer late;
    QVERIFY(late.listen(QHostAddress::LocalHost, port));
    QTRY_VERIFY(late.hasPendingConnections()); // it went on trying
    QCOMPARE(probe.failing, 1);                // and said so once
}

void TestPgTrouble::noAnswerToConnect()
{
    QTcpServer deaf; // takes the connection and never says a word
    QVERIFY(deaf.listen(QHostAddress::LocalHost));
    PostgresSource::Timings timings = SourceProbe::quick();
    timings.connect = std::chrono::milliseconds{400};
    SourceProbe probe(
        QStringLiteral("host=127.0.0.1 port=%1 user=u dbname=d").arg(deaf.serverPort()), timings);
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("did not answer within")),
             qPrintable(probe.sentence()));
}

void TestPgTrouble::severalHosts()
{
    QTcpServer deaf;
    QVERIFY(deaf.listen(QHostAddress::LocalHost));
    PostgresSource::Timings timings = SourceProbe::quick();
    timings.connect = std::chrono::milliseconds{400};
    SourceProbe probe(QStringLiteral("postgresql://free@no-such-host.invalid:1,127.0.0.1:%1,"
                                     "localhost:%2/postgres")
                          .arg(deaf.serverPort())
                          .arg(cluster_.port()),
                      timings);
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 10000);
}

void TestPgTrouble::unknownDatabase()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("nowhere"), QStringLiteral("free")));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.sentence().contains(QStringLiteral("has no database \"nowhere\"")));
    QVERIFY(!probe.state().status.next_try.has_value());
}

void TestPgTrouble::passwordMissingOrWrong()
{
    qputenv("PGPASSFILE", "/nonexistent");
    SourceProbe probe(cluster_.conninfo());
    probe.start();
    QTRY_COMPARE(probe.secrets.size(), 1);
    QCOMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.secrets.first().contains(QStringLiteral("wants a password")));
    probe.source().provideSecret(QStringLiteral("wrong"));
    QTRY_COMPARE(probe.secrets.size(), 2);
    QVERIFY(probe.secrets.last().contains(QStringLiteral("refused the password")));
    QVERIFY(!probe.secrets.last().contains(QStringLiteral("wrong")));
    probe.source().provideSecret(QString::fromUtf8(password_));
    QTRY_VERIFY(probe.up());
    QCOMPARE(probe.secrets.size(), 2);
    qunsetenv("PGPASSFILE");
}

void TestPgTrouble::passwordFile()
{
    QTemporaryDir dir;
    QFile file(dir.filePath(QStringLiteral("pgpass")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("127.0.0.1:*:*:postgres:s3cr\\:t@/ %x\n");
    file.close();
    file.setPermissions(QFileDevice::ReadOwner | QFileDevice::WriteOwner);
    qputenv("PGPASSFILE", file.fileName().toUtf8());
    SourceProbe probe(cluster_.uri());
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY(probe.secrets.isEmpty());
    QCOMPARE(passwordFromFile(file.fileName(), QStringLiteral("127.0.0.1"), QStringLiteral("1"),
                              QStringLiteral("d"), QStringLiteral("postgres")),
             QString::fromUtf8(password_));
    qunsetenv("PGPASSFILE");
    // In the URI it works too, and is in nothing that we tell.
    const QString secret = QStringLiteral("s3cr%3At%40%2F%20%25x");
    SourceProbe with(QStringLiteral("postgresql://postgres:") + secret +
                     QStringLiteral("@127.0.0.1:%1/postgres").arg(cluster_.port()));
    with.start();
    QTRY_VERIFY(with.up());
    QCOMPARE(QString::fromStdString(with.source().info().url), cluster_.uri());
}

void TestPgTrouble::tlsRefused()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")) +
                      QStringLiteral(" sslmode=require"));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY2(probe.sentence().startsWith(QStringLiteral("TLS with")), qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(QStringLiteral("sslmode")));
}

void TestPgTrouble::tlsVerified()
{
    if (QStandardPaths::findExecutable(QStringLiteral("openssl")).isEmpty())
        QSKIP("openssl is not installed");
    PgCluster secure;
    PgCluster::Options options;
    options.tls = true;
    if (!secure.start(options)) {
        // Some packaged servers are built without TLS.
        QVERIFY2(secure.error().contains(QStringLiteral("ssl"), Qt::CaseInsensitive),
                 qPrintable(secure.error()));
        QSKIP("this server is built without TLS");
    }
    const QString checked = QStringLiteral(" sslmode=verify-full sslrootcert=");
    const QString root = secure.rootCertificate();
    const QString rest =
        QStringLiteral(" port=%1 dbname=postgres user=postgres").arg(secure.port());
    // The name is looked up by us, and still is what the certificate is compared with.
    SourceProbe good(QStringLiteral("host=localhost") + rest + checked + root);
    good.start();
    QTRY_VERIFY2(good.up(), qPrintable(good.sentence()));
    QVERIFY(good.state().facts->tls);
    const auto refused = [&](const QString& info, const QString& words, const QString& step) {
        SourceProbe bad(info);
        bad.start();
        QTRY_COMPARE(bad.reach(), Reach::stopped);
        QVERIFY2(bad.sentence().startsWith(QStringLiteral("TLS with")), qPrintable(bad.sentence()));
        QVERIFY2(bad.sentence().contains(words), qPrintable(bad.sentence()));
        QVERIFY2(bad.nextStep().contains(step), qPrintable(bad.nextStep()));
    };
    refused(QStringLiteral("host=127.0.0.1") + rest + checked + root,
            QStringLiteral("does not match host name"), QStringLiteral("server's certificate"));
    // Another authority than the one that signed.
    PgCluster other;
    QVERIFY2(other.start(options), qPrintable(other.error()));
    refused(QStringLiteral("host=localhost") + rest + checked + other.rootCertificate(),
            QStringLiteral("certificate verify failed"), QStringLiteral("sslrootcert=FILE"));
    refused(QStringLiteral("host=localhost") + rest + checked + QStringLiteral("/nonexistent"),
            QStringLiteral("root certificate"), QStringLiteral("sslrootcert=FILE"));
}

void TestPgTrouble::unknownService()
{
    SourceProbe probe(QStringLiteral("service=not-in-any-file"));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::stopped);
    QVERIFY(probe.sentence().contains(QStringLiteral("no service \"not-in-any-file\"")));
}

void TestPgTrouble::serverRestart()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    probe.start();
    QTRY_VERIFY(probe.up());
    QVERIFY(cluster_.stop());
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QCOMPARE(probe.gaps, 1);
    QTRY_VERIFY(probe.sentence().contains(QStringLiteral("Nothing listens")));
    const int full = probe.fullSamples;
    QVERIFY2(cluster_.resume(), qPrintable(cluster_.error()));
    QTRY_COMPARE(probe.reach(), Reach::up);
    QTRY_COMPARE(probe.fullSamples, full + 1);
    QCOMPARE(probe.gaps, 1);
    QVERIFY(!probe.state().gap_since_sample);
    QVERIFY(probe.orderly);
}

/// How long it was full says nothing of how long it will be away.
void TestPgTrouble::restartOfOneThatWasFull()
{
    PgCluster small;
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 4"),
                        QStringLiteral("superuser_reserved_connections = 0"),
                        QStringLiteral("max_wal_senders = 0")};
    QVERIFY2(small.start(options), qPrintable(small.error()));
    std::vector<PgClient> crowd;
    for (int i = 0; i < 4; ++i)
        crowd.emplace_back(small.conninfo());
    QVERIFY(crowd.back().ok());
    PostgresSource::Timings timings = SourceProbe::quick();
    timings.firstRetry = std::chrono::milliseconds{500};
    timings.longestRetry = std::chrono::seconds{30};
    SourceProbe probe(small.conninfo(), timings);
    probe.start();
    QTRY_VERIFY(probe.sentence().contains(QStringLiteral("no free slot")));
    QTRY_VERIFY_WITH_TIMEOUT(small.log().count(QStringLiteral("too many clients")) >= 5, 20000);
    crowd.clear();
    QVERIFY(small.stop());
    QTRY_VERIFY(probe.sentence().contains(QStringLiteral("Nothing listens")));
    QVERIFY2(small.resume(), qPrintable(small.error()));
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 5000);
}

void TestPgTrouble::sessionEndedByOthers()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    probe.start();
    QTRY_VERIFY(probe.up());
    PgClient admin(cluster_.localConninfo());
    QVERIFY(admin.exec(QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                      " WHERE application_name = 'poolscope'")));
    QTRY_VERIFY(probe.gaps == 1);
    QTRY_COMPARE(probe.reach(), Reach::up);
    bool said = false;
    for (const Fact& fact : probe.facts) {
        const auto* const status = std::get_if<StatusChanged>(&fact);
        said = said || (status &&
                        status->status.sentence.find("ended the connection") != std::string::npos);
    }
    QVERIFY(said);
}

/// What is asked first is asked of each connection: who we are, and whether it is the server that
/// answers.
void TestPgTrouble::reconnectToABusyServer()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    probe.start();
    QTRY_VERIFY(probe.up());
    // The roles cannot be read for a while, which is no reason to give up.
    PgClient holder(cluster_.localConninfo());
    QVERIFY(holder.exec(QStringLiteral("BEGIN")));
    QVERIFY(holder.exec(
        QStringLiteral("ALTER VIEW pg_catalog.pg_roles SET (security_barrier = false)")));
    PgClient admin(cluster_.localConninfo());
    const auto timeouts = [&] {
        return cluster_.log().count(QStringLiteral("canceling statement due to lock timeout"));
    };
    const auto before = timeouts();
    QVERIFY(admin.exec(QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                      " WHERE application_name = 'poolscope'")));
    QTRY_VERIFY_WITH_TIMEOUT(timeouts() >= before + 2, 20000);
    QVERIFY(holder.exec(QStringLiteral("ROLLBACK")));
    const int samples = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.samples > samples + 2, 20000);
    int reports = 0, ours = 0;
    for (const Fact& fact : probe.facts) {
        reports += std::holds_alternative<FactsReported>(fact) ? 1 : 0;
        const auto* const sample = std::get_if<ServerSample>(&fact);
        for (const Session& session : sample ? sample->changed : std::vector<Session>{}) {
            if (session.application.str() != "poolscope")
                continue;
            ++ours;
            QVERIFY(session.own);
        }
    }
    QVERIFY(ours >= 2);
    QCOMPARE(reports, 1); // the same as before
}

void TestPgTrouble::frozenServer()
{
    PgClient victim(cluster_.localConninfo());
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    probe.start();
    QTRY_VERIFY(probe.up() && probe.session(victim.pid()));

    // The thread goes on turning: a timer of 5 ms tells the longest time that it did not. How long
    // the machine itself left a thread waiting, another one tells that only naps.
    QElapsedTimer since;
    qint64 longest = 0;
    std::atomic<qint64> withheld = 0;
    std::jthread control([&withheld](const std::stop_token& ended) {
        QElapsedTimer nap;
        while (!ended.stop_requested()) {
            nap.start();
            std::this_thread::sleep_for(std::chrono::milliseconds{5});
            withheld = std::max(withheld.load(), nap.elapsed());
        }
    });
    QTimer beat;
    beat.setTimerType(Qt::PreciseTimer);
    connect(&beat, &QTimer::timeout, this, [&] { longest = std::max(longest, since.restart()); });
    since.start();
    beat.start(5);

    cluster_.freeze();
    const auto thaw = qScopeGuard([this] { cluster_.thaw(); }); // also where a check fails
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("No answer from")),
             qPrintable(probe.sentence()));
    QCOMPARE(probe.gaps, 1);
    const ActionId act = probe.execute(ActionVerb::terminate, probe.keyOf(victim.pid()));
    QTRY_VERIFY2_WITH_TIMEOUT(probe.phases(act).endsWith(QStringLiteral("timed_out")),
                              qPrintable(probe.phases(act)), 30000);
    // It gave up that connection by now, and goes on trying.
    QTRY_VERIFY_WITH_TIMEOUT(probe.sentence().contains(QStringLiteral("did not answer within")),
                             8000);
    QVERIFY2(longest < 100 + withheld, qPrintable(QStringLiteral("blocked for %1 ms, of which the "
                                                                 "machine may account for %2")
                                                      .arg(longest)
                                                      .arg(withheld)));
    cluster_.thaw();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::up, 8000);
    QVERIFY(victim.exec(QStringLiteral("SELECT 1")));
    qInfo("longest pause of the event loop: %lld ms", longest);
}

void TestPgTrouble::pollRefused()
{
    PgClient admin(cluster_.localConninfo());
    QVERIFY(admin.exec(QStringLiteral("CREATE ROLE barred LOGIN")));
    cluster_.addHba(QStringLiteral("host all barred 127.0.0.1/32 trust"));
    QVERIFY(admin.exec(QStringLiteral("REVOKE EXECUTE ON FUNCTION pg_stat_get_activity(int)"
                                      " FROM public")));
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("barred")));
    probe.start();
    QTRY_COMPARE(probe.reach(), Reach::failing);
    QVERIFY2(probe.sentence().contains(QStringLiteral("permission denied")),
             qPrintable(probe.sentence()));
    QVERIFY(probe.nextStep().contains(QStringLiteral("GRANT")));
    // It must not spin: after the first refusals it waits 2, 4 and 8 times the first retry.
    const auto refusals = [&] {
        return cluster_.log().count(QStringLiteral("permission denied for function"));
    };
    QElapsedTimer since;
    since.start();
    const auto before = refusals();
    QTRY_VERIFY_WITH_TIMEOUT(refusals() >= before + 3, 10000);
    QVERIFY2(since.elapsed() >= 4 * SourceProbe::quick().firstRetry.count(),
             qPrintable(QString::number(since.elapsed())));
    QCOMPARE(probe.failing, 1);
    QVERIFY(admin.exec(QStringLiteral("GRANT EXECUTE ON FUNCTION pg_stat_get_activity(int)"
                                      " TO public")));
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 10000);
}

void TestPgTrouble::pgbouncer()
{
    const QString program = QStandardPaths::findExecutable(
        QStringLiteral("pgbouncer"), {QStringLiteral("/usr/sbin"), QStringLiteral("/usr/bin")});
    if (program.isEmpty())
        QSKIP("pgbouncer is not installed");
    QTcpServer free;
    QVERIFY(free.listen(QHostAddress::LocalHost));
    const quint16 port = free.serverPort();
    free.close();
    for (const bool ignoresOptions : {false, true}) {
        const QString name = cluster_.socketDir() + QStringLiteral("/pgbouncer.ini");
        QFile file(name);
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(QStringLiteral("[databases]\npostgres = host=127.0.0.1 port=%1 user=free\n"
                                  "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %2\n"
                                  "unix_socket_dir =\nauth_type = any\nadmin_users = adm\n%3\n")
                       .arg(cluster_.port())
                       .arg(port)
                       .arg(ignoresOptions ? QStringLiteral("ignore_startup_parameters = options")
                                           : QString())
                       .toUtf8());
        file.close();
        file.setPermissions(file.permissions() | QFileDevice::ReadOther);
        QProcess pooler;
        QStringList arguments{QStringLiteral("-q"), name};
        if (::geteuid() == 0)
            arguments = QStringList{QStringLiteral("-u"), QStringLiteral("nobody")} + arguments;
        pooler.start(program, arguments);
        QVERIFY(pooler.waitForStarted());
        for (const QString& database : {QStringLiteral("postgres"), QStringLiteral("pgbouncer")}) {
            SourceProbe probe(QStringLiteral("host=127.0.0.1 port=%1 user=adm dbname=%2")
                                  .arg(port)
                                  .arg(database));
            probe.start();
            QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::stopped, 8000);
            QVERIFY2(probe.sentence().contains(QStringLiteral("PgBouncer")),
                     qPrintable(probe.sentence()));
            QVERIFY(probe.nextStep().contains(QStringLiteral("pgbouncer://")));
            QCOMPARE(probe.samples, 0);
        }
        pooler.terminate();
        QVERIFY(pooler.waitForFinished(5000));
    }
}

void TestPgTrouble::stopIsSilent()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    probe.start();
    QTRY_VERIFY(probe.up());
    SourceProbe other(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("free")));
    other.start();
    QTRY_VERIFY(other.up());
    probe.source().stop();
    const std::size_t before = probe.facts.size();
    // Another one at the same pace shows that time for polls passed.
    const int polls = other.samples;
    QTRY_VERIFY(other.samples >= polls + 5);
    QCOMPARE(probe.facts.size(), before);
    other.source().stop();
    PgClient admin(cluster_.localConninfo());
    QTRY_COMPARE(admin.value(QStringLiteral("SELECT count(*) FROM pg_stat_activity"
                                            " WHERE application_name = 'poolscope'")),
                 QStringLiteral("0"));
}

QTEST_GUILESS_MAIN(TestPgTrouble)
#include "tst_pgtrouble.moc"
