// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/waitlooks.h"
#include "core/model/world.h"

#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace poolscope {

/// How far back a pool's own past is known. As long as the other windows, so that a seek need not
/// fold more than it does for them.
inline constexpr Duration flow_window = std::chrono::minutes{5};
/// Back to there each sample is kept, from there on one in flow_step.
inline constexpr Duration flow_fresh = std::chrono::seconds{30};
inline constexpr Duration flow_step = std::chrono::seconds{5};
/// A connection that was held that long before it came back is none of a pool's quick ones.
inline constexpr Duration lasting_hold = std::chrono::seconds{2};
/// Of what it was held no more than that is of the last seconds.
inline constexpr Duration longest_counted = std::chrono::seconds{10};

/// How a pool stands.
enum class Strain : std::uint8_t {
    none,
    nearly,    ///< at least 95 % of its maximum are lent, and nobody waits
    exhausted, ///< somebody waits, or nothing that it has is fit for use
};

/// A pool at one sample. A count that is not reported is -1.
struct FlowPoint
{
    Timestamp time;  ///< capture's clock
    Timestamp since; ///< up to then, the reading before, it stood as at the point before
    std::int64_t used = -1;
    std::int64_t max = -1;
    std::int64_t pending = -1;
    std::int64_t total = -1;
    std::uint64_t timeouts = 0; ///< where they are not told: as before
    bool timeouts_told = false;
    /// Checkouts that ended and how long they were held in all, counted from some beginning.
    std::uint64_t returned = 0;
    Duration held{};
    /// Of that what was held for at least lasting_hold: longest_counted of each at most.
    Duration lasting{};
    bool unfit = false; ///< its circuit is open, or its connections are unhealthy

    Strain strain() const;
    friend bool operator==(const FlowPoint&, const FlowPoint&) = default;
};

/// What came back between two points, and what came in.
struct FlowRate
{
    Duration over{};
    std::uint64_t returned = 0;
    double arrivals = 0;         ///< acquires that were asked for, a second
    std::optional<Duration> use; ///< mean of what came back; null: nothing did, or it is not told
    double used = 0;             ///< mean over time
    double lasting = 0;          ///< of what came back: so many were held for long at a time
};

/// One pool's last minutes. A value.
class PoolFlow
{
public:
    /// After a sample: `returned`, `held` and `lasting` of those that ended since the sample
    /// before; what the pool counts itself is preferred. `before`: when its target was read before.
    void note(const Pool& pool, std::uint64_t returned, Duration held, Timestamp now,
              Timestamp before, Duration lasting = Duration{0});

    bool empty() const { return points_.empty(); }
    const FlowPoint& newest() const { return points_.back(); }
    const FlowPoint& oldest() const { return points_.front(); }
    /// As it stood at an instant; null before the first point.
    const FlowPoint* at(Timestamp instant) const;
    /// How long it was under at least that strain within the window before `now`.
    Duration strained(Strain least, Duration window, Timestamp now) const;
    /// Since when it is under at least that strain most of the time: a lone reading before that
    /// begins nothing, nor does a pause of up to 10 s end it. Null where it is not.
    std::optional<Timestamp> strained_since(Strain least, Timestamp now) const;
    /// Up to when it was: `now`, or the last reading at which it may still have been; null where it
    /// never was.
    std::optional<Timestamp> strained_until(Strain least, Timestamp now) const;
    /// Between two instants that the points reach, or the readings beside them; null where they do
    /// not, where nothing is between, and where it is read too seldom.
    std::optional<FlowRate> between(Timestamp from, Timestamp to) const;
    /// Mean use time of all that came back before the first point, where the pool counts it and at
    /// least `least` did.
    std::optional<Duration> use_before(std::uint64_t least) const;
    /// Mean use time in the first ten seconds that were seen; null before twice that, and where
    /// nothing came back in them.
    std::optional<Duration> first_use(Timestamp now) const;

private:
    std::deque<FlowPoint> points_;
    std::uint64_t returned_ = 0; ///< running sums where the pool counts nothing itself
    Duration held_{};
    Duration lasting_{};
    bool counts_ = false; ///< the pool counts returns and their time itself
};

