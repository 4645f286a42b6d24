// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QHash>
#include <QPen>
#include <QString>
#include <QStringList>

namespace poolscope::paper {

/// All lengths on paper are in units of an eighth of a CSS pixel: fonts have whole numbers of them
/// for their size, and what is laid out is what is printed.
inline constexpr int units_per_pixel = 8;
constexpr qreal px(qreal pixels)
{
    return pixels * units_per_pixel;
}

/// What the report's style sheet says for paper: its light colours, and how classes of drawings
/// look. Paper is set by the typesetter.
class PrintStyle
{
public:
    PrintStyle();

    /// Of ":root": colour("text2").
    QColor colour(const QString& variable) const;
    /// A property of what has these classes; empty where none says anything.
    QString property(const QStringList& classes, const QString& name) const;
    QBrush fill(const QStringList& classes) const;
    QPen stroke(const QStringList& classes) const;
    /// Of a text in a drawing, in the drawing's pixels.
    QFont font(const QStringList& classes) const;

private:
    QHash<QString, QString> variables_;
    QHash<QString, QHash<QString, QString>> classes_;
};

/// `pixels` high, in units or in a drawing's own pixels.
QFont paperFont(qreal size, bool mono = false, bool bold = false);

} // namespace poolscope::paper
