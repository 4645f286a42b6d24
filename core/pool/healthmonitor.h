// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ticks.h"
#include "core/event/poolevent.h"

#include <concepts>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace poolscope {

enum class Health : std::uint8_t { unknown, healthy, degraded, unhealthy };
std::string_view name_of(Health health);

enum class ProbeResult : std::uint8_t {
    passed,
    failed,
    busy, ///< checked out: not touched
    gone, ///< there is no such connection any more: it is forgotten
};

/// How a monitor looks at one connection. Called by one thread at a time.
class HealthProbe
{
public:
    virtual ~HealthProbe() = default;
    /// An exception counts as failed.
    virtual ProbeResult probe() = 0;
    /// Whether it is checked out for longer than the leak threshold. Also while a probe runs, and
    /// after it was forgotten: not to touch the connection.
    virtual bool is_leaked() const { return false; }
};

struct HealthMonitorConfig
{
    Duration interval = std::chrono::seconds{60}; ///< 1 ms to longest_setting; else the nearest
    std::uint32_t degraded_after = 1;             ///< failures in a row; >= 1
    std::uint32_t unhealthy_after = 3;            ///< failures in a row; >= degraded_after
    std::uint32_t healthy_after = 1;              ///< successes in a row, after a failure; >= 1
    /// A check that passes but takes longer says "degraded".
    Duration slow = std::chrono::seconds{1};
};

struct HealthStatus
{
    ConnectionId id;
    Health status = Health::unknown;
    bool is_leaked = false;
    std::uint32_t consecutive_failures = 0;
    std::uint32_t consecutive_successes = 0;
    std::uint64_t checks = 0;
    std::uint64_t skipped = 0; ///< was checked out
    std::optional<Ticks> last_check;
    Duration last_duration{};
};

/// Watches connections. Thread-safe; a probe runs on the thread that asks, or on the monitor's own
/// after start().
class HealthMonitor
{
public:
    explicit HealthMonitor(HealthMonitorConfig config = {});
    ~HealthMonitor();
    HealthMonitor(const HealthMonitor&) = delete;
    HealthMonitor& operator=(const HealthMonitor&) = delete;

    /// From now on; replaces what was monitored under that id, as forget() would end it.
    void monitor(ConnectionId id, std::shared_ptr<HealthProbe> probe);
    /// A connection that is nobody else's while `validate` looks at it. Must live until it is
    /// forgotten or replaced.
    template <class Connection, class Validate>
    void monitor(ConnectionId id, Connection& connection, Validate validate)
    {
        struct Direct final : HealthProbe
        {
            Direct(Connection& c, Validate v)
                : connection(c)
                , validate(std::move(v))
            {}
            ProbeResult probe() override
            {
                return validate(connection) ? ProbeResult::passed : ProbeResult::failed;
            }
            Connection& connection;
            Validate validate;
        };
        monitor(id, std::make_shared<Direct>(connection, std::move(validate)));
    }
    /// The same, by the connection's own `bool validate()`.
    template <class Connection>
    requires requires(Connection& connection)
    {
        {
            connection.validate()
            } -> std::convertible_to<bool>;
    }
    void monitor(ConnectionId id, Connection& connection)
    {
        monitor(id, connection, [](Connection& c) { return static_cast<bool>(c.validate()); });
    }
    /// Waits for the probe of it that is under way: when this returns, none touches it any more.
    /// From within a probe or on_change nothing is waited for.
    void forget(ConnectionId id);
    /// The same without waiting: for who can bear a probe of what was forgotten, or holds what a
    /// probe needs.
    void forget_soon(ConnectionId id);

    /// Checks all of them every `interval` on a thread of its own, the first time at once. Does
    /// nothing where that thread runs already.
    void start();
    /// Waits for the check that is under way. Of start() and stop(), from any threads, one runs
    /// after the other; neither may be called from within a probe or on_change.
    void stop();

    /// Now, on this thread. Nothing: not monitored, or gone.
    std::optional<HealthStatus> check(ConnectionId id);
    void check_all();
    std::vector<HealthStatus> all() const;
    std::vector<HealthStatus> unhealthy() const;
    /// The worst of all; unknown with none.
    Health worst() const;

    /// Called when a status changes, on the thread that checked, while that connection counts as
    /// looked at: not to check it again. Set it before anything is monitored.
    void on_change(std::function<void(const HealthStatus&)> changed);

private:
    struct Entry
    {
        std::shared_ptr<HealthProbe> probe;
        std::shared_ptr<std::mutex> probing;
        HealthStatus status;
    };
    /// Until nobody looks at it.
    static void wait_for_probe(const std::shared_ptr<std::mutex>& probing);
    void note(HealthStatus& status, ProbeResult result, Duration took, Ticks now) const;
    void run();

    const HealthMonitorConfig config_;
    std::function<void(const HealthStatus&)> changed_;
    mutable std::mutex mutex_;
    std::map<ConnectionId, Entry> entries_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::mutex start_mutex_; ///< of start() and stop(); before mutex_
    std::thread thread_;     ///< under start_mutex_
};

} // namespace poolscope
