// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/windowactions.h"

#include "ui/theme/icons.h"
#include "ui/theme/theme.h"

#include <QAction>
#include <QActionGroup>
#include <QLayout>
#include <QMainWindow>
#include <QMenu>
#include <QMenuBar>
#include <QToolBar>
#include <QToolButton>

namespace poolscope {

WindowActions::WindowActions(QMainWindow* window)
    : QObject(window)
{
    const auto key = [](QKeyCombination k) {
        return QKeySequence(k);
    };
    attach = make(tr("&Attach…"), QStringLiteral("attach"), key(Qt::CTRL | Qt::Key_T));
    instrument = make(tr("&Instrument a pool…"), QString(), key(Qt::CTRL | Qt::SHIFT | Qt::Key_T));
    open = make(tr("&Open recording…"), QStringLiteral("open"), QKeySequence::Open);
    save = make(tr("&Save recording…"), QStringLiteral("save"), QKeySequence::Save);
    report = make(tr("Incident r&eport…"), QString(), key(Qt::CTRL | Qt::SHIFT | Qt::Key_E));
    compare = make(tr("Co&mpare…"), QString(), key(Qt::CTRL | Qt::Key_D));
    newWindow = make(tr("New &window"), QString(), key(Qt::CTRL | Qt::SHIFT | Qt::Key_N));
    closeWindow = make(tr("&Close window"), QString(), QKeySequence(Qt::CTRL | Qt::Key_W));
    settings = make(tr("Se&ttings…"), QString(), key(Qt::CTRL | Qt::Key_Comma));
    quit = make(tr("&Quit"), QString(), QKeySequence::Quit);
    live = make(tr("Live"), QStringLiteral("live"));
    live->setCheckable(true);
    readOnly = make(tr("&Read-only"), QStringLiteral("lock-open"), key(Qt::CTRL | Qt::Key_L));
    readOnly->setCheckable(true);
    find = make(tr("&Find…"), QStringLiteral("search"), key(Qt::CTRL | Qt::Key_K));
    filter = make(tr("F&ilter this page"), QStringLiteral("filter"));
    filter->setShortcuts({QKeySequence::Find, QKeySequence(Qt::Key_Slash)});
    sampleNow = make(tr("&Sample now"), QString(), QKeySequence(Qt::Key_F5));
    note = make(tr("Add &note…"), QStringLiteral("note"), key(Qt::CTRL | Qt::Key_N));
    playPause = make(tr("&Pause or play"), QStringLiteral("pause"), QKeySequence(Qt::Key_Space));
    stepBack = make(tr("One observation &back"), QStringLiteral("step-back"));
    stepOn = make(tr("One observation &on"), QStringLiteral("step-forward"));
    markBefore =
        make(tr("Mark be&fore"), QStringLiteral("previous-mark"), key(Qt::CTRL | Qt::Key_Left));
    markAfter = make(tr("Mark &after"), QStringLiteral("next-mark"), key(Qt::CTRL | Qt::Key_Right));
    goLive = make(tr("To the &live edge"), QStringLiteral("live"));
    faster = make(tr("Fas&ter"), QString());
    slower = make(tr("S&lower"), QString());
    cancelStatement = make(tr("&Cancel statement…\tC"), QStringLiteral("cancel-statement"));
    terminate = make(tr("&Terminate session…\tK"), QStringLiteral("terminate"));
    keys = make(tr("&Keys"), QStringLiteral("help"), QKeySequence(Qt::Key_F1));
    about = make(tr("&About Poolscope"), QString());
    utc = make(tr("Times in &UTC"), QString());
    utc->setCheckable(true);
    notify = make(tr("Desktop &notifications"), QString());
    notify->setCheckable(true);
    for (QAction* action : {attach, instrument, open, save, report, compare, live, readOnly, find,
                            filter, sampleNow, note, playPause, markBefore, markAfter})
        window->addAction(action);
    fillMenus(window);
    fillToolbar(window);
    setTransport({});
    connect(&Theme::current(), &Theme::changed, this,
            [this] { setTransport(Transport(transport_)); });
    setCommands(tr("Select a session first."), tr("Select a session first."));
}

QAction* WindowActions::make(const QString& text, const QString& icon, const QKeySequence& key)
{
    auto* action = new QAction(text, this);
    if (!icon.isEmpty())
        action->setIcon(themedIcon(icon));
    action->setShortcut(key);
    action->setIconVisibleInMenu(false);
    return action;
}

QActionGroup* WindowActions::choices(QMenu* menu,
                                     const QList<std::pair<QString, QVariant>>& entries)
{
    auto* group = new QActionGroup(this);
    for (const auto& [text, data] : entries) {
        QAction* action = menu->addAction(text);
        action->setCheckable(true);
        action->setData(data);
        group->addAction(action);
    }
    return group;
}

void WindowActions::fillMenus(QMainWindow* window)
{
    QMenuBar* bar = window->menuBar();
    QMenu* file = bar->addMenu(tr("&File"));
    file->addAction(attach);
    file->addAction(instrument);
    file->addAction(open);
    recentMenu = file->addMenu(tr("Attach &recent"));
    targetsMenu = file->addMenu(tr("&Detach"));
    forgetMenu = file->addMenu(tr("&Forget kept password"));
    file->addSeparator();
    file->addAction(save);
    file->addAction(report);
    file->addAction(compare);
    file->addSeparator();
    file->addAction(settings);
    file->addSeparator();
    file->addAction(newWindow);
    file->addAction(closeWindow);
    file->addAction(quit);

    QMenu* view = bar->addMenu(tr("&View"));
    pagesMenu = view->addMenu(tr("&Page"));
    view->addSeparator();
    view->addAction(find);
    view->addAction(filter);
    view->addSeparator();
    themes = choices(view->addMenu(tr("&Theme")), {{tr("As the &desktop"), QStringLiteral("auto")},
                                                   {tr("&Light"), QStringLiteral("light")},
                                                   {tr("Dar&k"), QStringLiteral("dark")}});
    densities = choices(view->addMenu(tr("&Rows")),
                        {{tr("&Compact"), 0}, {tr("&Normal"), 1}, {tr("C&omfortable"), 2}});
    view->addAction(utc);
    view->addAction(notify);

    fillSessionMenu(bar);

    QMenu* playback = bar->addMenu(tr("&Playback"));
    playback->addAction(playPause);
    playback->addAction(goLive);
    playback->addSeparator();
    playback->addAction(stepBack);
    playback->addAction(stepOn);
    playback->addAction(markBefore);
    playback->addAction(markAfter);
    playback->addSeparator();
    playback->addAction(faster);
    playback->addAction(slower);
    playback->addSeparator();
    playback->addAction(note);
    playback->addAction(sampleNow);

    QMenu* help = bar->addMenu(tr("&Help"));
    help->addAction(keys);
    help->addAction(about);
}

/// The letters have no shortcut here: they count in tables alone, which serve them.
void WindowActions::fillSessionMenu(QMenuBar* bar)
{
    sessionMenu = bar->addMenu(tr("&Session"));
    sessionMenu->addAction(cancelStatement);
    sessionMenu->addAction(terminate);
    sessionMenu->addSeparator();
    const auto add = [this](char16_t letter, const QString& words) {
        QAction* const action = sessionMenu->addAction(words + QLatin1Char('\t') + QChar(letter));
        letters_[letter] = action;
        connect(action, &QAction::triggered, this, [this, letter] { emit letterChosen(letter); });
    };
    add(u'I', tr("&Idle in transaction for over 5 min alone"));
    add(u'A', tr("This &application alone"));
    add(u'L', tr("Sessions &like this one"));
    add(u'G', tr("Next &grouping"));
    sessionMenu->addSeparator();
    add(u'B', tr("To its &blocker"));
    add(u'J', tr("To its checkout or session, or the &root"));
    sessionMenu->addSeparator();
    sessionMenu->addAction(readOnly);
}

void WindowActions::setLetters(const QString& letters)
{
    for (const auto& [letter, action] : letters_)
        action->setEnabled(letters.contains(letter));
}

void WindowActions::fillToolbar(QMainWindow* window)
{
    const Theme& theme = Theme::current();
    toolbar = new QToolBar(tr("Commands"), window);
    toolbar->setObjectName(QStringLiteral("toolbar"));
    toolbar->setMovable(false);
    toolbar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    toolbar->setIconSize(QSize(theme.scaled(metrics::icon), theme.scaled(metrics::icon)));
    toolbar->setContextMenuPolicy(Qt::PreventContextMenu);
    // The row is 38 px and its controls 26: the theme's padding would cut them.
    toolbar->setStyleSheet(QStringLiteral("QToolBar { padding: 0 %1px; }").arg(theme.scaled(12)));
    if (QLayout* row = toolbar->layout())
        row->setContentsMargins(0, 0, 0, 0);
    attach->setIconText(tr("Attach"));
    open->setIconText(tr("Open"));
    save->setIconText(tr("Save"));
    readOnly->setIconText(tr("Read-only"));
    for (QAction* action : {attach, open, save})
        toolbar->addAction(action);
    toolbar->addSeparator();
    toolbar->addAction(live);
    toolbar->addAction(readOnly);
    for (QAction* action : toolbar->actions())
        if (QWidget* button = toolbar->widgetForAction(action); button && !action->isSeparator())
            button->setFocusPolicy(Qt::TabFocus);
    window->addToolBar(toolbar);
}

void WindowActions::addPage(const QString& name, const QString& title, const QString& icon)
{
    QAction* action = make(title, icon);
    if (++pages_ <= 9)
        action->setShortcut(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + pages_)));
    pagesMenu->addAction(action);
    connect(action, &QAction::triggered, this, [this, name] { emit pageRequested(name); });
}

