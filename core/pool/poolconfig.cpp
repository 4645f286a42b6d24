// SPDX-License-Identifier: Apache-2.0
#include "core/pool/poolconfig.h"

#include <array>
#include <charconv>
#include <cmath>

namespace poolscope {

namespace {

using std::chrono::seconds;

constexpr std::uint32_t most_connections = 100'000;

/// "1500 ms"; whole seconds as "30 s".
std::string text_of(Duration duration)
{
    if (duration.count() % 1'000'000 == 0)
        return std::to_string(duration.count() / 1'000'000) + " s";
    if (duration.count() % 1000 == 0)
        return std::to_string(duration.count() / 1000) + " ms";
    return std::to_string(duration.count()) + " us";
}

std::string text_of(bool on)
{
    return on ? "true" : "false";
}

/// "0.5", in any locale.
std::string share_of(double share)
{
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), share);
    return {text.data(), end.ptr};
}

class Complaints
{
public:
    void unless(bool right, const std::string& sentence)
    {
        if (right)
            return;
        text_ += (text_.empty() ? "" : "\n") + sentence;
    }
    Result<Done> result() &&
    {
        if (text_.empty())
            return Done{};
        return Error{std::move(text_), "Correct these settings of the pool."};
    }

private:
    std::string text_;
};

PoolConfig switched_on()
{
    PoolConfig config;
    config.health_check = true;
    config.leak_detection = true;
    config.automatic_cleanup = true;
    return config;
}

void check_sizes(const PoolConfig& c, Complaints& complaints)
{
    complaints.unless(c.max_connections >= 1 && c.max_connections <= most_connections,
                      "max_connections is " + std::to_string(c.max_connections) +
                          ": it must be 1 to " + std::to_string(most_connections) + ".");
    complaints.unless(c.max_per_user <= c.max_connections,
                      "max_per_user (" + std::to_string(c.max_per_user) +
                          ") is above max_connections (" + std::to_string(c.max_connections) +
                          "): it would never apply.");
    complaints.unless(c.min_idle <= c.max_connections,
                      "min_idle (" + std::to_string(c.min_idle) + ") is above max_connections (" +
                          std::to_string(c.max_connections) + ").");
    complaints.unless(c.stack_capture != StackCapture::sampled || c.sample_every >= 1,
                      "stack_capture is sampled, but sample_every is 0.");
}

void check_durations(const PoolConfig& c, Complaints& complaints)
{
    const Duration zero{};
    complaints.unless(c.acquire_timeout > zero, "acquire_timeout must be more than 0.");
    complaints.unless(c.idle_timeout >= zero, "idle_timeout is negative.");
    complaints.unless(c.max_connection_age >= zero, "max_connection_age is negative.");
    complaints.unless(c.max_connection_age <= zero || c.idle_timeout <= c.max_connection_age,
                      "idle_timeout (" + text_of(c.idle_timeout) +
                          ") is above max_connection_age (" + text_of(c.max_connection_age) +
                          "): it would never apply.");
    complaints.unless(!c.health_check || c.health_check_interval > zero,
                      "health_check is on, but health_check_interval is not above 0.");
    complaints.unless(!c.leak_detection || c.leak_threshold > zero,
                      "leak_detection is on, but leak_threshold is not above 0.");
    complaints.unless(!c.leak_detection || c.leak_critical_threshold >= c.leak_threshold,
                      "leak_critical_threshold (" + text_of(c.leak_critical_threshold) +
                          ") is below leak_threshold (" + text_of(c.leak_threshold) + ").");
    complaints.unless(!c.automatic_cleanup || c.cleanup_interval > zero,
                      "automatic_cleanup is on, but cleanup_interval is not above 0.");
}

/// Whether they are used or not: sums with them must not overflow.
void check_bounds(const PoolConfig& c, Complaints& complaints)
{
    const std::pair<const char*, Duration> all[] = {
        {"acquire_timeout", c.acquire_timeout},
        {"idle_timeout", c.idle_timeout},
        {"max_connection_age", c.max_connection_age},
        {"health_check_interval", c.health_check_interval},
        {"leak_threshold", c.leak_threshold},
        {"leak_critical_threshold", c.leak_critical_threshold},
        {"cleanup_interval", c.cleanup_interval},
        {"circuit.window", c.circuit.window},
        {"circuit.open_for", c.circuit.open_for},
    };
    for (const auto& [name, value] : all)
        complaints.unless(value <= longest_setting,
                          std::string(name) + " is above 10 years (3,650 days).");
}

