// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/source.h"

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// Commands for sessions on their way: queued, in flight, accepted and not yet seen to take effect.
/// The same for every kind of server; what the server is asked and what its answer means is the
/// kind's own. Knows no socket; what it has to tell comes back as facts.
class SessionCommands
{
public:
    using Instant = std::chrono::steady_clock::time_point;
    using Facts = std::vector<ActionReported>;
    /// The session as last seen; null if it is gone.
    using Finder = std::function<const Session*(const SessionKey&)>;

    /// How long the server may take for one command, and how long the others wait while it answers
    /// none. Many are sent one after the other: each answer gives the rest time again, up to
    /// longest_queue after they were given.
    void setLimit(std::chrono::milliseconds limit) { limit_ = limit; }
    /// What was shown when a command was confirmed is too old after that.
    static constexpr std::chrono::seconds longest_queue{120};

    bool waiting() const { return !queue_.empty(); }
    bool inFlight() const { return flying_.has_value(); }
    /// Takes the next one into flight.
    Command take(Instant now);
    /// The connection is gone: what was in flight has no answer any more.
    Facts lost();
    /// Those without an answer in time.
    Facts expire(Instant now);
    std::optional<Instant> deadline() const;
    /// After a poll: which accepted ones have taken effect.
    Facts observe(const Finder& find, Instant now);
    bool watching() const { return !accepted_.empty(); }

protected:
    static ActionReported fact(const Command& command, ActionPhase phase, std::string sentence);
    static std::string noLonger(const Command& command);
    /// Why no server may be asked for this, whatever its kind.
    static std::optional<std::string> objection(const Command& command, const Session* session);
    void enqueue(const Command& command, const Session* session, Instant now);
    /// The one in flight has its answer.
    Facts refuse(std::string why);
    Facts accept(std::string sentence);
    const Command& flying() const { return flying_->command; }

private:
    struct Entry
    {
        Command command;
        Instant added;
        Instant sent{};                     ///< when it was taken into flight
        std::optional<Timestamp> statement; ///< that ran when a cancel was accepted
        bool told = false;                  ///< its time is up and that was said
    };
    Instant giveUp(const Entry& queued) const;

    std::chrono::milliseconds limit_{10000};
    Instant progress_{}; ///< when one was last sent
    std::deque<Entry> queue_;
    std::optional<Entry> flying_;
    std::vector<Entry> accepted_;
};

} // namespace poolscope
