// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/dialogs/attachdialog.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/glyphs.h"

#include <QMainWindow>
#include <QPointer>
#include <QSettings>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

class QFileDialog;
class QStackedWidget;

namespace poolscope {

class AlertCommand;
class AlertHerald;
class Banner;
class CommandFlow;
class CompareFlow;
class Finder;
class Keychain;
class Notices;
class Page;
class PasswordFlow;
class ReportFlow;
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
    /// The first in this window, unless it captures; each other one wherever openElsewhere() leads.
    void open(const QStringList& files);
    /// Where the next recording opened here begins to be shown, found once its start and end are
    /// known; else at its end. An error is said above the page.
    using Instant = std::function<Result<Timestamp>(Timestamp start, Timestamp end)>;
    void beginAt(Instant instant) { beginAt_ = std::move(instant); }
    void saveTo(const QString& file);
    /// Null: passwords are not kept.
    void setKeychain(std::shared_ptr<Keychain> keychain);
    /// False where there is no such page.
    bool showPage(const QString& name);
    /// The same, and its keys work at once, wherever the focus was.
    bool goTo(const QString& name);
    QStringList pageNames() const;
    Page* currentPage() const;
    /// Alert rules that were saved: for what is captured here now, or once a replay ends, which
    /// stays as it is.
    void adoptAlertRules(const std::string& rules);
    /// Offers the newest of the recordings that a crash left behind, if there is any.
    void offerLeftBehind();
    /// One line above the page.
    void notice(Severity severity, const QString& lead, const QString& text);
    /// The recording that this window shows; empty in a capture.
    QString shownFile() const;
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
    PasswordFlow& passwords() const { return *passwords_; }
    ReportFlow& reports() const { return *reports_; }
    CompareFlow& comparisons() const { return *compares_; }
    StatusStrip& statusStrip() const { return *status_; }
    Notices& notices() const { return *notices_; }
    /// What was said last.
    Banner& banner() const;
    AlertCommand& alertCommand() const { return *alertCommand_; }
    QDialog* openDialog() const { return dialog_; }

public slots:
    void showAttach();
    /// From an application without an agent to one that can be attached to.
    void showInstrument();
    void showOpen();
    void showSave();
    void showReport();
    void showCompare();
    void addNote();

signals:
    /// Each of them wants a window of its own; none: an empty window.
    void openElsewhere(const QStringList& files);
    void quitRequested();
    void closed();
    /// Into the file that all windows read.
    void alertRulesSaved(const std::string& rules);

protected:
    void closeEvent(QCloseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    /// Tab goes as one reads, whenever a page made its widgets.
    bool focusNextPrevChild(bool next) override;

private:
    // mainwindow.cpp
    void layOut();
    void addPages();
    void wireActions();
    void wireLook();
    void wireWorkspace();
    void wireReports();
    void wireCompares();
    void wireContext();
    void apply(const Update& update);
    void setTransport(const Transport& transport);
    void goToBeginning();
    void updateTitle();
    void updateCommands();
    void setUtc(bool utc);
    void command(ActionVerb verb);
    Formatter format() const;

    // mainwindowactions.cpp
    void wireAlertCommand();
    void readSettings();

    // mainwindowtargets.cpp
    void taken(const AttachChoice& choice);
    void showAttachAt(const QString& target);
    void showAlertRules();
    void editAlertRules(const QString& rules, bool replay);
    Duration intervalFor(const QString& target) const;
    void attachRecorded();
    static QString secretKey(TargetId target);
    void askSecret(TargetId target, const QString& sentence);
    void showSecretDialog(TargetId target, const QString& sentence);
    void fillRecent();
    void fillTargets();
    void fillForget();
    void tellOutcome(const Update& update);
    void describeTargets(const Update& update);

    // mainwindowfiles.cpp
    void openHere(const QString& file);
    void showFileDialog(QFileDialog* dialog);
    void showTrouble(const Error& error);
    void offer(const LeftBehind& recording);
    void askLeftBehind(const QString& file, const QString& of);
    void tellRecording(const Transport& transport);
    void saved(const QString& file);
    void saveFailed();
    void reported(const QString& file, const QString& damage);
    void openReport(const QString& file);
    bool capturing() const;
    bool worthSaving() const;
    void askToSave();
    void closeForGood();
    void leaveOnceDone();
    void leaveAfterReport(bool written);
    void comparisonEnded();
    void saveWindow();

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
    Notices* notices_;
    QStackedWidget* stack_;
    CommandFlow* commands_;
    PasswordFlow* passwords_;
    ReportFlow* reports_;
    CompareFlow* compares_;
    AlertHerald* herald_;
    AlertCommand* alertCommand_;
    QPointer<QDialog> dialog_;
    std::function<void()> afterSave_;
    struct Attached
    {
        QString target; ///< without secrets, as in "recent"
        QString sshHost;
        std::optional<TargetStatus> status; ///< at the live edge; null: nothing was observed yet
    };
    bool makesRoom(const Attached& wanted);
    std::map<TargetId, Attached> targets_; ///< as attached here
    std::set<TargetId> described_;
    ActionId told_{};      ///< the command of which it was said last what became of it
    QString leftBehind_;   ///< what is shown, if a crash left it behind
    QString asked_;        ///< the recording that was to be opened last
    bool opening_ = false; ///< and is not yet
    Instant beginAt_;      ///< in that one
    std::optional<std::string> adopted_; ///< alert rules, for when a replay ends
    /// While nothing is recorded: what had been dropped when that began.
    std::optional<std::uint64_t> unrecorded_;
    bool saving_ = false;
    bool stopped_ = false;  ///< saving, by the user
    bool asWanted_ = false; ///< the next trouble: it says that what the user stopped has stopped
    bool leaving_ = false;
    bool leavesAfterReport_ = false;
};

} // namespace poolscope
