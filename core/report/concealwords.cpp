// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealer.h"
#include "core/report/concealtext.h"

#include <algorithm>

namespace poolscope::report {

namespace {

constexpr std::size_t longest_looked_up = 255;

/// What begins there and may be a name with these characters in it.
std::string_view name_at(std::string_view rest, std::string_view also)
{
    std::size_t end = 0;
    while (end < rest.size() && end <= longest_looked_up &&
           (word_character(rest[end]) || also.find(rest[end]) != std::string_view::npos))
        ++end;
    while (end > 0 && !word_character(rest[end - 1]))
        --end;
    return rest.substr(0, end);
}

std::string_view word_at(std::string_view rest)
{
    std::size_t end = 0;
    while (end < rest.size() && word_character(rest[end]))
        ++end;
    return rest.substr(0, end);
}

bool introduces_user(std::string_view word)
{
    if (word.size() > 13)
        return false;
    const std::string lower = in_lower_case(word);
    return lower == "user" || lower == "role" || lower == "to" || lower == "authorization";
}

std::size_t ipv4_length(std::string_view text)
{
    std::size_t at = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9')
            ++at;
        if (at == from || at - from > 3)
            return 0;
        if (part < 3 && (at >= text.size() || text[at++] != '.'))
            return 0;
    }
    return at;
}

/// Not a time, nor a cast.
std::size_t ipv6_length(std::string_view text)
{
    const std::size_t end =
        std::min(text.find_first_not_of("0123456789abcdefABCDEF:."), text.size());
    const std::string_view all = text.substr(0, end);
    const bool whole = end == text.size() || !word_character(text[end]);
    const auto colons = std::count(all.begin(), all.end(), ':');
    const bool digits = all.find_first_of("0123456789") != std::string_view::npos;
    const bool shortened = all.find("::") != std::string_view::npos;
    return whole && digits && end <= 45 && colons >= 2 && (shortened || colons == 7) ? end : 0;
}

/// "laptop7.corp.example"
bool is_domain(std::string_view name)
{
    const auto dots = std::count(name.begin(), name.end(), '.');
    const std::size_t last = name.rfind('.');
    return dots >= 2 && last + 2 < name.size() &&
           name.substr(last + 1).find_first_of("0123456789") == std::string_view::npos;
}

} // namespace

bool word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

std::string in_lower_case(std::string_view text)
{
    std::string lower{text};
    for (char& c : lower)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return lower;
}

std::size_t address_length(std::string_view text)
{
    const std::size_t length = ipv4_length(text);
    return length > 0 ? length : ipv6_length(text.substr(0, 64));
}

std::string_view port_alone(std::string_view rest)
{
    return rest.size() >= 2 && rest.size() <= 6 && rest[0] == ':' &&
                   rest.find_first_not_of("0123456789", 1) == std::string_view::npos
               ? rest
               : std::string_view{};
}

bool tells_place(std::string_view text)
{
    if (text.starts_with('/') || text.find(" /") != std::string_view::npos ||
        text.find("://") != std::string_view::npos || text.find('\\') != std::string_view::npos ||
        text.find("/home/") != std::string_view::npos || text.find('@') != std::string_view::npos)
        return true;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (at > 0 && (word_character(text[at - 1]) || text[at - 1] == '.'))
            continue;
        if (address_length(text.substr(at)) > 0 || is_domain(name_at(text.substr(at), ".-")))
            return true;
    }
    return false;
}

