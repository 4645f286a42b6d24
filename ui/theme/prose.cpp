// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/prose.h"

#include <QRegularExpression>

namespace poolscope {

QString unbroken(const QString& prose)
{
    static const QRegularExpression unit(QStringLiteral("(?<=\\d) (?=(?:ms|s|min|h|d|%)(?!\\w))"));
    QString text = prose;
    text.replace(unit, QString(QChar(QChar::Nbsp)));
    text.replace(QChar(0x2009), QChar(0x202f)); // thin spaces, the second one without a break
    return text;
}

} // namespace poolscope
