// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/metricsexpvar.h"

#include "core/base/text.h"
#include "core/source/metricspools.h"

#include <simdjson.h>

#include <algorithm>

namespace poolscope {

namespace {

constexpr int deepest = 8;
constexpr std::size_t most_pools = 10'000;
constexpr std::size_t most_named = 3;
constexpr std::size_t longest_path = 256;

using simdjson::dom::element;
using simdjson::dom::object;

std::optional<std::int64_t> number(const object& from, std::string_view name)
{
    std::int64_t value = 0;
    if (from.at_key(name).get(value) != simdjson::SUCCESS || value < 0)
        return {};
    return value;
}

/// Null where the object is nothing of the kind.
std::optional<Pool> pool_in(const object& from)
{
    const auto max = number(from, "MaxOpenConnections");
    const auto open = number(from, "OpenConnections");
    const auto used = number(from, "InUse");
    const auto idle = number(from, "Idle");
    if (!max || !open || !used || !idle)
        return {};
    Pool pool;
    pool.kind = Text{std::string("database/sql")};
    pool.configuration.emplace_back("MaxOpenConns", std::to_string(*max));
    pool.used = used;
    pool.idle = idle;
    pool.total = open;
    if (*max > 0)
        pool.max = max;
    if (const auto waits = number(from, "WaitCount")) {
        pool.wait_time = DurationSummary{static_cast<std::uint64_t>(*waits), {}, {}, {}};
        if (const auto ns = number(from, "WaitDuration"))
            pool.wait_time->total = Duration{*ns / 1000 + (*ns % 1000 >= 500 ? 1 : 0)};
    }
    return pool;
}

class Walk
{
public:
    explicit Walk(ExpvarPage& page)
        : page_(page)
    {}

    void into(const element& what, const std::string& name, int depth)
    {
        if (what.is_object()) {
            object inside;
            if (what.get(inside) != simdjson::SUCCESS)
                return;
            if (std::optional<Pool> pool = pool_in(inside)) {
                add(std::move(*pool), name);
                return;
            }
            if (depth == deepest)
                return;
            for (const auto field : inside)
                into(field.value, below(name, field.key), depth + 1);
        } else if (what.is_array() && depth < deepest) {
            simdjson::dom::array items;
            std::size_t index = 0;
            if (what.get(items) != simdjson::SUCCESS)
                return;
            for (const element item : items)
                into(item, below(name, std::to_string(index++)), depth + 1);
        }
    }

private:
    static std::string below(const std::string& name, std::string_view key)
    {
        return name.size() >= longest_path ? name : name + "." + plain_line(key, longest_path);
    }
    void add(Pool pool, const std::string& name)
    {
        page_.over_limit = page_.over_limit || page_.pools.size() == most_pools;
        if (page_.over_limit)
            return;
        pool.name = Text{pool_name_of(name)};
        page_.pools.push_back(std::move(pool));
    }

    ExpvarPage& page_;
};

} // namespace

Result<ExpvarPage> read_expvar(const std::string& json)
{
    simdjson::dom::parser parser;
    element root;
    object top;
    if (parser.parse(json).get(root) != simdjson::SUCCESS || root.get(top) != simdjson::SUCCESS)
        return Error{"What came is no JSON object.", ""};
    ExpvarPage page;
    Walk walk(page);
    for (const auto field : top) {
        const std::size_t before = page.pools.size();
        walk.into(field.value, plain_line(field.key, longest_path), 1);
        ++page.variables;
        if (page.pools.size() == before && page.others.size() < most_named)
            page.others.push_back(plain_line(field.key, 64));
    }
    // A name that stands twice: the first counts.
    std::stable_sort(page.pools.begin(), page.pools.end(),
                     [](const Pool& a, const Pool& b) { return a.name < b.name; });
    page.pools.erase(std::unique(page.pools.begin(), page.pools.end(),
                                 [](const Pool& a, const Pool& b) { return a.name == b.name; }),
                     page.pools.end());
    return page;
}

} // namespace poolscope
