// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/words.h"
#include "core/report/htmlparts.h"
#include "core/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

namespace poolscope::report {

namespace {

constexpr std::size_t most_lines = 300; ///< of the timeline's table
constexpr std::size_t most_diagnoses = 50;

std::string head_of(const Incident& incident, const Calendar& calendar)
{
    std::string html = fmt::format("<p class=\"lead\">{}, {}</p>\n<dl class=\"facts\">\n",
                                   span_in_words(incident, calendar.utc()),
                                   safe(format_duration_prose(incident.to - incident.from)));
    const Calendar utc{true};
    if (calendar.zone(incident.from) != utc.zone(incident.from) ||
        calendar.zone(incident.to) != utc.zone(incident.to))
        html += fmt::format("<dt>In UTC</dt><dd>{}</dd>\n", span_in_words(incident, true));
    html += fmt::format("<dt>Looked at</dt><dd>{}, {}</dd>\n",
                        calendar.day_and_time(incident.moment), safe(incident.why_then));
    html += fmt::format("<dt>Recording</dt><dd>{}</dd>\n</dl>\n", safe(incident.file, 400));
    html += "<table><thead><tr><th>Target</th><th>Kind</th><th>Version</th><th>Address</th>"
            "<th>At that moment</th></tr></thead><tbody>\n";
    for (const Target& target : incident.targets) {
        std::string address = safe(target.info.url, 400);
        if (!target.host.empty())
            address += "<br/>" + safe(target.host, 300);
        html += fmt::format("<tr><td>{}</td><td class=\"what\">{}</td><td>{}</td><td "
                            "class=\"who\">{}</td><td>{}</td></tr>\n",
                            safe(target.info.name, 64), safe(target.info.kind, 32),
                            target.version.empty()
                                ? std::string{"<span class=\"quiet\">not reported</span>"}
                                : safe(target.version, 200),
                            address, safe(target.status, 400));
    }
    return html + "</tbody></table>\n";
}

std::string summary_section(const Incident& incident, const Calendar& calendar)
{
    std::string html = heading("Summary");
    if (incident.diagnoses.empty())
        return html + nothing("No pool and no server was exhausted, or nearly so, at that moment.");
    std::size_t shown = 0;
    for (const Why& why : incident.diagnoses) {
        if (++shown > most_diagnoses)
            break;
        const Weight weight = why.undecided   ? Weight::info
                              : why.exhausted ? Weight::critical
                                              : Weight::warning;
        html += fmt::format("<div class=\"panel {}{}\"><p class=\"sentence\">{}{}</p>\n",
                            name_of(weight), shown > 1 ? " minor" : "", glyph(weight),
                            safe(why.sentence, 1500));
        html += fmt::format(
            "<p class=\"tag\">{}: {}{}, {}, since {} or before</p>\n", safe(why.who, 300),
            safe(why.cause, 64),
            why.undecided ? std::string{} : ", " + safe(why.confidence, 16) + " confidence",
            why.exhausted ? "exhausted" : "nearly exhausted", calendar.time(why.since));
        if (!why.evidence.empty()) {
            html += "<ul>\n";
            for (const std::string& sentence : why.evidence)
                html += "<li>" + safe(sentence, 1000) + "</li>\n";
            html += "</ul>\n";
        }
        if (!why.waits.empty())
            html += "<p class=\"tag\">" + safe(why.waits, 1000) + "</p>\n";
        if (!why.relief.empty())
            html += "<p class=\"do\"><b>What would have relieved it:</b> " +
                    safe(why.relief, 1000) + "</p>\n";
        if (!why.prevention.empty())
            html += "<p class=\"do\"><b>What would prevent it:</b> " + safe(why.prevention, 1000) +
                    "</p>\n";
        if (!why.candidates.empty()) {
            std::string also;
            for (const std::string& candidate : why.candidates)
                also += (also.empty() ? "" : ", ") + safe(candidate, 64);
            html += fmt::format("<p class=\"tag\">{}: {}.</p>\n",
                                why.undecided ? "It may be" : "It may also be, or besides", also);
        }
        html += "</div>\n";
    }
    if (incident.diagnoses.size() > most_diagnoses)
        html += fmt::format("<p class=\"quiet\">{} more are not listed.</p>\n",
                            incident.diagnoses.size() - most_diagnoses);
    return html;
}

/// A line of the timeline's table.
struct Line
{
    Timestamp time;
    int order = 0; ///< of what happened at one instant
    std::string what;
    Weight weight = Weight::info;
    TargetId target;
    std::string who;
    std::string sentence;
    std::string after{}; ///< words of ours behind it
    bool bundled = true; ///< with what is like it
};

/// "critical alert", "critical: begins": no glyph says anything alone.
std::string weighed(Weight weight, const char* between, const char* what)
{
    return weight == Weight::info ? std::string{what} : name_of(weight) + between + what;
}

std::string kind_in_words(MarkKind kind)
{
    switch (kind) {
    case MarkKind::critical:
        return "critical";
    case MarkKind::warning:
        return "warning";
    case MarkKind::source_up:
        return "answers";
    case MarkKind::source_down:
        return "does not answer";
    case MarkKind::note:
        return "note";
    case MarkKind::action:
        break;
    }
    return "action";
}

std::vector<Line> lines_of(const Incident& incident)
{
    std::vector<Line> lines;
    for (const Period& period : incident.periods) {
        const bool gap = period.kind == Period::Kind::gap;
        const bool alert = period.kind == Period::Kind::alert;
        const std::string length =
            period.to ? format_duration_prose(*period.to - period.from) : std::string{};
        if (gap) {
            lines.push_back({period.from, 1, "gap", Weight::info, period.target, period.who,
                             (period.to ? "Nothing was seen for " + length
                                        : std::string{"Nothing was seen any more"}) +
                                 (period.sentence.empty() ? "." : ": " + period.sentence)});
            lines.back().bundled = false;
            continue;
        }
        lines.push_back({period.from, 1,
                         alert                 ? weighed(period.weight, " ", "alert")
                         : period.since_before ? weighed(period.weight, ": ", "goes on")
                                               : weighed(period.weight, ": ", "begins"),
                         period.weight, period.target, period.who,
                         period.what + ": " + period.sentence});
        // There are many alerts, and their ends say little: they stand with their beginning.
        if (alert)
            lines.back().after =
                period.to ? " It lasted " + length + "." : " Still firing at the end.";
        else if (period.to)
            lines.push_back({*period.to, 0, "ends", Weight::info, period.target, period.who,
                             period.what + ", after " + length + "."});
    }
    for (const Moment& moment : incident.moments) {
        lines.push_back({moment.time, 2, kind_in_words(moment.kind),
                         moment.kind == MarkKind::critical  ? Weight::critical
                         : moment.kind == MarkKind::warning ? Weight::warning
                                                            : Weight::info,
                         moment.target, moment.who, moment.sentence});
        lines.back().bundled = moment.kind != MarkKind::note && moment.kind != MarkKind::action;
    }
    std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
        return std::pair(a.time, a.order) < std::pair(b.time, b.order);
    });
    return lines;
}

