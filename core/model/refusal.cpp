// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/refusal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace poolscope {

namespace {

constexpr std::array<std::pair<std::string_view, Refusal>, 5> refusals{{
    {" has no free slot", Refusal::full},
    {" has no free connection", Refusal::full},
    {" takes no more clients", Refusal::clients},
    {" does not take connections yet", Refusal::not_ready},
    {" is shutting down.", Refusal::not_ready},
}};

/// Of a server that answers, among what else is to be said of it.
constexpr std::string_view refused_others = " lately: all of max_connections were taken.";

/// What stands before the server's own words, and before names in quotation marks.
std::string_view own_words(std::string_view sentence)
{
    return sentence.substr(0, std::min(sentence.find(": "), sentence.find('"')));
}

} // namespace

Refusal refusal_of(const TargetStatus& status)
{
    if (status.reach == Reach::up)
        return status.sentence.find(refused_others) != std::string::npos ? Refusal::full
                                                                         : Refusal::none;
    if (status.reach != Reach::failing)
        return Refusal::none;
    const std::string_view said = own_words(status.sentence);
    for (const auto& [words, refusal] : refusals) {
        if (said.find(words) != std::string_view::npos)
            return refusal;
    }
    return Refusal::none;
}

} // namespace poolscope
