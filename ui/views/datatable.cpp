// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/datatable.h"

#include "ui/models/roles.h"
#include "ui/theme/theme.h"
#include "ui/views/rowdelegate.h"
#include "ui/views/tablehead.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QMimeData>
#include <QPainter>

#include <algorithm>
#include <utility>
#include <vector>

namespace poolscope {

DataTable::DataTable(const QString& name, bool spanning, QWidget* parent)
    : QTreeView(parent)
    , name_(name)
    , spanning_(spanning)
    , delegate_(new RowDelegate(this))
{
    setItemDelegate(delegate_);
    setUniformRowHeights(true);
    // Rows fill themselves, paintEvent the rest: nothing is filled twice.
    viewport()->setAttribute(Qt::WA_OpaquePaintEvent);
    setSelectionMode(ExtendedSelection);
    setSelectionBehavior(SelectRows);
    setEditTriggers(NoEditTriggers);
    setVerticalScrollMode(ScrollPerPixel);
    setHorizontalScrollMode(ScrollPerPixel);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAsNeeded);
    setMouseTracking(true);
    setHeader(new TableHead(this));
    setSortingEnabled(true);
    setContextMenuPolicy(Qt::CustomContextMenu);
    setIndentation(spanning ? 0 : Theme::current().scaled(20));
    setRootIsDecorated(!spanning);
    setExpandsOnDoubleClick(true);
    header()->setSectionsMovable(true);
    header()->setFirstSectionMovable(spanning);
    header()->setStretchLastSection(true);
    header()->setMinimumSectionSize(Theme::current().scaled(40));
    header()->setFixedHeight(Theme::current().scaled(metrics::tableHead));
    header()->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(header(), &QWidget::customContextMenuRequested, this, &DataTable::showColumnMenu);
    connect(header(), &QHeaderView::sectionResized, this, [this] {
        // What was shrunk to fit is not what the user chose: that comes back in a wider window.
        if (shrunk_ && !QGuiApplication::mouseButtons().testFlag(Qt::LeftButton))
            return;
        shrunk_ = false;
        saveColumns();
    });
    constexpr int settled_ms = 500;
    save_.setSingleShot(true);
    save_.setInterval(settled_ms);
    connect(&save_, &QTimer::timeout, this, [this] { writeColumns(true); });
    connect(header(), &QHeaderView::sectionMoved, this, &DataTable::saveColumns);
    connect(header(), &QHeaderView::sortIndicatorChanged, this, &DataTable::saveColumns);
    connect(this, &QTreeView::collapsed, this, [this](const QModelIndex& index) {
        closed_.insert(index.data(Qt::DisplayRole).toString());
        opened_.remove(index.data(Qt::DisplayRole).toString());
    });
    connect(this, &QTreeView::expanded, this, [this](const QModelIndex& index) {
        closed_.remove(index.data(Qt::DisplayRole).toString());
        opened_.insert(index.data(Qt::DisplayRole).toString());
    });
    connect(&Theme::current(), &Theme::changed, this, &QTreeView::doItemsLayout);
}

DataTable::~DataTable()
{
    if (save_.isActive())
        writeColumns(false);
}

void DataTable::setModel(QAbstractItemModel* model)
{
    QTreeView::setModel(model);
    connect(model, &QAbstractItemModel::rowsInserted, this, &DataTable::rowsArrived);
    connect(model, &QAbstractItemModel::modelReset, this, &DataTable::restoreExpansion);
}

/// Unless it was closed before, or wants to come closed and was not opened before.
bool DataTable::comesOpen(const QModelIndex& head) const
{
    const QString name = head.data(Qt::DisplayRole).toString();
    return !closed_.contains(name) && (!head.data(FoldedRole).toBool() || opened_.contains(name));
}

void DataTable::rowsArrived(const QModelIndex& parent, int first, int last)
{
    if (parent.isValid() && first == 0)
        setExpanded(parent, comesOpen(parent));
    for (int row = first; row <= last; ++row) {
        const QModelIndex index = model()->index(row, 0, parent);
        if (!model()->hasChildren(index) || !comesOpen(index))
            continue;
        setExpanded(index, true);
        rowsArrived(index, 0, model()->rowCount(index) - 1);
    }
}

void DataTable::restoreExpansion()
{
    rowsArrived({}, 0, model()->rowCount() - 1);
}

