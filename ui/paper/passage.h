// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/paper/element.h"
#include "ui/paper/printstyle.h"

#include <QTextLayout>

#include <memory>

class QPainter;

namespace poolscope::paper {

/// How a text looks where nothing in it says otherwise. Sizes in pixels.
struct Look
{
    qreal size = 14;
    qreal lineHeight = 20;
    QString colour = QStringLiteral("text"); ///< of the style sheet's
    bool mono = false;
    bool bold = false;
    bool keepsLines = false; ///< of a statement: as it was written
    bool wraps = true;
};

/// A text that is laid out: some lines below each other, which may be drawn apart from each other.
/// A copy is the same passage.
class Passage
{
public:
    /// Of inline elements: code, b, span, br and a glyph in front are known.
    Passage(const std::vector<const Element*>& elements, const Look& look, const PrintStyle& style);

    /// Before the other questions. In units.
    void setWidth(qreal width);
    /// On one line each.
    qreal naturalWidth() const;
    /// Of the longest word.
    qreal leastWidth() const;

    const QString& text() const { return text_; }
    bool wraps() const { return look_.wraps; }
    int lines() const { return layout_->lineCount(); }
    qreal lineHeight() const { return px(look_.lineHeight); }
    qreal height() const { return lines() * lineHeight(); }
    /// `count` lines from `first` on, the first of them at `at`.
    void paint(QPainter& painter, QPointF at, int first, int count) const;

private:
    qreal longestLine(QTextOption::WrapMode wrap, qreal width) const;
    void add(const Element& element, const Look& look);
    QTextCharFormat formatOf(const Look& look) const;
    qreal indent() const;

    const PrintStyle* style_;
    Look look_;
    QString text_;
    QList<QTextLayout::FormatRange> formats_;
    const Element* glyph_ = nullptr;
    std::shared_ptr<QTextLayout> layout_ = std::make_shared<QTextLayout>();
};

} // namespace poolscope::paper
