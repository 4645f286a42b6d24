// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/poolpicture.h"
#include "ui/charts/seriesstore.h"
#include "ui/charts/timechart.h"

#include <memory>

namespace poolscope {

/// One pool over time: connections and callers against its limit, or how long they took. Charts of
/// one pool share their points.
class PoolChart : public TimeChart
{
    Q_OBJECT
public:
    PoolChart(PoolPlot plots, std::shared_ptr<const PoolStore> points, QWidget* parent = nullptr);

    /// The points are others now.
    void pointsChanged() { schedule(); }
    /// Until when the last point is known to stand: the end of what was observed.
    void setUntil(Timestamp until);
    const PoolPicture& picture() const { return picture_; }

protected:
    TimePicture& frame() override { return picture_; }
    void rebuild() override;
    void chooseShown() override;
    QString nameFor(const QString& title) const override;
    QString description() const override;
    void paintBelow(QPainter& painter) override;
    void paintOver(QPainter& painter) override;
    QString widestValue() const override;

private:
    std::shared_ptr<const PoolStore> points_;
    Timestamp until_;
    PoolPicture picture_;
};

} // namespace poolscope
