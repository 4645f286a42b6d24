// SPDX-License-Identifier: GPL-3.0-or-later
// poolscope check, as a pipeline would use it: files alone, files with a real server, a recording.
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

using namespace poolscope::test;

class TestCheckCommand : public QObject
{
    Q_OBJECT
private slots:
    void aFileAlone();
    void whatIsFine();
    void adviceAloneIsNoFailure();
    void whatIsNotJudgedIsSaid();
    void jsonOfOurOwn();
    void filesThatCannotBeRead();
    void usage();
    void againstARealServer();
    void fromARecording();

private:
    static Run run(const QStringList& arguments);
    QString write(const char* name, const QByteArray& text) const;
    /// Starts at the first test that needs it.
    bool haveServer();

    QTemporaryDir dir_;
    PgCluster cluster_;
    bool started_ = false;
};

namespace {

QString text(const char* latin1)
{
    return QString::fromLatin1(latin1);
}

QString rulesOf(const QJsonArray& findings)
{
    QStringList rules;
    for (const QJsonValue& each : findings)
        rules << each.toObject().value(text("rule")).toString();
    return rules.join(QLatin1Char(' '));
}

} // namespace

Run TestCheckCommand::run(const QStringList& arguments)
{
    return runProgram(inBuild("app/poolscope"), QStringList{text("check")} + arguments);
}

QString TestCheckCommand::write(const char* name, const QByteArray& content) const
{
    QFile file(dir_.filePath(QLatin1String(name)));
    if (!file.open(QIODevice::WriteOnly) || file.write(content) != content.size())
        return {};
    return file.fileName();
}

bool TestCheckCommand::haveServer()
{
    if (!PgCluster::available())
        return false;
    PgCluster::Options options;
    options.settings = {text("max_connections = 30"), text("superuser_reserved_connections = 3"),
                        text("idle_in_transaction_session_timeout = '1min'")};
    started_ = started_ || cluster_.start(options);
    return started_;
}

void TestCheckCommand::aFileAlone()
{
    const QString file = write("app.properties", "poolName=orders\nmaximumPoolSize=5\n\n"
                                                 "leakDetectionThreshold=3600000\n");
    const Run json = run({file, text("--json"), text("--exit-code")});
    QCOMPARE(json.code, 6);
    const QJsonArray findings = json.array();
    QCOMPARE(findings.size(), 1);
    const QJsonObject finding = findings.first().toObject();
    QCOMPARE(finding.value(text("severity")).toString(), text("warning"));
    QCOMPARE(finding.value(text("pool")).toString(), text("orders"));
    QCOMPARE(finding.value(text("setting")).toString(), text("leakDetectionThreshold"));
    QCOMPARE(finding.value(text("value")).toString(), text("3600000"));
    QCOMPARE(finding.value(text("proposed")).toString(), text("60000"));
    QVERIFY(finding.value(text("sentence")).toString().contains(text("HikariCP")));
    QVERIFY(finding.value(text("evidence"))
                .toArray()
                .last()
                .toString()
                .endsWith(text("app.properties, line 4.")));
    // Without it a finding is an answer, no failure.
    const Run prose = run({file});
    QCOMPARE(prose.code, 0);
    QVERIFY(prose.out.startsWith("warning: "));
    QVERIFY(prose.out.contains("leakDetectionThreshold 3600000, proposed 60000"));
}

void TestCheckCommand::whatIsFine()
{
    const QString file =
        write("good.properties", "maximumPoolSize=5\nconnectionTimeout=5000\nkeepaliveTime=0\n");
    const Run prose = run({file, text("--exit-code")});
    QCOMPARE(prose.code, 0);
    QCOMPARE(prose.out, QByteArray("Nothing to object to in 1 pool.\n"));
    const Run json = run({file, text("--exit-code"), text("--json")});
    QCOMPARE(json.code, 0);
    QCOMPARE(json.out, QByteArray("[]\n"));
}

