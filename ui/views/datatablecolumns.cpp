// SPDX-License-Identifier: GPL-3.0-or-later
// Which columns a table shows, how wide they are, and how that is kept.
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"

#include <QHeaderView>
#include <QMenu>
#include <QSettings>
#include <QThreadPool>
#include <QtMath>

#include <algorithm>

namespace poolscope {

void DataTable::setWidths(const std::vector<int>& widths)
{
    widths_ = widths;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (widths[i] > 0)
            header()->resizeSection(static_cast<int>(i), Theme::current().scaled(widths[i]));
    }
}

void DataTable::setAutomaticColumns(std::function<bool(int, int)> shown)
{
    automatic_ = std::move(shown);
}

void DataTable::setElastic(int column)
{
    elastic_ = column;
}

void DataTable::restoreColumns(int sortColumn, Qt::SortOrder order)
{
    restoring_ = true;
    const QSettings settings;
    const QString group = QStringLiteral("columns/") + name_;
    const QByteArray state = settings.value(group + QStringLiteral("/header")).toByteArray();
    if (state.isEmpty() || !header()->restoreState(state))
        sortByColumn(sortColumn, order);
    else
        sortByColumn(header()->sortIndicatorSection(), header()->sortIndicatorOrder());
    const QVariantMap wanted = settings.value(group + QStringLiteral("/shown")).toMap();
    for (auto it = wanted.begin(); it != wanted.end(); ++it)
        wanted_.insert(it.key().toInt(), it.value().toBool());
    // What was kept also says which column took the rest then: another build, another column.
    header()->setMinimumSectionSize(Theme::current().scaled(40));
    header()->setStretchLastSection(false); // what is on already is not looked at anew
    header()->setStretchLastSection(elastic_ < 0);
    for (int column = 0; column < header()->count(); ++column)
        header()->setSectionResizeMode(column, column == elastic_ ? QHeaderView::Stretch
                                                                  : QHeaderView::Interactive);
    restoring_ = false;
    ready_ = true;
    fitColumns();
}

/// Once layout and user are done with it: one change resizes many sections.
void DataTable::saveColumns()
{
    if (!ready_ || restoring_)
        return;
    header_ = header()->saveState(); // as it is now: a narrower window may shrink it before
    save_.start();
}

/// `aside`: on another thread, as a setting waits for the disk when it is written.
void DataTable::writeColumns(bool aside) const
{
    const QString group = QStringLiteral("columns/") + name_;
    QVariantMap wanted;
    for (auto it = wanted_.begin(); it != wanted_.end(); ++it)
        wanted.insert(QString::number(it.key()), it.value());
    const auto keep = [group, head = QVariant(header_), shown = QVariant(wanted)] {
        QSettings settings;
        // Each layout tells of sections that it resized to what they were.
        if (settings.value(group + QStringLiteral("/header")) != head)
            settings.setValue(group + QStringLiteral("/header"), head);
        if (settings.value(group + QStringLiteral("/shown")) != shown)
            settings.setValue(group + QStringLiteral("/shown"), shown);
    };
    if (aside)
        QThreadPool::globalInstance()->start(keep);
    else
        keep();
}

void DataTable::setAvailable(int column, bool available)
{
    if (available ? unavailable_.remove(column) : !unavailable_.contains(column)) {
        if (!available)
            unavailable_.insert(column);
        fitColumns();
    }
}

bool DataTable::shownAt(int column, int width) const
{
    return !unavailable_.contains(column) &&
           wanted_.value(column, !automatic_ || automatic_(column, width));
}

int DataTable::laidOut(int column) const
{
    const auto at = static_cast<std::size_t>(column);
    const int width = at < widths_.size() ? widths_[at] : 0;
    return width > 0 ? Theme::current().scaled(width) : header()->defaultSectionSize();
}

/// The width to choose columns for. Where those of the window's own leave too little to the one
/// that takes the rest, some go that would in a narrower window.
int DataTable::layoutWidth() const
{
    const int width = viewport()->width();
    const int elastic =
        elastic_ >= 0 ? elastic_ : header()->logicalIndex(std::max(0, header()->count() - 1));
    if (!automatic_ || !isVisible())
        return width;
    const int step = Theme::current().scaled(20);
    int as = width;
    for (; as >= width / 2; as -= step) {
        int taken = shownAt(elastic, as) ? leastElastic() : 0;
        for (int column = 0; column < header()->count(); ++column) {
            if (column != elastic && shownAt(column, as))
                taken += isColumnHidden(column) ? laidOut(column)
                                                : std::min(columnWidth(column), laidOut(column));
        }
        if (taken <= width)
            return as;
    }
    return as + step; // no choice fits: the fewest scroll least
}

void DataTable::fitColumns()
{
    if (!ready_ || !model())
        return;
    const int width = layoutWidth();
    restoring_ = true;
    for (int column = 0; column < model()->columnCount(); ++column) {
        const bool shown = shownAt(column, width);
        if (isColumnHidden(column) == shown)
            setColumnHidden(column, !shown);
    }
    restoring_ = false;
    if (isVisible()) // before, the width is none
        shrinkToFit();
}