void check_circuit(const CircuitBreakerConfig& c, Complaints& complaints)
{
    if (!c.enabled)
        return;
    complaints.unless(std::isfinite(c.failure_rate) && c.failure_rate > 0 && c.failure_rate <= 1,
                      "circuit.failure_rate must be above 0 and at most 1.");
    complaints.unless(c.minimum_calls >= 1, "circuit.minimum_calls must be at least 1.");
    complaints.unless(c.window > Duration{}, "circuit.window must be more than 0.");
    complaints.unless(c.open_for > Duration{}, "circuit.open_for must be more than 0.");
    complaints.unless(c.probes >= 1, "circuit.probes must be at least 1.");
}

} // namespace

PoolConfig PoolConfig::development()
{
    PoolConfig config = switched_on();
    config.max_connections = 100;
    config.max_per_user = 10;
    config.acquire_timeout = seconds{5};
    config.idle_timeout = seconds{60};
    config.max_connection_age = seconds{600};
    config.health_check_interval = seconds{30};
    config.leak_threshold = seconds{10};
    config.cleanup_interval = seconds{30};
    return config;
}

PoolConfig PoolConfig::staging()
{
    PoolConfig config = switched_on();
    config.max_connections = 1'000;
    config.max_per_user = 50;
    config.acquire_timeout = seconds{10};
    config.idle_timeout = seconds{180};
    config.max_connection_age = seconds{1'800};
    config.health_check_interval = seconds{60};
    config.leak_threshold = seconds{15};
    config.cleanup_interval = seconds{60};
    return config;
}

PoolConfig PoolConfig::production()
{
    PoolConfig config = switched_on();
    config.max_connections = 10'000;
    config.max_per_user = 100;
    config.acquire_timeout = seconds{30};
    config.idle_timeout = seconds{300};
    config.max_connection_age = seconds{3'600};
    config.health_check_interval = seconds{60};
    config.leak_threshold = seconds{30};
    config.cleanup_interval = seconds{60};
    return config;
}

Result<Done> PoolConfig::validate() const
{
    Complaints complaints;
    check_sizes(*this, complaints);
    check_durations(*this, complaints);
    check_circuit(circuit, complaints);
    check_bounds(*this, complaints);
    return std::move(complaints).result();
}

std::vector<std::pair<std::string, std::string>> PoolConfig::values() const
{
    return {{"max_connections", std::to_string(max_connections)},
            {"max_per_user", std::to_string(max_per_user)},
            {"min_idle", std::to_string(min_idle)},
            {"acquire_timeout", text_of(acquire_timeout)},
            {"idle_timeout", text_of(idle_timeout)},
            {"max_connection_age", text_of(max_connection_age)},
            {"validation_on_acquire", text_of(validation_on_acquire)},
            {"health_check", text_of(health_check)},
            {"health_check_interval", text_of(health_check_interval)},
            {"leak_detection", text_of(leak_detection)},
            {"leak_threshold", text_of(leak_threshold)},
            {"leak_critical_threshold", text_of(leak_critical_threshold)},
            {"automatic_cleanup", text_of(automatic_cleanup)},
            {"cleanup_interval", text_of(cleanup_interval)},
            {"stack_capture", std::string(name_of(stack_capture))},
            {"sample_every", std::to_string(sample_every)},
            {"circuit.enabled", text_of(circuit.enabled)},
            {"circuit.failure_rate", share_of(circuit.failure_rate)},
            {"circuit.minimum_calls", std::to_string(circuit.minimum_calls)},
            {"circuit.window", text_of(circuit.window)},
            {"circuit.open_for", text_of(circuit.open_for)},
            {"circuit.probes", std::to_string(circuit.probes)}};
}

std::string_view name_of(StackCapture capture)
{
    switch (capture) {
    case StackCapture::off:
        return "off";
    case StackCapture::sampled:
        return "sampled";
    case StackCapture::always:
        return "always";
    case StackCapture::near_exhaustion:
        return "near_exhaustion";
    }
    return "";
}

} // namespace poolscope
