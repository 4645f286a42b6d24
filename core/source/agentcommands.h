// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/source.h"

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// Orders to one agent on their way: sent and not answered, taken and not yet seen to be done.
/// Knows no socket; what it has to tell comes back as facts.
class AgentCommands
{
public:
    using Instant = std::chrono::steady_clock::time_point;
    using Facts = std::vector<ActionReported>;
    using IsOpen = std::function<bool(const Text& checkout)>;

    /// Without an answer for `answer`, or not seen to be done `effect` after it: timed out.
    void setLimits(std::chrono::milliseconds answer, std::chrono::milliseconds effect)
    {
        answer_ = answer;
        effect_ = effect;
    }

    /// Who takes the orders, within a sentence and at its beginning: "the process", "The process".
    void setNames(std::string within, std::string first)
    {
        name_ = std::move(within);
        first_ = std::move(first);
    }

    static ActionReported told(const Command& command, ActionPhase phase, std::string sentence);
    bool isFull() const { return sent_.size() + accepted_.size() >= 1000; }
    /// `number` is that of the line by which it was sent.
    ActionReported sent(std::int64_t number, const Command& command, Instant now);
    Facts answered(std::int64_t number, bool ok, const std::string& words, Instant now);
    /// The connection is gone: what was sent has no answer any more.
    Facts lost();
    /// Another process answers now: what the last one had open has ended with it.
    Facts processEnded();
    Facts expire(Instant now);
    Facts observe(const IsOpen& isOpen);
    bool isWatching() const { return !accepted_.empty(); }
    std::optional<Instant> deadline() const;

private:
    struct Entry
    {
        Command command;
        Instant until;
    };
    std::string name_ = "the process";
    std::string first_ = "The process";
    std::chrono::milliseconds answer_{10'000};
    std::chrono::milliseconds effect_{60'000};
    std::map<std::int64_t, Entry> sent_;
    std::vector<Entry> accepted_;
};

} // namespace poolscope
