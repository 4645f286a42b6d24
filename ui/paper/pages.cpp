// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/pages.h"

#include <QPainter>

#include <algorithm>

namespace poolscope::paper {

namespace {

/// Puts slabs below each other.
class Stacker
{
public:
    explicit Stacker(qreal height)
        : height_(height)
    {}

    void put(const std::vector<Slab>& slabs)
    {
        std::size_t at = 0;
        while (at < slabs.size()) {
            std::size_t end = at;
            qreal needed = slabs[at].height + above(slabs[at]);
            while (slabs[end].withNext && end + 1 < slabs.size() &&
                   slabs[end + 1].article == slabs[at].article) {
                ++end;
                needed += slabs[end].above + slabs[end].height;
            }
            if (pages_.empty() || slabs[at].article != pages_.back().article ||
                y_ + needed > height_)
                turn(slabs[at]);
            for (; at <= end; ++at) {
                // More that belongs together than a page holds.
                if (y_ + above(slabs[at]) + slabs[at].height > height_)
                    turn(slabs[at]);
                place(slabs[at]);
            }
        }
    }
    std::vector<SheetOfPaper> pages() { return std::move(pages_); }

private:
    qreal above(const Slab& slab) const { return y_ > 0 ? slab.above : 0; }

    void turn(const Slab& next)
    {
        if (!pages_.empty() && pages_.back().slabs.empty())
            return;
        pages_.push_back({next.article, {}});
        y_ = 0;
        if (next.head && next.head->height + next.height <= height_)
            place(*next.head);
    }

    void place(const Slab& slab)
    {
        const qreal room = above(slab);
        pages_.back().slabs.push_back({&slab, y_ + room, room});
        y_ += room + slab.height;
    }

    qreal height_;
    qreal y_ = 0;
    std::vector<SheetOfPaper> pages_;
};

} // namespace

std::vector<SheetOfPaper> pagesOf(const std::vector<Slab>& slabs, qreal height)
{
    Stacker stacker(height);
    stacker.put(slabs);
    return stacker.pages();
}

void paintSlabs(QPainter& painter, const SheetOfPaper& page)
{
    const Slab* before = nullptr;
    for (const PlacedSlab& placed : page.slabs) {
        const Slab& slab = *placed.slab;
        if (slab.paint)
            slab.paint(painter, placed.top);
        for (const Side& side : slab.sides) {
            const bool goesOn =
                before && std::any_of(before->sides.begin(), before->sides.end(),
                                      [&](const Side& each) { return each.of == side.of; });
            const qreal from = placed.top - (goesOn ? placed.joined : 0);
            painter.fillRect(QRectF(side.left, from, side.width, placed.top + slab.height - from),
                             side.colour);
        }
        before = &slab;
    }
}

} // namespace poolscope::paper
