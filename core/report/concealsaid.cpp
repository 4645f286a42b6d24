// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealsaid.h"

#include "core/model/refusal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace poolscope::report {

namespace {

/// By a word that the sentence has, the first that fits.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> troubles{{
    {"password", "It refused the login."},
    {"log in", "It refused the login."},
    {"login", "It refused the login."},
    {"authentication", "It refused the login."},
    {"token", "It refused the login."},
    {"certificate", "An encrypted connection could not be made."},
    {"TLS", "An encrypted connection could not be made."},
    {"ssh", "The way through ssh failed."},
    {"resolve", "Its name could not be resolved."},
    {"Nothing listens", "Nothing listens there."},
    {"does not exist", "What was asked for does not exist there."},
    {"answer", "It did not answer."},
    {"timed out", "It did not answer."},
    {"closed", "The connection was closed."},
}};

std::string trouble_in(std::string_view sentence)
{
    for (const auto& [word, told] : troubles) {
        if (sentence.find(word) != std::string_view::npos)
            return std::string{told};
    }
    return "It could not be reached.";
}

} // namespace

std::string told_of(const TargetStatus& status)
{
    const Refusal refusal = refusal_of(status);
    if (status.reach == Reach::up)
        return refusal == Refusal::full
                   ? "It refused connections lately: all of max_connections were taken."
                   : std::string{};
    switch (refusal) {
    case Refusal::full:
        return "The server has no free slot.";
    case Refusal::clients:
        return "The pooler takes no more clients.";
    case Refusal::not_ready:
        return "The server does not take connections yet.";
    case Refusal::none:
        break;
    }
    if (status.reach == Reach::connecting || status.sentence == "Detached.")
        return status.reach == Reach::connecting ? std::string{} : status.sentence;
    return trouble_in(status.sentence);
}

std::string told_of_gap(std::string_view reason)
{
    constexpr std::string_view ours[] = {"", "detached", "The server knows nothing of this time."};
    return std::find(std::begin(ours), std::end(ours), reason) != std::end(ours)
               ? std::string{reason}
               : trouble_in(reason);
}

std::string told_of_action(std::string_view sentence)
{
    constexpr std::string_view known[] = {
        "idle",    "in", "transaction", "tx",  "(aborted)", "aborted", "active",
        "waiting", "a",  "lock",        "for", "ms",        "min",     "s",
        "h",       "d",  "days",        "day", "checkout,", "out",     "open"};
    if (sentence.empty())
        return {};
    const std::size_t comma = sentence.rfind(", ");
    std::string_view rest = comma == std::string_view::npos ? sentence : sentence.substr(comma + 2);
    std::string told{rest};
    while (!rest.empty()) {
        const std::string_view word = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), word.size() + 1));
        const bool number = word.find_first_not_of("0123456789.") == std::string_view::npos;
        if ((number && word.size() > 6) ||
            (!number && std::find(std::begin(known), std::end(known), word) == std::end(known)))
            return "(left out)";
    }
    return told;
}

} // namespace poolscope::report
