// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"
#include "core/record/rows.h"

#include <unordered_map>
#include <utility>
#include <vector>

namespace poolscope::record {

/// What the samples of agents refer to, by number, with a bounded memory. Of a recording of version
/// 2 or later. Throws Damaged.
class PoolLookup
{
public:
    PoolLookup(SQLite::Database& database, Lookup& texts, std::int64_t version);

    /// Of the recording's format.
    std::int64_t version() const { return version_; }

    Text text(const Row& row, int column) { return texts_.optional_text(row, column); }
    /// Null where the column is.
    StackRef stack(const Row& row, int column);
    /// A checkout of which only the identity is set; one whose beginning was not seen has a name
    /// alone.
    const Checkout& checkout(std::int64_t id);

    /// Rows as in the tables of those names.
    Pool pool(const Row& row);
    PoolConnection connection(const Row& row);
    /// `now` is the process's clock.
    Checkout changed_checkout(const Row& row, Timestamp now);
    PreparedStatements prepared(const Row& row, Timestamp now);

private:
    using Properties = std::vector<std::pair<Text, Text>>;
    struct Known
    {
        Checkout identity;
        bool begun = false;
    };
    const Known& known(std::int64_t id);
    const StackRef& stack(std::int64_t id);
    const Properties& properties(std::int64_t id);

    Lookup& texts_;
    std::int64_t version_;
    Query checkout_query_;
    Query stack_query_;
    Query line_query_;
    Query list_query_;
    Query property_query_;
    std::unordered_map<std::int64_t, Known> checkouts_;
    std::unordered_map<std::int64_t, StackRef> stacks_;
    std::unordered_map<std::int64_t, Properties> properties_;
    std::size_t lines_ = 0;          ///< of the stacks known
    std::size_t property_count_ = 0; ///< of the lists known
};

std::optional<std::uint64_t> optional_count(const Row& row, int column);
std::optional<DurationSummary> optional_summary(const Row& row, int first_column);

} // namespace poolscope::record