std::vector<SessionKey> DataTable::selectedKeys() const
{
    std::vector<SessionKey> keys;
    if (!selectionModel())
        return keys;
    for (const QModelIndex& index : selectionModel()->selectedRows()) {
        const QVariant key = index.data(KeyRole);
        if (key.isValid())
            keys.push_back(key.value<SessionKey>());
    }
    return keys;
}

std::optional<SessionKey> DataTable::currentKey() const
{
    const std::vector<SessionKey> keys = selectedKeys();
    const QVariant key = currentIndex().data(KeyRole);
    if (key.isValid()) {
        const auto current = key.value<SessionKey>();
        if (std::find(keys.begin(), keys.end(), current) != keys.end())
            return current;
    }
    return keys.empty() ? std::nullopt : std::optional(keys.front());
}

std::vector<SessionKey> DataTable::currentFirst() const
{
    std::vector<SessionKey> keys = selectedKeys();
    if (const auto current = currentKey()) {
        std::erase(keys, *current);
        keys.insert(keys.begin(), *current);
    }
    return keys;
}

int DataTable::contentHeight() const
{
    int rows = 0;
    for (QModelIndex index = model()->index(0, 0); index.isValid(); index = indexBelow(index))
        ++rows;
    return header()->height() + rows * Theme::current().rowHeight() + 2 * frameWidth();
}

void DataTable::selectionChanged(const QItemSelection& selected, const QItemSelection& gone)
{
    QTreeView::selectionChanged(selected, gone);
    emit chosen();
}

void DataTable::copySelection(bool withHead) const
{
    QStringList lines;
    const auto line = [this](auto cell) {
        QStringList cells;
        for (int visual = 0; visual < header()->count(); ++visual) {
            const int column = header()->logicalIndex(visual);
            if (!isColumnHidden(column)) {
                QString text = cell(column);
                cells += text.replace(QLatin1Char('\t'), QLatin1Char(' '))
                             .replace(QLatin1Char('\n'), QLatin1Char(' '));
            }
        }
        return cells.join(QLatin1Char('\t'));
    };
    if (withHead)
        lines += line([this](int column) {
            return model()->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString();
        });
    // As they stand below each other. Where each one is drawn takes a search through all of them.
    std::vector<std::pair<std::vector<int>, QModelIndex>> rows;
    for (const QModelIndex& row : selectionModel()->selectedRows()) {
        std::vector<int> place;
        for (QModelIndex at = row; at.isValid(); at = at.parent())
            place.push_back(at.row());
        std::reverse(place.begin(), place.end());
        rows.emplace_back(std::move(place), row);
    }
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [place, row] : rows) {
        const QModelIndex& copied = row;
        lines += line(
            [&](int column) { return copied.siblingAtColumn(column).data(CopyRole).toString(); });
    }
    QGuiApplication::clipboard()->setText(lines.join(QLatin1Char('\n')));
}

void DataTable::keyPressEvent(QKeyEvent* event)
{
    if (event->matches(QKeySequence::Copy)) {
        copySelection();
        return;
    }
    const auto modifiers = event->modifiers() & ~Qt::KeypadModifier;
    if (modifiers == Qt::NoModifier && event->key() >= Qt::Key_A && event->key() <= Qt::Key_Z) {
        emit letter(event->key());
        return;
    }
    if (modifiers == Qt::NoModifier && event->key() == Qt::Key_Space) {
        event->ignore(); // it plays and pauses
        return;
    }
    QTreeView::keyPressEvent(event);
}

void DataTable::mousePressEvent(QMouseEvent* event)
{
    const QModelIndex index = indexAt(event->position().toPoint());
    if (spanning_ && index.isValid() && index.data(GroupRole).toBool() &&
        event->position().x() < Theme::current().scaled(26)) {
        setExpanded(index.siblingAtColumn(0), !isExpanded(index.siblingAtColumn(0)));
        return;
    }
    QTreeView::mousePressEvent(event);
}

void DataTable::mouseMoveEvent(QMouseEvent* event)
{
    QTreeView::mouseMoveEvent(event);
    const QVariant key = indexAt(event->position().toPoint()).data(KeyRole);
    emit hovered(key.isValid() ? std::optional(key.value<SessionKey>()) : std::nullopt);
}

void DataTable::choose(const QModelIndex& index)
{
    selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                 QItemSelectionModel::Rows);
}

