// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgtrouble.h"

#include "core/base/sqlname.h"
#include "core/base/text.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <string>

namespace poolscope {

namespace {

using Kind = PgTrouble::Kind;
constexpr std::size_t longest_words = 600;

/// Finds "FATAL:  28P01: words" in libpq's verbose message; the severity is in the server's
/// language.
bool find_sqlstate(std::string_view message, std::string& sqlstate, std::string& words)
{
    for (std::size_t at = message.find(":  "); at != std::string_view::npos;
         at = message.find(":  ", at + 1)) {
        const std::string_view code = message.substr(at + 3, 6);
        if (code.size() != 6 || code[5] != ':')
            continue;
        bool good = true;
        for (const char c : code.substr(0, 5))
            good = good && (std::isdigit(static_cast<unsigned char>(c)) || (c >= 'A' && c <= 'Z'));
        if (!good)
            continue;
        sqlstate = std::string{code.substr(0, 5)};
        std::string_view rest = message.substr(at + 9);
        rest = rest.substr(0, rest.find('\n'));
        while (rest.starts_with(' '))
            rest.remove_prefix(1);
        words = plain_line(rest, longest_words);
        return true;
    }
    return false;
}

bool names_tls(std::string_view words)
{
    return words.find("SSL") != std::string_view::npos ||
           words.find("certificate") != std::string_view::npos ||
           words.find("TLS") != std::string_view::npos;
}

bool names_errno(std::string_view words, int code)
{
    return words.find(std::strerror(code)) != std::string_view::npos;
}

/// The last line of libpq's message: earlier ones tell of attempts that it made up for.
std::string last_words(std::string_view message)
{
    while (!message.empty() && std::isspace(static_cast<unsigned char>(message.back())))
        message.remove_suffix(1);
    return plain_line(message, longest_words);
}

/// Which slots are left, or whose limit it is, only the server's words tell; in another language
/// than English all of it is said.
std::string full_step(std::string_view words)
{
    const auto says = [&](std::string_view part) {
        return words.find(part) != std::string_view::npos;
    };
    constexpr std::string_view again = "It is tried again every 2 s.";
    if (says("too many clients already"))
        return fmt::format("Even the reserved slots are taken; the next that comes free is for a "
                           "superuser: attach as one. A Poolscope that is attached already can end "
                           "sessions without a slot. {}",
                           again);
    if (says("connections for role"))
        return fmt::format("It is the role's own limit: attach as another role, or have a "
                           "superuser raise it with ALTER ROLE … CONNECTION LIMIT. {}",
                           again);
    if (says("connections for database"))
        return fmt::format("It is the database's own limit: attach to another database of this "
                           "server, such as \"postgres\"; all sessions show there too. {}",
                           again);
    if (says("pg_use_reserved_connections"))
        return fmt::format("To get in now, attach as a superuser or as a member of "
                           "pg_use_reserved_connections: the server keeps slots for them. {}",
                           again);
    return fmt::format("To get in now, attach as a superuser: the server keeps slots for those "
                       "(superuser_reserved_connections). {}",
                       again);
}

PgTrouble login_trouble(std::string_view sqlstate, std::string_view words, const PgWhom& whom)
{
    PgTrouble t;
    t.sqlstate = sqlstate;
    if (sqlstate == "28P01") {
        t.kind = Kind::password;
        t.sentence = fmt::format("{} refused the password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give the right password, or correct the entry in ~/.pgpass; check the "
                      "user's name too.";
        return t;
    }
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} does not let user \"{}\" in: {}.", whom.where, whom.user, words);
    if (names_tls(words) && words.find("no encryption") != std::string_view::npos)
        t.next_step = "The server has no rule in pg_hba.conf for this user, database and address "
                      "without TLS: try sslmode=require, or have a rule added.";
    else if (words.find("not permitted to log in") != std::string_view::npos)
        t.next_step = fmt::format("Attach as another role, or have a superuser run: ALTER ROLE {} "
                                  "LOGIN;",
                                  sql_name(whom.user));
    else
        t.next_step = "Check the user's name, or have the server's pg_hba.conf let this user in "
                      "from this address.";
    return t;
}

} // namespace

PgTrouble not_pooler_trouble(const PgWhom& whom)
{
    PgTrouble t;
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} is not PgBouncer: it has no console.", whom.where);
    t.next_step = "Give the address and port where PgBouncer listens (6432 on most machines), or "
                  "attach to a database server with postgresql://….";
    return t;
}

