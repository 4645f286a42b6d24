// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <string>
#include <string_view>

namespace poolscope {

/// What stands between us and a server, in words for a person.
struct PgTrouble
{
    enum class Kind {
        transient,  ///< try again
        persistent, ///< the user must change something
        password,   ///< missing or wrong: ask
    };
    Kind kind = Kind::transient;
    std::string sentence;
    std::string next_step;
    std::string sqlstate; ///< empty where no server spoke
    std::string words;    ///< the server's own, with their detail; empty where no server spoke
    Duration retry{};     ///< try again after this, whatever the back-off says; 0: back-off
    friend bool operator==(const PgTrouble&, const PgTrouble&) = default;
};

/// Whom the sentences speak of.
struct PgWhom
{
    std::string where; ///< "db1.shop.internal:5432"
    std::string user;
    std::string database;
    bool password_given = false;
    /// What to attach to should it be PgBouncer: "pgbouncer://db1.shop.internal:6432".
    std::string pooler_url;
    bool console = false; ///< it is PgBouncer's console that we want
    bool tunnel = false;  ///< it is reached by way of another host
};

/// From a failed attempt to connect: libpq's message, made with PQERRORS_VERBOSE, which carries the
/// SQLSTATE where a server spoke. `needs_password`: PQconnectionNeedsPassword.
PgTrouble connect_trouble(std::string_view message, const PgWhom& whom, bool needs_password);

/// From a server's words at any moment.
PgTrouble server_trouble(std::string_view sqlstate, std::string_view words, const PgWhom& whom);

/// It is PgBouncer or another pooler that answers, not the server.
PgTrouble pooler_trouble(const PgWhom& whom);
/// The other way round.
PgTrouble not_pooler_trouble(const PgWhom& whom);

} // namespace poolscope