QModelIndex DataTable::besideHidden(const QModelIndex& index) const
{
    if (!index.isValid() || !isColumnHidden(index.column()))
        return index;
    for (int i = 0; i < header()->count(); ++i) {
        const int column = header()->logicalIndex(i);
        if (!isColumnHidden(column))
            return index.siblingAtColumn(column);
    }
    return index;
}

QRect DataTable::visualRect(const QModelIndex& index) const
{
    return QTreeView::visualRect(besideHidden(index));
}

void DataTable::scrollTo(const QModelIndex& index, ScrollHint hint)
{
    QTreeView::scrollTo(besideHidden(index), hint);
}

/// The frame of the current row spans all of it, Qt draws anew one cell of it alone.
void DataTable::currentChanged(const QModelIndex& current, const QModelIndex& previous)
{
    QTreeView::currentChanged(current, previous);
    for (const QModelIndex& index : {current, previous}) {
        const QRect cell = visualRect(index);
        if (cell.isValid())
            viewport()->update(0, cell.top(), viewport()->width(), cell.height());
    }
}

void DataTable::leaveEvent(QEvent* event)
{
    QTreeView::leaveEvent(event);
    emit hovered(std::nullopt);
}

void DataTable::paintEvent(QPaintEvent* event)
{
    QModelIndex last = model() ? model()->index(model()->rowCount() - 1, 0) : QModelIndex();
    while (isExpanded(last) && model()->rowCount(last) > 0)
        last = model()->index(model()->rowCount(last) - 1, 0, last);
    const int below = last.isValid() ? visualRect(last).bottom() + 1 : 0;
    if (below < viewport()->height()) {
        QPainter painter(viewport());
        painter.fillRect(0, below, viewport()->width(), viewport()->height() - below,
                         Theme::current().tokens().surface);
    }
    QTreeView::paintEvent(event);
}

/// Without the style's own idea of a row under each cell: that is drawn already, and costs as much
/// as the texts.
void DataTable::drawCells(QPainter* painter, const QStyleOptionViewItem& option,
                          const QModelIndex& index) const
{
    if (!spanning_ && indentation() > 0) { // a tree needs its branches
        QTreeView::drawRow(painter, option, index);
        return;
    }
    QStyleOptionViewItem cell = option;
    cell.state.setFlag(QStyle::State_Selected,
                       selectionModel()->isSelected(index.siblingAtColumn(0)));
    for (int column = 0; column < header()->count(); ++column) {
        cell.rect.setLeft(columnViewportPosition(column));
        cell.rect.setWidth(columnWidth(column));
        if (!isColumnHidden(column) && cell.rect.right() >= 0 &&
            cell.rect.left() < viewport()->width())
            itemDelegate()->paint(painter, cell, index.siblingAtColumn(column));
    }
}

void DataTable::drawRow(QPainter* painter, const QStyleOptionViewItem& option,
                        const QModelIndex& index) const
{
    const Tokens& tokens = Theme::current().tokens();
    const QModelIndex first = index.siblingAtColumn(0);
    const bool selected = selectionModel()->isSelected(first);
    const QRect row(0, option.rect.top(), viewport()->width(), option.rect.height());
    const bool group = index.data(GroupRole).toBool();
    if (spanning_ && group) {
        RowDelegate::paintGroup(*painter, row, first, isExpanded(first), selected);
    } else {
        painter->fillRect(row, selected ? tokens.sel : group ? tokens.alt : tokens.surface);
        drawCells(painter, option, index);
    }
    painter->fillRect(QRect(row.left(), row.bottom(), row.width(), 1), tokens.line);
    if (selected)
        painter->fillRect(QRect(row.left(), row.top(), Theme::current().scaled(3), row.height()),
                          tokens.accent);
    else if (hasFocus() && first == currentIndex().siblingAtColumn(0)) {
        painter->setPen(QPen(tokens.accent, 2));
        painter->setBrush(Qt::NoBrush);
        painter->drawRect(row.adjusted(1, 1, -1, -2));
    }
}

void DataTable::drawBranches(QPainter* painter, const QRect& rect, const QModelIndex& index) const
{
    if (spanning_ || !model()->hasChildren(index))
        return;
    QRect box = rect;
    box.setLeft(box.right() - indentation() + 1);
    RowDelegate::paintChevron(*painter, box, isExpanded(index));
}

} // namespace poolscope
