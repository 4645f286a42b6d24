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
/// Places with short checkouts, of one sample and on the way to one; beside them one a pool.
constexpr std::size_t mostPlaces = 10'000;
/// Of one place in one sample.
constexpr auto mostCounted = static_cast<std::uint64_t>(wire::max_number);

void add(BriefHolds& sum, const BriefHolds& more)
{
    sum.count += std::min(more.count, mostCounted - sum.count); // numbers are the agent's own
    sum.held += std::min(more.held, Duration::max() - sum.held);
    sum.longest = std::max(sum.longest, more.longest);
}

std::optional<DurationSummary> summary(const std::optional<wire::Figures>& figures)
{
    if (!figures)
        return {};
    DurationSummary out;
    out.count = static_cast<std::uint64_t>(figures->count.value_or(0));
    out.total = figures->total;
    out.p50 = figures->p50;
    out.p99 = figures->p99;
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
    open.awaitedAt = static_cast<std::uint32_t>(awaited->open.size());
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
    awaitedBriefs_ -= found->second.brief.size();
    for (auto& [pool, brief] : found->second.brief) {
        brief.stack = stack;
        sum(brief, nullptr);
    }
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
            awaitedBriefs_ -= awaited.brief.size();
            for (const auto& [pool, brief] : awaited.brief)
                sum(brief, nullptr);
            awaited.brief.clear();
            awaited.takes = 0;
        }
        it = awaited.open.empty() && awaited.brief.empty() ? awaited_.erase(it) : std::next(it);
    }
}

void AgentSampler::on(const wire::Open& open)
{
    const ConnectionKey key{text(open.pool), text(open.connection)};
    auto* known = static_cast<Known*>(kept());
    if (known == nullptr) {
        known = connections_.emplace_back(std::make_unique<Known>()).get();
        known->index = static_cast<std::uint32_t>(connections_.size() - 1);
        kept() = known;
    }
    PoolConnection& connection = known->connection;
    connection.key = key;
    connection.opened = times_.believed(open.time);
    connection.server_pid = open.server_pid;
    connection.local_port = open.local_port;
    known->isListed = closedConnections_.erase(key) > 0 || known->isListed;
    if (!full_) // else all of them are told
        changedConnections_[key] = known;
}

void AgentSampler::on(const wire::Close&)
{
    auto* const known = static_cast<Known*>(kept());
    if (known == nullptr)
        return;
    if (known->isListed) // else nobody has heard of it
        closedConnections_.insert(known->connection.key);
    changedConnections_.erase(known->connection.key);
    removeFrom(connections_, *known);
}

void AgentSampler::on(const wire::Wait& wait)
{
    pool(wait.pool).pending = wait.pending;
}

