// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/capture/workspace.h"
#include "ui/models/ringlimits.h"

#include <QStatusBar>

class QLabel;
class QToolButton;

namespace poolscope {

/// The last line of the window: what Poolscope costs and missed, what is recorded, and whose time
/// it is.
class StatusStrip : public QStatusBar
{
    Q_OBJECT
public:
    explicit StatusStrip(QWidget* parent = nullptr);

    void setUpdate(const Update& update);
    void setTransport(const Transport& transport);
    void setUtc(bool utc);
    /// How much of a temporary recording is kept.
    void setKept(const RingLimits& kept);
    /// 0 to 1 while saving; negative: not saving.
    void setSaving(double fraction);
    /// 0 to 1 while a report is made; negative: none is.
    void setReporting(double fraction);
    /// The same of a comparison.
    void setComparing(double fraction);

signals:
    void timeZoneToggled();
    void stopSavingRequested();
    void stopReportRequested();
    void stopComparingRequested();

private:
    QLabel* addLeft();
    void showRecording();
    QString savedWords() const;

    QLabel* poll_;
    QLabel* gaps_;
    QLabel* clock_;
    QLabel* recording_;
    QToolButton* stopSaving_;
    QToolButton* stopReport_;
    QToolButton* stopComparing_;
    QToolButton* zone_;
    Transport transport_;
    QString kept_; ///< how much of it
    bool utc_ = false;
    double saving_ = -1;
    double reporting_ = -1;
    double comparing_ = -1;
};

} // namespace poolscope
