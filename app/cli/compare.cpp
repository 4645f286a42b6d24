// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/compare.h"
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/picture.h"
#include "app/cli/verbs.h"
#include "core/compare/json.h"
#include "core/compare/text.h"

#include <filesystem>

namespace poolscope {

namespace {

/// One side on its way.
struct Compared
{
    std::unique_ptr<RecordingReader> reader;
    RecordingInfo info;
    compare::Question question;
};

/// False where it cannot be read; then that has been said.
bool readInto(const std::string& file, Compared& into)
{
    auto opened = RecordingReader::open(file);
    auto info = opened ? opened.value()->info() : Result<RecordingInfo>{opened.error()};
    if (!info) {
        complain(info.error());
        return false;
    }
    into.reader = std::move(opened).value();
    into.info = std::move(info).value();
    return true;
}

/// False where it makes no sense; then that has been said.
bool askInstant(const std::optional<std::string>& text, const char* option,
                const RecordingInfo& info, std::optional<Timestamp>& into)
{
    if (!text)
        return true;
    const auto instant = instantWithin(*text, info.started, info.ended);
    if (!instant) {
        complain(Error{std::string{option} + ": " + instant.error().sentence,
                       instant.error().next_step});
        return false;
    }
    into = instant.value();
    return true;
}

bool askRanges(const Arguments& arguments, Compared& before, Compared& after)
{
    compare::Question& first = before.question;
    compare::Question& second = after.question;
    if (!askInstant(arguments.from, "--from", before.info, first.from) ||
        !askInstant(arguments.to, "--to", before.info, first.to) ||
        !askInstant(arguments.andFrom, "--and-from", after.info, second.from) ||
        !askInstant(arguments.andTo, "--and-to", after.info, second.to))
        return false;
    // Of one recording what is not said is where the other range is not.
    if (arguments.targets.size() == 1) {
        const std::optional<Timestamp> end = first.to;
        if (!first.to)
            first.to = second.from;
        if (!second.from && !second.to)
            second.from = end;
    }
    const auto isRange = [](const Compared& side) {
        return side.question.to.value_or(side.info.ended) >
               side.question.from.value_or(side.info.started);
    };
    if (!isRange(before)) {
        complain("Nothing is between --from and --to. Give the first range a later end.");
        return false;
    }
    if (!isRange(after)) {
        complain("Nothing is between --and-from and --and-to. Give the second range a later end, "
                 "or an earlier begin.");
        return false;
    }
    return true;
}

std::string calledIn(const Arguments& arguments, std::size_t number)
{
    // A file's name may name a host or a customer.
    if (arguments.redact)
        return "recording " + std::to_string(number + 1);
    return std::filesystem::path{arguments.targets.at(number)}.filename().string();
}

void printComparison(const Arguments& arguments, const compare::Comparison& comparison)
{
    if (!arguments.json) {
        print(compare::text_of(comparison, outputWidth()));
        return;
    }
    print(compare::json_of(comparison));
    for (const std::string& note : comparison.notes)
        complain(note);
}

} // namespace

int runCompare(const Arguments& arguments)
{
    const bool one = arguments.targets.size() == 1;
    if (arguments.targets.size() > 2) {
        complain("A comparison is of two recordings at most.");
        return exitUsage;
    }
    if (one && !arguments.from && !arguments.to && !arguments.andFrom && !arguments.andTo) {
        complain("Compare it with what? Give a second recording, or two ranges of this one: "
                 "--to 14:25 --and-from 14:30.");
        return exitUsage;
    }
    Compared before;
    Compared after;
    if (!readInto(arguments.targets.front(), before) || !readInto(arguments.targets.back(), after))
        return exitUnreadable;
    before.question.name = calledIn(arguments, 0);
    after.question.name = calledIn(arguments, one ? 0 : 1);
    if (!askRanges(arguments, before, after))
        return exitUsage;
    compare::Naming naming;
    if (arguments.redact) {
        auto concealing = compare::concealing(*before.reader, *after.reader);
        if (!concealing) {
            complain(concealing.error());
            return exitUnreadable;
        }
        naming = std::move(concealing).value();
    }
    const auto first = compare::side_of(*before.reader, before.question);
    const auto second =
        first ? compare::side_of(*after.reader, after.question) : Result<compare::Side>{first};
    if (!second) {
        complain(second.error());
        return exitUnreadable;
    }
    printComparison(arguments, compare::compare(first.value(), second.value(), naming));
    return first.value().damage || second.value().damage ? exitUnreadable : exitDone;
}

} // namespace poolscope
