// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/poolcase.h"

#include "core/analyze/linkdoubt.h"
#include "core/model/refusal.h"

#include <algorithm>
#include <limits>
#include <set>

namespace poolscope {

namespace {

using std::chrono::seconds;

// Strain counts once it lasted for about half of a short while, so that a blink is none and a pause
// ends nothing. Where figures are read now and then, two readings must agree.
constexpr Duration strain_window = seconds{8};
constexpr Duration strain_sustained = seconds{4};
constexpr Duration metrics_window = seconds{14};
constexpr Duration metrics_sustained = seconds{6};
/// Or one of them, while all are lent at each.
constexpr Duration metrics_waited = seconds{4};
constexpr Duration metrics_lent = seconds{12};
constexpr std::uint64_t returned_least = 10;
/// A server that missed no more than a question or two was not silent.
constexpr Duration silence_least = seconds{3};
constexpr std::size_t holders_most = 20'000;

bool is_database_kind(const TargetState& target)
{
    return target.info.kind == "postgresql" || target.info.kind == "mysql";
}

Strain sustained_strain(const TargetState& target, const PoolFlow& flow, Timestamp now)
{
    const bool metrics = target.info.kind == "metrics";
    const Duration window = metrics ? metrics_window : strain_window;
    const Duration least = metrics ? metrics_sustained : strain_sustained;
    const FlowPoint* const before = flow.at(now - seconds{10});
    const bool timed_out = before != nullptr && flow.newest().timeouts > before->timeouts;
    if (timed_out || flow.strained(Strain::exhausted, window, now) >= least)
        return Strain::exhausted;
    const Duration lent = flow.strained(Strain::nearly, window, now);
    if (metrics && lent >= metrics_lent &&
        flow.strained(Strain::exhausted, window, now) >= metrics_waited)
        return Strain::exhausted;
    return lent >= window * 3 / 4 ? Strain::nearly : Strain::none;
}

/// What began no earlier than that before the holders were listed explains no strain, and may be of
/// the next holder.
constexpr Duration listed_late = std::chrono::milliseconds{200};

/// `listed`: when the process last told of its holders.
void tell_activity(CaseHolder& holder, const TargetState* server, Timestamp listed,
                   Timestamp theirs, Timestamp now)
{
    const Checkout& checkout = *holder.checkout;
    // What the server said before it was lent is of the holder before.
    const bool told = holder.session != nullptr && server != nullptr && server->last_sample &&
                      now - *server->last_sample <= holder.age;
    holder.moved = told && holder.session->state_since &&
                   server->age(*holder.session->state_since, now) < now - listed + listed_late;
    if (told && !holder.moved) {
        const Session& session = *holder.session;
        holder.by_server = true;
        const auto age = [&](const std::optional<Timestamp>& since) {
            return since ? std::min(server->age(*since, now), holder.age) : Duration{0};
        };
        holder.activity_for = age(session.state_since);
        switch (session.state) {
        case SessionState::active:
            holder.activity = Activity::working;
            holder.activity_for = age(session.statement_since);
            return;
        case SessionState::waiting:
            holder.activity = Activity::blocked;
            return;
        case SessionState::idle:
            holder.activity = Activity::idle;
            return;
        case SessionState::idle_in_transaction:
        case SessionState::idle_in_transaction_aborted:
            holder.activity = Activity::in_transaction;
            return;
        default:
            holder.by_server = false;
            break;
        }
    }
    if (!checkout.busy)
        return;
    holder.activity = *checkout.busy ? Activity::working : Activity::idle;
    holder.activity_for = checkout.busy_since
                              ? std::clamp(theirs - *checkout.busy_since, Duration{0}, holder.age)
                              : holder.age;
}

/// Joins what the pools under strain lent with the sessions of every server.
class Gathering
{
public:
    explicit Gathering(const DiagnosisInput& input)
        : input_(input)
        , now_(input.world.now())
    {}

