// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgconnection.h"
#include "core/source/pgsessions.h"
#include "core/source/sessioncommands.h"

#include <vector>

namespace poolscope {

/// Commands for PostgreSQL's backends: what must be so before one is sent, and what an answer
/// means.
class PgCommands : public SessionCommands
{
public:
    /// Queues it, or tells why it is not done.
    Facts add(const Command& command, const PgSessions& sessions, Instant now);
    static std::vector<PgValue> valuesOf(const Command& command);
    Facts answered(const PgReply& reply);
    /// After a poll: which accepted ones have taken effect.
    Facts observe(const PgSessions& sessions, Instant now);
};

} // namespace poolscope
