// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/prose.h"

#include "app/cli/cells.h"
#include "core/analyze/lostconnection.h"
#include "core/analyze/words.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

constexpr std::size_t most_lines = 12;
constexpr std::size_t most_holders = 5;

std::string percentile(const std::optional<DurationSummary>& summary,
                       std::optional<Duration> DurationSummary::*which)
{
    const bool any = summary && summary->count > 0 && (*summary).*which;
    return any ? format_duration_cell(*((*summary).*which)) : "-";
}

std::string tagsOf(const Checkout& checkout)
{
    std::string text;
    for (const auto& [name, content] : checkout.tags)
        text += fmt::format("{}{}={}", text.empty() ? "" : " ", cleaned(name, 60),
                            cleaned(content, 120));
    return text.empty() ? "-" : text;
}

std::string lineOf(const StackLine& line)
{
    std::string text = line.function.empty() ? "?" : cleaned(line.function, 200);
    if (!line.file.empty())
        text += "  " + cleaned(line.file, 400);
    if (!line.file.empty() && line.line > 0)
        text += fmt::format(":{}", line.line);
    return text;
}

void addStack(const StackRef& stack, std::string& text)
{
    if (!stack)
        return;
    const StackLine* const acquiring = acquiring_line(stack.get());
    std::size_t lines = 0;
    for (const StackLine& line : stack->lines) {
        if (lines++ == most_lines) {
            text += fmt::format("      and {} more\n", stack->lines.size() - most_lines);
            return;
        }
        text += (&line == acquiring ? "    > " : "      ") + lineOf(line) + '\n';
    }
}

void addHolders(const Picture& picture, const Place& place, std::string& text)
{
    std::size_t told = 0;
    std::size_t all = 0;
    for (const Holder& holder : place.holders) {
        const Checkout* const checkout = picture.checkout(holder.checkout);
        if (holder.severity == LeakSeverity::none || !checkout)
            continue;
        ++all;
        if (told == most_holders)
            continue;
        ++told;
        text += fmt::format("    checkout {}  {}  by {}", cleaned(checkout->key.id),
                            format_duration_cell(holder.age), shown(checkout->acquired_by));
        if (const auto pid = picture.serverPidOf(*checkout))
            text += fmt::format("  server pid {}", *pid);
        if (!checkout->tags.empty())
            text += "  " + tagsOf(*checkout);
        text += '\n';
    }
    if (all > told)
        text += fmt::format("    and {} more\n", all - told);
}

} // namespace

std::string placeWords(const Place& place)
{
    const Text at = place_of(place.stack);
    return at.empty() ? "no acquire stack was taken"
                      : cleaned(at, 600) + way_in_words(place.by_way_of);
}

std::string placeSentence(const Place& place)
{
    if (place.holders.empty())
        return {};
    const Duration oldest = place.holders.front().age;
    std::string text = place.suspected > 0 ? fmt::format("{} of {} suspected", place.suspected,
                                                         place.holders.size())
                                           : fmt::format("{} held", place.holders.size());
    text += ", the oldest for " + format_duration_prose(oldest);
    if (place.growth_per_minute > 0)
        text += fmt::format(", {:+.1f} a minute", place.growth_per_minute);
    if (place.full_in)
        text += *place.full_in == Duration{0}
                    ? std::string{", nothing is free"}
                    : ", nothing is free in " + format_duration_prose(*place.full_in);
    return text;
}

std::string poolsText(const Picture& picture, int width)
{
    TextTable table;
    table.add_column("TARGET");
    table.add_column("POOL");
    table.add_column("KIND");
    for (const char* const title : {"USED", "IDLE", "PENDING", "MAX", "TIMEOUTS", "WAIT P50",
                                    "WAIT P99", "USE P50", "USE P99"})
        table.add_column(title, true);
    for (const char* const title : {"HEALTH", "CIRCUIT", "DATABASE"})
        table.add_column(title);
    for (const TargetSummary& target : picture.targets) {
        for (const Pool& pool : target.pools)
            table.add_row({plain_line(target.info.name, 64), shown(pool.name), shown(pool.kind),
                           number(pool.used), number(pool.idle), number(pool.pending),
                           number(pool.max), number(pool.timeouts),
                           percentile(pool.wait_time, &DurationSummary::p50),
                           percentile(pool.wait_time, &DurationSummary::p99),
                           percentile(pool.use_time, &DurationSummary::p50),
                           percentile(pool.use_time, &DurationSummary::p99), shown(pool.health),
                           shown(pool.circuit), shown(pool.database)});
    }
    if (table.empty())
        return "No pools.\n";
    std::string text = joined(table.lines(width));
    for (const TargetSummary& target : picture.targets) {
        for (const Pool& pool : target.pools) {
            const std::string lost = lost_in_words(target.lost_connections, pool.name, picture.now);
            if (!lost.empty())
                text += fmt::format("{} of {} {}\n", shown(pool.name),
                                    plain_line(target.info.name, 64), lost);
        }
    }
    return text;
}

