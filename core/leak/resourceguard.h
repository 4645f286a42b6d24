// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/leak/leakdetector.h"

#include <utility>

namespace poolscope {

/// Tracks one resource for as long as this object lives; releases once. Moves; one thread at a
/// time. The detector outlives it.
class ResourceGuard
{
public:
    ResourceGuard() = default;
    /// Tracks under a number of the detector's own.
    ResourceGuard(LeakDetector& detector, ResourceInfo info)
        : ResourceGuard(detector, detector.next_id(), std::move(info))
    {}
    /// Tracks under `id`. If that cannot be (it is tracked already, or there is no room) this guard
    /// holds nothing, and will not release what another holds.
    ResourceGuard(LeakDetector& detector, ResourceId id, ResourceInfo info)
        : id_(id)
    {
        if (detector.track(id, std::move(info)) == TrackOutcome::tracked)
            detector_ = &detector;
    }
    ~ResourceGuard() { release(); }
    ResourceGuard(const ResourceGuard&) = delete;
    ResourceGuard& operator=(const ResourceGuard&) = delete;
    ResourceGuard(ResourceGuard&& other) noexcept
        : detector_(std::exchange(other.detector_, nullptr))
        , id_(other.id_)
    {}
    ResourceGuard& operator=(ResourceGuard&& other) noexcept
    {
        if (this != &other) {
            release();
            detector_ = std::exchange(other.detector_, nullptr);
            id_ = other.id_;
        }
        return *this;
    }

    bool tracked() const noexcept { return detector_ != nullptr; }
    ResourceId id() const noexcept { return id_; }
    void heartbeat() noexcept
    {
        if (detector_)
            detector_->heartbeat(id_);
    }
    /// Early; the destructor then does nothing.
    void release() noexcept
    {
        if (LeakDetector* detector = std::exchange(detector_, nullptr))
            detector->release(id_);
    }

private:
    LeakDetector* detector_ = nullptr;
    ResourceId id_;
};

} // namespace poolscope
