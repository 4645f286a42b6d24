// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/linkbutton.h"

#include "ui/theme/theme.h"

#include <QKeyEvent>

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
    QString shown = words;
    shown.replace(QLatin1Char('&'), QStringLiteral("&&"));
    if (shown == text())
        return;
    setText(shown);
    setAccessibleName(words);
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
