// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QString>

namespace poolscope {

/// QObject::tr() for functions that belong to no QObject. `n` fills %n.
inline QString tr(const char* text, int n = -1)
{
    return QCoreApplication::translate("poolscope", text, nullptr, n);
}

} // namespace poolscope
