// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/leak/judgement.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// What a target is. Holds no secret: the URL has been stripped of passwords before it gets here.
struct TargetInfo
{
    TargetId id;
    std::string kind; ///< "postgresql"
    std::string name; ///< short, for the sidebar: "shop-db"
    std::string url;  ///< as given, without secrets; attaching to it again must work
    friend bool operator==(const TargetInfo&, const TargetInfo&) = default;
};

enum class Reach : std::uint8_t {
    connecting = 0,
    up = 1,
    failing = 2, ///< transient: it is tried again at next_try
    stopped = 3, ///< persistent: it needs the user (password, wrong database), or was detached
};

/// How a target does. Sentences are for people, plain text.
struct TargetStatus
{
    Reach reach = Reach::connecting;
    std::string sentence;  ///< "no answer since 14:31:58" is composed by views; this is the reason
    std::string next_step; ///< what the user could do; may be empty
    /// Capture's clock. Where tries follow each other within 5 s only the first one is told: once
    /// it is in the past, it is being tried again.
    std::optional<Timestamp> next_try;
    friend bool operator==(const TargetStatus&, const TargetStatus&) = default;
};

/// What a server said of itself and of our rights, at connect and when it changes.
struct ServerFacts
{
    std::string version;             ///< "15.8 (Debian …)", the server's words
    std::int32_t version_number = 0; ///< 150008
    std::optional<std::int32_t> max_connections;
    /// Slots that ordinary roles cannot use: superuser_reserved_connections + reserved_connections.
    std::optional<std::int32_t> reserved;
    std::string role;
    bool superuser = false;
    bool in_recovery = false;
    bool sees_all = false;   ///< other users' states, statements and start times
    bool can_signal = false; ///< may cancel and terminate other users' sessions
    std::string
        missing_grant; ///< SQL that would help, e.g. "GRANT pg_monitor TO dba;"; may be empty
    bool tls = false;
    std::optional<Timestamp> server_started;
    friend bool operator==(const ServerFacts&, const ServerFacts&) = default;
};

/// Whose a setting is. The numbers are stored in recordings.
enum class SettingScope : std::uint8_t { server = 0, role = 1, database = 2 };
std::string_view name_of(SettingScope scope);

/// One setting of a server, in its own words: "statement_timeout", "30000", "ms". Of a role or
/// database its name is "connection_limit", and the value how many it may have at once.
struct ServerSetting
{
    SettingScope scope = SettingScope::server;
    std::string subject; ///< which role or database; empty for the server
    std::string name;
    std::string value;
    std::string unit; ///< "ms", "s", or empty
    friend bool operator==(const ServerSetting&, const ServerSetting&) = default;
};
inline constexpr std::string_view connection_limit = "connection_limit";
inline constexpr std::size_t most_server_settings = 1000;

/// What a server is set to, as far as it concerns who may connect and how long a session lives.
struct ServerSettings
{
    std::vector<ServerSetting> all; ///< at most most_server_settings
    bool complete = true;           ///< false: there were more than that
    /// Null where it was not reported.
    const ServerSetting* find(std::string_view name, SettingScope scope = SettingScope::server,
                              std::string_view subject = {}) const;
    friend bool operator==(const ServerSettings&, const ServerSettings&) = default;
};

/// One lock that a session holds or waits for.
struct Lock
{
    std::string type;     ///< pg_locks.locktype
    std::string relation; ///< qualified name, or empty
    std::string mode;
    bool granted = true;
    friend bool operator==(const Lock&, const Lock&) = default;
};

} // namespace poolscope
