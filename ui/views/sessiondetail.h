// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"
#include "ui/views/detailpanel.h"
#include "ui/views/viewcontext.h"

#include <QHash>

namespace poolscope {

class JoinMark;
class LinkButton;
class PastLane;

/// All there is to one session: why it is suspected, what it is, its checkout and the line of code
/// that acquired it, statement, whom it blocks and who is at the root of its waiting, past, and the
/// commands.
class SessionDetail : public DetailPanel
{
    Q_OBJECT
public:
    SessionDetail(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// Several: the first in full, the commands for all.
    void show(const std::vector<SessionKey>& sessions, const Transport& transport);
    /// Once more, after an update.
    void refresh(const Transport& transport) { show(sessions_, transport); }

signals:
    void commandWanted(poolscope::ActionVerb verb);

private:
    void makeSections();
    void makeCheckout();
    void makeBlocking();
    void makeCommands();
    void fillSession(const SessionRow& row, const Transport& transport);
    void fillStatement(const SessionRow& row);
    void fillCheckout(const SessionKey& key);
    void fillBlocking(const SessionRow& row);
    QStringList fillRoot(const SessionKey& key);
    void fillEvidence(const SessionKey& key);
    void showOld(const SessionKey& key, const Transport& transport);
    void askPast(const SessionKey& key);
    void askLocks(const SessionKey& key);
    void updateFoot(const Transport& transport);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    std::vector<SessionKey> sessions_;
    std::optional<SessionKey> pastOf_;
    std::optional<SessionKey> locksOf_;
    Timestamp pastAt_;
    SectionHead* sessionHead_;
    SectionHead* checkoutHead_;
    JoinMark* join_;
    LinkButton* line_; ///< that acquired the checkout
    QLabel* lineCaption_;
    std::vector<std::pair<QLabel*, QLabel*>> checkoutFields_;
    QPushButton* toCheckout_;
    SectionHead* statementHead_;
    SectionHead* pastHead_;
    SectionHead* blocksHead_;
    QHash<int, QLabel*> fields_;
    QPlainTextEdit* statement_;
    PastLane* past_;
    QLabel* blocks_;
    QPushButton* blocker_;
    std::optional<SessionKey> blockerKey_;
    QPushButton* rootLine_; ///< the line of code at the root of its waiting
    std::optional<CheckoutKey> rootCheckout_;
    SectionHead* evidenceHead_;
    QLabel* evidence_;
    QPushButton* cancel_;
    QPushButton* terminate_;
};

} // namespace poolscope