std::string Concealer::replaced(std::string_view text, Within within) const
{
    std::string out;
    out.reserve(text.size());
    bool introduced = false;
    const auto find = [](const Names& names, std::string_view name) {
        const auto known = names.find(std::string(name));
        return known == names.end() ? nullptr : &known->second.str();
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view rest = text.substr(at);
        if (const std::size_t length = address_length(rest);
            length > 0 && (at == 0 || !word_character(text[at - 1]))) {
            const std::string* const host =
                find(host_names_, in_lower_case(rest.substr(0, length)));
            out += host ? *host : "address";
            at += length;
            continue;
        }
        if (!word_character(text[at])) {
            if (std::string_view{" \t\n\"'`=:"}.find(text[at]) == std::string_view::npos)
                introduced = false;
            out += text[at++];
            continue;
        }
        const std::string_view word = word_at(rest);
        const std::string* known = nullptr;
        std::size_t length = 0;
        for (const std::string_view name : {name_at(rest, "@.-+$#"), name_at(rest, ".-"), word}) {
            if (name.empty() || name.size() > longest_looked_up)
                continue;
            length = name.size();
            // A table may be called like a host, but not like one with its domain.
            if (within != Within::statement || name.find('.') != std::string_view::npos)
                known = find(host_names_, in_lower_case(name));
            // A number in a label is one of its own: a version, a thread.
            const bool number = name.find_first_not_of("0123456789.-+") == std::string_view::npos;
            if (!known && (introduced || (within == Within::label && !number)))
                known = find(user_names_, name);
            if (known)
                break;
        }
        out += known ? std::string_view(*known) : word;
        introduced = !known && introduces_user(word);
        at += known ? length : word.size();
    }
    return out;
}

bool Concealer::names_somebody(std::string_view text) const
{
    return replaced(text, Within::label) != text;
}

Text Concealer::user(const Text& name) const
{
    if (name.empty() || name.str() == "?")
        return name;
    const auto known = user_names_.find(name.str());
    return known == user_names_.end() ? Text{"?"} : known->second;
}

Text Concealer::host(std::string_view name) const
{
    if (is_nobody(name))
        return Text{std::string(name)};
    const auto known = host_names_.find(in_lower_case(name));
    return known == host_names_.end() ? Text{"?"} : known->second;
}

Text Concealer::caller(const Text& name) const
{
    if (name.empty() || name.str() == "?")
        return name;
    const auto known = caller_names_.find(name.str());
    return known == caller_names_.end() ? Text{"?"} : known->second;
}

Text Concealer::application(const Text& name) const
{
    if (name.empty() || name.str() == "?")
        return name;
    const auto known = application_names_.find(name.str());
    return known == application_names_.end() ? Text{"?"} : known->second;
}

Text Concealer::pool(const Text& name) const
{
    if (name.empty())
        return name;
    const auto known = pool_names_.find(name.str());
    return known == pool_names_.end() ? Text{"?"} : known->second;
}

Text Concealer::database(const Text& name) const
{
    return tells_place(name.str()) ? Text{"?"} : name;
}

Text Concealer::way(const Text& url) const
{
    if (url.empty())
        return url;
    std::string_view rest = url.str();
    if (rest.starts_with("sqlite"))
        return Text{"sqlite:?"};
    const std::size_t scheme = rest.find("://");
    std::string way;
    if (scheme != std::string_view::npos) {
        way = rest.substr(0, scheme + 3);
        rest.remove_prefix(scheme + 3);
        constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        if (way.size() > 40 ||
            way.find_first_not_of(std::string{letters} + "0123456789+:/") != std::string::npos)
            return Text{"?"};
    } else if (rest.find_first_of("= ") != std::string_view::npos) {
        return Text{"?"};
    }
    rest = rest.substr(0, rest.find_first_of("?;#"));
    const std::size_t slash = rest.find('/');
    std::string_view hosts = rest.substr(0, slash);
    hosts = hosts.substr(hosts.rfind('@') + 1);
    for (bool first = true; first || !hosts.empty(); first = false) {
        const std::string_view one = hosts.substr(0, hosts.find(','));
        hosts.remove_prefix(std::min(hosts.size(), one.size() + 1));
        const AddressParts parts = parts_of_address(one);
        way += (first ? "" : ",") + host(parts.host).str();
        way += port_alone(parts.rest);
    }
    if (slash != std::string_view::npos)
        way += '/' + database(Text{std::string(rest.substr(slash + 1))}).str();
    return Text{way};
}

std::string Concealer::label(std::string_view text) const
{
    std::string out;
    while (!text.empty()) {
        std::string_view token = text.substr(0, text.find(' '));
        text.remove_prefix(token.size());
        token = token.substr(token.find_last_of("/\\") + 1);
        out += token.find_first_of("@=") != std::string_view::npos || is_domain(token)
                   ? std::string{"?"}
                   : replaced(token, Within::label);
        if (text.starts_with(' ')) {
            out += ' ';
            text.remove_prefix(1);
        }
    }
    return out;
}

} // namespace poolscope::report
