// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/passage.h"

#include "ui/paper/drawing.h"

#include <QPainter>

#include <algorithm>

namespace poolscope::paper {

namespace {

constexpr qreal glyph_size = 14;
constexpr qreal glyph_room = 20;
constexpr qreal endless = 1e7;

QString collapsed(const QString& text)
{
    QString words = text;
    for (QChar& c : words)
        if (c == QLatin1Char('\n') || c == QLatin1Char('\t'))
            c = QLatin1Char(' ');
    return words;
}

} // namespace

Passage::Passage(const std::vector<const Element*>& elements, const Look& look,
                 const PrintStyle& style)
    : style_(&style)
    , look_(look)
{
    for (const Element* element : elements)
        add(*element, look);
    while (text_.endsWith(QLatin1Char(' ')) || text_.endsWith(QChar::LineSeparator))
        text_.chop(1);
    layout_->setText(text_);
    layout_->setFont(paperFont(px(look.size), look.mono, look.bold));
    layout_->setFormats(formats_);
    layout_->setCacheEnabled(true);
    setWidth(endless);
}

QTextCharFormat Passage::formatOf(const Look& look) const
{
    QTextCharFormat format;
    format.setFont(paperFont(px(look.size), look.mono, look.bold));
    format.setForeground(style_->colour(look.colour));
    return format;
}

void Passage::add(const Element& element, const Look& look)
{
    if (element.name.isEmpty()) {
        QString words = look.keepsLines ? element.text : collapsed(element.text);
        if (look.keepsLines)
            words.replace(QLatin1Char('\n'), QChar::LineSeparator);
        else if (text_.isEmpty() || text_.endsWith(QLatin1Char(' ')) ||
                 text_.endsWith(QChar::LineSeparator))
            while (words.startsWith(QLatin1Char(' ')))
                words.remove(0, 1);
        QTextLayout::FormatRange range;
        range.start = static_cast<int>(text_.size());
        range.length = static_cast<int>(words.size());
        range.format = formatOf(look);
        text_ += words;
        if (range.length > 0)
            formats_ << range;
        return;
    }
    if (element.name == QLatin1String("br")) {
        text_ += QChar::LineSeparator;
        return;
    }
    if (element.name == QLatin1String("svg")) {
        if (text_.isEmpty())
            glyph_ = &element;
        return;
    }
    Look within = look;
    if (element.name == QLatin1String("code")) {
        within.mono = true;
        within.size = 12;
    } else if (element.name == QLatin1String("b")) {
        within.bold = true;
    }
    if (element.has("tag")) {
        within.size = 12;
        within.colour = QStringLiteral("text3");
    } else if (element.has("quiet") || element.has("lib")) {
        within.colour = QStringLiteral("text3");
    }
    for (const Element& child : element.children)
        add(child, within);
}

qreal Passage::indent() const
{
    return glyph_ ? px(glyph_room) : 0;
}

void Passage::setWidth(qreal width)
{
    QTextOption option;
    option.setWrapMode(look_.wraps ? QTextOption::WrapAtWordBoundaryOrAnywhere
                                   : QTextOption::NoWrap);
    option.setUseDesignMetrics(true);
    layout_->setTextOption(option);
    layout_->beginLayout();
    for (QTextLine line = layout_->createLine(); line.isValid(); line = layout_->createLine()) {
        const int number = line.lineNumber();
        const qreal from = number == 0 ? indent() : 0;
        line.setLineWidth(std::max<qreal>(1, width - from));
        line.setPosition({from, number * lineHeight() + (lineHeight() - line.height()) / 2});
    }
    layout_->endLayout();
}

/// The longest line where each may be so long.
qreal Passage::longestLine(QTextOption::WrapMode wrap, qreal width) const
{
    QTextLayout layout(text_, layout_->font());
    QTextOption option;
    option.setWrapMode(wrap);
    option.setUseDesignMetrics(true);
    layout.setTextOption(option);
    layout.setFormats(formats_);
    qreal most = 0;
    layout.beginLayout();
    for (QTextLine line = layout.createLine(); line.isValid(); line = layout.createLine()) {
        line.setLineWidth(width);
        most = std::max(most, line.naturalTextWidth());
    }
    layout.endLayout();
    return most;
}

qreal Passage::naturalWidth() const
{
    return longestLine(QTextOption::NoWrap, endless) + indent();
}

qreal Passage::leastWidth() const
{
    return longestLine(QTextOption::WordWrap, 1) + indent();
}

void Passage::paint(QPainter& painter, QPointF at, int first, int count) const
{
    if (glyph_ && first == 0 && count > 0)
        draw(
            painter, *glyph_, *style_,
            {at.x(), at.y() + (lineHeight() - px(glyph_size)) / 2, px(glyph_size), px(glyph_size)});
    for (int i = first; i < std::min(first + count, lines()); ++i)
        layout_->lineAt(i).draw(&painter, at - QPointF(0, first * lineHeight()));
}

} // namespace poolscope::paper
