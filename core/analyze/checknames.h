// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"
#include "core/model/pool.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace poolscope {

/// What a setting of a pool decides, whatever it is called there.
enum class PoolTrait : std::uint8_t {
    max_size,         ///< connections at most, checked out and idle
    overflow,         ///< connections beyond max_size
    reserve,          ///< likewise, for when somebody waits too long
    database_limit,   ///< of all pools of one database together
    client_limit,     ///< of a pooler's own clients
    min_idle,         ///< kept open
    max_idle,         ///< kept open at most
    acquire_timeout,  ///< how long an acquire waits
    lifetime,         ///< after that a connection is replaced
    idle_timeout,     ///< after that an idle one is closed
    client_idle,      ///< after that a pooler closes an idle client
    keepalive,        ///< between signs of life on idle connections
    eviction_every,   ///< between looks at idle connections; never: none of them is closed
    validation,       ///< tested when it is lent
    idle_validation,  ///< tested while it is idle
    leak_threshold,   ///< after that the pool itself reports a leak
    leak_detection,   ///< whether it does
    abandoned,        ///< closes what is held for too long
    abandoned_second, ///< the same, at another occasion
    abandoned_after,
    mode, ///< of PgBouncer
};

enum class SettingUnit : std::uint8_t { count, flag, milliseconds, seconds, written, word };

/// One row of the one table of the settings' names: to teach the check another pool, add its rows
/// here. The names are those that the agents report (resources/agents) and that its own
/// configuration has.
struct SettingName
{
    std::string_view kind; ///< Pool::kind
    PoolTrait trait = PoolTrait::max_size;
    std::string_view name;
    SettingUnit unit = SettingUnit::count;
    /// Values up to this mean "no limit", or "never".
    std::int64_t never = none_is_never;
    /// What holds where a configuration file does not name it; empty: nothing that could be told.
    std::string_view standard;
    std::string_view shown; ///< what a person writes, where that is another name

    static constexpr std::int64_t none_is_never = INT64_MIN;
    std::string_view label() const { return shown.empty() ? name : shown; }
};
std::span<const SettingName> setting_names();

/// One setting as it was told, and read.
struct PoolSetting
{
    const SettingName* name = nullptr;
    std::string value;     ///< as it was told; plain text
    bool standard = false; ///< it is not set: the default counts
    bool never = false;    ///< no limit, or never; then count and duration say nothing
    std::int64_t count = 0;
    Duration duration{};
    bool on = false;
};

/// What a pool told of its configuration. A view: the pool must outlive it.
class PoolSettings
{
public:
    /// `complete`: what is not named has its default, as in a configuration file.
    explicit PoolSettings(const Pool& pool, bool complete = false)
        : pool_(&pool)
        , complete_(complete)
    {}
    /// Null where it was not told, or cannot be read.
    std::optional<PoolSetting> of(PoolTrait trait) const;
    /// What it is called there; empty where there is no such thing.
    std::string_view label(PoolTrait trait) const;
    /// A value as one would write it there: "5000", "5", "5s".
    std::string written(PoolTrait trait, Duration value) const;

private:
    const Pool* pool_;
    bool complete_;
};

/// "HikariCP"; what was told where the kind is not known.
std::string kind_in_words(const Text& kind);
/// "1h30m0s", "1.5s", "30 s", "500ms", "none"; nullopt where it is none of these. At most 100
/// years.
std::optional<Duration> read_written_duration(std::string_view text, bool& never);

} // namespace poolscope
