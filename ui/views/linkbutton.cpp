// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/linkbutton.h"

#include "ui/theme/theme.h"

#include <QKeyEvent>

#include <algorithm>

namespace poolscope {

LinkButton::LinkButton(QWidget* parent)
    : QPushButton(parent)
{
    setFlat(true);
    setCursor(Qt::PointingHandCursor);
    connect(&Theme::current(), &Theme::changed, this, &LinkButton::restyle);
    restyle();
}

void LinkButton::setWords(const QString& words)
{
    if (words == words_)
        return;
    words_ = words;
    setAccessibleName(words);
    fit();
    updateGeometry();
}

void LinkButton::setElide(Qt::TextElideMode mode)
{
    elide_ = mode;
    setSizePolicy(mode == Qt::ElideNone ? QSizePolicy::Minimum : QSizePolicy::Ignored,
                  QSizePolicy::Fixed);
    fit();
}

void LinkButton::fit()
{
    QString shown = words_;
    if (elide_ != Qt::ElideNone) {
        constexpr int border = 4; // see restyle()
        shown = fontMetrics().elidedText(words_, elide_, std::max(width() - border, 0));
        // Tooltips guess at rich text; escaped, the guess cannot matter.
        setToolTip(shown == words_ ? QString()
                                   : QStringLiteral("<span>%1</span>").arg(words_.toHtmlEscaped()));
    }
    shown.replace(QLatin1Char('&'), QStringLiteral("&&"));
    if (shown != text())
        setText(shown);
}

void LinkButton::resizeEvent(QResizeEvent* event)
{
    QPushButton::resizeEvent(event);
    fit();
}

void LinkButton::keyPressEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter)
        click();
    else
        QPushButton::keyPressEvent(event);
}

void LinkButton::restyle()
{
    setStyleSheet(QStringLiteral("QPushButton { border: none; background: transparent; "
                                 "padding: 0 2px; min-height: 18px; text-align: left; "
                                 "color: %1; text-decoration: underline; } "
                                 "QPushButton:focus { border: 2px solid %1; padding: 0; }")
                      .arg(Theme::current().tokens().accent.name()));
}

} // namespace poolscope
