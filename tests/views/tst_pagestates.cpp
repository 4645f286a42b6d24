// SPDX-License-Identifier: GPL-3.0-or-later
// What pages say while nothing is attached, nothing has come yet, or a server does not answer.
#include "tests/views/pagefixture.h"
#include "ui/charts/statechart.h"
#include "ui/models/roles.h"
#include "ui/theme/banner.h"
#include "ui/views/chartboard.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"

#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>

#include <cstdlib>

using namespace poolscope;
using namespace poolscope::support;
using namespace std::chrono_literals;

class PageStatesTest : public QObject
{
    Q_OBJECT
private slots:
    void nothingAttached();
    void waitingForTheFirstSample();
    void failingKeepsOldValues();
    void severalFailingAreOneBanner();
    void whatTheUserDetachedIsNoFault();
    void oneServerAttachedTwiceIsSaid();
    void whatASourceSaysBesideItsPictureIsSaid();
    void whatBecameOfACommandStandsInTheDetail();
    void actionsDoNotDependOnServers();
    void healthyOverviewHasNoEmptyTables();
    void pastWithoutASample();
    void aFullServerSaysHowToGetIn();

private:
    static QString words(const Page& page)
    {
        if (const auto* title = page.findChild<PageTitle*>())
            return title->sentence();
        if (const auto* answer = page.findChild<QLabel*>(QStringLiteral("answer")))
            return answer->text();
        return page.findChild<QLabel*>(QStringLiteral("emptyWords"))->text();
    }
    static QList<Banner*> banners(const Page& page)
    {
        QList<Banner*> shown;
        for (Banner* banner : page.findChildren<Banner*>()) {
            if (banner->isVisible())
                shown += banner;
        }
        return shown;
    }
    static bool tablesVisible(const Page& page)
    {
        for (const DataTable* table : page.findChildren<DataTable*>()) {
            if (table->isVisible())
                return true;
        }
        return false;
    }
    /// Pixels of a session's row in the ink of values that are fresh.
    static int inkOf(DataTable& table, const SessionKey& session)
    {
        const QImage image = table.viewport()->grab().toImage();
        const QColor text = lightTokens().text;
        int found = 0;
        const auto rowOf = [&](const QModelIndex& index) {
            const QRect row = table.visualRect(index.siblingAtColumn(1)); // 0 is hidden
            for (int x = 0; x < image.width(); ++x) {
                for (int y = row.top(); y < row.bottom(); ++y) {
                    const QColor pixel = image.pixelColor(x, y);
                    found += std::abs(pixel.red() - text.red()) < 25 &&
                             std::abs(pixel.green() - text.green()) < 25 &&
                             std::abs(pixel.blue() - text.blue()) < 25;
                }
            }
        };
        for (QModelIndex i = table.model()->index(0, 0); i.isValid(); i = table.indexBelow(i)) {
            if (i.data(KeyRole).isValid() && i.data(KeyRole).value<SessionKey>() == session)
                rowOf(i);
        }
        return found;
    }
    static Update waiting(SyntheticUpdates& updates)
    {
        Update update = updates.take(true);
        update.targets.front().last_sample.reset();
        update.targets.front().facts.reset();
        update.targets.front().status.reach = Reach::connecting;
        return update;
    }
    /// Of an update in which the first server has not answered for so long.
    static void fail(Update& update, Duration since)
    {
        TargetSummary& target = update.targets.front();
        target.last_sample = update.now - since;
        target.status = {Reach::failing, "The connection was refused.", "Is it running?",
                         update.now + 8s};
    }
};