void TestCheckCommand::adviceAloneIsNoFailure()
{
    const QString file =
        write("good.properties", "maximumPoolSize=5\nconnectionTimeout=5000\nkeepaliveTime=0\n");
    const Run firewall =
        run({file, text("--json"), text("--exit-code"), text("--firewall-timeout"), text("350s")});
    QCOMPARE(firewall.code, 0);
    QCOMPARE(rulesOf(firewall.array()), text("idle_past_firewall_timeout"));
    QCOMPARE(firewall.array().first().toObject().value(text("value")).toString(), text("-"));
    const Run caller =
        run({file, text("--json"), text("--exit-code"), text("--caller-timeout"), text("3s")});
    QCOMPARE(caller.code, 6);
    QCOMPARE(rulesOf(caller.array()), text("acquire_timeout_over_caller"));
}

void TestCheckCommand::whatIsNotJudgedIsSaid()
{
    const QString file = write("app.yml", "spring:\n  datasource:\n    hikari:\n"
                                          "      maximum-pool-size: ${POOL:10}\n"
                                          "      password: geheim\n");
    const Run json = run({file, text("--json")});
    QCOMPARE(json.code, 0);
    QCOMPARE(json.out, QByteArray("[]\n"));
    QVERIFY(json.err.contains("app.yml, line 4: the value of maximumPoolSize is not a plain one"));
    QVERIFY(!json.err.contains("geheim") && !json.err.contains("POOL"));
    const Run prose = run({file});
    QVERIFY(prose.out.contains("Not judged:\n"));
    QVERIFY(prose.out.contains("line 4: the value of maximumPoolSize"));
}

void TestCheckCommand::jsonOfOurOwn()
{
    const QString own = write("pool.json", R"({"name": "orders", "max_connections": 5,
        "min_idle": 9, "validation_on_acquire": true, "acquire_timeout": "5s"})");
    QCOMPARE(rulesOf(run({own, text("--json")}).array()), text("min_over_max"));
    const QString printed = write("pools.json", R"([{"pool": "p", "kind": "dbcp2", "max": 8,
        "config": {"maxWaitMillis": "-1", "testOnBorrow": true}}, {"x": 1}])");
    const Run run2 = run({printed, text("--json")});
    QCOMPARE(rulesOf(run2.array()), text("no_acquire_timeout"));
    QVERIFY(run2.err.contains("1 entries are no pools"));
    const Run broken = run({write("broken.json", "[\n{\"a\": 1,\n}]")});
    QCOMPARE(broken.code, 5);
    QVERIFY2(broken.err.contains("broken.json, line 3: "), broken.err.constData());
}

void TestCheckCommand::filesThatCannotBeRead()
{
    const QString good = write("good.properties", "maximumPoolSize=5\n");
    const Run broken = run({write("broken.properties", "a=b\nc=\\u12\n"), good, text("--json")});
    QCOMPARE(broken.code, 5);
    QCOMPARE(broken.out, QByteArray("[]\n")); // the other one was judged
    QVERIFY(broken.err.contains("broken.properties, line 2: "));
    QCOMPARE(run({dir_.path()}).code, 5);
    const Run other = run({write("notes.txt", "maximumPoolSize=5\n")});
    QCOMPARE(other.code, 5);
    QVERIFY(other.err.contains(".properties"));
    const Run fake = run({write("not.poolrec", "no recording")});
    QCOMPARE(fake.code, 5);
    // Nobody writes to it: who opens it waits for ever.
    const QString pipe = dir_.filePath(text("pipe.properties"));
    QCOMPARE(::mkfifo(QFile::encodeName(pipe).constData(), 0600), 0);
    QCOMPARE(run({pipe}).code, 5);
}

void TestCheckCommand::usage()
{
    QCOMPARE(run({}).code, 2);
    const QString good = write("good.properties", "maximumPoolSize=5\n");
    QCOMPARE(run({good, text("--caller-timeout"), text("soon")}).code, 2);
    QCOMPARE(run({good, text("--firewall-timeout"), text("0s")}).code, 2);
    QCOMPARE(run({good, text("--at"), text("14:00:00")}).code, 2);
    QCOMPARE(run({good, text("--for"), text("10m")}).code, 2);
    // Rules of alerts judge no configuration.
    QCOMPARE(run({good, text("--rules"), write("rules.toml", "")}).code, 2);
    QCOMPARE(run({text("nowhere.properties")}).code, 2);
    QVERIFY(run({text("--help")}).out.contains("--exit-code"));
}

