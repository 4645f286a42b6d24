// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"
#include "ui/views/detailpanel.h"
#include "ui/views/viewcontext.h"

#include <QHash>

namespace poolscope {

class PastLane;

/// All there is to one session: what it is, statement, past, whom it blocks, why it is suspected,
/// and the commands.
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
    void makeCommands();
    void fillSession(const SessionRow& row, const Transport& transport);
    void fillStatement(const SessionRow& row);
    void fillBlocking(const SessionRow& row);
    void fillEvidence(const SessionKey& key);
    void showOld(const SessionKey& key, const Transport& transport);
    void askPast(const SessionKey& key);
    void updateFoot(const Transport& transport);
    QString holds(const SessionKey& key) const;
    QString waitingFor(const BlockingNode& node) const;

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    std::vector<SessionKey> sessions_;
    std::optional<SessionKey> pastOf_;
    Timestamp pastAt_;
    SectionHead* sessionHead_;
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
    SectionHead* evidenceHead_;
    QLabel* evidence_;
    QPushButton* cancel_;
    QPushButton* terminate_;
};

} // namespace poolscope
