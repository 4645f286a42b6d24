// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/text.h"

#include "core/base/text.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope::compare {

namespace {

constexpr std::size_t most_sentences = 15;
constexpr std::size_t most_lines_of_code = 20;
constexpr std::size_t most_rows = 30;

std::string heading(const char* which, const Range& range, int width)
{
    const std::string line = fmt::format(
        "{}  {}, {} to {}, {}\n", which, plain_line(range.name, 128), format_iso8601(range.from),
        format_iso8601(range.to), format_duration_prose(range.to - range.from));
    return width > 0 ? shortened(line.substr(0, line.size() - 1), width) + '\n' : line;
}

std::vector<std::string> cells_of(const Change& change)
{
    return {measure_of(change), in_words(change.measure, change.before.value),
            in_words(change.measure, change.after.value),
            change_in_words(change.verdict, change.before.value, change.after.value)};
}

TextTable figures_table()
{
    TextTable table;
    table.add_column("");
    table.add_column("BEFORE", true);
    table.add_column("AFTER", true);
    table.add_column("CHANGE");
    return table;
}

bool is_of(const Change& change, Subject subject)
{
    return change.subject == subject;
}

/// A paragraph a pool, or a server.
std::string paragraphs(const Comparison& comparison, Subject subject, const char* title, int width)
{
    std::string text;
    std::string where;
    TextTable table = figures_table();
    const auto close = [&] {
        if (table.empty())
            return;
        text += where + '\n';
        for (const std::string& line : table.lines(width > 2 ? width - 2 : 0))
            text += "  " + line + '\n';
        table = figures_table();
    };
    const Change* last = nullptr;
    for (const Change& change : comparison.changes) {
        if (!is_of(change, subject) || !is_worth_a_row(change))
            continue;
        const bool same = last && last->target == change.target &&
                          last->and_target == change.and_target && last->pool == change.pool;
        if (!same) {
            close();
            where = where_of(change);
        }
        last = &change;
        table.add_row(cells_of(change));
    }
    close();
    return text.empty() ? text : fmt::format("\n{}\n{}", title, text);
}

/// The figure of the same thing as `of`; null where there is none.
const Change* figure_beside(const Comparison& comparison, const Change& of, Measure measure)
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

std::string cell_of(const Change* change, bool after)
{
    return change ? in_words(change->measure, after ? change->after.value : change->before.value)
                  : std::string{"-"};
}

std::string more_line(std::size_t more, const char* what)
{
    return more == 0 ? std::string{}
                     : fmt::format("  and {} more {}; the JSON lists them all\n", more, what);
}

/// "orders.py:42 by way of web.py:7"
std::string line_of(const Change& change)
{
    const std::string way =
        change.by_way_of.empty() ? "" : " by way of " + plain_line(change.by_way_of.str(), 400);
    const StackLine* const line = acquiring_line(change.stack.get());
    return line ? plain_line(name_of(line), 128) + way : what_of(change);
}

std::string function_of(const Change& change)
{
    const StackLine* const line = acquiring_line(change.stack.get());
    return line && !line->file.empty() ? plain_line(line->function.str(), 160) : std::string{};
}

std::string places_text(const Comparison& comparison, int width)
{
    TextTable table;
    table.add_column("LINE OF CODE"); // first: what does not fit is cut at the right
    table.add_column("POOL");
    table.add_column("HELD", true);
    table.add_column("AFTER", true);
    table.add_column("CHANGE");
    table.add_column("ACQUIRES", true);
    table.add_column("AFTER", true);
    table.add_column("MEAN HOLD", true);
    table.add_column("AFTER", true);
    table.add_column("FUNCTION");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!is_of(change, Subject::place) || change.measure != Measure::held_mean)
            continue;
        if (++rows > most_lines_of_code) {
            ++more;
            continue;
        }
        const Change* const rate = figure_beside(comparison, change, Measure::acquires_per_second);
        const Change* const hold = figure_beside(comparison, change, Measure::hold_mean);
        table.add_row({line_of(change), where_of(change), cell_of(&change, false),
                       cell_of(&change, true),
                       change_in_words(change.verdict, change.before.value, change.after.value),
                       cell_of(rate, false), cell_of(rate, true), cell_of(hold, false),
                       cell_of(hold, true), function_of(change)});
    }
    if (table.empty())
        return {};
    return "\nLINES OF CODE, by the connections that they hold on average\n" +
           joined(table.lines(width)) + more_line(more, "lines of code");
}

