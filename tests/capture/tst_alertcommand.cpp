// SPDX-License-Identifier: GPL-3.0-or-later
// What is run when alerts begin or are over: real scripts, real processes.
#include "core/capture/alertcommand.h"
#include "tests/capture/alertscripts.h"
#include "tests/capture/alertupdates.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSignalSpy>

#include <initializer_list>
#include <memory>

#include <sys/socket.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

class TestAlertCommand : public QObject
{
    Q_OBJECT

    std::unique_ptr<AlertScripts> scripts;

private slots:
    void init() { scripts = std::make_unique<AlertScripts>(); }
    void tellsWhatBeginsAndWhatIsOver();
    void severalAreOneMessage();
    void meanwhileIsOneMessage();
    void takesItsTimeBetweenRuns();
    void whatCallsNobodyRunsNothing();
    void whatGoesUnreportedIsOver();
    void whatIsDetachedIsNotOver();
    void whatNobodyHeardIsNotOver();
    void inheritsNothingThatOpensDoors();
    void textsAreNoCommands();
    void manyAreBounded();
};

void TestAlertCommand::tellsWhatBeginsAndWhatIsOver()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    command.setCommand(scripts->keeper() + QStringLiteral(" --team \"the shop\""));
    command.apply(with({}));
    command.apply(with({one("nearly")}));
    QTRY_COMPARE(succeeded.size(), 1);
    QCOMPARE(scripts->read("arguments"), QByteArray("2 --team the shop\n")); // nothing of the alert
    const QJsonObject message = scripts->message(0);
    QCOMPARE(message[QStringLiteral("time")].toString(),
             QStringLiteral("2026-11-21T14:28:50.000000Z"));
    QCOMPARE(message[QStringLiteral("firing")].toInt(-1), 1);
    QCOMPARE(message[QStringLiteral("resolved")].toInt(-1), 0);
    QCOMPARE(message[QStringLiteral("left_out")].toInt(-1), 0);
    const QJsonObject alert = message[QStringLiteral("alerts")].toArray().first().toObject();
    const QJsonObject expected{
        {QStringLiteral("target"), QStringLiteral("pool+unix:///run/shop.sock")},
        {QStringLiteral("name"), QStringLiteral("shop")},
        {QStringLiteral("pool"), QStringLiteral("orders")},
        {QStringLiteral("rule"), QStringLiteral("nearly")},
        {QStringLiteral("measure"), QStringLiteral("used_ratio")},
        {QStringLiteral("severity"), QStringLiteral("warning")},
        {QStringLiteral("state"), QStringLiteral("firing")},
        {QStringLiteral("since"), QStringLiteral("2026-11-21T14:28:40.000000Z")},
        {QStringLiteral("longer"), false},
        {QStringLiteral("value"), 0.95},
        {QStringLiteral("threshold"), 0.9},
        {QStringLiteral("sentence"), QStringLiteral("orders: nearly.")}};
    QCOMPARE(alert, expected);
    QCOMPARE(scripts->read("env"),
             QByteArray("POOLSCOPE_ALERT_FIRING=1\nPOOLSCOPE_ALERT_POOL=orders\n"
                        "POOLSCOPE_ALERT_RESOLVED=0\nPOOLSCOPE_ALERT_RULE=nearly\n"
                        "POOLSCOPE_ALERT_SENTENCE=orders: nearly.\n"
                        "POOLSCOPE_ALERT_SEVERITY=warning\nPOOLSCOPE_ALERT_STATE=firing\n"
                        "POOLSCOPE_ALERT_TARGET=shop\n"));

    // It goes on, and what it says changes: no news.
    Alert still = one("nearly");
    still.value = 1;
    command.apply(with({still}));
    command.apply(with({one("nearly", AlertState::resolved)}));
    QTRY_COMPARE(succeeded.size(), 2);
    QCOMPARE(AlertScripts::rules(scripts->message(1)), list({"resolved nearly"}));
    QCOMPARE(scripts->message(1)[QStringLiteral("resolved")].toInt(), 1);
    command.apply(with({one("nearly", AlertState::resolved)}));
    command.apply(with({}));
    QTest::qWait(100);
    QCOMPARE(scripts->count("arguments"), 2);
}

void TestAlertCommand::severalAreOneMessage()
{
    AlertCommand command(quick(), nullptr);
    command.setCommand(scripts->keeper());
    Alert worst = one("b");
    worst.severity = AlertSeverity::critical;
    command.apply(with({one("a"), worst, one("c")}));
    QTRY_COMPARE(scripts->count("arguments"), 1);
    QCOMPARE(AlertScripts::rules(scripts->message(0)), list({"firing a", "firing b", "firing c"}));
    QVERIFY(scripts->read("env").contains("POOLSCOPE_ALERT_RULE=b\n")); // the worst of them
    QTest::qWait(100);
    QCOMPARE(scripts->count("arguments"), 1);
}

