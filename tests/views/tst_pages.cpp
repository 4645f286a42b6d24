// SPDX-License-Identifier: GPL-3.0-or-later
// Drives the real pages with made-up updates. With POOLSCOPE_PICTURES=FOLDER it also draws each
// page there, for looking at.
#include "tests/support/updates.h"
#include "ui/models/sessionfilter.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/sessionspage.h"
#include "ui/views/viewcontext.h"

#include <QApplication>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QScrollBar>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>

using namespace poolscope;
using poolscope::support::SyntheticUpdates;

class PagesTest : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void init();
    void cleanup();
    void filterByTyping();
    void threeKeysToTheIdleOnes();
    void selectionAndScrollSurvive();
    void whatIsChosenElsewhereIsInSight();
    void commandsNameExactlyTheSelected();
    void ownSessionsStayOutOfBulk();
    void replayDisablesWithAReason();
    void hostileNamesAreLiteral();
    void theStatementHasRoomBesideSeveralServers();
    void theKeysOfTheFilterStandInTheMenu();
    void emptyPagesSayWhat();
    void pictures();

private:
    void applyAll(const Update& update);
    SessionsPage& sessions() const;
    static void incident(SyntheticUpdates& updates, int idle);

    QTemporaryDir folder_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<ViewContext> context_;
    std::unique_ptr<QWidget> window_;
    std::shared_ptr<SessionStore> store_;
    std::vector<Page*> pages_;
};

