// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paper/typesetter.h"

#include "ui/paper/drawing.h"

#include <QPainter>
#include <QSet>

#include <algorithm>

namespace poolscope::paper {

namespace {

constexpr int kept_lines = 3; ///< of a text that a page break may go through
constexpr int short_text = 7; ///< lines: none goes through it

bool isInline(const Element& element)
{
    static const QSet<QString> names{QString(),
                                     QStringLiteral("br"),
                                     QStringLiteral("b"),
                                     QStringLiteral("code"),
                                     QStringLiteral("span"),
                                     QStringLiteral("svg")};
    return names.contains(element.name);
}

bool saysNothing(const std::vector<const Element*>& elements)
{
    return std::all_of(elements.begin(), elements.end(), [](const Element* each) {
        return each->name.isEmpty() && each->text.trimmed().isEmpty();
    });
}

} // namespace

Typesetter::Typesetter(const PrintStyle& style, qreal width, qreal height)
    : style_(style)
    , width_(width)
    , height_(height)
{}

std::vector<Slab> Typesetter::set(const Element& html)
{
    Frame frame;
    frame.width = width_;
    if (const Element* page = html.child("body")) {
        int articles = 0;
        for (const Element& each : page->children) {
            if (each.name == QLatin1String("article"))
                article_ = articles++;
            if (!each.name.isEmpty())
                block(each, frame);
        }
    }
    return std::move(slabs_);
}

Slab& Typesetter::add(Slab slab, const Frame& frame)
{
    slab.article = article_;
    slab.sides = frame.sides;
    slabs_.push_back(std::move(slab));
    return slabs_.back();
}

void Typesetter::keepTogether(std::size_t from)
{
    qreal height = 0;
    for (std::size_t i = from; i < slabs_.size(); ++i)
        height += slabs_[i].above + slabs_[i].height;
    if (height > height_ / 2)
        return;
    for (std::size_t i = from; i + 1 < slabs_.size(); ++i)
        slabs_[i].withNext = true;
}

void Typesetter::addRoom(qreal height, const Frame& frame, bool withNext)
{
    Slab slab;
    slab.height = px(height);
    slab.withNext = withNext;
    add(std::move(slab), frame);
}

/// Texts and what stands between them.
void Typesetter::body(const Element& parent, const Frame& frame, const Look& look)
{
    Elements words;
    const auto flush = [&] {
        if (!saysNothing(words))
            addPassage(words, frame, look, px(2));
        words.clear();
    };
    for (const Element& child : parent.children) {
        if (isInline(child)) {
            words.push_back(&child);
            continue;
        }
        flush();
        // A statement is not parted from what it is said of.
        if (child.name == QLatin1String("pre") && parent.name == QLatin1String("li") &&
            !slabs_.empty())
            slabs_.back().withNext = true;
        block(child, frame);
    }
    flush();
}

void Typesetter::block(const Element& element, const Frame& frame)
{
    const QString& name = element.name;
    if (name == QLatin1String("h1") || name == QLatin1String("h2") || name == QLatin1String("h3"))
        heading(element, frame);
    else if (name == QLatin1String("p") || name == QLatin1String("footer"))
        paragraph(element, frame);
    else if (name == QLatin1String("ul"))
        list(element, frame);
    else if (name == QLatin1String("dl"))
        facts(element, frame);
    else if (name == QLatin1String("table"))
        table(element, frame);
    else if (name == QLatin1String("figure"))
        figure(element, frame);
    else if (name == QLatin1String("pre") && element.has("stack"))
        stack(element, frame);
    else if (name == QLatin1String("pre"))
        code(element, frame);
    else if (element.has("panel"))
        panel(element, frame);
    else if (element.has("holder"))
        holder(element, frame);
    else
        body(element, frame, {});
}

void Typesetter::addPassage(const Elements& elements, const Frame& frame, const Look& look,
                            qreal above)
{
    Passage passage(elements, look, style_);
    passage.setWidth(frame.width);
    const int lines = passage.lines();
    for (int first = 0; first < lines;) {
        int count = lines <= short_text ? lines : kept_lines;
        if (lines - first - count < kept_lines)
            count = lines - first;
        Slab slab;
        slab.above = first == 0 ? above : 0;
        slab.height = count * passage.lineHeight();
        slab.text = first == 0 ? passage.text() : QString();
        slab.paint = [passage, first, count, left = frame.left](QPainter& painter, qreal top) {
            passage.paint(painter, {left, top}, first, count);
        };
        add(std::move(slab), frame);
        first += count;
    }
}

void Typesetter::heading(const Element& element, const Frame& frame)
{
    const bool chapter = element.name == QLatin1String("h2");
    Look look;
    look.bold = true;
    look.size = element.name == QLatin1String("h1") ? 22 : chapter ? 16 : 14;
    look.lineHeight = element.name == QLatin1String("h1") ? 28 : chapter ? 22 : 20;
    const std::size_t first = slabs_.size();
    addPassage(childrenOf(element), frame, look, px(chapter ? 26 : 14));
    if (chapter) {
        Slab line;
        line.height = px(12);
        line.paint = [left = frame.left, width = frame.width,
                      colour = style_.colour(QStringLiteral("line2"))](QPainter& painter,
                                                                       qreal top) {
            painter.fillRect(QRectF(left, top + px(4), width, px(1)), colour);
        };
        add(std::move(line), frame);
    }
    for (std::size_t i = first; i < slabs_.size(); ++i)
        slabs_[i].withNext = true;
}

void Typesetter::paragraph(const Element& element, const Frame& frame)
{
    Look look;
    qreal above = px(4);
    if (element.has("sentence")) {
        look.bold = true;
        look.size = frame.minor ? 14 : 16;
        look.lineHeight = frame.minor ? 20 : 22;
    } else if (element.has("lead")) {
        look.colour = QStringLiteral("text2");
    } else if (element.has("tag") || element.name == QLatin1String("footer")) {
        look.size = 12;
        look.lineHeight = 17;
        look.colour = QStringLiteral("text3");
        above = element.has("tag") ? px(4) : px(32);
    } else if (element.has("quiet") || element.has("none")) {
        look.colour = QStringLiteral("text3");
    }
    addPassage(childrenOf(element), frame, look, above);
}

void Typesetter::list(const Element& element, const Frame& frame)
{
    const bool tree = element.has("tree") || frame.tree;
    Frame inner = frame;
    inner.tree = tree;
    const qreal indent = !tree ? px(18) : frame.tree ? px(22) : 0;
    inner.left += indent;
    inner.width -= indent;
    // A chain may be longer than the page is wide.
    if (inner.width < width_ / 4) {
        inner.left = frame.left;
        inner.width = frame.width;
    }
    if (tree && frame.tree)
        inner.sides.push_back(
            {++sides_, inner.left - px(16), px(1), style_.colour(QStringLiteral("line2"))});
    for (const Element& item : element.children) {
        if (item.name != QLatin1String("li"))
            continue;
        const std::size_t first = slabs_.size();
        body(item, inner, {});
        if (first >= slabs_.size())
            continue;
        if (tree) {
            slabs_[first].above = px(6);
            continue;
        }
        const auto words = slabs_[first].paint;
        slabs_[first].paint = [words, left = inner.left - px(12),
                               colour = style_.colour(QStringLiteral("text"))](QPainter& painter,
                                                                               qreal top) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(colour);
            painter.drawEllipse(QPointF(left + px(2), top + px(10)), px(2), px(2));
            if (words)
                words(painter, top);
        };
    }
}

