// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/blockingpage.h"

#include "ui/models/findings.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/rowdelegate.h"

#include <QLabel>

namespace poolscope {

BlockingPage::BlockingPage(ViewContext& context, std::shared_ptr<SessionStore> store,
                           QWidget* parent)
    : TreePage(context, std::move(store), makeBlockingModel(nullptr), QStringLiteral("blocking"),
               parent)
{
    table_->setAccessibleName(tr("Blocking sessions"));
    table_->rows().setGlyphColumns(static_cast<int>(BlockingColumn::state), -1);
    table_->setWidths({230, 184, 76, 150, 64, 80});
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
}

void BlockingPage::refresh(const Update& update)
{
    int blocked = 0;
    for (const TargetSummary& target : update.targets)
        blocked += target.blocking.blocked;
    if (update.reset)
        lastWaiter_.reset();
    if (blocked > 0)
        lastWaiter_ = update.now;
    setCount(blocked);
    model_->replace(blockingRows(*store_));
    Answer answer = blockingAnswer(*store_, format());
    const bool quiet = answer.kind == Answer::Kind::healthy;
    if (quiet && lastWaiter_)
        answer.explanation = tr("Last one: %1.").arg(format().instant(*lastWaiter_, update.now));
    title_->setAnswer(answer.severity, answer.sentence, answer.explanation, quiet);
    note_->setText(
        tr("From pg_blocking_pids. One that waits for several stands under the lowest of "
           "their pids."));
    note_->setVisible(!quiet);
    table_->setVisible(!quiet);
    settled();
}

} // namespace poolscope