void TestAlertCommand::meanwhileIsOneMessage()
{
    AlertCommand command(quick(), nullptr);
    command.setCommand(scripts->keeper("echo begin >> $D/runs\n"
                                       "while [ ! -e $D/go ]; do sleep 0.02; done\n"
                                       "echo end >> $D/runs\n"));
    command.apply(with({one("a")}));
    QTRY_COMPARE(scripts->count("runs"), 1);
    command.apply(with({one("a"), one("b")}));
    command.apply(with({one("b"), one("a", AlertState::resolved)}));
    command.apply(with({one("b"), one("c")}));
    QTest::qWait(200);
    QCOMPARE(scripts->count("runs"), 1); // one at a time
    scripts->make("go", {});
    QTRY_COMPARE(scripts->count("arguments"), 2);
    QCOMPARE(scripts->read("runs"), QByteArray("begin\nend\nbegin\nend\n"));
    QCOMPARE(AlertScripts::rules(scripts->message(1)),
             list({"firing b", "resolved a", "firing c"}));
}

void TestAlertCommand::takesItsTimeBetweenRuns()
{
    AlertCommand::Limits limits;
    limits.pause = 600ms;
    AlertCommand command(limits, nullptr);
    command.setCommand(scripts->keeper());
    QElapsedTimer since;
    since.start();
    for (int i = 0; i < 20; ++i) { // one that comes and goes
        command.apply(with({one("a")}));
        command.apply(with({one("a", AlertState::resolved)}));
        QTest::qWait(10);
    }
    QTRY_COMPARE(scripts->count("arguments"), 2);
    QVERIFY2(since.elapsed() >= 600, qPrintable(QString::number(since.elapsed())));
    QCOMPARE(AlertScripts::rules(scripts->message(1)).size(), 39);
}

void TestAlertCommand::whatCallsNobodyRunsNothing()
{
    AlertCommand command(quick(), nullptr);
    command.setCommand(scripts->keeper());
    Alert info = one("info");
    info.severity = AlertSeverity::info;
    Alert silenced = one("silenced");
    silenced.answer = AlertAnswer::silenced;
    Alert known = one("known");
    known.answer = AlertAnswer::acknowledged;
    command.apply(with({info, silenced, known, one("pending", AlertState::pending)}));
    silenced.state = AlertState::resolved;
    command.apply(with({silenced}));
    // One that was told, and then somebody was at it: that it is over is no news to him.
    command.apply(with({one("told")}));
    QTRY_COMPARE(scripts->count("arguments"), 1);
    Alert told = one("told");
    told.answer = AlertAnswer::acknowledged;
    command.apply(with({told}));
    command.apply(with({}));
    QTest::qWait(100);
    QCOMPARE(AlertScripts::rules(scripts->message(0)), list({"firing told"}));
    QCOMPARE(scripts->count("arguments"), 1);
    // The answer has run out.
    command.apply(with({told}));
    command.apply(with({one("told")}));
    QTRY_COMPARE(scripts->count("arguments"), 2);
    // What began while there was no command is known when there is one.
    command.setCommand({});
    command.apply(with({one("told"), one("early")}));
    command.setCommand(scripts->path("keeper"));
    command.apply(with({one("told"), one("early"), one("late")}));
    QTRY_COMPARE(scripts->count("arguments"), 3);
    QCOMPARE(AlertScripts::rules(scripts->message(2)), list({"firing late"}));
}

void TestAlertCommand::whatGoesUnreportedIsOver()
{
    AlertCommand command(quick(), nullptr);
    command.setCommand(scripts->keeper());
    command.apply(with({one("leak")}));
    QTRY_COMPARE(scripts->count("arguments"), 1);
    command.apply(with({})); // suspected leaks have no state of their own
    QTRY_COMPARE(scripts->count("arguments"), 2);
    const QJsonObject alert =
        scripts->message(1)[QStringLiteral("alerts")].toArray().first().toObject();
    QCOMPARE(alert[QStringLiteral("state")].toString(), QStringLiteral("resolved"));
    QCOMPARE(alert[QStringLiteral("sentence")].toString(),
             QStringLiteral("It is over: orders: leak."));
    QVERIFY(alert[QStringLiteral("value")].isNull());
}

