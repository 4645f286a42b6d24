// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/session.h"

#include <QWidget>

#include <optional>
#include <vector>

namespace poolscope {

/// One session's states over time as one bar, with three times beneath: the start, the beginning of
/// the present state, the end.
class PastLane : public QWidget
{
    Q_OBJECT
public:
    struct Span
    {
        Timestamp from;
        std::optional<SessionState> state; ///< null: it was not there
    };

    explicit PastLane(QWidget* parent = nullptr);

    /// Ascending; each lasts until the next, the last until `to`.
    void setSpans(std::vector<Span> spans, Timestamp from, Timestamp to);
    void setUtc(bool utc);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    double x(Timestamp t) const;
    const Span* spanAt(double px) const;
    void paintTimes(QPainter& painter) const;

    std::vector<Span> spans_;
    Timestamp from_, to_;
    bool utc_ = false;
};

} // namespace poolscope