    std::vector<PoolCase> run()
    {
        find_strained();
        if (cases_.empty())
            return {};
        join();
        for (PoolCase& each : cases_) {
            hold(each);
            find_server(each);
            measure(each);
        }
        return std::move(cases_);
    }

private:
    void find_strained()
    {
        for (const auto& [id, target] : input_.world.targets()) {
            const auto history = input_.flows.find(id);
            if (history == input_.flows.end() || target.status.reach != Reach::up ||
                target.gap_since_sample)
                continue;
            for (const auto& [name, pool] : target.pools.pools) {
                const PoolFlow* const flow = history->second.pool(name);
                if (flow == nullptr || pool.kind.str() == "bypass")
                    continue;
                const Strain strain = sustained_strain(target, *flow, now_);
                if (strain == Strain::none)
                    continue;
                PoolCase found;
                found.input = &input_;
                found.target = &target;
                found.pool = &pool;
                found.history = &history->second;
                found.flow = flow;
                found.strain = strain;
                found.now = now_;
                found.since = flow->strained_since(strain, now_).value_or(flow->newest().time);
                found.until =
                    std::min(now_, flow->strained_until(Strain::nearly, now_).value_or(now_));
                cases_.push_back(std::move(found));
            }
        }
    }

    void join()
    {
        std::set<TargetId> strained;
        for (const PoolCase& each : cases_)
            strained.insert(each.target->info.id);
        for (const auto& [id, target] : input_.world.targets()) {
            links_.add_target(target.info, target.clock_offset);
            for (const auto& [pid, session] : target.sessions)
                links_.add_session(session);
            const bool pooler = target.info.kind == "pgbouncer";
            if ((!pooler && !strained.contains(id)) || target.pools.checkouts.size() > holders_most)
                continue;
            for (const auto& [key, checkout] : target.pools.checkouts)
                links_.add_checkout(checkout, database_of(target, checkout.pool));
            for (const auto& [key, connection] : target.pools.connections) {
                Checkout as;
                as.key = {id, as_id(key)};
                as.server_pid = connection.server_pid;
                as.local_port = connection.local_port;
                as.acquired = connection.opened ? *connection.opened : target.theirs(now_);
                links_.add_checkout(as, database_of(target, key.pool));
            }
        }
    }

    static Text as_id(const ConnectionKey& key)
    {
        return Text{key.pool.str() + '\x1f' + key.id.str()};
    }

    static Text database_of(const TargetState& target, const Text& name)
    {
        const auto pool = target.pools.pools.find(name);
        return pool == target.pools.pools.end() ? Text{} : pool->second.database;
    }

    /// By pool, of one target at a time: a fleet's process has many pools.
    const std::vector<const Checkout*>& checkouts_of(const PoolCase& of)
    {
        if (grouped_ != of.target) {
            grouped_ = of.target;
            by_pool_.clear();
            for (const auto& [id, checkout] : of.target->pools.checkouts)
                by_pool_[checkout.pool].push_back(&checkout);
        }
        return by_pool_[of.pool->name];
    }

    void hold(PoolCase& of)
    {
        if (of.target->pools.checkouts.size() > holders_most)
            return;
        const Timestamp theirs = of.target->theirs(now_);
        for (const Checkout* const each : checkouts_of(of)) {
            const Checkout& checkout = *each;
            CaseHolder holder;
            holder.checkout = &checkout;
            holder.age = std::max(Duration{0}, theirs - checkout.acquired);
            const SessionLink* const link = links_.session_of(checkout.key);
            const auto key = link != nullptr ? link->session() : std::nullopt;
            const TargetState* server = key ? input_.world.target(key->target) : nullptr;
            // What a server said that does not answer now is old.
            if (server != nullptr && server->status.reach == Reach::up)
                holder.session = server->find(*key);
            tell_activity(holder, server, of.target->last_sample.value_or(now_), theirs, now_);
            of.holders.push_back(holder);
        }
        std::stable_sort(of.holders.begin(), of.holders.end(),
                         [](const auto& a, const auto& b) { return a.age > b.age; });
    }

