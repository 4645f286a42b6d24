// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/session.h"

#include <QString>
#include <QWidget>

#include <map>
#include <optional>
#include <vector>

namespace poolscope {

/// The states of a session, or of a checkout, over time as one bar, with three times beneath: the
/// start, the beginning of the present state, the end.
class PastLane : public QWidget
{
    Q_OBJECT
public:
    struct Span
    {
        Timestamp from;
        std::optional<SessionState> state; ///< null: it was not there
    };

    /// Something that happened: a line through the bar, told of where one points at it.
    struct Moment
    {
        Timestamp at;
        QString words;
    };

    explicit PastLane(QWidget* parent = nullptr);

    /// Ascending; each lasts until the next, the last until `to`.
    void setSpans(std::vector<Span> spans, Timestamp from, Timestamp to);
    void setMoments(std::vector<Moment> moments);
    /// What states are called here; the others by their own names.
    void setNames(std::map<SessionState, QString> names);
    void setUtc(bool utc);

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    double x(Timestamp t) const;
    const Span* spanAt(double px) const;
    QString nameOf(SessionState state) const;
    void describe();
    void paintMoments(QPainter& painter) const;
    void paintTimes(QPainter& painter) const;

    std::vector<Span> spans_;
    std::vector<Moment> moments_;
    std::map<SessionState, QString> names_;
    Timestamp from_, to_;
    bool utc_ = false;
};

} // namespace poolscope
