// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/stringhash.h"
#include "core/model/pool.h"
#include "core/source/metricsnames.h"
#include "core/source/metricstext.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace poolscope {

/// Finds the pools that a page of metrics tells of. What is not told stays null; so does what is
/// not a number, or negative. A page each; no I/O, no clock, one thread.
class MetricsPools final : public MetricTaker
{
public:
    static constexpr std::size_t max_pools = 10'000;
    static constexpr std::size_t max_buckets = 1000; ///< of one duration

    void take(const MetricSample& sample) override;
    /// Which target serves the page whose series bear these labels; empty: not known. Where one is
    /// told, a pool has it in its configuration as `attach_setting`.
    using Origin = std::function<std::string(std::string_view job, std::string_view instance)>;
    void set_origin(Origin origin) { origin_ = std::move(origin); }

    /// Ascending by name, each name once.
    std::vector<Pool> pools() const;
    /// Series of pools beyond max_pools.
    std::uint64_t over_limit() const { return over_limit_; }
    /// When the process began, as it says; 0: it does not. Of several processes: the latest.
    double process_started() const { return process_started_; }
    /// It is the page of a server with a query API about itself, not of an application.
    bool of_query_api() const { return of_query_api_; }
    /// A few of the metrics that tell of no pool, for a person to recognise the page by.
    const std::vector<std::string>& others() const { return others_; }

private:
    struct Sum
    {
        double value = 0;
        bool told = false;
    };
    struct Durations
    {
        Sum sum, count, p50, p99;
        std::map<double, double> buckets; ///< upper bound, how many up to there
    };
    /// One pool of one process.
    struct Key
    {
        const MetricsFamily* family = nullptr;
        std::string name;
        std::string process;
        auto operator<=>(const Key&) const = default;
    };
    struct Entry
    {
        std::array<Sum, 16> figures;
        std::array<Durations, 3> durations;
        std::string database; ///< of PgBouncer: which limit is its own
        std::array<double, 3> units{1, 1, 1};
        std::string attach;
    };
    struct Limits
    {
        Sum size, reserve;
        std::string server;
    };

    static Sum& of(Entry& entry, PoolFigure figure);
    static const Sum& of(const Entry& entry, PoolFigure figure);
    void mean(const MetricsMeaning& what, const MetricSample& sample, std::string_view pool);
    void limit(const MetricsMeaning& what, const MetricSample& sample);
    static void time(Entry& entry, const MetricsMeaning& what, const MetricSample& sample);
    static std::optional<DurationSummary> summary(const Durations& from, double unit);
    Pool pool_of(const Key& key, const Entry& entry) const;
    void drop_seen_twice(std::vector<std::pair<const Key*, Pool>>& pools) const;

    std::map<Key, Entry> entries_;
    std::map<std::pair<std::string, std::string>, Limits> limits_; ///< by process, database
    std::vector<std::string> others_;
    std::uint64_t over_limit_ = 0;
    double process_started_ = 0;
    bool of_query_api_ = false;
    Origin origin_;
};

/// A pool of a fleet tells in its configuration under this name where its process' own page is.
inline constexpr std::string_view attach_setting = "attach";
/// That target; empty where none is known.
std::string direct_target_of(const Pool& pool);

/// Whether something counted less than before: the process began anew, or the pool was made anew.
bool began_anew(const Pool& before, const Pool& now);

/// A name from outside as it may be shown: one line, bounded, without the user and password that a
/// URL may have.
std::string pool_name_of(std::string_view untrusted);

} // namespace poolscope
