// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/causewords.h"
#include "core/base/text.h"
#include "core/compare/comparison.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope::compare {

namespace {

std::string spaced(std::string_view word)
{
    std::string text{word};
    std::replace(text.begin(), text.end(), '_', ' ');
    return text;
}

std::string state_in_words(SessionState state)
{
    switch (state) {
    case SessionState::idle_in_transaction_aborted:
        return "idle in transaction (aborted)";
    case SessionState::waiting:
        return "waiting for a lock";
    case SessionState::unknown:
        return "in a state that is hidden";
    default:
        return spaced(name_of(state));
    }
}

std::string place_in_words(const StackRef& stack)
{
    const StackLine* const line = acquiring_line(stack.get());
    if (!line)
        return "code without an acquire stack";
    const std::string at = plain_line(name_of(line), 128);
    return line->function.empty() || line->file.empty()
               ? at
               : fmt::format("{} ({})", plain_line(line->function.str(), 160), at);
}

/// "rose from 12/s to 42/s (×3.4)"
std::string moved(const Change& change)
{
    const std::string before = in_words(change.measure, change.before.value);
    const std::string after = in_words(change.measure, change.after.value);
    switch (change.verdict) {
    case Verdict::appeared:
        return fmt::format("came up, {} after none", after);
    case Verdict::gone:
        return fmt::format("went from {} to none", before);
    default:
        return fmt::format(
            "{} from {} to {} ({})", change.verdict == Verdict::more ? "rose" : "fell", before,
            after, change_in_words(change.verdict, change.before.value, change.after.value));
    }
}

/// "was 40 % of the time, before 3 %"
std::string share(std::optional<double> value)
{
    return value && *value <= 0 ? std::string{"never"}
                                : in_words(Measure::stood_ratio, value) + " of the time";
}

std::string number_of(std::optional<double> value, const char* zero)
{
    return value && *value <= 0 ? std::string{zero} : in_words(Measure::held_mean, value);
}

} // namespace

std::string where_of(const Change& change)
{
    const auto& target = change.and_target ? change.and_target : change.target;
    std::string text = target ? plain_line(target->name, 64) : std::string{};
    if (!change.pool.is_null())
        text += (text.empty() ? "pool " : ", pool ") + plain_line(change.pool.str(), 128);
    return text;
}

std::string what_of(const Change& change)
{
    switch (change.subject) {
    case Subject::place:
        return place_in_words(change.stack) +
               (change.by_way_of.empty() ? std::string{}
                                         : " by way of " + plain_line(change.by_way_of.str(), 400));
    case Subject::application:
        if (change.what.empty())
            return "an unnamed application";
        return (change.user ? "user " : "") + plain_line(change.what.str(), 128);
    case Subject::diagnosis:
        return plain_line(cause_in_words(change.what.str()), 64);
    case Subject::alert:
        return plain_line(change.what.str(), 128);
    default:
        return {};
    }
}

std::string measure_of(const Change& change)
{
    return change.state ? state_in_words(*change.state)
                        : std::string{rule_of(change.measure).words};
}

std::string sentence_of(const Change& change)
{
    const std::string where = where_of(change);
    const std::string what = what_of(change);
    if (change.measure == Measure::held_mean)
        return fmt::format("{}: {} holds {} connections on average, before {}.", where, what,
                           number_of(change.after.value, "no"),
                           number_of(change.before.value, "none"));
    if (change.measure == Measure::sessions_mean && change.subject == Subject::application)
        return fmt::format("{}: {} has {} sessions{} on average, before {}.", where, what,
                           number_of(change.after.value, "no"),
                           change.state ? ' ' + state_in_words(*change.state) : std::string{},
                           number_of(change.before.value, "none"));
    if (change.subject == Subject::diagnosis)
        return fmt::format("{}: diagnosed as \"{}\" {}, before {}.", where, what,
                           share(change.after.value), share(change.before.value));
    if (change.subject == Subject::alert)
        return fmt::format("{}: the alert \"{}\" fired {}, before {}.", where, what,
                           share(change.after.value), share(change.before.value));
    return fmt::format("{}{}: {} {}.", where, what.empty() ? std::string{} : ", " + what,
                       measure_of(change), moved(change));
}

} // namespace poolscope::compare
