// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/words.h"
#include "core/base/text.h"
#include "core/report/htmlparts.h"
#include "core/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace poolscope::report {

namespace {

constexpr std::size_t most_statement = 2000;
constexpr std::size_t most_frames = 40;
constexpr std::size_t most_actions = 300;
constexpr std::size_t most_notes = 300;
constexpr std::size_t most_findings = 200;
constexpr std::size_t most_sentences = 200;
constexpr std::size_t most_tags = 12;

std::string statement_block(const std::string& statement)
{
    return statement.empty() ? std::string{}
                             : "<pre>" + safe_lines(statement, most_statement) + "</pre>\n";
}

std::string stack_block(const StackRef& stack)
{
    if (!stack || stack->lines.empty())
        return {};
    const StackLine* const here = acquiring_line(stack.get());
    std::string html = "<pre class=\"stack\">";
    std::size_t shown = 0;
    for (const StackLine& line : stack->lines) {
        if (++shown > most_frames) {
            html += fmt::format("<span class=\"lib\">{} more lines</span>",
                                stack->lines.size() - most_frames);
            break;
        }
        std::string text = safe(line.function.str(), 300);
        if (!line.file.empty()) {
            text += (text.empty() ? "" : "  ") + safe(line.file.str(), 400);
            if (line.line > 0)
                text += ':' + std::to_string(line.line);
        }
        html += fmt::format("<span class=\"{}{}\">{}</span>", line.own ? "own" : "lib",
                            &line == here ? " here" : "", text);
    }
    return html + "</pre>\n";
}

std::string and_more(std::size_t all, std::size_t shown)
{
    return all > shown
               ? fmt::format("<p class=\"quiet\">{} more are not listed.</p>\n", all - shown)
               : std::string{};
}

std::string sentences_list(const std::vector<std::string>& sentences)
{
    if (sentences.empty())
        return {};
    std::string html = "<ul>\n";
    for (std::size_t i = 0; i < sentences.size() && i < most_sentences; ++i)
        html += "<li>" + safe(sentences[i], 1000) + "</li>\n";
    return html + "</ul>\n" + and_more(sentences.size(), most_sentences);
}

/// What was told of the holder above.
struct Told
{
    std::vector<std::string> evidence; ///< but for the age
    std::string statement;
    bool skipped = false;
    bool first = true;
};

/// Its evidence as it would be for any age.
std::vector<std::string> ageless(const Holding& holding)
{
    const std::string age = format_duration_prose(holding.age);
    std::vector<std::string> sentences = holding.evidence;
    for (std::string& sentence : sentences) {
        // The first: a threshold may be as long.
        if (const std::size_t at = sentence.find(age); at != std::string::npos)
            sentence.replace(at, age.size(), "#");
    }
    return sentences;
}

std::string in_one_line(const std::string& statement)
{
    std::string line;
    for (const char c : plain_line(statement, most_statement)) {
        if (c != ' ' || (!line.empty() && line.back() != ' '))
            line += c;
    }
    return line;
}

/// Who it is, and for how long, in one line where the session says both.
std::string holder_line(const Holding& holding)
{
    const std::string id = "<code>" + safe(holding.id, 64) + "</code>";
    const std::string age = format_duration_prose(holding.age);
    if (holding.session.starts_with(holding.id + ' ')) {
        const std::string session = holding.session.substr(holding.id.size());
        return "<p>" + id + safe(session, 600) +
               (session.ends_with("for " + age) ? std::string{} : ", held for " + safe(age)) +
               "</p>\n";
    }
    std::string html = "<p>" + id + ", held for " + safe(age);
    if (!holding.by.empty())
        html += " by " + safe(holding.by, 200);
    html += "</p>\n";
    if (!holding.session.empty())
        html += "<p>Session " + safe(holding.session, 600) + "</p>\n";
    return html;
}

/// Forty of one place would say the same forty times.
std::string holder_block(const Holding& holding, Told& told)
{
    std::string html = "<div class=\"holder\">" + holder_line(holding);
    if (!holding.tags.empty()) {
        html += "<p class=\"tag\">";
        for (std::size_t i = 0; i < holding.tags.size() && i < most_tags; ++i)
            html += (i == 0 ? "" : ", ") + safe(holding.tags[i].first, 64) + " = " +
                    safe(holding.tags[i].second, 200);
        if (holding.tags.size() > most_tags)
            html += fmt::format(", and {} more", holding.tags.size() - most_tags);
        html += "</p>\n";
    }
    std::vector<std::string> evidence = ageless(holding);
    if (told.first || evidence != told.evidence)
        html += evidence.empty() && !told.first ? nothing("Nothing more is known of it.")
                                                : sentences_list(holding.evidence);
    else
        told.skipped |= !evidence.empty();
    if (told.first || holding.statement != told.statement)
        html += statement_block(told.first                  ? holding.statement
                                : holding.statement.empty() ? "(no statement is known)"
                                                            : in_one_line(holding.statement));
    else
        told.skipped |= !holding.statement.empty();
    told.evidence = std::move(evidence);
    told.statement = holding.statement;
    told.first = false;
    return html + "</div>\n";
}

std::string holders_block(const Leak& leak)
{
    Told told;
    std::string html;
    for (const Holding& holding : leak.holders)
        html += holder_block(holding, told);
    if (told.skipped)
        html += "<p class=\"quiet\">What is not said of one is as of the one above it.</p>\n";
    if (leak.more > 0)
        html += fmt::format("<p class=\"quiet\">{} more of the same place.</p>\n", leak.more);
    return html;
}

/// Nested lists from lines with depths.
std::string tree_block(const Tree& tree)
{
    std::string html = "<ul class=\"tree\">\n";
    int depth = 0;
    bool first = true;
    for (const Waiter& line : tree.lines) {
        const int wanted = std::max(0, std::min(line.depth, depth + 1));
        if (!first && wanted > depth) {
            html += "<ul>\n";
        } else if (!first) {
            html += "</li>\n";
            for (; depth > wanted; --depth)
                html += "</ul>\n</li>\n";
        }
        depth = first ? 0 : wanted;
        first = false;
        html += fmt::format("<li><code>{}</code> {}", safe(line.pid, 64), safe(line.session, 600));
        if (line.blocks > 0)
            html += ", <b>" + behind_in_words(line.blocks) + "</b>";
        if (line.queued)
            html += ", in the queue behind the one above";
        if (!line.place.empty())
            html += "<br/><span class=\"tag\">" + safe(line.place, 800) + "</span>";
        html += statement_block(line.statement);
    }
    if (!first) {
        html += "</li>\n";
        for (; depth > 0; --depth)
            html += "</ul>\n</li>\n";
    }
    return html + "</ul>\n";
}

Weight weight_of(ConfigSeverity severity)
{
    return severity == ConfigSeverity::critical  ? Weight::critical
           : severity == ConfigSeverity::warning ? Weight::warning
                                                 : Weight::info;
}

constexpr const char* not_known = "Not known: no target answered at that moment.";

bool nobody_answered(const Incident& incident)
{
    return !incident.targets.empty() &&
           std::none_of(incident.targets.begin(), incident.targets.end(),
                        [](const Target& t) { return t.up; });
}

} // namespace

