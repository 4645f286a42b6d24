// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/lostconnection.h"

#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

std::string ended_ago(Timestamp since, Timestamp now)
{
    return format_duration_prose(std::max(Duration{0}, now - since)) + " ago";
}

} // namespace

std::string lost_in_words(const std::vector<LostConnection>& lost, const Checkout& checkout,
                          Timestamp now)
{
    const ConnectionKey key{checkout.pool, checkout.connection};
    const auto found =
        std::lower_bound(lost.begin(), lost.end(), key, [](const auto& each, const auto& wanted) {
            return each.connection < wanted;
        });
    if (found == lost.end() || !(found->connection == key))
        return {};
    return fmt::format("The server ended its session {} {}, or the way there was lost: the "
                       "connection fails at its next use.",
                       found->session.pid.value, ended_ago(found->since, now));
}

std::string lost_in_words(const std::vector<LostConnection>& lost, const Text& pool, Timestamp now)
{
    constexpr std::int64_t most = 8;
    std::int64_t count = 0, lent = 0;
    Timestamp latest = Timestamp::min();
    std::string sessions;
    for (const LostConnection& each : lost) {
        if (each.connection.pool != pool)
            continue;
        if (++count <= most)
            sessions += fmt::format("{}{}", count == 1 ? "" : ", ", each.session.pid.value);
        lent += each.lent ? 1 : 0;
        latest = std::max(latest, each.since);
    }
    if (count == 0)
        return {};
    if (count > most)
        sessions += fmt::format(" and {} more", count - most);
    return fmt::format("lists {} that the server ended, or lost the way to (session{} {}), the "
                       "latest {}; {} lent. Each fails at its next use.",
                       count_of(count, "connection"), count == 1 ? "" : "s", sessions,
                       ended_ago(latest, now),
                       lent == 0   ? "none is"
                       : lent == 1 ? "1 is"
                                   : fmt::format("{} are", lent));
}

} // namespace poolscope
