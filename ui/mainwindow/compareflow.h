// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/dialogs/comparedialog.h"
#include "ui/dialogs/comparisondialog.h"

#include <QObject>
#include <QPointer>

#include <atomic>
#include <memory>

class QWidget;

namespace poolscope {

namespace compare {
struct Comparison;
}

/// From the wish for a comparison, by way of its dialog, to the one that shows it. Recordings are
/// read on another thread; a capture goes on meanwhile.
class CompareFlow : public QObject
{
    Q_OBJECT
public:
    CompareFlow(Workspace& workspace, QWidget* window);
    ~CompareFlow() override;

    /// Asks what is wanted; start() follows where it is accepted. `folder` is where files are
    /// looked for, and where the comparison is proposed to go.
    CompareDialog* ask(const CompareScope& scope, const QString& folder);
    /// Ends with compared() or failed(). Not while one is under way.
    void start(const CompareWish& wish);
    void stop();
    bool running() const { return running_; }
    /// The one shown last; null where it was closed.
    ComparisonDialog* shown() const { return shown_; }

signals:
    /// 0 to 1; negative where none is under way any more.
    void progressed(double fraction);
    void compared(poolscope::ComparisonDialog* dialog);
    void failed(const poolscope::Error& error, bool stopped);

private:
    struct Outcome;
    void ended(const CompareWish& wish, const Outcome& outcome);
    void show(const CompareWish& wish, const Outcome& outcome);

    Workspace& workspace_;
    QWidget* window_;
    QString folder_;
    QPointer<ComparisonDialog> shown_;
    std::shared_ptr<std::atomic<bool>> stop_; ///< of the one under way
    bool running_ = false;
};

} // namespace poolscope
