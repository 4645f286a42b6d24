// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/markup.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace poolscope::report {

namespace {

std::string escaped(const std::string& text)
{
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (const char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

/// U+FFFE and U+FFFF are no characters of XML.
std::string without_noncharacters(std::string text)
{
    for (std::size_t at = 0; (at = text.find("\xEF\xBF", at)) != std::string::npos; at += 3) {
        const char last = at + 2 < text.size() ? text[at + 2] : '\0';
        if (last == '\xBE' || last == '\xBF')
            text[at + 2] = '\xBD';
    }
    return text;
}

} // namespace

std::string safe(std::string_view untrusted, std::size_t most_bytes)
{
    return escaped(without_noncharacters(plain_line(untrusted, most_bytes)));
}

std::string safe_lines(std::string_view untrusted, std::size_t most_bytes)
{
    return escaped(without_noncharacters(plain_text(untrusted, most_bytes)));
}

Duration Calendar::offset(Timestamp at) const
{
    if (utc_)
        return {};
    const std::time_t seconds =
        std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
    std::tm local{};
    return localtime_r(&seconds, &local) != nullptr ? std::chrono::seconds{local.tm_gmtoff}
                                                    : Duration{};
}

Calendar Calendar::spanning(Timestamp from, Timestamp to) const
{
    Calendar calendar{utc_};
    calendar.days_ = day_and_time(from).substr(0, 10) != day_and_time(to).substr(0, 10);
    return calendar;
}

std::string Calendar::time(Timestamp at) const
{
    const std::string text = day_and_time(at);
    return text.substr(days_ ? 5 : 11);
}

std::string Calendar::day_and_time(Timestamp at) const
{
    const std::string text = format_iso8601(at + offset(at));
    return text.substr(0, 10) + ' ' + text.substr(11, 8);
}

std::string Calendar::zone(Timestamp at) const
{
    const auto minutes = std::chrono::floor<std::chrono::minutes>(offset(at)).count();
    if (minutes == 0)
        return "UTC";
    const auto size = minutes < 0 ? -minutes : minutes;
    return fmt::format("UTC{}{:02}:{:02}", minutes < 0 ? '-' : '+', size / 60, size % 60);
}

std::string without_numbers(std::string_view sentence)
{
    std::string out;
    bool after_number = false;
    while (!sentence.empty()) {
        const std::string_view word = sentence.substr(0, sentence.find(' '));
        sentence.remove_prefix(std::min(sentence.size(), word.size() + 1));
        const std::size_t first = std::min(word.find_first_not_of("([+-"), word.size());
        const std::size_t end = word.find_last_not_of(",.;:)]%") + 1;
        const std::string_view core = end > first ? word.substr(first, end - first) : word;
        // With thin spaces between thousands.
        const bool number =
            core.find_first_of("0123456789") != std::string_view::npos &&
            core.find_first_not_of("0123456789.\xE2\x80\x89") == std::string_view::npos;
        const bool unit = after_number && (core == "ms" || core == "s" || core == "min" ||
                                           core == "h" || core == "d" || core == "us");
        if (number || unit) {
            if (!after_number)
                out += out.empty() ? "#" : " #";
            out += word.substr(std::min(word.size(), first + core.size()));
        } else {
            out += out.empty() ? "" : " ";
            out += word;
        }
        after_number = (number || unit) && word.size() == first + core.size();
    }
    return out;
}

} // namespace poolscope::report
