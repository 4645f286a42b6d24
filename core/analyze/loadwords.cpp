// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/loadwords.h"

#include "core/analyze/poolcase.h"

#include "core/analyze/causeparts.h"
#include "core/analyze/checknames.h"
#include "core/analyze/diagnosiswords.h"
#include "core/analyze/flowsums.h"
#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace poolscope {

namespace {

using std::chrono::seconds;

/// A second line is named where it brings that much of what comes more.
constexpr double worth_naming = 0.15;
/// A queue that is longer than that many times what is in use came about in time: as many
/// connections are not needed to be rid of it.
constexpr double longest_queue = 4;

/// Three digits: how many times as much it is can be reckoned from what is told.
std::string number_of(double rate)
{
    return rate >= 100 ? fmt::format("{:.0f}", rate) : fmt::format("{:.1f}", rate);
}

/// How many there are on the average: "2.4", "10", "120".
std::string mean_in_words(double mean)
{
    if (mean >= 9.95)
        return fmt::format("{:.0f}", mean);
    std::string text = fmt::format("{:.1f}", mean);
    if (text.ends_with(".0"))
        text.resize(text.size() - 2);
    return text;
}

/// The begin of the first step that began no earlier.
Timestamp next_step_of(Timestamp time)
{
    const Timestamp step = flow_step_of(time);
    return step < time ? step + flow_step : step;
}

/// "shop.cpp:52 by way of orders.py:88"; empty where no line is known.
std::string line_in_words(const PoolCase& pool, const StackRef& stack)
{
    const StackLine* const line = acquiring_line(stack.get());
    if (line == nullptr)
        return {};
    std::string words = plain_line(name_of(line), 128);
    const auto found = pool.input->findings.find(pool.target->info.id);
    if (found == pool.input->findings.end())
        return words;
    for (const Place& place : found->second.places) {
        if (place.pool == pool.pool->name && same_stack(place.stack, stack))
            return words + way_in_words(place.by_way_of);
    }
    return words;
}

/// Who most of what is lent now was lent to: "5 of the 6 lent now: POST /orders"; empty where
/// nobody told, or nobody has half of them.
std::string lent_to(const PoolCase& pool)
{
    std::map<std::string, std::size_t> counts;
    for (const CaseHolder& holder : pool.holders) {
        if (!holder.checkout->acquired_by.empty())
            ++counts[plain_line(holder.checkout->acquired_by.str(), 64)];
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    // Where they change hands quickly few of them are listed.
    const auto listed = static_cast<std::int64_t>(pool.holders.size());
    if (most == counts.end() || listed < 2 || listed < pool.figures().used ||
        most->second * 2 < pool.holders.size())
        return {};
    return fmt::format("{} of the {} lent now: {}", most->second, pool.holders.size(), most->first);
}

bool tells_lines(const PoolCase& pool)
{
    return pool.target->pools.agent.has_value();
}

bool in_a_file(const PoolCase& pool)
{
    return pool.pool->database.str().starts_with("sqlite");
}

std::string name_of_server(const PoolCase& pool)
{
    return pool.server == nullptr ? std::string{"its server"}
                                  : plain_line(pool.server->info.name, 64);
}

/// What Little's law asks for, with a quarter more than what is in use on the average: it comes in
/// bursts. Null where use or rate are not known.
std::optional<double> enough_by_rate(const PoolCase& pool)
{
    if (!pool.recent || !pool.recent->use || pool.recent->arrivals <= 0)
        return {};
    const double in_use =
        pool.recent->arrivals * std::chrono::duration<double>(*pool.recent->use).count() * 1.25;
    const double least = pool.max() > 0 ? static_cast<double>(pool.max()) + 1 : 1;
    return std::ceil(std::max(in_use, least));
}

/// So many that nobody who is there now would have to wait; null where that is not known.
std::optional<std::int64_t> wanted_at_once(const PoolCase& pool)
{
    const FlowPoint& now = pool.figures();
    if (now.used < 0 || now.pending <= 0)
        return {};
    return now.used + now.pending;
}

/// "the pool's own max_connections from 6", or "the pool"
std::string size_in_words(const PoolCase& pool)
{
    const std::string_view size = size_setting(pool.pool->kind.str());
    // A server has one of that name, too.
    return (size.empty() ? std::string{"the pool"} : fmt::format("the pool's own {}", size)) +
           (pool.max() > 0 ? fmt::format(" from {}", pool.max()) : std::string{});
}

/// Whether a larger pool helps, and how large; begins in the middle of a sentence.
std::string larger_in_words(const PoolCase& pool, const Verdict& verdict)
{
    const std::string server = name_of_server(pool);
    if (verdict.more_use >= causing::use_steady)
        return fmt::format("A larger pool would only move the queue to {}: each is held {:.1f} "
                           "times as long as before already.",
                           server, verdict.more_use);
    const auto left = pool.server == nullptr ? std::nullopt : slots_left(*pool.server);
    if (left && *left <= 0)
        return fmt::format("A larger pool gets no more: {} has no slot left.", server);
    const auto by_rate = enough_by_rate(pool);
    const auto wanted = wanted_at_once(pool);
    const double least = by_rate.value_or(pool.max() > 0 ? static_cast<double>(pool.max()) + 1 : 1);
    const bool all = wanted && static_cast<double>(*wanted) > least &&
                     static_cast<double>(*wanted) <= least * longest_queue;
    double to = all ? static_cast<double>(*wanted) : least;
    std::string why = all ? " (so many hold or want one now)" : " at least";
    if (left && pool.max() > 0 && to > static_cast<double>(pool.max() + *left)) {
        to = static_cast<double>(pool.max() + *left);
        why = " at most";
    }
    const std::string raise =
        by_rate || all ? fmt::format("Or raise {} to {:.0f}{}", size_in_words(pool), to, why)
                       : fmt::format("Or raise {}", size_in_words(pool));
    if (!left)
        return raise + (in_a_file(pool) ? "." : ", if its server has slots for that.");
    return fmt::format("{}: {} has {} left{}.", raise, server, count_of(*left, "slot"),
                       verdict.more_use > 0 ? " and is as quick as before" : "");
}

} // namespace

std::string rate_in_words(double per_second)
{
    return number_of(per_second) + " a second";
}

std::vector<PlaceRate> more_at_places(const PoolCase& pool)
{
    if (!pool.past)
        return {};
    // Whole steps; where the strain is too young for one, from before it on.
    const Timestamp from = std::max(pool.until - recent_window, pool.since);
    Timestamp begin = next_step_of(from);
    Timestamp end = flow_step_of(pool.until);
    if (end <= begin) {
        begin = flow_step_of(from);
        end = pool.until;
    }
    const Timestamp past_end = flow_step_of(pool.since - before_strain);
    const Timestamp past_begin = next_step_of(std::max(
        {past_end - past_window, pool.now - flow_window + seconds{10}, pool.flow->oldest().time}));
    if (end <= begin || past_end - past_begin < past_least)
        return {};
    const auto rate = [](std::uint64_t count, Duration over) {
        return static_cast<double>(count) / std::chrono::duration<double>(over).count();
    };
    std::map<std::uint64_t, PlaceRate> places;
    const auto at = [&](const PlaceLoad& load) -> PlaceRate& {
        PlaceRate& place = places[load.stack ? load.stack->fingerprint : 0];
        place.stack = load.stack;
        return place;
    };
    for (const PlaceLoad& load : pool.history->loads(pool.pool->name, begin, end))
        at(load).now = rate(load.count, end - begin);
    for (const PlaceLoad& load : pool.history->loads(pool.pool->name, past_begin, past_end))
        at(load).before = rate(load.count, past_end - past_begin);
    std::vector<PlaceRate> more;
    double all = 0;
    for (const auto& [fingerprint, place] : places) {
        if (place.now <= place.before || acquiring_line(place.stack.get()) == nullptr)
            continue;
        all += place.now - place.before;
        more.push_back(place);
    }
    std::stable_sort(more.begin(), more.end(), [](const PlaceRate& a, const PlaceRate& b) {
        return a.now - a.before > b.now - b.before;
    });
    if (more.size() > 2)
        more.resize(2);
    if (more.size() == 2 && more[1].now - more[1].before < all * worth_naming)
        more.pop_back();
    return more;
}

std::string callers_in_words(const PoolCase& pool)
{
    std::string text;
    for (const PlaceRate& place : more_at_places(pool))
        text += fmt::format("{}{} ({}, {} before)", text.empty() ? "More comes at " : " and at ",
                            line_in_words(pool, place.stack), rate_in_words(place.now),
                            place.before > 0 ? number_of(place.before) : std::string{"none"});
    const std::string to = lent_to(pool);
    if (text.empty())
        return to.empty() ? to : to + '.';
    return text + (to.empty() ? "." : "; " + to + '.');
}

std::string room_in_words(const PoolCase& pool)
{
    if (pool.server == nullptr)
        return in_a_file(pool) ? std::string{}
                               : "Whether its server has room for more is not known: attach to "
                                 "that too.";
    std::string text;
    if (const auto left = slots_left(*pool.server)) {
        const std::int64_t usable = std::int64_t{*pool.server->facts->max_connections} -
                                    pool.server->facts->reserved.value_or(0);
        text = fmt::format("{} has {} of {} slots left", name_of_server(pool), std::max(0, *left),
                           std::max<std::int64_t>(0, usable));
    }
    const auto flow = pool.input->flows.find(pool.server->info.id);
    const auto waits = flow == pool.input->flows.end()
                           ? std::nullopt
                           : flow->second.looks().profile(
                                 {}, std::max(pool.until - recent_window, pool.since), pool.until);
    if (waits && waits->polls > 0) {
        const auto mean = [&](std::uint32_t looks) {
            return (waits->cut ? "at least " : "") +
                   mean_in_words(static_cast<double>(looks) / waits->polls);
        };
        text += fmt::format("{}{} statements run at a time",
                            text.empty() ? "On " + name_of_server(pool) + ' ' : "; ",
                            mean(waits->looks));
        const std::uint32_t running = waits->of(WaitKind::running);
        if (names_all_waits(*pool.server) && (running > 0 || !waits->cut))
            text += fmt::format(", {} of them on a processor", mean(running));
    }
    return text.empty() ? text : text + '.';
}

std::string relief_of_spike(const PoolCase& pool, const Verdict& verdict)
{
    std::string text = "There is nothing to end: what is lent comes back";
    if (verdict.more_use > 0 && verdict.more_use < causing::use_steady)
        text += " as fast as ever";
    const std::vector<PlaceRate> places = more_at_places(pool);
    if (!places.empty())
        text += fmt::format(". Let less come in at {}.", line_in_words(pool, places.front().stack));
    else if (tells_lines(pool))
        text += ". Let less come in, where it comes from.";
    else
        text += ". Let less come in; an agent in the application would name the lines that ask for "
                "more.";
    return text + ' ' + larger_in_words(pool, verdict);
}

std::string prevention_of_spike(const PoolCase& pool)
{
    const std::vector<PlaceRate> places = more_at_places(pool);
    const std::string whom =
        places.empty() ? std::string{"each caller"} : line_in_words(pool, places.front().stack);
    std::string text = fmt::format("Limit how many {} may have at once, and let an acquire give up "
                                   "before its caller does",
                                   whom);
    const PoolSettings settings{*pool.pool};
    if (const auto timeout = settings.of(PoolTrait::acquire_timeout))
        return text + fmt::format(": {} is {}.", timeout->name->label(),
                                  timeout->never ? std::string{"none"}
                                                 : format_duration_prose(timeout->duration));
    const std::string_view label = settings.label(PoolTrait::acquire_timeout);
    return text + (label.empty() ? std::string{"."} : fmt::format(" ({}).", label));
}

std::string raise_in_words(const PoolCase& pool)
{
    if (size_setting(pool.pool->kind.str()).empty())
        return "A larger pool";
    std::string text = "Raise " + size_in_words(pool);
    const auto enough = enough_by_rate(pool);
    if (!enough)
        return text;
    text += fmt::format(" to {:.0f}", *enough);
    // What comes is counted as it is served: while some wait, more would come.
    const auto wanted = wanted_at_once(pool);
    if (wanted && static_cast<double>(*wanted) > *enough)
        text += fmt::format(" at least ({} hold or want one now)", *wanted);
    return text;
}

} // namespace poolscope