void PagesTest::initTestCase()
{
    QCoreApplication::setOrganizationName(QStringLiteral("poolscope-test"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope, folder_.path());
    Theme::current().install();
}

void PagesTest::init()
{
    QSettings().clear();
    Workspace::Options options;
    options.temporaryFolder = folder_.path();
    workspace_ = std::make_unique<Workspace>(options);
    context_ = std::make_unique<ViewContext>(*workspace_);
    window_ = std::make_unique<QWidget>();
    window_->resize(1240, 720);
    store_ = std::make_shared<SessionStore>();
    pages_ = makePages(*context_, store_, window_.get());
    for (Page* page : pages_) {
        page->setGeometry(window_->rect());
        page->hide();
        Transport live;
        live.mode = Mode::live;
        live.cursor = live.end = SyntheticUpdates::start();
        page->setTransport(live);
    }
    window_->show();
    sessions().show();
}

void PagesTest::cleanup()
{
    window_.reset();
    context_.reset();
    workspace_.reset();
}

SessionsPage& PagesTest::sessions() const
{
    return *dynamic_cast<SessionsPage*>(pages_.at(3));
}

void PagesTest::applyAll(const Update& update)
{
    store_->apply(update);
    for (Page* page : pages_)
        page->apply(update);
    QCoreApplication::processEvents();
}

void PagesTest::incident(SyntheticUpdates& updates, int idle)
{
    SessionRow& root = updates.put(48213, SessionState::idle_in_transaction, "shop-api",
                                   std::chrono::seconds{372});
    root.blocks = 14;
    root.session.xid = 90412771;
    root.session.xmin = 90412771;
    for (int i = 1; i < 17; ++i)
        updates.put(48213 + 4 * i, SessionState::idle_in_transaction, "shop-api",
                    std::chrono::seconds{372 - 14 * i});
    for (int i = 0; i < 14; ++i) {
        SessionRow& waiter = updates.put(48391 + 3 * i, SessionState::waiting,
                                         i < 8    ? "billing"
                                         : i < 11 ? "report-worker"
                                                  : "shop-api",
                                         std::chrono::seconds{228 - 9 * i});
        waiter.session.blocked_by = {Pid{48213}};
        waiter.session.statement = Text("UPDATE orders SET state = 'paid' WHERE id = $1");
    }
    updates.put(48602, SessionState::idle_in_transaction_aborted, "payments",
                std::chrono::seconds{125});
    for (int i = 0; i < idle; ++i)
        updates.put(50000 + i, i % 6 == 0 ? SessionState::active : SessionState::idle,
                    i % 3 == 0 ? "shop-api" : "billing", std::chrono::seconds{i % 50});
}

void PagesTest::filterByTyping()
{
    SyntheticUpdates updates;
    incident(updates, 100);
    applyAll(updates.take(true));
    sessions().focusFilter();
    auto* const filter = qobject_cast<QLineEdit*>(sessions().focusWidget());
    QVERIFY(filter);
    QTest::keyClicks(filter, QStringLiteral("state:waiting"));
    QCOMPARE(sessions().model().shown(), 14);
    QVERIFY(sessions()
                .findChild<QLabel*>(QStringLiteral("shownWords"))
                ->text()
                .startsWith(QStringLiteral("14 of 132")));
    QTest::keyClicks(filter, QStringLiteral(" stat:x"));
    auto* const trouble = sessions().findChild<QLabel*>(QStringLiteral("filterTrouble"));
    QVERIFY(trouble->isVisible());
    QVERIFY(trouble->text().contains(QStringLiteral("not a field")));
    QVERIFY(sessions().clearOne());
    QCOMPARE(sessions().model().shown(), 132);
    QVERIFY(!trouble->isVisible());
}

void PagesTest::threeKeysToTheIdleOnes()
{
    SyntheticUpdates updates;
    incident(updates, 50);
    applyAll(updates.take(true));
    const SessionKey root = updates.rows().begin()->first;
    context_->select(root);
    QVERIFY(sessions().table().currentKey() == root);
    QSignalSpy commands(context_.get(), &ViewContext::commandRequested);
    QTest::keyClick(&sessions().table(), Qt::Key_L);
    QCOMPARE(sessions().model().shown(), 6); // those of shop-api past 5 minutes
    QTest::keyClick(&sessions().table(), Qt::Key_A, Qt::ControlModifier);
    QTest::keyClick(&sessions().table(), Qt::Key_K);
    QCOMPARE(commands.size(), 1);
    QCOMPARE(commands.first().at(1).value<std::vector<SessionRow>>().size(), 6U);
}

void PagesTest::selectionAndScrollSurvive()
{
    SyntheticUpdates updates(11);
    incident(updates, 300);
    applyAll(updates.take(true));
    const SessionKey kept = std::next(updates.rows().begin(), 20)->first;
    context_->select(kept);
    QCoreApplication::processEvents();
    sessions().table().verticalScrollBar()->setValue(300);
    for (int round = 0; round < 100; ++round) {
        updates.shake(15, kept);
        applyAll(updates.take());
        QVERIFY(sessions().table().selectedKeys() == std::vector<SessionKey>{kept});
        QCOMPARE(sessions().table().verticalScrollBar()->value(), 300);
    }
    applyAll(updates.take(true)); // a seek
    QVERIFY(sessions().table().selectedKeys() == std::vector<SessionKey>{kept});
    QCOMPARE(sessions().table().verticalScrollBar()->value(), 300);
}

void PagesTest::whatIsChosenElsewhereIsInSight()
{
    SyntheticUpdates updates(11);
    incident(updates, 300);
    sessions().hide();
    applyAll(updates.take(true));
    const SessionKey last = updates.rows().rbegin()->first;
    context_->select(last);
    QCoreApplication::processEvents();
    sessions().show();
    QCoreApplication::processEvents();
    const DataTable& table = sessions().table();
    QVERIFY(table.currentKey() == last);
    QVERIFY(table.viewport()->rect().contains(table.visualRect(table.currentIndex()).center()));
}

void PagesTest::commandsNameExactlyTheSelected()
{
    SyntheticUpdates updates;
    incident(updates, 10);
    applyAll(updates.take(true));
    const SessionKey root = updates.rows().begin()->first;
    context_->select(root);
    QSignalSpy commands(context_.get(), &ViewContext::commandRequested);
    QTest::mouseClick(sessions().findChild<QPushButton*>(QStringLiteral("terminateSession")),
                      Qt::LeftButton);
    QCOMPARE(commands.size(), 1);
    QCOMPARE(commands.first().at(0).value<ActionVerb>(), ActionVerb::terminate);
    const auto rows = commands.first().at(1).value<std::vector<SessionRow>>();
    QCOMPARE(rows.size(), 1U);
    QVERIFY(rows.front().session.key == root);
    // It runs nothing: there is nothing to cancel.
    auto* const cancel = sessions().findChild<QPushButton*>(QStringLiteral("cancelStatement"));
    QVERIFY(!cancel->isEnabled());
    QTest::keyClick(&sessions().table(), Qt::Key_C);
    QCOMPARE(commands.size(), 1);
}

void PagesTest::ownSessionsStayOutOfBulk()
{
    SyntheticUpdates updates;
    incident(updates, 3);
    updates.put(60000, SessionState::other, "poolscope").session.own = true;
    updates.put(60001, SessionState::active, "walsender").session.backend_type = Text("walsender");
    applyAll(updates.take(true));
    sessions().table().selectAll();
    QSignalSpy commands(context_.get(), &ViewContext::commandRequested);
    QTest::keyClick(&sessions().table(), Qt::Key_K);
    QCOMPARE(commands.size(), 1);
    const auto rows = commands.first().at(1).value<std::vector<SessionRow>>();
    QCOMPARE(rows.size(), updates.rows().size() - 2);
    for (const SessionRow& row : rows)
        QVERIFY(!row.session.own && row.session.is_client());
}

void PagesTest::replayDisablesWithAReason()
{
    SyntheticUpdates updates;
    incident(updates, 3);
    applyAll(updates.take(true));
    Transport replay;
    replay.mode = Mode::replay;
    replay.cursor = replay.end = updates.now();
    replay.file = QStringLiteral("incident.poolrec");
    for (Page* page : pages_)
        page->setTransport(replay);
    context_->select(updates.rows().begin()->first);
    QSignalSpy commands(context_.get(), &ViewContext::commandRequested);
    QVERIFY(!sessions().findChild<QPushButton*>(QStringLiteral("terminateSession"))->isEnabled());
    auto* const reason = sessions().findChild<QLabel*>(QStringLiteral("commandReason"));
    QVERIFY(reason->isVisible());
    QVERIFY(reason->text().startsWith(QStringLiteral("Off in replay")));
    QTest::keyClick(&sessions().table(), Qt::Key_K);
    QCOMPARE(commands.size(), 0);
}

void PagesTest::hostileNamesAreLiteral()
{
    SyntheticUpdates updates;
    const SessionKey key =
        updates
            .put(1, SessionState::idle_in_transaction,
                 "<h1>big</h1>\u202e\x07" + std::string(10000, 'x'), std::chrono::seconds{900})
            .session.key;
    applyAll(updates.take(true));
    context_->select(key);
    for (Page* page : pages_) {
        for (const QLabel* label : page->findChildren<QLabel*>()) {
            QVERIFY2(label->textFormat() == Qt::PlainText || !label->text().contains(u'<'),
                     qPrintable(label->text().left(80)));
            QVERIFY(!label->text().contains(QChar(0x202e)));
            QVERIFY(label->text().size() < 2000);
        }
    }
}

void PagesTest::theStatementHasRoomBesideSeveralServers()
{
    SyntheticUpdates updates;
    incident(updates, 20);
    Update update = updates.take(true);
    TargetSummary other = update.targets.front();
    other.info.id = TargetId{2};
    other.info.name = "127.0.0.1/postgres";
    update.targets.push_back(other);
    sessions().setGeometry(0, 0, 1240, 720); // of a window of 1440
    applyAll(update);
    const DataTable& table = sessions().table();
    QVERIFY(!table.isColumnHidden(int(SessionColumn::target)));
    QVERIFY(!table.isColumnHidden(int(SessionColumn::statement)));
    QVERIFY2(table.columnWidth(int(SessionColumn::statement)) >= Theme::current().scaled(150),
             qPrintable(QString::number(table.columnWidth(int(SessionColumn::statement)))));
    QCOMPARE(table.horizontalScrollBar()->maximum(), 0);
    auto& control = *sessions().findChild<SegmentedControl*>();
    for (int by = 0; by < 6; ++by) {
        emit control.chosen(by);
        QVERIFY2(table.columnWidth(int(SessionColumn::statement)) >= Theme::current().scaled(110),
                 qPrintable(QStringLiteral("%1: %2").arg(by).arg(
                     table.columnWidth(int(SessionColumn::statement)))));
        QCOMPARE(table.horizontalScrollBar()->maximum(), 0);
    }
    emit control.chosen(0);
    // Alone it needs no column.
    update.targets.pop_back();
    applyAll(update);
    QVERIFY(table.isColumnHidden(int(SessionColumn::target)));
    QVERIFY(!table.isColumnHidden(int(SessionColumn::wait)));
}

void PagesTest::theKeysOfTheFilterStandInTheMenu()
{
    SyntheticUpdates updates;
    const SessionKey key = updates.put(7, SessionState::active, "shop-api").session.key;
    applyAll(updates.take(true));
    context_->select(key);
    QStringList offered;
    QTimer::singleShot(0, this, [&] {
        auto* const menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
        QVERIFY(menu);
        for (QAction* const action : menu->actions()) {
            offered += action->shortcut().toString();
            if (action->shortcut() == QKeySequence(Qt::Key_A))
                action->trigger();
        }
        menu->close();
    });
    emit sessions().table().customContextMenuRequested(QPoint(5, 5));
    for (const char* const letter : {"C", "K", "I", "A", "L"})
        QVERIFY2(offered.contains(QLatin1String(letter)), letter);
    QCOMPARE(sessions().findChild<QLineEdit*>()->text(),
             SessionFilter::ofApplication(QStringLiteral("shop-api")));
}

void PagesTest::emptyPagesSayWhat()
{
    SyntheticUpdates updates;
    applyAll(updates.take(true));
    QCOMPARE(sessions().findChild<QLabel*>(QStringLiteral("emptyWords"))->text(),
             QStringLiteral("No session is connected."));
    QCOMPARE(pages_.at(0)->findChild<QLabel*>(QStringLiteral("answer"))->text(),
             QStringLiteral("No server is near its limit"));
}

void PagesTest::pictures()
{
    const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
    if (out.isEmpty())
        QSKIP("POOLSCOPE_PICTURES names no folder");
    SyntheticUpdates updates;
    incident(updates, 110);
    updates.actions = {{ActionId{1}, ActionVerb::terminate, updates.rows().begin()->first,
                        ActionPhase::accepted, updates.now(), updates.now(),
                        "shop-api, idle in transaction for 6 min 12 s",
                        "the server took the signal"}};
    Update update = updates.take(true);
    TargetSeries series{TargetId{1}, {}};
    for (int i = 900; i >= 0; --i)
        series.points.push_back({updates.now() - std::chrono::seconds{i},
                                 {{i < 400 ? (400 - i) / 24 : 1, 1, i < 230 ? (230 - i) / 16 : 0,
                                   15 + (i * 7) % 11, 83, 3, 0}},
                                 200,
                                 3,
                                 false});
    update.live_points = {series};
    const SessionKey root = updates.rows().begin()->first;
    const QList<QSize> sizes{{1064, 630}, {1240, 730}, {2320, 1270}};
    for (const auto mode : {Theme::Mode::light, Theme::Mode::dark}) {
        Theme::current().setMode(mode);
        for (const QSize size : sizes) {
            window_->resize(size);
            for (Page* page : pages_) {
                for (Page* other : pages_)
                    other->setVisible(other == page);
                page->setGeometry(window_->rect());
                context_->setRange(updates.now() - std::chrono::minutes{15}, updates.now());
                store_->apply(update);
                page->apply(update);
                context_->select(root);
                QTest::qWait(60);
                page->apply(update);
                QTest::qWait(60);
                QVERIFY(window_->grab().save(QStringLiteral("%1/%2-%3-%4.png")
                                                 .arg(out, page->name(),
                                                      mode == Theme::Mode::light
                                                          ? QStringLiteral("light")
                                                          : QStringLiteral("dark"))
                                                 .arg(size.width())));
            }
        }
    }
}

QTEST_MAIN(PagesTest)
#include "tst_pages.moc"
