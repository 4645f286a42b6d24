// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/dialogs/reportdialog.h"

#include <QObject>
#include <QPointer>

class QWidget;

namespace poolscope {

/// From the wish for an incident report, by way of its dialog, to the file. The recording is read
/// and the report written on another thread; a capture goes on meanwhile.
class ReportFlow : public QObject
{
    Q_OBJECT
public:
    ReportFlow(Workspace& workspace, QWidget* window);

    /// Asks what is wanted; start() follows where it is accepted. `folder` is where the file goes
    /// unless another one is chosen.
    ReportDialog* ask(const ReportScope& scope, const QString& folder);
    /// Ends with written() or failed(). Not while one is under way.
    void start(const ReportWish& wish, const ReportScope& scope);
    /// Nothing is left behind then.
    void stop();
    bool running() const { return running_; }

signals:
    /// 0 to 1; negative where none is under way any more.
    void progressed(double fraction);
    /// `damage` says what of the recording could not be read; else it is empty.
    void written(const QString& file, const QString& damage);
    void failed(const poolscope::Error& error, bool stopped);

private:
    struct Outcome;
    void ended(const ReportWish& wish, const Outcome& outcome);

    Workspace& workspace_;
    QWidget* window_;
    bool running_ = false;
};

} // namespace poolscope
