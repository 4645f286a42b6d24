// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/record/poolstream.h"

#include "core/base/bounds.h"

#include <algorithm>
#include <limits>

namespace poolscope::test {

PoolStream::PoolStream(TargetId target, const Shape& shape, std::mt19937& random, TextPool& texts)
    : target_(target)
    , shape_(shape)
    , random_(random)
    , texts_(texts)
{
    for (int i = 0; i < 12; ++i) {
        std::vector<StackLine> lines;
        for (int depth = 2 + below(10); depth > 0; --depth)
            lines.push_back({text(word("shop::handle", 20) + "(Request&)"),
                             text(word("src/handler", 9) + ".cpp"), 1 + below(400), chance(0.4)});
        if (chance(0.2))
            lines.push_back({{}, {}, 0, false});
        stacks_.push_back(make_stack(std::move(lines)));
    }
}

int PoolStream::below(int limit)
{
    return static_cast<int>(random_() % static_cast<std::uint32_t>(limit));
}

bool PoolStream::chance(double probability)
{
    return static_cast<double>(random_()) < probability * 4294967295.0;
}

std::string PoolStream::word(const char* prefix, int different)
{
    return prefix + std::to_string(below(different));
}

Text PoolStream::maybe(double null, const std::string& body)
{
    return chance(null) ? Text{} : text(body);
}

std::optional<std::int64_t> PoolStream::number(int limit)
{
    if (chance(0.1))
        return std::nullopt;
    if (shape_.odd && chance(0.01))
        return std::numeric_limits<std::int64_t>::min();
    return below(limit);
}

std::optional<DurationSummary> PoolStream::summary()
{
    if (chance(0.2))
        return std::nullopt;
    DurationSummary made{random_(), Duration{below(1'000'000'000)}, Duration{below(5000)},
                         Duration{below(500'000)}};
    if (shape_.odd && chance(0.05))
        made = {~std::uint64_t{0}, Duration::max(), Duration::min(), Duration{-1}};
    if (shape_.odd && chance(0.05))
        made.total.reset();
    if (shape_.odd && chance(0.1))
        made.p50.reset();
    if (shape_.odd && chance(0.1))
        made.p99.reset();
    return made;
}

/// One of a few places; now and then made anew, and now and then none.
StackRef PoolStream::stack()
{
    if (chance(0.1))
        return {};
    if (shape_.odd && chance(0.02))
        return make_stack({});
    const StackRef& one = stacks_[static_cast<std::size_t>(below(12))];
    return chance(0.1) ? make_stack(one->lines) : one;
}

AgentFacts PoolStream::agent()
{
    AgentFacts facts;
    facts.protocol = 1;
    facts.agent = word("poolscope-cpp 0.", 3);
    facts.process = "shop-api";
    facts.host = word("web", 3);
    facts.pid = 4000 + below(50);
    for (const char* const what : {"stacks", "wait", "server_pid", "reclaim"}) {
        if (chance(0.7))
            facts.can.emplace_back(what);
    }
    if (shape_.odd && chance(0.2))
        facts.can = {""};
    facts.may_reclaim = chance(0.5);
    return facts;
}

Pool PoolStream::pool(const std::string& name)
{
    Pool p;
    p.name = text(name);
    p.kind = maybe(0.1, "poolscope");
    p.database = maybe(0.2, "postgresql://db.example/" + name);
    if (chance(0.8)) {
        p.configuration.emplace_back("maximumPoolSize", std::to_string(10 + below(3)));
        p.configuration.emplace_back("leakThreshold", chance(0.5) ? "30s" : "");
    }
    p.used = number(20);
    p.idle = number(20);
    p.total = number(40);
    p.max = number(50);
    p.idle_min = number(5);
    p.idle_max = number(9);
    p.pending = number(12);
    p.wait_time = summary();
    p.use_time = summary();
    p.create_time = summary();
    if (chance(0.8))
        p.timeouts = static_cast<std::uint64_t>(below(100));
    if (chance(0.5))
        p.leaks_detected = shape_.odd && chance(0.1) ? ~std::uint64_t{0} : random_() % 9;
    if (chance(0.5))
        p.tracked = random_();
    p.circuit = maybe(0.5, chance(0.8) ? "closed" : "open");
    p.health = maybe(0.5, "healthy");
    return p;
}

PoolConnection PoolStream::connection()
{
    PoolConnection c;
    c.key = {text(word("pool-", 3)), text("conn-" + std::to_string(++last_))};
    if (chance(0.8))
        c.opened = timestamp_from_us(1'795'271'000'000'000 + below(1'000'000'000));
    c.server_pid = number(90'000);
    if (chance(0.8))
        c.local_port = static_cast<std::uint16_t>(below(65536));
    c.health = maybe(0.3, word("health", 3));
    return c;
}

Checkout PoolStream::checkout(Timestamp process_now)
{
    Checkout c;
    c.key = {target_, text("c" + std::to_string(++last_))};
    c.pool = maybe(0.02, word("pool-", 3));
    c.connection = maybe(0.1, word("conn-", 40));
    c.server_pid = number(90'000);
    if (chance(0.7))
        c.local_port = static_cast<std::uint16_t>(below(65536));
    c.acquired = process_now - Duration{below(900'000)};
    if (chance(0.8))
        c.wait = Duration{below(40'000)};
    c.acquired_by = maybe(0.2, word("GET /item/", 30));
    c.thread = maybe(0.2, word("worker-", 8));
    const std::string half = std::to_string(random_());
    c.trace_id = maybe(0.5, half + std::to_string(random_()));
    if (chance(0.4))
        c.tags.emplace_back(text("tenant"), text(word("tenant-", 6)));
    if (chance(0.2))
        c.tags.emplace_back(text("job"), chance(0.2) ? Text{} : text(word("job-", 4)));
    c.stack = stack();
    if (chance(0.3))
        c.expected = std::chrono::seconds{below(600)};
    if (shape_.odd && chance(0.03)) {
        c.acquired = timestamp_from_us(-farthest_us);
        c.wait = Duration::max();
        c.key.target = TargetId{4'000'000'000U};
        c.trace_id = Text{std::string{}};
    }
    change(c, process_now);
    return c;
}

void PoolStream::change(Checkout& c, Timestamp process_now)
{
    c.heartbeat.reset();
    c.busy.reset();
    c.busy_since.reset();
    if (chance(0.3))
        c.heartbeat = process_now - Duration{below(30'000'000)};
    if (chance(0.8))
        c.busy = chance(0.5);
    if (chance(0.8))
        c.busy_since = process_now - Duration{below(2'000'000)};
    c.statement = maybe(0.1, word("SELECT * FROM cart WHERE id = ", 200));
    c.reported = maybe(0.8, chance(0.5) ? "alert" : "critical");
    if (shape_.odd && chance(0.02))
        c.heartbeat = timestamp_from_us(farthest_us);
    // What rarely changes, changes too.
    if (chance(0.03))
        c.server_pid = number(90'000);
    if (chance(0.02))
        c.tags.emplace_back(text("retry"), text(word("", 5)));
}

PoolSample PoolStream::sample(Timestamp now)
{
    PoolSample sample;
    sample.full = !begun_ || chance(shape_.full);
    begun_ = true;
    sample.clock_offset = Duration{below(4'000'000) - 2'000'000};
    const Timestamp process_now = now + sample.clock_offset;
    move_pools(sample);
    move_connections(sample);
    move_checkouts(sample, process_now);
    add_brief(sample, process_now);
    if (shape_.version >= 3)
        move_prepared(sample, process_now);
    if (chance(0.1))
        sample.lost = static_cast<std::uint64_t>(below(50));
    if (chance(0.05))
        sample.unreadable = std::uint64_t{1} + static_cast<std::uint64_t>(below(3));
    return sample;
}

void PoolStream::move_pools(PoolSample& sample)
{
    for (const char* const name : {"pool-0", "pool-1", "pool-2"}) {
        if (sample.full && chance(0.1)) {
            pools_.erase(Text{name});
        } else if (chance(0.6)) {
            Pool made = pool(name);
            if (!sample.full)
                sample.pools.push_back(made);
            pools_[made.name] = made;
        }
    }
    if (sample.full) {
        for (const auto& [name, made] : pools_)
            sample.pools.push_back(made);
    }
}

void PoolStream::move_connections(PoolSample& sample)
{
    for (auto it = connections_.begin(); it != connections_.end();) {
        if (!chance(0.05)) {
            ++it;
            continue;
        }
        if (!sample.full)
            sample.closed.push_back(it->first);
        it = connections_.erase(it);
    }
    if (shape_.odd && !sample.full && chance(0.05))
        sample.closed.push_back({text("pool-9"), text("nobody")});
    std::map<ConnectionKey, PoolConnection> opened;
    while (connections_.size() < 6) {
        const PoolConnection made = connection();
        connections_[made.key] = made;
        opened[made.key] = made;
    }
    for (const auto& [key, made] : sample.full ? connections_ : opened)
        sample.opened.push_back(made);
}

void PoolStream::move_checkouts(PoolSample& sample, Timestamp process_now)
{
    std::map<Text, Checkout> changed;
    for (auto it = checkouts_.begin(); it != checkouts_.end();) {
        if (chance(shape_.changing * 0.2)) {
            if (!sample.full)
                sample.ended.push_back({it->first, process_now - Duration{below(900'000)}});
            it = checkouts_.erase(it);
            continue;
        }
        if (chance(shape_.changing)) {
            change(it->second, process_now);
            changed[it->first] = it->second;
        }
        ++it;
    }
    if (shape_.odd && !sample.full && chance(0.05))
        sample.ended.push_back({text("nobody"), process_now});
    // One may come again under its name at once.
    if (shape_.odd && !sample.ended.empty() && chance(0.2)) {
        Checkout again = checkout(process_now);
        again.key.id = sample.ended.front().id;
        checkouts_[again.key.id] = again;
        changed[again.key.id] = again;
    }
    while (checkouts_.size() < static_cast<std::size_t>(shape_.checkouts)) {
        const Checkout made = checkout(process_now);
        checkouts_[made.key.id] = made;
        changed[made.key.id] = made;
    }
    for (const auto& [id, made] : sample.full ? checkouts_ : changed)
        sample.changed.push_back(made);
}

void PoolStream::add_brief(PoolSample& sample, Timestamp process_now)
{
    for (int i = below(4); i > 0; --i)
        sample.brief.push_back({maybe(0.05, word("pool-", 3)), stack(),
                                static_cast<std::uint64_t>(below(5000)),
                                Duration{below(900'000'000)}, Duration{below(900'000)}});
    while (chance(0.2))
        sample.timeouts.push_back(
            {maybe(0.05, word("pool-", 3)), process_now - Duration{below(900'000)},
             Duration{below(30'000'000)}, maybe(0.2, word("GET /item/", 30)), stack()});
}

void PoolStream::move_prepared(PoolSample& sample, Timestamp process_now)
{
    std::map<PlaceKey, PreparedStatements> changed;
    for (int i = below(3); i > 0; --i) {
        PreparedStatements at;
        at.pool = maybe(0.05, word("pool-", 3));
        at.stack = stack();
        at.open = chance(0.2) ? 0 : 1 + static_cast<std::uint64_t>(below(5000));
        if (at.open > 0) {
            if (chance(0.9))
                at.oldest = process_now - Duration{below(900'000'000)};
            if (chance(0.8))
                at.distinct = static_cast<std::uint64_t>(below(50));
            at.statement = maybe(0.2, word("SELECT ", 40));
        }
        changed[key_of(at)] = at;
    }
    for (const auto& [key, at] : changed) {
        prepared_.erase(key);
        if (at.open > 0)
            prepared_[key] = at;
    }
    for (const auto& [key, at] : sample.full ? prepared_ : changed)
        sample.prepared.push_back(at);
}

CheckoutKey PoolStream::someone()
{
    if (checkouts_.empty() || chance(0.1))
        return {target_, text("long-gone")};
    auto it = checkouts_.begin();
    std::advance(it, below(static_cast<int>(checkouts_.size())));
    return it->second.key;
}

} // namespace poolscope::test
