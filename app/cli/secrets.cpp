// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/secrets.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace poolscope {

namespace {

constexpr auto none = std::string_view::npos;

bool isSpace(char c)
{
    return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// user:password@ of a URL. A password with an unescaped '/' still counts.
void findUserInfo(std::string_view url, std::size_t authority, std::vector<Span>& found)
{
    const std::size_t end = std::min(url.find_first_of("?#", authority), url.size());
    const std::size_t at = url.substr(0, end).rfind('@');
    if (at == none || at < authority)
        return;
    const std::size_t colon = url.find(':', authority);
    if (colon == none || colon >= at)
        return;
    const std::size_t slash = url.find('/', authority);
    if (slash < at) {
        // "host:5432/name@x" holds none: what follows the colon is a port.
        const std::string_view port = url.substr(colon + 1, slash - colon - 1);
        if (slash < colon || port.find_first_not_of("0123456789,") == none)
            return;
    }
    if (at > colon + 1)
        found.push_back({colon + 1, at - colon - 1});
}

void findParameters(std::string_view url, std::size_t from, std::vector<Span>& found)
{
    for (std::size_t at = url.find('?', from); at != none; at = url.find('&', at + 1)) {
        const std::string_view rest = url.substr(at + 1);
        const std::size_t equals = rest.find('=');
        if (equals == none)
            return;
        const std::string_view key = rest.substr(0, equals);
        if (key != "password" && key != "sslpassword")
            continue;
        const std::size_t begin = at + 1 + equals + 1;
        const std::size_t end = std::min(url.find('&', begin), url.size());
        if (end > begin)
            found.push_back({begin, end - begin});
    }
}

/// The end of a conninfo's value that begins at `begin`.
std::size_t endOfValue(std::string_view text, std::size_t begin)
{
    const bool quoted = begin < text.size() && text[begin] == '\'';
    for (std::size_t i = begin + (quoted ? 1 : 0); i < text.size(); ++i) {
        if (text[i] == '\\')
            ++i;
        else if (quoted ? text[i] == '\'' : isSpace(text[i]))
            return i;
    }
    return text.size();
}

void findKeywords(std::string_view text, std::vector<Span>& found)
{
    constexpr std::string_view key = "password";
    for (std::size_t at = text.find(key); at != none; at = text.find(key, at + 1)) {
        std::size_t i = at + key.size();
        while (i < text.size() && isSpace(text[i]))
            ++i;
        if (i >= text.size() || text[i] != '=')
            continue;
        for (++i; i < text.size() && isSpace(text[i]);)
            ++i;
        const std::size_t end = endOfValue(text, i);
        if (i < end && text[i] == '\'')
            ++i;
        if (end > i)
            found.push_back({i, end - i});
    }
}

} // namespace

std::vector<Span> passwordsIn(std::string_view argument)
{
    std::vector<Span> found;
    const std::size_t scheme = argument.find("://");
    const bool isUrl = scheme != none && argument.substr(0, scheme).find_first_of(" '=") == none;
    if (isUrl) {
        findUserInfo(argument, scheme + 3, found);
        findParameters(argument, scheme + 3, found);
    } else {
        findKeywords(argument, found);
    }
    return found;
}

std::string_view secretPlace(std::string_view target)
{
    if (target.starts_with("mysql://") || target.starts_with("mariadb://"))
        return "~/.my.cnf or MYSQL_PWD";
    if (target.starts_with("prometheus+") || target.starts_with("expvar+"))
        return "POOLSCOPE_METRICS_TOKEN";
    if (target.starts_with("pool://") || target.starts_with("pool+") || target == "demo:")
        return "POOLSCOPE_TOKEN";
    return "~/.pgpass or PGPASSWORD";
}

std::string TakenArguments::scrub(std::string message) const
{
    for (const std::string& secret : secrets) {
        for (std::size_t at = message.find(secret); at != std::string::npos;
             at = message.find(secret, at + 3))
            message.replace(at, secret.size(), "***");
    }
    return message;
}

TakenArguments takeArguments(int argc, char** argv)
{
    TakenArguments taken;
    for (int i = 1; i < argc; ++i) {
        const std::string& argument = taken.arguments.emplace_back(argv[i]);
        const std::vector<Span> found = passwordsIn(argument);
        const std::string_view place = secretPlace(argument);
        if (!found.empty() && taken.places.find(place) == std::string::npos)
            (taken.places += taken.places.empty() ? "" : ", ") += place;
        for (const Span& span : found) {
            taken.secrets.push_back(argument.substr(span.begin, span.size));
            std::memset(argv[i] + span.begin, '*', span.size);
        }
    }
    return taken;
}

} // namespace poolscope
