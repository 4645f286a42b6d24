// SPDX-License-Identifier: GPL-3.0-or-later
// The window with an instrumented process alone: pages, sidebar, taking connections back.
#include "tests/capture/fakesource.h"
#include "tests/support/poolscene.h"
#include "ui/dialogs/confirmreclaimdialog.h"
#include "ui/dialogs/instrumentdialog.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/models/formatter.h"
#include "ui/theme/banner.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/page.h"
#include "ui/views/poolspage.h"
#include "ui/views/viewcontext.h"

#include <QAbstractItemModel>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QTimer>
#include <QToolButton>

using namespace poolscope;
using namespace poolscope::support;

namespace {

/// The scene's last moment, as an agent tells it on attach.
class Process : public FakeSource
{
public:
    explicit Process(TargetId id)
        : FakeSource(id)
        , info_{id, "pool", "shop-api", "pool+unix:///run/shop-api.sock"}
    {
        onStart = [](FakeSource& fake) {
            const PoolScene scene;
            fake.report(AgentReported{*scene.summary().agent});
            PoolSample sample;
            sample.full = true;
            sample.pools = scene.summary().pools;
            const Timestamp now =
                std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
            for (const auto& [name, open] : scene.pools().checkouts) {
                Checkout checkout = open;
                checkout.key.target = fake.info().id;
                checkout.acquired = now - (scene.now() + PoolScene::offset - open.acquired);
                sample.changed.push_back(std::move(checkout));
            }
            fake.report(sample);
        };
    }
    const TargetInfo& info() const override { return info_; }

private:
    TargetInfo info_;
};

} // namespace

class TestPoolWindow : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    Process* source_ = nullptr;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;

    std::vector<CheckoutKey> leaked() const
    {
        std::vector<CheckoutKey> keys;
        for (const CheckoutKey& key : PoolScene().leaked())
            keys.push_back({TargetId{1}, key.id});
        return keys;
    }
    QString words(const QString& page) const
    {
        window_->showPage(page);
        QStringList all;
        for (const QWidget* widget : window_->currentPage()->findChildren<QWidget*>()) {
            if (!widget->isVisible())
                continue;
            const auto* label = qobject_cast<const QLabel*>(widget);
            all << (label ? label->text() : widget->accessibleName());
        }
        return all.join(QLatin1Char('\n'));
    }
    /// By the banners of a page.
    QString said(const QString& page) const
    {
        window_->showPage(page);
        QStringList all;
        for (const Banner* banner : window_->currentPage()->findChildren<Banner*>()) {
            if (banner->isVisible())
                all << banner->accessibleName();
        }
        return all.join(QLatin1Char('|'));
    }
    QToolButton* button(const QString& text) const
    {
        for (QToolButton* button : window_->currentPage()->findChildren<QToolButton*>()) {
            if (button->text() == text)
                return button;
        }
        return nullptr;
    }
    bool anyTable() const
    {
        const auto tables = window_->currentPage()->findChildren<DataTable*>();
        return std::any_of(tables.begin(), tables.end(),
                           [](const DataTable* table) { return table->isVisible(); });
    }

