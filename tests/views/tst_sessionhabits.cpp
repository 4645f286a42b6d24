// SPDX-License-Identifier: GPL-3.0-or-later
// What whoever looks at sessions counts on: who of a selection can be hit, where a filter leads,
// and what a page says of the past that it shows.
#include "tests/views/pagefixture.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"

#include <QLineEdit>
#include <QScrollBar>
#include <QTest>

using namespace poolscope;
using namespace poolscope::support;

class TestSessionHabits : public QObject
{
    Q_OBJECT
private slots:
    void whoMayNotBeSignalledStaysOut();
    void theServerDecidesAboutRoles();
    void ourOwnBehindAnotherTarget();
    void aFilterBeginsAtItsFirstHit();
    void whatIsAskedForStandsInTheMiddle();
    void aBannerSpeaksOfNow();
};

/// One server whose role may not signal others must not keep the rest from being ended.
void TestSessionHabits::whoMayNotBeSignalledStaysOut()
{
    SyntheticUpdates updates;
    const SessionRow here = updates.put(10, SessionState::idle_in_transaction, "shop-api");
    const SessionRow alsoHere = updates.put(11, SessionState::idle_in_transaction, "shop-api");
    Update update = updates.take(true);
    SessionRow there = here;
    there.session.key.target = TargetId{2};
    update.changed.push_back(there);
    TargetSummary other = update.targets.front();
    other.info.id = TargetId{2};
    other.info.name = "orders-db";
    other.info.kind = "mysql";
    other.facts->can_signal = other.facts->superuser = false;
    other.facts->role = "mon";
    update.targets.push_back(other);
    SessionStore store;
    store.apply(update);
    const auto pids = [](const std::vector<SessionRow>& rows) {
        std::vector<std::pair<std::uint32_t, std::int64_t>> all;
        for (const SessionRow& row : rows)
            all.emplace_back(row.session.key.target.value, row.session.key.pid.value);
        return all;
    };
    const auto rest = commandable({here, there, alsoHere}, store);
    QVERIFY(pids(rest) == pids({here, alsoHere}));
    Transport live;
    live.mode = Mode::live;
    QCOMPARE(commandObstacle(ActionVerb::terminate, rest, store, live, Formatter(true)), QString());
    // Where nothing is left, it is said what stands against it, and where.
    const auto none = commandable({there, there}, store);
    const QString obstacle =
        commandObstacle(ActionVerb::terminate, none, store, live, Formatter(true));
    QVERIFY2(obstacle.contains(QStringLiteral("orders-db")), qPrintable(obstacle));
}

/// PostgreSQL lets a member of the session's role signal it without a grant. Where the start cannot
/// be seen nothing can be compared, and nothing is offered.
void TestSessionHabits::theServerDecidesAboutRoles()
{
    SyntheticUpdates updates;
    const SessionRow seen = updates.put(10, SessionState::active, "shop-api");
    SessionRow hidden = seen;
    hidden.session.key.pid = Pid{11};
    hidden.session.key.started = Timestamp{};
    Transport live;
    live.mode = Mode::live;
    for (const char* const kind : {"postgresql", "mysql"}) {
        for (const bool may : {false, true}) {
            Update update = updates.whole();
            TargetSummary& target = update.targets.front();
            target.info.kind = kind;
            target.facts->role = "mon";
            target.facts->can_signal = may;
            SessionStore store;
            store.apply(update);
            for (const ActionVerb verb : {ActionVerb::cancel, ActionVerb::terminate}) {
                const QString why = commandObstacle(verb, {seen}, store, live, Formatter(true));
                QCOMPARE(why.isEmpty(), may || kind == std::string_view("postgresql"));
            }
            QVERIFY(commandObstacle(ActionVerb::terminate, {hidden}, store, live, Formatter(true))
                        .contains(QStringLiteral("may not see when this session started")));
        }
    }
}

