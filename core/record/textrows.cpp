// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/textrows.h"

namespace poolscope::record {

std::int64_t TextRows::number(const Text& text, Pending& pending)
{
    bool added = false;
    TextNumbers::Entry& entry = numbers_.number(text, added);
    if (added) {
        pending.plain.push_back({schema::Table::text, {entry.id, span_, text}});
        entry.used = span_;
        bytes_ += text.str().size() + 8;
    } else if (entry.used != span_) {
        entry.used = span_;
        mark(schema::Table::text, entry.id, pending);
    }
    return entry.id;
}

} // namespace poolscope::record