private slots:
    void initTestCase()
    {
        QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
        QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                           folder_.filePath(QStringLiteral("settings")));
        Theme::current().install();
    }
    void init()
    {
        Workspace::Options options;
        options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
        options.sourceFactory = [this](TargetId id,
                                       const AttachRequest&) -> Result<std::unique_ptr<Source>> {
            auto source = std::make_unique<Process>(id);
            source_ = source.get();
            return std::unique_ptr<Source>(std::move(source));
        };
        workspace_ = std::make_unique<Workspace>(options);
        window_ = std::make_unique<MainWindow>(*workspace_, AttachChoice{});
        window_->resize(1440, 900);
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
        AttachRequest request;
        request.target = QStringLiteral("pool+unix:///run/shop-api.sock");
        window_->attach(request);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty() &&
                                     workspace_->latest()->targets[0].last_sample,
                                 60000);
    }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
    }

    void findsPoolsAndLines()
    {
        const auto answers = [this](const char* typed) {
            window_->actions().find->trigger();
            window_->finder().clear();
            QTest::keyClicks(&window_->finder(), QLatin1String(typed));
            return window_->finder().list();
        };
        QListWidget* found = answers("report");
        QStringList all;
        for (int i = 0; i < found->count(); ++i)
            all += found->item(i)->text();
        const QString told = all.join(QLatin1Char('|'));
        QVERIFY2(told.contains(QStringLiteral("reports  2/5  ")), qPrintable(told));
        QVERIFY2(told.contains(QStringLiteral("report.cpp:45  ")), qPrintable(told));
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("pools"));
        const auto* const pools = static_cast<const PoolsPage*>(window_->currentPage());
        QVERIFY(pools->shown());
        QCOMPARE(pools->shown()->pool.str(), std::string("reports"));
        // Also where a filter hides it.
        window_->currentPage()->setFilter(QStringLiteral("shop-api"));
        window_->currentPage()->setFilter(QStringLiteral("no such pool"));
        answers("shop");
        while (!window_->finder().list()->currentItem()->text().startsWith(
            QStringLiteral("shop  20/20")))
            QTest::keyClick(&window_->finder(), Qt::Key_Down);
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        QCOMPARE(pools->shown()->pool.str(), std::string("shop"));

        found = answers("checkout.cpp");
        QCOMPARE(found->count(), 1);
        QVERIFY2(found->item(0)->text().startsWith(QStringLiteral("checkout.cpp:88  ")),
                 qPrintable(found->item(0)->text()));
        QVERIFY(found->item(0)->text().endsWith(QStringLiteral("  14 connections")));
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("leaks"));
        const auto* const table = window_->currentPage()->findChild<DataTable*>();
        const QModelIndex chosen = table->currentIndex();
        QVERIFY(chosen.isValid() && chosen.parent().isValid());
        QVERIFY(chosen.parent().siblingAtColumn(0).data().toString().startsWith(
            QStringLiteral("checkout.cpp:88")));
        QCOMPARE(answers("no such thing")->count(), 1);
        QVERIFY(!(answers("no such thing")->item(0)->flags() & Qt::ItemIsEnabled));
    }

    void pagesComeInTheirOrder()
    {
        QCOMPARE(window_->pageNames().join(QLatin1Char(' ')),
                 QStringLiteral(
                     "overview pools leaks sessions blocking stacks alerts configuration actions"));
        QTest::keyClick(window_.get(), Qt::Key_2, Qt::ControlModifier);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("pools"));
        QTest::keyClick(window_.get(), Qt::Key_6, Qt::ControlModifier);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("stacks"));
    }

    void theSidebarTellsOfTheProcess()
    {
        const QString text = window_->sidebar().targetText(TargetId{1});
        QVERIFY2(text.contains(QStringLiteral("shop-api")), qPrintable(text));
        QVERIFY2(text.contains(Formatter::ofLimit(20, 20)), qPrintable(text));
        QVERIFY2(text.contains(QStringLiteral("pid 2231, 2 pools")), qPrintable(text));
    }

    /// What its agent told wrongly or could not tell is counted, and said where it is seen.
    void whatCouldNotBeReadIsSaid()
    {
        const auto strip = [this] {
            QStringList all;
            for (const QLabel* label : window_->statusStrip().findChildren<QLabel*>())
                all << label->text();
            return all.join(QLatin1Char('|'));
        };
        QTRY_VERIFY2(strip().contains(QStringLiteral(": nothing lost")), qPrintable(strip()));
        QMetaObject::invokeMethod(source_, [source = source_] {
            PoolSample sample;
            sample.lost = 4;
            sample.unreadable = 3;
            source->report(sample);
            source->report(StatusChanged{{Reach::up, "3 or more lines cannot be read.", {}, {}}});
        });
        QTRY_VERIFY2(strip().contains(QStringLiteral(": 4 events lost, 3 lines unreadable")),
                     qPrintable(strip()));
        const QString words = QStringLiteral("3 or more lines cannot be read.");
        QTRY_VERIFY2(window_->sidebar().targetText(TargetId{1}).endsWith(words),
                     qPrintable(window_->sidebar().targetText(TargetId{1})));
        for (const char* const page : {"overview", "pools", "leaks", "stacks"})
            QVERIFY2(said(QString::fromLatin1(page)).contains(words), page);
    }

    void whatMakesNoSenseIsSaidInASentence()
    {
        for (const char* const page : {"sessions", "blocking"}) {
            const QString said = words(QString::fromLatin1(page));
            QVERIFY2(said.contains(QStringLiteral("Only processes are attached")),
                     qPrintable(said));
            QVERIFY(!anyTable());
        }
        for (const char* const page : {"overview", "pools", "leaks"}) {
            const QString said = words(QString::fromLatin1(page));
            QVERIFY2(!said.contains(QStringLiteral("Only processes")), qPrintable(said));
            QVERIFY2(anyTable(), page);
        }
    }

    /// With the page's own buttons, as its window has them.
    void stacksAddUpTheVisibleRange()
    {
        window_->showPage(QStringLiteral("stacks"));
        QToolButton* const now = button(QStringLiteral("Now"));
        QToolButton* const range = button(QStringLiteral("Over the visible range"));
        QVERIFY(now && range && now->isChecked());
        const auto says = [this](const QString& what) {
            return words(QStringLiteral("stacks")).contains(what);
        };
        const QString ofRange = QStringLiteral("of them not returned");
        QTRY_VERIFY(says(QStringLiteral("checkout.cpp:88 holds ")) && !says(ofRange));
        QTest::mouseClick(range, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(says(ofRange), 60000);
        QVERIFY(says(QStringLiteral("checkout.cpp:88 holds ")));
        // Another range while it showed the moment: what was told of the first one is void.
        QTest::mouseClick(now, Qt::LeftButton);
        QTRY_VERIFY(!says(ofRange));
        ViewContext& context = window_->context();
        const Timestamp before = context.rangeFrom();
        context.setRange(before - std::chrono::hours{2}, before - std::chrono::hours{1});
        const auto* const asks =
            window_->currentPage()->findChild<QTimer*>(QStringLiteral("askForRange"));
        QTRY_VERIFY(asks && !asks->isActive()); // and what it asks then is of the moment
        QTest::mouseClick(range, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(
            says(QStringLiteral("No connection was held in the visible range.")), 60000);
        context.resetRange();
        QTRY_VERIFY_WITH_TIMEOUT(says(ofRange), 60000);
    }

    void stacksAddUpTheVisibleRangeOfARecording()
    {
        const QString file = folder_.filePath(QStringLiteral("stacks.poolrec"));
        QSignalSpy saved(workspace_.get(), &Workspace::saved);
        workspace_->save(file);
        QTRY_COMPARE_WITH_TIMEOUT(saved.size(), 1, 60000);
        workspace_->open(file);
        QTRY_VERIFY_WITH_TIMEOUT(workspace_->transport().mode == Mode::replay &&
                                     !workspace_->latest()->targets.empty(),
                                 60000);
        window_->showPage(QStringLiteral("stacks"));
        QTest::mouseClick(button(QStringLiteral("Over the visible range")), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(
            words(QStringLiteral("stacks")).contains(QStringLiteral("of them not returned")),
            60000);
        QVERIFY(words(QStringLiteral("stacks")).contains(QStringLiteral("checkout.cpp:88 holds ")));
    }

    void aReclaimIsConfirmedAndSent()
    {
        const CheckoutKey key = leaked().front();
        window_->context().requestReclaim({key});
        ConfirmReclaimDialog* const dialog = window_->commands().reclaimDialog();
        QVERIFY(dialog && dialog->isVisible());
        QCOMPARE(dialog->plan().hits.size(), 1u);
        QVERIFY(source_->commands.empty()); // nothing before the confirmation
        dialog->findChild<QPushButton*>(QStringLiteral("act"))->click();
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->actions->empty() &&
                                     workspace_->latest()->actions->back().phase ==
                                         ActionPhase::accepted,
                                 60000);
        const ActionRecord& action = workspace_->latest()->actions->back();
        QCOMPARE(action.verb, ActionVerb::reclaim);
        QCOMPARE(action.checkout, key);
        window_->showPage(QStringLiteral("actions"));
        const QAbstractItemModel* rows = window_->currentPage()->findChild<DataTable*>()->model();
        QTRY_COMPARE(rows->rowCount(), 1);
        QCOMPARE(rows->index(0, 1).data().toString(), QStringLiteral("Reclaim connection"));
        QCOMPARE(rows->index(0, 2).data().toString().toStdString(), key.id.str());
        QVERIFY(!rows->index(0, 3).data().toString().isEmpty());
    }

    void nothingIsAskedInReadOnlyMode()
    {
        workspace_->setReadOnly(true);
        QTRY_VERIFY(workspace_->transport().readOnly);
        window_->context().requestReclaim(leaked());
        QVERIFY(!window_->commands().reclaimDialog());
    }

    void theOverviewRelieves()
    {
        window_->showPage(QStringLiteral("overview"));
        auto* const relieve =
            window_->currentPage()->findChild<QPushButton*>(QStringLiteral("relieve"));
        QVERIFY(relieve->isVisible());
        QCOMPARE(relieve->text(), QStringLiteral("Reclaim 14 connections…"));
        QVERIFY(relieve->isEnabled());
        workspace_->setReadOnly(true);
        QTRY_VERIFY(!relieve->isEnabled());
        const auto* const why =
            window_->currentPage()->findChild<QLabel*>(QStringLiteral("reliefObstacle"));
        QVERIFY(why->isVisible() && !why->text().isEmpty());
        workspace_->setReadOnly(false);
        QTRY_VERIFY(relieve->isEnabled());
        relieve->click();
        QVERIFY(window_->commands().reclaimDialog());
        QCOMPARE(window_->commands().reclaimDialog()->plan().hits.size(), leaked().size());
    }

    void instrumentingIsReachable()
    {
        const auto opened = [](MainWindow& window) {
            auto* const dialog = qobject_cast<InstrumentDialog*>(window.openDialog());
            const bool visible = dialog && dialog->isVisible();
            if (dialog)
                dialog->reject();
            return visible;
        };
        window_->actions().instrument->trigger();
        QVERIFY(opened(*window_));
        // From the attach dialog, which gives way.
        QTRY_VERIFY(!window_->openDialog());
        window_->showAttach();
        const auto buttons = window_->openDialog()->findChildren<QPushButton*>();
        const auto instrument = std::find_if(buttons.begin(), buttons.end(), [](auto* each) {
            return each->text() == QStringLiteral("&Instrument a pool…");
        });
        QVERIFY(instrument != buttons.end());
        (*instrument)->click();
        QVERIFY(opened(*window_));
        // A page that has pools leads elsewhere; one without them says how there will be some.
        window_->showPage(QStringLiteral("pools"));
        const QString link = QStringLiteral("instrumentLink");
        QVERIFY(!window_->currentPage()->findChild<QPushButton*>(link)->isVisible());
        Workspace::Options options;
        options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
        Workspace empty(options);
        MainWindow window(empty, AttachChoice{});
        window.show();
        for (const QString& page : {QStringLiteral("pools"), QStringLiteral("leaks")}) {
            window.showPage(page);
            auto* const leads = window.currentPage()->findChild<QPushButton*>(link);
            QVERIFY(leads->isVisible());
            leads->click();
            QVERIFY(opened(window));
            QTRY_VERIFY(!window.openDialog());
        }
    }

    void aPauseClosesTheQuestion()
    {
        window_->context().requestReclaim(leaked());
        QVERIFY(window_->commands().reclaimDialog());
        QCOMPARE(window_->commands().reclaimDialog()->plan().hits.size(), leaked().size());
        workspace_->pause();
        QTRY_VERIFY_WITH_TIMEOUT(!window_->commands().reclaimDialog() ||
                                     !window_->commands().reclaimDialog()->isVisible(),
                                 60000);
    }
};

QTEST_MAIN(TestPoolWindow)
#include "tst_poolwindow.moc"
