// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"

#include <QMainWindow>
#include <QPointer>
#include <QSettings>

#include <functional>
#include <map>
#include <memory>
#include <set>

class QStackedWidget;
class QVBoxLayout;

namespace poolscope {

class Banner;
class CommandFlow;
class Finder;
class Page;
class Sidebar;
class StatusStrip;
class TimelineRow;
class ViewContext;
class WindowActions;

/// The window: it joins workspace, pages, sidebar, timeline and dialogs, and holds no data itself.
class MainWindow : public QMainWindow
{
    Q_OBJECT
public:
    /// `defaults` is how to attach where the user says nothing else.
    MainWindow(Workspace& workspace, const AttachChoice& defaults, QWidget* parent = nullptr);
    ~MainWindow() override;

    void attach(const AttachRequest& request);
    void open(const QString& file);
    void saveTo(const QString& file);
    /// False where there is no such page.
    bool showPage(const QString& name);
    QStringList pageNames() const;
    Page* currentPage() const;
    /// A recording that a crash left behind.
    void offerLeftBehind(const QString& file, const QString& of);
    /// Size and page of the last time.
    void restoreWindow();
    /// The timeline shows all that there is.
    bool complete() const;

    ViewContext& context() const { return *context_; }
    WindowActions& actions() const { return *actions_; }
    Sidebar& sidebar() const { return *sidebar_; }
    Finder& finder() const { return *finder_; }
    TimelineRow& timeline() const { return *timeline_; }
    CommandFlow& commands() const { return *commands_; }
    Banner& banner() const { return *banner_; }
    QDialog* openDialog() const { return dialog_; }

public slots:
    void showAttach();
    void showOpen();
    void showSave();
    void addNote();

protected:
    void closeEvent(QCloseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    // mainwindow.cpp
    void layOut();
    void addPages();
    void wireActions();
    void wireLook();
    void wireWorkspace();
    void wireContext();
    void apply(const Update& update);
    void setTransport(const Transport& transport);
    void updateTitle();
    void updateCommands();
    void setUtc(bool utc);
    void command(ActionVerb verb);
    Formatter format() const;

    // mainwindowfiles.cpp
    void taken(const AttachChoice& choice);
    void askSecret(TargetId target, const QString& sentence);
    void showSecretDialog(TargetId target, const QString& sentence);
    void showTrouble(const Error& error);
    void showBanner(int severity, const QString& lead, const QString& text, const QString& link,
                    std::function<void()> does);
    void saved(const QString& file);
    void fillRecent();
    void fillTargets();
    bool worthSaving() const;
    /// Calls `then` once nothing unsaved would be lost, or never.
    void leave(const QString& question, const std::function<void()>& then);
    void saveWindow();
    void describeTargets(const Update& update);

    Workspace& workspace_;
    AttachChoice defaults_;
    QSettings settings_;
    std::shared_ptr<SessionStore> store_; ///< for finding and confirming
    ViewContext* context_;
    WindowActions* actions_;
    Sidebar* sidebar_;
    Finder* finder_;
    TimelineRow* timeline_;
    StatusStrip* status_;
    Banner* banner_;
    QStackedWidget* stack_;
    CommandFlow* commands_;
    QPointer<QDialog> dialog_;
    std::function<void()> bannerDoes_;
    std::function<void()> afterSave_;
    std::map<TargetId, QString> targets_; ///< as attached here, without secrets; for "recent"
    std::set<TargetId> described_;
    bool leaving_ = false;
};

} // namespace poolscope
