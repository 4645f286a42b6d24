// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/mainwindow/mainwindow.h"

#include <QObject>

#include <memory>
#include <vector>

namespace poolscope {

class AlertCommand;
class Keychain;

/// The windows of this process. Each has a workspace of its own and takes it along when it is
/// closed. What an alert command is still to be told outlives its window; when all end it has a
/// few seconds.
class Windows : public QObject
{
    Q_OBJECT
public:
    /// As many are opened at once at most: each has threads of its own.
    static constexpr int most = 20;

    Windows(const Workspace::Options& options, const AttachChoice& defaults,
            std::shared_ptr<Keychain> keychain, QObject* parent = nullptr);
    ~Windows() override;

    /// An empty one, not shown yet.
    MainWindow& add();
    /// Each recording in a window of its own, which is shown; one that is open already is raised.
    void open(const QStringList& files);
    std::vector<MainWindow*> all() const;
    /// Where recordings that are opened from now on begin to be shown.
    void beginAt(const MainWindow::Instant& instant) { at_ = instant; }
    /// The page of windows that are opened from now on.
    void setPage(const QString& page) { page_ = page; }

private:
    struct One;
    void closeWhereNothingOpens(const One& one, MainWindow& asker);
    void place(MainWindow& window) const;
    void drop(const MainWindow* window);
    void takeAlertRules(const std::string& rules);
    void letItTell(AlertCommand& command);

    Workspace::Options options_;
    AttachChoice defaults_;
    std::shared_ptr<Keychain> keychain_;
    MainWindow::Instant at_;
    QString page_;
    std::vector<std::unique_ptr<One>> all_;
};

} // namespace poolscope
