// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/poollookup.h"

#include "core/base/bounds.h"
#include "core/record/columns.h"

#include <fmt/format.h>

namespace poolscope::record {

namespace {

constexpr std::size_t most_checkouts = 8192;
constexpr std::size_t most_lines = 65536;
constexpr std::size_t most_properties = 65536;
/// Of a list: as many as its rows can be numbered.
constexpr std::int64_t last_list = std::int64_t{1} << 42;

std::optional<Timestamp> before(Timestamp now, const Row& row, int column)
{
    const auto age = row.optional_integer(column);
    return age ? std::optional{bounded_instant(wrapped_difference(to_us(now), *age))}
               : std::nullopt;
}

/// How many rows a list says it has; then they are bound. Throws where there is no such list.
std::size_t begin_list(Query& list, Query& rows, std::int64_t id, const char* what)
{
    list.reset();
    list.bind(1, id);
    if (id < 1 || id >= last_list || !list.step()) {
        list.reset();
        throw Damaged(fmt::format("{} {} is missing", what, id));
    }
    const auto count = static_cast<std::size_t>(Row{list}.integer(0, 0, schema::position_mask));
    list.reset();
    const std::int64_t first = schema::row_id(static_cast<std::uint64_t>(id), 0);
    rows.reset();
    rows.bind(1, first);
    rows.bind(2, first | schema::position_mask);
    return count;
}

} // namespace

std::optional<std::uint64_t> optional_count(const Row& row, int column)
{
    const auto value = row.optional_integer(column);
    return value ? std::optional{static_cast<std::uint64_t>(*value)} : std::nullopt;
}

std::optional<DurationSummary> optional_summary(const Row& row, int first)
{
    const auto count = optional_count(row, first);
    if (!count)
        return std::nullopt;
    return DurationSummary{*count, optional_duration(row, first + 1),
                           optional_duration(row, first + 2), optional_duration(row, first + 3)};
}

PoolLookup::PoolLookup(SQLite::Database& database, Lookup& texts, std::int64_t version)
    : texts_(texts)
    , version_(version)
    , checkout_query_(database, "SELECT target, name, pool, connection, server_pid, local_port,"
                                " acquired, wait_us, acquired_by, thread, trace_id, tags, stack,"
                                " expected_us FROM checkout WHERE id = ?")
    , stack_query_(database, "SELECT lines FROM stack WHERE id = ?")
    , line_query_(database, "SELECT function, file, line, own FROM stack_line"
                            " WHERE id BETWEEN ? AND ? ORDER BY id")
    , list_query_(database, "SELECT properties FROM property_list WHERE id = ?")
    , property_query_(database, "SELECT name, value FROM property WHERE id BETWEEN ? AND ?"
                                " ORDER BY id")
{}

StackRef PoolLookup::stack(const Row& row, int column)
{
    const auto id = row.optional_integer(column);
    return id ? stack(*id) : StackRef{};
}

const StackRef& PoolLookup::stack(std::int64_t id)
{
    if (const auto found = stacks_.find(id); found != stacks_.end())
        return found->second;
    const std::size_t count = begin_list(stack_query_, line_query_, id, "stack");
    std::vector<StackLine> lines;
    while (line_query_.step()) {
        const Row row{line_query_};
        lines.push_back({text(row, 0), text(row, 1),
                         static_cast<std::int32_t>(row.integer(2, least_31, most_31)),
                         row.boolean(3)});
    }
    line_query_.reset();
    if (lines.size() != count)
        throw Damaged(fmt::format("stack {} is not whole", id));
    if (lines_ >= most_lines) {
        stacks_.clear();
        lines_ = 0;
    }
    lines_ += count + 1;
    return stacks_.emplace(id, make_stack(std::move(lines))).first->second;
}

const PoolLookup::Properties& PoolLookup::properties(std::int64_t id)
{
    if (const auto found = properties_.find(id); found != properties_.end())
        return found->second;
    const std::size_t count = begin_list(list_query_, property_query_, id, "property list");
    Properties made;
    while (property_query_.step()) {
        const Row row{property_query_};
        made.emplace_back(text(row, 0), text(row, 1));
    }
    property_query_.reset();
    if (made.size() != count)
        throw Damaged(fmt::format("property list {} is not whole", id));
    if (property_count_ >= most_properties) {
        properties_.clear();
        property_count_ = 0;
    }
    property_count_ += count + 1;
    return properties_.emplace(id, std::move(made)).first->second;
}

const Checkout& PoolLookup::checkout(std::int64_t id)
{
    return known(id).identity;
}

const PoolLookup::Known& PoolLookup::known(std::int64_t id)
{
    if (const auto found = checkouts_.find(id); found != checkouts_.end())
        return found->second;
    checkout_query_.reset();
    checkout_query_.bind(1, id);
    if (!checkout_query_.step()) {
        checkout_query_.reset();
        throw Damaged(fmt::format("checkout {} is missing", id));
    }
    const Row row{checkout_query_};
    Known made;
    Checkout& c = made.identity;
    c.key.target = TargetId{static_cast<std::uint32_t>(row.integer(0, 0, most_32))};
    if (!row.null(1))
        c.key.id = Text{row.text(1)};
    c.pool = text(row, 2);
    c.connection = text(row, 3);
    c.server_pid = row.optional_integer(4);
    c.local_port = optional_port(row, 5);
    made.begun = !row.null(6);
    if (made.begun)
        c.acquired = bounded_instant(row.integer(6));
    c.wait = optional_duration(row, 7);
    c.acquired_by = text(row, 8);
    c.thread = text(row, 9);
    c.trace_id = text(row, 10);
    if (const auto tags = row.optional_integer(11))
        c.tags = properties(*tags);
    c.stack = stack(row, 12);
    c.expected = optional_duration(row, 13);
    checkout_query_.reset();
    if (checkouts_.size() >= most_checkouts)
        checkouts_.clear();
    return checkouts_.emplace(id, std::move(made)).first->second;
}

Pool PoolLookup::pool(const Row& row)
{
    Pool p;
    p.name = text(row, 1);
    p.kind = text(row, 2);
    p.database = text(row, 3);
    if (const auto configuration = row.optional_integer(4)) {
        for (const auto& [name, value] : properties(*configuration))
            p.configuration.emplace_back(name.str(), value.str());
    }
    p.used = row.optional_integer(5);
    p.idle = row.optional_integer(6);
    p.total = row.optional_integer(7);
    p.max = row.optional_integer(8);
    p.idle_min = row.optional_integer(9);
    p.idle_max = row.optional_integer(10);
    p.pending = row.optional_integer(11);
    p.timeouts = optional_count(row, 12);
    p.wait_time = optional_summary(row, 13);
    p.use_time = optional_summary(row, 17);
    p.create_time = optional_summary(row, 21);
    p.leaks_detected = optional_count(row, 25);
    p.tracked = optional_count(row, 26);
    p.circuit = text(row, 27);
    p.health = text(row, 28);
    return p;
}

PoolConnection PoolLookup::connection(const Row& row)
{
    PoolConnection c;
    c.key = {text(row, 1), text(row, 2)};
    c.opened = optional_time(row, 3);
    c.server_pid = row.optional_integer(4);
    c.local_port = optional_port(row, 5);
    c.health = text(row, 6);
    return c;
}

Checkout PoolLookup::changed_checkout(const Row& row, Timestamp now)
{
    const Known& of = known(row.integer(1));
    if (!of.begun)
        throw Damaged("a checkout changes that never began");
    Checkout c = of.identity;
    c.heartbeat = before(now, row, 2);
    if (!row.null(3))
        c.busy = row.boolean(3);
    c.busy_since = before(now, row, 4);
    c.statement = text(row, 5);
    c.reported = text(row, 6);
    return c;
}

PreparedStatements PoolLookup::prepared(const Row& row, Timestamp now)
{
    PreparedStatements p;
    p.pool = text(row, 1);
    p.stack = stack(row, 2);
    p.open = static_cast<std::uint64_t>(row.integer(3));
    p.oldest = before(now, row, 4);
    p.distinct = optional_count(row, 5);
    p.statement = text(row, 6);
    return p;
}

} // namespace poolscope::record
