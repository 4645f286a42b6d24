// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealer.h"

#include "core/record/redact.h"

#include <QTest>

#include <ctime>
#include <functional>
#include <malloc.h>

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
    void rulesFollowTheirPools();
    void sentencesAreOurOwn_data();
    void sentencesAreOurOwn();
    void whatWasNotLearnedIsNotShown();
    void numbersAreNobody();
    void codeKeepsItsNames();
    void poolsStayApart();
    void longStatementsAreForgotten();
    void manyNamesInManyWords();
    void numberedParameters();
    void settings_data();
    void settings();
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
             std::string("role user-1 of app_v2 at host-2, host-1, mapp, app"));
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

void TestConcealer::rulesFollowTheirPools()
{
    PoolSample sample;
    for (const char* const name : {"shop/reports", "shop/web"}) {
        Pool pool;
        pool.name = Text{name};
        pool.kind = Text{"pgbouncer"};
        sample.pools.push_back(pool);
    }
    Concealer concealer;
    concealer.learn({SequenceNumber{1}, Timestamp{}, TargetId{1}, sample});
    concealer.settle();
    AlertRule rule;
    rule.name = "one";
    rule.pool = "*/REPOR*";
    const AlertRules rules = concealer.conceal(AlertRules{{rule}, {}});
    QCOMPARE(rules.rules.size(), std::size_t{1});
    QCOMPARE(rules.rules[0].pool, concealer.pool(Text{"shop/reports"}).str());
    QCOMPARE(rules.rules[0].pool, std::string("shop/user-1"));
}

void TestConcealer::sentencesAreOurOwn_data()
{
    QTest::addColumn<QString>("sentence");
    QTest::addColumn<QString>("told");
    const auto row = [](const char* sentence, const char* told) {
        QTest::newRow(sentence) << QString::fromLatin1(sentence) << QString::fromLatin1(told);
    };
    row("secret.example:5432 refused the password for user \"secret\".", "It refused the login.");
    row("ssh to secret@secret.example: Permission denied", "The way through ssh failed.");
    row("could not resolve Secret.Example", "Its name could not be resolved.");
    row("Nothing listens at /Users/secret/run/a.sock", "Nothing listens there.");
    row("TLS with secret failed: (2001:db8::5)", "An encrypted connection could not be made.");
    row("secret", "It could not be reached.");
    row("secret has no free slot: try later", "The server has no free slot.");
}

void TestConcealer::sentencesAreOurOwn()
{
    QFETCH(const QString, sentence);
    QFETCH(const QString, told);
    Concealer concealer = knowing({TargetId{1}, "postgresql", "shop", "service=shop"});
    TargetStatus status;
    status.reach = Reach::failing;
    status.sentence = sentence.toStdString();
    status.next_step = "Ask secret.";
    const Observation failing{SequenceNumber{3}, Timestamp{}, TargetId{1}, StatusChanged{status}};
    const TargetStatus concealed = std::get<StatusChanged>(concealer.conceal(failing).what).status;
    QCOMPARE(QString::fromStdString(concealed.sentence), told);
    QCOMPARE(concealed.next_step, std::string());
    const Observation gap{SequenceNumber{4}, Timestamp{}, TargetId{1}, Gap{status.sentence}};
    const std::string reason = std::get<Gap>(concealer.conceal(gap).what).reason;
    QVERIFY2(reason.find("ecret") == std::string::npos, reason.c_str());
    QVERIFY2(reason.find("2001") == std::string::npos, reason.c_str());
    ActionReported action;
    action.sentence = "secret of secret, idle in transaction for 1 min 29 s";
    const auto subject = [&] {
        const Observation acted{SequenceNumber{5}, Timestamp{}, TargetId{1}, action};
        return std::get<ActionReported>(concealer.conceal(acted).what).sentence;
    };
    QCOMPARE(subject(), std::string("idle in transaction for 1 min 29 s"));
    action.sentence = status.sentence;
    QCOMPARE(subject(), std::string("(left out)"));
}

namespace {

PoolSample lentTo(const Checkout& checkout)
{
    PoolSample sample;
    sample.changed = {checkout};
    return sample;
}

} // namespace

