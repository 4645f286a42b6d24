// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// What a metric tells of a pool. `state`: used or idle, as a label says.
enum class PoolFigure : std::uint8_t {
    used,
    idle,
    total,
    max,
    idle_min,
    idle_max,
    pending,
    state,
    timeouts, ///< from here on: counted since the pool was made
    wait_count,
    wait_total,
    wait, ///< from here on durations: a histogram or a summary
    use,
    create,
    limit, ///< PgBouncer: of all pools of a database, which a label names
    reserve,
};

/// Which part of a duration a series is.
enum class MetricPart : std::uint8_t { value, sum, count, bucket };

/// One kind of metrics that tell of pools.
struct MetricsFamily
{
    std::string_view kind; ///< of the pool: "hikaricp" …
    std::vector<std::string_view>
        name; ///< labels that may hold the pool's name: the first that is there
    std::vector<std::string_view> through; ///< then all of them, with "/" between
    std::string_view max_setting;          ///< what the pool itself calls its max; empty: unknown
    std::string_view idle_min_setting;
};

struct MetricsMeaning
{
    const MetricsFamily* family = nullptr;
    PoolFigure figure = PoolFigure::used;
    MetricPart part = MetricPart::value;
    double unit = 1; ///< microseconds in one of it, of durations and wait_total
};

/// What a metric of this name tells; empty: nothing of a pool. Some tell two things. Where the name
/// of the pool is a part of it, as Dropwizard has it, `pool` becomes that.
std::span<const MetricsMeaning> meanings_of(std::string_view name, std::string_view& pool);

/// The names of one kind of metrics, whole, as a query asks for them. Without the buckets of
/// histograms: there are too many in a fleet.
struct MetricsQuestion
{
    std::string_view kind;
    std::vector<std::string> names; ///< ascending
    bool behind = false;            ///< each follows the pool's name and "_pool_"
};
const std::vector<MetricsQuestion>& metrics_questions();

/// Labels that tell apart the processes, or machines, whose metrics one page holds.
std::span<const std::string_view> process_labels();

} // namespace poolscope