int DataTable::leastElastic() const
{
    return Theme::current().scaled(120);
}

int DataTable::elasticColumn() const
{
    if (elastic_ >= 0)
        return elastic_;
    for (int visual = header()->count() - 1; visual >= 0; --visual) {
        const int column = header()->logicalIndex(visual);
        if (!isColumnHidden(column))
            return column;
    }
    return -1;
}

/// Widths that were kept from a wider window go back towards those of the layout, as far as it
/// takes to leave some room to the column that takes the rest: a table does not scroll sideways
/// because of the window that it had yesterday.
void DataTable::shrinkToFit()
{
    restoring_ = true;
    for (const auto& [column, widths] : squeezed_) {
        if (columnWidth(column) == widths.second) // else the user chose another one meanwhile
            header()->resizeSection(column, widths.first);
    }
    squeezed_.clear();
    const int elastic = elasticColumn();
    const int least = leastElastic();
    int others = 0;
    int surplus = 0;
    for (int column = 0; column < header()->count(); ++column) {
        if (isColumnHidden(column) || column == elastic)
            continue;
        others += columnWidth(column);
        surplus += std::max(0, columnWidth(column) - laidOut(column));
    }
    const int over = others + least - viewport()->width();
    if (over > 0 && surplus > 0) {
        shrunk_ = true;
        const double share = std::min(1.0, static_cast<double>(over) / surplus);
        for (int column = 0; column < header()->count(); ++column) {
            const int more = columnWidth(column) - laidOut(column);
            if (isColumnHidden(column) || column == elastic || more <= 0)
                continue;
            const int cut = qCeil(more * share);
            header()->resizeSection(column, columnWidth(column) - cut);
            others -= cut;
        }
    }
    others -= squeeze(others + least - viewport()->width(), elastic);
    // A restored header does not always give the last one what is left; and rather narrow than
    // beyond the edge, where that is a matter of a few characters.
    const int room = std::max(least * 2 / 3, viewport()->width() - others);
    if (elastic >= 0 && columnWidth(elastic) > room)
        header()->resizeSection(elastic, room);
    restoring_ = false;
}

/// Where even the columns of the layout are too wide, as with large texts: words are rather cut
/// than out of sight. Numbers stay whole. Until there is room again. Returns the px that were
/// gained.
int DataTable::squeeze(int over, int elastic)
{
    constexpr double most = 0.45; // of a column
    std::vector<int> columns;
    int all = 0;
    for (int column = 0; column < header()->count(); ++column) {
        const int alignment =
            model()->headerData(column, Qt::Horizontal, Qt::TextAlignmentRole).toInt();
        if (isColumnHidden(column) || column == elastic || (alignment & Qt::AlignRight))
            continue;
        columns.push_back(column);
        all += columnWidth(column);
    }
    if (over <= 0 || all <= 0)
        return 0;
    const double share = std::min(most, static_cast<double>(over) / all);
    int gained = 0;
    for (const int column : columns) {
        const int before = columnWidth(column);
        header()->resizeSection(column, before - qCeil(before * share));
        squeezed_[column] = {before, columnWidth(column)};
        gained += before - columnWidth(column);
    }
    shrunk_ = true;
    return gained;
}

void DataTable::resizeEvent(QResizeEvent* event)
{
    QTreeView::resizeEvent(event);
    fitColumns();
}

void DataTable::showEvent(QShowEvent* event)
{
    QTreeView::showEvent(event);
    fitColumns();
}

/// A window that closes hides its tables: what waited is written then, whatever becomes of the
/// process.
void DataTable::hideEvent(QHideEvent* event)
{
    QTreeView::hideEvent(event);
    if (!save_.isActive())
        return;
    save_.stop();
    writeColumns(true);
}

void DataTable::showColumnMenu(const QPoint& at)
{
    QMenu menu(this);
    for (int column = 0; column < model()->columnCount(); ++column) {
        if (unavailable_.contains(column))
            continue;
        QAction* const action =
            menu.addAction(model()->headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
        action->setCheckable(true);
        action->setChecked(!isColumnHidden(column));
        // What a tree hangs on stays, and so does the last one.
        action->setEnabled(
            (spanning_ || column != 0) &&
            (isColumnHidden(column) || header()->hiddenSectionCount() + 1 < header()->count()));
        connect(action, &QAction::toggled, this, [this, column](bool on) {
            wanted_.insert(column, on);
            fitColumns();
            saveColumns();
        });
    }
    menu.addSeparator();
    connect(menu.addAction(tr("Columns by the window's width")), &QAction::triggered, this, [this] {
        wanted_.clear();
        fitColumns();
        saveColumns();
    });
    menu.exec(header()->mapToGlobal(at));
}

} // namespace poolscope
