// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/blocking.h"
#include "core/leak/judgement.h"
#include "core/model/world.h"

#include <string>
#include <vector>

namespace poolscope {

/// JSON names: "checkout", "session", "statement", "bypass", "orphan".
enum class LeakKind : std::uint8_t { session, statement, checkout, bypass, orphan };
std::string_view name_of(LeakKind kind);
std::string_view name_of(LeakSeverity severity);

/// Of one client, over the window of core/analyze/idlegrowth.h.
struct IdleGrowth
{
    std::int32_t from = 0; ///< settled idle sessions when the window began
    std::int32_t to = 0;   ///< and now
    std::int32_t all = 0;  ///< its sessions now, whatever they do
    friend bool operator==(const IdleGrowth&, const IdleGrowth&) = default;
};

/// A session held past a threshold without the work that would justify it; or, with a growth, the
/// oldest of a number of idle sessions of one client that only grows; or one that its pool has
/// dropped (orphan), or that no pool of its client owns (bypass).
struct SuspectedLeak
{
    LeakKind kind = LeakKind::session;
    LeakSeverity severity = LeakSeverity::alert;
    SessionKey session;
    Timestamp since; ///< server's clock: when it became idle (in its transaction)
    std::int32_t blocks = 0;
    /// How many transactions old the oldest row version is that it keeps vacuum from removing: by
    /// its snapshot or by its own transaction id, whichever is older, as the server reckons
    /// (PostgreSQL, GetOldestNonRemovableTransactionId).
    std::optional<std::uint32_t> xmin_age;
    /// Vacuum gets no further unless this one ends: no session holds it back further, and its
    /// snapshot is not merely as old as it is because of another's transaction.
    bool oldest_xmin = false;
    /// Application, else user: leaks of one place belong together. With a growth: and its address.
    std::string group;
    std::optional<IdleGrowth> growth;
    // Of kind orphan and bypass (core/analyze/disagreements.h):
    Text pool{};               ///< of an orphan: that had it
    Text process{};            ///< the pools' process
    bool process_gone = false; ///< of an orphan: with its process
    std::int32_t pooled = 0;   ///< of a bypass: how many of that client the pools own
    std::int32_t beside = 0;   ///< and how many they do not
    friend bool operator==(const SuspectedLeak&, const SuspectedLeak&) = default;
};

/// Sessions idle in their transaction. Worst first: critical, then most blocked, then oldest. Pure:
/// the same world at the same instant gives the same suspects, live and in replay. Poolscope's own
/// sessions and the server's own workers are never suspects.
std::vector<SuspectedLeak> find_suspects(const TargetState& target, const Blocking& blocking,
                                         const LeakThresholds& thresholds, Timestamp now);

/// The evidence in words, one sentence each, for a person.
std::vector<std::string> evidence_of(const SuspectedLeak& leak, const TargetState& target,
                                     const LeakThresholds& thresholds, Timestamp now);

} // namespace poolscope
