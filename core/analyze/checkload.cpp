// SPDX-License-Identifier: GPL-3.0-or-later
// A pool's size against what was asked of it: Little's law says that on average rate times time of
// use connections are in use (J. Little, "A Proof for the Queuing Formula L = λW", 1961).
#include "core/analyze/checkparts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

using Severity = ConfigSeverity;
using LoadPoints = std::vector<PoolPoint>;

/// Shorter than that a burst would be taken for the load.
constexpr Duration load_window = std::chrono::seconds{60};
/// And so long a quiet pool was seen before it is called too large.
constexpr Duration quiet_time = std::chrono::minutes{10};
constexpr double least_margin = 1.2;
constexpr double good_margin = 1.3;
constexpr double far_too_large = 4;
constexpr std::int64_t smallest_large = 10;
constexpr double most_asked = 1e9;

struct PoolLoad
{
    Duration seen{};
    double asked = 0; ///< connections, in the busiest window: in use, and waited for
    double rate = 0;  ///< uses a second, there
    double use_s = 0; ///< a use's length, there
    bool by_uses = false;
    std::int64_t most_used = 0;
    std::int64_t most_pending = 0;
};

/// Averages of what stands between two points: a pool stands as at the first.
struct LoadMeans
{
    double used = 0;
    double pending = 0;
};
LoadMeans load_means(const LoadPoints& points, std::size_t from, std::size_t to)
{
    LoadMeans means;
    double whole = 0;
    for (std::size_t i = from; i < to; ++i) {
        const auto us = static_cast<double>(to_us(points[i + 1].time - points[i].time));
        means.used += us * static_cast<double>(points[i].used.value_or(0));
        means.pending += us * static_cast<double>(points[i].pending.value_or(0));
        whole += us;
    }
    if (whole > 0) {
        means.used /= whole;
        means.pending /= whole;
    }
    return means;
}

void weigh_load(const LoadPoints& points, std::size_t from, std::size_t to, PoolLoad& load)
{
    const double seconds = static_cast<double>(to_us(points[to].time - points[from].time)) / 1e6;
    const LoadMeans means = load_means(points, from, to);
    double in_use = means.used, rate = 0, use_s = 0;
    bool by_uses = false;
    const auto& first = points[from].use_time;
    const auto& last = points[to].use_time;
    if (first && last && first->total && last->total && last->count > first->count &&
        *last->total >= *first->total) {
        const auto uses = static_cast<double>(last->count - first->count);
        const double held = static_cast<double>(to_us(*last->total - *first->total)) / 1e6;
        rate = uses / seconds;
        use_s = held / uses;
        by_uses = true;
        // What is still held has no length yet; and one long use may end in a short window.
        if (!points[from].used)
            in_use = held / seconds;
    }
    // Who waits needs no connection more than come in the same time; where the queue grows, by so
    // many more came. Where that is not told, each that waits may need one.
    double waiting = means.pending;
    if (by_uses) {
        const auto growth = static_cast<double>(points[to].pending.value_or(0)) -
                            static_cast<double>(points[from].pending.value_or(0));
        waiting = std::min(waiting, std::max(0.0, growth) / seconds * use_s);
    }
    const double asked = std::min(in_use + waiting, most_asked);
    if (asked > load.asked) {
        load.asked = asked;
        load.rate = rate;
        load.use_s = use_s;
        load.by_uses = by_uses;
    }
}

PoolLoad load_of(const LoadPoints& points)
{
    PoolLoad load;
    std::size_t begin = 0; // of a stretch without a gap
    std::size_t from = 0;
    for (std::size_t to = 0; to < points.size(); ++to) {
        load.most_used = std::max(load.most_used, points[to].used.value_or(0));
        load.most_pending = std::max(load.most_pending, points[to].pending.value_or(0));
        if (to == 0)
            continue;
        if (points[to].gap_before || points[to].time < points[to - 1].time) {
            begin = from = to;
            continue;
        }
        load.seen += points[to].time - points[to - 1].time;
        while (from + 1 < to && points[to].time - points[from + 1].time >= load_window)
            ++from;
        if (points[to].time - points[std::max(from, begin)].time >= load_window)
            weigh_load(points, from, to, load);
    }
    return load;
}

std::vector<std::string> load_evidence(const PoolLoad& load)
{
    std::vector<std::string> sentences;
    if (load.by_uses && load.use_s > 0)
        sentences.push_back(fmt::format(
            "In the busiest minute {:.1f} uses a second of {} each: {:.1f} connections in use and "
            "waited for.",
            load.rate, format_duration_prose(Duration{std::llround(load.use_s * 1e6)}),
            load.asked));
    else
        sentences.push_back(fmt::format(
            "In the busiest minute {:.1f} connections in use and waited for.", load.asked));
    sentences.push_back(fmt::format("At most {} in use and {} waiting, within {}.", load.most_used,
                                    load.most_pending, format_duration_prose(load.seen)));
    return sentences;
}

} // namespace

void check_pool_load(CheckScene& scene, const PoolView& view)
{
    if (!view.series || !view.max || *view.max <= 0)
        return;
    const PoolLoad load = load_of(view.series->points);
    if (load.seen < load_window)
        return;
    const auto suspected = view.target->suspected.find(view.pool->name);
    if (suspected != view.target->suspected.end() && suspected->second > 0) {
        scene.unknown(fmt::format("The size of {} is not judged: {} of its connections are "
                                  "suspected to be leaked.",
                                  view.words(), suspected->second));
        return;
    }
    const auto max = static_cast<double>(*view.max);
    const auto wanted = static_cast<std::int64_t>(std::ceil(load.asked * good_margin));
    // The size is one setting; an overflow beside it stays.
    const auto overflow = view.settings.of(PoolTrait::overflow);
    const std::int64_t beside = overflow && !overflow->never ? overflow->count : 0;
    const auto size = view.settings.of(PoolTrait::max_size);
    const std::string setting = size ? std::string(size->name->label()) : view.max_setting;
    const std::string value = size ? size->value : view.max_value;
    if (load.asked * least_margin > max) {
        std::vector<std::string> evidence = load_evidence(load);
        if (view.server && !view.pooler && view.server->facts &&
            view.server->facts->max_connections && wanted > *view.server->facts->max_connections)
            evidence.push_back(fmt::format(
                "{} takes {} connections in all: shorter uses would help, a larger pool would not.",
                name_of_target(*view.server), *view.server->facts->max_connections));
        scene.add(Severity::warning, "pool_too_small", view, setting, value,
                  std::to_string(std::max<std::int64_t>(1, wanted - beside)),
                  fmt::format("The pool lends up to {}, and {:.1f} were asked for: rate times time "
                              "of use leaves less than 20 % to spare.",
                              *view.max, load.asked),
                  std::move(evidence));
        return;
    }
    const std::int64_t enough = std::max({wanted, load.most_used, std::int64_t{1}});
    if (load.seen >= quiet_time && *view.max > smallest_large &&
        max > far_too_large * static_cast<double>(enough))
        scene.add(Severity::info, "pool_too_large", view, setting, value,
                  std::to_string(std::max<std::int64_t>(1, enough)),
                  fmt::format("The pool may open {}, and never needed more than {}: what it does "
                              "not need others could have.",
                              *view.max, enough),
                  load_evidence(load));
}

} // namespace poolscope
