// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/statementgrowth.h"

#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

std::uint64_t connections_of(const Pools& pools, const Text& pool)
{
    const auto first = pools.connections.lower_bound({pool, {}});
    std::uint64_t count = 0;
    for (auto it = first; it != pools.connections.end() && it->first.pool == pool; ++it)
        ++count;
    if (count > 0)
        return count;
    const auto figures = pools.pools.find(pool);
    const auto total = figures == pools.pools.end() ? std::nullopt : figures->second.total;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, total.value_or(0)));
}

/// More than one of each text a connection: nobody keeps that many to use them again.
bool beyond_reuse(const StatementLeak& leak)
{
    if (!leak.distinct || leak.connections == 0)
        return false;
    // Divided, as these numbers come from outside.
    return leak.open / leak.connections > *leak.distinct ||
           (leak.open / leak.connections == *leak.distinct && leak.open % leak.connections > 0);
}

/// How many were open when the window began, if there were more in each part of it.
std::optional<std::uint64_t> grown_from(const StatementHistory& history, const PlaceKey& place,
                                        std::uint64_t open, Timestamp now, Duration window)
{
    std::optional<std::uint64_t> first;
    std::uint64_t last = 0;
    for (int part = 0; part < statement_parts; ++part) {
        const auto then = history.open_at(place, now - window + part * (window / statement_parts));
        if (!then || (first && *then <= last))
            return {};
        last = *then;
        if (!first)
            first = then;
    }
    return open > last ? first : std::nullopt;
}

bool grows(StatementLeak& leak, const StatementHistory& history, const PlaceKey& place,
           Timestamp now)
{
    const bool sure = beyond_reuse(leak);
    const std::uint64_t least = sure ? statement_growth_least : statement_growth_unsure;
    // Bounded before it is doubled: it may come from outside.
    const Duration alert =
        std::clamp(leak.thresholds.alert, Duration{0}, Duration{statement_window_most});
    const Duration soon =
        std::clamp<Duration>(2 * alert, statement_window_least, statement_window_most);
    for (const Duration window : {soon, statement_window_most}) {
        if (!sure && window != statement_window_most)
            continue;
        const auto from = grown_from(history, place, leak.open, now, window);
        if (!from || leak.open - *from < least)
            continue;
        leak.before = *from;
        leak.window = window;
        return true;
    }
    return false;
}

std::string texts_in_words(const StatementLeak& leak)
{
    const std::string texts =
        *leak.distinct == 1
            ? "They all have the same text"
            : fmt::format("They have {} different texts",
                          count_in_words(static_cast<std::int64_t>(*leak.distinct)));
    if (leak.connections == 0)
        return texts + ".";
    return fmt::format("{}, and the pool has {}.", texts,
                       count_of(static_cast<std::int64_t>(leak.connections), "connection"));
}

} // namespace

void StatementHistory::note(Points& points, std::uint64_t open, Timestamp now)
{
    const Timestamp second = std::chrono::floor<std::chrono::seconds>(now);
    if (!points.empty() && points.back().time == second)
        points.back().open = open;
    else if (points.empty() || points.back().open != open)
        points.push_back({second, open});
    // The last one before the window says what was open when it began.
    while (points.size() > 1 && points[1].time <= now - statement_window_most)
        points.pop_front();
}

void StatementHistory::restore(const TargetState& target, Timestamp now)
{
    *this = {};
    if (!target.last_sample)
        return;
    since_ = last_ = now;
    for (const auto& [place, prepared] : target.pools.prepared)
        note(places_[place], prepared.open, now);
}

void StatementHistory::watch(const TargetState& after, const PoolSample& sample, Timestamp now)
{
    // A clock that was set back: what was seen is of another time.
    if (!since_ || now < last_) {
        restore(after, now);
        return;
    }
    last_ = now;
    for (const PreparedStatements& prepared : sample.prepared)
        note(places_[key_of(prepared)], prepared.open, now);
    forget_closed(now);
    if (!sample.full)
        return;
    for (auto it = places_.begin(); it != places_.end();) {
        if (!after.pools.prepared.contains(it->first))
            note(it->second, 0, now);
        it = it->second.size() == 1 && it->second.front().open == 0 ? places_.erase(it)
                                                                    : std::next(it);
    }
}

