// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentsampler_p.h"

#include "core/event/databaseaddress.h"

#include <algorithm>

namespace poolscope {

AgentSampler::AgentSampler(TargetId target, Events events)
    : target_(target)
    , events_(std::move(events))
{}

AgentSampler::~AgentSampler() = default;

Text AgentSampler::text(std::string_view view)
{
    return view.empty() ? Text{} : texts_.intern(view);
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
        described.database = text(database_address(info.database)); // whatever its agent left there
        described.configuration.clear();
        for (const wire::Pair& setting : info.config)
            described.configuration.emplace_back(setting.name, setting.value);
    }
    stacks_.beginPicture();
    prepared_.clear(); // the picture names what there is
    preparedChanged_ = true;
    times_.read(hello.now);
    pictured_ = hello.now;
    full_ = true;
    events_.greeted(facts, hello.now, hello.started);
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

void AgentSampler::checkout_vanished(std::string_view, std::string_view)
{
    // The full sample that follows does not name it, which says all that is known.
    if (auto* const open = static_cast<Open*>(kept()))
        endOne(*open);
}

void AgentSampler::connection_vanished(std::string_view, std::string_view)
{
    if (auto* const known = static_cast<Known*>(kept())) {
        changedConnections_.erase(known->connection.key);
        removeFrom(connections_, *known);
    }
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
    if (times_.read(pong.now) && events_.corrected)
        events_.corrected();
    events_.pong(pong.of, pong.now);
}

void AgentSampler::answered(const wire::Outcome& outcome)
{
    events_.outcome(outcome.of, outcome.ok, std::string(outcome.why));
}

Checkout AgentSampler::listed(const Open& open)
{
    Checkout out;
    std::size_t at = 0;
    out.key = {target_, Text{std::string(open.next(at))}};
    out.connection = text(open.next(at));
    out.acquired_by = text(open.next(at));
    out.thread = text(open.next(at));
    out.trace_id = text(open.next(at));
    while (at < open.bytes.size()) {
        const Text name = text(open.next(at));
        out.tags.emplace_back(name, text(open.next(at)));
    }
    out.pool = open.pool;
    out.server_pid = open.serverPid;
    out.local_port = open.localPort;
    out.acquired = open.acquired;
    out.wait = open.wait;
    out.stack = open.stack;
    out.expected = open.expected;
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
        sample.changed.reserve(open_.size());
        sample.opened.reserve(connections_.size());
        for (const auto& [name, pool] : pools_)
            sample.pools.push_back(pool);
        for (const auto& known : connections_) {
            known->isListed = true;
            sample.opened.push_back(known->connection);
        }
        std::sort(sample.opened.begin(), sample.opened.end(),
                  [](const PoolConnection& a, const PoolConnection& b) { return a.key < b.key; });
        for (const auto& open : open_)
            list(*open);
    } else {
        for (const Text& name : changedPools_)
            sample.pools.push_back(pools_.at(name));
        for (const auto& [key, known] : changedConnections_) {
            known->isListed = true;
            sample.opened.push_back(known->connection);
        }
        sample.closed.assign(closedConnections_.begin(), closedConnections_.end());
        for (Open* const open : touched_)
            list(*open);
        sample.ended = std::move(ended_);
    }
    sample.prepared = preparedNow();
    giveUpWaiting();
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
