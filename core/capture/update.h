// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/model/series.h"
#include "core/model/world.h"

#include <memory>
#include <vector>

namespace poolscope {

/// A session and what follows from it at this instant.
struct SessionRow
{
    Session session;
    std::int32_t blocks = 0; ///< how many wait behind it, directly or not
    friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

/// A target without its sessions and checkouts.
struct TargetSummary
{
    TargetInfo info;
    TargetStatus status;
    std::optional<ServerFacts> facts;
    std::optional<ServerSettings> settings; ///< what the server is set to, where it tells
    StateCounts counts{};
    Duration clock_offset{}; ///< server's or process's clock minus the capture's
    Duration poll_cost{};
    std::optional<std::uint64_t> next_xid;
    std::optional<Timestamp> last_sample;
    bool gap = false;
    std::map<Pid, std::vector<Lock>> locks;
    LeakThresholds thresholds;
    Blocking blocking;
    std::vector<SuspectedLeak> suspects;
    std::vector<std::vector<std::string>> evidence; ///< a list for each suspect, in their order
    std::optional<AgentFacts> agent;                ///< of an instrumented process
    std::vector<Pool> pools;                        ///< ascending by name
    std::vector<Place> places; ///< all that hold a connection, by line of code; worst first
    /// Places whose prepared statements only grow in number; worst first.
    std::vector<StatementLeak> statements;
    std::vector<std::vector<std::string>> statement_evidence; ///< a list for each, in their order
    std::vector<Diagnosis> diagnoses;             ///< why it or its pools are exhausted; by pool
    std::vector<LostConnection> lost_connections; ///< that its pools list and the server lost
    std::vector<Alert> alerts;                    ///< in the order of AlertBook::alerts
    Judging judging;                              ///< what was chosen for it and its pools
    std::uint64_t lost = 0;                       ///< events that the agent dropped
    std::uint64_t unreadable = 0;                 ///< lines of the agent that could not be read
    friend bool operator==(const TargetSummary&, const TargetSummary&) = default;
};

/// What the window shows next. Immutable; crosses threads as shared_ptr<const Update>. A view
/// applies it and never asks whether it came from a live capture or a recording.
struct Update
{
    /// Everything before is void: changed and checkouts hold all there are. After a seek, an open,
    /// a return to live.
    bool reset = false;
    Timestamp now;                           ///< the cursor, on the capture's clock
    std::vector<SessionRow> changed;         ///< ascending by key, each once
    std::vector<SessionKey> gone;            ///< ascending; never also in changed
    std::vector<Checkout> checkouts;         ///< changed; ascending by key, each once
    std::vector<CheckoutKey> checkouts_gone; ///< ascending; never also in checkouts
    std::vector<TargetSummary> targets;      ///< all of them, each time
    /// New at the live edge since the update before, whatever the cursor shows; ascending in time.
    std::vector<TargetSeries> live_points;
    std::vector<PoolSeries> live_pool_points;                 ///< the same of pools
    std::shared_ptr<const std::vector<ActionRecord>> actions; ///< never null
    std::shared_ptr<const std::vector<NoteRecord>> notes;     ///< never null
};
using UpdatePtr = std::shared_ptr<const Update>;

} // namespace poolscope
