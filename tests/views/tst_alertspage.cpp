// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/views/pagefixture.h"
#include "ui/views/alertspage.h"
#include "ui/views/datatable.h"

#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;
using poolscope::support::PageFixture;
using poolscope::support::SyntheticUpdates;

namespace {

Alert alert(const char* rule, AlertSeverity severity, AlertState state)
{
    Alert made;
    made.target = TargetId{1};
    made.pool = Text{"orders"};
    made.rule = rule;
    made.severity = severity;
    made.state = state;
    made.since = SyntheticUpdates::start() - 40s;
    made.value = 0.95;
    made.threshold = 0.9;
    made.sentence = "orders: 19 of 20 connections are used.";
    return made;
}

QString cell(const DataTable& table, int row, int column)
{
    return table.model()->index(row, column).data().toString();
}

} // namespace

class TestAlertsPage : public QObject
{
    Q_OBJECT
private slots:
    void quiet();
    void rowsAndCount();
    void answers();
    void aNeighbourIsNotChosen();
    void firingOnesFirst();
    void statesAreWords();
    void replay();

private:
    static Update update(SyntheticUpdates& updates, const std::vector<Alert>& alerts);
    static QPushButton* button(Page& page, const char* words);
};

Update TestAlertsPage::update(SyntheticUpdates& updates, const std::vector<Alert>& alerts)
{
    Update made = updates.take(true);
    made.targets.front().alerts = alerts;
    return made;
}

QPushButton* TestAlertsPage::button(Page& page, const char* words)
{
    for (QPushButton* const each : page.findChildren<QPushButton*>()) {
        if (each->text().remove(QLatin1Char('&')).startsWith(QLatin1String(words)))
            return each;
    }
    return nullptr;
}

void TestAlertsPage::quiet()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    f.apply(update(updates, {}));
    QVERIFY(!page.table().isVisible());
    QCOMPARE(page.count(), 0);
}

void TestAlertsPage::rowsAndCount()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    Alert answered = alert("busy", AlertSeverity::warning, AlertState::firing);
    answered.answer = AlertAnswer::acknowledged;
    answered.answered_until = SyntheticUpdates::start() + 1h;
    Alert hostile = alert("<b>bold</b>", AlertSeverity::info, AlertState::pending);
    hostile.sentence = "<i>x</i>\x1b[31m";
    hostile.longer = true;
    f.apply(update(updates, {alert("nearly", AlertSeverity::critical, AlertState::firing), answered,
                             hostile}));
    const DataTable& table = page.table();
    QVERIFY(table.isVisible());
    QCOMPARE(table.model()->rowCount(), 3);
    QCOMPARE(page.count(), 1); // what was answered does not call
    QCOMPARE(cell(table, 0, 0), QStringLiteral("critical"));
    QCOMPARE(cell(table, 0, 1), QStringLiteral("firing"));
    QCOMPARE(cell(table, 0, 3), QStringLiteral("orders"));
    QCOMPARE(cell(table, 0, 4), QStringLiteral("95 %"));
    QCOMPARE(cell(table, 0, 6), QStringLiteral("nearly"));
    QVERIFY(cell(table, 1, 1).startsWith(QStringLiteral("firing, acknowledged until ")));
    QVERIFY(cell(table, 2, 2).startsWith(QStringLiteral("over ")));
    QVERIFY(cell(table, 2, 5).startsWith(QStringLiteral("<i>x</i>")));
    QVERIFY(!cell(table, 2, 5).contains(QChar(0x1b)));
}