/// What differs in numbers alone is told once, with how often and until when.
void bundle(std::vector<Line>& lines, const Calendar& calendar)
{
    struct Alike
    {
        std::size_t first = 0;
        int more = 0;
        Timestamp last;
    };
    std::map<std::tuple<TargetId, std::string, std::string, std::string>, Alike> known;
    std::vector<Line> kept;
    for (Line& line : lines) {
        if (!line.bundled) {
            kept.push_back(std::move(line));
            continue;
        }
        const auto [at, first] =
            known.try_emplace({line.target, line.who, line.what, without_numbers(line.sentence)},
                              Alike{kept.size(), 0, {}});
        if (first) {
            kept.push_back(std::move(line));
            continue;
        }
        ++at->second.more;
        at->second.last = line.time;
    }
    for (const auto& [what, alike] : known) {
        if (alike.more > 0)
            kept[alike.first].after += fmt::format(" (and {} more like it, the last at {})",
                                                   alike.more, calendar.time(alike.last));
    }
    lines = std::move(kept);
}

std::string timeline_section(const Incident& incident, Axis& axis)
{
    std::string html = heading("Timeline");
    std::vector<Line> lines = lines_of(incident);
    bundle(lines, axis.calendar);
    if (lines.empty())
        return html + nothing("Nothing worth a mark happened.");
    ++axis.number;
    html += "<figure>" + timeline_chart(incident, axis) + "</figure>\n";
    html += "<table><thead><tr><th>Time</th><th>What</th><th>Where</th><th>What "
            "happened</th></tr></thead>"
            "<tbody>\n";
    for (std::size_t i = 0; i < lines.size() && i < most_lines; ++i)
        html +=
            fmt::format("<tr><td class=\"time\">{}</td><td class=\"what\">{}{}</td><td "
                        "class=\"who\">{}</td><td>{}{}</td>"
                        "</tr>\n",
                        axis.calendar.time(lines[i].time), glyph(lines[i].weight), lines[i].what,
                        safe(lines[i].who), safe(lines[i].sentence, 800), lines[i].after);
    html += "</tbody></table>\n";
    const std::size_t more =
        incident.moments_left_out + (lines.size() > most_lines ? lines.size() - most_lines : 0);
    if (more > 0)
        html += fmt::format("<p class=\"quiet\">{} more are not listed: give a shorter range with "
                            "--from and --to.</p>\n",
                            more);
    return html;
}

