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
    void switchedOff();
};

void TestAlertHerald::whatBeginsIsSaidOnce()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    // What calls when one attaches is before one's eyes.
    herald.apply(with({firing("old")}), in(Mode::live));
    QCOMPARE(said.size(), 0);
    herald.apply(with({firing("old"), firing("new")}), in(Mode::live));
    QCOMPARE(said.size(), 1);
    QCOMPARE(said.front().at(0).toString(), QStringLiteral("Alert: new"));
    QCOMPARE(said.front().at(1).toString(), QStringLiteral("<b>orders</b>: new")); // plain text
    QVERIFY(said.front().at(2).toBool());
    herald.apply(with({firing("old"), firing("new")}), in(Mode::live));
    QCOMPARE(said.size(), 1);
    // Over, and again.
    herald.apply(with({}), in(Mode::live));
    herald.apply(with({firing("new", AlertSeverity::warning)}), in(Mode::live));
    QCOMPARE(said.size(), 2);
    QVERIFY(!said.back().at(2).toBool());
}

void TestAlertHerald::severalAreOneMessage()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.apply(with({}), in(Mode::live));
    herald.apply(with({firing("a"), firing("b"), firing("c"), firing("d"), firing("e")}),
                 in(Mode::live));
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
    herald.apply(with({}), in(Mode::live));
    Alert answered = firing("answered");
    answered.answer = AlertAnswer::silenced;
    Alert pending = firing("pending");
    pending.state = AlertState::pending;
    herald.apply(with({answered, pending, firing("info", AlertSeverity::info)}), in(Mode::live));
    QCOMPARE(said.size(), 0);
    // What was silenced calls again once that is over.
    herald.apply(with({firing("answered")}), in(Mode::live));
    QCOMPARE(said.size(), 1);
}

void TestAlertHerald::thePastIsSilent()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    for (const Mode mode : {Mode::replay, Mode::paused}) {
        herald.apply(with({}), in(mode));
        herald.apply(with({firing("then")}), in(mode));
    }
    herald.apply(with({firing("then")}), in(Mode::live)); // back at the live edge
    QCOMPARE(said.size(), 0);
}

void TestAlertHerald::switchedOff()
{
    QWidget window;
    AlertHerald herald(&window);
    QSignalSpy said(&herald, &AlertHerald::said);
    herald.setOn(false);
    herald.apply(with({}), in(Mode::live));
    herald.apply(with({firing("a")}), in(Mode::live));
    QCOMPARE(said.size(), 0);
    herald.setOn(true);
    herald.apply(with({firing("a"), firing("b")}), in(Mode::live));
    QCOMPARE(said.size(), 1); // of what began since
    QCOMPARE(said.front().at(0).toString(), QStringLiteral("Alert: b"));
}

QTEST_MAIN(TestAlertHerald)
#include "tst_alertherald.moc"
