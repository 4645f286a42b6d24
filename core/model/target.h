// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/ids.h"
#include "core/base/text.h"
#include "core/base/time.h"
#include "core/leak/judgement.h"

#include <optional>
#include <string>
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
