// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/poolflow.h"

#include <algorithm>
#include <limits>

namespace poolscope {

namespace {

constexpr Duration strain_pause = std::chrono::seconds{10};
/// A pool that is read more seldom than that tells nothing of the last seconds.
constexpr Duration widest_reading = std::chrono::seconds{16};
constexpr Duration longest_use = std::chrono::hours{24 * 365};

// What an agent tells is anything: it ends at the largest number there is.
Duration sum_of(Duration a, Duration b)
{
    a = std::max(a, Duration{0});
    b = std::max(b, Duration{0});
    return a > Duration::max() - b ? Duration::max() : a + b;
}
std::uint64_t sum_of(std::uint64_t a, std::uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}
Duration mean_of(Duration sum, std::uint64_t count)
{
    constexpr std::uint64_t most = INT64_MAX;
    return std::min(longest_use, sum / static_cast<std::int64_t>(std::min(count, most)));
}

/// The point before it is let go.
void take_over(FlowPoint& point, const FlowPoint& before)
{
    point.since = before.since;
}
void take_over(ServerPoint&, const ServerPoint&)
{}

std::int64_t count_or_not(const std::optional<std::int64_t>& count)
{
    return count && *count >= 0 ? *count : -1;
}

Timestamp flow_step_of(Timestamp time)
{
    return timestamp_from_us(to_us(time) / to_us(flow_step) * to_us(flow_step));
}

/// Keeps the last of each step beyond the fresh ones, and one before the window. By the clock, not
/// by counting, so that it does not matter when counting began.
template <class Points>
void thin_out(Points& points, Timestamp now)
{
    while (points.size() > 1 && points[1].time <= now - flow_window)
        points.pop_front();
    // Whatever is older was thinned when it left the fresh ones.
    const auto fresh = std::partition_point(
        points.begin(), points.end(), [now](const auto& p) { return p.time < now - flow_fresh; });
    auto at = fresh - points.begin();
    while (at >= 2) {
        const auto last = points.begin() + at - 1;
        const auto before = last - 1;
        if (flow_step_of(last->time) != flow_step_of(before->time)) {
            if (now - last->time > flow_fresh + 2 * flow_step)
                break;
        } else {
            take_over(*last, *before);
            points.erase(before);
        }
        --at;
    }
}

} // namespace

Strain FlowPoint::strain() const
{
    if (pending > 0 || unfit || (pending < 0 && max > 0 && used >= max))
        return Strain::exhausted;
    return max > 0 && used * 100 >= max * 95 ? Strain::nearly : Strain::none;
}

void PoolFlow::note(const Pool& pool, std::uint64_t returned, Duration held, Timestamp now,
                    Timestamp before)
{
    const bool counts = pool.use_time && pool.use_time->total;
    const bool fewer =
        counts && counts_ && !points_.empty() &&
        (pool.use_time->count < newest().returned || *pool.use_time->total < newest().held);
    // A clock that was set back, a process that began anew, or another way to count.
    if (!points_.empty() && (now < newest().time || counts != counts_ || fewer))
        points_.clear();
    counts_ = counts;
    returned_ = sum_of(returned_, returned);
    held_ = sum_of(held_, held);

    FlowPoint point;
    point.time = now;
    point.since = std::min(now, before);
    point.used = count_or_not(pool.used);
    point.max = count_or_not(pool.max);
    point.pending = count_or_not(pool.pending);
    point.total = count_or_not(pool.total);
    point.timeouts = pool.timeouts.value_or(points_.empty() ? 0 : newest().timeouts);
    point.timeouts_told = pool.timeouts.has_value();
    // Told again, or for the first time: that was counted while it was not told, not now.
    for (auto it = points_.rbegin(); it != points_.rend(); ++it) {
        if (!point.timeouts_told || it->timeouts_told)
            break;
        it->timeouts = point.timeouts;
        it->timeouts_told = true;
    }
    point.returned = counts ? pool.use_time->count : returned_;
    point.held = counts ? sum_of(*pool.use_time->total, Duration{0}) : held_;
    point.unfit = pool.circuit.str() == "open" || pool.health.str() == "unhealthy";
    if (!points_.empty() && newest().time == now) {
        take_over(point, newest());
        points_.back() = point;
    } else {
        points_.push_back(point);
    }
    thin_out(points_, now);
}

const FlowPoint* PoolFlow::at(Timestamp instant) const
{
    const auto next =
        std::upper_bound(points_.begin(), points_.end(), instant,
                         [](Timestamp t, const FlowPoint& point) { return t < point.time; });
    return next == points_.begin() ? nullptr : &*std::prev(next);
}

Duration PoolFlow::strained(Strain least, Duration window, Timestamp now) const
{
    Duration sum{};
    Timestamp until = now;
    for (auto it = points_.rbegin(); it != points_.rend() && until > now - window; ++it) {
        const Timestamp from = std::max(it->time, now - window);
        if (it->strain() >= least && until > from)
            sum += until - from;
        until = std::min(until, it->time);
    }
    return sum;
}

std::optional<Timestamp> PoolFlow::strained_since(Timestamp now) const
{
    std::optional<Timestamp> since;
    for (auto it = points_.rbegin(); it != points_.rend(); ++it) {
        if (it->strain() != Strain::none)
            since = std::max(it->time, now - flow_window);
        else if (since.value_or(now) - std::max(it->time, now - flow_window) > strain_pause)
            break;
    }
    return since;
}

/// A pool that says nothing though it is read stands as it did; what was counted between two
/// readings is of all the time between them.
std::optional<FlowRate> PoolFlow::between(Timestamp from, Timestamp to) const
{
    const FlowPoint* a = at(from);
    if (a == nullptr && !points_.empty() && points_.front().time < to)
        a = &points_.front();
    const FlowPoint* const b = at(to);
    if (a == nullptr || b == nullptr || b->time - b->since > widest_reading)
        return {};
    const auto after = [this](const FlowPoint& point) {
        const auto next =
            std::upper_bound(points_.begin(), points_.end(), point.time,
                             [](Timestamp t, const FlowPoint& each) { return t < each.time; });
        return next == points_.end() ? nullptr : &*next;
    };
    const FlowPoint* const after_a = after(*a);
    const FlowPoint* const after_b = after(*b);
    const Duration read_every =
        std::max<Duration>(std::chrono::seconds{6}, b->time - b->since + std::chrono::seconds{1});
    Timestamp begin = std::max(a->time, from);
    if (a->time < from && after_a != nullptr)
        begin = std::min(from, after_a->since);
    Timestamp end = b != a && b->time >= to - read_every ? b->time : to;
    if (after_b != nullptr)
        end = std::min(to, std::max(b->time, after_b->since));
    if (end <= begin)
        return {};
    FlowRate rate;
    rate.over = end - begin;
    const double seconds = std::chrono::duration<double>(rate.over).count();
    rate.returned = b->returned - std::min(a->returned, b->returned);
    double asked = static_cast<double>(rate.returned);
    if (a->used >= 0 && b->used >= 0)
        asked += static_cast<double>(b->used - a->used);
    if (a->pending >= 0 && b->pending >= 0)
        asked += static_cast<double>(b->pending - a->pending);
    if (b->timeouts > a->timeouts)
        asked += static_cast<double>(b->timeouts - a->timeouts);
    rate.arrivals = std::max(0.0, asked) / seconds;
    if (rate.returned > 0 && b->held >= a->held && b->held > Duration{0})
        rate.use = mean_of(b->held - a->held, rate.returned);
    double area = 0;
    for (Timestamp t = begin; t < end;) {
        const FlowPoint& p = t < a->time ? *a : *at(t);
        const auto next = std::upper_bound(
            points_.begin(), points_.end(), t,
            [](Timestamp instant, const FlowPoint& point) { return instant < point.time; });
        const Timestamp until = next == points_.end() ? end : std::min(end, next->time);
        area += static_cast<double>(std::max<std::int64_t>(0, p.used)) *
                std::chrono::duration<double>(until - t).count();
        t = until;
    }
    rate.used = area / seconds;
    return rate;
}

std::optional<Duration> PoolFlow::use_before(std::uint64_t least) const
{
    if (!counts_ || points_.empty() || oldest().returned < least || least == 0)
        return {};
    return mean_of(oldest().held, oldest().returned);
}

void FlowHistory::restore(const TargetState& target, Timestamp now)
{
    *this = {};
    if (!target.last_sample || target.gap_since_sample)
        return;
    for (const auto& [name, pool] : target.pools.pools)
        pools_[name].note(pool, 0, Duration{0}, now, *target.last_sample);
    read_ = target.last_sample;
    if (!target.sessions.empty())
        watch(target, ServerSample{}, now);
}

void FlowHistory::expect(const TargetState& before, const PoolSample& sample, Timestamp now)
{
    ended_.clear();
    for (const CheckoutEnd& end : sample.ended) {
        const auto found = before.pools.checkouts.find(end.id);
        if (found == before.pools.checkouts.end())
            continue;
        const Checkout& checkout = found->second;
        const Duration held = std::max(Duration{0}, end.returned - checkout.acquired);
        auto& [count, sum] = ended_[checkout.pool];
        count = sum_of(count, 1);
        sum = sum_of(sum, held);
        came_back({checkout.pool, checkout.stack ? checkout.stack->fingerprint : 0}, 1, held, held,
                  now);
    }
    for (const BriefHolds& brief : sample.brief) {
        auto& [count, sum] = ended_[brief.pool];
        count = sum_of(count, brief.count);
        sum = sum_of(sum, brief.held);
        came_back({brief.pool, brief.stack ? brief.stack->fingerprint : 0}, brief.count, brief.held,
                  brief.longest, now);
    }
}

void FlowHistory::came_back(const PlaceKey& place, std::uint64_t count, Duration held,
                            Duration longest, Timestamp now)
{
    if (count == 0 || !has_room(place, now))
        return;
    std::deque<Returned>& steps = places_[place];
    const Timestamp step = flow_step_of(now);
    if (steps.empty() || steps.back().time != step)
        steps.push_back({step, 0, 0, {}, {}});
    while (steps.size() > 1 && steps.front().time < now - flow_window)
        steps.pop_front();
    Returned& last = steps.back();
    last.count = sum_of(last.count, count);
    last.held = sum_of(last.held, held);
    last.longest = std::max(last.longest, longest);
    if (longest >= lasting_hold)
        last.lasting =
            sum_of(last.lasting, count == 1 || mean_of(held, count) >= lasting_hold ? count : 1);
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

void FlowHistory::watch(const TargetState& after, const PoolSample& sample, Timestamp now)
{
    for (const Pool& pool : sample.pools) {
        if (!ended_.contains(pool.name))
            ended_[pool.name] = {};
    }
    for (const auto& [name, sums] : ended_) {
        const auto pool = after.pools.pools.find(name);
        if (pool != after.pools.pools.end())
            pools_[name].note(pool->second, sums.first, sums.second, now, read_.value_or(now));
    }
    read_ = now;
    ended_.clear();
    if (sample.full)
        std::erase_if(pools_, [&](const auto& p) { return !after.pools.pools.contains(p.first); });
    forget(now);
}

void FlowHistory::watch(const TargetState& after, const ServerSample&, Timestamp now)
{
    if (!server_.empty() && now < server_.back().time)
        server_.clear();
    ServerPoint point;
    point.time = now;
    point.counts = after.counts;
    point.clients = after.client_count();
    if (after.facts && after.facts->max_connections)
        // What a server or a recording says may be any number.
        point.usable = static_cast<std::int32_t>(std::clamp<std::int64_t>(
            std::int64_t{*after.facts->max_connections} - after.facts->reserved.value_or(0), 0,
            std::numeric_limits<std::int32_t>::max()));
    if (!server_.empty() && server_.back().time == now)
        server_.back() = point;
    else
        server_.push_back(point);
    thin_out(server_, now);
}

void FlowHistory::forget(Timestamp now)
{
    if (places_.size() < prune_at_)
        return;
    std::erase_if(places_,
                  [now](const auto& p) { return p.second.back().time < now - flow_window; });
    prune_at_ = std::clamp<std::size_t>(2 * places_.size(), 64, most_places);
}

void FlowHistory::interrupt()
{
    *this = {};
}

const PoolFlow* FlowHistory::pool(const Text& name) const
{
    const auto found = pools_.find(name);
    return found == pools_.end() || found->second.empty() ? nullptr : &found->second;
}

PlaceReturns FlowHistory::returns(const PlaceKey& place, Timestamp from) const
{
    PlaceReturns sum;
    sum.known = !refused_ || *refused_ < from;
    const auto found = places_.find(place);
    if (found == places_.end())
        return sum;
    for (const Returned& step : found->second) {
        if (step.time < from)
            continue;
        sum.count = sum_of(sum.count, step.count);
        sum.lasting = sum_of(sum.lasting, step.lasting);
        sum.held = sum_of(sum.held, step.held);
        sum.longest = std::max(sum.longest, step.longest);
        sum.last = step.time;
    }
    return sum;
}

std::optional<ServerPoint> FlowHistory::server_mean(Duration window, Timestamp now) const
{
    ServerPoint mean;
    std::int32_t n = 0;
    for (auto it = server_.rbegin(); it != server_.rend() && it->time > now - window; ++it) {
        for (std::size_t i = 0; i < mean.counts.size(); ++i)
            mean.counts.at(i) += it->counts.at(i);
        mean.clients += it->clients;
        mean.usable = std::max(mean.usable, it->usable);
        ++n;
    }
    if (n == 0)
        return {};
    for (std::int32_t& count : mean.counts)
        count = (count + n / 2) / n;
    mean.clients = (mean.clients + n / 2) / n;
    mean.time = now;
    return mean;
}

Duration FlowHistory::server_full(std::int32_t free, Duration window, Timestamp now) const
{
    Duration sum{};
    Timestamp until = now;
    for (auto it = server_.rbegin(); it != server_.rend() && until > now - window; ++it) {
        const Timestamp from = std::max(it->time, now - window);
        if (it->usable >= 0 && it->usable - it->clients <= free && until > from)
            sum += until - from;
        until = std::min(until, it->time);
    }
    return sum;
}

std::optional<Timestamp> FlowHistory::server_full_since(std::int32_t free, Timestamp now) const
{
    std::optional<Timestamp> since;
    for (auto it = server_.rbegin(); it != server_.rend(); ++it) {
        const Timestamp from = std::max(it->time, now - flow_window);
        if (it->usable >= 0 && it->usable - it->clients <= free)
            since = from;
        else if (since.value_or(now) - from > strain_pause)
            break;
    }
    return since;
}

} // namespace poolscope