void PageStatesTest::nothingAttached()
{
    PageFixture f;
    Update none;
    none.reset = true;
    none.now = SyntheticUpdates::start();
    none.actions = std::make_shared<const std::vector<ActionRecord>>();
    none.notes = std::make_shared<const std::vector<NoteRecord>>();
    f.apply(none);
    f.shoot(QStringLiteral("nothing"));
    for (const char* name : {"overview", "leaks", "sessions", "blocking"}) {
        const Page& page = f.show(name);
        QVERIFY2(words(page).startsWith(QStringLiteral("Nothing is attached.")),
                 qPrintable(words(page)));
        QVERIFY(words(page).contains(QStringLiteral("Ctrl+T")));
        QVERIFY2(!tablesVisible(page), name);
        for (const QLabel* label : page.findChildren<QLabel*>())
            QVERIFY2(!label->isVisible() ||
                         !label->text().contains(QStringLiteral("waiting for the first sample")),
                     name);
        for (const StateChart* chart : page.findChildren<StateChart*>())
            QVERIFY(!chart->isVisible());
    }
}

void PageStatesTest::waitingForTheFirstSample()
{
    PageFixture f;
    Transport asked;
    asked.mode = Mode::live;
    asked.attaching = true;
    Update none;
    none.reset = true;
    none.now = SyntheticUpdates::start();
    none.actions = std::make_shared<const std::vector<ActionRecord>>();
    none.notes = std::make_shared<const std::vector<NoteRecord>>();
    f.setTransport(asked);
    f.apply(none); // before the capture has told of the target
    for (const char* name : {"overview", "leaks", "sessions", "blocking"})
        QCOMPARE(words(f.show(name)), QStringLiteral("waiting for the first sample"));
    SyntheticUpdates updates;
    f.apply(waiting(updates));
    for (const char* name : {"overview", "leaks", "sessions", "blocking"})
        QCOMPARE(words(f.show(name)), QStringLiteral("waiting for the first sample"));
    const auto* chart = f.show("overview").findChild<StateChart*>();
    QVERIFY(chart && chart->isVisible()); // the frame of the page stands
    QCOMPARE(chart->picture().emptyWords, QStringLiteral("waiting for the first sample"));
    f.apply(waiting(updates));
    QCOMPARE(words(f.page("overview")), QStringLiteral("waiting for the first sample"));
    f.apply(waiting(updates)); // two seconds after the first
    f.shoot(QStringLiteral("waiting"));
    for (const char* name : {"overview", "leaks", "sessions", "blocking"})
        QCOMPARE(words(f.show(name)), QStringLiteral("waiting for the first sample from shop-db"));
    f.apply(updates.take(true));
    for (const char* name : {"overview", "leaks", "sessions", "blocking"})
        QVERIFY(!words(f.show(name)).contains(QStringLiteral("waiting for")));
}

void PageStatesTest::failingKeepsOldValues()
{
    PageFixture f;
    SyntheticUpdates updates;
    const SessionKey key =
        updates.put(7, SessionState::idle_in_transaction, "shop-api", 400s).session.key;
    updates.put(8, SessionState::active, "shop-api");
    f.apply(updates.take(true));
    f.context->select(key);
    auto* const table = f.show("sessions").findChild<DataTable*>();
    QVERIFY(inkOf(*table, key) > 20);
    Update later = updates.take();
    fail(later, 12s);
    TargetSeries series{TargetId{1}, {}};
    for (int i = 0; i < 60; ++i)
        series.points.push_back({later.now - 72s + std::chrono::seconds{i},
                                 {1, 0, 0, 20 + i % 5, 60, 1, 0},
                                 200,
                                 3,
                                 false});
    later.live_points = {series};
    f.context->setRange(later.now - 90s, later.now);
    f.apply(later);
    for (const char* name : {"overview", "leaks", "sessions", "blocking"}) {
        const Page& page = f.show(name);
        const QList<Banner*> shown = banners(page);
        QCOMPARE(shown.size(), 1);
        QCOMPARE(shown.front()->height(), Theme::current().scaled(28));
        const QString said = shown.front()->accessibleName();
        QVERIFY2(said.contains(QStringLiteral("no answer since")), qPrintable(said));
        QVERIFY2(said.contains(QStringLiteral("next try in 8 s")), qPrintable(said));
    }
    const Page& sessions = f.show("sessions");
    QVERIFY(table->currentKey() == key); // the values stay, and so does the selection
    QVERIFY(table->currentIndex().data(StaleRole).toBool());
    QVERIFY(sessions.findChild<QLabel*>(QStringLiteral("shownWords"))
                ->text()
                .endsWith(QStringLiteral("12 s ago")));
    QCOMPARE(inkOf(*table, key), 0);
    const auto* chart = f.show("overview").findChild<StateChart*>();
    QVERIFY(chart->picture().staleSince == later.targets.front().last_sample);
    f.shoot(QStringLiteral("failing"));
    f.apply(updates.take());
    QVERIFY(banners(f.page("overview")).isEmpty());
    QVERIFY(!chart->picture().staleSince);
    QVERIFY(!table->currentIndex().data(StaleRole).toBool());
}

