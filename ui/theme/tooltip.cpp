// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/tooltip.h"

namespace poolscope {

QString plainToolTip(const QString& text)
{
    if (text.isEmpty())
        return {};
    constexpr qsizetype most = 2000;
    QString shown = text.size() > most ? text.left(most) + QChar(0x2026) : text;
    shown = shown.toHtmlEscaped();
    shown.replace(QLatin1Char('\n'), QStringLiteral("<br>"));
    return QStringLiteral("<qt>%1</qt>").arg(shown);
}

} // namespace poolscope