void Typesetter::panel(const Element& element, const Frame& frame)
{
    Frame inner = frame;
    inner.left += px(16);
    inner.width -= px(28);
    inner.minor = element.has("minor");
    inner.warning = element.has("warning");
    const QColor line = style_.colour(QStringLiteral("line"));
    const QColor bar = style_.colour(element.has("critical") ? QStringLiteral("critfill")
                                     : inner.warning         ? QStringLiteral("warnfill")
                                                             : QStringLiteral("line2"));
    inner.sides.push_back({++sides_, frame.left, px(4), bar});
    inner.sides.push_back({++sides_, frame.left + frame.width - px(1), px(1), line});
    const auto edge = [&](qreal above, bool top) {
        Slab slab;
        slab.above = above;
        slab.height = px(8);
        slab.withNext = top;
        slab.paint = [left = frame.left, width = frame.width, line, top](QPainter& painter,
                                                                         qreal y) {
            painter.fillRect(QRectF(left, top ? y : y + px(7), width, px(1)), line);
        };
        add(std::move(slab), inner);
    };
    edge(px(8), true);
    const std::size_t first = slabs_.size();
    body(element, inner, {});
    // Its head is not left behind alone.
    qreal head = 0;
    for (std::size_t i = first; i + 1 < slabs_.size() && head < px(72); ++i) {
        head += slabs_[i].above + slabs_[i].height;
        slabs_[i].withNext = true;
    }
    slabs_.back().withNext = true;
    edge(0, false);
}

