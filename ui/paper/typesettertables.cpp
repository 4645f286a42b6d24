// SPDX-License-Identifier: GPL-3.0-or-later
// The typesetter's tables, and what stands in columns like one.
#include "ui/paper/columns.h"
#include "ui/paper/typesetter.h"

#include <QPainter>

#include <algorithm>

namespace poolscope::paper {

/// Names and what they are, in two columns.
void Typesetter::facts(const Element& element, const Frame& frame)
{
    std::vector<Row> rows;
    for (const Element& each : element.children) {
        Look look;
        if (each.name == QLatin1String("dt")) {
            look.colour = QStringLiteral("text3");
            look.mono = each.has("time");
            look.size = each.has("time") ? 12 : 14;
            rows.emplace_back();
        }
        if (rows.empty())
            continue;
        rows.back().ruled = false;
        if (!each.name.isEmpty())
            rows.back().cells.emplace_back(childrenOf(each), look, style_);
    }
    qreal widest = 0;
    for (const Row& row : rows)
        widest = std::max(widest, row.cells.front().naturalWidth());
    widest = std::min(widest + px(16), frame.width / 3);
    addRoom(4, frame);
    // Their texts begin where others do.
    Frame inner = frame;
    inner.left -= cell_padding;
    inner.width += cell_padding;
    for (const Row& row : rows)
        addRow(row, {widest, inner.width - widest}, inner, {});
    addRoom(4, frame);
}

Typesetter::Row Typesetter::rowOf(const Element& element) const
{
    Row row;
    for (const Element& cell : element.children) {
        if (cell.name != QLatin1String("th") && cell.name != QLatin1String("td"))
            continue;
        row.head = cell.name == QLatin1String("th");
        Look look;
        look.size = row.head || cell.has("time") ? 12 : 13;
        look.lineHeight = 18;
        look.bold = row.head;
        look.mono = cell.has("time");
        look.wraps = !row.head && !cell.has("time") && !cell.has("what");
        if (row.head)
            look.colour = QStringLiteral("text2");
        row.cells.emplace_back(childrenOf(cell), look, style_);
    }
    return row;
}

void Typesetter::table(const Element& element, const Frame& frame)
{
    std::vector<Row> rows;
    for (const Element& part : element.children)
        for (const Element& row : part.children)
            if (row.name == QLatin1String("tr"))
                rows.push_back(rowOf(row));
    Columns columns;
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.cells.size(); ++i)
            columns.hold(i, row.cells[i], row.head);
    const std::vector<qreal> widths = columns.widths(frame.width);
    addRoom(8, frame, true);
    std::shared_ptr<const Slab> head;
    for (const Row& row : rows) {
        addRow(row, widths, frame, head);
        if (row.head) {
            slabs_.back().withNext = true;
            head = std::make_shared<const Slab>(slabs_.back());
        }
    }
    addRoom(4, frame);
}

void Typesetter::addRow(const Row& row, const std::vector<qreal>& widths, const Frame& frame,
                        const std::shared_ptr<const Slab>& head)
{
    int lines = 0;
    qreal lineHeight = px(1);
    for (std::size_t i = 0; i < row.cells.size() && i < widths.size(); ++i) {
        Passage cell = row.cells[i];
        cell.setWidth(widths[i] - 2 * cell_padding);
        lines = std::max(lines, cell.lines());
        lineHeight = std::max(lineHeight, cell.lineHeight());
    }
    // What no page holds is cut all the same.
    const qreal room = height_ - (head ? head->height : 0) - 2 * cell_padding;
    const int most = std::max(1, static_cast<int>(room / lineHeight));
    for (int first = 0; first < lines; first += most) {
        Slab slab = rowSlab(row, widths, frame, first, std::min(most, lines - first));
        slab.head = head;
        add(std::move(slab), frame);
    }
}

Slab Typesetter::rowSlab(const Row& row, const std::vector<qreal>& widths, const Frame& frame,
                         int first, int count) const
{
    Slab slab;
    QStringList words;
    for (const Passage& cell : row.cells) {
        const int lines = std::clamp(cell.lines() - first, 0, count);
        slab.height = std::max(slab.height, lines * cell.lineHeight());
        words << cell.text();
    }
    slab.height += px(6);
    slab.text = first == 0 ? words.join(QLatin1Char('\t')) : QString();
    slab.paint = [row, widths, first, count, left = frame.left, width = frame.width,
                  height = slab.height, head = style_.colour(QStringLiteral("head")),
                  line = style_.colour(QStringLiteral("line"))](QPainter& painter, qreal top) {
        if (row.head)
            painter.fillRect(QRectF(left, top, width, height), head);
        else if (row.ruled)
            painter.fillRect(QRectF(left, top + height - px(1), width, px(1)), line);
        qreal x = left;
        for (std::size_t i = 0; i < row.cells.size() && i < widths.size(); ++i) {
            row.cells[i].paint(painter, {x + cell_padding, top + px(3)}, first, count);
            x += widths[i];
        }
    };
    return slab;
}

} // namespace poolscope::paper
