// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alertrules.h"
#include "core/analyze/diagnosis.h"
#include "core/base/result.h"
#include "core/compare/meter.h"
#include "core/compare/seconds.h"
#include "core/model/pool.h"
#include "core/model/session.h"
#include "core/model/target.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

// What is known of one range of one recording, as sums that do not grow with its length. Times are
// seconds as double: what an agent tells is anything, and must not overflow.
namespace poolscope::compare {

/// How many of each a side keeps; what comes later is not counted, and said to be so.
inline constexpr std::size_t most_pools = 4096;
inline constexpr std::size_t most_places = 8192;
inline constexpr std::size_t most_applications = 2048;
inline constexpr std::size_t most_stood = 4096;

struct PoolFigures
{
    Text kind;
    Meter present; ///< its mean is of no use; its time is how long the pool was seen
    Meter used;
    Meter pending;
    Meter ratio;     ///< used / max
    Meter exhausted; ///< 1 while it is
    std::optional<std::int64_t> max;
    // As the pool counts itself.
    Counter waits;
    Counter wait_total; ///< microseconds
    Counter uses;
    Counter use_total;
    Counter timeouts;
    bool waits_alone = false; ///< counts_waits_alone()
    // As its checkouts were seen.
    std::uint64_t acquired = 0;
    std::uint64_t returned = 0;
    std::uint64_t gave_up = 0;
    double held = 0; ///< of those that were returned, each from its acquire
    std::optional<double> longest_use;
    std::optional<double> longest_wait;
    bool events = false; ///< single checkouts are told
};

/// What one acquire stack held of one pool.
struct PlaceFigures
{
    StackRef stack;
    Meter open;        ///< how many it holds
    double beside = 0; ///< seconds of holding that `open` did not see: what began or ended between
    std::uint64_t acquired = 0;
    std::uint64_t returned = 0;
    double returned_held = 0;
    double longest = 0;           ///< seconds; of those still held, up to now
    std::uint64_t still_open = 0; ///< at the end
    /// Connection-seconds.
    double held() const { return std::max(0.0, open.area() + beside); }
};

struct ApplicationFigures
{
    Meter sessions;
    std::array<Meter, session_state_count> states;
};
/// Name, and whether it is the user's as there is no other.
using ApplicationKey = std::pair<Text, bool>;

/// A diagnosis or an alert.
struct Stood
{
    double seconds = 0;
    double unseen = 0; ///< of these: its target was not seen, and it was said of that
    std::uint32_t times = 0;
    int weight = 0; ///< 0 advice, 1 warning, 2 critical
};
using DiagnosisKey = std::pair<Text, Cause>;
using AlertKey = std::pair<Text, std::string>;

struct TargetFigures
{
    TargetInfo info;
    std::string process; ///< the agent's word for the program
    bool server = false; ///< it told of sessions
    bool pools_told = false;
    double observed = 0; ///< seconds
    double unseen = 0;   ///< seconds in gaps
    std::uint32_t gaps = 0;
    /// Seconds for which diagnoses and alerts were looked for while it was seen.
    double looked = 0;
    std::map<Text, PoolFigures> pools;
    std::map<PlaceKey, PlaceFigures> places;
    std::map<ApplicationKey, ApplicationFigures> applications;
    Meter clients;
    std::optional<std::int32_t> max_connections;
    std::map<DiagnosisKey, Stood> diagnoses;
    std::map<AlertKey, Stood> alerts;
};

struct Side
{
    std::string name;   ///< of the recording, for people
    Timestamp recorded; ///< when it began, all of it: with the name it tells one from another
    Timestamp from;     ///< capture's clock
    Timestamp to;
    bool complete = true;
    bool crowded = false; ///< there was more than is kept
    std::optional<Error> damage;
    std::map<TargetId, TargetFigures> targets;
    double seconds() const { return seconds_between(from, to); }
};

} // namespace poolscope::compare
