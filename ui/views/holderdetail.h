// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"
#include "ui/models/sessionstore.h"
#include "ui/theme/panel.h"
#include "ui/views/viewcontext.h"

class QFormLayout;
class QLabel;
class QPlainTextEdit;
class QPushButton;
class QScrollArea;
class QVBoxLayout;

namespace poolscope {

class DetailHead;
class FrameList;

/// All there is to one checkout of a pool, or to a place with all its checkouts: what it is and
/// why it is suspected, acquire stack, who and tags, the server's side, and the command. Nothing is
/// rebuilt while its text is the same, so what is selected or unfolded stays.
class HolderDetail : public Panel
{
    Q_OBJECT
public:
    HolderDetail(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// Several: the first in full, the command for all. None: the place of that id (see placeId()),
    /// and the command for all that are suspected there.
    void show(const std::vector<CheckoutKey>& checkouts, const QString& place,
              const Transport& transport);
    /// Once more, after an update.
    void refresh(const Transport& transport) { show(checkouts_, place_, transport); }
    /// Whom the command is for.
    std::vector<CheckoutKey> reclaimable() const;
    /// The stack as text on the clipboard; false where there is none.
    bool copyStack();
    void openLine();
    /// Asks for the command that opens a line.
    void chooseEditor();
    QSize sizeHint() const override;

signals:
    void reclaimWanted();

private:
    enum Field { acquiredBy, tags, thread, trace, wait, expected, beat, pid, port, connection };

    QLabel* field(QFormLayout* form, Field id, const QString& caption, bool mono);
    void makeStack(QVBoxLayout* box);
    void makeForms(QVBoxLayout* box);
    void makeFoot(QVBoxLayout* box);
    void setField(Field id, const QString& text);
    void showNothing(const QString& words);
    void showCheckout(const Checkout& checkout, const PlaceAt& at, const Transport& transport);
    void showPlace(const PlaceAt& at, const Transport& transport);
    void showStack(const StackRef& stack, LeakSeverity severity);
    void showStatement(const Text& statement, const QString& caption);
    void showCaption(const TargetSummary* target, const Transport& transport);
    void updateFoot(const Transport& transport);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    std::vector<CheckoutKey> checkouts_;
    QString place_;
    DetailHead* head_;
    QLabel* empty_;
    QScrollArea* scroll_;
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
    std::vector<std::pair<QLabel*, QLabel*>> fields_; ///< by Field: caption and value
    SectionHead* statementHead_;
    QPlainTextEdit* statement_;
    QFrame* footLine_;
    QWidget* foot_;
    QPushButton* reclaim_;
    QLabel* reason_;
};

} // namespace poolscope