std::string applications_text(const Comparison& comparison, int width)
{
    TextTable table;
    table.add_column("SERVER");
    table.add_column("APPLICATION");
    table.add_column("SESSIONS");
    table.add_column("BEFORE", true);
    table.add_column("AFTER", true);
    table.add_column("CHANGE");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!is_of(change, Subject::application) || !is_worth_a_row(change))
            continue;
        if (++rows > most_rows) {
            ++more;
            continue;
        }
        const std::vector<std::string> cells = cells_of(change);
        table.add_row({where_of(change), what_of(change),
                       change.state                               ? cells.at(0)
                       : change.measure == Measure::sessions_peak ? "all, peak"
                                                                  : "all",
                       cells.at(1), cells.at(2), cells.at(3)});
    }
    if (table.empty())
        return {};
    return "\nSESSIONS BY APPLICATION, on average\n" + joined(table.lines(width)) +
           more_line(more, "rows");
}

std::string findings_table(const Comparison& comparison, Subject subject, const char* title,
                           const char* column, int width)
{
    TextTable table;
    table.add_column("TARGET");
    table.add_column(column);
    table.add_column("BEFORE", true);
    table.add_column("AFTER", true);
    table.add_column("CHANGE");
    std::size_t more = 0;
    std::size_t rows = 0;
    for (const Change& change : comparison.changes) {
        if (!is_of(change, subject))
            continue;
        if (++rows > most_rows) {
            ++more;
            continue;
        }
        const std::vector<std::string> cells = cells_of(change);
        table.add_row({where_of(change), what_of(change), cells.at(1), cells.at(2), cells.at(3)});
    }
    if (table.empty())
        return {};
    return fmt::format("\n{}\n", title) + joined(table.lines(width)) + more_line(more, "rows");
}

std::string sentences(const Comparison& comparison, int width)
{
    const std::vector<const Change*> told = headlines(comparison);
    if (told.empty())
        return "\nNothing changed that is worth a word.\n";
    std::string text = "\nWHAT CHANGED, what matters most first\n";
    for (std::size_t i = 0; i < std::min(told.size(), most_sentences); ++i)
        add_wrapped(text, "- " + sentence_of(*told[i]), 2, width);
    if (told.size() > most_sentences)
        text += fmt::format("  and {} more below\n", told.size() - most_sentences);
    return text;
}

} // namespace

std::string text_of(const Comparison& comparison, int width)
{
    std::string text = heading("Before", comparison.before, width);
    text += heading("After ", comparison.after, width);
    text += sentences(comparison, width);
    if (!comparison.notes.empty())
        text += "\nTO BE KNOWN\n";
    for (const std::string& note : comparison.notes)
        add_wrapped(text, "- " + plain_line(note, 2000), 2, width);
    text += paragraphs(comparison, Subject::pool, "POOLS", width);
    text += places_text(comparison, width);
    text += paragraphs(comparison, Subject::server, "SERVERS", width);
    text += applications_text(comparison, width);
    text += findings_table(comparison, Subject::diagnosis,
                           "DIAGNOSES, how much of the time they stood", "DIAGNOSIS", width);
    text += findings_table(comparison, Subject::alert, "ALERTS, how much of the time they fired",
                           "ALERT", width);
    return text;
}

} // namespace poolscope::compare
