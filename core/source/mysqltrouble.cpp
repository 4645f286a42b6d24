// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqltrouble.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace poolscope {

namespace {

using Kind = PgTrouble::Kind;
constexpr std::size_t longest_mysql_words = 600;

bool mysql_says(std::string_view words, std::string_view part)
{
    return words.find(part) != std::string_view::npos;
}

std::string cleaned(std::string_view words)
{
    std::string text = plain_line(words, longest_mysql_words);
    while (!text.empty() && (text.back() == '.' || text.back() == ' '))
        text.pop_back();
    return text;
}

PgTrouble refused_login(const PgWhom& whom)
{
    PgTrouble t;
    t.kind = Kind::password;
    if (whom.password_given) {
        t.sentence = fmt::format("{} refused the password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give the right password, or correct the one in ~/.my.cnf; check the user's "
                      "name, and that this account may come from this machine.";
    } else {
        t.sentence = fmt::format("{} wants a password for user \"{}\".", whom.where, whom.user);
        t.next_step = "Give it, or put it into ~/.my.cnf, group [client] or [poolscope].";
    }
    return t;
}

std::string mysql_tls_step(std::string_view words)
{
    if (mysql_says(words, "does not support") || mysql_says(words, "no TLS"))
        return "Have the server set up with a certificate (ssl_cert, ssl_key); or, where the "
               "network between is trusted, attach with ssl-mode=preferred.";
    if (mysql_says(words, "Validation of SSL server certificate") ||
        mysql_says(words, "Hostname verification"))
        return "Give the host by the name that stands in the server's certificate; "
               "ssl-mode=verify_ca checks the issuer only.";
    if (mysql_says(words, "certificate") || mysql_says(words, "self-signed") ||
        mysql_says(words, "self signed"))
        return "Give the certificate of the authority that signed the server's with ssl-ca=FILE; "
               "ssl-mode=required does not check it.";
    return "Check ssl-mode, ssl-ca and the host name; ssl-mode=preferred also takes a server "
           "without TLS.";
}

PgTrouble unreachable(const MySqlError& error, const PgWhom& whom)
{
    PgTrouble t;
    const std::string_view words = error.words;
    const auto is = [&](int code) {
        return error.system == code || mysql_says(words, fmt::format("({})", code)) ||
               mysql_says(words, std::strerror(code));
    };
    if (is(ECONNREFUSED)) {
        t.sentence = fmt::format("Nothing listens at {}.", whom.where);
        t.next_step = "Check the port, and that the server is running and listens on this address "
                      "(bind_address, skip_networking).";
    } else if (is(ENOENT) || is(ENOTSOCK) || is(ENOTDIR)) {
        t.sentence = fmt::format("There is no server at {}.", whom.where);
        t.next_step = "Check that the server is running and where its socket is (?socket=/PATH), "
                      "or give its host: mysql://USER@127.0.0.1:3306/.";
    } else if (is(EACCES)) {
        t.kind = Kind::persistent;
        t.sentence = fmt::format("This user may not open {}.", whom.where);
        t.next_step = "Ask for rights to the socket's folder, or give the server's host and port.";
    } else if (is(EHOSTUNREACH) || is(ENETUNREACH)) {
        t.sentence = fmt::format("There is no way through the network to {}.", whom.where);
        t.next_step = "Check the address, the network or VPN; --ssh HOST goes through a bastion.";
    } else {
        t.sentence = fmt::format("The connection to {} failed: {}.", whom.where, cleaned(words));
        t.next_step = "It is tried again.";
    }
    return t;
}

/// A server that is full or has blocked us says so before TLS; the library then wraps its words in
/// its own: "… cannot be verified: 1040 - Too many connections".
std::optional<MySqlError> before_tls(const MySqlError& error)
{
    constexpr std::string_view mark = "cannot be verified: ";
    const std::size_t at = error.words.find(mark);
    if (error.number != 2002 || at == std::string::npos)
        return std::nullopt;
    const std::string_view rest = std::string_view{error.words}.substr(at + mark.size());
    MySqlError inner;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), inner.number);
    const std::size_t dash = rest.find(" - ");
    if (parsed.ec != std::errc{} || dash == std::string_view::npos || inner.number == 0 ||
        (inner.number >= 2000 && inner.number < 3000))
        return std::nullopt;
    inner.words = std::string{rest.substr(dash + 3)};
    return inner;
}

} // namespace