void AgentSampler::touch(Open& open)
{
    if (open.touchedAt != Open::untouched)
        return;
    open.touchedAt = static_cast<std::uint32_t>(touched_.size());
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

/// For what is being told of, and kept with it.
AgentSampler::Open& AgentSampler::openOne()
{
    std::unique_ptr<Open> made;
    if (spare_.empty()) {
        made = std::make_unique<Open>();
    } else {
        made = std::move(spare_.back());
        spare_.pop_back();
    }
    made->index = static_cast<std::uint32_t>(open_.size());
    kept() = made.get();
    return *open_.emplace_back(std::move(made));
}

void AgentSampler::endOne(Open& open)
{
    untouch(open);
    unawait(open);
    std::unique_ptr<Open> ended = removeFrom(open_, open);
    if (spare_.size() < mostSpare)
        spare_.push_back(std::move(ended));
}

void AgentSampler::on(const wire::Checkout& checkout)
{
    auto* place = static_cast<Open*>(kept());
    std::optional<Timestamp> since = times_.believed(checkout.time);
    Text statement, reported;
    bool listed = false;
    if (place) {
        // Named again in a picture, which has neither what runs nor since when.
        untouch(*place);
        unawait(*place);
        since = place->busy == checkout.busy ? place->busySince : pictured_;
        statement = place->statement;
        reported = place->reported;
        listed = place->isListed;
    } else {
        place = &openOne();
    }
    place->assign(checkout);
    place->isListed = listed;
    place->acquired = times_.believed(checkout.time);
    if (checkout.busy) {
        // Not later than the picture, whose times may have been told anew by another clock.
        place->busySince =
            std::max(place->acquired, std::min(since.value_or(pictured_), pictured_));
        place->statement = std::move(statement);
    }
    place->reported = std::move(reported);
    if (checkout.beat)
        place->heartbeat = times_.believed(*checkout.beat);
    place->pool = text(checkout.pool);
    place->stack = stacks_.find(checkout.stack, checkout.frames);
    await(*place, awaitedStack(checkout.stack, checkout.frames));
    touch(*place);
}

/// The open one that is being told of, if it is one.
AgentSampler::Open* AgentSampler::touched()
{
    auto* const open = static_cast<Open*>(kept());
    if (open != nullptr)
        touch(*open);
    return open;
}

void AgentSampler::on(const wire::Use& use)
{
    if (Open* const open = touched()) {
        open->busy = use.busy;
        open->busySince = times_.believed(use.time);
        if (!use.statement.empty())
            open->statement = text(use.statement);
    }
}

void AgentSampler::on(const wire::Beat& beat)
{
    if (Open* const open = touched()) {
        open->heartbeat = times_.believed(beat.time);
        if (beat.expected)
            open->expected = beat.expected;
    }
}

void AgentSampler::on(const wire::Leak& leak)
{
    if (Open* const open = touched())
        open->reported = leak.severity == "resolved" ? Text{} : text(leak.severity);
}

/// Null: there are too many places already.
BriefHolds* AgentSampler::briefOf(const Text& pool, const StackRef& stack)
{
    const std::pair key{pool.identity(), stack.get()};
    const auto found = brief_.find(key);
    if (found != brief_.end())
        return &found->second;
    if (stack && brief_.size() + awaitedBriefs_ >= mostPlaces)
        return nullptr;
    BriefHolds& brief = brief_[key];
    brief.pool = pool;
    brief.stack = stack;
    return &brief;
}

BriefHolds* AgentSampler::briefOf(const Text& pool, Awaited& awaited)
{
    const auto found = awaited.brief.find(pool);
    if (found != awaited.brief.end())
        return &found->second;
    if (brief_.size() + awaitedBriefs_ >= mostPlaces)
        return nullptr;
    ++awaitedBriefs_;
    BriefHolds& brief = awaited.brief[pool];
    brief.pool = pool;
    return &brief;
}

/// Where it belongs, or waits for its lines; what there is no room for counts without a place.
void AgentSampler::sum(const BriefHolds& more, Awaited* awaited)
{
    BriefHolds* sum = awaited ? briefOf(more.pool, *awaited) : briefOf(more.pool, more.stack);
    if (!sum) {
        placesLeftOut_ += more.count;
        sum = briefOf(more.pool, StackRef{});
    }
    add(*sum, more);
}

void AgentSampler::on(const wire::Checkin& checkin)
{
    auto* const open = static_cast<Open*>(kept());
    if (open == nullptr)
        return;
    const Timestamp returned = times_.believed(checkin.time);
    if (open->isListed) {
        ended_.push_back({Text{std::string{open->id()}}, returned});
    } else {
        const Duration held = std::max(Duration{0}, returned - open->acquired);
        sum({open->pool, open->stack, 1, held, held}, open->awaited);
    }
    endOne(*open);
}

/// What the agent has summed up already.
void AgentSampler::on(const wire::Brief& brief)
{
    if (brief.count == 0)
        return;
    sum({text(brief.pool), stacks_.find(brief.stack, brief.frames),
         static_cast<std::uint64_t>(brief.count), brief.total.value_or(Duration{0}),
         brief.longest.value_or(Duration{0})},
        awaitedStack(brief.stack, brief.frames));
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
    auto* const known = static_cast<Known*>(kept());
    if (known == nullptr)
        return;
    known->connection.health = text(health.status);
    changedConnections_[known->connection.key] = known;
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
