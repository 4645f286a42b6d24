// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/workspace.h"
#include "ui/views/viewcontext.h"

#include <QTimer>
#include <QWidget>

class QKeyEvent;

namespace poolscope {

class TimelineStrip;
class TransportPanel;

/// Below every page: clock and transport, then the strip; joined to the workspace and the views.
class TimelineRow : public QWidget
{
    Q_OBJECT
public:
    TimelineRow(Workspace& workspace, ViewContext& context, QWidget* parent = nullptr);

    void setTransport(const Transport& transport);
    void apply(const Update& update);
    void playPause();
    void changeSpeed(int direction);
    /// What the strip does with that key, wherever it was pressed; false where it is none of its.
    bool serve(const QKeyEvent& event);
    TimelineStrip* strip() const { return strip_; }
    /// What was asked of the recording has been answered.
    bool complete() const { return answered_; }

signals:
    void noteRequested();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void wireStrip();
    void askSeries();
    void zoom(int direction);

    Workspace& workspace_;
    ViewContext& context_;
    TransportPanel* panel_;
    TimelineStrip* strip_;
    Transport transport_;
    QTimer ask_;
    bool answered_ = true;
    std::uint64_t question_ = 0;
};

} // namespace poolscope
