// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/holders.h"
#include "core/analyze/links.h"
#include "core/model/series.h"
#include "core/model/world.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// Advice; what will hurt under load or after an incident; what breaks once it is used to the full.
enum class ConfigSeverity : std::uint8_t { info, warning, critical };
std::string_view name_of(ConfigSeverity severity);

/// One thing about a setting that should be otherwise.
struct ConfigFinding
{
    ConfigSeverity severity = ConfigSeverity::info;
    std::string rule; ///< its name for programs, kept for ever: "maxima_over_capacity"
    TargetId target;  ///< whose pool, or which server
    Text pool;        ///< null: the server's own setting
    std::string setting;
    std::string value;    ///< as it is; "-" where it is not set
    std::string proposed; ///< in the pool's own way of writing; empty: that depends
    std::string sentence;
    std::vector<std::string> evidence; ///< sentences
    friend bool operator==(const ConfigFinding&, const ConfigFinding&) = default;
};

/// A pool's own pool and server as far as the check looks at them.
struct CheckTarget
{
    TargetInfo info;
    std::optional<ServerFacts> facts;
    std::optional<ServerSettings> settings;
    std::vector<Pool> pools;
    /// How many of a pool's connections are suspected to be leaked: its size is not judged then.
    std::map<Text, std::int64_t> suspected;
    /// Pools as a configuration file describes them: what it does not name has its default.
    bool from_file = false;
};

/// Which server was seen to serve a pool, in which role, and by which pooler.
struct PoolRoute
{
    TargetId target;
    Text pool;
    TargetId server;
    TargetId pooler; ///< 0: none
    std::string role;
    friend bool operator==(const PoolRoute&, const PoolRoute&) = default;
};

struct CheckInput
{
    std::vector<CheckTarget> targets;
    std::vector<PoolRoute> routes;  ///< ascending, each once, where they were added by add_routes
    std::vector<PoolSeries> series; ///< of the last hour or less; may be missing
};
/// Everything but the series and what is suspected, which follow from more than one instant.
CheckInput check_input(const World& world);

// For what knows an instant in parts: a picture, a view.
/// `places`: what holds connections of the pools, where that is known.
CheckTarget check_target(const TargetInfo& info, const std::optional<ServerFacts>& facts,
                         const std::optional<ServerSettings>& settings, std::vector<Pool> pools,
                         const std::vector<Place>& places = {});
/// Where an open checkout leads that is joined with its session.
PoolRoute route_of(const Checkout& checkout, const SessionLink& link, const Session& session);
void add_routes(CheckInput& input, std::vector<PoolRoute> routes);
/// How far back a pool's load counts, and in how many points: as much as is recorded of an hour.
inline constexpr Duration check_load_range = std::chrono::hours{1};
inline constexpr std::size_t check_load_points = 4000;

/// What nothing that is attached can tell.
struct CheckOptions
{
    std::optional<Duration> caller_timeout;   ///< callers of the application give up after this
    std::optional<Duration> firewall_timeout; ///< something on the way forgets idle connections
};

struct ConfigReport
{
    std::vector<ConfigFinding> findings; ///< worst first, then by target and pool
    std::vector<std::string> unknown;    ///< what could not be judged, and why; sentences
    friend bool operator==(const ConfigReport&, const ConfigReport&) = default;
};

/// Judges how pools and servers are set up. Pure: the same input gives the same report. What was
/// not reported is never guessed: then there is no finding.
ConfigReport check_configuration(const CheckInput& input, const CheckOptions& options = {});

} // namespace poolscope
