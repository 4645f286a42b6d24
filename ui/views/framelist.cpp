// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/framelist.h"

#include "ui/models/formatter.h"
#include "ui/models/placewords.h"
#include "ui/theme/theme.h"
#include "ui/views/framemodel.h"
#include "ui/views/rowdelegate.h"

#include <QFontMetrics>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QStyledItemDelegate>

namespace poolscope {

namespace {

int lineHeight()
{
    return Theme::current().scaled(22);
}

/// Number, function, file and line. The last is never cut: where there is no room for it beside
/// the function it stands below.
class FrameDelegate : public QStyledItemDelegate
{
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override
    {
        return {80, lineHeight() * (stands(option.rect.width(), index) ? 2 : 1)};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override
    {
        const Theme& theme = Theme::current();
        const Tokens& tokens = theme.tokens();
        const auto& model = static_cast<const FrameModel&>(*index.model());
        const FrameModel::Row& row = model.row(index.row());
        const bool acquires = model.acquires(row);
        const bool critical = model.severity() == LeakSeverity::critical;
        const bool plain = model.severity() == LeakSeverity::none;
        const bool selected = option.state.testFlag(QStyle::State_Selected);
        const bool focused = option.state.testFlag(QStyle::State_HasFocus);
        QRect area = option.rect;
        painter->fillRect(area, acquires   ? plain      ? tokens.alt
                                             : critical ? tokens.critBg
                                                        : tokens.warnBg
                                : selected ? tokens.sel
                                           : tokens.surface);
        if (acquires)
            painter->fillRect(QRect(area.left(), area.top(), theme.scaled(3), area.height()),
                              plain      ? tokens.line2
                              : critical ? tokens.critFill
                                         : tokens.warnFill);
        if (focused) {
            painter->setPen(QPen(tokens.accent, 2));
            painter->setBrush(Qt::NoBrush);
            painter->drawRect(area.adjusted(1, 1, -1, -1));
        }
        const int pad = theme.scaled(metrics::panelPadding);
        area.adjust(pad, 0, -pad, 0);
        const int number = theme.scaled(22);
        if (row.fold) {
            RowDelegate::paintChevron(
                *painter, QRect(area.left(), area.top(), theme.scaled(12), area.height()),
                row.open);
            painter->setFont(theme.ui(13));
            painter->setPen(tokens.captionOn(selected));
            painter->drawText(area.adjusted(number, 0, 0, 0),
                              Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
                              index.data().toString());
            return;
        }
        const StackLine& line = model.line(row);
        const QFont code = theme.mono(12, acquires ? QFont::DemiBold : QFont::Normal);
        const QColor& faint = tokens.captionOn(selected || acquires);
        const QColor& own = line.own && !model.old() ? tokens.text : faint;
        painter->setFont(theme.mono(12));
        painter->setPen(faint);
        const bool below = stands(option.rect.width(), index);
        if (below)
            area.setHeight(lineHeight());
        painter->drawText(area, Qt::AlignVCenter | Qt::AlignLeft, QString::number(row.first + 1));
        area.setLeft(area.left() + number);
        const QFontMetrics measure(code);
        const QString where = shortLine(line);
        QRect whereArea = below ? area.translated(0, lineHeight()) : area;
        painter->setFont(code);
        painter->setPen(acquires && !model.old() ? plain      ? tokens.text
                                                   : critical ? tokens.crit
                                                              : tokens.warn
                                                 : own);
        painter->drawText(whereArea,
                          Qt::AlignVCenter | Qt::TextSingleLine |
                              (below ? Qt::AlignLeft : Qt::AlignRight),
                          where);
        if (!below)
            area.setRight(area.right() - measure.horizontalAdvance(where) - theme.scaled(8));
        painter->setPen(own);
        painter->drawText(area, Qt::AlignVCenter | Qt::AlignLeft | Qt::TextSingleLine,
                          measure.elidedText(functionFor(line, measure, area.width()),
                                             Qt::ElideRight, area.width()));
    }

private:
    static QString functionFor(const StackLine& line, const QFontMetrics& measure, int room)
    {
        if (line.function.empty())
            return Formatter::notReported();
        const QString whole = Formatter::line(line.function.str(), 512);
        return measure.horizontalAdvance(whole) <= room ? whole : shortFunction(line);
    }

    /// Whether file and line stand below the function.
    static bool stands(int width, const QModelIndex& index)
    {
        const auto& model = static_cast<const FrameModel&>(*index.model());
        const FrameModel::Row& row = model.row(index.row());
        if (row.fold)
            return false;
        const Theme& theme = Theme::current();
        const StackLine& line = model.line(row);
        const QFontMetrics measure(theme.mono(12, QFont::DemiBold));
        const int room = width - 2 * theme.scaled(metrics::panelPadding) - theme.scaled(22 + 8);
        const QString where = shortLine(line);
        return !where.isEmpty() &&
               measure.horizontalAdvance(where) + measure.horizontalAdvance(shortFunction(line)) >
                   room;
    }
};

} // namespace

FrameList::FrameList(QWidget* parent)
    : QListView(parent)
    , frames_(new FrameModel(this))
{
    setModel(frames_);
    setItemDelegate(new FrameDelegate(this));
    setFrameShape(QFrame::NoFrame);
    setStyleSheet(QStringLiteral("QListView { border: none; }"));
    setSelectionMode(SingleSelection);
    setEditTriggers(NoEditTriggers);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setResizeMode(Adjust);
    setTabKeyNavigation(false);
    setAccessibleName(tr("Acquire stack"));
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    connect(&Theme::current(), &Theme::changed, this, [this] {
        scheduleDelayedItemsLayout();
        updateGeometry();
    });
}

void FrameList::setStack(const StackRef& stack, LeakSeverity severity)
{
    const bool same = same_stack(frames_->stack(), stack);
    frames_->setStack(stack, severity);
    if (!same)
        updateGeometry();
}

const StackRef& FrameList::stack() const
{
    return frames_->stack();
}

const StackLine* FrameList::picked() const
{
    const QModelIndexList chosen = selectionModel()->selectedIndexes();
    if (!chosen.isEmpty() && !frames_->row(chosen.front().row()).fold)
        return &frames_->line(frames_->row(chosen.front().row()));
    return acquiring_line(frames_->stack().get());
}

void FrameList::setOld(bool old)
{
    frames_->setOld(old);
}

QSize FrameList::sizeHint() const
{
    QStyleOptionViewItem option;
    option.rect = QRect(0, 0, std::max(viewport()->width(), 80), 10);
    int height = 0;
    for (int row = 0; row < frames_->rowCount(); ++row)
        height += itemDelegate()->sizeHint(option, frames_->index(row)).height();
    return {200, height};
}

void FrameList::resizeEvent(QResizeEvent* event)
{
    QListView::resizeEvent(event);
    if (event->size().width() != event->oldSize().width())
        updateGeometry();
}

void FrameList::toggle(const QModelIndex& index)
{
    if (!index.isValid() || !frames_->row(index.row()).fold)
        return;
    frames_->toggle(index.row());
    scheduleDelayedItemsLayout();
    updateGeometry();
}

void FrameList::keyPressEvent(QKeyEvent* event)
{
    const QModelIndex current = currentIndex();
    if (event->matches(QKeySequence::Copy)) {
        emit copyWanted();
    } else if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter) {
        if (current.isValid() && frames_->row(current.row()).fold)
            toggle(current);
        else
            emit openWanted();
    } else if (event->key() == Qt::Key_Space) {
        event->ignore(); // it plays and pauses
    } else {
        QListView::keyPressEvent(event);
    }
}

void FrameList::mouseReleaseEvent(QMouseEvent* event)
{
    QListView::mouseReleaseEvent(event);
    if (event->button() == Qt::LeftButton)
        toggle(indexAt(event->position().toPoint()));
}

} // namespace poolscope
