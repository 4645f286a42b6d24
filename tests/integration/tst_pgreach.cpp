// SPDX-License-Identifier: GPL-3.0-or-later
// Ways to say which server is meant, beyond host and port: service files and lists of servers.
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QTcpServer>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestPgReach : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void serviceFile();
    void listOfServers_data();
    void listOfServers();
    void noneOfTheKind();
    void connectTimeout();

private:
    QString list(const QString& attributes) const
    {
        return QStringLiteral("host=127.0.0.1,127.0.0.1 port=%1,%2 dbname=postgres user=postgres"
                              " target_session_attrs=%3")
            .arg(reader_.port())
            .arg(writer_.port())
            .arg(attributes);
    }
    static bool hasOurSession(const PgCluster& cluster)
    {
        return PgClient(cluster.conninfo())
                   .value(QStringLiteral("SELECT count(*) FROM pg_stat_activity"
                                         " WHERE application_name = 'poolscope'")) !=
               QStringLiteral("0");
    }

    PgCluster writer_, reader_; ///< the reader refuses to write, as a standby does
};

void TestPgReach::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    QVERIFY2(writer_.start(), qPrintable(writer_.error()));
    PgCluster::Options options;
    options.settings = {QStringLiteral("default_transaction_read_only = on")};
    QVERIFY2(reader_.start(options), qPrintable(reader_.error()));
}

void TestPgReach::serviceFile()
{
    QTemporaryDir dir;
    QFile file(dir.filePath(QStringLiteral("services")));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(QStringLiteral("# the shop\n[other]\nport=1\n\n[shop]\nhost=127.0.0.1\nport=%1\n"
                              "dbname=postgres\nuser=postgres\n")
                   .arg(writer_.port())
                   .toUtf8());
    file.close();
    qputenv("PGSERVICEFILE", QFile::encodeName(file.fileName()));
    SourceProbe probe(QStringLiteral("service=shop"));
    probe.start();
    QTRY_VERIFY2(probe.up(), qPrintable(probe.sentence()));
    QCOMPARE(QString::fromStdString(probe.source().info().name), QStringLiteral("shop"));
    QVERIFY(hasOurSession(writer_));
    qunsetenv("PGSERVICEFILE");
}

void TestPgReach::listOfServers_data()
{
    QTest::addColumn<QString>("attributes");
    QTest::addColumn<bool>("writes");
    QTest::newRow("any") << QStringLiteral("any") << false; // the first one
    QTest::newRow("read-write") << QStringLiteral("read-write") << true;
    QTest::newRow("read-only") << QStringLiteral("read-only") << false;
    QTest::newRow("primary") << QStringLiteral("primary") << false; // neither is in recovery
    QTest::newRow("prefer-standby") << QStringLiteral("prefer-standby") << false;
}

void TestPgReach::listOfServers()
{
    QFETCH(const QString, attributes);
    QFETCH(const bool, writes);
    QTRY_VERIFY(!hasOurSession(writer_) && !hasOurSession(reader_));
    SourceProbe probe(list(attributes));
    probe.start();
    QTRY_VERIFY2_WITH_TIMEOUT(probe.up(), qPrintable(probe.sentence()), 8000);
    QCOMPARE(hasOurSession(writer_), writes);
    QCOMPARE(hasOurSession(reader_), !writes);
}

void TestPgReach::noneOfTheKind()
{
    SourceProbe probe(list(QStringLiteral("standby")));
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 8000);
    QVERIFY2(probe.nextStep().contains(QStringLiteral("target_session_attrs")),
             qPrintable(probe.sentence() + probe.nextStep()));
    QVERIFY(probe.state().status.next_try.has_value());
}

/// Who takes the connection and says nothing is waited for as long as the user has it.
void TestPgReach::connectTimeout()
{
    QTcpServer silent;
    QVERIFY(silent.listen(QHostAddress::LocalHost));
    SourceProbe probe(QStringLiteral("host=127.0.0.1 port=%1 dbname=d user=u connect_timeout=3")
                          .arg(silent.serverPort()));
    QElapsedTimer took;
    took.start();
    probe.start();
    QTRY_COMPARE_WITH_TIMEOUT(probe.reach(), Reach::failing, 20000);
    QVERIFY2(took.elapsed() > 2500, qPrintable(QString::number(took.elapsed())));
    QVERIFY2(probe.sentence().contains(QStringLiteral("did not answer within 3 s")),
             qPrintable(probe.sentence()));
}

QTEST_GUILESS_MAIN(TestPgReach)
#include "tst_pgreach.moc"
