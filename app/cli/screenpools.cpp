// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/cells.h"
#include "app/cli/prose.h"
#include "app/cli/screenparts.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

Paint paintOf(LeakSeverity severity)
{
    switch (severity) {
    case LeakSeverity::critical:
        return Paint::red;
    case LeakSeverity::alert:
        return Paint::amber;
    case LeakSeverity::none:
        break;
    }
    return Paint::none;
}

} // namespace

std::vector<ScreenLine> poolLines(const TargetSummary& target)
{
    std::size_t widest = 0;
    for (const Pool& pool : target.pools)
        widest = std::max(widest, std::size_t(display_width(cleaned(pool.name, 60))));
    std::vector<ScreenLine> lines;
    for (const Pool& pool : target.pools) {
        std::string line = "  " + fitted(cleaned(pool.name, 60), static_cast<int>(widest));
        Paint paint = Paint::none;
        line += pool.max ? fmt::format("  {} of {} used", number(pool.used), *pool.max)
                         : fmt::format("  {} used", number(pool.used));
        line += fmt::format("   {} idle   {} waiting", number(pool.idle), number(pool.pending));
        if (pool.timeouts)
            line += fmt::format("   {} timed out", *pool.timeouts);
        if (pool.wait_time && pool.wait_time->count > 0 && pool.wait_time->p99)
            line += "   wait p99 " + format_duration_prose(*pool.wait_time->p99);
        if (pool.use_time && pool.use_time->count > 0 && pool.use_time->p99)
            line += "   use p99 " + format_duration_prose(*pool.use_time->p99);
        if (!pool.health.empty() && pool.health.str() != "healthy" &&
            pool.health.str() != "unknown")
            line += "   " + cleaned(pool.health, 40);
        if (!pool.circuit.empty() && pool.circuit.str() != "closed")
            line += "   circuit " + cleaned(pool.circuit, 40);
        if (pool.pending.value_or(0) > 0)
            paint = Paint::purple;
        if (pool.max && *pool.max > 0 && pool.used && *pool.used >= *pool.max) {
            line += "   EXHAUSTED";
            paint = Paint::red;
        }
        lines.push_back({line, paint});
    }
    if (target.lost > 0)
        lines.push_back(
            {fmt::format("  {} events were lost by the agent", target.lost), Paint::amber});
    if (target.unreadable > 0)
        lines.push_back(
            {fmt::format("  {} lines of the agent could not be read", target.unreadable),
             Paint::amber});
    return lines;
}

ScreenLine suspectLine(const Place& place)
{
    return {fmt::format("  {:8}  {}  pool {}: {}", name_of(place.severity), placeWords(place),
                        cleaned(place.pool, 60), placeSentence(place)),
            paintOf(place.severity)};
}

std::vector<ScreenLine> placeLines(const Picture& picture, int columns, int rows)
{
    const bool several = std::count_if(picture.targets.begin(), picture.targets.end(),
                                       [](const auto& target) { return hasPools(target); }) > 1;
    std::vector<std::pair<const TargetSummary*, const Place*>> places;
    bool any = false;
    for (const TargetSummary& target : picture.targets) {
        any = any || hasPools(target);
        for (const Place& place : target.places)
            places.emplace_back(&target, &place);
    }
    if (!any)
        return {};
    if (places.empty())
        return {{"Nothing is checked out.", Paint::dim}};
    std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
        return a.second->severity > b.second->severity;
    });
    TextTable table;
    table.add_column("HELD", true);
    table.add_column("SUSPECTED", true);
    table.add_column("OLDEST", true);
    table.add_column("PER MIN", true);
    table.add_column("SEVERITY");
    if (several)
        table.add_column("TARGET");
    table.add_column("POOL");
    table.add_column("ACQUIRED AT");
    const std::size_t shown =
        std::min(places.size(), static_cast<std::size_t>(std::max(0, rows - 2)));
    std::vector<Paint> paints;
    for (std::size_t i = 0; i < shown; ++i) {
        const auto& [target, place] = places[i];
        const Duration oldest = place->holders.empty() ? Duration{0} : place->holders.front().age;
        std::vector<std::string> cells{
            std::to_string(place->holders.size()), std::to_string(place->suspected),
            format_duration_cell(oldest),
            place->growth_per_minute > 0 ? fmt::format("{:+.1f}", place->growth_per_minute) : "-",
            place->severity == LeakSeverity::none ? "-" : std::string{name_of(place->severity)}};
        if (several)
            cells.push_back(shortened(plain_line(target->info.name, 64), 16));
        cells.push_back(shortened(cleaned(place->pool, 60), 20));
        cells.push_back(placeWords(*place));
        table.add_row(std::move(cells));
        paints.push_back(paintOf(place->severity));
    }
    const auto texts = table.lines(columns);
    std::vector<ScreenLine> lines{{texts.front(), Paint::inverse}};
    for (std::size_t i = 1; i < texts.size(); ++i)
        lines.push_back({texts[i], paints[i - 1]});
    if (shown < places.size())
        lines.push_back({fmt::format("and {} more", places.size() - shown), Paint::dim});
    return lines;
}

} // namespace poolscope
