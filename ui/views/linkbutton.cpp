// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/linkbutton.h"

#include "ui/theme/theme.h"

#include <QKeyEvent>

#include <algorithm>

namespace poolscope {

namespace {

constexpr int linkPad = 2; ///< px beside the words, where the frame of the focus has room

} // namespace

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

void LinkButton::setElide(Qt::TextElideMode mode, int lines)
{
    elide_ = mode;
    lines_ = lines;
    setSizePolicy(mode == Qt::ElideNone ? QSizePolicy::Minimum : QSizePolicy::Ignored,
                  QSizePolicy::Fixed);
    fit();
}

/// Broken at spaces; only the last line is cut.
QString LinkButton::inLines(int width) const
{
    QStringList shown;
    QString rest = words_;
    while (shown.size() + 1 < lines_ && fontMetrics().horizontalAdvance(rest) > width) {
        qsizetype end = rest.size();
        do
            end = rest.lastIndexOf(QLatin1Char(' '), end - 1);
        while (end > 0 && fontMetrics().horizontalAdvance(rest.left(end)) > width);
        if (end <= 0)
            break; // one long word
        shown += rest.left(end);
        rest = rest.mid(end + 1);
    }
    shown += fontMetrics().elidedText(rest, elide_, width);
    return shown.join(QLatin1Char('\n'));
}

void LinkButton::fit()
{
    QString shown = words_;
    if (elide_ != Qt::ElideNone) {
        const int border = 2 * Theme::current().scaled(linkPad); // see restyle()
        shown = inLines(std::max(width() - border, 0));
        // Tooltips guess at rich text; escaped, the guess cannot matter.
        const bool whole = QString(shown).replace(QLatin1Char('\n'), QLatin1Char(' ')) == words_;
        setToolTip(whole ? QString()
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
    const Theme& theme = Theme::current();
    setStyleSheet(QStringLiteral("QPushButton { border: none; background: transparent; "
                                 "padding: 0 %3px; min-height: %4px; text-align: left; "
                                 "color: %1; text-decoration: underline; } "
                                 "QPushButton:focus { border: 2px solid %1; padding: 0 %5px; } "
                                 "QPushButton:disabled { color: %2; text-decoration: none; }")
                      .arg(theme.tokens().accent.name(), theme.tokens().text3.name())
                      .arg(theme.scaled(linkPad))
                      .arg(theme.scaled(18))
                      .arg(theme.scaled(linkPad) - 2));
}

} // namespace poolscope
