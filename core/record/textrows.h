// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/record/rows.h"
#include "core/record/textnumbers.h"

#include <string>
#include <utility>

namespace poolscope::record {

/// Numbers of texts on the way into a recording, with the rows that new ones need; knows which span
/// is being written, for what notes where it was last used.
class TextRows
{
public:
    explicit TextRows(bool ring)
        : ring_(ring)
    {}

    /// `text` is not null.
    std::int64_t number(const Text& text, Pending& pending);
    std::int64_t number(const std::string& text, Pending& pending)
    {
        return number(Text{text}, pending);
    }
    /// Null for null.
    Value optional(const Text& text, Pending& pending)
    {
        return text.is_null() ? Value{} : Value{number(text, pending)};
    }
    /// Notes that a row is used in this span; only a ring wants to know.
    void mark(schema::Table table, std::int64_t id, Pending& pending) const
    {
        if (ring_)
            pending.used.push_back({table, id, span_});
    }

    /// Of a text that a row in use refers to: memory may have forgotten that it has this number.
    void keep(const Text& text, std::int64_t number_in_row, Pending& pending)
    {
        if (ring_ && number(text, pending) != number_in_row)
            mark(schema::Table::text, number_in_row, pending);
    }

    std::int64_t span() const { return span_; } ///< sequence of the latest keyframe
    void begin_span(std::int64_t keyframe) { span_ = keyframe; }
    void forget_before(std::int64_t keyframe) { numbers_.forget_before(keyframe); }
    /// Bytes of the texts that were new since the last call, roughly.
    std::size_t take_bytes() { return std::exchange(bytes_, 0); }

private:
    TextNumbers numbers_;
    bool ring_;
    std::int64_t span_ = 0;
    std::size_t bytes_ = 0;
};

} // namespace poolscope::record
