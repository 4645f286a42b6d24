// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QProxyStyle>

namespace poolscope {

/// Fusion, with check boxes in the colours of the theme: Fusion derives their frames from the
/// window's, which leaves them all but invisible on a dark one. Icons, boxes to tick and the space
/// between controls grow with the theme's texts.
class ControlStyle : public QProxyStyle
{
    Q_OBJECT
public:
    ControlStyle();

    int pixelMetric(PixelMetric metric, const QStyleOption* option,
                    const QWidget* widget) const override;
    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter,
                       const QWidget* widget) const override;
};

} // namespace poolscope
