// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/poolencoder.h"

#include "core/record/poolseries.h"
#include "core/record/schema.h"

#include <set>
#include <string>
#include <tuple>

namespace poolscope::record {

namespace {

using schema::row_id;
using schema::Table;

Value bits(std::uint64_t value)
{
    return static_cast<std::int64_t>(value);
}

Value optional_duration(const std::optional<Duration>& duration)
{
    return duration ? Value{to_us(*duration)} : Value{};
}

/// How long before `now`.
Value age(Timestamp now, const std::optional<Timestamp>& since)
{
    return since ? Value{wrapped_difference(to_us(now), to_us(*since))} : Value{};
}

void put_summary(std::vector<Value>& values, const std::optional<DurationSummary>& summary)
{
    if (!summary) {
        values.resize(values.size() + 4);
        return;
    }
    values.insert(values.end(), {bits(summary->count), optional_duration(summary->total),
                                 optional_duration(summary->p50), optional_duration(summary->p99)});
}

/// The process's clock at an instant of ours.
Timestamp theirs(Timestamp time, Duration clock_offset)
{
    return timestamp_from_us(wrapped_sum(to_us(time), to_us(clock_offset)));
}

} // namespace

bool same_identity(const Checkout& a, const Checkout& b)
{
    const auto rest = [](const Checkout& c) {
        return std::tie(c.key, c.pool, c.connection, c.server_pid, c.local_port, c.acquired, c.wait,
                        c.acquired_by, c.thread, c.trace_id, c.tags, c.expected);
    };
    return rest(a) == rest(b) && same_stack(a.stack, b.stack);
}

std::size_t PoolEncoder::PropertiesHash::operator()(const Properties& properties) const
{
    std::size_t hash = properties.size();
    for (const auto& [name, value] : properties) {
        hash = hash * 31 + std::hash<std::string>{}(name.str());
        hash = hash * 31 + std::hash<std::string>{}(value.str());
    }
    return hash;
}

std::size_t PoolEncoder::sample(const Observation& o, const PoolSample& sample,
                                const TargetState* now, const std::vector<CheckoutKey>& gone,
                                bool gap_before, Pending& pending)
{
    const std::uint64_t sequence = o.sequence.value;
    const Timestamp process_now = theirs(o.time, sample.clock_offset);
    put_sample(o, sample, now != nullptr, gap_before, pending);
    std::size_t rows = put_pools(o, sample, now != nullptr, gap_before, pending);
    rows += put_connections(sequence, sample, pending);
    // First who left: one may come again in the same sample.
    rows += put_ends(o, sample, gone, process_now, pending);
    std::size_t position = 0;
    for (const Checkout& checkout : sample.changed)
        pending.plain.push_back(
            {Table::checkout_change,
             checkout_row(row_id(sequence, position++), o.target, checkout, process_now, pending)});
    rows += position + put_holds(sequence, sample, process_now, pending);
    // What the world does not follow must not grow here.
    if (!now)
        live_.erase(o.target);
    return rows;
}

void PoolEncoder::put_sample(const Observation& o, const PoolSample& sample, bool attached,
                             bool gap_before, Pending& pending)
{
    pending.plain.push_back(
        {Table::pool_sample,
         {number_of(o.sequence), to_us(o.time), number_of(o.target), std::int64_t{sample.full},
          attached ? Value{std::int64_t{gap_before}} : Value{}, to_us(sample.clock_offset),
          bits(sample.lost), bits(sample.unreadable)}});
}

std::size_t PoolEncoder::put_pools(const Observation& o, const PoolSample& sample, bool attached,
                                   bool gap_before, Pending& pending)
{
    std::size_t position = 0;
    for (const Pool& pool : sample.pools) {
        const std::int64_t id = row_id(o.sequence.value, position++);
        pending.plain.push_back({Table::pool, pool_row(id, pool, pending)});
        if (attached)
            minutes_.count_pool(o.target, pool.name, o.time, id,
                                busy(pool_point(pool, o.time, false)), gap_before);
    }
    return position;
}

std::size_t PoolEncoder::put_connections(std::uint64_t sequence, const PoolSample& sample,
                                         Pending& pending)
{
    std::size_t position = 0;
    for (const PoolConnection& connection : sample.opened)
        pending.plain.push_back(
            {Table::connection_change,
             connection_row(row_id(sequence, position++), connection, pending)});
    std::size_t closed = 0;
    for (const ConnectionKey& key : sample.closed)
        pending.plain.push_back({Table::connection_close,
                                 {row_id(sequence, closed++), texts_.optional(key.pool, pending),
                                  texts_.optional(key.id, pending)}});
    return position + closed;
}

std::size_t PoolEncoder::put_ends(const Observation& o, const PoolSample& sample,
                                  const std::vector<CheckoutKey>& gone, Timestamp now,
                                  Pending& pending)
{
    std::map<Text, LiveCheckout>& live = live_[o.target];
    std::size_t position = 0;
    const auto put = [&](const Text& id, const Value& returned) {
        const auto known = live.find(id);
        const bool ours = known != live.end() && known->second.identity.key.id == id;
        const std::int64_t row = ours ? known->second.row.id : add_stranger(o.target, id, pending);
        pending.plain.push_back(
            {Table::checkout_end, {row_id(o.sequence.value, position++), row, returned}});
    };
    std::set<Text> told;
    for (const CheckoutEnd& end : sample.ended) {
        put(end.id, age(now, end.returned));
        told.insert(end.id);
    }
    for (const CheckoutKey& key : gone) {
        if (!told.contains(key.id))
            put(key.id, {});
        live.erase(key.id);
    }
    return position;
}

std::size_t PoolEncoder::put_holds(std::uint64_t sequence, const PoolSample& sample, Timestamp now,
                                   Pending& pending)
{
    std::size_t position = 0;
    for (const BriefHolds& holds : sample.brief)
        pending.plain.push_back(
            {Table::brief_hold,
             {row_id(sequence, position++), texts_.optional(holds.pool, pending),
              optional(holds.stack, pending), bits(holds.count), to_us(holds.held),
              to_us(holds.longest)}});
    std::size_t timeouts = 0;
    for (const AcquireTimeout& timeout : sample.timeouts)
        pending.plain.push_back(
            {Table::acquire_timeout,
             {row_id(sequence, timeouts++), texts_.optional(timeout.pool, pending),
              age(now, timeout.time), to_us(timeout.waited),
              texts_.optional(timeout.acquired_by, pending), optional(timeout.stack, pending)}});
    std::size_t places = 0;
    for (const PreparedStatements& prepared : sample.prepared)
        pending.plain.push_back(
            {Table::prepared, prepared_row(row_id(sequence, places++), prepared, now, pending)});
    return position + timeouts + places;
}

std::size_t PoolEncoder::keyframe(const World& world, TargetId id, const Value& agent,
                                  Positions& at, Pending& pending)
{
    const TargetState& target = *world.target(id);
    const Pools& pools = target.pools;
    if (pools == Pools{})
        return 0;
    const std::uint64_t sequence = world.sequence().value;
    pending.plain.push_back({Table::keyframe_process,
                             {row_id(sequence, at.processes++), number_of(id), agent,
                              bits(pools.lost), bits(pools.unreadable), bits(pools.unmatched)}});
    const auto put = [&](Table table, std::vector<Value> values) {
        values.emplace_back(number_of(id));
        pending.plain.push_back({table, std::move(values)});
    };
    for (const auto& [name, pool] : pools.pools)
        put(Table::keyframe_pool, pool_row(row_id(sequence, at.pools++), pool, pending));
    for (const auto& [key, connection] : pools.connections)
        put(Table::keyframe_connection,
            connection_row(row_id(sequence, at.connections++), connection, pending));
    const Timestamp now = theirs(world.now(), target.clock_offset);
    for (const auto& [key, checkout] : pools.checkouts)
        put(Table::keyframe_checkout,
            checkout_row(row_id(sequence, at.checkouts++), id, checkout, now, pending));
    for (const auto& [key, prepared] : pools.prepared)
        put(Table::keyframe_prepared,
            prepared_row(row_id(sequence, at.prepared++), prepared, now, pending));
    return pools.pools.size() + pools.connections.size() + pools.checkouts.size() +
           pools.prepared.size();
}

void PoolEncoder::forget_before(std::int64_t keyframe)
{
    stacks_.forget_before(keyframe);
    properties_.forget_before(keyframe);
}

std::vector<Value> PoolEncoder::pool_row(std::int64_t id, const Pool& pool, Pending& pending)
{
    std::vector<Value> values;
    values.reserve(30);
    values.assign({id, texts_.optional(pool.name, pending), texts_.optional(pool.kind, pending),
                   texts_.optional(pool.database, pending)});
    Properties configuration;
    configuration.reserve(pool.configuration.size());
    for (const auto& [name, value] : pool.configuration)
        configuration.emplace_back(Text{name}, Text{value});
    values.push_back(configuration.empty() ? Value{} : Value{number(configuration, pending)->id});
    values.insert(values.end(), {optional_value(pool.used), optional_value(pool.idle),
                                 optional_value(pool.total), optional_value(pool.max),
                                 optional_value(pool.idle_min), optional_value(pool.idle_max),
                                 optional_value(pool.pending), optional_value(pool.timeouts)});
    put_summary(values, pool.wait_time);
    put_summary(values, pool.use_time);
    put_summary(values, pool.create_time);
    values.insert(values.end(),
                  {optional_value(pool.leaks_detected), optional_value(pool.tracked),
                   texts_.optional(pool.circuit, pending), texts_.optional(pool.health, pending)});
    return values;
}

std::vector<Value> PoolEncoder::connection_row(std::int64_t id, const PoolConnection& connection,
                                               Pending& pending)
{
    return {id,
            texts_.optional(connection.key.pool, pending),
            texts_.optional(connection.key.id, pending),
            optional_value(connection.opened),
            optional_value(connection.server_pid),
            optional_value(connection.local_port),
            texts_.optional(connection.health, pending)};
}

std::vector<Value> PoolEncoder::checkout_row(std::int64_t id, TargetId target,
                                             const Checkout& checkout, Timestamp now,
                                             Pending& pending)
{
    return {id,
            number(target, checkout, pending),
            age(now, checkout.heartbeat),
            optional_value(checkout.busy),
            age(now, checkout.busy_since),
            texts_.optional(checkout.statement, pending),
            texts_.optional(checkout.reported, pending)};
}

std::vector<Value> PoolEncoder::prepared_row(std::int64_t id, const PreparedStatements& prepared,
                                             Timestamp now, Pending& pending)
{
    return {id,
            texts_.optional(prepared.pool, pending),
            optional(prepared.stack, pending),
            bits(prepared.open),
            age(now, prepared.oldest),
            optional_value(prepared.distinct),
            texts_.optional(prepared.statement, pending)};
}

std::int64_t PoolEncoder::number(TargetId target, const Checkout& checkout, Pending& pending)
{
    const auto [at, added] = live_[target].try_emplace(checkout.key.id);
    LiveCheckout& live = at->second;
    if (added || !same_identity(live.identity, checkout)) {
        live = {};
        live.identity = checkout;
        put_identity(live, pending);
    } else if (live.row.used != texts_.span()) {
        touch(live.row, Table::checkout, pending);
        if (live.tags)
            touch(*live.tags, Table::property_list, pending);
        if (live.stack)
            touch(*live.stack, Table::stack, pending);
    }
    return live.row.id;
}

void PoolEncoder::put_identity(LiveCheckout& live, Pending& pending)
{
    const Checkout& c = live.identity;
    live.row = {++last_checkout_, texts_.span(), {}};
    if (!c.tags.empty())
        live.tags = number(c.tags, pending);
    if (c.stack)
        live.stack = number(c.stack, pending);
    const auto text = [&](const Text& t) {
        return text_of(live.row, t, pending);
    };
    pending.plain.push_back(
        {Table::checkout,
         {live.row.id, live.row.used, number_of(c.key.target), c.key.id, text(c.pool),
          text(c.connection), optional_value(c.server_pid), optional_value(c.local_port),
          to_us(c.acquired), optional_duration(c.wait), text(c.acquired_by), text(c.thread),
          text(c.trace_id), live.tags ? Value{live.tags->id} : Value{},
          live.stack ? Value{live.stack->id} : Value{}, optional_duration(c.expected)}});
}

/// Somebody whose beginning was not seen came to an end: all that is known is the name.
std::int64_t PoolEncoder::add_stranger(TargetId target, const Text& id, Pending& pending)
{
    std::vector<Value> values{++last_checkout_, texts_.span(), number_of(target), id};
    values.resize(static_cast<std::size_t>(schema::definition(Table::checkout).columns));
    pending.plain.push_back({Table::checkout, std::move(values)});
    return last_checkout_;
}

Value PoolEncoder::text_of(Numbered& owner, const Text& text, Pending& pending)
{
    if (text.is_null())
        return {};
    owner.texts.push_back(texts_.number(text, pending));
    return owner.texts.back();
}

template <class Numbers, class Key, class Line>
NumberedRef PoolEncoder::number(Numbers& numbers, const Key& key, Table table, Table line_table,
                                std::size_t lines, Line line, Pending& pending)
{
    NumberedRef found = numbers.find(key);
    if (found) {
        touch(*found, table, pending);
        return found;
    }
    found = numbers.add(key);
    found->used = texts_.span();
    for (std::size_t i = 0; i < lines; ++i) {
        std::vector<Value> row{row_id(static_cast<std::uint64_t>(found->id), i)};
        for (Value& value : line(i, *found))
            row.push_back(std::move(value));
        pending.plain.push_back({line_table, std::move(row)});
    }
    pending.plain.push_back({table, {found->id, found->used, static_cast<std::int64_t>(lines)}});
    return found;
}

NumberedRef PoolEncoder::number(const StackRef& stack, Pending& pending)
{
    const auto line = [&](std::size_t i, Numbered& owner) {
        const StackLine& at = stack->lines[i];
        return std::vector<Value>{text_of(owner, at.function, pending),
                                  text_of(owner, at.file, pending), std::int64_t{at.line},
                                  std::int64_t{at.own}};
    };
    return number(stacks_, stack, Table::stack, Table::stack_line, stack->lines.size(), line,
                  pending);
}

NumberedRef PoolEncoder::number(const Properties& properties, Pending& pending)
{
    const auto line = [&](std::size_t i, Numbered& owner) {
        return std::vector<Value>{text_of(owner, properties[i].first, pending),
                                  text_of(owner, properties[i].second, pending)};
    };
    return number(properties_, properties, Table::property_list, Table::property, properties.size(),
                  line, pending);
}

Value PoolEncoder::optional(const StackRef& stack, Pending& pending)
{
    return stack ? Value{number(stack, pending)->id} : Value{};
}

/// A ring keeps what is used, so it must keep its texts: under the numbers that the rows have.
void PoolEncoder::touch(Numbered& numbered, Table table, Pending& pending) const
{
    if (numbered.used == texts_.span())
        return;
    numbered.used = texts_.span();
    texts_.mark(table, numbered.id, pending);
    for (const std::int64_t text : numbered.texts)
        texts_.mark(Table::text, text, pending);
}

} // namespace poolscope::record