    /// Where most of its connections lead; else the only one attached that it can be.
    void find_server(PoolCase& of)
    {
        std::map<TargetId, int> votes;
        const auto vote = [&](const CheckoutKey& key) {
            const SessionLink* const link = links_.session_of(key);
            if (link == nullptr || link->sessions.empty())
                return;
            if (link->sessions.front().target == link->sessions.back().target)
                ++votes[link->sessions.front().target];
        };
        for (const CaseHolder& holder : of.holders)
            vote(holder.checkout->key);
        const auto& connections = of.target->pools.connections;
        for (auto it = connections.lower_bound({of.pool->name, {}});
             it != connections.end() && it->first.pool == of.pool->name; ++it)
            vote({of.target->info.id, as_id(it->first)});
        int most = 0;
        for (const auto& [id, count] : votes) {
            const TargetState* const target = input_.world.target(id);
            if (count > most && target != nullptr && is_database_kind(*target)) {
                most = count;
                of.server = target;
                of.server_joined = true;
            }
        }
        if (of.server == nullptr)
            of.server = only_server(of);
    }

    const TargetState* only_server(const PoolCase& of) const
    {
        const TargetState* only = nullptr;
        const std::string& address = of.pool->database.str();
        const bool file = address.starts_with("sqlite");
        for (const auto& [id, target] : input_.world.targets()) {
            if (!is_database_kind(target))
                continue;
            if (only != nullptr || file)
                return nullptr;
            only = &target;
        }
        if (only == nullptr || address.empty())
            return only;
        const bool postgres = address.find("postgres") != std::string::npos;
        const bool mysql = address.find("mysql") != std::string::npos ||
                           address.find("mariadb") != std::string::npos;
        const bool other =
            (postgres && only->info.kind != "postgresql") || (mysql && only->info.kind != "mysql");
        return other || !may_lead_to(address, *only) ? nullptr : only;
    }

    /// Straight, or through a pooler that is attached at the pool's address.
    bool may_lead_to(const std::string& address, const TargetState& server) const
    {
        const std::vector<LinkPlace> from = read_link_places(address);
        const std::vector<LinkPlace> to = read_link_places(server.info.url);
        if (may_be_same_place(from, to))
            return true;
        const auto& targets = input_.world.targets();
        return std::any_of(targets.begin(), targets.end(), [&](const auto& each) {
            const TargetState& pooler = each.second;
            if (!is_pooler(pooler.info) ||
                !may_be_same_place(from, read_link_places(pooler.info.url)))
                return false;
            const auto& pools = pooler.pools.pools;
            return std::any_of(pools.begin(), pools.end(), [&](const auto& pool) {
                return may_be_same_place(read_link_places(pool.second.database.str()), to);
            });
        });
    }

    void measure(PoolCase& of)
    {
        const PoolFlow& flow = *of.flow;
        // Never back to before the window, nor to before it began to be exhausted; nor of what came
        // when that was over.
        const Timestamp from = std::max(of.until - recent_window, of.since);
        of.recent = flow.between(std::min(from, of.until - seconds{3}), of.until);
        const Timestamp calm = of.since - before_strain;
        const auto past =
            flow.between(std::max(calm - past_window, now_ - flow_window + seconds{10}), calm);
        if (past && past->over >= past_least && past->returned >= returned_least)
            of.past = past;
        if (of.past && of.past->use)
            of.usual_use = of.past->use;
        else
            of.usual_use = flow.use_before(50);
        of.first_use = flow.first_use(now_);
        of.quick = std::max(lasting_hold, 10 * of.usual_use.value_or(Duration{0}));
    }