namespace {

/// PgBouncer gives nearly everything the same SQLSTATE, and its words in English alone.
PgTrouble console_trouble(std::string_view sqlstate, std::string_view words, const PgWhom& whom)
{
    const auto says = [&](std::string_view part) {
        return words.find(part) != std::string_view::npos;
    };
    PgTrouble t;
    t.sqlstate = sqlstate;
    if (sqlstate == "3D000")
        return not_pooler_trouble(whom);
    if (says("password authentication failed") || says("auth failed") || says("no such user")) {
        t.kind = Kind::password;
        t.sentence = fmt::format("{} refused the password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give the right password, or correct the entry in ~/.pgpass; check that the "
                      "user stands in PgBouncer's auth_file.";
    } else if (says("not allowed")) {
        t.kind = Kind::persistent;
        t.sentence =
            fmt::format("{} does not let user \"{}\" into its console.", whom.where, whom.user);
        t.next_step =
            "Attach as one of its stats_users, who may look, or admin_users, who may also "
            "end clients; they stand in pgbouncer.ini, and RELOAD reads it again.";
    } else if (says("SSL required") || says("TLS required")) {
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} takes clients by TLS alone.", whom.where);
        t.next_step = "Attach with ?sslmode=require.";
    } else if (says("no more connections allowed")) {
        t.sentence = fmt::format("{} takes no more clients: {}.", whom.where, words);
        t.next_step = "Raise max_client_conn in pgbouncer.ini, or end clients that are not needed. "
                      "It is tried again every 2 s.";
        t.retry = std::chrono::seconds{2};
    } else {
        t.sentence = fmt::format("{} says: {}.", whom.where, words);
        t.next_step = "PgBouncer's own log may tell more. It is tried again.";
    }
    return t;
}

} // namespace

PgTrouble pooler_trouble(const PgWhom& whom)
{
    PgTrouble t;
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} is PgBouncer or another pooler, not the database server itself.",
                             whom.where);
    t.next_step = fmt::format("To see its pools, attach to {} as one of its admin_users or "
                              "stats_users; to see the database's sessions, give the database "
                              "server's own address and port.",
                              whom.pooler_url.empty() ? "pgbouncer://…" : whom.pooler_url);
    return t;
}

PgTrouble server_trouble(std::string_view sqlstate, std::string_view words_in, const PgWhom& whom)
{
    const std::string words = plain_line(words_in, longest_words);
    PgTrouble t;
    t.sqlstate = sqlstate;
    if (whom.console && !sqlstate.starts_with("57P"))
        return console_trouble(sqlstate, words, whom);
    if (words.find("unsupported startup parameter") != std::string::npos ||
        words.find("not supported by admin console") != std::string::npos)
        return pooler_trouble(whom);
    if (sqlstate.starts_with("28"))
        return login_trouble(sqlstate, words, whom);
    if (sqlstate == "3D000") {
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} has no database \"{}\".", whom.where, whom.database);
        t.next_step = "Check the name; the database \"postgres\" is there on most servers.";
    } else if (sqlstate == "53300") {
        t.sentence =
            fmt::format("{} has no free slot for user \"{}\": {}.", whom.where, whom.user, words);
        t.next_step = full_step(words);
        t.retry = std::chrono::seconds{2};
    } else if (sqlstate == "57P03") {
        t.sentence = fmt::format("{} does not take connections yet: {}.", whom.where, words);
        t.next_step = "It is starting, stopping or recovering; it is tried again every second.";
        t.retry = std::chrono::seconds{1};
    } else if (sqlstate == "57P01" || sqlstate == "57P02") {
        t.sentence = fmt::format("{} ended the connection: {}.", whom.where, words);
        t.next_step = "The server is stopping, or someone ended Poolscope's session. It is tried "
                      "again.";
        t.retry = std::chrono::seconds{1};
    } else if (sqlstate == "57014") {
        t.sentence = fmt::format("{} took longer for a poll than Poolscope allows itself: {}.",
                                 whom.where, words);
        t.next_step = "The server is very busy. Poolscope asks less often.";
    } else if (sqlstate == "42501") {
        t.sentence = fmt::format("{} does not let user \"{}\" read what sessions do: {}.",
                                 whom.where, whom.user, words);
        t.next_step =
            fmt::format("Have a superuser run: GRANT pg_monitor TO {};", sql_name(whom.user));
    } else if (sqlstate.starts_with("08")) {
        t.sentence = fmt::format("The connection to {} failed: {}.", whom.where, words);
        t.next_step = "It is tried again.";
    } else {
        t.sentence = fmt::format("{} says: {}.", whom.where, words);
        t.next_step = "The server's own log may tell more. It is tried again.";
    }
    return t;
}

