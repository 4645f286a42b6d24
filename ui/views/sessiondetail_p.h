// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/text.h"
#include "ui/models/formatter.h"

namespace poolscope::detail {

/// Rows of the session's form.
enum Field { user, database, application, client, started, waitEvent, holding, xid, xmin, type };
/// Rows of the form of its checkout, below the line of code.
enum CheckoutField { checkoutPool, checkoutBy, checkoutTags, checkoutTrace };

inline QString named(const Text& text)
{
    return text.is_null() ? Formatter::notReported() : Formatter::line(text.str(), 300);
}

/// For a button's face: an ampersand is one, and makes no key of the letter behind it.
inline QString literal(QString words)
{
    return words.replace(QLatin1Char('&'), QStringLiteral("&&"));
}

} // namespace poolscope::detail
