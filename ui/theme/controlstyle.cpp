// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/controlstyle.h"

#include "ui/theme/theme.h"

#include <QPainter>
#include <QStyleFactory>
#include <QStyleOption>

namespace poolscope {

ControlStyle::ControlStyle()
    : QProxyStyle(QStyleFactory::create(QStringLiteral("Fusion")))
{}

/// What Qt lays out by itself grows with its texts too: icons in lists and edits, boxes to tick,
/// and the space between controls.
int ControlStyle::pixelMetric(PixelMetric metric, const QStyleOption* option,
                              const QWidget* widget) const
{
    const int px = QProxyStyle::pixelMetric(metric, option, widget);
    switch (metric) {
    case PM_SmallIconSize:
    case PM_ButtonIconSize:
    case PM_ListViewIconSize:
    case PM_IndicatorWidth:
    case PM_IndicatorHeight:
    case PM_ExclusiveIndicatorWidth:
    case PM_ExclusiveIndicatorHeight:
    case PM_CheckBoxLabelSpacing:
    case PM_RadioButtonLabelSpacing:
    case PM_MenuButtonIndicator:
    case PM_LayoutLeftMargin:
    case PM_LayoutTopMargin:
    case PM_LayoutRightMargin:
    case PM_LayoutBottomMargin:
    case PM_LayoutHorizontalSpacing:
    case PM_LayoutVerticalSpacing:
        return px > 0 ? Theme::current().scaled(px) : px;
    default:
        return px;
    }
}

void ControlStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option,
                                 QPainter* painter, const QWidget* widget) const
{
    if (element != PE_IndicatorCheckBox) {
        QProxyStyle::drawPrimitive(element, option, painter, widget);
        return;
    }
    const Tokens& t = Theme::current().tokens();
    const bool on = option->state & (State_On | State_NoChange);
    const bool enabled = option->state & State_Enabled;
    const QRectF box = QRectF(option->rect).adjusted(0.5, 0.5, -0.5, -0.5);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    // A frame that tells the box from its ground: text3 has the contrast that line2 lacks.
    painter->setPen(!enabled ? t.line2 : on ? t.accent : t.text3);
    painter->setBrush(!enabled ? t.window : on ? t.accent : t.surface);
    painter->drawRoundedRect(box, 2, 2);
    if (on) {
        const QColor& ink = enabled ? t.onAccent : t.text3;
        painter->setPen(QPen(ink, box.width() / 7, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        const auto at = [&](double x, double y) {
            return QPointF(box.left() + box.width() * x, box.top() + box.height() * y);
        };
        if (option->state & State_NoChange) {
            painter->drawLine(at(0.25, 0.5), at(0.75, 0.5));
        } else {
            const QPointF tick[] = {at(0.24, 0.52), at(0.43, 0.70), at(0.77, 0.30)};
            painter->drawPolyline(tick, 3);
        }
    }
    painter->restore();
}

} // namespace poolscope
