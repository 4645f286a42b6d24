// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace poolscope {

/// Prose that wraps between words only: a number keeps its unit and its thousands on one line.
QString unbroken(const QString& prose);

} // namespace poolscope
