// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/icicle.h"

#include <QWidget>

#include <vector>

namespace poolscope {

/// "query  orders.cpp:88" in words: what a cell stands for. One plain line, bounded.
QString icicleName(const IcicleCell& cell);
/// "orders.cpp:88", without the folders; empty where neither is known.
QString icicleLine(const IcicleCell& cell);

/// px; what is narrower is not drawn.
inline constexpr double narrowestCell = 0.5;

/// Stacks from the outermost line down, as wide as what they hold. A click or Return zooms into a
/// cell, Esc and Backspace out; the arrows walk from cell to cell. Cells are told apart by their
/// place among the stacks: zoom and current cell survive new figures.
class IcicleView : public QWidget
{
    Q_OBJECT
public:
    explicit IcicleView(QWidget* parent = nullptr);

    /// As layOutIcicle gives them: parents first.
    void setCells(std::vector<IcicleCell> cells);
    const std::vector<IcicleCell>& cells() const { return cells_; }
    /// Outlines cells whose function or file holds it.
    void setSearch(const QString& text);
    /// How many cells match, and how much of the whole width they take, 0 to 1.
    int matches() const { return static_cast<int>(matches_.size()); }
    double matchedShare() const { return matched_; }

    /// Indices of cells; -1 for none.
    int zoomed() const { return zoom_; }
    int current() const { return current_; }
    int hovered() const { return hover_; }
    void zoomTo(int cell);
    /// To the parent of what is zoomed into; false where all is shown.
    bool zoomOut();
    void setCurrent(int cell);
    /// From the whole down to this cell.
    std::vector<int> pathTo(int cell) const;

    int cellAt(const QPointF& at) const;
    /// Where a cell is drawn; empty where the zoom leaves it out.
    QRectF rectOf(int cell) const;
    /// 32 px, or 24 where there are more rows than room.
    int rowHeight() const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

signals:
    void zoomChanged();
    void currentChanged(int cell);
    void hoverChanged(int cell);

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

private:
    const IcicleCell& cell(int at) const { return cells_[static_cast<std::size_t>(at)]; }
    int same(const std::vector<IcicleCell>& old, int at) const;
    int firstChild(int at) const;
    int neighbour(int at, bool right) const;
    void hoverAt(int at);
    void search();
    void describe();
    void paintCell(QPainter& painter, int at, const QRectF& area, bool path, bool match) const;

    std::vector<IcicleCell> cells_;
    std::vector<int> matches_; ///< ascending
    QString text_;
    double matched_ = 0;
    int rows_ = 0;
    int zoom_ = 0;
    int current_ = -1;
    int hover_ = -1;
};

} // namespace poolscope