bool mysql_was_cut(const MySqlError& error)
{
    if (error.number != 2026)
        return false;
    // OpenSSL 3's own words; then the system's, which end in the number. OpenSSL 1.1 left an end
    // without a goodbye at "no error". The last ones are GnuTLS's.
    for (const std::string_view words :
         {"unexpected eof", "non-properly terminated", "Error in the pull function",
          "Error in the push function"}) {
        if (mysql_says(error.words, words))
            return true;
    }
    for (const int code : {0, ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN, ETIMEDOUT, EHOSTUNREACH,
                           ENETUNREACH, ENETRESET}) {
        if (error.words.ends_with(fmt::format(" ({})", code)))
            return true;
    }
    return false;
}

bool mysql_is_closed(unsigned int error)
{
    switch (error) {
    case 1044: // database denied
    case 1054: // no such column
    case 1109: // no such table of information_schema
    case 1142: // table denied
    case 1143: // column denied
    case 1146: // no such table
    case 1227: // privilege missing
        return true;
    default:
        return false;
    }
}

std::string mysql_account(std::string_view current_user)
{
    const std::size_t at = current_user.rfind('@');
    const auto quoted = [](std::string_view name) {
        std::string text = "`";
        for (const char c : plain_line(name, 256)) {
            if (c == '`')
                text += c;
            text += c;
        }
        return text + '`';
    };
    if (at == std::string_view::npos)
        return quoted(current_user);
    return quoted(current_user.substr(0, at)) + '@' + quoted(current_user.substr(at + 1));
}

PgTrouble mysql_server_trouble(const MySqlError& error, const PgWhom& whom)
{
    const std::string words = cleaned(error.words);
    PgTrouble t;
    t.sqlstate = plain_line(error.sqlstate, 8);
    t.words = words;
    switch (error.number) {
    case 1040: // too many connections
        t.sentence = fmt::format("{} has no free connection: {}.", whom.where, words);
        t.next_step =
            "All of max_connections are taken. The server keeps one more for an account "
            "with CONNECTION ADMIN (or SUPER): attach as one, or through extra_port where "
            "it is set. It is tried again every 2 s.";
        t.retry = std::chrono::seconds{2};
        break;
    case 1203: // of a user's own limit
    case 1226:
        t.sentence = fmt::format("{} has no free connection for user \"{}\": {}.", whom.where,
                                 whom.user, words);
        t.next_step = "It is the account's own limit (max_user_connections): attach as another "
                      "user, or have it raised. It is tried again every 2 s.";
        t.retry = std::chrono::seconds{2};
        break;
    case 1044: // no right to the database
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} does not let user \"{}\" into database \"{}\".", whom.where,
                                 whom.user, whom.database);
        t.next_step = "Leave the database out of the address: Poolscope needs none.";
        break;
    case 1049:
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} has no database \"{}\".", whom.where, whom.database);
        t.next_step = "Check the name, or leave it out: Poolscope needs none.";
        break;
    case 1129:
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} has blocked this machine after too many failed connections.",
                                 whom.where);
        t.next_step = "Have FLUSH HOSTS run there (or mysqladmin flush-hosts), and "
                      "max_connect_errors raised if it comes back; then attach again.";
        break;
    case 1130:
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} lets no account in from this machine: {}.", whom.where, words);
        t.next_step = "Have an account made for this address, such as 'user'@'10.%', or go through "
                      "a machine that is let in with --ssh HOST.";
        break;
    case 1227: // a privilege is missing
    case 1142:
    case 1143:
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} does not let user \"{}\" read what sessions do: {}.",
                                 whom.where, whom.user, words);
        t.next_step = fmt::format("Have an administrator run: GRANT PROCESS ON *.* TO {};",
                                  mysql_account(whom.user));
        break;
    case 1053:
    case 1077:
        t.sentence = fmt::format("{} is shutting down.", whom.where);
        t.next_step = "It is tried again every second.";
        t.retry = std::chrono::seconds{1};
        break;
    case 1317: // KILL QUERY: the session goes on
        t.sentence = fmt::format("{} interrupted Poolscope's poll: {}.", whom.where, words);
        t.next_step = "Someone cancelled the statement, or the server is stopping. It is tried "
                      "again.";
        t.retry = std::chrono::seconds{1};
        break;
    case 1927:
        t.sentence = fmt::format("{} ended Poolscope's session: {}.", whom.where, words);
        t.next_step = "Someone killed it. It is tried again.";
        t.retry = std::chrono::seconds{1};
        break;
    case 1969: // max_statement_time
    case 3024: // max_execution_time
    case 1205:
        t.sentence = fmt::format("{} took longer for a poll than Poolscope allows itself: {}.",
                                 whom.where, words);
        t.next_step = "The server is very busy. Poolscope asks less often.";
        break;
    case 4031: // wait_timeout, told before the connection is closed
    case 1159:
    case 1161:
        t.sentence = fmt::format("{} closed the connection: {}.", whom.where, words);
        t.next_step = "It is tried again.";
        break;
    default:
        t.sentence = fmt::format("{} says: {}.", whom.where, words);
        t.next_step = "The server's own log may tell more. It is tried again.";
    }
    return t;
}