void TestAlertsPage::answers()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    QList<AlertAnswered> said;
    QList<Duration> lasting;
    connect(&page, &AlertsPage::answered, this,
            [&](TargetId target, const AlertAnswered& answer, Duration lasts) {
                QCOMPARE(target, TargetId{1});
                said.append(answer);
                lasting.append(lasts);
            });
    Alert one = alert("nearly", AlertSeverity::critical, AlertState::firing);
    f.apply(update(updates, {one}));
    QVERIFY(!button(page, "Acknowledge")->isEnabled()); // of what?
    page.table().setCurrentIndex(page.table().model()->index(0, 0));
    QVERIFY(button(page, "Acknowledge")->isEnabled());
    QVERIFY(!button(page, "Take back")->isEnabled());
    button(page, "Acknowledge")->click();
    button(page, "Silence")->click();
    QCOMPARE(said.size(), 2);
    QCOMPARE(said.at(0).rule, std::string("nearly"));
    QCOMPARE(said.at(0).pool.str(), std::string("orders"));
    QVERIFY(said.at(0).answer == AlertAnswer::acknowledged);
    QCOMPARE(lasting.at(0), Duration{1h});
    QVERIFY(said.at(1).answer == AlertAnswer::silenced);

    // The row stays chosen when its words change.
    one.answer = AlertAnswer::silenced;
    one.answered_until = SyntheticUpdates::start() + 8h;
    f.apply(update(updates, {one}));
    QVERIFY(button(page, "Take back")->isEnabled());
    button(page, "Take back")->click();
    QVERIFY(said.back().answer == AlertAnswer::revoked);
}

void TestAlertsPage::aNeighbourIsNotChosen()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    const Alert first = alert("first", AlertSeverity::critical, AlertState::firing);
    const Alert second = alert("second", AlertSeverity::warning, AlertState::firing);
    f.apply(update(updates, {first, second}));
    page.table().setFocus();
    page.table().setCurrentIndex(page.table().model()->index(0, 0));
    QVERIFY(button(page, "Silence")->isEnabled());
    f.apply(update(updates, {second}));
    // The table would choose it, and a click that was meant for the first would silence it.
    QVERIFY(!button(page, "Silence")->isEnabled());
    QVERIFY(page.table().selectionModel()->selectedRows().isEmpty());
}

void TestAlertsPage::firingOnesFirst()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    Update made = update(updates, {alert("over", AlertSeverity::critical, AlertState::resolved)});
    made.targets.push_back(made.targets.front());
    made.targets.back().info.id = TargetId{2};
    Alert answered = alert("known", AlertSeverity::critical, AlertState::firing);
    answered.answer = AlertAnswer::acknowledged;
    answered.target = TargetId{2};
    Alert info = alert("idle", AlertSeverity::info, AlertState::firing);
    info.target = TargetId{2};
    made.targets.back().alerts = {answered, info};
    f.apply(made);
    QCOMPARE(cell(page.table(), 0, 6), QStringLiteral("idle"));
    QCOMPARE(cell(page.table(), 1, 6), QStringLiteral("known"));
    QCOMPARE(cell(page.table(), 2, 6), QStringLiteral("over"));
}

void TestAlertsPage::statesAreWords()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    std::vector<Alert> circuits;
    for (const double value : {1.0, 0.5, 0.0}) {
        circuits.push_back(alert("circuit", AlertSeverity::critical, AlertState::firing));
        circuits.back().pool = Text{std::to_string(value)};
        circuits.back().measure = AlertMeasure::circuit_open;
        circuits.back().value = value;
        circuits.back().threshold = 1;
    }
    f.apply(update(updates, circuits));
    QCOMPARE(cell(page.table(), 0, 4), QStringLiteral("open"));
    QCOMPARE(cell(page.table(), 1, 4), QStringLiteral("half-open"));
    QCOMPARE(cell(page.table(), 2, 4), QStringLiteral("closed"));
    QVERIFY(page.table()
                .model()
                ->index(1, 4)
                .data(Qt::ToolTipRole)
                .toString()
                .contains(QStringLiteral("The rule's threshold is open.")));
}

void TestAlertsPage::replay()
{
    const PageFixture f;
    SyntheticUpdates updates;
    auto& page = dynamic_cast<AlertsPage&>(f.show("alerts"));
    f.apply(update(updates, {alert("nearly", AlertSeverity::critical, AlertState::firing)}));
    page.table().setCurrentIndex(page.table().model()->index(0, 0));
    Transport replay;
    replay.mode = Mode::replay;
    replay.cursor = replay.end = SyntheticUpdates::start();
    f.setTransport(replay);
    QVERIFY(!button(page, "Acknowledge")->isEnabled());
    // What is said counts from now, and what is shown is of the past.
    replay.mode = Mode::paused;
    f.setTransport(replay);
    QVERIFY(!button(page, "Acknowledge")->isEnabled());
}

QTEST_MAIN(TestAlertsPage)
#include "tst_alertspage.moc"
