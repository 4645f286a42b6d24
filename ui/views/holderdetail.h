// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"
#include "ui/models/joined.h"
#include "ui/models/sessionstore.h"
#include "ui/views/detailpanel.h"
#include "ui/views/sourceopener.h"
#include "ui/views/viewcontext.h"

namespace poolscope {

class FrameList;
class JoinMark;
class PastLane;

/// All there is to one checkout of a pool, or to a place with all its checkouts: what it is and
/// why it is suspected, acquire stack, who and tags, the server's side, its past, and the command.
class HolderDetail : public DetailPanel
{
    Q_OBJECT
public:
    HolderDetail(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// Several: the first in full, the command for all. None: the place of that id (see placeId()),
    /// and the command for all that are suspected there; or the statements of that id (see
    /// statementsId()), which no command is for.
    void show(const std::vector<CheckoutKey>& checkouts, const QString& place,
              const Transport& transport);
    /// Once more, after an update.
    void refresh(const Transport& transport) { show(checkouts_, place_, transport); }
    /// Whom the command is for.
    std::vector<CheckoutKey> reclaimable() const;
    bool ofStatements() const { return ofStatements_; }
    /// The server's side of the checkout that is shown, if an attached server has it.
    std::optional<SessionKey> session() const;
    /// Opens it on the page of sessions.
    void goToSession();
    /// The stack as text on the clipboard; false where there is none.
    bool copyStack();
    void openLine();
    void tellOpened(const SourceOpener::Result& result);
    /// Asks for the command that opens a line.
    void chooseEditor();

signals:
    void reclaimWanted();

private:
    enum Field {
        acquiredBy,
        tags,
        thread,
        trace,
        wait,
        expected,
        beat,
        state,
        candidates,
        through,
        locks,
        pid,
        port,
        connection
    };

    /// What there is to say of the server's session; what is empty is not shown.
    struct ServerSide
    {
        QString title, caption;
        std::optional<SessionLink> link; ///< null: none is known
        bool mayJoin = false;            ///< a server that might have it is attached
        QString state, candidates, through, locks, told;
        QString go; ///< the words that lead to it
        Text statement;
        QStringList evidence, behind;
        QString behindCaption;
    };

    QLabel* field(QGridLayout* form, Field id, const QString& caption, bool mono);
    void makeStack();
    void makeForms();
    void makePast();
    void setField(Field id, const QString& text);
    void showCheckout(const Checkout& checkout, const PlaceAt& at, const Transport& transport);
    void showPlace(const PlaceAt& at, const Transport& transport);
    void showStatements(const StatementsAt& at, const Transport& transport);
    ServerSide serverSideOf(const Checkout& checkout) const;
    void showServerSide(const ServerSide& side);
    void showStack(const StackRef& stack, LeakSeverity severity);
    void showStatement(const Text& statement, const QString& caption);
    void showPast(const Checkout& checkout, const Holder& holder, const LeakThresholds& judgedBy,
                  Duration ahead);
    void showCaption(const TargetSummary* target, const Transport& transport);
    void updateFoot(const Transport& transport);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    std::vector<CheckoutKey> checkouts_;
    QString place_;
    QString placeLead_; ///< what that row was called while there was one
    bool ofStatements_ = false;
    QLabel* evidence_;
    SectionHead* stackHead_;
    FrameList* stack_;
    QLabel* noStack_;
    QPushButton* copy_;
    QPushButton* open_;
    QPushButton* folder_;
    QPushButton* editor_;
    QLabel* openWords_;
    StackRef openedOf_;
    SectionHead* whoHead_;
    SectionHead* serverHead_;
    JoinMark* join_;
    std::vector<std::pair<QLabel*, QLabel*>> fields_; ///< by Field: caption and value
    QPushButton* toSession_;
    SectionHead* statementHead_;
    QPlainTextEdit* statement_;
    SectionHead* behindHead_;
    QLabel* behind_;
    QPushButton* toBlocking_;
    SectionHead* pastHead_;
    PastLane* past_;
    QPushButton* reclaim_;
};

} // namespace poolscope
