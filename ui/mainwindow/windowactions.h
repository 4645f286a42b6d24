// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"

#include <QKeySequence>
#include <QList>
#include <QObject>
#include <QVariant>

#include <map>
#include <utility>

class QAction;
class QActionGroup;
class QMainWindow;
class QMenu;
class QMenuBar;
class QToolBar;

namespace poolscope {

/// Every command of the window, in its menus, on its toolbar and on its keys. What they do is wired
/// elsewhere; here they are named, and switched on and off.
class WindowActions : public QObject
{
    Q_OBJECT
public:
    explicit WindowActions(QMainWindow* window);

    QAction* attach;
    QAction* instrument;
    QAction* open;
    QAction* save;
    QAction* report;
    QAction* compare;
    QAction* newWindow;
    QAction* closeWindow;
    QAction* settings;
    QAction* quit;
    QAction* live; ///< Live, Paused or Replay; press it to pause or to return
    QAction* readOnly;
    QAction* find;
    QAction* filter;
    QAction* sampleNow;
    QAction* note;
    QAction* playPause;
    QAction* stepBack;
    QAction* stepOn;
    QAction* markBefore;
    QAction* markAfter;
    QAction* goLive;
    QAction* faster;
    QAction* slower;
    QAction* cancelStatement;
    QAction* terminate;
    QAction* keys;
    QAction* about;
    QAction* utc;
    QAction* notify;         ///< says on the desktop what alerts begin to fire
    QActionGroup* themes;    ///< data: "auto", "light", "dark"
    QActionGroup* densities; ///< data: 0 compact, 1 normal, 2 comfortable
    QMenu* pagesMenu;
    QMenu* sessionMenu;
    QMenu* recentMenu;
    QMenu* targetsMenu; ///< Detach
    QMenu* forgetMenu;  ///< what the keychain keeps
    QToolBar* toolbar;

    void addPage(const QString& name, const QString& title, const QString& icon);
    void setTransport(const Transport& transport);
    /// One report or comparison at a time.
    void setReading(bool on);
    /// Why each of them is off; empty: it is on.
    void setCommands(const QString& noCancel, const QString& noEnd);
    /// Of the letters that a table serves, those that would do something now; see Page::letters().
    void setLetters(const QString& letters);

signals:
    void pageRequested(const QString& page);
    void letterChosen(int key);

private:
    QAction* make(const QString& text, const QString& icon, const QKeySequence& key = {});
    void fillMenus(QMainWindow* window);
    void fillSessionMenu(QMenuBar* bar);
    void fillToolbar(QMainWindow* window);
    QActionGroup* choices(QMenu* menu, const QList<std::pair<QString, QVariant>>& entries);
    std::map<QChar, QAction*> letters_;
    Transport transport_;
    bool reading_ = false;
    int pages_ = 0;
};

} // namespace poolscope
