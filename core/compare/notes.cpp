// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/notes.h"

#include "core/analyze/words.h"
#include "core/base/text.h"

#include <fmt/format.h>

#include <cmath>

namespace poolscope::compare {

namespace {

constexpr std::size_t most_notes = 60;

std::string in_prose(double seconds)
{
    return format_duration_prose(Duration{std::llround(seconds * 1e6)});
}

class Notes
{
public:
    Notes(const Naming& naming, std::vector<std::string>& into)
        : naming_(naming)
        , into_(into)
    {}

    std::string name(const TargetFigures& target) const
    {
        return plain_line((naming_.target ? naming_.target(target.info) : target.info).name, 64);
    }
    std::string name(const Text& pool) const
    {
        return plain_line((naming_.pool ? naming_.pool(pool) : pool).str(), 128);
    }

    void side(const Side& side, const char* which)
    {
        if (side.damage)
            // The reason quotes the file, whose name may name a host or a customer.
            into_.push_back(naming_.text
                                ? fmt::format("{}: the recording is damaged, and read up to {}.",
                                              which, format_iso8601(side.to))
                                : fmt::format("{}: the recording is read up to {}: {}", which,
                                              format_iso8601(side.to), side.damage->sentence));
        else if (!side.complete)
            into_.push_back(fmt::format("{}: the recording was still being written, or was cut "
                                        "off: what came after it is not known.",
                                        which));
        if (side.seconds() < least_observed)
            into_.push_back(fmt::format("{}: the range lasts {}. Differences are called changes "
                                        "from {} on.",
                                        which, in_prose(side.seconds()), in_prose(least_observed)));
        if (side.crowded)
            into_.push_back(fmt::format("{}: there are more pools, lines of code or applications "
                                        "than are compared. Those that came first are.",
                                        which));
        for (const auto& [id, target] : side.targets)
            gaps(target, which);
    }

    void overlap(const Side& before, const Side& after)
    {
        const double both =
            seconds_between(std::max(before.from, after.from), std::min(before.to, after.to));
        if (before.name == after.name && before.recorded == after.recorded && both > 0)
            into_.push_back(fmt::format("The two ranges have {} in common, which count on both "
                                        "sides.",
                                        in_prose(both)));
    }

    void gaps(const TargetFigures& target, const char* which)
    {
        if (target.unseen > 0)
            into_.push_back(fmt::format("{}: {} was not seen for {}, in {}. That time does not "
                                        "count.",
                                        which, name(target), in_prose(target.unseen),
                                        count_of(target.gaps, "gap")));
        const double seen = target.observed;
        if (target.observed > 0 && seen < least_observed && target.unseen > 0)
            into_.push_back(fmt::format("{}: {} was observed for {} alone, which is too little to "
                                        "call a difference a change.",
                                        which, name(target), in_prose(seen)));
    }

    void pair(const Pair<TargetFigures>& both)
    {
        if (!both.first || !both.second) {
            const TargetFigures& one = both.first ? *both.first : *both.second;
            into_.push_back(fmt::format("{} was observed {} alone.", name(one),
                                        both.first ? "before" : "after"));
            return;
        }
        if (name(*both.first) != name(*both.second))
            into_.push_back(fmt::format("{} (before) is compared with {} (after): they are the "
                                        "same program, or the only ones of their kind.",
                                        name(*both.first), name(*both.second)));
        one_sided(*both.first, *both.second, "before");
        one_sided(*both.second, *both.first, "after");
    }

private:
    void one_sided(const TargetFigures& one, const TargetFigures& other, const char* which)
    {
        for (const auto& [pool, figures] : one.pools) {
            if (figures.present.time() <= 0)
                continue;
            const auto found = other.pools.find(pool);
            if (found == other.pools.end() || found->second.present.time() <= 0)
                into_.push_back(fmt::format("{}, pool {}: it was there {} alone.", name(one),
                                            name(pool), which));
        }
    }

    const Naming& naming_;
    std::vector<std::string>& into_;
};

} // namespace

std::vector<std::string> notes_on(const Side& before, const Side& after,
                                  const std::vector<Pair<TargetFigures>>& targets,
                                  const Naming& naming)
{
    std::vector<std::string> sentences;
    Notes notes{naming, sentences};
    notes.side(before, "Before");
    notes.side(after, "After");
    notes.overlap(before, after);
    for (const Pair<TargetFigures>& each : targets)
        notes.pair(each);
    if (sentences.size() > most_notes) {
        const std::size_t more = sentences.size() - most_notes;
        sentences.resize(most_notes);
        sentences.push_back(fmt::format("{} more of the kind.", more));
    }
    return sentences;
}

} // namespace poolscope::compare
