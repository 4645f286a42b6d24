// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/drawing.h"

#include <QFontMetricsF>
#include <QPainter>
#include <QPainterPath>
#include <QRegularExpression>

namespace poolscope::paper {

namespace {

constexpr qreal hatch_every = 8.5; ///< from line to line, as the style's pattern has it

QPainterPath pathOf(const QString& words)
{
    QPainterPath path;
    static const QRegularExpression step(QStringLiteral("([MLHVZ])([^MLHVZ]*)"));
    static const QRegularExpression between(QStringLiteral("[ ,]+"));
    for (auto steps = step.globalMatch(words); steps.hasNext();) {
        const QRegularExpressionMatch found = steps.next();
        const char letter = found.captured(1).at(0).toLatin1();
        QList<qreal> n;
        for (const QString& number : found.captured(2).split(between, Qt::SkipEmptyParts))
            n << number.toDouble();
        const QPointF at = path.currentPosition();
        if (letter == 'Z')
            path.closeSubpath();
        else if (letter == 'H' && n.size() == 1)
            path.lineTo(n[0], at.y());
        else if (letter == 'V' && n.size() == 1)
            path.lineTo(at.x(), n[0]);
        else if (letter == 'M' && n.size() == 2)
            path.moveTo(n[0], n[1]);
        else if (letter == 'L' && n.size() == 2)
            path.lineTo(n[0], n[1]);
    }
    return path;
}

void drawHatch(QPainter& painter, const QRectF& box, const PrintStyle& style)
{
    painter.save();
    painter.setClipRect(box, Qt::IntersectClip);
    painter.fillRect(box, style.fill({QStringLiteral("ground")}));
    painter.setPen(style.stroke({QStringLiteral("hatch")}));
    for (qreal x = box.left() - box.height(); x < box.right(); x += hatch_every)
        painter.drawLine(QPointF(x, box.top()), QPointF(x + box.height(), box.bottom()));
    painter.restore();
}

void drawText(QPainter& painter, const Element& element, const PrintStyle& style)
{
    const QStringList classes = element.classes();
    const QString text = element.allText();
    const QFont font = style.font(classes);
    const QString anchor = element.attributes.value(QStringLiteral("text-anchor"));
    const qreal width = QFontMetricsF(font).horizontalAdvance(text);
    const qreal before = anchor == QLatin1String("end")      ? width
                         : anchor == QLatin1String("middle") ? width / 2
                                                             : 0;
    painter.setFont(font);
    painter.setPen(style.fill(classes).color());
    painter.drawText(QPointF(element.number("x") - before, element.number("y")), text);
}

void drawElement(QPainter& painter, const Element& element, const PrintStyle& style)
{
    const QStringList classes = element.classes();
    const auto number = [&element](const char* name) {
        return element.number(name);
    };
    painter.setPen(style.stroke(classes));
    painter.setBrush(style.fill(classes));
    if (element.name == QLatin1String("path")) {
        painter.drawPath(pathOf(element.attributes.value(QStringLiteral("d"))));
    } else if (element.name == QLatin1String("rect")) {
        const QRectF box(number("x"), number("y"), number("width"), number("height"));
        if (element.attributes.value(QStringLiteral("fill")).startsWith(QLatin1String("url")))
            drawHatch(painter, box, style);
        else
            painter.drawRect(box);
    } else if (element.name == QLatin1String("line")) {
        painter.drawLine(QPointF(number("x1"), number("y1")), QPointF(number("x2"), number("y2")));
    } else if (element.name == QLatin1String("circle")) {
        painter.drawEllipse(QPointF(number("cx"), number("cy")), number("r"), number("r"));
    } else if (element.name == QLatin1String("text")) {
        drawText(painter, element, style);
    } else if (element.name == QLatin1String("g")) {
        static const QRegularExpression move(
            QStringLiteral("^translate\\(([-0-9.]+) ([-0-9.]+)\\)$"));
        const QRegularExpressionMatch by =
            move.match(element.attributes.value(QStringLiteral("transform")));
        painter.save();
        painter.translate(by.captured(1).toDouble(), by.captured(2).toDouble());
        for (const Element& child : element.children)
            drawElement(painter, child, style);
        painter.restore();
    }
}

} // namespace

QSizeF sizeOf(const Element& svg)
{
    const QStringList box = svg.attributes.value(QStringLiteral("viewBox")).split(QLatin1Char(' '));
    return box.size() == 4 ? QSizeF(box[2].toDouble(), box[3].toDouble()) : QSizeF();
}

void draw(QPainter& painter, const Element& svg, const PrintStyle& style, const QRectF& target)
{
    const QSizeF size = sizeOf(svg);
    if (size.isEmpty())
        return;
    painter.save();
    painter.translate(target.topLeft());
    painter.scale(target.width() / size.width(), target.width() / size.width());
    for (const Element& child : svg.children)
        drawElement(painter, child, style);
    painter.restore();
}

} // namespace poolscope::paper