void PageStatesTest::severalFailingAreOneBanner()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(7, SessionState::active, "shop-api");
    Update update = updates.take(true);
    addServer(update, 2, "ledger-db", 3);
    addServer(update, 3, "reports-db", 4);
    fail(update, 5s);
    update.targets.at(2).status = {Reach::stopped, "The password is wrong.", "Type it again.", {}};
    f.apply(update);
    const QList<Banner*> shown = banners(f.page("overview"));
    QCOMPARE(shown.size(), 1);
    const QString said = shown.front()->accessibleName();
    QVERIFY2(said.startsWith(QStringLiteral("2 of 3 servers do not answer")), qPrintable(said));
    QVERIFY2(said.contains(QStringLiteral("reports-db")), qPrintable(said)); // it needs the user
    QVERIFY(!f.show("sessions")
                 .findChild<QLabel*>(QStringLiteral("shownWords"))
                 ->text()
                 .contains(QStringLiteral("ago"))); // one of them is fresh
}

void PageStatesTest::whatTheUserDetachedIsNoFault()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(7, SessionState::active, "shop-api");
    Update update = updates.take(true);
    fail(update, 5s);
    update.targets.front().status = {Reach::stopped, "Detached.", "", {}};
    f.apply(update);
    for (const char* name : {"overview", "sessions"}) {
        const QList<Banner*> shown = banners(f.show(name));
        QCOMPARE(shown.size(), 1);
        const QString said = shown.front()->accessibleName();
        QVERIFY2(said.contains(QStringLiteral("was detached")), qPrintable(said));
        QVERIFY2(!said.contains(QStringLiteral("no answer")), qPrintable(said));
    }
    QVERIFY(!words(f.show("overview")).contains(QStringLiteral("does not answer")));
}

void PageStatesTest::oneServerAttachedTwiceIsSaid()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(7, SessionState::active, "shop-api");
    Update update = updates.take(true);
    addServer(update, 2, "127.0.0.1/postgres", 3);
    addServer(update, 3, "ledger-db", 4);
    const Timestamp started = update.now - 1h;
    for (TargetSummary& target : update.targets) {
        target.info.kind = "postgresql";
        if (!target.facts)
            target.facts.emplace();
        target.facts->sees_all = true;
        target.facts->server_started = started;
    }
    update.targets.at(2).facts->server_started = started + 1us;
    f.apply(update);
    QList<Banner*> shown = banners(f.show("sessions"));
    QCOMPARE(shown.size(), 1);
    const QString said = shown.front()->accessibleName();
    QVERIFY2(said.contains(QStringLiteral("shop-db and 127.0.0.1/postgres are the same server")),
             qPrintable(said));
    Update other = updates.take();
    other.targets = update.targets;
    other.targets.at(1).facts->server_started = started + 2us;
    f.apply(other);
    QVERIFY(banners(f.show("sessions")).isEmpty());
    // Two that do not tell when they were started are not the same for that.
    for (TargetSummary& target : other.targets)
        target.facts->server_started.reset();
    f.apply(other);
    QVERIFY(banners(f.show("sessions")).isEmpty());
}

