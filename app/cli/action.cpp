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
    if (const TargetSummary* const summary = live.picture().target(target);
        summary && hasPools(*summary))
        return Error{plain_line(summary->info.name, 64) +
                         " is an instrumented process: it knows checkouts, not sessions.",
                     "Nothing was sent. See poolscope reclaim --help."};
    const SessionKey key{target, arguments.pid, *arguments.started};
    const SessionRow* const row = live.picture().row(target, arguments.pid);
    if (!row)
        return Error{fmt::format("No session {} is there any more.", arguments.pid.value),
                     "Nothing was sent."};
    if (live.picture().isOwn(row->session))
        return Error{fmt::format("Session {} is Poolscope's own.", arguments.pid.value),
                     "Nothing was sent."};
    SessionRow chosen = *row;
    if (to_us(row->session.key.started) == 0) {
        // The role may not see it: let the source say so, and which grant would help.
        chosen.session.key = key;
        return chosen;
    }
    const TargetSummary* const server = live.picture().target(target);
    if (server && !tells_session_start(server->info.kind) &&
        !same_session(row->session.key, key, server->info.kind))
        return Error{fmt::format("Session {} is of another life of the server: it restarted {}.",
                                 arguments.pid.value, format_iso8601(row->session.key.started)),
                     "Nothing was sent."};
    if (server && !same_session(row->session.key, key, server->info.kind))
        return Error{fmt::format("Process id {} belongs to another session by now, started {}.",
                                 arguments.pid.value, format_iso8601(row->session.key.started)),
                     "Nothing was sent."};
    return chosen;
}

/// The checkout to take back, or why there is none.
Result<CheckoutKey> findCheckout(const Live& live, const Arguments& arguments, TargetId id)
{
    const TargetSummary* const target = live.picture().target(id);
    if (!target || !hasPools(*target))
        return Error{"Only an instrumented process can take a checkout back.", "Nothing was sent."};
    // A pooler says itself what can be done instead.
    if (target->info.kind != "pgbouncer" && target->agent && !target->agent->may_reclaim)
        return Error{plain_line(target->info.name, 64) +
                         " does not allow checkouts to be taken back: its process decides that "
                         "when it starts its agent.",
                     "Nothing was sent."};
    const CheckoutKey key{id, Text{arguments.checkout}};
    if (!live.picture().checkout(key))
        return Error{"No checkout " + plain_line(arguments.checkout, 100) + " is open any more.",
                     "Nothing was sent."};
    return key;
}

/// Sends it; or says why not.
std::optional<Error> request(const Live& live, const Arguments& arguments, TargetId target)
{
    if (arguments.verb == Verb::reclaim) {
        const auto checkout = findCheckout(live, arguments, target);
        if (!checkout)
            return checkout.error();
        live.workspace().reclaim({checkout.value()});
        return std::nullopt;
    }
    const auto row = find(live, arguments, target);
    if (!row)
        return row.error();
    live.workspace().execute(
        arguments.verb == Verb::cancel ? ActionVerb::cancel : ActionVerb::terminate, {row.value()});
    return std::nullopt;
}

/// Null while the server or the pool has not answered.
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

/// Nothing was sent: the array of what was done is empty.
int sentNothing(const Arguments& arguments, int code)
{
    if (arguments.json)
        print("[]\n");
    return code;
}

int report(const Arguments& arguments, const TargetSummary& target, const ActionRecord* action)
{
    if (!action) {
        complain(arguments.verb == Verb::reclaim
                     ? "The process did not answer; what became of the checkout is not known."
                     : "The server did not answer; what became of the session is not known.");
        return exitUnreachable;
    }
    if (arguments.json) {
        JsonWriter json;
        json.begin_array();
        writeAction(json, target, *action);
        json.end_array();
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
    const std::string what = action->verb == ActionVerb::reclaim
                                 ? plain_line(action->checkout.id.str(), 100)
                                 : std::to_string(action->session.pid.value);
    if (!arguments.json)
        print(fmt::format("{} {}: {}\n", name_of(action->verb), what, said));
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
        complain("A recording is the past: nothing in it can be cancelled, ended or taken back.");
        return exitUsage;
    }
    if (arguments.readOnly) {
        complain("Read-only: no command leaves Poolscope.");
        return sentNothing(arguments, exitRefused);
    }
    Live live{arguments};
    if (!live.attachAll())
        return exitUsage;
    live.waitForPictures();
    if (live.anyUnreachable())
        return sentNothing(arguments, exitUnreachable);

    const TargetId target = live.fates().begin()->first;
    if (const auto trouble = request(live, arguments, target)) {
        complain(*trouble);
        return sentNothing(arguments, exitRefused);
    }
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
