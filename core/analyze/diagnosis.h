// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/disagreements.h"
#include "core/analyze/poolflow.h"
#include "core/model/world.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

struct TargetFindings;
class Links;

/// Why a pool or a server is exhausted. core/analyze/DIAGNOSIS.md says what each is told by, and
/// with which sources attached.
enum class Cause : std::uint8_t {
    leak,
    slow_statements,
    held_while_idle, ///< its holders do other work while they hold
    lock_pile_up,
    load_spike,
    pool_too_small,
    server_full,
    bypass, ///< connections past the pools take the server's slots
    server_gone,
    undecided,
};
/// The JSON name: "lock_pile_up".
std::string_view name_of(Cause cause);

enum class Confidence : std::uint8_t { low, medium, high };
std::string_view name_of(Confidence confidence);

/// One piece of evidence, and where to see it.
struct DiagnosisEvidence
{
    std::string sentence;
    std::string page; ///< a page of the window: "pools", "leaks", "sessions", "blocking"
    Timestamp at;     ///< capture's clock
    /// What to select there: at most one of them is set. A pool: neither.
    std::optional<SessionKey> session{};
    std::optional<CheckoutKey> checkout{};
    friend bool operator==(const DiagnosisEvidence&, const DiagnosisEvidence&) = default;
};

/// What would help now: one session to end, or one checkout to take back; neither: in words alone.
struct Relief
{
    std::string sentence;
    std::optional<SessionKey> session{};
    std::optional<CheckoutKey> checkout{};
    std::int32_t frees = 0; ///< connections or waiters that it frees, at the least
    friend bool operator==(const Relief&, const Relief&) = default;
};

/// Of one pool, or of a server where `pool` is null: that one may have two, of different causes.
struct Diagnosis
{
    TargetId target;
    Text pool;
    Cause cause = Cause::undecided;
    /// Of undecided: low.
    Confidence confidence = Confidence::low;
    bool exhausted = true; ///< false: nearly
    Timestamp since;       ///< capture's clock: since when it is under strain, at the most
                           ///< flow_window ago
    std::string sentence;
    std::vector<DiagnosisEvidence> evidence;
    std::optional<Relief> relief{};
    std::string prevention; ///< empty where there is none to name
    /// Of slow statements, where the server tells: what they wait for. See waitlooks.h.
    std::optional<WaitProfile> waits{};
    /// What else it may be, or is besides, the likelier first; never the cause itself.
    std::vector<Cause> candidates;
    friend bool operator==(const Diagnosis&, const Diagnosis&) = default;
};

/// What a diagnosis is made from. `flows` and `disagreements` are those of the same instant.
struct DiagnosisInput
{
    const World& world;
    const std::map<TargetId, TargetFindings>& findings;
    const std::map<TargetId, FlowHistory>& flows;
    const Disagreements& disagreements;
    /// Of everything attached: made when first asked for, by shared_links() alone.
    mutable std::shared_ptr<Links> links{};
};
/// Once for all that one diagnose() says.
Links& shared_links(const DiagnosisInput& input);

/// For each pool and server that is exhausted or nearly so, at the world's instant; ascending by
/// target and pool, a server's own last, what fills it first. Pure: the same world and the same
/// past give the same diagnoses, live and in replay. Cost: nothing to speak of where nothing is
/// under strain; else n log n of the sessions, and of the checkouts of the pools that are.
std::vector<Diagnosis> diagnose(const DiagnosisInput& input);

} // namespace poolscope