/// As that lines of it could not be read: it is up, and all that is shown counts.
void PageStatesTest::whatASourceSaysBesideItsPictureIsSaid()
{
    PageFixture f;
    SyntheticUpdates updates;
    Update update = updates.take(true);
    addServer(update, 2, "ledger-db", 1);
    f.apply(update);
    QVERIFY(banners(f.show("leaks")).isEmpty());
    update.targets.at(1).status.sentence = "One line of <b>it</b>\ncannot be read.";
    f.apply(update);
    const auto said = [&f](const char* page) {
        QStringList all;
        for (const Banner* banner : banners(f.show(page)))
            all += banner->accessibleName();
        return all.join(QLatin1Char('|'));
    };
    const QString wanted = QStringLiteral("ledger-db One line of <b>it</b> cannot be read.");
    for (const char* const page : {"overview", "leaks", "pools", "sessions"})
        QVERIFY2(said(page).endsWith(wanted), qPrintable(said(page)));
    // One line, however many speak.
    update.targets.at(0).status.sentence = "It is slow.";
    f.apply(update);
    QCOMPARE(banners(f.show("leaks")).size(), 1);
    QVERIFY2(said("leaks").contains(QStringLiteral("It is slow. One more has something to say")),
             qPrintable(said("leaks")));
    // Of one that does not answer its trouble is told, and that once.
    update.targets.at(0).status.reach = Reach::failing;
    f.apply(update);
    QCOMPARE(said("leaks").count(QStringLiteral("It is slow.")), 1);
    QVERIFY(said("leaks").contains(wanted));
    update.targets.at(0).status = update.targets.at(1).status = {Reach::up, {}, {}, {}};
    f.apply(update);
    QVERIFY(banners(f.show("leaks")).isEmpty());
}

void PageStatesTest::whatBecameOfACommandStandsInTheDetail()
{
    PageFixture f;
    SyntheticUpdates updates;
    const SessionKey key = updates.put(7, SessionState::active, "shop-api").session.key;
    f.apply(updates.take(true));
    const Page& page = f.show("sessions");
    f.context->select(key);
    const auto* const result = page.findChild<QLabel*>(QStringLiteral("commandResult"));
    QVERIFY(result && result->isHidden());
    ActionRecord action;
    action.id = ActionId{1};
    action.verb = ActionVerb::terminate;
    action.session = key;
    action.phase = ActionPhase::refused;
    action.changed = updates.now();
    action.outcome = "must be a superuser to terminate superuser process";
    updates.actions.push_back(action);
    f.apply(updates.take());
    QVERIFY(result->isVisible());
    QVERIFY2(result->text().startsWith(QStringLiteral("Terminate session: refused at ")) &&
                 result->text().endsWith(QStringLiteral("to terminate superuser process")),
             qPrintable(result->text()));
    // The latest counts, and is told of a session that has left, too.
    action.id = ActionId{2};
    action.phase = ActionPhase::observed;
    action.outcome = "The session has ended.";
    updates.actions.push_back(action);
    updates.drop(key);
    f.apply(updates.take());
    const QString left = page.findChild<QLabel*>(QStringLiteral("sessionEmpty"))->text();
    QVERIFY2(left.startsWith(QStringLiteral("Session %1 has left.").arg(key.pid.value)) &&
                 left.contains(QStringLiteral("Terminate session: took effect at ")) &&
                 left.endsWith(QStringLiteral("The session has ended.")),
             qPrintable(left));
}

void PageStatesTest::actionsDoNotDependOnServers()
{
    PageFixture f;
    SyntheticUpdates updates;
    Update update = updates.take(true);
    fail(update, 5s);
    f.apply(update);
    QCOMPARE(banners(f.show("overview")).size(), 1);
    QCOMPARE(banners(f.show("actions")).size(), 0);
}

