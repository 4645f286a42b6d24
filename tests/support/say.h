// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace poolscope::test {

/// Words of a test that has many of them.
inline QString say(const char* words)
{
    return QString::fromLatin1(words);
}

} // namespace poolscope::test