std::string not_drawn(std::size_t count, const char* what)
{
    return fmt::format("<p class=\"quiet\">{} that came less near {} maximum {} not drawn.</p>\n",
                       count_of(static_cast<std::int64_t>(count), what),
                       count == 1 ? "its" : "their", count == 1 ? "is" : "are");
}

std::string charts_section(const Incident& incident, Axis& axis)
{
    std::string html = heading("Connections over time");
    if (incident.sessions.empty() && incident.pools.empty())
        return html + nothing("No counts were recorded.");
    for (const PoolCounts& pool : incident.pools) {
        const Target* const target = target_of(incident, pool.series.target);
        const std::string name = safe(pool.series.pool.str(), 128);
        ++axis.number;
        html += fmt::format("<figure><figcaption>Pool {}{}</figcaption>{}</figure>\n", name,
                            target ? ", " + safe(target->info.name, 64) : std::string{},
                            pool_chart(pool, name, axis));
    }
    if (incident.pools_left_out > 0)
        html += not_drawn(incident.pools_left_out, "pool");
    for (const SessionCounts& server : incident.sessions) {
        const Target* const target = target_of(incident, server.series.target);
        const std::string name = target ? safe(target->info.name, 64) : std::string{};
        ++axis.number;
        html += fmt::format("<figure><figcaption>Sessions of {}</figcaption>{}</figure>\n", name,
                            sessions_chart(server, name, axis));
    }
    if (incident.sessions_left_out > 0)
        html += not_drawn(incident.sessions_left_out, "server");
    return html;
}

/// Of all instants that the page tells as times.
Calendar calendar_of(const Incident& incident, const Calendar& calendar)
{
    Timestamp from = incident.from;
    Timestamp to = incident.to;
    for (const Why& why : incident.diagnoses)
        from = std::min(from, why.since);
    for (const Action& action : incident.actions)
        from = std::min(from, action.requested);
    for (const NoteText& note : incident.notes)
        to = std::max(to, note.written);
    return calendar.spanning(from, to);
}

} // namespace

std::string span_in_words(const Incident& incident, bool utc)
{
    const Calendar calendar{utc};
    const std::string from = calendar.day_and_time(incident.from);
    const std::string day_and_time = calendar.day_and_time(incident.to);
    const std::string to =
        from.substr(0, 10) == day_and_time.substr(0, 10) ? day_and_time.substr(11) : day_and_time;
    const std::string zone = calendar.zone(incident.from);
    const std::string zone_then = calendar.zone(incident.to);
    return zone == zone_then ? fmt::format("{} to {} ({})", from, to, zone)
                             : fmt::format("{} ({}) to {} ({})", from, zone, to, zone_then);
}

std::string html_of(const Input& input)
{
    const Calendar any_day{input.utc};
    std::string title = "Incident report";
    if (!input.incidents.empty())
        title += ", " + any_day.day_and_time(input.incidents.front().from).substr(0, 16);
    std::string html =
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'; base-uri 'none'; form-action 'none'\"/>\n"
        "<meta name=\"referrer\" content=\"no-referrer\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"color-scheme\" content=\"light dark\"/>\n";
    html += "<title>" + safe(title) + "</title>\n<style>\n" + report_style +
            "</style>\n</head>\n<body>\n";
    int charts = 0;
    for (const Incident& incident : input.incidents) {
        const Calendar calendar = calendar_of(incident, any_day);
        html += "<article>\n<h1>Incident report</h1>\n" + head_of(incident, calendar);
        if (input.redacted)
            html += "<p class=\"quiet\">Redacted: literals of statements, hosts, users, values of "
                    "tags, notes and the words of servers are replaced. Names of code, tables, "
                    "databases, pools and applications stay, but for those that tell a user or an "
                    "address.</p>\n";
        Axis axis{calendar, incident.from, incident.to, incident.moment, &incident.periods, charts};
        html += summary_section(incident, calendar) + timeline_section(incident, axis) +
                charts_section(incident, axis) + leaks_section(incident) + lost_section(incident) +
                blocking_section(incident) + actions_section(incident, calendar) +
                findings_section(incident) + notes_section(incident, calendar) +
                not_observed_section(incident) + "</article>\n";
        charts = axis.number;
    }
    html +=
        fmt::format("<footer>Made by Poolscope {} from what was recorded. Times are {}.</footer>\n"
                    "</body>\n</html>\n",
                    safe(input.version, 64), input.utc ? "UTC" : "local");
    return html;
}

} // namespace poolscope::report
