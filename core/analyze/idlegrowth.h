// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/suspects.h"
#include "core/model/world.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// A number of idle sessions of one client that only grows: connections that are opened, used once
/// and forgotten. The client is an application (the user, where it has no name) at an address.
///
/// What counts is a session idle for idle_settled or longer: those that work come and go below
/// that, so that a leak shows beside healthy traffic. Such a session *departs* when it closes or
/// works again; one departure within the window, and the client is quiet. The growth must come from
/// sessions opened within the window (a pool whose work ebbs away in the evening has more idle
/// ones, but opens none), and go on through it (a pool that fills to its size does so at once).
/// Where the server does not tell when a session was opened (MySQL), it is when it was first
/// listed: that is remembered for no longer than the window, so that the growth must show in all
/// parts but the oldest.
///
/// The window is a compromise: long enough that a pool filling slowly, or replacing a connection
/// now and then, is told apart from a leak; short enough that a seek, which must fold that much
/// before it can show anything, is not felt (5 min of 500 sessions: about 35 ms of processor time).
inline constexpr Duration idle_window = std::chrono::minutes{5};
inline constexpr Duration idle_settled = std::chrono::minutes{1};
/// The growth must show in all but one of this many equal parts of the window.
inline constexpr int idle_parts = 5;
/// At the least: new ones within the window, and all.
inline constexpr std::int32_t idle_growth_least = 5;
inline constexpr std::int32_t idle_count_least = 10;

/// What must be remembered of one target for that: no more than the window holds, so that a replay
/// that begins a window earlier comes to the same. A value.
class IdleHistory
{
public:
    /// Application or user, and address.
    using Client = std::pair<std::string, std::string>;
    static Client client_of(const Session& session);

    /// Begins with the target as it is.
    void restore(const TargetState& target, Timestamp now);
    /// Before the sample is folded into the target.
    void watch(const TargetState& before, const ServerSample& sample, Timestamp now);

    /// Whether all of the window before `now` was seen.
    bool covers_window(Timestamp now) const;
    /// Whether it was first listed within the window before `now`: for servers that do not tell
    /// when a session was opened. Not what was there already when listing began.
    bool appeared(const SessionKey& session, Timestamp now) const;
    /// Whether an idle session of that client departed within the window before `now`.
    bool departed(const Client& client, Timestamp now) const;

private:
    void depart(const Session& session, Timestamp now);
    void note_new(const TargetState& before, const ServerSample& sample, Timestamp now);

    std::optional<Timestamp> since_;
    std::map<Client, Timestamp> departures_; ///< the latest of each
    std::size_t prune_at_ = 64;
    std::map<SessionKey, Timestamp> appeared_;
    std::size_t prune_appeared_at_ = 64;
};

/// One for each such client, the fastest first, naming its oldest idle session; never above alert.
/// Pure.
std::vector<SuspectedLeak> find_idle_growth(const TargetState& target, const IdleHistory& history,
                                            Timestamp now);

} // namespace poolscope
