// SPDX-License-Identifier: GPL-3.0-or-later
// The words of the sources' troubles, and what core/model reads from them: they go together.
#include "core/model/refusal.h"
#include "core/source/mysqltrouble.h"
#include "core/source/pgtrouble.h"

#include <QTest>

using namespace poolscope;

namespace {

/// A user whose name says what it is not.
PgWhom someone()
{
    PgWhom whom;
    whom.where = "db1.shop.internal:5432";
    whom.user = "a has no free slot";
    whom.database = "it takes no more clients";
    whom.password_given = true;
    return whom;
}

} // namespace

class TestRefusals : public QObject
{
    Q_OBJECT

    static Refusal read(const PgTrouble& trouble)
    {
        TargetStatus status;
        status.reach = trouble.kind == PgTrouble::Kind::transient ? Reach::failing : Reach::stopped;
        status.sentence = trouble.sentence;
        return refusal_of(status);
    }

private slots:
    void postgresql_data();
    void postgresql();
    void mysql_data();
    void mysql();
    void mysqlWasCut();
    void pgbouncer();
};

void TestRefusals::postgresql_data()
{
    QTest::addColumn<QByteArray>("message");
    QTest::addColumn<int>("refusal");
    const auto row = [](const char* name, const char* message, Refusal refusal) {
        QTest::newRow(name) << QByteArray(message) << static_cast<int>(refusal);
    };
    row("full", "connection failed: FATAL:  53300: sorry, too many clients already", Refusal::full);
    row("role", "connection failed: FATAL:  53300: too many connections for role \"a\"",
        Refusal::full);
    row("starting", "connection failed: FATAL:  57P03: the database system is starting up",
        Refusal::not_ready);
    row("stopping", "connection failed: FATAL:  57P03: the database system is shutting down",
        Refusal::not_ready);
    row("ended by an administrator",
        "FATAL:  57P01: terminating connection due to administrator command", Refusal::none);
    row("no password", "connection failed: FATAL:  28P01: password authentication failed",
        Refusal::none);
    row("no way in", "connection failed: FATAL:  28000: no pg_hba.conf entry: has no free slot",
        Refusal::none);
    row("no database", "connection failed: FATAL:  3D000: database \"d\" does not exist",
        Refusal::none);
    row("nothing there", "connection to server failed: Connection refused", Refusal::none);
    row("its words", "connection failed: FATAL:  XX000: db is shutting down. has no free slot",
        Refusal::none);
}

void TestRefusals::postgresql()
{
    QFETCH(const QByteArray, message);
    QFETCH(const int, refusal);
    const PgTrouble trouble = connect_trouble(message.toStdString(), someone(), false);
    QVERIFY2(static_cast<int>(read(trouble)) == refusal, trouble.sentence.c_str());
}

void TestRefusals::mysql_data()
{
    QTest::addColumn<unsigned int>("number");
    QTest::addColumn<int>("refusal");
    const auto row = [](unsigned int number, Refusal refusal) {
        QTest::addRow("%u", number) << number << static_cast<int>(refusal);
    };
    row(1040, Refusal::full);
    row(1203, Refusal::full);
    row(1226, Refusal::full);
    row(1053, Refusal::not_ready);
    row(1077, Refusal::not_ready);
    row(1044, Refusal::none);
    row(1045, Refusal::none);
    row(1049, Refusal::none);
    row(1130, Refusal::none);
    row(1317, Refusal::none);
    row(9999, Refusal::none);
}

void TestRefusals::mysql()
{
    QFETCH(const unsigned int, number);
    QFETCH(const int, refusal);
    const PgTrouble trouble =
        mysql_connect_trouble({number, "HY000", "it has no free connection", 0}, someone());
    QVERIFY2(static_cast<int>(read(trouble)) == refusal, trouble.sentence.c_str());
}

/// In the words of each library that does TLS for libmariadb.
void TestRefusals::mysqlWasCut()
{
    const auto transient = [](const char* words) {
        const PgTrouble trouble = mysql_connect_trouble({2026, "HY000", words, 0}, someone());
        return trouble.kind == PgTrouble::Kind::transient;
    };
    for (const char* const words :
         {"TLS/SSL error: unexpected eof while reading",
          "TLS/SSL error: Connection reset by peer (104)", "TLS/SSL error: Broken pipe (32)",
          "TLS/SSL error: Success (0)",
          "TLS/SSL error: The TLS connection was non-properly terminated."})
        QVERIFY2(transient(words), words);
    for (const char* const words :
         {"TLS/SSL error: certificate verify failed", "TLS/SSL error: wrong version number",
          "TLS/SSL error: No such file or directory (2)", "the server does not support TLS",
          "TLS/SSL error: Permission denied (13)"})
        QVERIFY2(!transient(words), words);
}

void TestRefusals::pgbouncer()
{
    PgWhom whom = someone();
    whom.console = true;
    QCOMPARE(static_cast<int>(read(
                 server_trouble("08P01", "no more connections allowed (max_client_conn)", whom))),
             static_cast<int>(Refusal::clients));
    QCOMPARE(static_cast<int>(read(server_trouble("08P01", "login rejected", whom))),
             static_cast<int>(Refusal::none));
}

QTEST_APPLESS_MAIN(TestRefusals)
#include "tst_refusals.moc"
