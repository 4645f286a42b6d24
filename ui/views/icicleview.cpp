// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/icicleview.h"

#include "ui/theme/theme.h"

#include <QAccessible>
#include <QKeyEvent>
#include <QMouseEvent>

#include <algorithm>

namespace poolscope {

namespace {

constexpr int roomyRow = 32;
constexpr int denseRow = 24;

bool sameStep(const IcicleCell& a, const IcicleCell& b)
{
    return a.kind == b.kind && a.line == b.line && a.function == b.function && a.file == b.file &&
           a.frames == b.frames;
}

} // namespace

IcicleView::IcicleView(QWidget* parent)
    : QWidget(parent)
{
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    setAccessibleName(tr("Stacks by what they hold"));
    connect(&Theme::current(), &Theme::changed, this, [this] {
        updateGeometry();
        update();
    });
}

void IcicleView::setCells(std::vector<IcicleCell> cells)
{
    const std::vector<IcicleCell> old = std::exchange(cells_, std::move(cells));
    rows_ = 0;
    for (const IcicleCell& cell : cells_)
        rows_ = std::max(rows_, cell.depth + 1);
    const int zoom = std::max(0, same(old, zoom_));
    const int current = same(old, current_);
    hover_ = -1;
    const bool moved = zoom != zoom_ || cells_.empty() != old.empty();
    zoom_ = zoom;
    const bool other = current != current_;
    current_ = current;
    search();
    updateGeometry();
    update();
    if (moved || zoom > 0)
        emit zoomChanged();
    if (other)
        emit currentChanged(current_);
    describe();
}

/// The cell at the same place among the stacks; -1 where there is none now.
int IcicleView::same(const std::vector<IcicleCell>& old, int at) const
{
    if (at < 0 || at >= static_cast<int>(old.size()) || cells_.empty())
        return -1;
    std::vector<int> path;
    for (int i = at; i >= 0; i = old[static_cast<std::size_t>(i)].parent)
        path.push_back(i);
    int found = 0;
    for (auto step = path.rbegin() + 1; step < path.rend(); ++step) {
        const IcicleCell& wanted = old[static_cast<std::size_t>(*step)];
        int next = -1;
        // Its children follow before anything that is no deeper than itself.
        for (int i = found + 1; i < static_cast<int>(cells_.size()); ++i) {
            if (cell(i).depth <= cell(found).depth)
                break;
            if (cell(i).parent == found && sameStep(cell(i), wanted)) {
                next = i;
                break;
            }
        }
        if (next < 0)
            return -1;
        found = next;
    }
    return found;
}

void IcicleView::setSearch(const QString& text)
{
    if (text == text_)
        return;
    text_ = text;
    search();
    update();
}

void IcicleView::search()
{
    matched_ = matchIcicle(cells_, text_.toStdString(), matches_);
}

void IcicleView::zoomTo(int cell)
{
    if (cell < 0 || cell >= static_cast<int>(cells_.size()) || cell == zoom_)
        return;
    zoom_ = cell;
    hover_ = -1;
    update();
    emit zoomChanged();
    describe();
}

bool IcicleView::zoomOut()
{
    if (zoom_ <= 0 || zoom_ >= static_cast<int>(cells_.size()))
        return false;
    zoomTo(std::max(0, cell(zoom_).parent));
    return true;
}

void IcicleView::setCurrent(int cell)
{
    cell = cell < static_cast<int>(cells_.size()) ? cell : -1;
    if (cell == current_)
        return;
    current_ = cell;
    // What is chosen is in sight.
    if (current_ >= 0 && rectOf(current_).isEmpty())
        zoomTo(0);
    update();
    emit currentChanged(current_);
    describe();
}

std::vector<int> IcicleView::pathTo(int at) const
{
    std::vector<int> path;
    for (int i = at; i >= 0 && i < static_cast<int>(cells_.size()); i = cell(i).parent)
        path.push_back(i);
    std::reverse(path.begin(), path.end());
    return path;
}

int IcicleView::rowHeight() const
{
    const Theme& theme = Theme::current();
    return rows_ * theme.scaled(roomyRow) <= height() ? theme.scaled(roomyRow)
                                                      : theme.scaled(denseRow);
}

QRectF IcicleView::rectOf(int at) const
{
    if (at < 0 || at >= static_cast<int>(cells_.size()))
        return {};
    const IcicleCell& one = cell(at);
    const IcicleCell& zoom = cell(std::clamp(zoom_, 0, static_cast<int>(cells_.size()) - 1));
    const double tall = rowHeight();
    // Those above what is zoomed into hold all of it: they take the whole width.
    if (one.depth <= zoom.depth) {
        int above = zoom_;
        while (above >= 0 && cell(above).depth > one.depth)
            above = cell(above).parent;
        return above == at ? QRectF(0, one.depth * tall, width(), tall) : QRectF();
    }
    if (zoom.share <= 0)
        return {};
    const double left = (one.from - zoom.from) / zoom.share * width();
    const double wide = one.share / zoom.share * width();
    if (left < -0.01 || left >= width() - 0.01)
        return {};
    return {left, one.depth * tall, std::min(wide, width() - left), tall};
}

int IcicleView::cellAt(const QPointF& at) const
{
    const int row = static_cast<int>(at.y()) / std::max(1, rowHeight());
    if (at.y() < 0 || at.x() < 0 || at.x() >= width())
        return -1;
    for (int i = 0; i < static_cast<int>(cells_.size()); ++i) {
        if (cell(i).depth == row && rectOf(i).contains(at))
            return i;
    }
    return -1;
}

QSize IcicleView::sizeHint() const
{
    const Theme& theme = Theme::current();
    return {theme.scaled(600), std::max(1, rows_) * theme.scaled(roomyRow)};
}

QSize IcicleView::minimumSizeHint() const
{
    const Theme& theme = Theme::current();
    return {theme.scaled(200), std::max(1, rows_) * theme.scaled(denseRow)};
}

void IcicleView::describe()
{
    const int at = current_ >= 0 ? current_ : zoom_;
    QString words;
    if (at >= 0 && at < static_cast<int>(cells_.size())) {
        const IcicleCell& one = cell(at);
        const QString line = icicleLine(one);
        words = icicleName(one);
        if (!line.isEmpty() && line != words)
            words += QStringLiteral(", ") + line;
        words += tr(", %1 % of what is held, row %2 of %3")
                     .arg(one.share * 100, 0, 'f', 1)
                     .arg(one.depth + 1)
                     .arg(rows_);
        if (one.suspected)
            words += tr(", suspected");
    }
    if (words == accessibleDescription())
        return;
    setAccessibleDescription(words);
    QAccessibleEvent event(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&event);
}

int IcicleView::firstChild(int at) const
{
    const int next = at + 1;
    return next < static_cast<int>(cells_.size()) && cell(next).parent == at ? next : -1;
}

/// The nearest one in the same row that is drawn.
int IcicleView::neighbour(int at, bool right) const
{
    const int step = right ? 1 : -1;
    for (int i = at + step; i >= 0 && i < static_cast<int>(cells_.size()); i += step) {
        if (cell(i).depth == cell(at).depth && rectOf(i).width() >= narrowestCell)
            return i;
    }
    return -1;
}

void IcicleView::keyPressEvent(QKeyEvent* event)
{
    if (cells_.empty()) {
        QWidget::keyPressEvent(event);
        return;
    }
    const int at = current_ >= 0 ? current_ : zoom_;
    int to = -1;
    switch (event->key()) {
    case Qt::Key_Up:
        to = cell(at).parent;
        break;
    case Qt::Key_Down:
        to = firstChild(at);
        break;
    case Qt::Key_Left:
    case Qt::Key_Right:
        to = neighbour(at, event->key() == Qt::Key_Right);
        break;
    case Qt::Key_Home:
        to = 0;
        break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        setCurrent(at);
        zoomTo(at);
        return;
    case Qt::Key_Escape:
    case Qt::Key_Backspace:
        if (zoomOut())
            return;
        [[fallthrough]];
    default:
        QWidget::keyPressEvent(event);
        return;
    }
    if (to >= 0)
        setCurrent(to);
}

void IcicleView::hoverAt(int at)
{
    if (at == hover_)
        return;
    hover_ = at;
    update();
    emit hoverChanged(at);
}

void IcicleView::mousePressEvent(QMouseEvent* event)
{
    if (event->button() != Qt::LeftButton)
        return;
    const int at = cellAt(event->position());
    if (at < 0)
        return;
    setCurrent(at);
    zoomTo(at);
}

void IcicleView::mouseMoveEvent(QMouseEvent* event)
{
    const int at = cellAt(event->position());
    setCursor(at >= 0 ? Qt::PointingHandCursor : Qt::ArrowCursor);
    hoverAt(at);
}

void IcicleView::leaveEvent(QEvent*)
{
    hoverAt(-1);
}

void IcicleView::focusInEvent(QFocusEvent*)
{
    update();
}

void IcicleView::focusOutEvent(QFocusEvent*)
{
    update();
}

} // namespace poolscope