void Typesetter::holder(const Element& element, const Frame& frame)
{
    const std::size_t first = slabs_.size();
    Slab line;
    line.above = px(6);
    line.height = px(5);
    line.withNext = true;
    line.paint = [left = frame.left, width = frame.width,
                  colour = style_.colour(QStringLiteral("line"))](QPainter& painter, qreal top) {
        painter.fillRect(QRectF(left, top, width, px(1)), colour);
    };
    add(std::move(line), frame);
    body(element, frame, {});
    keepTogether(first);
}

void Typesetter::figure(const Element& element, const Frame& frame)
{
    if (const Element* caption = element.child("figcaption")) {
        Look look;
        look.bold = true;
        const std::size_t first = slabs_.size();
        addPassage(childrenOf(*caption), frame, look, px(12));
        for (std::size_t i = first; i < slabs_.size(); ++i)
            slabs_[i].withNext = true;
    }
    const Element* const svg = element.child("svg");
    if (!svg || sizeOf(*svg).isEmpty())
        return;
    const QSizeF size = sizeOf(*svg);
    const qreal width = std::min(frame.width, height_ / 2 * size.width() / size.height());
    Slab slab;
    slab.above = px(4);
    slab.height = width * size.height() / size.width();
    slab.paint = [svg, left = frame.left, width, style = &style_](QPainter& painter, qreal top) {
        draw(painter, *svg, *style, {left, top, width, 0});
    };
    add(std::move(slab), frame);
}

/// A statement, on a ground of its own.
void Typesetter::code(const Element& element, const Frame& frame)
{
    Frame inner = frame;
    inner.left += px(8);
    inner.width -= px(16);
    Look look;
    look.mono = true;
    look.size = 12;
    look.lineHeight = 17;
    look.keepsLines = true;
    const std::size_t first = slabs_.size();
    addPassage(childrenOf(element), inner, look, px(4));
    for (std::size_t i = first; i < slabs_.size(); ++i) {
        Slab& slab = slabs_[i];
        const qreal top_room = i == first ? px(3) : 0;
        slab.height += top_room + (i + 1 == slabs_.size() ? px(3) : 0);
        slab.paint = [words = slab.paint, top_room, left = frame.left, width = frame.width,
                      height = slab.height,
                      ground = style_.colour(QStringLiteral("alt"))](QPainter& painter, qreal top) {
            painter.fillRect(QRectF(left, top, width, height), ground);
            words(painter, top + top_room);
        };
    }
    keepTogether(first);
}

void Typesetter::stack(const Element& element, const Frame& frame)
{
    Frame inner = frame;
    inner.left += px(8);
    inner.width -= px(16);
    bool first = true;
    for (const Element& line : element.children) {
        if (line.name != QLatin1String("span"))
            continue;
        Look look;
        look.mono = true;
        look.size = 12;
        look.lineHeight = 18;
        if (line.has("lib"))
            look.colour = QStringLiteral("text3");
        Passage passage(childrenOf(line), look, style_);
        passage.setWidth(inner.width);
        Slab slab;
        slab.above = first ? px(6) : 0;
        slab.height = passage.height();
        slab.text = passage.text();
        const bool here = line.has("here");
        const QString name = !here           ? QStringLiteral("alt")
                             : frame.warning ? QStringLiteral("warnbg")
                                             : QStringLiteral("critbg");
        const QColor bar =
            style_.colour(frame.warning ? QStringLiteral("warnfill") : QStringLiteral("critfill"));
        slab.paint = [passage, here, bar, left = frame.left, width = frame.width,
                      ground = style_.colour(name)](QPainter& painter, qreal top) {
            painter.fillRect(QRectF(left, top, width, passage.height()), ground);
            if (here)
                painter.fillRect(QRectF(left, top, px(3), passage.height()), bar);
            passage.paint(painter, {left + px(8), top}, 0, passage.lines());
        };
        add(std::move(slab), frame);
        first = false;
    }
}

} // namespace poolscope::paper
