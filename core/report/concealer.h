// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alertrules.h"
#include "core/model/world.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace poolscope::report {

/// Takes out of observations what a report for strangers must not say: literals of statements,
/// hosts, names of users and callers, values of tags, notes. Each gets a name of its own, the same
/// everywhere and nobody's real one, so that the findings stay what they are; what was not learned
/// becomes "?". Of sentences from outside only the kind of trouble is told. Code, tables and pools
/// keep their names, but for pools that tell a user or an address.
///
/// First learn() everything, then settle(), then conceal. A value; not thread-safe.
class Concealer
{
public:
    void learn(const Observation& observation);
    void learn(const World& world);
    void settle();

    Observation conceal(const Observation& observation);
    World conceal(const World& world);
    /// Rules that name targets name them as they are called now.
    AlertRules conceal(const AlertRules& rules) const;
    /// A text with the hosts in it replaced, and users where they are said to be users.
    std::string words(std::string_view text) const { return replaced(text, Within::sentence); }
    /// A name that is one, alone: "?" where it was not learned.
    Text pool(const Text& name) const;
    Text application(const Text& name) const;
    Text user(const Text& name) const;

private:
    using Names = std::unordered_map<std::string, Text>; ///< by what they replace
    void learn(const TargetInfo& info);
    void learn(const Session& session);
    void learn(const PoolSample& sample);
    void learn(const ServerFacts& facts) { learn_user(facts.role); }
    void learn(const ServerSettings& settings);
    void learn_user(std::string_view name);
    void learn_pool(const Text& name, bool with_user = false);
    void learn_checkout(const Checkout& checkout);
    void settle_pools(std::set<std::string>& taken);
    void learn_address(std::string_view address);
    /// "scheme://user:secret@host:port/database", or less of it.
    void learn_url(std::string_view url);

    /// Hosts and, in a label, users are replaced everywhere; else users only where a word says that
    /// they are, and in a statement only hosts that no table is called like.
    enum class Within : std::uint8_t { statement, sentence, label };
    std::string replaced(std::string_view text, Within within) const;
    bool names_somebody(std::string_view text) const;
    std::string user(const std::string& name) const { return user(Text{name}).str(); }
    Text host(std::string_view name) const;
    Text caller(const Text& name) const;
    Text address(const Text& address);
    Text database(const Text& name) const;
    /// Of a pool: "postgresql://db1:5432/shop".
    Text way(const Text& url) const;
    /// Versions, processes, threads: no folders, hosts or users.
    std::string label(std::string_view text) const;
    Text statement(const Text& statement, bool postgres);
    bool speaks_postgres(TargetId target) const;
    TargetInfo conceal(const TargetInfo& info) const;
    TargetStatus conceal(const TargetStatus& status) const;
    ServerFacts conceal(const ServerFacts& facts) const;
    ServerSettings conceal(const ServerSettings& settings) const;
    AgentFacts conceal(const AgentFacts& facts) const;
    Session conceal(const Session& session);
    Pool conceal(const Pool& pool) const;
    Checkout conceal(const Checkout& checkout);
    StackRef conceal(const StackRef& stack);
    PoolSample conceal(const PoolSample& sample);
    ServerSample conceal(const ServerSample& sample);

    std::set<std::string> users_;
    std::set<std::string> hosts_; ///< in lower case
    std::set<std::string> callers_;
    std::set<std::string> applications_;
    std::map<std::string, bool> pools_; ///< whether it is "database/user"
    Names user_names_;
    Names host_names_;
    Names caller_names_;
    Names application_names_;
    Names pool_names_;
    std::map<TargetId, TargetInfo> targets_;
    std::unordered_map<const Stack*, std::pair<StackRef, StackRef>> stacks_;
    std::unordered_map<const void*, std::pair<Text, Text>> addresses_;
    std::unordered_map<const void*, std::pair<Text, Text>> statements_;
    std::size_t bytes_ = 0; ///< of statements_
};

} // namespace poolscope::report
