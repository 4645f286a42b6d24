// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alertrules.h"
#include "core/model/world.h"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

namespace poolscope::report {

/// Takes out of observations what a report for strangers must not say: literals of statements,
/// hosts, names of users, values of tags, notes. Hosts and users get names of their own, the same
/// everywhere, so that the findings stay what they are. What is left of people's own words (the
/// reason of a gap, a server's answer) has the known names replaced in it.
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
    /// A text with the names in it replaced.
    std::string words(std::string_view text) const;

private:
    void learn(const TargetInfo& info);
    void learn(const Session& session);
    void learn(const PoolSample& sample);
    void learn(const ServerFacts& facts) { learn_user(facts.role); }
    void learn(const ServerSettings& settings);
    void learn_user(std::string_view name);
    void learn_address(std::string_view address);
    /// "scheme://user:secret@host:port/database", or less of it.
    void learn_url(std::string_view url);

    Text words(const Text& text);
    Text address(const Text& address);
    Text statement(const Text& statement, bool postgres);
    bool speaks_postgres(TargetId target) const;
    TargetInfo conceal(const TargetInfo& info) const;
    TargetStatus conceal(const TargetStatus& status) const;
    ServerFacts conceal(const ServerFacts& facts) const;
    ServerSettings conceal(const ServerSettings& settings) const;
    AgentFacts conceal(const AgentFacts& facts) const;
    Session conceal(const Session& session);
    Pool conceal(const Pool& pool);
    Checkout conceal(const Checkout& checkout);
    StackRef conceal(const StackRef& stack);
    PoolSample conceal(const PoolSample& sample);
    ServerSample conceal(const ServerSample& sample);

    std::set<std::string> users_;
    std::set<std::string> hosts_;
    std::map<std::string, std::string, std::less<>> names_; ///< by what they replace
    std::set<std::size_t> lengths_;
    std::map<TargetId, TargetInfo> targets_;
    std::unordered_map<const Stack*, std::pair<StackRef, StackRef>> stacks_;
    std::unordered_map<const void*, std::pair<Text, Text>> texts_;
    std::unordered_map<const void*, std::pair<Text, Text>> statements_;
};

} // namespace poolscope::report
