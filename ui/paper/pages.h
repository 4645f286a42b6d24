// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QString>

#include <functional>
#include <memory>
#include <vector>

class QPainter;

namespace poolscope::paper {

/// A line beside what belongs together, along all of it.
struct Side
{
    int of = 0; ///< the same number: the same line
    qreal left = 0;
    qreal width = 0;
    QColor colour;
};

/// What no page break goes through: some lines of a text, a row, a drawing. In units.
struct Slab
{
    int article = 0; ///< which report of the document; each begins on a page of its own
    qreal above = 0; ///< room, but not at a page's top
    qreal height = 0;
    bool withNext = false;            ///< a heading is not left behind alone
    std::shared_ptr<const Slab> head; ///< of its table: said again on another page
    std::vector<Side> sides;
    QString text;
    std::function<void(QPainter& painter, qreal top)> paint; ///< may be null
};

struct PlacedSlab
{
    const Slab* slab = nullptr;
    qreal top = 0;
    qreal joined = 0; ///< how far above it its sides begin
};

struct SheetOfPaper
{
    int article = 0;
    std::vector<PlacedSlab> slabs;
};

/// The slabs on pages of that height. They must outlive the pages.
std::vector<SheetOfPaper> pagesOf(const std::vector<Slab>& slabs, qreal height);
void paintSlabs(QPainter& painter, const SheetOfPaper& page);

} // namespace poolscope::paper
