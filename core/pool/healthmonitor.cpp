// SPDX-License-Identifier: Apache-2.0
#include "core/pool/healthmonitor.h"

#include "core/base/signalsblocked.h"
#include "core/pool/poolconfig.h"

#include <algorithm>
#include <new>
#include <pthread.h>
#include <utility>

namespace poolscope {

namespace {

/// That this thread is within, one in the other: it would wait for itself.
thread_local int probes_of_this_thread = 0;

struct Probing
{
    Probing() { ++probes_of_this_thread; }
    ~Probing() { --probes_of_this_thread; }
    Probing(const Probing&) = delete;
    Probing& operator=(const Probing&) = delete;
};

HealthMonitorConfig within_bounds(HealthMonitorConfig config)
{
    config.interval =
        std::clamp<Duration>(config.interval, std::chrono::milliseconds{1}, longest_setting);
    return config;
}

} // namespace

std::string_view name_of(Health health)
{
    switch (health) {
    case Health::unknown:
        return "unknown";
    case Health::healthy:
        return "healthy";
    case Health::degraded:
        return "degraded";
    case Health::unhealthy:
        return "unhealthy";
    }
    return "";
}

HealthMonitor::HealthMonitor(HealthMonitorConfig config)
    : config_(within_bounds(config))
{}

HealthMonitor::~HealthMonitor()
{
    stop();
}

void HealthMonitor::monitor(ConnectionId id, std::shared_ptr<HealthProbe> probe)
{
    Entry entry{std::move(probe), std::make_shared<std::mutex>(), {}};
    entry.status.id = id;
    {
        const std::lock_guard lock(mutex_);
        std::swap(entries_[id], entry);
    }
    wait_for_probe(entry.probing);
}

void HealthMonitor::forget(ConnectionId id)
{
    std::shared_ptr<std::mutex> probing;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end())
            return;
        probing = found->second.probing;
        entries_.erase(found);
    }
    wait_for_probe(probing);
}

void HealthMonitor::forget_soon(ConnectionId id)
{
    const std::lock_guard lock(mutex_);
    entries_.erase(id);
}

void HealthMonitor::wait_for_probe(const std::shared_ptr<std::mutex>& probing)
{
    if (probing && probes_of_this_thread == 0)
        const std::lock_guard nobody_looks(*probing);
}

void HealthMonitor::on_change(std::function<void(const HealthStatus&)> changed)
{
    const std::lock_guard lock(mutex_);
    changed_ = std::move(changed);
}

void HealthMonitor::note(HealthStatus& status, ProbeResult result, Duration took, Ticks now) const
{
    if (result == ProbeResult::busy) {
        ++status.skipped;
        return;
    }
    ++status.checks;
    status.last_check = now;
    status.last_duration = took;
    if (result == ProbeResult::failed) {
        status.consecutive_successes = 0;
        ++status.consecutive_failures;
        if (status.consecutive_failures >= config_.unhealthy_after)
            status.status = Health::unhealthy;
        else if (status.consecutive_failures >= config_.degraded_after)
            status.status = Health::degraded;
        return;
    }
    ++status.consecutive_successes;
    const bool recovering = status.consecutive_failures > 0;
    if (recovering && status.consecutive_successes < config_.healthy_after)
        return;
    status.consecutive_failures = 0;
    status.status = took > config_.slow ? Health::degraded : Health::healthy;
}

std::optional<HealthStatus> HealthMonitor::check(ConnectionId id)
{
    std::shared_ptr<HealthProbe> probe;
    std::shared_ptr<std::mutex> probing;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end())
            return {};
        probe = found->second.probe;
        probing = found->second.probing;
    }
    const std::lock_guard one_at_a_time(*probing);
    const Probing here;
    {
        // Who forgot it meanwhile may have found nobody to wait for.
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end() || found->second.probe != probe)
            return {};
    }
    const Ticks from = now_ticks();
    ProbeResult result = ProbeResult::failed;
    try {
        result = probe->probe();
    } catch (...) { // whatever it was, the connection did not pass
        result = ProbeResult::failed;
    }
    const Ticks to = now_ticks();
    const bool leaked = probe->is_leaked();

    HealthStatus status;
    std::function<void(const HealthStatus&)> changed;
    {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(id);
        if (found == entries_.end() || found->second.probe != probe)
            return {};
        if (result == ProbeResult::gone) {
            entries_.erase(found);
            return {};
        }
        HealthStatus& entry = found->second.status;
        const Health before = entry.status;
        note(entry, result, between(from, to), to);
        entry.is_leaked = leaked;
        status = entry;
        if (entry.status != before)
            changed = changed_;
    }
    if (changed)
        changed(status);
    return status;
}

void HealthMonitor::check_all()
{
    std::vector<ConnectionId> ids;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, entry] : entries_)
            ids.push_back(id);
    }
    for (const ConnectionId id : ids)
        check(id);
}

std::vector<HealthStatus> HealthMonitor::all() const
{
    std::vector<HealthStatus> statuses;
    std::vector<std::shared_ptr<HealthProbe>> probes;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, entry] : entries_) {
            statuses.push_back(entry.status);
            probes.push_back(entry.probe);
        }
    }
    for (std::size_t i = 0; i < statuses.size(); ++i)
        statuses[i].is_leaked = probes[i]->is_leaked();
    return statuses;
}

std::vector<HealthStatus> HealthMonitor::unhealthy() const
{
    auto statuses = all();
    std::erase_if(statuses, [](const HealthStatus& s) { return s.status != Health::unhealthy; });
    return statuses;
}

Health HealthMonitor::worst() const
{
    const std::lock_guard lock(mutex_);
    Health worst = Health::unknown;
    for (const auto& [id, entry] : entries_)
        worst = std::max(worst, entry.status.status);
    return worst;
}

void HealthMonitor::start()
{
    const std::lock_guard one_at_a_time(start_mutex_);
    if (thread_.joinable())
        return;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = false;
    }
    const SignalsBlocked blocked;
    thread_ = std::thread(&HealthMonitor::run, this);
    pthread_setname_np(thread_.native_handle(), "pool-health");
}

void HealthMonitor::stop()
{
    const std::lock_guard one_at_a_time(start_mutex_);
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void HealthMonitor::run()
{
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        try {
            check_all();
        } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): another round follows
        }
        lock.lock();
        wake_.wait_for(lock, config_.interval, [this] { return stopping_; });
    }
}

} // namespace poolscope
