// SPDX-License-Identifier: GPL-3.0-or-later
// What came back to which place of a pool, in steps.
#include "core/analyze/flowsums.h"
#include "core/analyze/poolflow.h"

#include <algorithm>

namespace poolscope {

void FlowHistory::came_back(const Text& pool, const StackRef& stack, std::uint64_t count,
                            Duration held, Duration longest, Timestamp now)
{
    const PlaceKey place{pool, stack ? stack->fingerprint : 0};
    if (count == 0 || !has_room(place, now))
        return;
    PlaceSteps& at = places_[place];
    at.stack = stack;
    std::deque<Returned>& steps = at.steps;
    const Timestamp step = flow_step_of(now);
    if (steps.empty() || steps.back().time != step)
        steps.push_back({step, 0, 0, {}, {}, {}});
    while (steps.size() > 1 && steps.front().time < now - flow_window)
        steps.pop_front();
    Returned& last = steps.back();
    last.count = sum_of(last.count, count);
    last.held = sum_of(last.held, held);
    last.longest = std::max(last.longest, longest);
    const std::uint64_t lasting = longest < lasting_hold                               ? 0
                                  : count == 1 || mean_of(held, count) >= lasting_hold ? count
                                                                                       : 1;
    last.lasting = sum_of(last.lasting, lasting);
    // It did so after the reading before.
    if (lasting < count)
        last.last_quick = read_.value_or(now);
}

bool FlowHistory::has_room(const PlaceKey& place, Timestamp now)
{
    if (places_.size() < most_places || places_.contains(place))
        return true;
    // What is past the window makes room, but is not looked for each time.
    if (!pruned_ || now - *pruned_ >= flow_step || now < *pruned_) {
        pruned_ = now;
        prune_at_ = 0;
        forget(now);
    }
    if (places_.size() < most_places)
        return true;
    refused_ = now;
    return false;
}

void FlowHistory::forget(Timestamp now)
{
    if (places_.size() < prune_at_)
        return;
    std::erase_if(places_,
                  [now](const auto& p) { return p.second.steps.back().time < now - flow_window; });
    prune_at_ = std::clamp<std::size_t>(2 * places_.size(), 64, most_places);
}

PlaceReturns FlowHistory::returns(const PlaceKey& place, Timestamp from, Timestamp to) const
{
    PlaceReturns sum;
    sum.known = !refused_ || *refused_ < from;
    const auto found = places_.find(place);
    if (found == places_.end())
        return sum;
    for (const Returned& step : found->second.steps) {
        if (step.time < from || step.time > to)
            continue;
        sum.count = sum_of(sum.count, step.count);
        sum.lasting = sum_of(sum.lasting, step.lasting);
        sum.held = sum_of(sum.held, step.held);
        sum.longest = std::max(sum.longest, step.longest);
        if (step.last_quick)
            sum.last_quick = step.last_quick;
    }
    return sum;
}

std::vector<PlaceLoad> FlowHistory::loads(const Text& pool, Timestamp from, Timestamp to) const
{
    std::vector<PlaceLoad> loads;
    for (auto it = places_.lower_bound({pool, 0}); it != places_.end() && it->first.first == pool;
         ++it) {
        PlaceLoad load{it->second.stack, 0};
        for (const Returned& step : it->second.steps) {
            if (step.time >= from && step.time < to)
                load.count = sum_of(load.count, step.count);
        }
        loads.push_back(std::move(load));
    }
    return loads;
}

} // namespace poolscope