void WindowActions::setTransport(const Transport& transport)
{
    transport_ = transport;
    const bool any = transport.mode != Mode::empty;
    const bool capturing = transport.mode == Mode::live || transport.mode == Mode::paused;
    const bool replay = transport.mode == Mode::replay;
    save->setEnabled(any);
    report->setEnabled(any && !reading_);
    sampleNow->setEnabled(capturing);
    sampleNow->setStatusTip(capturing ? QString() : tr("Needs a live target."));
    note->setEnabled(capturing);
    for (QAction* action : {playPause, stepBack, stepOn, markBefore, markAfter, faster, slower})
        action->setEnabled(any);
    goLive->setEnabled(transport.mode == Mode::paused || replay);
    goLive->setText(replay ? tr("To the &end") : tr("To the &live edge"));

    live->setEnabled(capturing);
    live->setChecked(transport.mode == Mode::live);
    live->setText(replay                           ? tr("Replay")
                  : transport.mode != Mode::paused ? tr("Live")
                  : transport.playing              ? tr("Playing")
                                                   : tr("Paused"));
    live->setToolTip(transport.mode == Mode::paused ? tr("Back to the live edge")
                     : transport.mode == Mode::live ? tr("Pause; recording goes on (Space)")
                                                    : tr("Nothing is attached"));
    live->setIcon(themedIcon(replay                           ? QStringLiteral("replay")
                             : transport.mode == Mode::paused ? QStringLiteral("pause")
                                                              : QStringLiteral("live")));
    if (QWidget* button = toolbar->widgetForAction(live)) {
        const Tokens& tokens = Theme::current().tokens();
        const QString look =
            replay
                ? QStringLiteral("QToolButton { color: %1; background: %2; border: 1px solid %1; }")
                      .arg(tokens.info.name(), tokens.infoBg.name())
                : QString();
        if (button->styleSheet() != look)
            button->setStyleSheet(look);
    }
    const bool off = transport.readOnly || replay;
    readOnly->setChecked(transport.readOnly);
    readOnly->setEnabled(!replay);
    readOnly->setIconText(replay ? tr("Commands off") : tr("Read-only"));
    readOnly->setIcon(
        themedIcon(off ? QStringLiteral("lock-closed") : QStringLiteral("lock-open")));
    readOnly->setToolTip(replay ? tr("Commands need a live target")
                                : tr("No command leaves Poolscope while it is locked (Ctrl+L)"));
}

void WindowActions::setReading(bool on)
{
    reading_ = on;
    report->setEnabled(transport_.mode != Mode::empty && !on);
    compare->setEnabled(!on);
}

void WindowActions::setCommands(const QString& noCancel, const QString& noEnd)
{
    const auto offer = [](QAction* action, const QString& obstacle) {
        action->setEnabled(obstacle.isEmpty());
        action->setToolTip(obstacle);
        action->setStatusTip(obstacle);
    };
    offer(cancelStatement, noCancel);
    offer(terminate, noEnd);
}

} // namespace poolscope
