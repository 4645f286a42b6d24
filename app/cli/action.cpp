// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/objects.h"
#include "app/cli/verbs.h"
#include "core/source/registry.h"

#include <fmt/format.h>

namespace poolscope {

namespace {

constexpr Duration longestAnswer = std::chrono::seconds{20};
/// After the server took the signal, how long to look for its effect.
constexpr Duration longestEffect = std::chrono::seconds{5};

/// The row to act on, or why there is none.
Result<SessionRow> find(const Live& live, const Arguments& arguments, TargetId target)
{
    const SessionKey key{target, arguments.pid, *arguments.started};
    const SessionRow* const row = live.picture().row(target, arguments.pid);
    if (!row)
        return Error{fmt::format("No session {} is there any more.", arguments.pid.value),
                     "Nothing was sent."};
    if (row->session.own)
        return Error{fmt::format("Session {} is Poolscope's own.", arguments.pid.value),
                     "Nothing was sent."};
    SessionRow chosen = *row;
    if (to_us(row->session.key.started) == 0) {
        // The role may not see it: let the source say so, and which grant would help.
        chosen.session.key = key;
        return chosen;
    }
    if (row->session.key != key)
        return Error{fmt::format("Process id {} belongs to another session by now, started {}.",
                                 arguments.pid.value, format_iso8601(row->session.key.started)),
                     "Nothing was sent."};
    return chosen;
}

/// Null while the server has not answered.
const ActionRecord* answerIn(const Picture& picture)
{
    if (picture.actions.empty())
        return nullptr;
    const ActionRecord& action = picture.actions.back();
    switch (action.phase) {
    case ActionPhase::accepted:
    case ActionPhase::refused:
    case ActionPhase::timed_out:
    case ActionPhase::observed:
        return &action;
    default:
        return nullptr;
    }
}

int report(const Arguments& arguments, const TargetSummary& target, const ActionRecord* action)
{
    if (!action) {
        complain("The server did not answer; what became of the session is not known.");
        return exitUnreachable;
    }
    if (arguments.json) {
        JsonWriter json;
        json.beginArray();
        writeAction(json, target, *action);
        json.endArray();
        print(json.text() + '\n');
    }
    const std::string said =
        action->outcome.empty() ? std::string{name_of(action->phase)} : action->outcome;
    switch (action->phase) {
    case ActionPhase::refused:
        complain(said);
        return exitRefused;
    case ActionPhase::timed_out:
        complain(said);
        return exitUnreachable;
    default:
        break;
    }
    if (!arguments.json)
        print(fmt::format("{} {}: {}\n", name_of(action->verb), action->session.pid.value, said));
    return exitDone;
}

} // namespace

int runAction(const Arguments& arguments)
{
    const auto kind = classifyTarget(QString::fromStdString(arguments.targets.front()));
    if (!kind) {
        complain(kind.error());
        return exitUsage;
    }
    if (kind.value() == TargetKind::recording) {
        complain("A recording is the past: nothing in it can be cancelled or ended.");
        return exitUsage;
    }
    if (arguments.readOnly) {
        complain("Read-only: no command leaves Poolscope.");
        return exitRefused;
    }
    Live live{arguments};
    if (!live.attachAll())
        return exitUsage;
    live.waitForPictures();
    if (live.anyUnreachable())
        return exitUnreachable;

    const TargetId target = live.fates().begin()->first;
    const auto row = find(live, arguments, target);
    if (!row) {
        complain(row.error());
        return exitRefused;
    }
    const ActionVerb verb =
        arguments.verb == Verb::cancel ? ActionVerb::cancel : ActionVerb::terminate;
    live.workspace().execute(verb, {row.value()});
    live.waitUntil([&live] { return answerIn(live.picture()) != nullptr; }, longestAnswer);
    live.waitUntil(
        [&live] {
            const ActionRecord* const action = answerIn(live.picture());
            return !action || action->phase != ActionPhase::accepted;
        },
        longestEffect);
    return report(arguments, *live.picture().target(target), answerIn(live.picture()));
}

} // namespace poolscope