void TestConcealer::whatWasNotLearnedIsNotShown()
{
    Checkout checkout;
    checkout.key = {TargetId{1}, Text{"c1"}};
    checkout.acquired_by = Text{"erika.mustermann"};
    checkout.tags = {{Text{"user"}, Text{std::string(600, 'e')}},
                     {Text{"client"}, Text{"10.0.0.7:4711"}},
                     {Text{"application"}, Text{"erika@laptop7.corp.example"}}};
    const Observation lent{SequenceNumber{1}, Timestamp{}, TargetId{1}, lentTo(checkout)};
    Concealer nothing;
    nothing.settle();
    Observation concealed = nothing.conceal(lent);
    Checkout shown = std::get<PoolSample>(concealed.what).changed.front();
    QCOMPARE(shown.acquired_by.str(), std::string("?"));
    QCOMPARE(shown.tags[0].second.str(), std::string("?"));
    QCOMPARE(shown.tags[1].second.str(), std::string("?:4711"));
    QCOMPARE(shown.tags[2].second.str(), std::string("?"));
    Concealer learned;
    learned.learn(lent);
    learned.settle();
    concealed = learned.conceal(lent);
    shown = std::get<PoolSample>(concealed.what).changed.front();
    QCOMPARE(shown.acquired_by.str(), std::string("caller-1"));
    QCOMPARE(shown.tags[0].second.str(), std::string("?")); // longer than any name
    QCOMPARE(shown.tags[2].second.str(), std::string("application-1"));
    AgentFacts facts;
    facts.agent = "agent of x@corp";
    facts.process = "/Users/mustermann/shop/worker.py";
    facts.host = "laptop7";
    const Observation agent{SequenceNumber{2}, Timestamp{}, TargetId{1}, AgentReported{facts}};
    const AgentFacts told = std::get<AgentReported>(learned.conceal(agent).what).facts;
    QCOMPARE(told.process, std::string("worker.py"));
    QCOMPARE(told.agent, std::string("agent of ?"));
    QCOMPARE(told.host, std::string("?"));
}

void TestConcealer::numbersAreNobody()
{
    // A role named "0", as another role, in a version.
    Concealer concealer =
        knowing({TargetId{1}, "postgresql", "shop", "postgresql://db1/shop"}, "0");
    AgentFacts facts;
    facts.agent = "poolscope-cpp 0.1.0";
    const Observation agent{SequenceNumber{2}, Timestamp{}, TargetId{1}, AgentReported{facts}};
    QCOMPARE(std::get<AgentReported>(concealer.conceal(agent).what).facts.agent,
             std::string("poolscope-cpp 0.1.0"));
}

void TestConcealer::codeKeepsItsNames()
{
    // A role that is called like a folder, a table, a function and a pool.
    Concealer concealer =
        knowing({TargetId{1}, "postgresql", "shop", "postgresql://db1/shop"}, "app");
    Checkout checkout;
    checkout.key = {TargetId{1}, Text{"c1"}};
    checkout.pool = Text{"app"};
    checkout.statement = Text{"UPDATE app SET a = 'x'"};
    checkout.stack = make_stack({{Text{"app"}, Text{"/Users/erika/app/db1.cpp"}, 7, true}});
    const Observation lent{SequenceNumber{1}, Timestamp{}, TargetId{1}, lentTo(checkout)};
    concealer.learn(lent);
    concealer.settle();
    const Observation concealed = concealer.conceal(lent);
    const Checkout shown = std::get<PoolSample>(concealed.what).changed.front();
    QCOMPARE(shown.pool.str(), std::string("app"));
    QCOMPARE(shown.statement.str(), std::string("UPDATE app SET a = ?"));
    QCOMPARE(shown.stack->lines[0].function.str(), std::string("app"));
    QCOMPARE(shown.stack->lines[0].file.str(), std::string("/Users/?/app/db1.cpp"));
    checkout.statement = Text{"SET ROLE app"};
    const Observation role{SequenceNumber{2}, Timestamp{}, TargetId{1}, lentTo(checkout)};
    const Observation hidden = concealer.conceal(role);
    QCOMPARE(std::get<PoolSample>(hidden.what).changed.front().statement.str(),
             std::string("SET ROLE user-1"));
}