/// Nobody watches it any more: that closes no incident.
void TestAlertCommand::whatIsDetachedIsNotOver()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    command.setCommand(scripts->keeper());
    command.apply(with({}));
    command.apply(with({one("nearly")}));
    QTRY_COMPARE(succeeded.size(), 1);
    command.apply(Update{});
    command.apply(with({one("other")}));
    QTRY_COMPARE(succeeded.size(), 2);
    QCOMPARE(AlertScripts::rules(scripts->message(1)), list({"firing other"}));
}

void TestAlertCommand::whatNobodyHeardIsNotOver()
{
    AlertCommand command(quick(), nullptr);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    command.apply(with({}));
    command.apply(with({one("nearly")})); // without a command
    command.setCommand(scripts->keeper());
    command.apply(with({one("nearly", AlertState::resolved)}));
    command.apply(with({one("other")}));
    QTRY_COMPARE(succeeded.size(), 1);
    QCOMPARE(AlertScripts::rules(scripts->message(0)), list({"firing other"}));
}

/// Neither passwords nor a connection that somebody else opened without a mark.
void TestAlertCommand::inheritsNothingThatOpensDoors()
{
    const int unmarked = ::socket(AF_INET, SOCK_STREAM, 0);
    QVERIFY(unmarked > STDERR_FILENO);
    qputenv("PGPASSWORD", "hunter2");
    qputenv("POOLSCOPE_TOKEN", "hunter3");
    const auto tidy = qScopeGuard([&] {
        ::close(unmarked);
        qunsetenv("PGPASSWORD");
        qunsetenv("POOLSCOPE_TOKEN");
    });
    AlertCommand command(quick(), nullptr);
    QSignalSpy succeeded(&command, &AlertCommand::succeeded);
    command.setCommand(
        scripts->make("doors", "cat > $D/in\nenv > $D/all\nls -l /proc/self/fd > $D/fds\n"));
    command.apply(with({}));
    command.apply(with({one("nearly")}));
    QTRY_COMPARE(succeeded.size(), 1);
    QVERIFY(scripts->read("all").contains("POOLSCOPE_ALERT_RULE=nearly"));
    QVERIFY(!scripts->read("all").contains("hunter"));
    QVERIFY(!scripts->read("fds").isEmpty());
    QVERIFY2(!scripts->read("fds").contains("socket:"), scripts->read("fds").constData());
}

void TestAlertCommand::textsAreNoCommands()
{
    AlertCommand command(quick(), nullptr);
    command.setCommand(scripts->keeper());
    Alert hostile = one("a; touch owned");
    const std::string evil = "$(touch " + scripts->path("owned").toStdString() + ") `id` ' \" \\ ";
    hostile.pool = Text{evil + "\nPOOLSCOPE_ALERT_RULE=forged"};
    hostile.sentence = evil + "\x1b[31m \xff\n" + std::string(5000, 'x');
    command.apply(with({hostile}));
    QTRY_COMPARE(scripts->count("arguments"), 1);
    QCOMPARE(scripts->read("arguments"), QByteArray("0 \n"));
    QVERIFY(!QFile::exists(scripts->path("owned")));
    QCOMPARE(scripts->count("env"), 8);
    QVERIFY(scripts->read("env").contains("POOLSCOPE_ALERT_RULE=a; touch owned\n"));
    const QString said = scripts->message(0)[QStringLiteral("alerts")]
                             .toArray()
                             .first()[QStringLiteral("sentence")]
                             .toString();
    QVERIFY(said.startsWith(QString::fromStdString(evil)));
    QVERIFY(!said.contains(u'\x1b') && !said.contains(u'\n'));
    QVERIFY(said.size() <= 1000);
}

void TestAlertCommand::manyAreBounded()
{
    AlertCommand::Limits limits = quick();
    limits.most = 5;
    AlertCommand command(limits, nullptr);
    command.setCommand(scripts->keeper());
    std::vector<Alert> many;
    for (int i = 0; i < 12; ++i)
        many.push_back(one(("rule " + std::to_string(i)).c_str()));
    command.apply(with(many));
    QTRY_COMPARE(scripts->count("arguments"), 1);
    QCOMPARE(scripts->message(0)[QStringLiteral("alerts")].toArray().size(), 5);
    QCOMPARE(scripts->message(0)[QStringLiteral("left_out")].toInt(), 7);
    command.apply(with({}));
    QTRY_COMPARE(scripts->count("arguments"), 2);
    QCOMPARE(scripts->message(1)[QStringLiteral("left_out")].toInt(), 7);
}

QTEST_GUILESS_MAIN(TestAlertCommand)
#include "tst_alertcommand.moc"
