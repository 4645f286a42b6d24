// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/commandgate.h"
#include "ui/models/ownsessions.h"
#include "ui/models/translate.h"

#include <algorithm>

namespace poolscope {

namespace {

QString modeObstacle(const Transport& transport, const Formatter& format)
{
    switch (transport.mode) {
    case Mode::replay:
        return tr("Off in replay: this is %1, and the session may be gone. Attach to the server to "
                  "act.")
            .arg(format.instant(transport.cursor, transport.end));
    case Mode::paused:
        return tr("Off while paused at %1: return to the live edge to act.")
            .arg(format.instant(transport.cursor, transport.end));
    case Mode::empty:
        return tr("Nothing is attached.");
    case Mode::live:
        break;
    }
    return transport.readOnly ? tr("Off: read-only mode. No command leaves this window.")
                              : QString();
}

QString sessionObstacle(const SessionRow& row, const SessionStore& store)
{
    const Session& s = row.session;
    if (isOwn(store, s))
        return tr("This is Poolscope's own session.");
    if (!s.is_client())
        return tr("This is the server's own worker, not a client's session.");
    const TargetSummary* const target = store.target(s.key.target);
    if (!target)
        return {};
    const QString name = Formatter::line(target->info.name, 100);
    if (target->status.reach != Reach::up)
        return tr("%1 does not answer; commands wait for it to be back.").arg(name);
    const QString grant = target->facts ? Formatter::line(target->facts->missing_grant) : QString();
    const QString help = grant.isEmpty() ? QString() : tr(" This would help: %1").arg(grant);
    if (to_us(s.key.started) == 0)
        return tr("Off: on %1 the role may not see when this session started, so it cannot be told "
                  "from a later one with its pid.")
                   .arg(name) +
               help;
    // Where each session's start is its own, who may see it may mostly end it as well: a member of
    // its role needs no grant for that. The server decides, and its words are shown.
    if (target->facts && !tells_session_start(target->info.kind) && !target->facts->can_signal &&
        !target->facts->superuser && target->facts->role != s.user.str())
        return tr("Off: on %1 the role may not signal sessions of others.").arg(name) + help;
    return {};
}

} // namespace

QString commandObstacle(ActionVerb verb, const std::vector<SessionRow>& sessions,
                        const SessionStore& store, const Transport& transport,
                        const Formatter& format)
{
    if (QString mode = modeObstacle(transport, format); !mode.isEmpty())
        return mode;
    if (sessions.empty())
        return tr("No session is selected.");
    for (const SessionRow& row : sessions) {
        if (QString reason = sessionObstacle(row, store); !reason.isEmpty())
            return reason;
    }
    const auto runs = [](const SessionRow& row) {
        return row.session.state == SessionState::active ||
               row.session.state == SessionState::waiting ||
               row.session.state == SessionState::other;
    };
    if (verb == ActionVerb::cancel && std::none_of(sessions.begin(), sessions.end(), runs))
        return sessions.size() == 1 ? tr("Cancel is not offered: the session runs no statement.")
                                    : tr("Cancel is not offered: none of them runs a statement.");
    return {};
}

QString reclaimObstacle(const std::vector<CheckoutKey>& checkouts, const SessionStore& store,
                        const Transport& transport, const Formatter& format)
{
    if (transport.mode == Mode::replay)
        return tr("Off in replay: this is %1, and the checkout may have come back. Attach to the "
                  "process to act.")
            .arg(format.instant(transport.cursor, transport.end));
    if (QString mode = modeObstacle(transport, format); !mode.isEmpty())
        return mode;
    if (checkouts.empty())
        return tr("No checkout is selected.");
    for (const CheckoutKey& key : checkouts) {
        if (!store.checkout(key))
            return tr("This checkout has come back.");
        const TargetSummary* const target = store.target(key.target);
        if (!target)
            continue;
        const QString name = Formatter::line(target->info.name, 100);
        if (target->status.reach != Reach::up)
            return tr("%1 does not answer; commands wait for it to be back.").arg(name);
        if (target->info.kind == "pgbouncer" && target->agent && !target->agent->may_reclaim)
            return tr("Off: PgBouncer ends one client from version 1.24 on, for its admin_users "
                      "alone. Terminate the session behind it on the database server.");
        if (!target->agent || !target->agent->may_reclaim)
            return tr("Off: %1 does not allow it. A process allows it when it starts its agent.")
                .arg(name);
    }
    return {};
}

QString resultWords(const ActionRecord* action, Timestamp now, const Formatter& format)
{
    if (!action)
        return {};
    const QString words = tr("%1: %2 at %3.")
                              .arg(Formatter::verb(action->verb), Formatter::phase(action->phase),
                                   format.instant(action->changed, now));
    const QString outcome = Formatter::line(action->outcome, 300);
    return outcome.isEmpty() ? words : words + QLatin1Char(' ') + outcome;
}

std::vector<SessionRow> commandable(const std::vector<SessionRow>& selected,
                                    const SessionStore& store)
{
    if (selected.size() <= 1)
        return selected;
    std::vector<SessionRow> clients, rows;
    for (const SessionRow& row : selected) {
        if (isOwn(store, row.session) || !row.session.is_client())
            continue;
        clients.push_back(row);
        if (sessionObstacle(row, store).isEmpty())
            rows.push_back(row);
    }
    return rows.empty() ? clients : rows;
}

} // namespace poolscope
