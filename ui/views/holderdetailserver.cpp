// SPDX-License-Identifier: GPL-3.0-or-later
// What the detail of a checkout says of the server's session, and of those who wait behind it.
#include "ui/views/holderdetail.h"

#include "core/analyze/lostconnection.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/prose.h"
#include "ui/views/joinmark.h"
#include "ui/views/sessionwords.h"

#include <QLabel>
#include <QPushButton>

#include <algorithm>

namespace poolscope {

HolderDetail::ServerSide HolderDetail::serverSideOf(const Checkout& c) const
{
    ServerSide side;
    side.link = sessionLink(*store_, c.key);
    side.mayJoin = std::any_of(store_->targets().begin(), store_->targets().end(),
                               [](const TargetSummary& target) { return !tellsPools(target); });
    const auto session = side.link ? side.link->session() : std::nullopt;
    const SessionRow* const row = session ? store_->find(*session) : nullptr;
    const bool pooled = side.link && side.link->by == JoinedBy::pgbouncer;
    const auto own = ServerPids(*store_, {c.key}).of(c);
    side.title = row   ? tr("Server session %1").arg(row->session.key.pid.value)
                 : own ? tr("Server session %1").arg(*own)
                       : tr("Server session");
    side.told = c.server_pid ? QString::number(*c.server_pid) : Formatter::notReported();
    // Behind a pooler the process is told a pid that no server has.
    if (c.server_pid && (pooled || !own))
        side.told = tr("%1, made up by the pooler").arg(*c.server_pid);
    if (side.link && side.link->ambiguous())
        side.candidates = candidateWords(*store_, side.link->sessions);
    if (side.link && !side.link->doubt.empty())
        side.evidence += Formatter::line(side.link->doubt, 1000);
    if (side.link && side.link->through) {
        const TargetSummary* const pooler = store_->target(side.link->through->target);
        const QString client = Formatter::line(side.link->through->id.str(), 60);
        side.through =
            pooler ? tr("client %1 of %2").arg(client, Formatter::line(pooler->info.name, 60))
                   : client;
    }
    if (!row) {
        const TargetSummary* const process = store_->target(c.key.target);
        const std::string lost =
            process ? lost_in_words(process->lost_connections, c, store_->now()) : std::string{};
        if (!lost.empty())
            side.evidence += Formatter::line(lost, 1000);
        return side;
    }
    const Session& s = row->session;
    const TargetSummary* const server = store_->target(s.key.target);
    side.caption = server ? Formatter::line(server->info.name, 60) : QString();
    side.state = Formatter::state(s.state);
    // What a server said last does not grow older while nothing is heard of it.
    const auto old = store_->staleness(s.key.target);
    const Duration silent = old.value_or(Duration{});
    if (old)
        side.caption += tr(", %1 old").arg(Formatter::ageProse(*old));
    if (s.state_since)
        side.state += QStringLiteral(", ") +
                      Formatter::ageProse(store_->age(s.key.target, *s.state_since) - silent);
    side.locks = heldLocks(*store_, s.key);
    side.go = tr("Go to session %1").arg(s.key.pid.value);
    side.statement = s.statement;
    const Timestamp theirs = store_->now() + (server ? server->clock_offset : Duration{0}) - silent;
    for (const std::string& sentence : evidence_of(s, row->blocks, side.link->by, theirs))
        side.evidence += Formatter::line(sentence, 1000);
    side.behind = waitingWords(*store_, *row);
    side.behindCaption = Formatter::sessions(row->blocks);
    return side;
}

void HolderDetail::showServerSide(const ServerSide& side)
{
    serverHead_->setTitle(side.title);
    serverHead_->setCaption(side.caption);
    const bool pooled = side.link && side.link->by == JoinedBy::pgbouncer;
    join_->setVisible(side.mayJoin || pooled);
    if (side.link && side.link->ambiguous())
        join_->setAmbiguous(side.link->by, side.link->sessions.size());
    else if (side.link && side.link->session())
        join_->setJoin(side.link->by);
    else
        join_->setNone(pooled && side.mayJoin ? tr("no server connection of the pooler now")
                                              : tr("no session known"));
    const std::pair<Field, QString> values[] = {{state, side.state},
                                                {candidates, side.candidates},
                                                {through, side.through},
                                                {locks, side.locks},
                                                {pid, side.told}};
    for (const auto& [id, text] : values)
        setField(id, text);
    toSession_->setVisible(!side.go.isEmpty());
    if (!side.go.isEmpty())
        toSession_->setText(side.go);
    const bool waited = !side.behind.isEmpty();
    behindHead_->setVisible(waited);
    behindHead_->setCaption(side.behindCaption);
    behind_->setVisible(waited);
    toBlocking_->setVisible(waited);
    setTextOnce(behind_, unbroken(side.behind.join(QLatin1Char('\n'))));
}

} // namespace poolscope
