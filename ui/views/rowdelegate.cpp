// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/rowdelegate.h"

#include "ui/models/roles.h"
#include "ui/theme/glyphs.h"
#include "ui/theme/theme.h"
#include "ui/views/celltext.h"

#include <QPainter>

namespace poolscope {

namespace {

QColor ink(Emphasis emphasis, const Tokens& tokens, bool selected)
{
    switch (emphasis) {
    case Emphasis::plain:
    case Emphasis::strong:
        return tokens.text;
    case Emphasis::secondary:
        return tokens.text2;
    case Emphasis::caption:
        return tokens.captionOn(selected);
    case Emphasis::warning:
        return tokens.warn;
    case Emphasis::critical:
        return tokens.crit;
    }
    return tokens.text;
}

/// Where a state's name does not fit, the short one does.
QString shortened(const QModelIndex& index, const QString& text)
{
    const QVariant state = index.data(StateRole);
    if (!state.isValid() || text != stateName(static_cast<SessionState>(state.toInt())))
        return text;
    return stateShortName(static_cast<SessionState>(state.toInt()));
}

} // namespace

RowDelegate::RowDelegate(QObject* parent)
    : QStyledItemDelegate(parent)
{}

void RowDelegate::setGlyphColumns(int state, int severity)
{
    stateColumn_ = state;
    severityColumn_ = severity;
}

QSize RowDelegate::sizeHint(const QStyleOptionViewItem&, const QModelIndex&) const
{
    return {80, Theme::current().rowHeight()};
}

void RowDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                        const QModelIndex& index) const
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    const bool selected = option.state.testFlag(QStyle::State_Selected);
    if (selected)
        painter->fillRect(option.rect, tokens.sel);
    const int pad = theme.scaled(metrics::cellPadding);
    QRect area = option.rect.adjusted(pad, 0, -pad, 0);
    const auto glyphBox = [&] {
        const int size = theme.scaled(metrics::glyph);
        const QRectF box(area.left(), area.center().y() - size / 2.0 + 0.5, size, size);
        area.setLeft(area.left() + size + theme.scaled(6));
        return box;
    };
    const bool old = index.data(StaleRole).toBool();
    const auto inkFor = [&](Emphasis emphasis) {
        return old ? tokens.captionOn(selected) : ink(emphasis, tokens, selected);
    };
    // A glyph of what was, not of what is.
    painter->setOpacity(old ? metrics::oldGlyph : 1.0);
    if (index.column() == severityColumn_) {
        if (const QVariant severity = index.data(SeverityRole); severity.isValid())
            paintSeverity(*painter, glyphBox(),
                          severity.toInt() == 2              ? Severity::critical
                          : severity.toInt() == 1            ? Severity::warning
                          : severity.toInt() == infoSeverity ? Severity::info
                                                             : Severity::none,
                          tokens);
    }
    if (index.column() == stateColumn_) {
        if (const QVariant state = index.data(StateRole); state.isValid())
            paintState(*painter, glyphBox(), static_cast<SessionState>(state.toInt()), tokens);
    }
    painter->setOpacity(1.0);
    const QString text = index.data(Qt::DisplayRole).toString();
    if (text.isEmpty())
        return;
    const auto emphasis = static_cast<Emphasis>(index.data(EmphasisRole).toInt());
    const bool mono = index.data(MonoRole).toBool();
    const auto weight = emphasis == Emphasis::strong ? QFont::DemiBold : QFont::Normal;
    const auto alignment = static_cast<Qt::Alignment>(index.data(Qt::TextAlignmentRole).toInt());
    painter->setPen(inkFor(emphasis));
    auto lead = static_cast<Lead>(index.data(LeadRole).toInt());
    if (index.column() == 0 && !mono && index.data(KeyRole).isValid())
        lead = Lead::mono;
    qsizetype split = lead == Lead::none ? -1 : text.indexOf(QLatin1String("  "));
    if (split < 0 && lead != Lead::none && !index.data(KeyRole).isValid())
        split = text.size();
    if (split > 0) {
        area.setLeft(area.left() + pad +
                     drawCellText(*painter, area, text.left(split),
                                  lead == Lead::mono ? CellFont::mono : CellFont::ui,
                                  lead == Lead::mono     ? QFont::Medium
                                  : lead == Lead::strong ? QFont::DemiBold
                                                         : QFont::Normal,
                                  false, false));
        painter->setPen(inkFor(Emphasis::secondary));
    }
    const CellFont kind = mono ? CellFont::mono : CellFont::ui;
    QString rest = split > 0 ? text.mid(split + 2) : text;
    if (index.column() == stateColumn_ && cellTextWidth(rest, kind, weight) > area.width())
        rest = shortened(index, rest);
    // A number that is cut would be another number: those are drawn whole.
    const bool right = alignment.testFlag(Qt::AlignRight);
    drawCellText(*painter, area, rest, kind, weight, right, !mono || !right);
}

void RowDelegate::paintChevron(QPainter& painter, const QRect& box, bool expanded)
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const Theme& theme = Theme::current();
    painter.setPen(QPen(theme.tokens().text2, 1.5 * theme.scale(), Qt::SolidLine, Qt::RoundCap,
                        Qt::RoundJoin));
    const QPointF c = QRectF(box).center();
    const double arm = 3.5 * theme.scale(), tip = 1.75 * theme.scale();
    const QPointF points[3] = {c + (expanded ? QPointF(-arm, -tip) : QPointF(-tip, -arm)),
                               c + (expanded ? QPointF(0, tip) : QPointF(tip, 0)),
                               c + (expanded ? QPointF(arm, -tip) : QPointF(-tip, arm))};
    painter.drawPolyline(points, 3);
    painter.restore();
}

void RowDelegate::paintGroup(QPainter& painter, const QRect& row, const QModelIndex& index,
                             bool expanded, bool selected)
{
    const Theme& theme = Theme::current();
    const Tokens& tokens = theme.tokens();
    painter.fillRect(row, selected ? tokens.sel : tokens.alt);
    const int pad = theme.scaled(metrics::cellPadding);
    paintChevron(painter, QRect(row.left() + pad, row.top(), theme.scaled(12), row.height()),
                 expanded);
    QRect area = row.adjusted(pad + theme.scaled(18), 0, -pad, 0);
    const auto write = [&](const QString& text, const QFont& font, const QColor& colour) {
        painter.setFont(font);
        painter.setPen(colour);
        const QFontMetrics fm(font);
        const QString shown = fm.elidedText(text, Qt::ElideRight, area.width());
        painter.drawText(area, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine, shown);
        area.setLeft(area.left() + fm.horizontalAdvance(shown) + pad);
    };
    const bool old = index.data(StaleRole).toBool();
    const QColor& strong = old ? tokens.captionOn(selected) : tokens.text;
    write(index.data(Qt::DisplayRole).toString(), theme.ui(13, QFont::DemiBold), strong);
    write(QString::number(index.data(GroupCountRole).toInt()), theme.mono(12), strong);
    write(index.data(GroupSummaryRole).toString(), theme.ui(13),
          old ? tokens.captionOn(selected) : tokens.text2);
}

} // namespace poolscope
