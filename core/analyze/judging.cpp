// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/judging.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace poolscope {

namespace {

/// In the words of one kind of pool; null where it is not told, or off.
std::optional<Duration> setting_of(const Pool& pool, std::string_view name)
{
    const auto found = std::find_if(pool.configuration.begin(), pool.configuration.end(),
                                    [&](const auto& setting) { return setting.first == name; });
    if (found == pool.configuration.end())
        return {};
    std::string text = found->second;
    std::erase(text, ' ');
    std::optional<Duration> read = parse_duration(text);
    if (!read && text.ends_with("us")) {
        read = parse_duration(text.replace(text.size() - 2, 2, "ms"));
        read = read ? std::optional(*read / 1000) : read;
    } else if (!read) {
        read = parse_duration(text + "ms"); // a bare number
    }
    return read && *read > Duration{0} ? read : std::nullopt;
}

bool is_off(const Pool& pool, std::string_view name)
{
    return std::any_of(pool.configuration.begin(), pool.configuration.end(),
                       [&](const auto& s) { return s.first == name && s.second == "false"; });
}

bool lends_for_life(const Pool& pool)
{
    return pool.kind.str() == "pgbouncer" &&
           std::any_of(pool.configuration.begin(), pool.configuration.end(), [](const auto& s) {
               return s.first == "pool_mode" && s.second == "session";
           });
}

std::optional<LeakThresholds> own_of(const Pool& pool)
{
    if (is_off(pool, "leak_detection"))
        return {};
    // Of ours, in Poolscope's durations; of HikariCP, in milliseconds.
    auto alert = setting_of(pool, "leak_threshold");
    if (!alert)
        alert = setting_of(pool, "leakDetectionThreshold");
    if (!alert)
        return {};
    const auto critical = setting_of(pool, "leak_critical_threshold");
    return LeakThresholds{*alert, std::max(*alert, critical.value_or(LeakThresholds{}.critical))};
}

} // namespace

PoolJudging Judging::of(const Pool* pool) const
{
    if (pool != nullptr) {
        if (const auto choice = pools.find(pool->name); choice != pools.end())
            return {choice->second, JudgedBy::pool_choice};
    }
    const bool judged = pool == nullptr || !lends_for_life(*pool);
    if (chosen)
        return {*chosen, JudgedBy::choice, judged};
    const auto own = pool != nullptr ? own_of(*pool) : std::nullopt;
    return own ? PoolJudging{*own, JudgedBy::pool, judged}
               : PoolJudging{LeakThresholds{}, JudgedBy::standard, judged};
}

PoolJudging Judging::of(const Pools& all, const Text& name) const
{
    // Also of a pool that is not known yet, or no longer.
    if (const auto choice = pools.find(name); choice != pools.end())
        return {choice->second, JudgedBy::pool_choice};
    const auto pool = all.pools.find(name);
    return of(pool == all.pools.end() ? nullptr : &pool->second);
}

Judging judging_of(const World& world, TargetId target)
{
    Judging judging;
    if (const LeakThresholds* const chosen = world.chosen_thresholds(target))
        judging.chosen = *chosen;
    // For a pool of that name anywhere first: the narrower choice counts.
    for (const TargetId id : {TargetId{0}, target}) {
        const auto& all = world.chosen_thresholds();
        for (auto it = all.lower_bound({id, Text{}}); it != all.end() && it->first.first == id;
             ++it) {
            if (!it->first.second.empty())
                judging.pools[it->first.second] = it->second;
        }
    }
    return judging;
}

} // namespace poolscope
