// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentsampler.h"

#include <algorithm>
#include <array>
#include <limits>

namespace poolscope {

namespace {

/// Of one sample. The pool's own count tells of them all.
constexpr std::size_t mostTimeouts = 100;
/// Stacks are sent once and kept for the peer's life; one that invents new ones for ever starts
/// over.
constexpr std::size_t mostStacks = 100'000;
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

/// Equal content, equal hash; a chain of std::hash over the lines.
std::uint64_t contentHash(std::span<const wire::FrameView> frames)
{
    std::size_t hash = frames.size();
    const auto mix = [&](std::size_t value) {
        hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    };
    for (const wire::FrameView& frame : frames) {
        mix(std::hash<std::string_view>{}(frame.function));
        mix(std::hash<std::string_view>{}(frame.file));
        mix(static_cast<std::size_t>(frame.line) * 2 + (frame.own ? 1 : 0));
    }
    return hash;
}

bool same(const Stack& stack, std::span<const wire::FrameView> frames)
{
    return std::equal(stack.lines.begin(), stack.lines.end(), frames.begin(), frames.end(),
                      [](const StackLine& line, const wire::FrameView& frame) {
                          return line.function.str() == frame.function &&
                                 line.file.str() == frame.file && line.line == frame.line &&
                                 line.own == frame.own;
                      });
}

} // namespace

/// A checkout as it came. Texts stay in one buffer until it is listed, which most never are.
struct AgentSampler::Open
{
    std::string bytes;
    wire::Checkout raw; ///< its views are of `bytes`
    std::vector<wire::Pair> tags;
    Text pool;
    StackRef stack;
    std::optional<bool> busy;
    std::optional<Timestamp> busySince;
    std::optional<Timestamp> heartbeat;
    Text statement;
    Text reported;
    bool isListed = false;
    std::size_t touchedAt = untouched; ///< where in touched_

    static constexpr std::size_t untouched = std::numeric_limits<std::size_t>::max();

    void assign(const wire::Checkout& from)
    {
        raw = from;
        std::size_t size = 0;
        const auto parts =
            std::array{&raw.id, &raw.connection, &raw.by, &raw.thread, &raw.trace_id};
        tags.assign(from.tags.begin(), from.tags.end());
        for (const std::string_view* part : parts)
            size += part->size();
        for (const wire::Pair& tag : tags)
            size += tag.name.size() + tag.value.size();
        bytes.clear();
        bytes.reserve(size);
        const auto keep = [&](std::string_view& part) {
            const std::size_t at = bytes.size();
            bytes.append(part);
            part = std::string_view(bytes.data() + at, part.size());
        };
        for (std::string_view* const part : parts)
            keep(*part);
        for (wire::Pair& tag : tags) {
            keep(tag.name);
            keep(tag.value);
        }
        raw.pool = {};
        raw.stack = {};
        raw.frames = {};
        raw.tags = {};
        busy = from.busy;
        busySince = from.busy ? std::optional(from.time) : std::nullopt;
        heartbeat = from.beat;
        statement = {};
        reported = {};
        isListed = false;
        touchedAt = untouched;
    }
};

AgentSampler::AgentSampler(TargetId target, Events events)
    : target_(target)
    , events_(std::move(events))
{}

AgentSampler::~AgentSampler() = default;

Text AgentSampler::text(std::string_view view)
{
    return view.empty() ? Text{} : texts_.intern(view);
}

StackRef AgentSampler::makeStack(std::span<const wire::FrameView> frames)
{
    if (frames.empty())
        return {};
    std::vector<StackRef>& alike = byContent_[contentHash(frames)];
    for (const StackRef& stack : alike)
        if (same(*stack, frames))
            return stack;
    std::vector<StackLine> lines;
    lines.reserve(frames.size());
    for (const wire::FrameView& frame : frames)
        lines.push_back({text(frame.function), text(frame.file),
                         static_cast<std::int32_t>(std::clamp<std::int64_t>(
                             frame.line, 0, std::numeric_limits<std::int32_t>::max())),
                         frame.own});
    alike.push_back(make_stack(std::move(lines)));
    return alike.back();
}

StackRef AgentSampler::stackOf(std::string_view id, std::span<const wire::FrameView> frames)
{
    if (!frames.empty())
        return makeStack(frames);
    const auto found = stacks_.find(id);
    return found == stacks_.end() ? StackRef{} : found->second;
}

Pool& AgentSampler::pool(std::string_view name)
{
    const Text key = text(name);
    changedPools_.insert(key);
    Pool& found = pools_[key];
    found.name = key;
    return found;
}

void AgentSampler::unsupported(std::uint64_t version)
{
    events_.unsupported(version);
}

void AgentSampler::challenged(const wire::Challenge& challenge)
{
    events_.challenged(challenge.nonce);
}

void AgentSampler::hello(const wire::Hello& hello, std::uint64_t)
{
    AgentFacts facts;
    facts.protocol = static_cast<std::int32_t>(hello.version);
    facts.agent = std::string(hello.agent);
    if (!hello.agent_version.empty())
        facts.agent += " " + std::string(hello.agent_version);
    facts.process = std::string(hello.process);
    facts.host = std::string(hello.host);
    facts.pid = hello.pid.value_or(0);
    for (const std::string_view word : hello.can) {
        facts.can.emplace_back(word);
        facts.may_reclaim = facts.may_reclaim || word == "reclaim";
    }
    std::map<Text, Pool> before;
    before.swap(pools_);
    changedPools_.clear();
    for (const wire::PoolInfo& info : hello.pools) {
        const auto known = before.find(text(info.pool));
        if (known != before.end())
            pools_.insert(*known);
        Pool& described = pool(info.pool);
        described.kind = text(info.kind);
        described.database = text(info.database);
        described.configuration.clear();
        for (const wire::Pair& setting : info.config)
            described.configuration.emplace_back(setting.name, setting.value);
    }
    // A new stack table comes with the picture; what the open checkouts hold they keep.
    if (stacks_.size() > mostStacks) {
        stacks_.clear();
        byContent_.clear();
    }
    full_ = true;
    events_.greeted(facts, hello.now);
}

void AgentSampler::appeared(const wire::Message& message)
{
    see(message);
}

void AgentSampler::happened(const wire::Message& message)
{
    see(message);
}

void AgentSampler::see(const wire::Message& message)
{
    std::visit([this](const auto& body) { on(body); }, message.body);
}

void AgentSampler::checkout_vanished(std::string_view, std::string_view id)
{
    // The full sample that follows does not name it, which says all that is known.
    const auto found = open_.find(id);
    if (found == open_.end())
        return;
    untouch(*found->second);
    open_.erase(found);
}

void AgentSampler::connection_vanished(std::string_view poolName, std::string_view connection)
{
    const ConnectionKey key{text(poolName), text(connection)};
    connections_.erase(key);
    changedConnections_.erase(key);
    listedConnections_.erase(key);
}

void AgentSampler::ready()
{
    events_.ready();
}

void AgentSampler::gap(std::uint64_t lost)
{
    events_.gap(lost);
}

void AgentSampler::answered(const wire::Pong& pong)
{
    events_.pong(pong.of, pong.now);
}

void AgentSampler::answered(const wire::Outcome& outcome)
{
    events_.outcome(outcome.of, outcome.ok, std::string(outcome.why));
}

void AgentSampler::on(const wire::Stack& stack)
{
    if (stacks_.size() >= mostStacks)
        return;
    stacks_.insert_or_assign(std::string(stack.id), makeStack(stack.frames));
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
    place->stack = stackOf(checkout.stack, checkout.frames);
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
                         text(timeout.by), stackOf(timeout.stack, timeout.frames)});
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