PgTrouble mysql_stripped_trouble(const PgWhom& whom)
{
    PgTrouble t;
    t.kind = Kind::persistent;
    t.sentence = fmt::format("{} offers no TLS, and without it would have the password of user "
                             "\"{}\" shown to whoever listens: it was not sent.",
                             whom.where, whom.user);
    t.next_step = "Have the server offer TLS. Where nobody can stand in between, attach with "
                  "ssl-mode=disabled: the password then goes under a key that the server shows.";
    return t;
}

PgTrouble mysql_connect_trouble(const MySqlError& error, const PgWhom& whom)
{
    if (const auto unproven = before_tls(error))
        return mysql_connect_trouble(*unproven, whom);
    const std::string words = cleaned(error.words);
    PgTrouble t;
    switch (error.number) {
    case 1045: // wrong user or password
    case 1698: // this account is not for this way in
        t = refused_login(whom);
        t.words = words;
        if (error.number == 1698 && !whom.password_given)
            t.next_step = "Give a password; an account that is bound to an operating system user "
                          "comes in through the socket only, as that user.";
        return t;
    case 1862: // expired
    case 1820:
        t.kind = Kind::persistent;
        t.sentence =
            fmt::format("The password of user \"{}\" at {} has expired.", whom.user, whom.where);
        t.next_step = "Set a new one with the server's own client, then attach again.";
        return t;
    case 4151:
    case 3118:
        t.kind = Kind::persistent;
        t.sentence =
            fmt::format("The account of user \"{}\" at {} is locked.", whom.user, whom.where);
        t.next_step = "Have it unlocked with ALTER USER … ACCOUNT UNLOCK, or attach as another.";
        return t;
    case 3159: // require_secure_transport
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} takes encrypted connections only.", whom.where);
        t.next_step = "Attach with ssl-mode=required.";
        return t;
    case 2002:
    case 2003:
    case 2004:
        return unreachable(error, whom);
    case 2026:
        if (mysql_was_cut(error)) {
            t.sentence = fmt::format("{} hung up while TLS was set up with it.", whom.where);
            t.next_step =
                "It may restart just now, or a proxy or firewall between cut the connection. It is "
                "tried again, with TLS. Should it hang up each time, it may know no version of TLS "
                "that this machine takes: ssl-mode=disabled does without, where the network "
                "between is trusted.";
            return t;
        }
        t.kind = Kind::persistent;
        t.sentence = fmt::format("TLS with {} failed: {}.", whom.where, words);
        t.next_step = mysql_tls_step(words);
        return t;
    case 2059:
    case 2054:
    case mysql_login_not_allowed:
        t.kind = Kind::persistent;
        t.sentence = fmt::format("{} wants a way to log in that is not available here: {}.",
                                 whom.where, words);
        t.next_step = "Where it is sent in the clear, it needs ssl-mode=verify_identity or the "
                      "server's socket; where a server without TLS is meant, ssl-mode=disabled; "
                      "else use an account with another authentication plugin.";
        return t;
    case 2007:
    case 2012:
    case 2027:
        t.sentence = fmt::format("What answers at {} does not speak MySQL's protocol: {}.",
                                 whom.where, words);
        t.next_step =
            "Something other than MySQL or MariaDB seems to listen there: check the port.";
        return t;
    case 2006:
    case 2013:
        t.sentence = fmt::format("{} hung up before it let us in.", whom.where);
        t.next_step = "It may restart just now, or a proxy or firewall between cut the connection. "
                      "It is tried again.";
        return t;
    default:
        break;
    }
    return mysql_server_trouble(error, whom);
}

PgTrouble mysql_loss_trouble(const MySqlError& error, const PgWhom& whom)
{
    if (error.number != 0 && (error.number < 2000 || error.number >= 3000))
        return mysql_server_trouble(error, whom);
    PgTrouble t;
    t.sentence = fmt::format("The connection to {} was cut.", whom.where);
    t.next_step = "The server crashed, restarted or ended the session, or the network failed. It "
                  "is tried again.";
    return t;
}

} // namespace poolscope