namespace {

std::string tls_step(std::string_view words)
{
    const auto says = [&](std::string_view part) {
        return words.find(part) != std::string_view::npos;
    };
    if (says("does not support SSL"))
        return "Have ssl = on set on the server; or, where the network between is trusted, attach "
               "with sslmode=prefer.";
    if (says("does not match host name"))
        return "Give the host by the name that stands in the server's certificate; "
               "sslmode=verify-ca checks the issuer only.";
    if (says("verify failed") || says("root certificate") || says("self-signed") ||
        says("self signed"))
        return "Give the certificate of the authority that signed the server's with "
               "sslrootcert=FILE; sslmode=require does not check it.";
    return "Check sslmode, sslrootcert and the host name; sslmode=prefer also takes a server "
           "without TLS.";
}

bool hung_up(std::string_view words)
{
    for (const std::string_view part :
         {"closed the connection unexpectedly", "reset by peer", "server terminated abnormally"}) {
        if (words.find(part) != std::string_view::npos)
            return true;
    }
    return false;
}

/// Where no server spoke in its own protocol: libpq's words, and what they mean.
std::string other_step(std::string_view words)
{
    const auto says = [&](std::string_view part) {
        return words.find(part) != std::string_view::npos;
    };
    if (says("session is read-only") || says("session is not read-only") ||
        says("hot standby mode"))
        return "No server of the list is of the kind that target_session_attrs asks for: a "
               "failover may be under way. It is tried again.";
    if (says("expected authentication request") || says("invalid response"))
        return "Something other than PostgreSQL seems to listen there: check the port.";
    if (hung_up(words))
        return "It hung up before it let us in: it may restart just now, or a proxy or firewall "
               "between cut the connection. It is tried again.";
    return "It is tried again.";
}

} // namespace

PgTrouble connect_trouble(std::string_view message, const PgWhom& whom, bool needs_password)
{
    std::string sqlstate, words;
    PgTrouble t;
    if (needs_password) {
        t.kind = Kind::password;
        t.sentence = fmt::format("{} wants a password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give it, or put it into ~/.pgpass.";
        return t;
    }
    if (find_sqlstate(message, sqlstate, words)) {
        t = server_trouble(sqlstate, words, whom);
        t.words = words;
        if (sqlstate == "42501") { // before we are in, it is the database that is closed to us
            t.kind = Kind::persistent;
            t.sentence = fmt::format("{} does not let user \"{}\" into database \"{}\": {}.",
                                     whom.where, whom.user, whom.database, words);
            t.next_step = fmt::format("Attach to another database of this server, such as "
                                      "\"postgres\", or have a superuser run: GRANT CONNECT ON "
                                      "DATABASE {} TO {};",
                                      sql_name(whom.database), sql_name(whom.user));
        }
        if (t.kind == Kind::password && !whom.password_given)
            t.next_step = "Give the right password, or correct the entry in ~/.pgpass.";
        return t;
    }
    words = last_words(message);
    if (words.find("unsupported startup parameter") != std::string::npos)
        return whom.console ? console_trouble({}, words, whom) : pooler_trouble(whom);
    if (names_errno(message, ECONNREFUSED)) {
        t.sentence = fmt::format("Nothing listens at {}.", whom.where);
        t.next_step = "Check the port, and that the server is running and listens on this address.";
    } else if (names_errno(message, ENOENT)) {
        t.sentence = fmt::format("There is no server at {}.", whom.where);
        t.next_step = "Check that the server is running, or give its host name with host=….";
    } else if (names_errno(message, EHOSTUNREACH) || names_errno(message, ENETUNREACH)) {
        t.sentence = fmt::format("There is no way through the network to {}.", whom.where);
        t.next_step = "Check the address, the network or VPN; --ssh HOST goes through a bastion.";
    } else if (names_tls(words)) {
        t.kind = Kind::persistent;
        t.sentence = fmt::format("TLS with {} failed: {}.", whom.where, words);
        t.next_step = tls_step(words);
    } else {
        t.sentence = fmt::format("The connection to {} failed: {}.", whom.where, words);
        t.next_step = other_step(words);
        if (whom.tunnel && hung_up(words)) { // ssh has no other way to say that nothing listens
            t.sentence = fmt::format("{} hung up before it let us in.", whom.where);
            t.next_step = "Nothing may listen there, or that host may not reach it. It is tried "
                          "again.";
        }
    }
    return t;
}

} // namespace poolscope
