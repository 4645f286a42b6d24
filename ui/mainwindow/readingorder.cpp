// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/readingorder.h"

#include <QWidget>

namespace poolscope {

namespace {

bool readsBefore(const QRect& a, const QRect& b)
{
    if (a.bottom() < b.top() || b.bottom() < a.top())
        return a.top() < b.top();
    return a.left() < b.left();
}

void collect(const QWidget& parent, QList<QWidget*>& found)
{
    QList<QWidget*> children;
    for (QObject* const object : parent.children()) {
        auto* const child = qobject_cast<QWidget*>(object);
        if (!child || child->isWindow() || !child->isVisible())
            continue;
        // By insertion: with overlaps there is no order that a sort may rely on.
        qsizetype at = children.size();
        while (at > 0 && readsBefore(child->geometry(), children[at - 1]->geometry()))
            --at;
        children.insert(at, child);
    }
    for (QWidget* const child : children) {
        if (child->isEnabled() && (child->focusPolicy() & Qt::TabFocus) != 0 &&
            !child->focusProxy())
            found << child;
        collect(*child, found);
    }
}

} // namespace

QList<QWidget*> tabStops(const QWidget& parent)
{
    QList<QWidget*> found;
    collect(parent, found);
    return found;
}

} // namespace poolscope