/// What came back to one place, since window's begin.
struct PlaceReturns
{
    std::uint64_t count = 0;
    std::uint64_t lasting = 0; ///< held for at least lasting_hold
    Duration held{};
    Duration longest{};
    /// One that was no lasting one came back later than that (capture's clock).
    std::optional<Timestamp> last_quick;
    bool known = true; ///< false: there were too many places to remember them all
};

/// How many checkouts came back to one place.
struct PlaceLoad
{
    StackRef stack; ///< null where none was taken
    std::uint64_t count = 0;
};

/// A server at one sample.
struct ServerPoint
{
    Timestamp time; ///< capture's clock
    StateCounts counts{};
    std::int32_t clients = 0;
    std::int32_t usable = -1; ///< slots for ordinary roles; -1: not reported
};

/// What must be remembered of one target to say why it is exhausted: no more than the window holds,
/// so that a replay that begins a window earlier comes to the same. A value.
class FlowHistory
{
public:
    /// Begins with the target as it is.
    void restore(const TargetState& target, Timestamp now);
    /// Before the sample is folded into the target, and after it was.
    void expect(const TargetState& before, const PoolSample& sample, Timestamp now);
    void watch(const TargetState& after, const PoolSample& sample, Timestamp now);
    void watch(const TargetState& after, const ServerSample& sample, Timestamp now);
    /// Nothing is known of the time between: what was counted before tells nothing about now.
    void interrupt();
    /// How much of that time a server gave no answer, as far as the last such gap tells.
    Duration unseen(Timestamp from, Timestamp to) const;

    const PoolFlow* pool(const Text& name) const;
    /// In steps of flow_step that began from the one instant up to the other.
    PlaceReturns returns(const PlaceKey& place, Timestamp from, Timestamp to) const;
    /// Of each place of a pool, in steps of flow_step that began from the one instant on and before
    /// the other.
    std::vector<PlaceLoad> loads(const Text& pool, Timestamp from, Timestamp to) const;
    const std::deque<ServerPoint>& server() const { return server_; }
    /// What the server's sessions ran and waited for.
    const WaitLooks& looks() const { return looks_; }
    /// Means after `from`, up to `to`; null where there is no point.
    std::optional<ServerPoint> server_mean(Timestamp from, Timestamp to) const;
    /// How long the server had no more than `free` slots left within the window.
    Duration server_full(std::int32_t free, Duration window, Timestamp now) const;
    /// Since when, short pauses left out; null where it has more.
    std::optional<Timestamp> server_full_since(std::int32_t free, Timestamp now) const;

private:
    struct Returned
    {
        Timestamp time; ///< begin of its flow_step
        std::uint64_t count = 0;
        std::uint64_t lasting = 0;
        Duration held{};
        Duration longest{};
        std::optional<Timestamp> last_quick;
    };
    static constexpr std::size_t most_places = 1024;
    struct PlaceSteps
    {
        StackRef stack;
        std::deque<Returned> steps;
    };
    void came_back(const Text& pool, const StackRef& stack, std::uint64_t count, Duration held,
                   Duration longest, Timestamp now);
    void forget(Timestamp now);
    bool has_room(const PlaceKey& place, Timestamp now);

    std::map<Text, PoolFlow> pools_;
    struct Ended
    {
        std::uint64_t count = 0;
        Duration held{};
        Duration lasting{};
    };
    std::map<Text, Ended> ended_; ///< by pool, of one sample
    std::map<PlaceKey, PlaceSteps> places_;
    std::deque<ServerPoint> server_;
    WaitLooks looks_;
    std::optional<Timestamp> silent_from_; ///< its last answer, where none came since
    std::optional<std::pair<Timestamp, Timestamp>> silence_; ///< the last one that ended
    std::size_t prune_at_ = 64;
    std::optional<Timestamp> read_;    ///< when the pools were last read
    std::optional<Timestamp> pruned_;  ///< when a full table was last looked through
    std::optional<Timestamp> refused_; ///< when it last had no room
};

} // namespace poolscope
