// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/reduction.h"

#include <QChartView>

#include <array>

class QAreaSeries;
class QLineSeries;
class QValueAxis;

namespace poolscope {

/// The Qt Charts part of a state chart: one area a state, stacked, filling the whole widget,
/// nothing else. It is fed with reduced series only; Qt Charts slows down steeply above 1,000
/// points.
class StackView : public QChartView
{
    Q_OBJECT
public:
    explicit StackView(QWidget* parent = nullptr);

    /// Counts are stacked from 0 to `top`. At a gap every area ends and begins anew.
    void setPicture(const ReducedSeries& series, Timestamp from, Timestamp to, double top);
    /// Points that Qt Charts holds of one state's upper edge.
    int pointCount() const;

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void recolour();
    void outline();

    QValueAxis* time_;
    QValueAxis* value_;
    std::array<QLineSeries*, session_state_count> edges_{}; ///< upper edges, by state
    std::array<QAreaSeries*, session_state_count> areas_{};
    bool dense_ = false; ///< points stand closer than lines could show
};

} // namespace poolscope
