// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/text.h"
#include "ui/models/formatter.h"

namespace poolscope::detail {

/// Rows of the session's form.
enum Field { user, database, application, client, started, waitEvent, holding, xid, xmin, type };

inline QString named(const Text& text)
{
    return text.is_null() ? Formatter::notReported() : Formatter::line(text.str(), 300);
}

} // namespace poolscope::detail