std::string name_of(Weight weight)
{
    return weight == Weight::critical ? "critical" : weight == Weight::warning ? "warning" : "info";
}

std::string heading(std::string_view text)
{
    return "<h2>" + safe(text) + "</h2>\n";
}

std::string nothing(std::string_view sentence)
{
    return "<p class=\"none\">" + safe(sentence) + "</p>\n";
}

std::string leaks_section(const Incident& incident)
{
    std::string html = heading("Suspected leaks");
    if (incident.leaks.empty())
        return html + nothing(nobody_answered(incident)
                                  ? not_known
                                  : "Nothing was held longer than it should be at that moment.");
    for (const Leak& leak : incident.leaks) {
        html += fmt::format("<div class=\"panel minor {}\"><p class=\"sentence\">{}{}</p>\n"
                            "<p class=\"tag\">{}, leak of kind {}, {}</p>\n",
                            name_of(leak.weight), glyph(leak.weight), safe(leak.sentence, 1500),
                            name_of(leak.weight), safe(leak.kind, 32), safe(leak.who, 300));
        html += stack_block(leak.stack) + holders_block(leak) + "</div>\n";
    }
    return html + and_more(incident.leaks.size() + incident.leaks_left_out, incident.leaks.size());
}

std::string lost_section(const Incident& incident)
{
    return incident.lost.empty()
               ? std::string{}
               : heading("Connections that the server has lost") + sentences_list(incident.lost);
}