Checkout AgentSampler::listed(const Open& open)
{
    Checkout out;
    out.key = {target_, Text{std::string(open.raw.id)}};
    out.pool = open.pool;
    out.connection = text(open.raw.connection);
    out.server_pid = open.raw.server_pid;
    out.local_port = open.raw.local_port;
    out.acquired = open.raw.time;
    out.wait = open.raw.wait;
    out.acquired_by = text(open.raw.by);
    out.thread = text(open.raw.thread);
    out.trace_id = text(open.raw.trace_id);
    for (const wire::Pair& tag : open.tags)
        out.tags.emplace_back(text(tag.name), text(tag.value));
    out.stack = open.stack;
    out.expected = open.raw.expected;
    out.heartbeat = open.heartbeat;
    out.busy = open.busy;
    out.busy_since = open.busySince;
    out.statement = open.statement;
    out.reported = open.reported;
    return out;
}

PoolSample AgentSampler::take()
{
    PoolSample sample;
    sample.full = full_;
    const auto list = [&](Open& open) {
        sample.changed.push_back(listed(open));
        open.isListed = true;
        open.touchedAt = Open::untouched;
    };
    if (full_) {
        for (const auto& [name, pool] : pools_)
            sample.pools.push_back(pool);
        for (const auto& [key, connection] : connections_)
            sample.opened.push_back(connection);
        for (const auto& [id, open] : open_)
            list(*open);
    } else {
        for (const Text& name : changedPools_)
            sample.pools.push_back(pools_.at(name));
        for (const ConnectionKey& key : changedConnections_)
            sample.opened.push_back(connections_.at(key));
        sample.closed.assign(closedConnections_.begin(), closedConnections_.end());
        for (Open* const open : touched_)
            list(*open);
        sample.ended = std::move(ended_);
    }
    for (auto& [place, brief] : brief_)
        sample.brief.push_back(std::move(brief));
    sample.timeouts = std::move(timeouts_);

    std::sort(sample.changed.begin(), sample.changed.end(),
              [](const Checkout& a, const Checkout& b) { return a.key < b.key; });
    std::sort(sample.ended.begin(), sample.ended.end(),
              [](const CheckoutEnd& a, const CheckoutEnd& b) { return a.id < b.id; });
    const auto fingerprint = [](const BriefHolds& b) {
        return b.stack ? b.stack->fingerprint : 0;
    };
    std::sort(sample.brief.begin(), sample.brief.end(),
              [&](const BriefHolds& a, const BriefHolds& b) {
                  return a.pool == b.pool ? fingerprint(a) < fingerprint(b) : a.pool < b.pool;
              });

    for (const PoolConnection& connection : sample.opened)
        listedConnections_.insert(connection.key);
    for (const ConnectionKey& key : closedConnections_)
        listedConnections_.erase(key);
    changedPools_.clear();
    changedConnections_.clear();
    closedConnections_.clear();
    touched_.clear();
    ended_.clear();
    brief_.clear();
    timeouts_.clear();
    full_ = false;
    return sample;
}

} // namespace poolscope
