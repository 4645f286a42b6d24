// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget> // first: moc 6.4 cannot read <chrono> before it

#include "core/base/time.h"

class QLabel;
class QToolButton;

namespace poolscope {

/// Left of the timeline: the clock, what it is the clock of, and the buttons that move it.
class TransportPanel : public QWidget
{
    Q_OBJECT
public:
    enum class Shows { nothing, live, paused, replay };

    explicit TransportPanel(QWidget* parent = nullptr);

    void setClock(Timestamp cursor, bool utc);
    void setShows(Shows shows);
    void setPlaying(bool playing);
    /// 1, 2, 4 … 64
    void setSpeed(int speed);

    QSize sizeHint() const override;

signals:
    void markRequested(bool forward);
    /// Play or pause, whichever is next.
    void playRequested();
    void speedChosen(int speed);
    void noteRequested();
    void liveRequested();

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QToolButton* button(const QString& icon, const QString& name);
    void restyle();

    Shows shows_ = Shows::nothing;
    bool playing_ = false;
    QLabel* clock_;
    QLabel* word_;
    QToolButton* previous_;
    QToolButton* play_;
    QToolButton* next_;
    QToolButton* speed_;
    QToolButton* note_;
    QToolButton* live_;
};

} // namespace poolscope
