// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "core/capture/workspace.h"

#include <QObject>
#include <QString>

#include <optional>
#include <vector>

namespace poolscope {

/// What the views share, so that they can stay strangers to each other: selection, visible range,
/// hover instant, time zone, and the requests they make of the window. GUI thread.
class ViewContext : public QObject
{
    Q_OBJECT
public:
    explicit ViewContext(Workspace& workspace, QObject* parent = nullptr);

    /// Only to ask questions (series, past) and to read latest() and transport(); views send no
    /// commands past the window.
    Workspace& workspace() const { return workspace_; }

    const std::optional<SessionKey>& selection() const { return selection_; }
    void select(const std::optional<SessionKey>& session);
    /// Selects on the window's own account: the first look at something, or at another instant.
    /// A choice of the user's ends that.
    void offer(const std::optional<SessionKey>& session);
    /// The user pointed at what is selected: it stays.
    void keep() { offered_ = mayOffer_ = false; }
    /// The last word on the selection, be it none, was the window's.
    bool offered() const { return offered_; }
    /// Nothing was offered or chosen yet.
    bool mayOffer() const { return mayOffer_; }

    /// The range that charts show. While it follows, it ends at the live edge; in the past it holds
    /// the cursor and what came after it.
    Timestamp rangeFrom() const { return from_; }
    Timestamp rangeTo() const { return to_; }
    bool rangeFollows() const { return follows_; }
    void setRange(Timestamp from, Timestamp to);
    /// Back to the last 15 minutes before the cursor, following it.
    void resetRange();

    const std::optional<Timestamp>& hover() const { return hover_; }
    void setHover(const std::optional<Timestamp>& instant);

    bool utc() const { return utc_; }
    void setUtc(bool utc);

    /// Asks the window to open a page ("sessions") on what is selected.
    void navigate(const QString& page) { emit navigationRequested(page); }
    /// Asks the window to confirm and send; nothing is sent without a confirmation.
    void requestCommand(ActionVerb verb, const std::vector<SessionRow>& sessions)
    {
        emit commandRequested(verb, sessions);
    }
    /// Asks the window to confirm that these connections are taken back from their holders, and to
    /// call Workspace::reclaim; nothing is sent without a confirmation.
    void requestReclaim(const std::vector<CheckoutKey>& checkouts)
    {
        emit reclaimRequested(checkouts);
    }
    /// Opens the page of holders on that checkout.
    void showCheckout(const CheckoutKey& checkout)
    {
        emit checkoutRequested(checkout);
        navigate(QStringLiteral("leaks"));
    }
    /// Opens the page of pools on that one.
    void showPool(TargetId target, const Text& pool)
    {
        emit poolRequested(target, pool);
        navigate(QStringLiteral("pools"));
    }
    void requestSeek(Timestamp instant) { emit seekRequested(instant); }
    /// Back to the live edge of the capture that goes on.
    void requestLive() { emit liveRequested(); }
    /// Attaches to what the recording was made of.
    void requestAttach() { emit attachRequested(); }
    /// Offers that target in the dialog; nothing is attached without the user's word.
    void requestAttachTo(const QString& target) { emit attachToRequested(target); }
    /// Shows the alert rules, to be read and changed.
    void requestAlertRules() { emit alertRulesRequested(); }
    /// Shows how a pool becomes one that can be attached to.
    void requestInstrument() { emit instrumentRequested(); }

signals:
    void selectionChanged(const std::optional<poolscope::SessionKey>& session);
    void rangeChanged(poolscope::Timestamp from, poolscope::Timestamp to);
    void hoverChanged(const std::optional<poolscope::Timestamp>& instant);
    void timeZoneChanged(bool utc);
    void navigationRequested(const QString& page);
    void commandRequested(poolscope::ActionVerb verb,
                          const std::vector<poolscope::SessionRow>& sessions);
    /// Some checkouts, each once, all of them open when it was asked; see reclaimObstacle().
    void reclaimRequested(const std::vector<poolscope::CheckoutKey>& checkouts);
    void poolRequested(poolscope::TargetId target, const poolscope::Text& pool);
    void checkoutRequested(const poolscope::CheckoutKey& checkout);
    void seekRequested(poolscope::Timestamp instant);
    void liveRequested();
    void attachRequested();
    void attachToRequested(const QString& target);
    void instrumentRequested();
    void alertRulesRequested();

private:
    void follow(const Transport& transport);

    Workspace& workspace_;
    std::optional<SessionKey> selection_;
    bool offered_ = false;
    bool mayOffer_ = true;
    Timestamp from_, to_;
    bool follows_ = true;
    std::optional<Timestamp> hover_;
    bool utc_ = false;
};

} // namespace poolscope
