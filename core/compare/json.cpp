// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/json.h"

#include "core/compare/seconds.h"
#include "core/report/json.h"

#include <algorithm>
#include <cmath>

namespace poolscope::compare {

namespace {

/// As far as a double counts one by one.
constexpr double most_counted = 9'007'199'254'740'992.0;

void write_figure(JsonWriter& json, const char* name, Measure measure,
                  const std::optional<double>& value)
{
    json.key(name);
    if (!value)
        json.null();
    else if (rule_of(measure).unit == Unit::duration)
        json.value(duration_of(*value));
    else if (rule_of(measure).unit == Unit::count)
        json.value(std::llround(std::clamp(*value, 0.0, most_counted)));
    else
        json.value(std::round(*value * 1e6) / 1e6);
}

void write_target(JsonWriter& json, const char* name, const std::optional<TargetInfo>& target)
{
    json.key(name);
    if (target)
        json.value(target->url);
    else
        json.null();
}

void write_change(JsonWriter& json, const Change& change)
{
    json.begin_object();
    json.member("kind", name_of(change.subject));
    write_target(json, "target", change.target);
    write_target(json, "and_target", change.and_target);
    json.member("pool", change.pool);
    json.key("subject");
    const bool named = !change.what.empty() || (change.subject == Subject::place &&
                                                acquiring_line(change.stack.get()) != nullptr);
    if (!named)
        json.null();
    else if (change.subject == Subject::place)
        json.value(what_of(change));
    else
        json.value(change.what);
    json.member("by_user", change.subject == Subject::application && change.user);
    json.key("state");
    if (change.state)
        json.value(poolscope::name_of(*change.state));
    else
        json.null();
    json.member("measure", rule_of(change.measure).name);
    write_figure(json, "before", change.measure, change.before.value);
    write_figure(json, "after", change.measure, change.after.value);
    json.member("verdict", name_of(change.verdict));
    json.member("notable", is_change(change.verdict));
    json.key("sentence");
    if (is_change(change.verdict))
        json.value(sentence_of(change));
    else
        json.null();
    const auto observed = [](const Figure& figure) {
        return duration_of(figure.observed);
    };
    json.member("before_observed_us", observed(change.before));
    json.member("after_observed_us", observed(change.after));
    write_stack(json, change.stack);
    json.end_object();
}

} // namespace

std::string json_of(const Comparison& comparison)
{
    JsonWriter json;
    json.begin_array();
    const std::vector<const Change*> first = changes_by_weight(comparison);
    for (const Change* const change : first)
        write_change(json, *change);
    for (const Change& change : comparison.changes) {
        if (!is_change(change.verdict))
            write_change(json, change);
    }
    json.end_array();
    return json.text() + '\n';
}

} // namespace poolscope::compare
