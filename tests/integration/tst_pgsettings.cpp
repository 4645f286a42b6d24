// SPDX-License-Identifier: GPL-3.0-or-later
// What a real server tells of its settings, and what the configuration check makes of it.
#include "core/analyze/check.h"
#include "tests/integration/sourceprobe.h"
#include "tests/support/pgcluster.h"

#include <QTest>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;

class TestPgSettings : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void whatTheServerTells();
    void toAnOrdinaryRole();
    void whatChangesIsToldOnce();
    void ourOwnValuesAreNotTheServers();
    void theCheckUsesThem();

private:
    static std::string value(const SourceProbe& probe, const char* name,
                             SettingScope scope = SettingScope::server, const char* subject = "")
    {
        const auto& settings = probe.state().settings;
        const ServerSetting* const told = settings ? settings->find(name, scope, subject) : nullptr;
        return told ? told->value : "-";
    }
    static int reports(const SourceProbe& probe)
    {
        return static_cast<int>(
            std::count_if(probe.facts.begin(), probe.facts.end(), [](const Fact& fact) {
                return std::holds_alternative<SettingsReported>(fact);
            }));
    }
    QString info() const { return cluster_.conninfo(); }
    PgCluster cluster_;
};

void TestPgSettings::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("no PostgreSQL server here: packaging/fetch-postgres.sh brings some");
    PgCluster::Options options;
    options.settings = {QStringLiteral("max_connections = 40"),
                        QStringLiteral("superuser_reserved_connections = 4"),
                        QStringLiteral("idle_in_transaction_session_timeout = '2min'"),
                        QStringLiteral("statement_timeout = '7s'"),
                        QStringLiteral("tcp_keepalives_idle = 90")};
    QVERIFY2(cluster_.start(options), qPrintable(cluster_.error()));
    PgClient admin(info());
    for (const char* const sql :
         {"CREATE ROLE app LOGIN CONNECTION LIMIT 8", "CREATE ROLE plain LOGIN",
          "CREATE ROLE nobody NOLOGIN CONNECTION LIMIT 3",
          "CREATE DATABASE shop CONNECTION LIMIT 9",
          "CREATE ROLE \"O'Odd \"\"one\" LOGIN CONNECTION LIMIT 2",
          "ALTER ROLE app SET statement_timeout = '3s'"})
        QVERIFY2(admin.exec(QString::fromLatin1(sql)), qPrintable(admin.error()));
}

void TestPgSettings::whatTheServerTells()
{
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.state().settings, 30000);
    QCOMPARE(value(probe, "max_connections"), std::string("40"));
    QCOMPARE(value(probe, "superuser_reserved_connections"), std::string("4"));
    QCOMPARE(value(probe, "idle_in_transaction_session_timeout"), std::string("120000"));
    QCOMPARE(probe.state().settings->find("idle_in_transaction_session_timeout")->unit,
             std::string("ms"));
    QCOMPARE(value(probe, "tcp_keepalives_idle"), std::string("90"));
    QCOMPARE(value(probe, "idle_session_timeout"),
             std::string(cluster_.versionNumber() >= 140000 ? "0" : "-"));
    const std::string limit{connection_limit};
    QCOMPARE(value(probe, limit.c_str(), SettingScope::role, "app"), std::string("8"));
    QCOMPARE(value(probe, limit.c_str(), SettingScope::role, "O'Odd \"one"), std::string("2"));
    QCOMPARE(value(probe, limit.c_str(), SettingScope::role, "plain"), std::string("-"));
    QCOMPARE(value(probe, limit.c_str(), SettingScope::role, "nobody"), std::string("-"));
    QCOMPARE(value(probe, limit.c_str(), SettingScope::database, "shop"), std::string("9"));
    QCOMPARE(value(probe, "statement_timeout", SettingScope::role, "app"), std::string("3s"));
    QVERIFY(probe.state().settings->complete);
}

void TestPgSettings::toAnOrdinaryRole()
{
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("plain")));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.state().settings, 30000);
    QCOMPARE(value(probe, "max_connections"), std::string("40"));
    QCOMPARE(value(probe, "idle_in_transaction_session_timeout"), std::string("120000"));
    QCOMPARE(value(probe, std::string(connection_limit).c_str(), SettingScope::role, "app"),
             std::string("8"));
}

void TestPgSettings::whatChangesIsToldOnce()
{
    PostgresSource::Timings timings = SourceProbe::quick();
    timings.settings = std::chrono::milliseconds{200};
    SourceProbe probe(info(), timings);
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.state().settings, 30000);
    // Asked for again and again, told once.
    const int polls = probe.samples;
    QTRY_VERIFY_WITH_TIMEOUT(probe.samples >= polls + 8, 30000);
    QCOMPARE(reports(probe), 1);
    PgClient admin(info());
    QVERIFY(admin.exec(QStringLiteral("ALTER ROLE app CONNECTION LIMIT 5")));
    QTRY_COMPARE_WITH_TIMEOUT(
        value(probe, std::string(connection_limit).c_str(), SettingScope::role, "app"),
        std::string("5"), 30000);
    QCOMPARE(reports(probe), 2);
    QVERIFY(admin.exec(QStringLiteral("ALTER ROLE app CONNECTION LIMIT 8")));
}

/// Poolscope's session has timeouts of its own, and so may its role: others do not have those.
void TestPgSettings::ourOwnValuesAreNotTheServers()
{
    PgClient admin(info());
    QVERIFY(admin.exec(
        QStringLiteral("ALTER ROLE plain SET idle_in_transaction_session_timeout = '1h'")));
    SourceProbe probe(cluster_.conninfo(QStringLiteral("postgres"), QStringLiteral("plain")));
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.state().settings, 30000);
    QCOMPARE(value(probe, "statement_timeout"), std::string("-"));
    QCOMPARE(value(probe, "lock_timeout"), std::string("-"));
    QCOMPARE(value(probe, "idle_in_transaction_session_timeout"), std::string("-"));
    QCOMPARE(value(probe, "idle_in_transaction_session_timeout", SettingScope::role, "plain"),
             std::string("1h"));
    QVERIFY(admin.exec(QStringLiteral("ALTER ROLE plain RESET ALL")));
}

void TestPgSettings::theCheckUsesThem()
{
    SourceProbe probe(info());
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up() && probe.state().settings, 30000);
    CheckTarget server{
        probe.state().info, probe.state().facts, probe.state().settings, {}, {}, false};
    CheckTarget process;
    process.info = {TargetId{7}, "pool", "shop", "pool://127.0.0.1:7070"};
    Pool pool;
    pool.name = Text{std::string("orders")};
    pool.kind = Text{std::string("r2d2")};
    pool.database = Text{cluster_.uri(QStringLiteral("shop")).toStdString()};
    const auto rules = [&](const char* size) {
        pool.configuration = {{"max_size", size}};
        process.pools = {pool};
        std::string all;
        for (const ConfigFinding& each : check_configuration({{server, process}, {}, {}}).findings)
            all += (all.empty() ? "" : " ") + each.rule;
        return all;
    };
    QCOMPARE(rules("9"), std::string());
    QCOMPARE(rules("10"), std::string("maxima_over_database_limit"));
    QCOMPARE(rules("37"), std::string("maxima_over_capacity maxima_over_database_limit"));
}

QTEST_GUILESS_MAIN(TestPgSettings)
#include "tst_pgsettings.moc"
