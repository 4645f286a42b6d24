// SPDX-License-Identifier: GPL-3.0-or-later
// What each message changes.
#include "core/source/agentsampler_p.h"

#include "core/wire/limits.h"

#include <algorithm>

namespace poolscope {

namespace {

/// Of one sample. The pool's own count tells of them all.
constexpr std::size_t mostTimeouts = 100;
/// Used again for the next checkouts, so that a busy pool costs no allocation for each.
constexpr std::size_t mostSpare = 4096;
/// Stacks that were named and not told.
constexpr std::size_t mostAwaited = 100'000;
/// Samples after which what waits for its stack is told without one.
constexpr int mostTakes = 10;
constexpr int mostTakesOfTimeouts = 2;
/// Of one place in one sample.
constexpr auto mostCounted = static_cast<std::uint64_t>(wire::max_number);

void add(BriefHolds& sum, std::uint64_t count, Duration held, Duration longest)
{
    sum.count += std::min(count, mostCounted - sum.count); // numbers are the agent's own
    sum.held += std::min(held, Duration::max() - sum.held);
    sum.longest = std::max(sum.longest, longest);
}

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
    preparedChanged_ = preparedChanged_ || !prepared_.empty(); // one may have waited for its lines
    settle(stack.id);
}

/// Where to wait for a stack that is named and not told; null where there is nothing to wait for.
AgentSampler::Awaited* AgentSampler::awaitedStack(std::string_view id,
                                                  std::span<const wire::FrameView> frames)
{
    if (id.empty() || !frames.empty() || stacks_.knows(id))
        return nullptr;
    if (const auto found = awaited_.find(id); found != awaited_.end())
        return &found->second;
    return awaited_.size() < mostAwaited ? &awaited_[std::string(id)] : nullptr;
}

void AgentSampler::await(Open& open, Awaited* awaited)
{
    open.awaited = awaited;
    if (awaited == nullptr)
        return;
    open.awaitedAt = awaited->open.size();
    awaited->open.push_back(&open);
}

void AgentSampler::unawait(Open& open)
{
    if (open.awaited == nullptr)
        return;
    std::vector<Open*>& list = open.awaited->open;
    list[open.awaitedAt] = list.back();
    list[open.awaitedAt]->awaitedAt = open.awaitedAt;
    list.pop_back();
    open.awaited = nullptr;
}

/// A stack was told: whoever named it before gets it.
void AgentSampler::settle(std::string_view id)
{
    const StackRef stack = stacks_.find(id, {});
    std::erase_if(heldTimeouts_, [&](HeldTimeout& held) {
        if (held.stack != id)
            return false;
        held.timeout.stack = stack;
        timeouts_.push_back(std::move(held.timeout));
        return true;
    });
    const auto found = awaited_.find(id);
    if (found == awaited_.end())
        return;
    for (Open* const open : found->second.open) {
        open->awaited = nullptr;
        open->stack = stack;
        touch(*open);
    }
    for (const auto& [pool, brief] : found->second.brief)
        add(briefOf(pool, stack), brief.count, brief.held, brief.longest);
    awaited_.erase(found);
}

/// Before a sample: what has waited for long enough goes without its stack.
void AgentSampler::giveUpWaiting()
{
    std::erase_if(heldTimeouts_, [&](HeldTimeout& held) {
        if (++held.takes <= mostTakesOfTimeouts)
            return false;
        timeouts_.push_back(std::move(held.timeout));
        return true;
    });
    for (auto it = awaited_.begin(); it != awaited_.end();) {
        Awaited& awaited = it->second;
        if (!awaited.brief.empty() && ++awaited.takes > mostTakes) {
            for (const auto& [pool, brief] : awaited.brief)
                add(briefOf(pool, {}), brief.count, brief.held, brief.longest);
            awaited.brief.clear();
            awaited.takes = 0;
        }
        it = awaited.open.empty() && awaited.brief.empty() ? awaited_.erase(it) : std::next(it);
    }
}

void AgentSampler::on(const wire::Open& open)
{
    const ConnectionKey key{text(open.pool), text(open.connection)};
    Known& known = connections_[key];
    PoolConnection& connection = known.connection;
    connection.key = key;
    connection.opened = times_.believed(open.time);
    connection.server_pid = open.server_pid;
    connection.local_port = open.local_port;
    known.isListed = closedConnections_.erase(key) > 0 || known.isListed;
    if (!full_) // else all of them are told
        changedConnections_.insert(key);
}

void AgentSampler::on(const wire::Close& close)
{
    const ConnectionKey key{text(close.pool), text(close.connection)};
    const auto found = connections_.find(key);
    if (found == connections_.end())
        return;
    if (found->second.isListed) // else nobody has heard of it
        closedConnections_.insert(key);
    changedConnections_.erase(key);
    connections_.erase(found);
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
        unawait(*place);
    } else if (spare_.empty()) {
        place = std::make_unique<Open>();
    } else {
        place = std::move(spare_.back());
        spare_.pop_back();
    }
    place->assign(checkout);
    place->acquired = times_.believed(checkout.time);
    if (checkout.busy)
        place->busySince = place->acquired;
    if (checkout.beat)
        place->heartbeat = times_.believed(*checkout.beat);
    place->pool = text(checkout.pool);
    place->stack = stacks_.find(checkout.stack, checkout.frames);
    await(*place, awaitedStack(checkout.stack, checkout.frames));
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
        open->busySince = times_.believed(use.time);
        if (!use.statement.empty())
            open->statement = text(use.statement);
    }
}

