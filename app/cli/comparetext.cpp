// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/comparetext.h"

#include "app/cli/cells.h"
#include "app/cli/objects.h"
#include "app/cli/texttable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace poolscope {

namespace {

using compare::Change;
using compare::Comparison;
using compare::Measure;
using compare::Subject;

constexpr std::size_t mostSentences = 15;
constexpr std::size_t mostPlaces = 20;
constexpr std::size_t mostRows = 30;

std::string heading(const char* which, const compare::Range& range, int width)
{
    const std::string line = fmt::format(
        "{}  {}, {} to {}, {}\n", which, plain_line(range.name, 128), format_iso8601(range.from),
        format_iso8601(range.to), format_duration_prose(range.to - range.from));
    return width > 0 ? shortened(line.substr(0, line.size() - 1), width) + '\n' : line;
}

std::vector<std::string> cellsOf(const Change& change)
{
    return {compare::measure_of(change), compare::in_words(change.measure, change.before.value),
            compare::in_words(change.measure, change.after.value),
            compare::change_in_words(change.verdict, change.before.value, change.after.value)};
}

TextTable figuresTable()
{
    TextTable table;
    table.addColumn("");
    table.addColumn("BEFORE", true);
    table.addColumn("AFTER", true);
    table.addColumn("CHANGE");
    return table;
}

bool isOf(const Change& change, Subject subject)
{
    return change.subject == subject;
}

/// What is nothing on both sides says nothing in a table.
bool isWorthARow(const Change& change)
{
    return change.before.value.value_or(0) != 0 || change.after.value.value_or(0) != 0 ||
           change.measure == Measure::timeouts_per_minute;
}

/// A paragraph a pool, or a server.
std::string paragraphs(const Comparison& comparison, Subject subject, const char* title, int width)
{
    std::string text;
    std::string where;
    TextTable table = figuresTable();
    const auto close = [&] {
        if (table.empty())
            return;
        text += where + '\n';
        for (const std::string& line : table.lines(width > 2 ? width - 2 : 0))
            text += "  " + line + '\n';
        table = figuresTable();
    };
    const Change* last = nullptr;
    for (const Change& change : comparison.changes) {
        if (!isOf(change, subject) || !isWorthARow(change))
            continue;
        const bool same = last && last->target == change.target &&
                          last->and_target == change.and_target && last->pool == change.pool;
        if (!same) {
            close();
            where = compare::where_of(change);
        }
        last = &change;
        table.addRow(cellsOf(change));
    }
    close();
    return text.empty() ? text : fmt::format("\n{}\n{}", title, text);
}

/// The figure of the same thing as `of`; null where there is none.
const Change* figureBeside(const Comparison& comparison, const Change& of, Measure measure)
{
    const auto begin = comparison.changes.data();
    const auto end = begin + comparison.changes.size();
    // They follow each other.
    for (const Change* at = &of; at != end && at->subject == of.subject; ++at) {
        if (at != &of && at->measure == of.measure)
            break;
        if (at->measure == measure)
            return at;
    }
    return nullptr;
}

std::string cellOf(const Change* change, bool after)
{
    return change ? compare::in_words(change->measure,
                                      after ? change->after.value : change->before.value)
                  : std::string{"-"};
}

std::string moreLine(std::size_t more, const char* what)
{
    return more == 0 ? std::string{}
                     : fmt::format("  and {} more {}; --json lists them all\n", more, what);
}

std::string placesText(const Comparison& comparison, int width)
{
    TextTable table;
    table.addColumn("POOL");
    table.addColumn("HELD", true);
    table.addColumn("AFTER", true);
    table.addColumn("CHANGE");
    table.addColumn("ACQUIRES", true);
    table.addColumn("AFTER", true);
    table.addColumn("MEAN HOLD", true);
    table.addColumn("AFTER", true);
    table.addColumn("LINE OF CODE");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!isOf(change, Subject::place) || change.measure != Measure::held_mean)
            continue;
        if (++rows > mostPlaces) {
            ++more;
            continue;
        }
        const Change* const rate = figureBeside(comparison, change, Measure::acquires_per_second);
        const Change* const hold = figureBeside(comparison, change, Measure::hold_mean);
        table.addRow(
            {compare::where_of(change), cellOf(&change, false), cellOf(&change, true),
             compare::change_in_words(change.verdict, change.before.value, change.after.value),
             cellOf(rate, false), cellOf(rate, true), cellOf(hold, false), cellOf(hold, true),
             compare::what_of(change)});
    }
    if (table.empty())
        return {};
    return "\nLINES OF CODE, by the connections that they hold on average\n" +
           joined(table.lines(width)) + moreLine(more, "lines of code");
}

std::string applicationsText(const Comparison& comparison, int width)
{
    TextTable table;
    table.addColumn("SERVER");
    table.addColumn("APPLICATION");
    table.addColumn("SESSIONS");
    table.addColumn("BEFORE", true);
    table.addColumn("AFTER", true);
    table.addColumn("CHANGE");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!isOf(change, Subject::application) || !isWorthARow(change))
            continue;
        if (++rows > mostRows) {
            ++more;
            continue;
        }
        const std::vector<std::string> cells = cellsOf(change);
        table.addRow({compare::where_of(change), compare::what_of(change),
                      change.state                               ? cells.at(0)
                      : change.measure == Measure::sessions_peak ? "all, peak"
                                                                 : "all",
                      cells.at(1), cells.at(2), cells.at(3)});
    }
    if (table.empty())
        return {};
    return "\nSESSIONS BY APPLICATION, on average\n" + joined(table.lines(width)) +
           moreLine(more, "rows");
}

