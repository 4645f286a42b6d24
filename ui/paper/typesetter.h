// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/paper/element.h"
#include "ui/paper/pages.h"
#include "ui/paper/passage.h"

#include <vector>

namespace poolscope::paper {

/// Sets the report's page for paper: the same words and drawings, cut into slabs. The elements and
/// the style must outlive what it made of them.
class Typesetter
{
public:
    /// Of the text and of a page's, in units.
    Typesetter(const PrintStyle& style, qreal width, qreal height);

    /// The whole document.
    std::vector<Slab> set(const Element& html);

private:
    /// Where on the page, and in what.
    struct Frame
    {
        qreal left = 0;
        qreal width = 0;
        std::vector<Side> sides;
        bool minor = false; ///< a panel that is not the first
        bool warning = false;
        bool tree = false;
    };
    struct Row
    {
        std::vector<Passage> cells;
        bool head = false;
        bool ruled = true; ///< with a line below
    };
    using Elements = std::vector<const Element*>;

    void body(const Element& parent, const Frame& frame, const Look& look);
    void block(const Element& element, const Frame& frame);
    void heading(const Element& element, const Frame& frame);
    void paragraph(const Element& element, const Frame& frame);
    void list(const Element& element, const Frame& frame);
    void panel(const Element& element, const Frame& frame);
    void holder(const Element& element, const Frame& frame);
    void figure(const Element& element, const Frame& frame);
    void code(const Element& element, const Frame& frame);
    void stack(const Element& element, const Frame& frame);
    void facts(const Element& element, const Frame& frame);
    void table(const Element& element, const Frame& frame);
    Row rowOf(const Element& element) const;
    void addRow(const Row& row, const std::vector<qreal>& widths, const Frame& frame,
                const std::shared_ptr<const Slab>& head);
    Slab rowSlab(const Row& row, const std::vector<qreal>& widths, const Frame& frame, int first,
                 int count) const;
    /// In as few slabs as leave no line alone.
    void addPassage(const Elements& elements, const Frame& frame, const Look& look, qreal above);
    Slab& add(Slab slab, const Frame& frame);
    /// What was added from there on stays on one page, unless it is most of one.
    void keepTogether(std::size_t from);
    void addRoom(qreal height, const Frame& frame, bool withNext = false);

    const PrintStyle& style_;
    qreal width_;
    qreal height_;
    int article_ = 0;
    int sides_ = 0; ///< numbers given
    std::vector<Slab> slabs_;
};

} // namespace poolscope::paper
