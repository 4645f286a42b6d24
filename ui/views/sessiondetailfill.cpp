// SPDX-License-Identifier: GPL-3.0-or-later
// What a session's detail says, section by section.
#include "ui/models/joined.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/panel.h"
#include "ui/theme/prose.h"
#include "ui/views/blockingplace.h"
#include "ui/views/detailhead.h"
#include "ui/views/sessiondetail.h"
#include "ui/views/sessiondetail_p.h"

#include <QLabel>
#include <QPushButton>

#include <algorithm>
#include <map>

namespace poolscope {

using namespace detail;

void SessionDetail::fillSession(const SessionRow& row, const Transport& transport)
{
    const Session& s = row.session;
    const Formatter format(context_.utc());
    sessionHead_->setCaption(
        transport.mode == Mode::live
            ? (store_->targets().size() > 1 && store_->target(s.key.target)
                   ? Formatter::line(store_->target(s.key.target)->info.name, 60)
                   : QString())
            : tr("as of %1").arg(format.instant(store_->now(), store_->now())));
    setTextOnce(fields_[user], named(s.user));
    setTextOnce(fields_[database], named(s.database));
    setTextOnce(fields_[application], s.application.empty() && !s.application.is_null()
                                          ? tr("no name")
                                          : named(s.application));
    setTextOnce(fields_[client], named(s.client));
    const TargetSummary* const its = store_->target(s.key.target);
    const bool known = to_us(s.key.started) != 0 && (!its || tells_session_start(its->info.kind));
    setTextOnce(fields_[started], known ? format.instantExact(s.key.started, store_->now())
                                        : Formatter::notReported());
    fields_[started]->setToolTip(known ? Formatter::iso(s.key.started) : QString());
    setTextOnce(fields_[waitEvent],
                s.wait_event.empty() ? tr("none") : Formatter::line(s.wait_event.str(), 200));
    const auto checkout = checkoutOf(*store_, s.key);
    toCheckout_->setVisible(checkout.has_value());
    if (checkout)
        toCheckout_->setText(tr("Go to checkout %1").arg(Formatter::line(checkout->id.str(), 24)));
    setTextOnce(fields_[holding], holds(s.key));
    const TargetSummary* const target = store_->target(s.key.target);
    const QString none = !target || tellsXmin(*target) ? tr("none") : Formatter::notReported();
    setTextOnce(fields_[xid], s.xid ? QString::number(*s.xid) : none);
    QString oldest = s.xmin ? QString::number(*s.xmin) : none;
    if (s.xmin && target && target->next_xid)
        oldest += tr("  (%1 transactions old)")
                      .arg(Formatter::count(xid_age(*s.xmin, *target->next_xid)));
    setTextOnce(fields_[xmin], unbroken(oldest));
}

QString SessionDetail::holds(const SessionKey& key) const
{
    const TargetSummary* const target = store_->target(key.target);
    const auto found = target ? target->locks.find(key.pid) : decltype(target->locks.end()){};
    if (!target || found == target->locks.end())
        return tr("read for blockers and suspects only");
    // One line a relation: modes of one table belong together.
    std::map<QString, QStringList> held;
    for (const Lock& lock : found->second) {
        if (!lock.granted || lock.type == "virtualxid")
            continue;
        const QString what =
            Formatter::line(lock.relation.empty() ? lock.type : lock.relation, 100);
        QStringList& modes = held[what];
        const QString mode = Formatter::line(lock.mode, 60);
        if (!modes.contains(mode))
            modes += mode;
    }
    QStringList lines;
    for (const auto& [what, modes] : held) {
        if (lines.size() == 8) {
            lines += tr("and %1 more").arg(held.size() - 8);
            break;
        }
        lines += what + QStringLiteral(": ") + modes.join(QStringLiteral(", "));
    }
    return lines.isEmpty() ? tr("nothing") : lines.join(QLatin1Char('\n'));
}

/// What a server said last stays while it does not answer, written as old.
void SessionDetail::showOld(const SessionKey& key, const Transport& transport)
{
    const std::optional<Duration> age = store_->staleness(key.target);
    setOld(age.has_value());
    if (age && transport.mode == Mode::live)
        sessionHead_->setCaption(
            tr("%1 old").arg(Formatter::ageProse(std::chrono::floor<std::chrono::seconds>(*age))));
}

void SessionDetail::fillStatement(const SessionRow& row)
{
    const Session& s = row.session;
    const Formatter format(context_.utc());
    const bool runs = s.state == SessionState::active || s.state == SessionState::waiting;
    QString caption = runs ? tr("running") : tr("last");
    if (runs && s.statement_since)
        caption = tr("running for %1")
                      .arg(Formatter::ageProse(store_->age(s.key.target, *s.statement_since)));
    else if (!runs && s.state_since)
        caption = tr("last, ended %1").arg(format.instantExact(*s.state_since, store_->now()));
    statementHead_->setCaption(caption);
    setStatement(statement_,
                 s.statement.is_null() ? QString() : Formatter::text(s.statement.str()));
}

/// "9 billing, 4 report-worker": those who wait for it, by application.
QString SessionDetail::waitingFor(const BlockingNode& node) const
{
    std::map<QString, int> names;
    for (const BlockingNode& behind : node.waiting) {
        if (const SessionRow* const waiter = store_->find(behind.key)) {
            const Text& name = waiter->session.application.empty() ? waiter->session.user
                                                                   : waiter->session.application;
            ++names[Formatter::line(name.str(), 60)];
        }
    }
    QStringList parts;
    for (const auto& [name, n] : names) {
        if (parts.size() == 8) {
            parts += tr("others");
            break;
        }
        parts += QStringLiteral("%1 %2").arg(QString::number(n),
                                             name.isEmpty() ? tr("without a name") : name);
    }
    return parts.join(QStringLiteral(", "));
}

void SessionDetail::fillBlocking(const SessionRow& row)
{
    const auto place = blockingPlace(*store_, row.session.key);
    const auto pidWords = [](Pid pid) {
        return pid.value == 0 ? tr("a prepared transaction") : QString::number(pid.value);
    };
    QStringList lines;
    if (place && !place->node->waiting.empty()) {
        lines += tr("Waiting for it: %1.").arg(waitingFor(*place->node));
        const auto direct = static_cast<std::int32_t>(place->node->waiting.size());
        if (row.blocks > direct)
            lines += tr("%1 more wait behind those.").arg(row.blocks - direct);
    }
    blockerKey_.reset();
    if (place && place->parent) {
        QStringList others;
        for (const Pid pid : place->node->also)
            others += pidWords(pid);
        const QString first = pidWords(place->parent->key.pid);
        lines +=
            others.isEmpty()
                ? tr("It waits for %1.").arg(first)
                : tr("It waits for %1, and for %2.").arg(first, others.join(QStringLiteral(", ")));
        if (place->ahead > 0)
            lines += tr("%1 stand before it in the queue for the same lock.").arg(place->ahead);
        if (store_->find(place->parent->key))
            blockerKey_ = place->parent->key;
    }
    blocksHead_->setTitle(row.blocks > 0 ? tr("Blocks %1").arg(Formatter::count(row.blocks))
                                         : tr("Blocked by"));
    const bool any = !lines.isEmpty();
    blocksHead_->setVisible(any);
    blocks_->setVisible(any);
    setTextOnce(blocks_, lines.join(QLatin1Char('\n')));
    blocker_->setVisible(blockerKey_.has_value());
    if (blockerKey_)
        blocker_->setText(tr("Go to %1").arg(blockerKey_->pid.value));
}

void SessionDetail::fillEvidence(const SessionKey& key)
{
    QStringList lines;
    for (const std::string& sentence : store_->evidence(key))
        lines += Formatter::line(sentence);
    evidenceHead_->setVisible(!lines.isEmpty());
    evidence_->setVisible(!lines.isEmpty());
    const SuspectedLeak* const leak = store_->suspicion(key);
    evidenceHead_->setCaption(leak ? Formatter::severity(leak->severity) : QString());
    setTextOnce(evidence_, unbroken(lines.join(QLatin1Char('\n'))));
}

} // namespace poolscope