    const DiagnosisInput& input_;
    Timestamp now_;
    Links links_;
    const TargetState* grouped_ = nullptr;
    std::map<Text, std::vector<const Checkout*>> by_pool_; ///< of that one
    std::vector<PoolCase> cases_;
};

} // namespace

std::vector<CaseHolder> PoolCase::lasting() const
{
    std::vector<CaseHolder> some;
    for (const CaseHolder& holder : holders) {
        if (holder.age >= quick)
            some.push_back(holder);
    }
    return some;
}

Duration PoolCase::unseen(Duration before_now) const
{
    if (server == nullptr)
        return Duration{0};
    const auto flow_of = input->flows.find(server->info.id);
    return flow_of == input->flows.end() ? Duration{0}
                                         : flow_of->second.unseen(now - before_now, now);
}

ActivityShares shares_of(const std::vector<CaseHolder>& holders)
{
    ActivityShares shares;
    if (holders.empty())
        return shares;
    const double each = 1.0 / static_cast<double>(holders.size());
    for (const CaseHolder& holder : holders) {
        switch (holder.activity) {
        case Activity::working:
            shares.working += each;
            break;
        case Activity::blocked:
            shares.blocked += each;
            break;
        case Activity::idle:
        case Activity::in_transaction:
            shares.idle += each;
            break;
        case Activity::unknown:
            shares.unknown += each;
            break;
        }
    }
    return shares;
}

std::optional<ActivityShares> server_shares(const PoolCase& pool)
{
    if (pool.server == nullptr || pool.server->status.reach != Reach::up ||
        (pool.server->facts && !pool.server->facts->sees_all))
        return {};
    const auto history = pool.input->flows.find(pool.server->info.id);
    if (history == pool.input->flows.end())
        return {};
    // At the same time as what is known of the pool, which may be read more seldom.
    const Timestamp to =
        pool.recovers()
            ? pool.until
            : std::min(pool.now, pool.target->last_sample.value_or(pool.now) + seconds{1});
    const Timestamp from = std::max(to - recent_window, std::min(pool.since, to - seconds{3}));
    const auto mean = history->second.server_mean(from, to);
    const double used = pool.recent ? pool.recent->used : static_cast<double>(pool.figures().used);
    if (!mean || used < 1 || history->second.unseen(from, to) >= silence_least)
        return {};
    const auto count = [&](SessionState state) {
        return static_cast<double>(mean->counts.at(static_cast<std::size_t>(state)));
    };
    const double working = count(SessionState::active);
    const double blocked = count(SessionState::waiting);
    const double open =
        count(SessionState::idle_in_transaction) + count(SessionState::idle_in_transaction_aborted);
    const double idle = count(SessionState::idle) + open;
    // Many more that work than the pool has, or more sessions than it has connections: those of
    // others are there, and which are its own cannot be told.
    const FlowPoint& now = pool.figures();
    const std::int64_t own = now.total >= 0 ? now.total : now.max;
    if (own >= 0 && working + blocked + idle > static_cast<double>(own) * 1.2 + 2)
        return {};
    if (working + blocked > used * 1.5 + 2 || working + blocked + idle + 1 < used)
        return {};
    ActivityShares shares;
    shares.working = std::min(1.0, working / used);
    shares.blocked = std::min(1.0, blocked / used);
    shares.idle = std::max(0.0, 1.0 - shares.working - shares.blocked);
    return shares;
}

std::vector<PoolCase> strained_pools(const DiagnosisInput& input)
{
    return Gathering{input}.run();
}

std::optional<std::int32_t> slots_left(const TargetState& server)
{
    if (!server.facts || !server.facts->max_connections)
        return {};
    // What a server or a recording says may be any number.
    std::int64_t left = std::int64_t{*server.facts->max_connections} -
                        std::int64_t{server.facts->reserved.value_or(0)};
    for (const std::int32_t count : server.counts)
        left -= count;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(
        left, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()));
}

bool nearly_full(const TargetState& server)
{
    const auto left = slots_left(server);
    return left && *left <= std::max(1, *server.facts->max_connections / 50);
}

bool refuses_as_full(const TargetStatus& status)
{
    return status.reach == Reach::failing && refusal_of(status) == Refusal::full;
}

} // namespace poolscope