std::string findingsTable(const Comparison& comparison, Subject subject, const char* title,
                          const char* column, int width)
{
    TextTable table;
    table.addColumn("TARGET");
    table.addColumn(column);
    table.addColumn("BEFORE", true);
    table.addColumn("AFTER", true);
    table.addColumn("CHANGE");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!isOf(change, subject))
            continue;
        if (++rows > mostRows) {
            ++more;
            continue;
        }
        const std::vector<std::string> cells = cellsOf(change);
        table.addRow({compare::where_of(change), compare::what_of(change), cells.at(1), cells.at(2),
                      cells.at(3)});
    }
    if (table.empty())
        return {};
    return fmt::format("\n{}\n", title) + joined(table.lines(width)) + moreLine(more, "rows");
}

std::string sentences(const Comparison& comparison, int width)
{
    std::vector<const Change*> told;
    for (const Change* const change : compare::changes_by_weight(comparison)) {
        if (compare::rule_of(change->measure).headline &&
            !(isOf(*change, Subject::place) && change->measure != Measure::held_mean))
            told.push_back(change);
    }
    if (told.empty())
        return "\nNothing changed that is worth a word.\n";
    std::string text = "\nWHAT CHANGED, what matters most first\n";
    for (std::size_t i = 0; i < std::min(told.size(), mostSentences); ++i)
        addWrapped(text, "- " + compare::sentence_of(*told[i]), 2, width);
    if (told.size() > mostSentences)
        text += fmt::format("  and {} more below\n", told.size() - mostSentences);
    return text;
}

void writeFigure(JsonWriter& json, const char* name, Measure measure,
                 const std::optional<double>& value)
{
    json.key(name);
    if (!value)
        json.null();
    else if (compare::rule_of(measure).unit == compare::Unit::duration)
        json.value(Duration{std::llround(*value * 1e6)});
    else if (compare::rule_of(measure).unit == compare::Unit::count)
        json.value(std::llround(*value));
    else
        json.value(std::round(*value * 1e6) / 1e6);
}

void writeTarget(JsonWriter& json, const char* name, const std::optional<TargetInfo>& target)
{
    json.key(name);
    if (target)
        json.value(target->url);
    else
        json.null();
}

void writeChange(JsonWriter& json, const Change& change)
{
    const std::string what = compare::what_of(change);
    json.beginObject();
    json.member("kind", compare::name_of(change.subject));
    writeTarget(json, "target", change.target);
    writeTarget(json, "and_target", change.and_target);
    json.member("pool", change.pool);
    json.key("subject");
    if (change.subject == Subject::diagnosis)
        json.value(change.what);
    else if (what.empty())
        json.null();
    else
        json.value(what);
    json.key("state");
    if (change.state)
        json.value(name_of(*change.state));
    else
        json.null();
    json.member("measure", compare::rule_of(change.measure).name);
    writeFigure(json, "before", change.measure, change.before.value);
    writeFigure(json, "after", change.measure, change.after.value);
    json.member("verdict", compare::name_of(change.verdict));
    json.member("notable", compare::is_change(change.verdict));
    json.key("sentence");
    if (compare::is_change(change.verdict))
        json.value(compare::sentence_of(change));
    else
        json.null();
    const auto observed = [](const compare::Figure& figure) {
        return Duration{std::llround(figure.observed * 1e6)};
    };
    json.member("before_observed_us", observed(change.before));
    json.member("after_observed_us", observed(change.after));
    writeStack(json, change.stack);
    json.endObject();
}

} // namespace

std::string comparisonText(const Comparison& comparison, int width)
{
    std::string text = heading("Before", comparison.before, width);
    text += heading("After ", comparison.after, width);
    text += sentences(comparison, width);
    if (!comparison.notes.empty())
        text += "\nTO BE KNOWN\n";
    for (const std::string& note : comparison.notes)
        addWrapped(text, "- " + plain_line(note, 2000), 2, width);
    text += paragraphs(comparison, Subject::pool, "POOLS", width);
    text += placesText(comparison, width);
    text += paragraphs(comparison, Subject::server, "SERVERS", width);
    text += applicationsText(comparison, width);
    text += findingsTable(comparison, Subject::diagnosis,
                          "DIAGNOSES, how much of the time they stood", "DIAGNOSIS", width);
    text += findingsTable(comparison, Subject::alert, "ALERTS, how much of the time they fired",
                          "ALERT", width);
    return text;
}

void writeComparison(JsonWriter& json, const Comparison& comparison)
{
    const std::vector<const Change*> first = compare::changes_by_weight(comparison);
    for (const Change* const change : first)
        writeChange(json, *change);
    for (const Change& change : comparison.changes) {
        if (!compare::is_change(change.verdict))
            writeChange(json, change);
    }
}

} // namespace poolscope
