// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"

#include <span>

namespace poolscope {

/// What --help says without a verb.
extern const char* const overviewText;

/// A verb by name, and what its --help says.
struct VerbText
{
    Verb verb;
    const char* name;
    const char* what;
    const char* examples;
};
std::span<const VerbText> verbTexts();

} // namespace poolscope
