// SPDX-License-Identifier: GPL-3.0-or-later
// What is said on the desktop of alerts, and what is not.
#include "ui/mainwindow/alertherald.h"
#include "ui/theme/theme.h"

#include <QSignalSpy>
#include <QTest>
#include <QWidget>

using namespace poolscope;

namespace {

Alert firing(const char* rule, AlertSeverity severity = AlertSeverity::critical)
{
    Alert alert;
    alert.target = TargetId{1};
    alert.pool = Text{"orders"};
    alert.rule = rule;
    alert.severity = severity;
    alert.state = AlertState::firing;
    alert.sentence = std::string("<b>orders</b>: ") + rule;
    return alert;
}

Update with(const std::vector<Alert>& alerts)
{
    Update update;
    TargetSummary target;
    target.info.id = TargetId{1};
    target.alerts = alerts;
    update.targets = {target};
    return update;
}

Transport in(Mode mode)
{
    Transport transport;
    transport.mode = mode;
    return transport;
}

} // namespace

class TestAlertHerald : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase() { Theme::current().install(); }
    void whatBeginsIsSaidOnce();
    void severalAreOneMessage();
    void whatCallsNobodyIsNotSaid();
    void thePastIsSilent();
    void pausedIsNotSilent();
    void switchedOff();
};

void TestAlertHerald::whatBeginsIsSaidOnce()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    // What calls when one attaches is before one's eyes.
    herald.observed(with({firing("old")}));
    QCOMPARE(said.size(), 0);
    herald.observed(with({firing("old"), firing("new")}));
    QCOMPARE(said.size(), 1);
    QCOMPARE(said.front().at(0).toString(), QStringLiteral("Alert: new"));
    QCOMPARE(said.front().at(1).toString(), QStringLiteral("<b>orders</b>: new")); // plain text
    QVERIFY(said.front().at(2).toBool());
    herald.observed(with({firing("old"), firing("new")}));
    QCOMPARE(said.size(), 1);
    // Over, and again.
    herald.observed(with({}));
    herald.observed(with({firing("new", AlertSeverity::warning)}));
    QCOMPARE(said.size(), 2);
    QVERIFY(!said.back().at(2).toBool());
}

void TestAlertHerald::severalAreOneMessage()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.observed(with({}));
    herald.observed(with({firing("a"), firing("b"), firing("c"), firing("d"), firing("e")}));
    QCOMPARE(said.size(), 1);
    QCOMPARE(said.front().at(0).toString(), QStringLiteral("5 alerts fire"));
    const QStringList lines = said.front().at(1).toString().split(u'\n');
    QCOMPARE(lines.size(), 4);
    QCOMPARE(lines.back(), QStringLiteral("2 more"));
}

void TestAlertHerald::whatCallsNobodyIsNotSaid()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.observed(with({}));
    Alert answered = firing("answered");
    answered.answer = AlertAnswer::silenced;
    Alert pending = firing("pending");
    pending.state = AlertState::pending;
    herald.observed(with({answered, pending, firing("info", AlertSeverity::info)}));
    QCOMPARE(said.size(), 0);
    // What was silenced calls again once that is over.
    herald.observed(with({firing("answered")}));
    QCOMPARE(said.size(), 1);
}

void TestAlertHerald::thePastIsSilent()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.observed(with({}));
    herald.setTransport(in(Mode::replay)); // of which it is not told
    herald.setTransport(in(Mode::live));
    herald.observed(with({firing("then")})); // another capture
    QCOMPARE(said.size(), 0);
}

/// What the window shows is another moment: nobody sees what begins.
void TestAlertHerald::pausedIsNotSilent()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.observed(with({}));
    window.show();
    window.activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&window));
    herald.observed(with({firing("seen")}));
    QCOMPARE(said.size(), 0);
    herald.setTransport(in(Mode::paused));
    herald.observed(with({firing("seen"), firing("not seen")}));
    QCOMPARE(said.size(), 1);
    herald.setTransport(in(Mode::live));
    herald.observed(with({firing("seen"), firing("not seen")}));
    QCOMPARE(said.size(), 1);
}

void TestAlertHerald::switchedOff()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.setOn(false);
    herald.observed(with({}));
    herald.observed(with({firing("a")}));
    QCOMPARE(said.size(), 0);
    herald.setOn(true);
    herald.observed(with({firing("a"), firing("b")}));
    QCOMPARE(said.size(), 1); // of what began since
    QCOMPARE(said.front().at(0).toString(), QStringLiteral("Alert: b"));
}

QTEST_MAIN(TestAlertHerald)
#include "tst_alertherald.moc"
