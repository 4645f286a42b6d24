// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/holders.h"

#include "core/analyze/byway.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace poolscope {

namespace {

Holding holding_of(const Checkout& checkout, Timestamp now)
{
    Holding holding;
    holding.held = std::max(Duration{0}, now - checkout.acquired);
    holding.expected = checkout.expected;
    if (checkout.heartbeat)
        holding.since_heartbeat = std::max(Duration{0}, now - *checkout.heartbeat);
    if (checkout.busy && checkout.busy_since)
        holding.since_work =
            *checkout.busy ? Duration{0} : std::max(Duration{0}, now - *checkout.busy_since);
    return holding;
}

/// What an agent calls the pool that stands for connections of no pool: the protocol's word.
LeakKind kind_of(const Pools& pools, const Text& name)
{
    const auto pool = pools.pools.find(name);
    return pool != pools.pools.end() && pool->second.kind.str() == "bypass" ? LeakKind::bypass
                                                                            : LeakKind::checkout;
}

Holder judged(const Checkout& checkout, const Place& place, Timestamp now)
{
    const LeakThresholds& thresholds = place.thresholds;
    const Holding holding = holding_of(checkout, now);
    Holder holder;
    holder.checkout = checkout.key;
    holder.age = holding.held;
    if (!place.judged)
        return holder;
    holder.severity = judge(holding, thresholds);
    holder.long_running = holder.severity == LeakSeverity::none && holder.age >= thresholds.alert;
    return holder;
}

/// Suspects that began within the window in which they could have become suspect, over its length.
/// The window begins no earlier than the oldest of them, so that a leak of two minutes ago is not
/// spread over five; at least half a minute, so that the first one is no flood.
double growth_of(const Place& place, Duration alert)
{
    if (place.suspected < 2)
        return 0;
    Duration oldest{0};
    for (const Holder& holder : place.holders)
        if (holder.severity != LeakSeverity::none)
            oldest = std::max(oldest, holder.age);
    const Duration window =
        std::clamp(oldest - alert, Duration{std::chrono::seconds{30}}, growth_window);
    const auto grown =
        std::count_if(place.holders.begin(), place.holders.end(), [&](const Holder& holder) {
            return holder.severity != LeakSeverity::none && holder.age - alert < window;
        });
    using Minutes = std::chrono::duration<double, std::ratio<60>>;
    return static_cast<double>(grown) / Minutes(window).count();
}

std::optional<Duration> full_in(const Pool& pool, double growth_per_minute)
{
    if (!pool.max || !pool.used)
        return {};
    const std::int64_t free = *pool.max - *pool.used;
    if (free <= 0)
        return Duration{0};
    if (growth_per_minute <= 0)
        return {};
    const double minutes = static_cast<double>(free) / growth_per_minute;
    using Minutes = std::chrono::duration<double, std::ratio<60>>;
    return std::chrono::duration_cast<Duration>(Minutes(minutes));
}

std::string_view whose(JudgedBy by)
{
    return by == JudgedBy::pool          ? ", the pool's own"
           : by == JudgedBy::pool_choice ? ", chosen for this pool"
                                         : "";
}

std::string where_of(const Checkout& checkout, bool bypass)
{
    const StackLine* const line = acquiring_line(checkout.stack.get());
    if (!line)
        return "No acquire stack was taken.";
    const std::string_view did = bypass ? "Established" : "Acquired";
    if (line->file.empty())
        return fmt::format("{} in {}.", did, line->function.str());
    return fmt::format("{} at {}:{}, in {}.", did, line->file.str(), line->line,
                       line->function.str());
}

std::string_view pooler_words(const Place* place)
{
    return place && !place->judged
               ? "PgBouncer: this client has been connected, with a server connection of its own,"
               : "PgBouncer: this client has held a server connection in its transaction, and "
                 "asked for nothing new,";
}

void finish(Place& place, const Pools& pools)
{
    std::sort(place.holders.begin(), place.holders.end(), [](const Holder& a, const Holder& b) {
        return a.age != b.age ? a.age > b.age : a.checkout < b.checkout;
    });
    for (const Holder& holder : place.holders) {
        place.severity = std::max(place.severity, holder.severity);
        place.suspected += holder.severity != LeakSeverity::none ? 1 : 0;
    }
    place.growth_per_minute = growth_of(place, place.thresholds.alert);
    const auto pool = pools.pools.find(place.pool);
    if (place.suspected > 0 && pool != pools.pools.end())
        place.full_in = full_in(pool->second, place.growth_per_minute);
}

/// Code with a helper of its own acquires all its connections at one line.
void tell_apart(std::vector<Place>& places)
{
    std::map<std::pair<Text, std::string>, std::vector<Place*>> by_name;
    for (Place& place : places) {
        if (const StackLine* const line = acquiring_line(place.stack.get()))
            by_name[{place.pool, name_of(line)}].push_back(&place);
    }
    for (const auto& [name, alike] : by_name) {
        std::vector<StackRef> stacks;
        stacks.reserve(alike.size());
        for (const Place* const place : alike)
            stacks.push_back(place->stack);
        std::vector<std::string> ways = ways_apart(stacks);
        for (std::size_t i = 0; i < alike.size(); ++i)
            alike[i]->by_way_of = std::move(ways[i]);
    }
}

} // namespace

