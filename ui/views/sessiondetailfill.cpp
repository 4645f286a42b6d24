// SPDX-License-Identifier: GPL-3.0-or-later
// What a session's detail says, section by section.
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/targetkinds.h"
#include "ui/theme/panel.h"
#include "ui/theme/prose.h"
#include "ui/views/blockingplace.h"
#include "ui/views/joinmark.h"
#include "ui/views/linkbutton.h"
#include "ui/views/sessiondetail.h"
#include "ui/views/sessiondetail_p.h"
#include "ui/views/sessionwords.h"

#include <QLabel>
#include <QPushButton>

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
    setTextOnce(fields_[holding], heldLocks(*store_, s.key));
    const TargetSummary* const target = store_->target(s.key.target);
    const QString none = !target || tellsXmin(*target) ? tr("none") : Formatter::notReported();
    setTextOnce(fields_[xid], s.xid ? QString::number(*s.xid) : none);
    QString oldest = s.xmin ? QString::number(*s.xmin) : none;
    if (s.xmin && target && target->next_xid)
        oldest += tr("  (%1 transactions old)")
                      .arg(Formatter::count(xid_age(*s.xmin, *target->next_xid)));
    setTextOnce(fields_[xmin], unbroken(oldest));
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

/// The pool's side of the session: who checked this connection out, and where.
void SessionDetail::fillCheckout(const SessionKey& key)
{
    const auto link = checkoutLink(*store_, key);
    const auto checkout = link ? store_->checkout(link->checkout) : nullptr;
    const bool asked = canJoin(*store_);
    checkoutHead_->setVisible(asked);
    join_->setVisible(asked);
    const StackLine* const line = checkout ? acquiring_line(checkout->stack.get()) : nullptr;
    const bool lined = line && !shortLine(*line).isEmpty();
    showField(lineCaption_, line_, lined);
    toCheckout_->setVisible(checkout != nullptr);
    const auto show = [this](CheckoutField field, const QString& text) {
        const auto& [caption, value] = checkoutFields_.at(static_cast<std::size_t>(field));
        showField(caption, value, !text.isEmpty());
        setTextOnce(value, unbroken(text));
    };
    if (!checkout) {
        checkoutHead_->setTitle(tr("Checkout"));
        checkoutHead_->setCaption({});
        if (const auto several = asked ? ambiguousLink(*store_, key) : std::nullopt)
            join_->setAmbiguous(several->by, several->sessions.size());
        else
            join_->setNone(tr("no checkout known"));
        for (const CheckoutField field : {checkoutPool, checkoutBy, checkoutTags, checkoutTrace})
            show(field, {});
        return;
    }
    const QString id = Formatter::line(checkout->key.id.str(), 24);
    const TargetSummary* const target = store_->target(checkout->key.target);
    checkoutHead_->setTitle(tr("Checkout %1").arg(id));
    QString caption = target ? Formatter::line(target->info.name, 60) : QString();
    if (const auto old = store_->staleness(checkout->key.target))
        caption += tr(", %1 old").arg(Formatter::ageProse(*old));
    checkoutHead_->setCaption(caption);
    join_->setJoin(link->by);
    if (lined)
        line_->setWords(shortLine(*line));
    toCheckout_->setText(literal(tr("Go to checkout %1").arg(id)));
    const Pool* const pool = store_->pool(checkout->key.target, checkout->pool);
    QString of = named(checkout->pool);
    if (pool && pool->used && pool->max && *pool->max > 0)
        of += tr(", %1 of %2 in use")
                  .arg(Formatter::count(*pool->used), Formatter::count(*pool->max));
    show(checkoutPool, of);
    show(checkoutBy, whoWords(*checkout));
    show(checkoutTags, tagWords(*checkout));
    show(checkoutTrace, Formatter::line(checkout->trace_id.str(), 100));
}

void SessionDetail::fillBlocking(const SessionRow& row)
{
    const auto place = blockingPlace(*store_, row.session.key);
    QStringList lines = waitingWords(*store_, row);
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
    lines += fillRoot(row.session.key);
    blocksHead_->setTitle(row.blocks > 0 ? tr("Blocks %1").arg(Formatter::count(row.blocks))
                                         : tr("Blocked by"));
    const bool any = !lines.isEmpty();
    blocksHead_->setVisible(any);
    blocks_->setVisible(any);
    setTextOnce(blocks_, unbroken(lines.join(QLatin1Char('\n'))));
    blocker_->setVisible(blockerKey_.has_value());
    if (blockerKey_)
        blocker_->setText(tr("Go to %1").arg(blockerKey_->pid.value));
}

/// Who is at the root of its waiting, what that one does, and the line of code that holds it.
QStringList SessionDetail::fillRoot(const SessionKey& key)
{
    const std::vector<SessionKey> chain = chainToRoot(*store_, key);
    rootCheckout_.reset();
    QStringList lines;
    const SessionRow* const root = chain.empty() ? nullptr : store_->find(chain.back());
    if (root) {
        const Session& s = root->session;
        const QString pid = QString::number(s.key.pid.value);
        QString state = Formatter::state(s.state);
        if (s.state_since)
            state = tr("%1 for %2")
                        .arg(state, Formatter::ageProse(store_->age(s.key.target, *s.state_since)));
        lines += chain.size() == 1 ? tr("%1 is %2.").arg(pid, state)
                                   : tr("At the root is %1, %2.").arg(pid, state);
        const auto link = checkoutLink(*store_, s.key);
        const auto checkout = link ? store_->checkout(link->checkout) : nullptr;
        if (checkout) {
            rootCheckout_ = link->checkout;
            const QString at = placeName(checkout->stack.get()).lead;
            lines += tr("Its checkout %1 of %2, joined %3, was acquired at %4.")
                         .arg(Formatter::line(checkout->key.id.str(), 24), named(checkout->pool),
                              joinWords(link->by), at);
            // A file's name may be long; its end and the line tell it.
            constexpr qsizetype most = 36;
            const QString shown = at.size() > most ? QChar(0x2026) + at.right(most - 1) : at;
            rootLine_->setText(literal(tr("Go to %1").arg(shown)));
            // J serves its own checkout first.
            rootLine_->setToolTip(checkoutLink(*store_, key) ? QString() : tr("J"));
        } else if (canJoin(*store_)) {
            lines += tr("No checkout of %1 is known.").arg(pid);
        }
    }
    rootLine_->setVisible(rootCheckout_.has_value());
    return lines;
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