std::string checkoutsText(const Picture& picture, int width)
{
    const bool several = picture.targets.size() > 1;
    TextTable table;
    if (several)
        table.add_column("TARGET");
    table.add_column("CHECKOUT");
    table.add_column("POOL");
    table.add_column("HELD", true);
    table.add_column("SEVERITY");
    table.add_column("BY");
    table.add_column("CONNECTION");
    table.add_column("SERVER PID", true);
    table.add_column("WAITED", true);
    table.add_column("ACQUIRED AT");
    table.add_column("TAGS");
    for (const TargetSummary& target : picture.targets) {
        std::map<Text, const Holder*> judged;
        for (const Place& place : target.places) {
            for (const Holder& holder : place.holders)
                judged[holder.checkout.id] = &holder;
        }
        for (const Checkout* const checkout : oldestFirst(picture, target)) {
            const auto holder = judged.find(checkout->key.id);
            std::string severity = "-";
            if (holder != judged.end() && holder->second->severity != LeakSeverity::none)
                severity = name_of(holder->second->severity);
            else if (holder != judged.end() && holder->second->long_running)
                severity = "long-running";
            std::vector<std::string> cells;
            if (several)
                cells.push_back(plain_line(target.info.name, 64));
            cells.insert(cells.end(),
                         {shown(checkout->key.id), shown(checkout->pool),
                          format_duration_cell(picture.age(target, checkout->acquired)), severity,
                          shown(checkout->acquired_by), shown(checkout->connection),
                          number<std::int64_t>(picture.serverPidOf(*checkout)),
                          checkout->wait ? format_duration_cell(*checkout->wait) : "-",
                          shown(place_of(checkout->stack), 600), tagsOf(*checkout)});
            table.add_row(std::move(cells));
        }
    }
    return table.empty() ? "Nothing is checked out.\n" : joined(table.lines(width));
}

std::string checkoutLeaksText(const Picture& picture, const TargetSummary& target)
{
    std::string text;
    for (const Place& place : target.places) {
        if (place.severity == LeakSeverity::none || place.holders.empty())
            continue;
        text +=
            fmt::format("{}  {}{}\n    Pool {} of {}: {}.\n", name_of(place.severity),
                        place.kind == LeakKind::bypass ? "bypass  " : "", placeWords(place),
                        shown(place.pool), plain_line(target.info.name, 64), placeSentence(place));
        const auto worst =
            std::find_if(place.holders.begin(), place.holders.end(),
                         [&place](const Holder& h) { return h.severity == place.severity; });
        if (const Checkout* const checkout =
                worst == place.holders.end() ? nullptr : picture.checkout(worst->checkout)) {
            for (const std::string& sentence :
                 evidence_of(*worst, *checkout, poolNamed(target, place.pool), &place,
                             picture.now + target.clock_offset))
                text += "    " + plain_line(sentence, 600) + '\n';
            for (const std::string& sentence : joinedEvidence(picture, checkout->key))
                text += "    " + sentence + '\n';
        }
        addStack(place.stack, text);
        addHolders(picture, place, text);
        text += '\n';
    }
    for (std::size_t i = 0; i < target.statements.size(); ++i) {
        const StatementLeak& leak = target.statements[i];
        const Text at = place_of(leak.stack);
        text += fmt::format("{}  {}\n    Pool {} of {}:\n", name_of(leak.severity),
                            at.empty() ? "statements of an unknown place" : cleaned(at, 600),
                            shown(leak.pool), plain_line(target.info.name, 64));
        if (i < target.statement_evidence.size()) {
            for (const std::string& sentence : target.statement_evidence[i])
                text += "    " + plain_line(sentence, 1200) + '\n';
        }
        addStack(leak.stack, text);
        text += '\n';
    }
    return text;
}

} // namespace poolscope
