// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/roles.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"
#include "ui/views/poolspagerows.h"

#include <QPainter>

#include <algorithm>

namespace poolscope {

namespace {

/// A second line below the first, 40 px together at normal density.
constexpr int secondLine = 16;

struct Cell
{
    QRect area;
    bool selected = false;
    bool old = false;
    bool right = false;
    QColor ink;
};

void paintLine(QPainter& painter, const QRect& area, const QString& text, const QFont& font,
               const QColor& ink, bool right)
{
    painter.setFont(font);
    painter.setPen(ink);
    const QString shown =
        right ? text : QFontMetrics(font).elidedText(text, Qt::ElideRight, area.width());
    painter.drawText(
        area, (right ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter | Qt::TextSingleLine,
        shown);
}

QRect upper(const QRect& area)
{
    const Theme& theme = Theme::current();
    return QRect(area.left(), area.top() + area.height() / 2 - theme.scaled(17), area.width(),
                 theme.scaled(18));
}

QRect lower(const QRect& area)
{
    const Theme& theme = Theme::current();
    return QRect(area.left(), area.top() + area.height() / 2 + theme.scaled(1), area.width(),
                 theme.scaled(15));
}

void paintName(QPainter& painter, Cell cell, const QModelIndex& index)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const int size = theme.scaled(metrics::glyph);
    const QVariant severity = index.data(SeverityRole);
    painter.setOpacity(cell.old ? metrics::oldGlyph : 1.0);
    paintSeverity(
        painter,
        QRectF(cell.area.left(), upper(cell.area).center().y() - size / 2.0 + 0.5, size, size),
        severity.toInt() == 2   ? Severity::critical
        : severity.toInt() == 1 ? Severity::warning
                                : Severity::none,
        t);
    painter.setOpacity(1);
    cell.area.setLeft(cell.area.left() + size + theme.scaled(8));
    const QStringList lines = index.data(Qt::DisplayRole).toString().split(QLatin1Char('\n'));
    paintLine(painter, upper(cell.area), lines.value(0), theme.ui(13, QFont::DemiBold),
              cell.old ? t.captionOn(cell.selected) : t.text, false);
    paintLine(painter, lower(cell.area), lines.value(1), theme.ui(11), t.captionOn(cell.selected),
              false);
}

/// Two durations: p50 above p99.
void paintTimes(QPainter& painter, const Cell& cell, const QString& text)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QStringList lines = text.split(QLatin1Char('\n'));
    paintLine(painter, upper(cell.area), lines.value(0), theme.mono(12),
              cell.old ? t.captionOn(cell.selected) : t.text2, true);
    paintLine(painter, lower(cell.area), lines.value(1), theme.mono(12), cell.ink, true);
}

void paintUsed(QPainter& painter, const Cell& cell, const QModelIndex& index)
{
    const Theme& theme = Theme::current();
    const Tokens& t = theme.tokens();
    const QString text = index.data(Qt::DisplayRole).toString();
    const QFont mono = theme.mono(13);
    const QVariant share = index.data(SortRole);
    const double wide = QFontMetricsF(mono).horizontalAdvance(QLatin1Char('0'));
    const double number = std::max(7.0, double(text.size())) * wide;
    if (share.isValid() && cell.area.width() > number + theme.scaled(40)) {
        const double height = theme.scaled(10);
        const QRectF bar(cell.area.left(), cell.area.center().y() - height / 2 + 0.5,
                         std::floor(cell.area.width() - number - theme.scaled(12)), height);
        painter.setOpacity(cell.old ? metrics::oldGlyph : 1.0);
        painter.fillRect(bar, t.line2);
        painter.fillRect(bar.adjusted(1, 1, -1, -1), t.state(SessionState::idle));
        const double used = std::clamp(share.toDouble(), 0.0, 1.0) * (bar.width() - 2);
        painter.fillRect(QRectF(bar.left() + 1, bar.top() + 1, used, bar.height() - 2),
                         t.state(SessionState::active));
        painter.setOpacity(1);
    }
    // The limit is paler than what is used.
    const qsizetype slash = text.indexOf(QLatin1Char('/'));
    const QString limit = slash < 0 ? QString() : text.mid(slash);
    const double behind = static_cast<double>(limit.size()) * wide;
    paintLine(painter, cell.area, limit, mono, t.captionOn(cell.selected), true);
    paintLine(painter, cell.area.adjusted(0, 0, -static_cast<int>(behind), 0),
              slash < 0 ? text : text.left(slash), mono, cell.ink, true);
}

} // namespace

int PoolRowDelegate::height()
{
    const Theme& theme = Theme::current();
    return theme.rowHeight() + theme.scaled(secondLine);
}

QSize PoolRowDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const
{
    return {80, height()};
}

void PoolRowDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const
{
    const QString text = index.data(Qt::DisplayRole).toString();
    const bool reported = index.data(SortRole).isValid();
    const auto column = static_cast<PoolTableColumn>(index.column());
    const bool two = (column == PoolTableColumn::wait || column == PoolTableColumn::use) &&
                     text.contains(QLatin1Char('\n'));
    const bool used = column == PoolTableColumn::used && (reported || text.size() < 10);
    if (column != PoolTableColumn::pool && !two && !used) {
        RowDelegate::paint(painter, option, index);
        return;
    }
    const Tokens& t = Theme::current().tokens();
    const int pad = Theme::current().scaled(metrics::cellPadding);
    Cell cell;
    cell.selected = option.state.testFlag(QStyle::State_Selected);
    cell.old = index.data(StaleRole).toBool();
    cell.area = option.rect.adjusted(pad, 0, -pad, 0);
    cell.ink = cell.old ? t.captionOn(cell.selected)
               : static_cast<Emphasis>(index.data(EmphasisRole).toInt()) == Emphasis::critical
                   ? t.crit
                   : t.text;
    if (cell.selected)
        painter->fillRect(option.rect, t.sel);
    painter->save();
    if (column == PoolTableColumn::pool)
        paintName(*painter, cell, index);
    else if (used)
        paintUsed(*painter, cell, index);
    else
        paintTimes(*painter, cell, text);
    painter->restore();
}

} // namespace poolscope
