// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealer.h"

#include "core/record/redact.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::report;

class TestConcealer : public QObject
{
    Q_OBJECT
private slots:
    void statementsOfAnyDialect_data();
    void statementsOfAnyDialect();
    void namesAreWholeWords();
    void whereNamesComeFrom_data();
    void whereNamesComeFrom();
    void portsStay();
    void rulesFollowTheirTargets();
};

void TestConcealer::statementsOfAnyDialect_data()
{
    QTest::addColumn<QString>("statement");
    const auto row = [](const char* name, const char* statement) {
        QTest::newRow(name) << QString::fromLatin1(statement);
    };
    row("plain", "SELECT * FROM t WHERE a = 'secret'");
    row("number", "SELECT * FROM t WHERE a = 4711");
    row("double quotes", "SELECT * FROM t WHERE a = \"secret\"");
    row("escaped", "SELECT * FROM t WHERE a = 'it\\'s secret'");
    row("no escape", "SELECT * FROM t WHERE a = 'x\\' AND b = 'secret'");
    row("quote in quotes", "SELECT * FROM t WHERE a = \"O'Brien\" AND b = 'secret'");
    row("other quotes", "SELECT * FROM t WHERE a = 'say \"secret\" now'");
    row("comment to the end", "SELECT * FROM t # secret");
    row("comment or operator", "SELECT * FROM t WHERE a # 'x\n secret'");
    row("name in backticks", "SELECT * FROM t WHERE `it's` = 'secret'");
    row("dashes", "SELECT * FROM t -- secret");
    row("comment", "SELECT * FROM t /* secret */ WHERE a");
    row("cut off", "SELECT * FROM t WHERE a = 'secret");
    row("doubled", "SELECT * FROM t WHERE a = 'it''s secret'");
    row("dollars", "SELECT * FROM t WHERE a = $x$secret$x$");
}

void TestConcealer::statementsOfAnyDialect()
{
    QFETCH(const QString, statement);
    const QString strict =
        QString::fromStdString(redact_statement(statement.toStdString(), SqlDialect::unknown));
    QVERIFY2(!strict.contains(QLatin1String("secret")), qPrintable(strict));
    QVERIFY2(!strict.contains(QLatin1String("4711")), qPrintable(strict));
    QVERIFY2(!strict.contains(QLatin1String("Brien")), qPrintable(strict));
    QVERIFY2(strict.startsWith(QLatin1String("SELECT * FROM t ")), qPrintable(strict));
}

namespace {

Concealer knowing(const TargetInfo& info, const std::string& user = {})
{
    Concealer concealer;
    concealer.learn({SequenceNumber{1}, Timestamp{}, info.id, TargetAttached{info}});
    if (!user.empty()) {
        ServerFacts facts;
        facts.role = user;
        concealer.learn({SequenceNumber{2}, Timestamp{}, info.id, FactsReported{facts}});
    }
    concealer.settle();
    return concealer;
}

} // namespace

void TestConcealer::namesAreWholeWords()
{
    const Concealer concealer =
        knowing({TargetId{1}, "postgresql", "shop", "postgresql://db1.example/shop"}, "app");
    QCOMPARE(concealer.words("role app of app_v2 at db1.example, db1, mapp, app"),
             std::string("role user-1 of app_v2 at host-2, host-1, mapp, user-1"));
    QCOMPARE(concealer.words("from 10.20.30.40:5432, version 15.8.1"),
             std::string("from address:5432, version 15.8.1"));
    QCOMPARE(concealer.words(""), std::string());
}

void TestConcealer::whereNamesComeFrom_data()
{
    QTest::addColumn<QString>("url");
    QTest::addColumn<QString>("secret");
    const auto row = [](const char* url, const char* secret) {
        QTest::newRow(url) << QString::fromLatin1(url) << QString::fromLatin1(secret);
    };
    row("postgresql://bob@secret.example:5432/shop", "secret");
    row("postgresql://secret@db1/shop", "secret");
    row("postgresql://db1,secret.example:5433/shop", "secret");
    row("host=secret.example dbname=shop", "secret");
    row("host='secret' dbname=shop", "secret");
    row("hostaddr=10.1.2.3 user=secret", "secret");
    row("postgresql://db1/shop?user=secret", "secret");
    row("mysql://root@secret:3306", "secret");
    row("pgbouncer://stats@[fe80::1]:6432", "fe80::1");
    row("prometheus+http://secret.example:9090/api/v1", "secret");
}

void TestConcealer::whereNamesComeFrom()
{
    QFETCH(const QString, url);
    QFETCH(const QString, secret);
    const Concealer concealer = knowing({TargetId{1}, "postgresql", "shop", url.toStdString()});
    const std::string words =
        concealer.words("could not connect to " + secret.toStdString() + ", port 5432");
    QVERIFY2(words.find(secret.toStdString()) == std::string::npos, words.c_str());
}

void TestConcealer::portsStay()
{
    Concealer concealer;
    const auto sample = [](const char* client) {
        Session session;
        session.key = {TargetId{1}, Pid{7}, Timestamp{}};
        session.client = Text{client};
        session.user = Text{"bob"};
        session.statement = Text{"SELECT 'x'"};
        ServerSample all;
        all.full = true;
        all.changed = {session};
        return Observation{SequenceNumber{1}, Timestamp{}, TargetId{1}, all};
    };
    for (const char* const client : {"10.0.0.1:40001", "[fe80::1]:40002", "local"})
        concealer.learn(sample(client));
    concealer.settle();
    const auto client = [&](const char* name) {
        const Observation concealed = concealer.conceal(sample(name));
        return std::get<ServerSample>(concealed.what).changed.front().client.str();
    };
    QVERIFY(client("10.0.0.1:40001").ends_with(":40001"));
    QVERIFY(client("10.0.0.1:40001").starts_with("host-"));
    QVERIFY(client("[fe80::1]:40002").ends_with(":40002"));
    QVERIFY(client("[fe80::1]:40002").starts_with("host-"));
    QVERIFY(client("10.0.0.1:40001").substr(0, 6) != client("[fe80::1]:40002").substr(0, 6));
    QCOMPARE(client("local"), std::string("local"));
}

void TestConcealer::rulesFollowTheirTargets()
{
    const Concealer concealer =
        knowing({TargetId{3}, "postgresql", "db1/shop", "postgresql://db1/shop"});
    AlertRule of_target;
    of_target.name = "one";
    of_target.target = "db1*";
    AlertRule of_others;
    of_others.name = "two";
    of_others.target = "db2*";
    AlertRule of_all;
    of_all.name = "three";
    const AlertRules rules = concealer.conceal(AlertRules{{of_target, of_others, of_all}, {}});
    QCOMPARE(rules.rules.size(), std::size_t{2});
    QCOMPARE(rules.rules[0].name, std::string("one"));
    QCOMPARE(rules.rules[0].target, std::string("postgresql-3"));
    QCOMPARE(rules.rules[1].target, std::string("*"));
}

QTEST_APPLESS_MAIN(TestConcealer)
#include "tst_concealer.moc"
