// SPDX-License-Identifier: Apache-2.0
#include "core/leak/leakdetector.h"

#include "core/stack/stacktable.h"

#include <algorithm>
#include <new>

namespace poolscope {

namespace {
constexpr std::size_t remembered_releases = 4096;
constexpr std::size_t remembered_resolved = 1000;
} // namespace

std::string_view name_of(ResourceType type)
{
    switch (type) {
    case ResourceType::connection:
        return "connection";
    case ResourceType::statement:
        return "statement";
    case ResourceType::transaction:
        return "transaction";
    case ResourceType::cursor:
        return "cursor";
    case ResourceType::file:
        return "file";
    case ResourceType::other:
        return "other";
    }
    return "";
}

LeakDetector::LeakDetector(LeakDetectorConfig config)
    : config_(config)
{}

LeakDetector::Shard& LeakDetector::shard_of(ResourceId id)
{
    return shards_[(id.value * 0x9E3779B97F4A7C15U) >> 60U];
}

TrackOutcome LeakDetector::track(ResourceId id, ResourceInfo info) noexcept
{
    if (config_.capture_stacks && info.stack == StackId{}) {
        std::array<std::atomic<std::uintptr_t>, max_stack_depth> found;
        const std::size_t count = capture_stack(__builtin_frame_address(0), found, config_.method);
        std::array<std::uintptr_t, max_stack_depth> addresses;
        std::transform(found.begin(), found.begin() + count, addresses.begin(),
                       [](const auto& a) { return a.load(std::memory_order_relaxed); });
        info.stack = StackTable::process().intern({addresses.data(), count});
    }
    return track(id, std::move(info), now_ticks());
}

TrackOutcome LeakDetector::track(ResourceId id, ResourceInfo info, Ticks acquired) noexcept
{
    try {
        return insert(id, std::move(info), acquired);
    } catch (const std::bad_alloc&) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return TrackOutcome::full;
    }
}

TrackOutcome LeakDetector::insert(ResourceId id, ResourceInfo&& info, Ticks acquired)
{
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    if (shard.tracked.contains(id)) {
        duplicates_.fetch_add(1, std::memory_order_relaxed);
        return TrackOutcome::duplicate;
    }
    if (count_.fetch_add(1, std::memory_order_relaxed) >= config_.max_tracked_resources) {
        count_.fetch_sub(1, std::memory_order_relaxed);
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return TrackOutcome::full;
    }
    try {
        shard.tracked.emplace(id,
                              Tracked{std::move(info), acquired, {}, LeakSeverity::none, false});
    } catch (...) {
        count_.fetch_sub(1, std::memory_order_relaxed);
        throw;
    }
    return TrackOutcome::tracked;
}

ReleaseOutcome LeakDetector::release(ResourceId id, Ticks now) noexcept
{
    Shard& shard = shard_of(id);
    Tracked late;
    {
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.tracked.find(id);
        if (found == shard.tracked.end()) {
            const bool twice = std::ranges::find(shard.released, id) != shard.released.end();
            (twice ? double_releases_ : unknown_releases_).fetch_add(1, std::memory_order_relaxed);
            return twice ? ReleaseOutcome::twice : ReleaseOutcome::unknown;
        }
        late = std::move(found->second);
        shard.tracked.erase(found);
        count_.fetch_sub(1, std::memory_order_relaxed);
        try {
            shard.released.push_back(id);
            if (shard.released.size() > remembered_releases)
                shard.released.pop_front();
        } catch (const std::bad_alloc&) {
            shard.released.clear(); // a second release will be unknown
        }
    }
    if (late.suspected == LeakSeverity::none)
        return ReleaseOutcome::released;
    leaks_resolved_.fetch_add(1, std::memory_order_relaxed);
    note_resolved(id, std::move(late), now);
    return ReleaseOutcome::resolved;
}

void LeakDetector::note_resolved(ResourceId id, Tracked&& tracked, Ticks now)
{
    const std::lock_guard lock(resolved_mutex_);
    try {
        resolved_.push_back({id, tracked.info.type, between(tracked.acquired, now),
                             tracked.suspected, std::move(tracked.info.acquired_by),
                             std::move(tracked.info.metadata), tracked.info.stack, true});
        if (resolved_.size() > remembered_resolved)
            resolved_.pop_front();
    } catch (const std::bad_alloc&) {
        resolved_.clear(); // still counted in leaks_resolved_
    }
}

bool LeakDetector::heartbeat(ResourceId id, Ticks now) noexcept
{
    Shard& shard = shard_of(id);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.tracked.find(id);
    if (found == shard.tracked.end())
        return false;
    found->second.heartbeat = now;
    return true;
}

std::vector<LeakReport> LeakDetector::check_leaks(Ticks now)
{
    std::vector<LeakReport> reports;
    for (Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        for (auto& [id, tracked] : shard.tracked) {
            Holding holding{between(tracked.acquired, now), tracked.info.expected, {}, {}};
            if (tracked.heartbeat)
                holding.since_heartbeat = between(*tracked.heartbeat, now);
            const LeakSeverity severity = judge(holding, config_.thresholds);
            tracked.quiet = severity == LeakSeverity::none;
            if (tracked.quiet)
                continue;
            if (tracked.suspected == LeakSeverity::none)
                leaks_detected_.fetch_add(1, std::memory_order_relaxed);
            tracked.suspected = severity;
            reports.push_back({id, tracked.info.type, holding.held, severity,
                               tracked.info.acquired_by, tracked.info.metadata, tracked.info.stack,
                               false});
        }
    }
    std::ranges::sort(reports, [](const LeakReport& a, const LeakReport& b) {
        return a.age != b.age ? a.age > b.age : a.id < b.id;
    });
    const std::lock_guard lock(resolved_mutex_);
    std::ranges::move(resolved_, std::back_inserter(reports));
    resolved_.clear();
    return reports;
}

LeakStatistics LeakDetector::statistics(Ticks now) const
{
    LeakStatistics statistics;
    std::optional<Ticks> first;
    for (const Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        statistics.currently_tracked += shard.tracked.size();
        for (const auto& [id, tracked] : shard.tracked) {
            statistics.currently_suspected +=
                tracked.suspected != LeakSeverity::none && !tracked.quiet ? 1 : 0;
            if (!first || tracked.acquired < *first)
                first = tracked.acquired;
        }
    }
    if (first)
        statistics.oldest = between(*first, now);
    statistics.leaks_detected = leaks_detected_.load(std::memory_order_relaxed);
    statistics.leaks_resolved = leaks_resolved_.load(std::memory_order_relaxed);
    statistics.dropped = dropped_.load(std::memory_order_relaxed);
    statistics.duplicates = duplicates_.load(std::memory_order_relaxed);
    statistics.double_releases = double_releases_.load(std::memory_order_relaxed);
    statistics.unknown_releases = unknown_releases_.load(std::memory_order_relaxed);
    return statistics;
}

ResourceId LeakDetector::next_id() noexcept
{
    return ResourceId{next_id_.fetch_add(1, std::memory_order_relaxed)};
}

} // namespace poolscope
