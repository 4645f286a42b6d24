// SPDX-License-Identifier: GPL-3.0-or-later
// Statements' texts, of which a server may keep up to a megabyte of each session's.
#include "core/source/pgrows.h"
#include "core/source/pgstatements.h"
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"

#include <QTest>

#include <libpq-fe.h>

#include <array>
#include <memory>
#include <string>

using namespace poolscope;
using namespace poolscope::test;

class TestPgTexts : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void longOnesAreCut();
    void answersAreBounded_data();
    void answersAreBounded();
    void othersEncodings();

private:
    QString info(const char* database = "postgres") const
    {
        return cluster_.conninfo(QString::fromLatin1(database));
    }

    PgCluster cluster_;
    /// Longer than is kept; the character of two bytes at the end of that would be cut in half.
    std::string text_ = "SELECT pg_sleep(600) /*" + std::string(65536 - 24, 'x') + "\u00e4" +
                        std::string(30000, 'y') + "*/";
};

void TestPgTexts::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    PgCluster::Options options;
    options.settings = {QStringLiteral("track_activity_query_size = 102400")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
}

void TestPgTexts::longOnesAreCut()
{
    PgClient sleeper(info());
    QVERIFY(sleeper.send(QString::fromStdString(text_)));
    PgClient early(info()); // its statement begins when it is watched already
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(sleeper.pid()), SessionState::active);
    QVERIFY(early.send(QString::fromStdString(text_)));
    QTRY_COMPARE(probe.stateOf(early.pid()), SessionState::active);
    for (const int pid : {sleeper.pid(), early.pid()}) {
        const std::string& shown = probe.session(pid)->statement.str();
        QCOMPARE(shown.substr(0, 65535), text_.substr(0, 65535));
        QCOMPARE(shown.substr(65535), std::string("\u2026"));
    }
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                      " WHERE query LIKE 'SELECT pg_sleep(600)%'")));
}

void TestPgTexts::answersAreBounded_data()
{
    QTest::addColumn<int>("which");
    QTest::newRow("first") << 0;
    QTest::newRow("full") << 1;
    QTest::newRow("steady") << 2;
}

/// What libpq would hold of them all at once.
void TestPgTexts::answersAreBounded()
{
    QFETCH(int, which);
    PgClient sleeper(info());
    QVERIFY(sleeper.send(QString::fromStdString(text_)));
    const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
        PQconnectdb(qPrintable(info() + QStringLiteral(" client_encoding=UTF8"))), &PQfinish);
    QVERIFY(PQstatus(connection.get()) == CONNECTION_OK);
    const int version = PQserverVersion(connection.get());
    const PgStatement asked = which == 0   ? first_poll_statement(version)
                              : which == 1 ? full_poll_statement(version)
                                           : steady_poll_statement(version);
    const std::string pids = array_of({sleeper.pid()});
    const std::array<const char*, 4> values{which == 0 ? "f" : "2001-01-01T00:00:00Z", "f",
                                            pids.c_str(), pids.c_str()};
    const auto lengthOf = [&] {
        const std::unique_ptr<PGresult, decltype(&PQclear)> result(
            PQexecParams(connection.get(), asked.sql.c_str(), which == 0 ? 1 : 4, nullptr,
                         values.data(), nullptr, nullptr, 1),
            &PQclear);
        const PgRows rows{result.get()};
        for (int row = 0; row < rows.count(); ++row) {
            if (rows.int4(row, rows.column("pid")) == sleeper.pid())
                return static_cast<int>(rows.text(row, rows.column("query")).value_or("").size());
        }
        return -1;
    };
    QTRY_VERIFY(lengthOf() > 60000);
    QCOMPARE(lengthOf(), 65539);
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("SELECT pg_terminate_backend(%1)").arg(sleeper.pid())));
}

/// Texts of another database are in its encoding, and none of ours: no reason to see nothing.
void TestPgTexts::othersEncodings()
{
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' "
                                      "LC_CTYPE 'C' TEMPLATE template0")));
    PgClient western(info("western"));
    QVERIFY(western.exec(QStringLiteral("SET client_encoding = 'UTF8'")));
    QVERIFY(western.send(QStringLiteral("SELECT pg_sleep(600) /* \u00e4\u00e4\u00e4 */")));
    SourceProbe probe(info());
    probe.start();
    QTRY_COMPARE(probe.stateOf(western.pid()), SessionState::active);
    const std::string& shown = probe.session(western.pid())->statement.str();
    QVERIFY2(shown.starts_with("SELECT pg_sleep(600) /* "), shown.c_str());
    QVERIFY(admin.exec(QStringLiteral("SELECT pg_terminate_backend(%1)").arg(western.pid())));
}

QTEST_GUILESS_MAIN(TestPgTexts)
#include "tst_pgtexts.moc"
