// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ids.h"
#include "core/base/ticks.h"
#include "core/event/poolevent.h"
#include "core/leak/judgement.h"
#include "core/stack/capture.h"
#include "core/stack/frame.h"

#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace poolscope {

/// What an application tracks, by a number of its own choice; not used again within a detector.
using ResourceId = Id<struct ResourceTag, std::uint64_t>;

enum class ResourceType : std::uint8_t { connection, statement, transaction, cursor, file, other };
std::string_view name_of(ResourceType type);

/// What is known of something that was acquired.
struct ResourceInfo
{
    ResourceType type = ResourceType::other;
    std::string acquired_by;
    std::vector<Tag> metadata;
    /// Where it was acquired, in StackTable::process(). 0: the detector takes the caller's stack
    /// if it is configured to.
    StackId stack;
    /// The holder means to keep it this long: delays the thresholds by that much.
    std::optional<Duration> expected;
};

struct LeakDetectorConfig
{
    LeakThresholds thresholds;
    /// What is tracked at once; what is over that is counted in LeakStatistics::dropped. 0:
    /// nothing.
    std::size_t max_tracked_resources = 100'000;
    bool capture_stacks = true;
    CaptureMethod method = CaptureMethod::automatic;
};

/// Something held past a threshold.
struct LeakReport
{
    ResourceId id;
    ResourceType type = ResourceType::other;
    Duration age{};
    LeakSeverity severity = LeakSeverity::alert; ///< the last one, where it is resolved
    std::string acquired_by;
    std::vector<Tag> metadata;
    StackId stack;
    bool resolved = false; ///< was released after all, at this age
};

struct LeakStatistics
{
    std::uint64_t leaks_detected = 0;    ///< ever suspected
    std::uint64_t leaks_resolved = 0;    ///< of those, released late
    std::size_t currently_suspected = 0; ///< when last checked, without what is quiet since
    std::size_t currently_tracked = 0;
    std::optional<Duration> oldest; ///< age of the oldest that is tracked
    std::uint64_t dropped = 0;      ///< found no room, or no memory
    std::uint64_t duplicates = 0;   ///< track() of an id that is tracked
    std::uint64_t double_releases = 0;
    std::uint64_t unknown_releases = 0;
};

enum class TrackOutcome : std::uint8_t {
    tracked,
    duplicate, ///< the id is tracked already; that entry stays as it is
    full,      ///< max_tracked_resources: not tracked, counted
};

enum class ReleaseOutcome : std::uint8_t {
    released,
    resolved, ///< released after it had been suspected
    twice,    ///< released before: one of the last 4,096 releases of its shard (there are 16)
    unknown,  ///< never tracked, dropped, or released long ago
};

/// Tracks what an application acquires and tells what is held too long. Any thread may call
/// anything, and release what another has acquired. Nothing throws for lack of memory: what cannot
/// be tracked is counted. It judges when asked (check_leaks): there is no thread inside.
class LeakDetector
{
public:
    explicit LeakDetector(LeakDetectorConfig config = {});

    TrackOutcome track(ResourceId id, ResourceInfo info) noexcept;
    TrackOutcome track(ResourceId id, ResourceInfo info, Ticks acquired) noexcept;
    ReleaseOutcome release(ResourceId id) noexcept { return release(id, now_ticks()); }
    ReleaseOutcome release(ResourceId id, Ticks now) noexcept;
    /// The holder is alive. False: not tracked.
    bool heartbeat(ResourceId id) noexcept { return heartbeat(id, now_ticks()); }
    bool heartbeat(ResourceId id, Ticks now) noexcept;

    /// All that is suspected at `now`, oldest first, then what was resolved since the last call
    /// (the last 1,000 of those). A suspicion that a heartbeat quietens is left out while it does.
    std::vector<LeakReport> check_leaks(Ticks now);
    LeakStatistics statistics(Ticks now) const;

    /// Numbers for those who have none: from 2^63 on, so that they do not meet an application's.
    ResourceId next_id() noexcept;

private:
    struct Tracked
    {
        ResourceInfo info;
        Ticks acquired;
        std::optional<Ticks> heartbeat;
        LeakSeverity suspected = LeakSeverity::none; ///< the last that was
        bool quiet = false;                          ///< but not any more
    };
    struct alignas(64) Shard
    {
        mutable std::mutex mutex;
        std::unordered_map<ResourceId, Tracked> tracked;
        std::deque<ResourceId> released; ///< for telling twice from unknown
    };
    static constexpr std::size_t shard_count = 16;

    Shard& shard_of(ResourceId id);
    TrackOutcome insert(ResourceId id, ResourceInfo&& info, Ticks acquired);
    void note_resolved(ResourceId id, Tracked&& tracked, Ticks now);

    LeakDetectorConfig config_;
    std::array<Shard, shard_count> shards_;
    std::mutex resolved_mutex_;
    std::deque<LeakReport> resolved_;
    std::atomic<std::size_t> count_{0};
    std::atomic<std::uint64_t> next_id_{std::uint64_t{1} << 63U};
    std::atomic<std::uint64_t> leaks_detected_{0};
    std::atomic<std::uint64_t> leaks_resolved_{0};
    std::atomic<std::uint64_t> dropped_{0};
    std::atomic<std::uint64_t> duplicates_{0};
    std::atomic<std::uint64_t> double_releases_{0};
    std::atomic<std::uint64_t> unknown_releases_{0};
};

} // namespace poolscope
