// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgtrouble.h"

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

PgTrouble login_trouble(std::string_view sqlstate, std::string_view words, const PgWhom& whom)
{
    PgTrouble t;
    t.sqlstate = sqlstate;
    if (sqlstate == "28P01") {
        t.kind = Kind::password;
        t.sentence = fmt::format("{} refused the password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give the right password, or correct the entry in ~/.pgpass.";
        return t;
    }
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} does not let user \"{}\" in: {}.", whom.where, whom.user, words);
    t.next_step = names_tls(words) && words.find("no encryption") != std::string_view::npos
                      ? "The server has no rule in pg_hba.conf for this user, database and address "
                        "without TLS: try sslmode=require, or have a rule added."
                      : "Check the user's name, or have the server's pg_hba.conf let this user in "
                        "from this address.";
    return t;
}

} // namespace

PgTrouble pooler_trouble(const PgWhom& whom)
{
    PgTrouble t;
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} is PgBouncer or another pooler, not the database server itself.",
                             whom.where);
    t.next_step = "Give the server's own address and port. Attaching to the pooler itself, by "
                  "pgbouncer://, comes with a later version.";
    return t;
}

PgTrouble server_trouble(std::string_view sqlstate, std::string_view words_in, const PgWhom& whom)
{
    const std::string words = plain_line(words_in, longest_words);
    PgTrouble t;
    t.sqlstate = sqlstate;
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
        t.next_step = "It is tried again every 2 s. A superuser may use the slots that the server "
                      "reserves: attach as one to get in now.";
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
        t.next_step = fmt::format("Have a superuser run: GRANT pg_monitor TO \"{}\";", whom.user);
    } else if (sqlstate.starts_with("08")) {
        t.sentence = fmt::format("The connection to {} failed: {}.", whom.where, words);
        t.next_step = "It is tried again.";
    } else {
        t.sentence = fmt::format("{} says: {}.", whom.where, words);
        t.next_step = "It is tried again.";
    }
    return t;
}

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
        if (t.kind == Kind::password && !whom.password_given)
            t.next_step = "Give the right password, or correct the entry in ~/.pgpass.";
        return t;
    }
    words = last_words(message);
    if (words.find("unsupported startup parameter") != std::string::npos)
        return pooler_trouble(whom);
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
        t.next_step = "Check sslmode, sslrootcert and the host name; sslmode=prefer also takes a "
                      "server without TLS.";
    } else {
        t.sentence = fmt::format("The connection to {} failed: {}.", whom.where, words);
        t.next_step = "It is tried again.";
    }
    return t;
}

} // namespace poolscope