void TestConcealer::poolsStayApart()
{
    PoolSample sample;
    for (const char* const name :
         {"shop/erika", "shop/user-1", "10.0.0.1:5432", "10.0.0.2:5432", "pool-1"}) {
        Pool pool;
        pool.name = Text{name};
        pool.kind = Text{std::string_view(name).find('/') == std::string_view::npos ? "hikaricp"
                                                                                    : "pgbouncer"};
        sample.pools.push_back(pool);
    }
    Concealer concealer;
    concealer.learn({SequenceNumber{1}, Timestamp{}, TargetId{1}, sample});
    concealer.settle();
    std::set<std::string> names;
    for (const Pool& pool : sample.pools)
        names.insert(concealer.pool(pool.name).str());
    QCOMPARE(names.size(), sample.pools.size());
    QVERIFY(!names.contains("shop/erika"));
    QVERIFY(!names.contains("shop/user-1")); // somebody's real name
    QVERIFY(!names.contains("10.0.0.1:5432"));
    QVERIFY(names.contains("pool-1"));
}

void TestConcealer::settings_data()
{
    QTest::addColumn<QString>("value");
    QTest::addColumn<bool>("kept");
    for (const char* const kept : {"1h0m0s", "None", "30s", "1.5", "-1", "10 min", "true", "500ms"})
        QTest::newRow(kept) << QString::fromLatin1(kept) << (std::string_view(kept) != "10 min");
    for (const char* const taken : {"7secret", "10.0.0.1", "secret", "1h0m0secret"})
        QTest::newRow(taken) << QString::fromLatin1(taken) << false;
}

void TestConcealer::settings()
{
    QFETCH(const QString, value);
    QFETCH(const bool, kept);
    PoolSample sample;
    Pool pool;
    pool.name = Text{"orders"};
    pool.configuration = {{"max_lifetime", value.toStdString()}};
    sample.pools = {pool};
    Concealer concealer;
    const Observation told{SequenceNumber{1}, Timestamp{}, TargetId{1}, sample};
    concealer.learn(told);
    concealer.settle();
    const Observation concealed = concealer.conceal(told);
    QCOMPARE(std::get<PoolSample>(concealed.what).pools.front().configuration.front().second,
             kept ? value.toStdString() : std::string("?"));
}

namespace {

double secondsOf(const std::function<void()>& work)
{
    const std::clock_t begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

} // namespace

void TestConcealer::longStatementsAreForgotten()
{
    // What is kept to be given again is bounded in bytes.
    Concealer concealer;
    concealer.settle();
    Checkout checkout;
    checkout.key = {TargetId{1}, Text{"c1"}};
    const auto used = [] {
        return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd) / (1024 * 1024);
    };
    const double before = used();
    for (int i = 0; i < 2500; ++i) {
        checkout.statement = Text{"SELECT " + std::to_string(i) + std::string(59 * 1024, 'a')};
        concealer.conceal({SequenceNumber{1}, Timestamp{}, TargetId{1}, lentTo(checkout)});
    }
    QVERIFY2(used() - before < 80, qPrintable(QString::number(used() - before)));
}

void TestConcealer::manyNamesInManyWords()
{
    Concealer concealer;
    ServerFacts facts;
    for (std::size_t length = 1; length <= 512; ++length) {
        facts.role = std::string(length, 'b');
        concealer.learn({SequenceNumber{1}, Timestamp{}, TargetId{1}, FactsReported{facts}});
    }
    concealer.settle();
    std::string words;
    while (words.size() < 64 * 1024)
        words += "a,";
    Checkout checkout;
    checkout.key = {TargetId{1}, Text{"c1"}};
    const double seconds = secondsOf([&] {
        for (int i = 0; i < 20; ++i) {
            checkout.statement = Text{words + static_cast<char>('a' + i)};
            concealer.conceal({SequenceNumber{1}, Timestamp{}, TargetId{1}, lentTo(checkout)});
        }
    });
    QVERIFY2(seconds < 10, qPrintable(QString::number(seconds)));
}

void TestConcealer::numberedParameters()
{
    Checkout checkout;
    checkout.key = {TargetId{1}, Text{"c1"}};
    checkout.statement = Text{"UPDATE t SET a = ?1, b = ?22 WHERE c = 7"};
    Concealer concealer;
    concealer.settle();
    const Observation concealed =
        concealer.conceal({SequenceNumber{1}, Timestamp{}, TargetId{1}, lentTo(checkout)});
    QCOMPARE(std::get<PoolSample>(concealed.what).changed.front().statement.str(),
             std::string("UPDATE t SET a = ?, b = ? WHERE c = ?"));
}

QTEST_APPLESS_MAIN(TestConcealer)
#include "tst_concealer.moc"
