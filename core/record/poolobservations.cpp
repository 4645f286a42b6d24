// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/poolobservations.h"

#include "core/base/bounds.h"
#include "core/record/observations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

namespace poolscope::record {

namespace {

constexpr std::array<std::string_view, 8> tables{
    "pool",         "connection_change", "connection_close", "checkout_change",
    "checkout_end", "brief_hold",        "acquire_timeout",  "prepared",
};
/// The last of them came with version 3.
constexpr std::size_t tables_before_3 = 7;

std::uint64_t count(const Row& row, int column)
{
    return static_cast<std::uint64_t>(row.integer(column));
}

} // namespace

PoolSampleCursor::PoolSampleCursor(SQLite::Database& database, PoolLookup& lookup,
                                   SequenceNumber after)
    : lookup_(lookup)
{
    const std::uint64_t from = std::min(after.value, schema::last_sequence);
    for (const std::string_view table :
         std::span{tables}.first(lookup.version() < 3 ? tables_before_3 : tables.size())) {
        Rows rows{{database, fmt::format("SELECT * FROM {} WHERE id > ? ORDER BY id", table)}};
        rows.query.bind(1, schema::row_id(from, 0) | schema::position_mask);
        rows.ready = rows.query.step();
        rows_.push_back(std::move(rows));
    }
}

void PoolSampleCursor::each(Table table, SequenceNumber sample,
                            const std::function<void(const Row&)>& take)
{
    if (table >= rows_.size()) // of a later version than the recording
        return;
    Rows& rows = rows_[table];
    const std::int64_t end = schema::row_id(sample.value, 0) | schema::position_mask;
    while (rows.ready) {
        const Row row{rows.query};
        const std::int64_t id = row.integer(0);
        if (id > end)
            break;
        // Rows below belong to no sample that is left; a damaged file may have such.
        if (schema::sequence_of(id) == sample.value)
            take(row);
        rows.ready = rows.query.step();
    }
}

PoolSample PoolSampleCursor::read(const Row& row, const Observation& so_far)
{
    PoolSample sample;
    sample.full = row.boolean(3);
    if (!row.null(4))
        static_cast<void>(row.boolean(4));
    sample.clock_offset = bounded_duration(row.integer(5));
    sample.lost = count(row, 6);
    sample.unreadable = count(row, 7);
    const SequenceNumber number = so_far.sequence;
    const Timestamp now =
        bounded_instant(wrapped_sum(to_us(so_far.time), to_us(sample.clock_offset)));
    const auto before = [&](const Row& r, int column) {
        return bounded_instant(wrapped_difference(to_us(now), r.integer(column)));
    };
    each(pool, number, [&](const Row& r) { sample.pools.push_back(lookup_.pool(r)); });
    each(connection_change, number,
         [&](const Row& r) { sample.opened.push_back(lookup_.connection(r)); });
    each(connection_close, number, [&](const Row& r) {
        sample.closed.push_back({lookup_.text(r, 1), lookup_.text(r, 2)});
    });
    each(checkout_change, number,
         [&](const Row& r) { sample.changed.push_back(lookup_.changed_checkout(r, now)); });
    each(checkout_end, number, [&](const Row& r) {
        const Checkout& of = lookup_.checkout(r.integer(1));
        // Without it, the end follows from a full sample.
        if (!r.null(2))
            sample.ended.push_back({of.key.id, before(r, 2)});
    });
    each(brief_hold, number, [&](const Row& r) {
        sample.brief.push_back({lookup_.text(r, 1), lookup_.stack(r, 2), count(r, 3),
                                Duration{r.integer(4)}, Duration{r.integer(5)}});
    });
    each(acquire_timeout, number, [&](const Row& r) {
        sample.timeouts.push_back({lookup_.text(r, 1), before(r, 2), Duration{r.integer(3)},
                                   lookup_.text(r, 4), lookup_.stack(r, 5)});
    });
    each(prepared, number,
         [&](const Row& r) { sample.prepared.push_back(lookup_.prepared(r, now)); });
    return sample;
}

AgentFacts read_agent(const Row& row)
{
    AgentFacts facts;
    facts.protocol = static_cast<std::int32_t>(row.integer(
        3, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
    facts.agent = row.text(4);
    facts.process = row.text(5);
    facts.host = row.text(6);
    facts.pid = row.integer(7);
    if (!row.null(8))
        facts.can = parse_word_list(row.text(8));
    facts.may_reclaim = row.boolean(9);
    return facts;
}

ActionReported read_reclaim(const Row& row)
{
    ActionReported action;
    action.action = ActionId{count(row, 3)};
    action.verb = ActionVerb::reclaim;
    action.checkout.target = target_id(row.integer(4));
    if (!row.null(5))
        action.checkout.id = Text{row.text(5)};
    action.phase = static_cast<ActionPhase>(row.integer(6, 0, 5));
    action.sentence = row.text(7);
    return action;
}

std::map<std::int64_t, ProcessRow>
read_processes(SQLite::Database& database, PoolLookup& lookup, std::int64_t keyframe,
               const std::function<Timestamp(std::int64_t target)>& process_now)
{
    std::map<std::int64_t, ProcessRow> processes;
    const auto each = [&](std::string_view table, int target_column, const auto& take) {
        Query query{database,
                    fmt::format("SELECT * FROM {} WHERE id BETWEEN ? AND ? ORDER BY id", table)};
        const std::int64_t first = schema::row_id(static_cast<std::uint64_t>(keyframe), 0);
        query.bind(1, first);
        query.bind(2, first | schema::position_mask);
        while (query.step()) {
            const Row row{query};
            const auto found = processes.find(row.integer(target_column));
            if (found == processes.end())
                throw Damaged("a pool stands in no process");
            take(row, found->second.pools);
        }
    };
    Query query{database, "SELECT * FROM keyframe_process WHERE id BETWEEN ? AND ? ORDER BY id"};
    const std::int64_t first = schema::row_id(static_cast<std::uint64_t>(keyframe), 0);
    query.bind(1, first);
    query.bind(2, first | schema::position_mask);
    while (query.step()) {
        const Row row{query};
        ProcessRow& process = processes[row.integer(1)];
        process.agent = row.optional_integer(2);
        process.pools.lost = count(row, 3);
        process.pools.unreadable = count(row, 4);
        process.pools.unmatched = count(row, 5);
    }
    each("keyframe_pool", 29, [&](const Row& row, Pools& pools) {
        Pool pool = lookup.pool(row);
        pools.pools.insert_or_assign(pool.name, std::move(pool));
    });
    each("keyframe_connection", 7, [&](const Row& row, Pools& pools) {
        PoolConnection connection = lookup.connection(row);
        pools.connections.insert_or_assign(connection.key, std::move(connection));
    });
    each("keyframe_checkout", 7, [&](const Row& row, Pools& pools) {
        Checkout checkout = lookup.changed_checkout(row, process_now(row.integer(7)));
        pools.checkouts.insert_or_assign(checkout.key.id, std::move(checkout));
    });
    if (lookup.version() < 3)
        return processes;
    each("keyframe_prepared", 7, [&](const Row& row, Pools& pools) {
        PreparedStatements prepared = lookup.prepared(row, process_now(row.integer(7)));
        pools.prepared.insert_or_assign(key_of(prepared), std::move(prepared));
    });
    return processes;
}

} // namespace poolscope::record