void PageStatesTest::healthyOverviewHasNoEmptyTables()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(8, SessionState::active, "shop-api");
    f.apply(updates.take(true));
    const Page& overview = f.page("overview");
    QVERIFY(!tablesVisible(overview));
    const auto* chart = overview.findChild<StateChart*>();
    QVERIFY(chart->width() > overview.width() * 9 / 10); // the chart takes the room
    const Page& blocking = f.show("blocking");
    QVERIFY(!tablesVisible(blocking));
    QVERIFY(blocking.findChild<StateChart*>()->width() > blocking.width() * 9 / 10);
    f.show("overview");
    updates.put(9, SessionState::idle_in_transaction, "shop-api", 400s);
    f.apply(updates.take());
    QVERIFY(tablesVisible(overview));
}

/// Nothing is awaited in the past, and what is counted belongs to another moment.
void PageStatesTest::pastWithoutASample()
{
    PageFixture f;
    SyntheticUpdates updates;
    updates.put(9, SessionState::idle_in_transaction, "shop-api", 400s);
    f.show("leaks");
    f.apply(updates.take(true));
    const auto counted = [&] {
        for (const QLabel* label : f.page("leaks").findChildren<QLabel*>()) {
            if (label->isVisible() && label->text().endsWith(QStringLiteral("suspected")))
                return true;
        }
        return false;
    };
    QVERIFY(counted());
    Transport paused;
    paused.mode = Mode::paused;
    paused.cursor = updates.now() - 60s;
    paused.end = updates.now();
    f.setTransport(paused);
    SyntheticUpdates before;
    for (int i = 0; i < 4; ++i)
        f.apply(waiting(before));
    QVERIFY(!counted());
    for (const char* name : {"leaks", "sessions", "blocking"})
        QCOMPARE(words(f.show(name)),
                 QStringLiteral("no sample of shop-db was recorded up to this moment"));
}

void PageStatesTest::aFullServerSaysHowToGetIn()
{
    PageFixture f;
    SyntheticUpdates updates;
    Update update = waiting(updates);
    TargetSummary& target = update.targets.front();
    target.info.kind = "postgresql";
    target.info.url = "postgresql://dba@db:5432/shop";
    target.status = {Reach::failing,
                     "db:5432 has no free slot for user \"dba\": sorry, too many.",
                     "To get in now, attach as a superuser.",
                     {}};
    Diagnosis full;
    full.target = target.info.id;
    full.cause = Cause::server_full;
    full.confidence = Confidence::high;
    full.sentence = "shop-db has no free slot: it refuses Poolscope too.";
    full.evidence = {{target.status.sentence, "sessions", update.now, {}, {}}};
    full.relief = Relief{target.status.next_step, {}, {}, 0};
    target.diagnoses = {full};
    f.apply(update);
    const Page& overview = f.show("overview");
    auto* const button = overview.findChild<QPushButton*>(QStringLiteral("relieve"));
    QVERIFY(button->isVisible() && button->isEnabled());
    QCOMPARE(button->text(), QStringLiteral("Attach as superuser…"));
    QSignalSpy offered(f.context.get(), &ViewContext::attachToRequested);
    QTest::mouseClick(button, Qt::LeftButton);
    QCOMPARE(offered.size(), 1);
    QCOMPARE(offered.front().front().toString(),
             QStringLiteral("postgresql://postgres@db:5432/shop"));
    const QList<Banner*> shown = banners(overview);
    QCOMPARE(shown.size(), 1);
    QVERIFY2(shown.front()->accessibleName().contains(
                 QStringLiteral("server full. To get in now, attach as a superuser.")),
             qPrintable(shown.front()->accessibleName()));
}

QTEST_MAIN(PageStatesTest)
#include "tst_pagestates.moc"
