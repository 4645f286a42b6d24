// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentcommands.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

ActionReported AgentCommands::told(const Command& command, ActionPhase phase, std::string sentence)
{
    return {command.action, command.verb,        command.session,
            phase,          std::move(sentence), command.checkout};
}

ActionReported AgentCommands::sent(std::int64_t number, const Command& command, Instant now)
{
    sent_[number] = {command, now + answer_};
    return told(command, ActionPhase::sent, "Sent to " + name_ + ".");
}

AgentCommands::Facts AgentCommands::answered(std::int64_t number, bool ok, const std::string& words,
                                             Instant now)
{
    const auto found = sent_.find(number);
    if (found == sent_.end())
        return {};
    Entry entry = std::move(found->second);
    sent_.erase(found);
    const std::string said = words.empty() ? "" : first_ + " says: " + words;
    if (!ok)
        return {told(entry.command, ActionPhase::refused,
                     said.empty() ? first_ + " refused it, and gave no reason." : said)};
    entry.until = now + effect_;
    accepted_.push_back(entry);
    return {told(entry.command, ActionPhase::accepted,
                 said.empty() ? first_ + " took the order." : said)};
}

AgentCommands::Facts AgentCommands::lost()
{
    Facts facts;
    for (const auto& [number, entry] : sent_)
        facts.push_back(told(entry.command, ActionPhase::timed_out,
                             "The connection was lost before " + name_ +
                                 " answered; what became of it is not known."));
    sent_.clear();
    return facts;
}

AgentCommands::Facts AgentCommands::processEnded()
{
    Facts facts;
    for (const Entry& entry : accepted_)
        facts.push_back(told(entry.command, ActionPhase::observed,
                             "The process ended, and its checkouts with it."));
    accepted_.clear();
    return facts;
}

AgentCommands::Facts AgentCommands::expire(Instant now)
{
    Facts facts;
    std::erase_if(sent_, [&](const auto& each) {
        if (each.second.until > now)
            return false;
        facts.push_back(told(each.second.command, ActionPhase::timed_out,
                             fmt::format("No answer from {} within {}; it may still take effect.",
                                         name_, format_duration_prose(answer_))));
        return true;
    });
    std::erase_if(accepted_, [&](const Entry& entry) {
        if (entry.until > now)
            return false;
        facts.push_back(
            told(entry.command, ActionPhase::timed_out,
                 fmt::format("{} took the order {} ago, and the checkout is still open.", first_,
                             format_duration_prose(effect_))));
        return true;
    });
    return facts;
}

AgentCommands::Facts AgentCommands::observe(const IsOpen& isOpen)
{
    Facts facts;
    std::erase_if(accepted_, [&](const Entry& entry) {
        if (isOpen(entry.command.checkout.id))
            return false;
        facts.push_back(told(entry.command, ActionPhase::observed, "The checkout ended."));
        return true;
    });
    return facts;
}

std::optional<AgentCommands::Instant> AgentCommands::deadline() const
{
    std::optional<Instant> earliest;
    const auto consider = [&](Instant until) {
        earliest = std::min(earliest.value_or(Instant::max()), until);
    };
    for (const auto& [number, entry] : sent_)
        consider(entry.until);
    for (const Entry& entry : accepted_)
        consider(entry.until);
    return earliest;
}

} // namespace poolscope
