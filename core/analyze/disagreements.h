// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/suspects.h"
#include "core/model/world.h"

#include <deque>
#include <map>
#include <vector>

namespace poolscope {

/// What pools and servers say differently of the same connections. Only where both sides name a
/// connection by process and port, or by process where nothing speaks against it: a pooler between,
/// a process that is not attached, a server pid that is not told, and Poolscope says nothing.
///
/// How long a drop or a departure is remembered: a replay need not begin further back.
inline constexpr Duration disagreement_window = std::chrono::minutes{5};
/// How long both sides must disagree: several polls, so that one which looked between two steps of
/// the other does not count.
inline constexpr Duration disagreement_settled = std::chrono::seconds{10};
/// With more connections and sessions than that in all nothing is looked for.
inline constexpr std::size_t disagreement_most = 50'000;

/// What left one target within the window. A value.
class DepartureHistory
{
public:
    struct Dropped
    {
        PoolConnection connection;
        Timestamp at; ///< capture's clock
    };
    struct Departed
    {
        Session session;
        Timestamp at; ///< capture's clock
    };
    void restore() { *this = {}; }
    /// Before the sample is folded into the target.
    void watch(const TargetState& before, const PoolSample& sample, Timestamp now);
    void watch(const TargetState& before, const ServerSample& sample, Timestamp now);

    /// Ascending in time; some may be older than the window.
    const std::deque<Dropped>& dropped() const { return dropped_; }
    const std::deque<Departed>& departed() const { return departed_; }

private:
    static constexpr std::size_t most = 4096;
    void drop(const PoolConnection& connection, Timestamp now);
    void depart(const Session& session, Timestamp now);

    std::deque<Dropped> dropped_;
    std::deque<Departed> departed_;
};

/// A connection that a pool still lists, and that its server has no more: it was terminated, or the
/// server restarted, or the way between was lost.
struct LostConnection
{
    ConnectionKey connection;
    SessionKey session; ///< that it was
    Timestamp since;    ///< capture's clock: when the server had it no more
    bool lent = false;
    friend bool operator==(const LostConnection&, const LostConnection&) = default;
};

struct Disagreements
{
    /// Of servers: sessions of kind orphan and bypass, ascending by session.
    std::map<TargetId, std::vector<SuspectedLeak>> sessions;
    /// Of processes, ascending by connection.
    std::map<TargetId, std::vector<LostConnection>> lost;
};

/// Of everything attached, at the world's instant. Pure. Cost: n log n of sessions and connections,
/// and nothing where no server or no process that names its connections is attached.
Disagreements find_disagreements(const World& world,
                                 const std::map<TargetId, DepartureHistory>& histories);

/// In words, for a person.
std::vector<std::string> evidence_of_disagreement(const SuspectedLeak& leak,
                                                  const TargetState& target, Timestamp now);

} // namespace poolscope
