// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/timepicture.h"

#include <QTimer>
#include <QWidget>

namespace poolscope {

/// A chart over time: a panel with a head, a plot, and direct labels at its right; range, cursor
/// and hover are shared with other charts. It changes nothing itself: what the user does becomes a
/// signal, and the setters say what to show. What it plots is its heirs' affair.
class TimeChart : public QWidget
{
    Q_OBJECT
public:
    void setTitle(const QString& title);
    void setUtc(bool utc);
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
    /// Room for so many digits at least beside the axis of values, so that charts below each other
    /// have their instants below each other too. 0: as the chart likes.
    void setAxisDigits(int digits);
    /// Shared with the other charts; does not emit.
    void setHover(const std::optional<Timestamp>& hover);

    /// How many points a question for this chart should ask for.
    std::size_t wantedPoints() const;
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
    explicit TimeChart(QWidget* parent);

    virtual TimePicture& frame() = 0;
    const TimePicture& frame() const { return const_cast<TimeChart*>(this)->frame(); }
    /// Points to picture, with `most`; events too.
    virtual void rebuild() = 0;
    /// The values at frame().shownAt.
    virtual void chooseShown() = 0;
    /// The accessible name, for a new title, and what is shown in words.
    virtual QString nameFor(const QString& title) const = 0;
    virtual QString description() const = 0;
    virtual void paintBelow(QPainter& painter) = 0;
    virtual void paintOver(QPainter& painter) = 0;
    /// The longest text of the value axis.
    virtual QString widestValue() const = 0;
    int axisDigits() const { return axisDigits_; }
    virtual void placed(const QRect& plot) { Q_UNUSED(plot) }

    /// For the heirs' constructors, once frame() is there.
    void begin();
    void schedule();
    /// Of these, those to show at the instants they have.
    const std::vector<Mark>& marks() const { return marks_; }
    /// The events of the frame, in words, after what is shown.
    QStringList eventWords() const;

    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void layOut();
    void chooseInstant();
    bool overPlot(const QPointF& at) const;
    void press(const QPointF& at);
    void move(const QPointF& at);
    void release(const QPointF& at);
    void zoom(const QPointF& at, double steps);
    void hoverAt(const std::optional<Timestamp>& instant);

    std::vector<Mark> marks_; ///< ascending
    QWidget* overlay_;
    QTimer build_;
    QTimer click_; ///< a click seeks unless a second one follows
    Timestamp clicked_;
    std::optional<double> pressed_;
    std::optional<double> dragged_;
    double laidOutFor_ = 0; ///< the greatest value that the axis has room for
    int axisDigits_ = 0;
};

} // namespace poolscope
