// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/paper.h"

#include "core/base/text.h"
#include "ui/paper/typesetter.h"

#include <QBuffer>
#include <QFontMetricsF>
#include <QPainter>
#include <QPdfWriter>

namespace poolscope::paper {

namespace {

constexpr int units_per_inch = 96 * units_per_pixel;
constexpr qreal mm = units_per_inch / 25.4;
constexpr qreal page_width = 210 * mm;
constexpr qreal page_height = 297 * mm;
constexpr qreal side_margin = 14 * mm;
constexpr qreal top_margin = 15 * mm;
constexpr qreal bottom_margin = 20 * mm; ///< with the foot in it
constexpr qreal foot_at = 11 * mm;       ///< its text, above the page's end

QString oneLine(const std::string& text)
{
    return QString::fromStdString(plain_line(text, 300));
}

} // namespace

QSizeF Booklet::sheet()
{
    return {page_width, page_height};
}

QRectF Booklet::textArea()
{
    return {side_margin, top_margin, page_width - 2 * side_margin,
            page_height - top_margin - bottom_margin};
}

Booklet::Booklet(const report::Input& input)
    : html_(elementsOf(report::html_of(input)))
{
    for (const report::Incident& incident : input.incidents)
        feet_.push_back(QStringLiteral("%1, %2").arg(
            oneLine(incident.file), oneLine(report::span_in_words(incident, input.utc))));
    const QRectF area = textArea();
    slabs_ = Typesetter(style_, area.width(), area.height()).set(html_);
    sheets_ = pagesOf(slabs_, area.height());
}

QString Booklet::title() const
{
    const Element* const head = html_.child("head");
    const Element* const title = head ? head->child("title") : nullptr;
    return title ? title->allText() : QString();
}

QString Booklet::footOf(std::size_t sheet) const
{
    const auto of = static_cast<std::size_t>(sheets_.at(sheet).article);
    return of < feet_.size() ? feet_[of] : QString();
}

QString Booklet::numberOf(std::size_t sheet) const
{
    return QStringLiteral("Page %1 of %2").arg(sheet + 1).arg(sheets_.size());
}

void Booklet::paint(QPainter& painter, std::size_t sheet) const
{
    const QRectF area = textArea();
    painter.save();
    painter.translate(area.topLeft());
    paintSlabs(painter, sheets_.at(sheet));
    painter.restore();

    const QFont font = paperFont(px(11));
    const QFontMetricsF metrics(font);
    const QString number = numberOf(sheet);
    const qreal wide = metrics.horizontalAdvance(number);
    const qreal y = page_height - foot_at;
    painter.fillRect(QRectF(area.left(), y - px(16), area.width(), px(1)),
                     style_.colour(QStringLiteral("line")));
    painter.setFont(font);
    painter.setPen(style_.colour(QStringLiteral("text3")));
    painter.drawText(QPointF(area.left(), y), metrics.elidedText(footOf(sheet), Qt::ElideMiddle,
                                                                 area.width() - wide - px(24)));
    painter.drawText(QPointF(area.right() - wide, y), number);
}

QByteArray pdfOf(const report::Input& input)
{
    const Booklet booklet(input);
    QByteArray pdf;
    QBuffer buffer(&pdf);
    buffer.open(QIODevice::WriteOnly);
    QPdfWriter writer(&buffer);
    writer.setResolution(units_per_inch);
    writer.setPageSize(QPageSize(QPageSize::A4));
    writer.setPageMargins(QMarginsF());
    writer.setCreator(QStringLiteral("Poolscope"));
    writer.setTitle(booklet.title());
    QPainter painter(&writer);
    for (std::size_t i = 0; i < booklet.sheets().size(); ++i) {
        if (i > 0)
            writer.newPage();
        booklet.paint(painter, i);
    }
    painter.end();
    buffer.close();
    return pdf;
}

} // namespace poolscope::paper
