// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/chartpicture.h"
#include "ui/charts/seriesstore.h"

#include <QTimer>
#include <QWidget>

namespace poolscope {

class StackView;

/// Sessions of one target by state over time, stacked, against its limits: a panel with a head, the
/// plot, and direct labels at its right. It changes nothing itself: what the user does becomes a
/// signal, and the setters say what to show.
class StateChart : public QWidget
{
    Q_OBJECT
public:
    explicit StateChart(QWidget* parent = nullptr);
    ~StateChart() override;

    void setTitle(const QString& target);
    void setUtc(bool utc);
    /// Puts an answer of the recording into the store; what came live outside of it stays.
    void mergePoints(const std::vector<SeriesPoint>& points);
    void appendPoints(const std::vector<SeriesPoint>& points);
    void clearPoints();
    void setRange(Timestamp from, Timestamp to);
    /// Shown where it lies before the range's end; nullopt hides it.
    void setCursor(const std::optional<Timestamp>& cursor);
    /// Of this target; those of none are for all. Any order.
    void setMarks(std::vector<Mark> marks);
    /// When it last answered, while it does not: from there on it is hatched, and the values are
    /// written as old. nullopt: it answers.
    void setStale(const std::optional<Timestamp>& lastSample);
    /// What stands there while there are no points; a plain sentence.
    void setEmptyWords(const QString& words);
    /// Shared with the other charts; does not emit.
    void setHover(const std::optional<Timestamp>& hover);

    /// How many points a question for this chart should ask for.
    std::size_t wantedPoints() const;
    const SeriesStore& store() const { return store_; }
    const ChartPicture& picture() const { return picture_; }
    /// Brings the picture up to date now instead of with the next turn of the event loop.
    void flush();

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void rangeRequested(poolscope::Timestamp from, poolscope::Timestamp to);
    void rangeReset();
    void hoverChanged(const std::optional<poolscope::Timestamp>& instant);
    void seekRequested(poolscope::Timestamp instant);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void schedule();
    void rebuild();
    void layOut();
    void chooseShown();
    void describe();
    void chooseEvents();
    void paintOverlay();
    bool overPlot(const QPointF& at) const;
    void press(const QPointF& at);
    void move(const QPointF& at);
    void release(const QPointF& at);
    void zoom(const QPointF& at, double steps);
    void hoverAt(const std::optional<Timestamp>& instant);

    SeriesStore store_;
    std::vector<Mark> marks_; ///< ascending
    ChartPicture picture_;
    StackView* view_;
    QWidget* overlay_;
    QTimer build_;
    QTimer click_; ///< a click seeks unless a second one follows
    Timestamp clicked_;
    std::optional<double> pressed_;
    std::optional<double> dragged_;
};

} // namespace poolscope
