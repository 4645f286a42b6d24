// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/mainwindow.h"

#include "core/capture/alertcommand.h"
#include "ui/dialogs/commandplan.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/mainwindow/alertherald.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/compareflow.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/passwordflow.h"
#include "ui/mainwindow/readingorder.h"
#include "ui/mainwindow/reportflow.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/views/commandgate.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QAbstractScrollArea>
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QStackedWidget>
#include <QToolBar>
#include <QVBoxLayout>

#include <algorithm>
#include <functional>
#include <utility>

namespace poolscope {

namespace {
constexpr int narrow_below = 1280; ///< at and below: icons alone
constexpr int wide_from = 2200;
} // namespace

MainWindow::MainWindow(Workspace& workspace, const AttachChoice& defaults, QWidget* parent)
    : QMainWindow(parent)
    , workspace_(workspace)
    , defaults_(defaults)
    , store_(std::make_shared<SessionStore>())
    , context_(new ViewContext(workspace, this))
    , actions_(new WindowActions(this))
    , sidebar_(new Sidebar(this))
    , finder_(new Finder(store_, this))
    , timeline_(new TimelineRow(workspace, *context_, this))
    , status_(new StatusStrip(this))
    , notices_(new Notices(this))
    , stack_(new QStackedWidget(this))
    , commands_(new CommandFlow(workspace, store_, this))
    , passwords_(new PasswordFlow(workspace, settings_, this))
    , reports_(new ReportFlow(workspace, this))
    , compares_(new CompareFlow(workspace, this))
    , herald_(new AlertHerald(this))
    , alertCommand_(new AlertCommand(this))
{
    setWindowIcon(applicationIcon());
    setAcceptDrops(true);
    setMinimumSize(Theme::current().sizeFor(*this, {900, 560}));
    layOut();
    addPages();
    wireActions();
    wireLook();
    wireContext();
    wireWorkspace();
    wireReports();
    wireCompares();
    wireAlertCommand();
    setUtc(settings_.value(QStringLiteral("utc"), false).toBool());
    setTransport(workspace_.transport());
    apply(*workspace_.latest());
    // Not the first button: Space is to pause.
    sidebar_->setFocus();
}

/// Children outlive this part of the object by a moment and still speak, of a lost focus for one.
MainWindow::~MainWindow()
{
    qApp->disconnect(this);
    workspace_.disconnect(this);
    for (QObject* child : findChildren<QObject*>())
        child->disconnect(this);
}

void MainWindow::layOut()
{
    auto* spacer = new QWidget(this);
    spacer->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    actions_->toolbar->addWidget(spacer);
    actions_->toolbar->addWidget(finder_);
    auto* edge = new QWidget(this);
    edge->setFixedWidth(Theme::current().scaled(12));
    actions_->toolbar->addWidget(edge);
    actions_->toolbar->setFixedHeight(Theme::current().scaled(38));
    setStatusBar(status_);

    auto* central = new QWidget(this);
    auto* rows = new QVBoxLayout(central);
    rows->setContentsMargins(0, 0, 0, 0);
    rows->setSpacing(0);
    auto* columns = new QHBoxLayout;
    columns->setSpacing(0);
    columns->addWidget(sidebar_);
    auto* page = new QVBoxLayout;
    page->setSpacing(0);
    page->addWidget(notices_);
    page->addWidget(stack_, 1);
    columns->addLayout(page, 1);
    rows->addLayout(columns, 1);
    rows->addWidget(timeline_);
    setCentralWidget(central);
}

void MainWindow::addPages()
{
    for (Page* page : makePages(*context_, store_, stack_)) {
        stack_->addWidget(page);
        page->setAccessibleName(page->title());
        sidebar_->addPage(page->name(), page->title(), page->iconName());
        actions_->addPage(page->name(), page->title(), page->iconName());
        finder_->addPage(page->name(), page->title());
        sidebar_->setCount(page->name(), page->count());
        connect(page, &Page::countChanged, this,
                [this, name = page->name()](int count) { sidebar_->setCount(name, count); });
    }
    if (const Page* first = currentPage())
        sidebar_->setCurrentPage(first->name());
    // What is an icon in a field to the eye is a button to a screen reader.
    for (const QLineEdit* edit : findChildren<QLineEdit*>())
        for (QAction* action : edit->actions())
            if (action->text().isEmpty())
                action->setText(action->objectName().contains(QStringLiteral("clear"))
                                    ? tr("Clear")
                                    : edit->accessibleName());
}

void MainWindow::wireLook()
{
    const auto tick = [this] {
        const Theme& theme = Theme::current();
        for (QAction* action : actions_->themes->actions())
            action->setChecked(action->data().toString() == Theme::nameOf(theme.mode()));
        for (QAction* action : actions_->densities->actions())
            action->setChecked(action->data().toInt() == static_cast<int>(theme.density()));
    };
    tick();
    connect(&Theme::current(), &Theme::changed, this, tick); // by another window, too
    connect(actions_->themes, &QActionGroup::triggered, this, [this](QAction* chosen) {
        const QString name = chosen->data().toString();
        Theme::current().setMode(Theme::modeFromName(name).value_or(Theme::Mode::automatic));
        settings_.setValue(QStringLiteral("theme"), name);
    });
    connect(actions_->densities, &QActionGroup::triggered, this, [this](QAction* chosen) {
        const int density = chosen->data().toInt();
        Theme::current().setDensity(static_cast<Theme::Density>(density));
        settings_.setValue(QStringLiteral("density"), density);
    });
    connect(actions_->utc, &QAction::triggered, this, &MainWindow::setUtc);
    const QString notifying = QStringLiteral("alerts/desktop");
    herald_->setOn(settings_.value(notifying, true).toBool());
    actions_->notify->setChecked(herald_->isOn());
    connect(actions_->notify, &QAction::triggered, this, [this, notifying](bool on) {
        herald_->setOn(on);
        settings_.setValue(notifying, on);
    });
    connect(herald_, &AlertHerald::wanted, this, [this] {
        goTo(QStringLiteral("alerts"));
        if (isMinimized())
            showNormal();
        raise();
        activateWindow();
    });
    connect(status_, &StatusStrip::timeZoneToggled, this, [this] { setUtc(!context_->utc()); });
}

void MainWindow::wireContext()
{
    connect(sidebar_, &Sidebar::pageChosen, this, &MainWindow::showPage);
    connect(sidebar_, &Sidebar::attachRequested, this, &MainWindow::showAttach);
    connect(sidebar_, &Sidebar::detachRequested, &workspace_, &Workspace::detach);
    connect(sidebar_, &Sidebar::sampleRequested, &workspace_, &Workspace::sampleNow);
    connect(sidebar_, &Sidebar::targetChosen, this,
            [this](TargetId) { showPage(QStringLiteral("overview")); });
    connect(finder_, &Finder::pageChosen, this, &MainWindow::goTo);
    connect(finder_, &Finder::targetChosen, this, [this] { goTo(QStringLiteral("overview")); });
    connect(finder_, &Finder::sessionChosen, this, [this](const SessionKey& session) {
        goTo(QStringLiteral("sessions"));
        context_->select(session);
    });
    connect(finder_, &Finder::poolChosen, context_, &ViewContext::showPool);
    connect(finder_, &Finder::checkoutChosen, context_, &ViewContext::showCheckout);
    connect(finder_, &Finder::filterChosen, this, [this](const QString& text) {
        if (goTo(QStringLiteral("sessions")))
            currentPage()->setFilter(text);
    });
    connect(finder_, &Finder::left, this, [this] { currentPage()->focusContent(); });
    connect(context_, &ViewContext::navigationRequested, this, &MainWindow::goTo);
    connect(context_, &ViewContext::seekRequested, &workspace_, &Workspace::seek);
    connect(context_, &ViewContext::liveRequested, &workspace_, &Workspace::goLive);
    connect(context_, &ViewContext::attachRequested, this, &MainWindow::attachRecorded);
    connect(context_, &ViewContext::attachToRequested, this, &MainWindow::showAttachAt);
    connect(context_, &ViewContext::instrumentRequested, this, &MainWindow::showInstrument);
    connect(context_, &ViewContext::alertRulesRequested, this, &MainWindow::showAlertRules);
    connect(context_, &ViewContext::commandRequested, this,
            [this](ActionVerb verb, const std::vector<SessionRow>& sessions) {
                commands_->request(verb, sessions, format());
            });
    connect(context_, &ViewContext::reclaimRequested, commands_, &CommandFlow::requestReclaim);
    connect(context_, &ViewContext::selectionChanged, this, &MainWindow::updateCommands);
    connect(timeline_, &TimelineRow::noteRequested, this, &MainWindow::addNote);
}

void MainWindow::wireWorkspace()
{
    connect(&workspace_, &Workspace::updated, this,
            [this](const UpdatePtr& update) { apply(*update); });
    connect(&workspace_, &Workspace::transportChanged, this, &MainWindow::setTransport);
    connect(&workspace_, &Workspace::observedNow, this, [this](const UpdatePtr& update) {
        herald_->observed(*update);
        describeTargets(*update);
    });
    connect(&workspace_, &Workspace::secretRequired, passwords_, &PasswordFlow::ask);
    connect(passwords_, &PasswordFlow::dialogWanted, this, &MainWindow::askSecret);
    connect(passwords_, &PasswordFlow::notKept, this, [this](const QString& trouble) {
        notice(Severity::warning, tr("The password or token was not kept."), trouble);
    });
    connect(&workspace_, &Workspace::failed, this, &MainWindow::showTrouble);
    connect(&workspace_, &Workspace::saveProgress, status_, &StatusStrip::setSaving);
    connect(&workspace_, &Workspace::saved, this, &MainWindow::saved);
    connect(&workspace_, &Workspace::saveFailed, this, &MainWindow::saveFailed);
    connect(status_, &StatusStrip::stopSavingRequested, this, [this] {
        stopped_ = true;
        workspace_.stopSaving();
    });
}

void MainWindow::wireReports()
{
    connect(reports_, &ReportFlow::progressed, this, [this](double fraction) {
        status_->setReporting(fraction);
        actions_->setReading(fraction >= 0);
    });
    connect(reports_, &ReportFlow::written, this,
            [this](const QString& file, const QString& damage) {
                reported(file, damage);
                leaveAfterReport(true);
            });
    connect(reports_, &ReportFlow::failed, this, [this](const Error& error, bool stopped) {
        leaveAfterReport(false);
        notice(stopped ? Severity::info : Severity::critical, Formatter::line(error.sentence, 400),
               Formatter::line(error.next_step, 400));
    });
    connect(status_, &StatusStrip::stopReportRequested, reports_, &ReportFlow::stop);
}

void MainWindow::wireCompares()
{
    connect(compares_, &CompareFlow::progressed, this, [this](double fraction) {
        status_->setComparing(fraction);
        actions_->setReading(fraction >= 0);
        if (fraction < 0)
            comparisonEnded();
    });
    connect(compares_, &CompareFlow::failed, this, [this](const Error& error, bool stopped) {
        notice(stopped ? Severity::info : Severity::critical, Formatter::line(error.sentence, 400),
               Formatter::line(error.next_step, 400));
    });
    connect(status_, &StatusStrip::stopComparingRequested, compares_, &CompareFlow::stop);
}

Formatter MainWindow::format() const
{
    return Formatter(context_->utc());
}

Page* MainWindow::currentPage() const
{
    return qobject_cast<Page*>(stack_->currentWidget());
}

QStringList MainWindow::pageNames() const
{
    QStringList names;
    for (int i = 0; i < stack_->count(); ++i)
        if (const auto* page = qobject_cast<Page*>(stack_->widget(i)))
            names << page->name();
    return names;
}

bool MainWindow::showPage(const QString& name)
{
    const qsizetype at = pageNames().indexOf(name);
    if (at < 0)
        return false;
    const bool keysWereHere = stack_->isAncestorOf(focusWidget());
    stack_->setCurrentIndex(static_cast<int>(at));
    sidebar_->setCurrentPage(name);
    updateCommands();
    if (keysWereHere) // the stack would give them to whatever comes first, which is a filter
        currentPage()->focusContent();
    return true;
}

bool MainWindow::goTo(const QString& name)
{
    const bool there = showPage(name);
    if (there)
        currentPage()->focusContent();
    return there;
}

bool MainWindow::complete() const
{
    return timeline_->complete();
}

void MainWindow::apply(const Update& update)
{
    store_->apply(update);
    for (int i = 0; i < stack_->count(); ++i)
        if (auto* page = qobject_cast<Page*>(stack_->widget(i)))
            page->apply(update);
    sidebar_->setTargets(update, workspace_.transport(), format());
    status_->setUpdate(update);
    timeline_->apply(update);
    commands_->apply(update);
    passwords_->apply(update);
    tellOutcome(update);
    updateTitle();
    updateCommands();
}

/// Pages with a detail show there what became of a command; Overview has none.
void MainWindow::tellOutcome(const Update& update)
{
    if (update.actions->empty() || workspace_.transport().mode != Mode::live)
        return;
    const ActionRecord& last = update.actions->back();
    const bool over = last.phase == ActionPhase::refused || last.phase == ActionPhase::timed_out ||
                      last.phase == ActionPhase::observed;
    if (!over || std::exchange(told_, last.id) == last.id ||
        currentPage()->name() != QStringLiteral("overview"))
        return;
    const QString whom = last.verb == ActionVerb::reclaim
                             ? Formatter::line(last.checkout.id.str(), 64)
                             : QString::number(last.session.pid.value);
    notice(last.phase == ActionPhase::observed ? Severity::info : Severity::critical, whom,
           resultWords(&last, store_->now(), format()));
}

void MainWindow::setTransport(const Transport& transport)
{
    actions_->setTransport(transport);
    timeline_->setTransport(transport);
    status_->setTransport(transport);
    tellRecording(transport);
    herald_->setTransport(transport);
    commands_->setTransport(transport);
    if (adopted_ && transport.mode != Mode::replay)
        workspace_.setAlertRules(*std::exchange(adopted_, std::nullopt));
    for (int i = 0; i < stack_->count(); ++i)
        if (auto* page = qobject_cast<Page*>(stack_->widget(i)))
            page->setTransport(transport);
    updateTitle();
    updateCommands();
    if (transport.mode == Mode::replay || transport.mode == Mode::empty) {
        for (const auto& [id, as] : targets_)
            notices_->drop(secretKey(id));
        targets_.clear(); // the ids are the recording's now
        told_ = {};       // and those of commands begin anew with the next capture
    }
    const bool opened = transport.mode == Mode::replay && transport.file == asked_;
    if (opened && std::exchange(opening_, false))
        RecentTargets(settings_).add(
            {transport.file, QString(), QString(), QDateTime::currentDateTime()});
    if (opened && beginAt_)
        // After the workspace has gone to the end, as it does with every recording.
        QMetaObject::invokeMethod(this, &MainWindow::goToBeginning, Qt::QueuedConnection);
}

void MainWindow::updateTitle()
{
    const Transport& transport = workspace_.transport();
    QString what;
    if (transport.mode == Mode::replay)
        what = QFileInfo(transport.file).fileName();
    else if (const auto& targets = store_->targets(); targets.size() == 1)
        what = Formatter::line(targets.front().info.name, 80);
    else if (targets.size() > 1)
        what = tr("%1 and %2 more")
                   .arg(Formatter::line(targets.front().info.name, 80),
                        QString::number(targets.size() - 1));
    const QString title =
        what.isEmpty() ? tr("Poolscope") : QStringLiteral("%1 — Poolscope").arg(what);
    if (title != windowTitle())
        setWindowTitle(title);
}

void MainWindow::updateCommands()
{
    const Page* page = currentPage();
    const std::vector<SessionRow> selected =
        commandable(page ? page->selectedSessions() : std::vector<SessionRow>{}, *store_);
    QString obstacle = CommandFlow::obstacle(workspace_.transport());
    if (obstacle.isEmpty() && selected.empty())
        obstacle = tr("Select a session first.");
    const auto against = [&](ActionVerb verb) {
        return obstacle.isEmpty()
                   ? commandObstacle(verb, selected, *store_, workspace_.transport(), format())
                   : obstacle;
    };
    actions_->setCommands(against(ActionVerb::cancel), against(ActionVerb::terminate));
}

void MainWindow::command(ActionVerb verb)
{
    if (const Page* page = currentPage())
        commands_->request(verb, commandable(page->selectedSessions(), *store_), format());
}

void MainWindow::setUtc(bool utc)
{
    settings_.setValue(QStringLiteral("utc"), utc);
    actions_->utc->setChecked(utc);
    status_->setUtc(utc);
    context_->setUtc(utc);
    sidebar_->setTargets(*workspace_.latest(), workspace_.transport(), format());
}

void MainWindow::resizeEvent(QResizeEvent* event)
{
    QMainWindow::resizeEvent(event);
    const Theme& theme = Theme::current();
    const int width = event->size().width();
    const bool narrow = width <= theme.scaled(narrow_below);
    if (narrow != sidebar_->narrow() || sidebar_->minimumWidth() == 0)
        sidebar_->setNarrow(narrow);
    sidebar_->setFixedWidth(theme.scaled(narrow                             ? 56
                                         : width >= theme.scaled(wide_from) ? 240
                                                                            : 200));
}

bool MainWindow::focusNextPrevChild(bool next)
{
    const QList<QWidget*> stops = tabStops(*this);
    if (stops.isEmpty())
        return false;
    Page* const page = currentPage();
    qsizetype at = stops.indexOf(focusWidget());
    const bool onPage = page && focusWidget() == page;
    if (at < 0 && page && !onPage && focusWidget() && page->isAncestorOf(focusWidget())) {
        page->setFocus(); // what had it is hidden: the next key must not press a button elsewhere
        return true;
    }
    const auto inPage = [page](const QWidget* stop) {
        return page->isAncestorOf(stop);
    };
    if (at < 0 && onPage) // as if on the stop before its first
        at = std::distance(stops.begin(), std::find_if(stops.begin(), stops.end(), inPage)) -
             (next ? 1 : 0);
    else if (at < 0)
        at = next ? stops.size() - 1 : 0;
    at = (at + (next ? 1 : stops.size() - 1)) % stops.size();
    stops[at]->setFocus(next ? Qt::TabFocusReason : Qt::BacktabFocusReason);
    return true;
}

void MainWindow::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Escape && currentPage() && currentPage()->clearOne())
        return;
    // Tables and texts have a use of their own for these keys, even where they ignore one.
    const bool taken =
        qobject_cast<QAbstractScrollArea*>(focusWidget()) && !sidebar_->isAncestorOf(focusWidget());
    if (taken || !timeline_->serve(*event))
        QMainWindow::keyPressEvent(event);
}

} // namespace poolscope
