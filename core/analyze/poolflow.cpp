// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/poolflow.h"

#include "core/analyze/flowsums.h"

#include <algorithm>
#include <limits>

namespace poolscope {

namespace {

constexpr Duration strain_pause = std::chrono::seconds{10};
/// A pool that is read more seldom than that tells nothing of the last seconds.
constexpr Duration widest_reading = std::chrono::seconds{16};

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
    // Of nineteen twentieths, without a product: a count may be any number.
    return max > 0 && used >= max - max / 20 ? Strain::nearly : Strain::none;
}

void PoolFlow::note(const Pool& pool, std::uint64_t returned, Duration held, Timestamp now,
                    Timestamp before, Duration lasting)
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
    lasting_ = sum_of(lasting_, lasting);

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
    point.lasting = lasting_;
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

/// Strain counts for what it lasts and calm against it: it began where that adds up to most.
std::optional<Timestamp> PoolFlow::strained_since(Strain least, Timestamp now) const
{
    std::optional<Timestamp> since;
    Duration sum{};
    Duration most{};
    Timestamp until = now;
    for (auto it = points_.rbegin(); it != points_.rend() && until > now - flow_window; ++it) {
        const Timestamp from = std::max(it->time, now - flow_window);
        const Duration lasted = std::max(Duration{0}, until - from);
        if (it->strain() < least) {
            sum -= lasted * 3 / 4;
            if (since ? most - sum > strain_pause * 3 / 4 : now - from > strain_pause)
                break;
        } else if (sum += lasted; !since || sum > most) {
            most = sum;
            since = from;
        }
        until = from;
    }
    return since;
}

std::optional<Timestamp> PoolFlow::strained_until(Strain least, Timestamp now) const
{
    Timestamp until = now;
    for (auto it = points_.rbegin(); it != points_.rend(); ++it) {
        if (it->strain() >= least)
            return until;
        until = it->since;
    }
    return std::nullopt;
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
    rate.lasting = std::chrono::duration<double>(b->lasting - a->lasting).count() / seconds;
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

std::optional<Duration> PoolFlow::first_use(Timestamp now) const
{
    constexpr Duration first = std::chrono::seconds{10};
    if (points_.empty() || now - oldest().time < 2 * first)
        return {};
    // Wherever a replay began: as far back as each of them knows.
    const Timestamp from = std::max(oldest().time, now - flow_window + first);
    const auto rate = between(from, from + first);
    return rate ? rate->use : std::nullopt;
}

void FlowHistory::restore(const TargetState& target, Timestamp now)
{
    *this = {};
    if (target.gap_since_sample)
        silent_from_ = target.last_sample;
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
        Ended& ended = ended_[checkout.pool];
        ended.count = sum_of(ended.count, 1);
        ended.held = sum_of(ended.held, held);
        if (held >= lasting_hold)
            ended.lasting = sum_of(ended.lasting, std::min(held, longest_counted));
        came_back(checkout.pool, checkout.stack, 1, held, held, now);
    }
    for (const BriefHolds& brief : sample.brief) {
        Ended& ended = ended_[brief.pool];
        ended.count = sum_of(ended.count, brief.count);
        ended.held = sum_of(ended.held, brief.held);
        came_back(brief.pool, brief.stack, brief.count, brief.held, brief.longest, now);
    }
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
            pools_[name].note(pool->second, sums.count, sums.held, now, read_.value_or(now),
                              sums.lasting);
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
    looks_.watch(after, now);
    if (silent_from_)
        silence_ = {*std::exchange(silent_from_, std::nullopt), now};
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

void FlowHistory::interrupt()
{
    const auto silent_from = server_.empty() ? silent_from_ : server_.back().time;
    const auto silence = silence_;
    *this = {};
    silent_from_ = silent_from;
    silence_ = silence;
}

Duration FlowHistory::unseen(Timestamp from, Timestamp to) const
{
    if (!silence_)
        return Duration{0};
    return std::max(Duration{0}, std::min(silence_->second, to) - std::max(silence_->first, from));
}

const PoolFlow* FlowHistory::pool(const Text& name) const
{
    const auto found = pools_.find(name);
    return found == pools_.end() || found->second.empty() ? nullptr : &found->second;
}

std::optional<ServerPoint> FlowHistory::server_mean(Timestamp from, Timestamp to) const
{
    ServerPoint mean;
    std::int32_t n = 0;
    for (auto it = server_.rbegin(); it != server_.rend() && it->time > from; ++it) {
        if (it->time > to)
            continue;
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
    mean.time = to;
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