void TestCheckCommand::againstARealServer()
{
    if (!haveServer())
        QSKIP("No PostgreSQL server is installed here");
    PgClient admin{cluster_.conninfo()};
    QVERIFY(admin.exec(text("CREATE DATABASE shop CONNECTION LIMIT 12")));
    const QByteArray url =
        "jdbcUrl=jdbc:postgresql://localhost:" + QByteArray::number(cluster_.port()) +
        "/shop?user=u&password=geheim\n";
    const QString fits = write("fits.properties", url + "maximumPoolSize=12\n");
    const Run fine = run({cluster_.uri(), fits, text("--json"), text("--exit-code")});
    QVERIFY2(fine.code == 0, fine.out.constData());
    const QString large = write("large.properties", url + "maximumPoolSize=13\n");
    const Run over = run({cluster_.uri(), large, text("--json"), text("--exit-code")});
    QCOMPARE(over.code, 6);
    QCOMPARE(rulesOf(over.array()), text("maxima_over_database_limit"));
    const Run both = run({cluster_.uri(), fits, large, text("--json")});
    QCOMPARE(rulesOf(both.array()), text("maxima_over_database_limit"));
    const QString huge = write("huge.properties", url + "maximumPoolSize=28\n");
    const Run full = run({cluster_.uri(), huge, text("--json")});
    QCOMPARE(rulesOf(full.array()), text("maxima_over_capacity maxima_over_database_limit"));
    QVERIFY(full.array()
                .first()
                .toObject()
                .value(text("sentence"))
                .toString()
                .contains(text("max_connections 30, 3 of them reserved")));
    QVERIFY(!full.out.contains("geheim") && !full.err.contains("geheim"));
    // Where a pool leads is printed, and what its address holds besides is not.
    const QString elsewhere = write("elsewhere.json", R"([{"pool": "p", "max": 5, "config": {},
        "database": "postgresql://u:geheim@db.invalid:5432/shop?password=geheim"}])");
    const Run other = run({cluster_.uri(), elsewhere});
    QVERIFY2(other.out.contains("postgresql://db.invalid:5432/shop,"), other.out.constData());
    QVERIFY(!other.out.contains("geheim") && !other.err.contains("geheim"));
    // A server that does not answer: the file is judged all the same.
    const Run gone =
        run({text("postgresql://postgres@127.0.0.1:1/postgres"), large, text("--json")});
    QCOMPARE(gone.code, 3);
    QCOMPARE(gone.out, QByteArray("[]\n"));
}

void TestCheckCommand::fromARecording()
{
    if (!haveServer())
        QSKIP("No PostgreSQL server is installed here");
    PgClient admin{cluster_.conninfo()};
    QVERIFY(admin.exec(text("ALTER SYSTEM SET idle_in_transaction_session_timeout = 0")));
    QVERIFY(admin.exec(text("SELECT pg_reload_conf()")));
    QTRY_COMPARE(
        PgClient{cluster_.conninfo()}.value(text("SELECT setting FROM pg_settings WHERE name = "
                                                 "'idle_in_transaction_session_timeout'")),
        text("0"));
    const QString file = dir_.filePath(text("a.poolrec"));
    QProcess record;
    record.start(inBuild("app/poolscope"),
                 {text("record"), cluster_.uri(), text("-o"), file, text("--for"), text("4s")});
    QVERIFY(record.waitForFinished(60000));
    const Run live = run({cluster_.uri(), text("--json")});
    const Run replayed = run({file, text("--json")});
    QCOMPARE(replayed.code, 0);
    QCOMPARE(rulesOf(replayed.array()), text("transactions_never_end"));
    QCOMPARE(replayed.out, live.out);
    QVERIFY2(replayed.err.isEmpty(), replayed.err.constData());
    const Run beyond = run({file, text("--json"), text("--at"), text("2101-01-01T00:00:00Z")});
    QCOMPARE(beyond.out, replayed.out);
    QVERIFY2(beyond.err.contains("The recording ends at 20"), beyond.err.constData());
}

QTEST_GUILESS_MAIN(TestCheckCommand)
#include "tst_checkcommand.moc"
