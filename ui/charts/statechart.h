// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/chartpicture.h"
#include "ui/charts/seriesstore.h"
#include "ui/charts/timechart.h"

namespace poolscope {

class StackView;

/// Sessions of one target by state over time, stacked, against its limits.
class StateChart : public TimeChart
{
    Q_OBJECT
public:
    explicit StateChart(QWidget* parent = nullptr);
    ~StateChart() override;

    /// Puts an answer of the recording into the store; what came live outside of it stays.
    void mergePoints(const std::vector<SeriesPoint>& points);
    void appendPoints(const std::vector<SeriesPoint>& points);
    void clearPoints();

    const SeriesStore& store() const { return store_; }
    const ChartPicture& picture() const { return picture_; }

protected:
    TimePicture& frame() override { return picture_; }
    void rebuild() override;
    void chooseShown() override;
    QString nameFor(const QString& title) const override;
    QString description() const override;
    void paintBelow(QPainter& painter) override;
    void paintOver(QPainter& painter) override;
    QString widestValue() const override;
    void placed(const QRect& plot) override;

private:
    SeriesStore store_;
    ChartPicture picture_;
    StackView* view_;
};

} // namespace poolscope
