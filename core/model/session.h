// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/text.h"
#include "core/base/time.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// In the order of the stacked chart, bottom up: what hurts sits on the axis.
/// The numbers are stored in recordings: never reorder, only append before 'unknown' with a
/// migration.
enum class SessionState : std::uint8_t {
    idle_in_transaction = 0,
    idle_in_transaction_aborted = 1,
    waiting = 2, ///< runs a statement that waits for a heavyweight lock
    active = 3,
    idle = 4,
    other = 5,   ///< fast-path calls, tracking disabled, and Poolscope's own session
    unknown = 6, ///< the role may not see it
};
inline constexpr std::size_t session_state_count = 7;
using StateCounts = std::array<std::int32_t, session_state_count>;

/// The JSON name: "idle_in_transaction_aborted".
std::string_view name_of(SessionState state);
std::optional<SessionState> session_state_from_name(std::string_view name);

/// What makes a session itself: a pid alone is reused by the server.
struct SessionKey
{
    TargetId target;
    Pid pid;
    /// Server's clock. The epoch (0) where the role may not see it: such a session can not be
    /// ended.
    Timestamp started;
    friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

/// Opaque, stable identity for the command line and JSON: "pg-<pid>-<start in us>".
/// It is unique within a target.
std::string identity_of(const SessionKey& key);
/// The same for any kind of target: MySQL and MariaDB tell no start of a session, but never give an
/// id twice. There the key holds the server's start, and the identity is "my-<id>-<that in us>".
std::string identity_of(const SessionKey& key, std::string_view kind);
/// Whether a target of that kind tells when a session began (TargetInfo::kind).
bool tells_session_start(std::string_view kind);
/// Whether both are one session. The server's start is counted in whole seconds, so that two who
/// ask may differ a little.
bool same_session(const SessionKey& a, const SessionKey& b, std::string_view kind);
/// The reverse, with the target given; nullopt if it is no such text. Either kind.
std::optional<SessionKey> key_from_identity(TargetId target, std::string_view identity);

/// A connection as the server sees it. Instants are on the server's clock; null means not reported.
struct Session
{
    SessionKey key;
    Text user;
    Text database;
    Text application;
    Text client;       ///< "10.0.0.1:5432", or "local" for a Unix socket
    Text backend_type; ///< the server's words, "client backend"
    SessionState state = SessionState::unknown;
    std::optional<Timestamp> state_since;
    std::optional<Timestamp> transaction_since;
    std::optional<Timestamp> statement_since;
    Text wait_event;                   ///< "Lock/transactionid"
    std::vector<Pid> blocked_by;       ///< ascending, each once; 0 is a prepared transaction
    std::optional<std::uint32_t> xid;  ///< transaction id, if one is assigned
    std::optional<std::uint32_t> xmin; ///< oldest transaction it still sees
    Text statement;                    ///< running, or the last one; plain text, at most 64 KiB
    bool own = false;                  ///< this Poolscope's own session

    /// One that takes a slot of max_connections.
    bool is_client() const;
    friend bool operator==(const Session&, const Session&) = default;
};

/// How many transactions old an xid is, given the next one to be assigned (wraps at 2^32).
std::uint32_t xid_age(std::uint32_t xid, std::uint64_t next_xid);

} // namespace poolscope

template <>
struct std::hash<poolscope::SessionKey>
{
    std::size_t operator()(const poolscope::SessionKey& k) const noexcept
    {
        const std::size_t h =
            std::hash<std::int64_t>{}(k.pid.value * 1000003 + poolscope::to_us(k.started));
        return h ^ (std::size_t{k.target.value} << 48);
    }
};