bool operator==(const Place& a, const Place& b)
{
    const auto rest = [](const Place& p) {
        return std::tie(p.kind, p.pool, p.by_way_of, p.thresholds, p.judged_by, p.judged,
                        p.severity, p.holders, p.suspected, p.growth_per_minute, p.full_in);
    };
    return rest(a) == rest(b) && same_stack(a.stack, b.stack);
}

std::vector<Place> find_places(const Pools& pools, const Judging& judging, Timestamp now)
{
    // One place is one fingerprint in one pool; holders without a stack stand together.
    std::map<std::pair<Text, std::uint64_t>, Place> found;
    for (const auto& [id, checkout] : pools.checkouts) {
        const std::uint64_t fingerprint = checkout.stack ? checkout.stack->fingerprint : 0;
        const auto [at, added] = found.try_emplace({checkout.pool, fingerprint});
        Place& place = at->second;
        if (added) {
            place.kind = kind_of(pools, checkout.pool);
            const PoolJudging judged = judging.of(pools, checkout.pool);
            place.thresholds = judged.thresholds;
            place.judged_by = judged.by;
            place.judged = judged.judged;
        }
        place.pool = checkout.pool;
        place.stack = checkout.stack;
        place.holders.push_back(judged(checkout, place, now));
    }
    std::vector<Place> places;
    places.reserve(found.size());
    for (auto& [key, place] : found) {
        finish(place, pools);
        places.push_back(std::move(place));
    }
    tell_apart(places);
    std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
        if (a.severity != b.severity)
            return a.severity > b.severity;
        if (a.suspected != b.suspected)
            return a.suspected > b.suspected;
        return a.holders.front().age > b.holders.front().age;
    });
    return places;
}

std::vector<std::string> evidence_of(const Holder& holder, const Checkout& checkout,
                                     const Pool* pool, const Place* place, Timestamp now)
{
    std::vector<std::string> sentences;
    const bool bypass = place && place->kind == LeakKind::bypass;
    const bool pooler = pool && pool->kind.str() == "pgbouncer";
    std::string held = fmt::format("{} for {}.",
                                   bypass   ? "Established past the pools, and open"
                                   : pooler ? pooler_words(place)
                                            : "Held",
                                   format_duration_prose(holder.age));
    if (holder.severity != LeakSeverity::none && place) {
        const bool critical = holder.severity == LeakSeverity::critical;
        const LeakThresholds& judging = place->thresholds;
        held += fmt::format(" The {} threshold is {}{}.", critical ? "critical" : "alert",
                            format_duration_prose(critical ? judging.critical : judging.alert),
                            whose(place->judged_by));
    }
    sentences.push_back(std::move(held));
    if (pooler && place && !place->judged)
        sentences.emplace_back("That is no leak: its pool lends a connection for as long as the "
                               "client is connected (pool_mode = session).");
    sentences.push_back(pooler ? "A pooler sees no line of code: attach to the application, too."
                               : where_of(checkout, bypass));
    if (checkout.expected)
        sentences.push_back(fmt::format("Its holder expected to need {}.",
                                        format_duration_prose(*checkout.expected)));
    if (checkout.heartbeat)
        sentences.push_back(
            fmt::format("Its holder last said that it is alive {} ago.",
                        format_duration_prose(std::max(Duration{0}, now - *checkout.heartbeat))));
    if (checkout.busy && checkout.busy_since) {
        const std::string since =
            format_duration_prose(std::max(Duration{0}, now - *checkout.busy_since));
        sentences.push_back(*checkout.busy ? fmt::format("It has run a statement for {}.", since)
                                           : fmt::format("No statement has run for {}.", since));
    }
    if (holder.severity != LeakSeverity::none && pool && pool->max && pool->used &&
        *pool->used >= *pool->max)
        sentences.push_back(fmt::format(
            "The pool is exhausted: {} of {} are in use{}.", *pool->used, *pool->max,
            pool->pending && *pool->pending > 0 ? fmt::format(", {} wait", *pool->pending)
                                                : std::string{}));
    return sentences;
}

} // namespace poolscope