std::string blocking_section(const Incident& incident)
{
    std::string html = heading("Who waited behind whom");
    if (incident.trees.empty())
        return html + nothing(nobody_answered(incident)
                                  ? not_known
                                  : "No session waited for another at that moment.");
    for (const Tree& tree : incident.trees) {
        html += "<h3>" + safe(tree.who) + "</h3>\n";
        if (tree.cycle)
            html += fmt::format("<p>{}</p>\n", circle_in_words);
        html += tree_block(tree);
        if (tree.more > 0)
            html += fmt::format("<p class=\"quiet\">{} more wait behind these.</p>\n", tree.more);
    }
    return html + and_more(incident.trees.size() + incident.trees_left_out, incident.trees.size());
}

std::string actions_section(const Incident& incident, const Calendar& calendar)
{
    std::string html = heading("Actions taken");
    if (incident.actions.empty())
        return html + nothing(incident.cut ? "None from Poolscope in this time."
                                           : "None from Poolscope while it recorded.");
    html += "<table><thead><tr><th>Time</th><th>Action</th><th>On</th><th>What it was</th>"
            "<th>Result</th></tr></thead><tbody>\n";
    for (std::size_t i = 0; i < incident.actions.size() && i < most_actions; ++i) {
        const Action& action = incident.actions[i];
        html +=
            fmt::format("<tr><td class=\"time\">{}</td><td>{}</td><td>{}</td><td>{}</td>"
                        "<td><b>{}</b>{}</td></tr>\n",
                        calendar.time(action.requested), safe(action.verb), safe(action.who),
                        safe(action.subject, 600), safe(action.phase),
                        action.outcome.empty() ? std::string{} : ". " + safe(action.outcome, 600));
    }
    return html + "</tbody></table>\n" + and_more(incident.actions.size(), most_actions);
}

std::string findings_section(const Incident& incident)
{
    std::string html = heading("Configuration");
    if (incident.findings.empty())
        return html + nothing("Nothing to object to in what pools and servers told of their "
                              "settings.");
    html += "<table><thead><tr><th>Severity</th><th>Whose</th><th>Setting</th><th>Is</th>"
            "<th>Proposed</th><th>Why</th></tr></thead><tbody>\n";
    for (std::size_t i = 0; i < incident.findings.size() && i < most_findings; ++i) {
        const ConfigFinding& finding = incident.findings[i];
        const Target* const target = target_of(incident, finding.target);
        std::string whose = target ? safe(target->info.name, 64) : std::string{};
        if (!finding.pool.is_null())
            whose += (whose.empty() ? "" : ", ") + safe(finding.pool.str(), 128);
        std::string why = safe(finding.sentence, 1500);
        for (const std::string& sentence : finding.evidence)
            why += "<br/><span class=\"tag\">" + safe(sentence, 800) + "</span>";
        const Weight weight = weight_of(finding.severity);
        html += fmt::format("<tr><td>{}{}</td><td>{}</td><td><code>{}</code></td><td><code>{}"
                            "</code></td><td><code>{}</code></td><td>{}</td></tr>\n",
                            glyph(weight), name_of(weight), whose, safe(finding.setting, 128),
                            safe(finding.value, 64), safe(finding.proposed, 128), why);
    }
    return html + "</tbody></table>\n" + and_more(incident.findings.size(), most_findings);
}

std::string notes_section(const Incident& incident, const Calendar& calendar)
{
    std::string html = heading("Notes");
    if (incident.notes.empty())
        return html + nothing(incident.cut ? "Nobody took notes of this time."
                                           : "Nobody took notes while it was recorded.");
    html += "<dl class=\"facts\">\n";
    for (std::size_t i = 0; i < incident.notes.size() && i < most_notes; ++i) {
        const NoteText& note = incident.notes[i];
        // Afterwards people know more.
        const std::string written =
            note.written - note.time >= std::chrono::seconds{1}
                ? "<br/><span class=\"tag\">written at " + calendar.time(note.written) + "</span>"
                : std::string{};
        html += fmt::format("<dt class=\"time\">{}</dt><dd>{}{}</dd>\n", calendar.time(note.time),
                            safe(note.text, 4000), written);
    }
    return html + "</dl>\n" + and_more(incident.notes.size(), most_notes);
}

std::string not_observed_section(const Incident& incident)
{
    std::string html = heading("What was not observed");
    if (incident.not_observed.empty())
        return html + nothing("Nothing is known to be missing.");
    return html + sentences_list(incident.not_observed);
}

} // namespace poolscope::report
