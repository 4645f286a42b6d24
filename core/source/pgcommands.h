// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgconnection.h"
#include "core/source/pgsessions.h"
#include "core/source/source.h"

#include <chrono>
#include <deque>
#include <vector>

namespace poolscope {

/// Commands on their way: queued, in flight, accepted and not yet seen to take effect. Knows no
/// socket; what it has to tell comes back as facts.
class PgCommands
{
public:
    using Instant = std::chrono::steady_clock::time_point;
    using Facts = std::vector<ActionReported>;

    void setLimit(std::chrono::milliseconds limit) { limit_ = limit; }

    /// Queues it, or tells why it is not done.
    Facts add(const Command& command, const PgSessions& sessions, Instant now);
    bool waiting() const { return !queue_.empty(); }
    bool inFlight() const { return flying_.has_value(); }
    /// Takes the next one into flight.
    Command take();
    static std::vector<PgValue> valuesOf(const Command& command);
    Facts answered(const PgReply& reply);
    /// The connection is gone: what was in flight has no answer any more.
    Facts lost();
    /// Those without an answer in time.
    Facts expire(Instant now);
    std::optional<Instant> deadline() const;
    /// After a poll: which accepted ones have taken effect.
    Facts observe(const PgSessions& sessions, Instant now);
    bool watching() const { return !accepted_.empty(); }

private:
    struct Entry
    {
        Command command;
        Instant added;
        std::optional<Timestamp> statement; ///< that ran when a cancel was accepted
        bool told = false;                  ///< its time is up and that was said
    };
    std::chrono::milliseconds limit_{10000};
    std::deque<Entry> queue_;
    std::optional<Entry> flying_;
    std::vector<Entry> accepted_;
};

} // namespace poolscope