void StatementHistory::forget_closed(Timestamp now)
{
    if (places_.size() < prune_at_)
        return;
    std::erase_if(places_, [now](const auto& place) {
        const Point& last = place.second.back();
        return last.open == 0 && last.time <= now - statement_window_most;
    });
    prune_at_ = std::max(prune_least, 2 * places_.size());
}

std::optional<std::uint64_t> StatementHistory::open_at(const PlaceKey& place, Timestamp at) const
{
    if (!since_ || at < *since_)
        return {};
    const auto found = places_.find(place);
    if (found == places_.end())
        return 0;
    const Points& points = found->second;
    const auto next =
        std::upper_bound(points.begin(), points.end(), at,
                         [](Timestamp t, const Point& point) { return t < point.time; });
    return next == points.begin() ? 0 : std::prev(next)->open;
}

bool operator==(const StatementLeak& a, const StatementLeak& b)
{
    const auto rest = [](const StatementLeak& l) {
        return std::tie(l.pool, l.severity, l.open, l.before, l.window, l.age, l.distinct,
                        l.connections, l.statement, l.thresholds);
    };
    return rest(a) == rest(b) && same_stack(a.stack, b.stack);
}

std::vector<StatementLeak> find_statement_leaks(const TargetState& target,
                                                const StatementHistory& history,
                                                const Judging& judging, Timestamp now)
{
    std::vector<StatementLeak> found;
    for (const auto& [place, prepared] : target.pools.prepared) {
        if (!prepared.oldest)
            continue;
        StatementLeak leak;
        leak.pool = prepared.pool;
        leak.thresholds = judging.of(target.pools, prepared.pool).thresholds;
        leak.age = target.age(*prepared.oldest, now);
        leak.severity = judge({leak.age, {}, {}, {}}, leak.thresholds);
        if (leak.severity == LeakSeverity::none)
            continue;
        leak.stack = prepared.stack;
        leak.open = prepared.open;
        leak.distinct = prepared.distinct;
        leak.connections = connections_of(target.pools, prepared.pool);
        leak.statement = prepared.statement;
        if (grows(leak, history, place, now))
            found.push_back(std::move(leak));
    }
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.severity != b.severity ? a.severity > b.severity : a.open > b.open;
    });
    return found;
}

std::vector<std::string> evidence_of(const StatementLeak& leak)
{
    std::vector<std::string> sentences;
    sentences.push_back(
        fmt::format("{} prepared here are open; {} ago there were {}, and they only grew.",
                    count_of(static_cast<std::int64_t>(leak.open), "statement"),
                    format_duration_prose(leak.window),
                    count_in_words(static_cast<std::int64_t>(leak.before))));
    if (leak.distinct)
        sentences.push_back(texts_in_words(leak));
    const bool critical = leak.severity == LeakSeverity::critical;
    sentences.push_back(fmt::format(
        "The oldest has been open for {}. The {} threshold is {}.", format_duration_prose(leak.age),
        critical ? "critical" : "alert",
        format_duration_prose(critical ? leak.thresholds.critical : leak.thresholds.alert)));
    if (const StackLine* const line = acquiring_line(leak.stack.get()))
        sentences.push_back(line->file.empty()
                                ? fmt::format("Prepared in {}.", line->function.str())
                                : fmt::format("Prepared at {}:{}, in {}.", line->file.str(),
                                              line->line, line->function.str()));
    else
        sentences.emplace_back("The place that prepares them is not known.");
    if (!leak.statement.empty())
        sentences.push_back(fmt::format("The last of them: {}", leak.statement.str()));
    return sentences;
}

} // namespace poolscope
