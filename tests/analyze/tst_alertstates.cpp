// SPDX-License-Identifier: GPL-3.0-or-later
// Alerts of what is in one state or another: a circuit breaker, a server that refuses.
#include "tests/analyze/alertplay.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestAlertStates : public QObject
{
    Q_OBJECT
private slots:
    void circuit();
    void refusing_data();
    void refusing();
};

void TestAlertStates::circuit()
{
    Play p; // the rule that comes built in
    const auto says = [](const char* state) {
        return [state](Pool& pool, int) {
            pool.circuit = state ? Text{state} : Text{};
        };
    };
    p.run(5, says(nullptr)); // a pool without one
    p.run(20, says("closed"));
    p.run(5, says("half-open"));
    p.run(5, says("OPEN ")); // no word of the protocol
    QVERIFY(p.alerts().empty());
    p.run(1, says("open"));
    QVERIFY(p.only());
    QCOMPARE(p.only()->rule, std::string("circuit breaker open"));
    QCOMPARE(p.only()->state, AlertState::firing);
    QCOMPARE(p.only()->severity, AlertSeverity::critical);
    QCOMPARE(p.only()->sentence,
             std::string("orders: the circuit breaker is open: no connection is opened."));
    // What tries again and fails has one alert, not one each time.
    for (int i = 0; i < 5; ++i) {
        p.run(15, says("half-open"));
        QCOMPARE(p.only()->state, AlertState::firing);
        QCOMPARE(p.only()->sentence, std::string("orders: the circuit breaker is half-open: it "
                                                 "tries whether the server is back."));
        p.run(15, says("open"));
    }
    QCOMPARE(p.onsets.size(), std::size_t{1});
    p.run(9, says("closed"));
    QCOMPARE(p.only()->state, AlertState::firing);
    p.run(3, says("closed"));
    QCOMPARE(p.only()->state, AlertState::resolved);
    QCOMPARE(p.only()->sentence, std::string("orders: the circuit breaker is closed."));
}

void TestAlertStates::refusing_data()
{
    QTest::addColumn<int>("reach");
    QTest::addColumn<QByteArray>("says");
    QTest::addColumn<bool>("refuses");
    const auto row = [](const char* name, Reach reach, const char* says, bool refuses) {
        QTest::newRow(name) << static_cast<int>(reach) << QByteArray(says) << refuses;
    };
    row("full", Reach::failing,
        "db:5432 has no free slot for user \"shop\": sorry, too many clients already.", true);
    row("mysql full", Reach::failing, "db:3306 has no free connection: Too many connections.",
        true);
    row("pooler full", Reach::failing,
        "db:6432 takes no more clients: no more connections allowed.", true);
    row("starting", Reach::failing,
        "[::1]:5432 does not take connections yet: the database system is starting up.", true);
    row("stopping", Reach::failing, "db:3306 is shutting down.", true);
    row("others", Reach::up,
        "It refused 3 connections lately: all of max_connections were taken. And more.", true);
    row("nobody there", Reach::failing, "Nothing listens at db:5432.", false);
    row("a server's words", Reach::failing, "db:5432 says: it has no free slot for you.", false);
    row("a name", Reach::failing,
        "db:5432 does not let user \" has no free slot\" read what sessions do: no.", false);
    row("over", Reach::up, "db:5432 has no free slot for user \"shop\": then.", false);
    row("given up", Reach::stopped, "db:5432 has no free slot for user \"shop\": then.", false);
}

void TestAlertStates::refusing()
{
    QFETCH(const int, reach);
    QFETCH(const QByteArray, says);
    QFETCH(const bool, refuses);
    Play p("[[rule]]\nname = 'refuses'\nmeasure = 'refusing'\nat_least = 1\nfor = '5s'\n");
    // Who refuses has answered.
    Play silent("[[rule]]\nname = 'silent'\nmeasure = 'unreachable'\nat_least = 1\nfor = '5s'\n");
    p.reach(Reach::connecting);
    p.run(20);
    QVERIFY(p.alerts().empty());
    TargetStatus status;
    status.reach = static_cast<Reach>(reach);
    status.sentence = says.toStdString();
    p.tell(shop, StatusChanged{status});
    silent.tell(shop, StatusChanged{status});
    silent.run(10);
    QCOMPARE(silent.alerts().size(), std::size_t{status.reach != Reach::up && !refuses ? 1U : 0U});
    p.run(4);
    QCOMPARE(p.alerts().size(), std::size_t{refuses ? 1U : 0U});
    p.run(3);
    if (!refuses) {
        QVERIFY(p.alerts().empty());
        return;
    }
    QCOMPARE(p.only()->state, AlertState::firing);
    QCOMPARE(p.only()->sentence, "shop refuses connections. " + status.sentence);
    p.reach(Reach::up);
    status.sentence.clear();
    status.reach = Reach::up;
    p.tell(shop, StatusChanged{status});
    p.run(1);
    QCOMPARE(p.only()->state, AlertState::resolved);
    QCOMPARE(p.only()->sentence, std::string("shop does not refuse connections."));
}

QTEST_APPLESS_MAIN(TestAlertStates)
#include "tst_alertstates.moc"
