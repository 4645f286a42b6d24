// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/sqltokens.h"
#include "core/model/world.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// How far back it is remembered what a server's sessions ran and waited for.
inline constexpr Duration look_window = std::chrono::seconds{60};

/// What a session that runs a statement was at when it was looked at.
enum class WaitKind : std::uint8_t {
    running,  ///< PostgreSQL names nothing that it waits for: on a processor, or next in line for
              ///< one
    io,       ///< for a file
    lock,     ///< for what another session has locked
    internal, ///< for one of the server's own short locks
    client,   ///< for its application
    workers,  ///< for other processes of the server
    pause,    ///< for time to pass, as pg_sleep does
    stage,    ///< what does not tell whether it waits: MySQL's word for what it does, or that
              ///< PostgreSQL 9.6 names nothing
    other,
};
/// The JSON name: "running".
std::string_view name_of(WaitKind kind);
/// Whether a server names all that a session can wait for: PostgreSQL does since 10. 9.6 knows
/// locks alone, so that whoever waits for a disk, for its client or for time to pass seems to wait
/// for nothing. A version that was not told is taken for a new one.
bool names_all_waits(const TargetState& server);
/// Of a session of that server that runs a statement.
WaitKind wait_kind_of(const Session& session, const TargetState& server);

/// One thing that a statement was seen to be at, and how often.
struct WaitCount
{
    WaitKind kind = WaitKind::other;
    Text event; ///< "IO/DataFileRead", "Sending data", as the server says it; null where it is none
    std::uint32_t looks = 0;
    friend bool operator==(const WaitCount&, const WaitCount&) = default;
};

/// What the sessions that ran one statement were at, each at each look.
struct WaitProfile
{
    Text statement; ///< as it was seen last, with its literals; null: of all statements there
    Timestamp from; ///< capture's clock
    Timestamp to;
    std::uint32_t looks = 0;       ///< sessions that ran it, of all polls together
    std::uint32_t polls = 0;       ///< how often the server was read, also where none ran it
    bool cut = false;              ///< at one of these more ran than are remembered
    std::vector<WaitCount> counts; ///< most often first; they add up to `looks`
    std::uint32_t of(WaitKind kind) const;
    friend bool operator==(const WaitProfile&, const WaitProfile&) = default;
};

/// A statement without its literals, its comments and the way it is laid out: equal for two that
/// differ in nothing else. Of the first 2 KiB.
std::string statement_shape(std::string_view statement, SqlDialect dialect);

/// What a server's sessions ran and waited for at each of the last looks. A value; bounded. Not for
/// several threads at once: shapes are made when first asked for, as nobody asks while all is well.
class WaitLooks
{
public:
    /// After a sample was folded into the target.
    void watch(const TargetState& after, Timestamp now);
    /// Of the sessions that ran a statement of that shape, after `from` and up to `to`; empty: of
    /// all. Null where none was seen.
    std::optional<WaitProfile> profile(std::string_view shape, Timestamp from, Timestamp to) const;
    /// The shape that was seen most often, where that is at least `share` of all looks; else empty.
    std::string commonest(Timestamp from, Timestamp to, double share) const;

private:
    /// Of one look: so many run at most are remembered, by pid.
    static constexpr std::size_t most_seen = 256;
    /// One look in each of these steps, by the clock: it does not matter when watching began.
    static constexpr Duration step = std::chrono::milliseconds{500};
    struct Seen
    {
        Text statement;
        Text event;
        WaitKind kind = WaitKind::other;
        mutable std::uint64_t shape = 0; ///< hash of its shape; 0: not made yet
    };
    std::uint64_t shape_of(const Seen& seen) const;
    struct Look
    {
        Timestamp time; ///< capture's clock
        std::vector<Seen> seen;
        bool cut = false; ///< more ran than are remembered
    };
    std::deque<Look> looks_;
    SqlDialect dialect_ = SqlDialect::unknown; ///< of the server
};

} // namespace poolscope