void AgentSampler::on(const wire::Beat& beat)
{
    if (Open* const open = touched(beat.id))
        open->heartbeat = times_.believed(beat.time);
}

void AgentSampler::on(const wire::Leak& leak)
{
    if (Open* const open = touched(leak.id))
        open->reported = leak.severity == "resolved" ? Text{} : text(leak.severity);
}

BriefHolds& AgentSampler::briefOf(const Text& pool, const StackRef& stack)
{
    BriefHolds& brief = brief_[{pool.identity(), stack.get()}];
    brief.pool = pool;
    brief.stack = stack;
    return brief;
}

void AgentSampler::sum(const Open& open, Duration held)
{
    add(open.awaited != nullptr ? open.awaited->brief[open.pool] : briefOf(open.pool, open.stack),
        1, held, held);
}

void AgentSampler::on(const wire::Checkin& checkin)
{
    const auto found = open_.find(checkin.id);
    if (found == open_.end())
        return;
    Open& open = *found->second;
    untouch(open);
    const Timestamp returned = times_.believed(checkin.time);
    if (open.isListed)
        ended_.push_back({Text{found->first}, returned});
    else
        sum(open, std::max(Duration{0}, returned - open.acquired));
    unawait(open);
    if (spare_.size() < mostSpare)
        spare_.push_back(std::move(found->second));
    open_.erase(found);
}

/// What the agent has summed up already.
void AgentSampler::on(const wire::Brief& brief)
{
    if (brief.count == 0)
        return;
    Awaited* const awaited = awaitedStack(brief.stack, brief.frames);
    const Text name = text(brief.pool);
    add(awaited != nullptr ? awaited->brief[name]
                           : briefOf(name, stacks_.find(brief.stack, brief.frames)),
        static_cast<std::uint64_t>(brief.count), brief.total.value_or(Duration{0}),
        brief.longest.value_or(Duration{0}));
}

void AgentSampler::on(const wire::Timeout& timeout)
{
    if (timeouts_.size() + heldTimeouts_.size() >= mostTimeouts) {
        ++timeoutsLeftOut_;
        return;
    }
    AcquireTimeout told{text(timeout.pool), times_.believed(timeout.time),
                        timeout.wait.value_or(Duration{0}), text(timeout.by),
                        stacks_.find(timeout.stack, timeout.frames)};
    if (!timeout.stack.empty() && timeout.frames.empty() && !stacks_.knows(timeout.stack))
        heldTimeouts_.push_back({std::string(timeout.stack), std::move(told)});
    else
        timeouts_.push_back(std::move(told));
}

void AgentSampler::on(const wire::Health& health)
{
    const auto found = connections_.find({text(health.pool), text(health.connection)});
    if (found == connections_.end())
        return;
    found->second.connection.health = text(health.status);
    changedConnections_.insert(found->first);
}

void AgentSampler::on(const wire::Stats& stats)
{
    times_.hint(stats.time);
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
