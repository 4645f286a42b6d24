// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/analyze/diagnosis.h"
#include "core/analyze/links.h"

#include <optional>
#include <vector>

namespace poolscope {

/// What "now" is in figures, and how much before the trouble "before" is, at least and at most.
inline constexpr Duration recent_window = std::chrono::seconds{10};
inline constexpr Duration past_window = std::chrono::seconds{120};
inline constexpr Duration past_least = std::chrono::seconds{15};
/// What goes wrong begins before the pool is exhausted by it.
inline constexpr Duration before_strain = std::chrono::seconds{5};

/// What a holder does with its connection, as its server says, else as its runtime does.
enum class Activity : std::uint8_t {
    working,
    blocked, ///< waits for a lock
    idle,
    in_transaction, ///< idle, with its transaction open
    unknown,
};

/// One checkout of a pool under strain.
struct CaseHolder
{
    const Checkout* checkout = nullptr;
    Duration age{};
    Activity activity = Activity::unknown;
    Duration activity_for{};
    bool by_server = false; ///< that is what its server says
    /// The server says that its connection went on since it was listed: it may be back by now.
    bool moved = false;
    const Session* session = nullptr; ///< that serves it; null where none is joined
};

/// Shares of a pool's connections in use by what their holders do, 0 to 1.
struct ActivityShares
{
    double working = 0;
    double blocked = 0;
    double idle = 0; ///< also in a transaction
    double unknown = 0;
};

/// Everything that the cause of one pool's strain is told by. Points into the world.
struct PoolCase
{
    const DiagnosisInput* input = nullptr;
    const TargetState* target = nullptr;
    const Pool* pool = nullptr;
    const FlowHistory* history = nullptr;
    const PoolFlow* flow = nullptr;
    Strain strain = Strain::none;
    Timestamp now;
    Timestamp since; ///< of the strain
    Timestamp until; ///< of the strain: `now`; before it: nobody waits any more, or not just now
    const TargetState* server = nullptr; ///< that its connections lead to; null: none attached
    bool server_joined = false;          ///< by its connections; false: the only one it can be
    std::vector<CaseHolder> holders;     ///< oldest first
    std::optional<FlowRate> recent;      ///< of the last seconds under strain
    std::optional<FlowRate> past;        ///< before the strain
    std::optional<Duration> usual_use;   ///< mean of then, or of all before
    std::optional<Duration> first_use;   ///< mean of the first seconds that were seen
    Duration quick{};                    ///< what is held longer is none of the usual

    bool recovers() const { return until < now; }
    const FlowPoint& figures() const { return flow->newest(); }
    std::int64_t max() const { return figures().max; }
    /// Those held longer than usual.
    std::vector<CaseHolder> lasting() const;
    /// How much of that time before now its server gave no answer.
    Duration unseen(Duration before_now) const;
};

ActivityShares shares_of(const std::vector<CaseHolder>& holders);
/// The same of a server's sessions in the last seconds under strain, for a pool whose connections
/// cannot be told apart there: as many as it has lent are its. Null where the server's figures do
/// not fit that, or it was silent.
std::optional<ActivityShares> server_shares(const PoolCase& pool);

/// All pools that are under strain.
std::vector<PoolCase> strained_pools(const DiagnosisInput& input);

/// How many slots a server has left for an ordinary role; null where that is not reported.
std::optional<std::int32_t> slots_left(const TargetState& server);
/// So few that the next pool that grows finds none.
bool nearly_full(const TargetState& server);
/// Its source is refused because it is full.
bool refuses_as_full(const TargetStatus& status);

} // namespace poolscope
