// SPDX-License-Identifier: GPL-3.0-or-later
// What each message changes.
#include "core/source/agentsampler_p.h"

#include <algorithm>

namespace poolscope {

namespace {

/// Of one sample. The pool's own count tells of them all.
constexpr std::size_t mostTimeouts = 100;
/// Used again for the next checkouts, so that a busy pool costs no allocation for each.
constexpr std::size_t mostSpare = 4096;

std::optional<DurationSummary> summary(const std::optional<wire::Figures>& figures)
{
    if (!figures)
        return {};
    DurationSummary out;
    out.count = static_cast<std::uint64_t>(figures->count.value_or(0));
    out.total = figures->total.value_or(Duration{0});
    out.p50 = figures->p50.value_or(Duration{0});
    out.p99 = figures->p99.value_or(Duration{0});
    return out;
}

std::optional<std::uint64_t> counter(const std::optional<std::int64_t>& number)
{
    return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

} // namespace

void AgentSampler::on(const wire::Stack& stack)
{
    stacks_.define(stack.id, stack.frames);
}

void AgentSampler::on(const wire::Open& open)
{
    const ConnectionKey key{text(open.pool), text(open.connection)};
    PoolConnection& connection = connections_[key];
    connection.key = key;
    connection.opened = open.time;
    connection.server_pid = open.server_pid;
    connection.local_port = open.local_port;
    changedConnections_.insert(key);
    closedConnections_.erase(key);
}

void AgentSampler::on(const wire::Close& close)
{
    const ConnectionKey key{text(close.pool), text(close.connection)};
    if (connections_.erase(key) == 0)
        return;
    changedConnections_.erase(key);
    if (listedConnections_.contains(key)) // else nobody has heard of it
        closedConnections_.insert(key);
}

void AgentSampler::on(const wire::Wait& wait)
{
    pool(wait.pool).pending = wait.pending;
}

void AgentSampler::touch(Open& open)
{
    if (open.touchedAt != Open::untouched)
        return;
    open.touchedAt = touched_.size();
    touched_.push_back(&open);
}

void AgentSampler::untouch(Open& open)
{
    if (open.touchedAt == Open::untouched)
        return;
    touched_[open.touchedAt] = touched_.back();
    touched_[open.touchedAt]->touchedAt = open.touchedAt;
    touched_.pop_back();
    open.touchedAt = Open::untouched;
}

void AgentSampler::on(const wire::Checkout& checkout)
{
    std::unique_ptr<Open>& place = open_[std::string(checkout.id)];
    if (place) {
        untouch(*place); // named again in a picture
    } else if (spare_.empty()) {
        place = std::make_unique<Open>();
    } else {
        place = std::move(spare_.back());
        spare_.pop_back();
    }
    place->assign(checkout);
    place->pool = text(checkout.pool);
    place->stack = stacks_.find(checkout.stack, checkout.frames);
    touch(*place);
}

AgentSampler::Open* AgentSampler::touched(std::string_view id)
{
    const auto found = open_.find(id);
    if (found == open_.end())
        return nullptr;
    touch(*found->second);
    return found->second.get();
}

void AgentSampler::on(const wire::Use& use)
{
    if (Open* const open = touched(use.id)) {
        open->busy = use.busy;
        open->busySince = use.time;
        if (!use.statement.empty())
            open->statement = text(use.statement);
    }
}

void AgentSampler::on(const wire::Beat& beat)
{
    if (Open* const open = touched(beat.id))
        open->heartbeat = beat.time;
}

void AgentSampler::on(const wire::Leak& leak)
{
    if (Open* const open = touched(leak.id))
        open->reported = leak.severity == "resolved" ? Text{} : text(leak.severity);
}

void AgentSampler::sum(const Open& open, Duration held)
{
    BriefHolds& brief = brief_[{open.pool.identity(), open.stack.get()}];
    brief.pool = open.pool;
    brief.stack = open.stack;
    ++brief.count;
    brief.held += held;
    brief.longest = std::max(brief.longest, held);
}

void AgentSampler::on(const wire::Checkin& checkin)
{
    const auto found = open_.find(checkin.id);
    if (found == open_.end())
        return;
    Open& open = *found->second;
    untouch(open);
    if (open.isListed)
        ended_.push_back({Text{found->first}, checkin.time});
    else
        sum(open, std::max(Duration{0}, checkin.time - open.raw.time));
    if (spare_.size() < mostSpare)
        spare_.push_back(std::move(found->second));
    open_.erase(found);
}

void AgentSampler::on(const wire::Timeout& timeout)
{
    if (timeouts_.size() >= mostTimeouts) {
        ++timeoutsLeftOut_;
        return;
    }
    timeouts_.push_back({text(timeout.pool), timeout.time, timeout.wait.value_or(Duration{0}),
                         text(timeout.by), stacks_.find(timeout.stack, timeout.frames)});
}

void AgentSampler::on(const wire::Health& health)
{
    const auto found = connections_.find({text(health.pool), text(health.connection)});
    if (found == connections_.end())
        return;
    found->second.health = text(health.status);
    changedConnections_.insert(found->first);
}

void AgentSampler::on(const wire::Stats& stats)
{
    Pool& figures = pool(stats.pool);
    figures.used = stats.used;
    figures.idle = stats.idle;
    figures.total = stats.total;
    figures.max = stats.max;
    figures.idle_min = stats.idle_min;
    figures.idle_max = stats.idle_max;
    if (stats.pending)
        figures.pending = stats.pending;
    figures.timeouts = counter(stats.timeouts);
    figures.wait_time = summary(stats.wait_time);
    figures.use_time = summary(stats.use_time);
    figures.create_time = summary(stats.create_time);
    figures.leaks_detected = counter(stats.leaks);
    figures.tracked = counter(stats.tracked);
    figures.circuit = text(stats.circuit);
    figures.health = text(stats.health);
}

} // namespace poolscope
