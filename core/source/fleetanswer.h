// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/source/metricstext.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace poolscope {

/// What was odd about the answers to one poll. Each series is counted once.
struct FleetFigures
{
    std::uint64_t series = 0;     ///< taken
    std::uint64_t duplicates = 0; ///< the same from another replica of the asked: the first counts
    std::uint64_t over_limit = 0; ///< beyond MetricsReader::max_series
    std::uint64_t unreadable = 0; ///< without a name, a value, or with more than max_labels
    bool partial = false;         ///< it says that it could not ask all that it should
    std::vector<std::string> warnings; ///< its own words: at most 3, plain, one line each
    friend bool operator==(const FleetFigures&, const FleetFigures&) = default;
};

/// Reads what a Prometheus-compatible query API answers: Prometheus, Thanos, Mimir,
/// VictoriaMetrics. One of these a poll, so that a series counts once. Whatever comes is bounded:
/// series and labels by MetricsReader's limits, the text by who fetches it. No I/O, no clock, one
/// thread.
class FleetReader
{
public:
    /// Of an instant query. An error where it is no such answer, or tells of one; its words are the
    /// sentence.
    Result<Done> read_instant(const std::string& json, MetricTaker& taker);

    /// A value of a range query, and when it was.
    using RangeTaker = std::function<void(Timestamp at, const MetricSample& sample)>;
    Result<Done> read_range(const std::string& json, const RangeTaker& taker);

    const FleetFigures& figures() const { return figures_; }

private:
    template <class Convert, class Tell>
    Result<Done> read_series(const std::string& json, std::string_view type,
                             std::string_view member, Convert convert, Tell tell);
    bool is_new(std::string_view name, const std::vector<MetricLabel>& labels);

    FleetFigures figures_;
    std::unordered_set<std::uint64_t> seen_;
};

/// Addresses by job and instance.
using ScrapedTargets = std::map<std::pair<std::string, std::string>, std::string>;
/// Of the server's list of what it scrapes (api/v1/targets): the address of each, as it came; those
/// of which there are two are left out. Empty where it is no such list.
ScrapedTargets read_scraped(const std::string& json);

/// The sentence of an answer that tells of an error; empty where it does not.
std::string fleet_error(const std::string& json);

} // namespace poolscope