/// Two targets on one server: to each, the session of the other is anybody's.
void TestSessionHabits::ourOwnBehindAnotherTarget()
{
    SyntheticUpdates updates;
    SessionRow& own = updates.put(10, SessionState::active, "poolscope");
    own.session.own = true;
    const SessionRow client = updates.put(11, SessionState::idle, "shop-api");
    SessionRow seen = own;
    seen.session.own = false;
    seen.session.key.target = TargetId{2};
    SessionRow namesake = seen; // another life of that pid
    namesake.session.key.started += std::chrono::seconds{1};
    Update update = updates.take(true);
    update.changed.push_back(seen);
    update.changed.push_back(namesake);
    TargetSummary other = update.targets.front();
    other.info.id = TargetId{2};
    update.targets.push_back(other);
    SessionStore store;
    store.apply(update);
    const auto rest = commandable({seen, client, namesake}, store);
    QCOMPARE(rest.size(), std::size_t{2});
    Transport live;
    live.mode = Mode::live;
    const auto obstacle = [&](const SessionRow& row) {
        return commandObstacle(ActionVerb::terminate, {row}, store, live, Formatter(true));
    };
    QVERIFY(obstacle(seen).contains(QStringLiteral("Poolscope's own")));
    QCOMPARE(obstacle(namesake), QString());
}

void TestSessionHabits::aFilterBeginsAtItsFirstHit()
{
    PageFixture fixture;
    SyntheticUpdates updates;
    for (int pid = 1; pid <= 400; ++pid)
        updates.put(pid, SessionState::active, pid % 4 == 0 ? "billing" : "shop-api");
    Page& page = fixture.show("sessions");
    fixture.apply(updates.take(true));
    auto* const table = page.findChild<DataTable*>();
    auto* const filter = page.findChild<QLineEdit*>();
    table->verticalScrollBar()->setValue(table->verticalScrollBar()->maximum());
    QVERIFY(table->verticalScrollBar()->value() > 0);
    filter->setText(QStringLiteral("app:billing"));
    QCoreApplication::processEvents();
    QCOMPARE(table->verticalScrollBar()->value(), 0);
}

/// Not at the edge where a list that scrolls as little as it can would stop: with what is around
/// it.
void TestSessionHabits::whatIsAskedForStandsInTheMiddle()
{
    PageFixture fixture;
    SyntheticUpdates updates;
    for (int pid = 1; pid <= 400; ++pid)
        updates.put(pid, SessionState::active, "shop-api", std::chrono::seconds{pid});
    Page& page = fixture.show("sessions");
    fixture.apply(updates.take(true));
    auto* const table = page.findChild<DataTable*>();
    const auto away = [&] {
        QCoreApplication::processEvents();
        const QRect row = table->visualRect(table->currentIndex());
        return std::abs(row.center().y() - table->viewport()->rect().center().y());
    };
    const auto keyOf = [&](int pid) {
        for (const auto& [key, row] : updates.rows())
            if (key.pid == Pid{pid})
                return key;
        qFatal("no such session");
    };
    for (const int pid : {200, 100, 260}) {
        fixture.context->select(keyOf(pid));
        QVERIFY2(away() <= 2 * Theme::current().rowHeight(), qPrintable(QString::number(away())));
    }
    // What is in sight already stays where it is.
    const int scrolled = table->verticalScrollBar()->value();
    fixture.context->select(keyOf(257));
    QVERIFY(away() > 0);
    QCOMPARE(table->verticalScrollBar()->value(), scrolled);
}

/// Without waiting for the next update, which may never come.
void TestSessionHabits::aBannerSpeaksOfNow()
{
    qputenv("TZ", "Asia/Kolkata");
    tzset();
    PageFixture fixture;
    SyntheticUpdates updates;
    updates.put(10, SessionState::idle, "shop-api");
    Page& page = fixture.show("sessions");
    fixture.apply(updates.take(true));
    Transport past;
    past.mode = Mode::paused;
    past.start = SyntheticUpdates::start() - std::chrono::minutes{5};
    past.end = SyntheticUpdates::start();
    past.cursor = past.end - std::chrono::minutes{1};
    fixture.setTransport(past);
    const auto said = [&page](const QString& words) {
        const auto all = page.findChildren<QWidget*>();
        return std::any_of(all.begin(), all.end(), [&](const QWidget* widget) {
            return widget->isVisibleTo(&page) && widget->accessibleName().contains(words);
        });
    };
    const auto at = [&](bool utc) {
        return Formatter(utc).instant(past.cursor, past.end);
    };
    QVERIFY(at(true) != at(false));
    fixture.context->setUtc(false);
    QVERIFY(said(QStringLiteral("Paused at %1").arg(at(false))));
    fixture.context->setUtc(true);
    QVERIFY(said(QStringLiteral("Paused at %1").arg(at(true))));
    past.playing = true;
    fixture.setTransport(past);
    QVERIFY(said(QStringLiteral("Playing at %1").arg(at(true))));
}

QTEST_MAIN(TestSessionHabits)
#include "tst_sessionhabits.moc"
