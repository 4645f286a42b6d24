// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/reduction.h"
#include "ui/charts/seriesstore.h"

#include <QTimer>
#include <QWidget>

#include <map>
#include <optional>
#include <vector>

namespace poolscope {

/// The whole recording on one line: marks, the used share of the worst pool or server against its
/// limit, a time axis, the visible range, the cursor. The same on every page. It changes nothing
/// itself: what the user does becomes a signal, and the setters say what to show.
class TimelineStrip : public QWidget
{
    Q_OBJECT
public:
    /// Marks nearer than 12 px to each other, shown as one in the worst shape.
    struct MarkGroup
    {
        double x = 0;
        MarkKind worst = MarkKind::note;
        std::vector<Mark> marks;
    };

    explicit TimelineStrip(QWidget* parent = nullptr);

    void setUtc(bool utc);
    /// What stands there while there is no time to show.
    void setEmptyWords(const QString& words);
    const QString& emptyWords() const { return emptyWords_; }
    /// From the recording's start to its end; `live` where the end moves.
    void setBounds(Timestamp start, Timestamp end, bool live);
    /// Puts answers of the recording into the store, each target's.
    void mergeSeries(const std::vector<TargetSeries>& series);
    void appendSeries(const std::vector<TargetSeries>& series);
    /// The same of pools.
    void mergePools(const std::vector<PoolSeries>& series);
    void appendPools(const std::vector<PoolSeries>& series);
    void clearSeries();
    void setMarks(const std::vector<Mark>& marks);
    void setRange(Timestamp from, Timestamp to);
    void setCursor(Timestamp cursor);
    void setHover(const std::optional<Timestamp>& hover);

    std::size_t wantedPoints() const;
    const std::vector<MarkGroup>& groups() const { return groups_; }
    double x(Timestamp t) const;
    Timestamp instant(double x) const;
    /// Used share in the column at x px of the lane; negative where nothing was observed.
    double shareAt(double x) const;
    void flush();

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void seekRequested(poolscope::Timestamp instant);
    void hoverChanged(const std::optional<poolscope::Timestamp>& instant);
    void stepRequested(bool forward);
    /// Seconds before (negative) or after the cursor.
    void jumpRequested(int seconds);
    void markRequested(bool forward);
    void startRequested();
    void liveRequested();
    /// +1 faster, -1 slower.
    void speedRequested(int direction);
    /// +1 shorter range, -1 longer.
    void zoomRequested(int direction);

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool event(QEvent* event) override;

private:
    void schedule();
    void rebuild();
    void groupMarks();
    void partGroups();
    void addColumns(const std::vector<SeriesPoint>& points);
    void addPool(const std::vector<PoolPoint>& points);
    void addHoles();
    QRectF lane() const;
    QString toolTipAt(const QPointF& at) const;
    void paintCurve(QPainter& painter) const;
    void paintHoles(QPainter& painter) const;
    void paintAxis(QPainter& painter) const;
    void paintMarks(QPainter& painter) const;
    void paintPin(QPainter& painter) const;

    Timestamp start_, end_;
    bool live_ = false;
    bool utc_ = false;
    QString emptyWords_;
    Timestamp from_, to_, cursor_;
    std::optional<Timestamp> hover_;
    int turned_ = 0; ///< of the wheel, what is no whole notch yet
    std::map<TargetId, SeriesStore> stores_;
    std::map<std::pair<TargetId, Text>, PoolStore> pools_;
    std::vector<Mark> marks_;
    std::vector<MarkGroup> groups_;
    std::vector<double> columns_; ///< share a pixel column; negative: not observed
    std::vector<Hole> holes_;
    QTimer build_;
};

} // namespace poolscope
