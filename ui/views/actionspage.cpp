// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/actionspage.h"

#include "ui/models/findings.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"

#include <QVBoxLayout>

#include <algorithm>

namespace poolscope {

ActionsPage::ActionsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(makeActionModel(nullptr))
{
    title_ = new PageTitle(this);
    table_ = new DataTable(QStringLiteral("actions"), false, this);
    table_->setRootIsDecorated(false);
    table_->setIndentation(0);
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Actions and notes"));
    table_->setWidths({90, 140, 80, 360, 90, 300});
    table_->restoreColumns(0, Qt::DescendingOrder);
    layout_->addWidget(title_);
    layout_->addWidget(table_, 1000);
    layout_->addStretch(1); // keeps the title at the top while the table is hidden
}

void ActionsPage::refresh(const Update& update)
{
    model_->replace(actionRows(update, *store_, format()));
    const std::vector<ActionRecord> none;
    const std::vector<ActionRecord>& actions = update.actions ? *update.actions : none;
    const auto refused = std::count_if(actions.begin(), actions.end(), [](const ActionRecord& a) {
        return a.phase == ActionPhase::refused || a.phase == ActionPhase::timed_out;
    });
    const bool quiet = model_->rowCount() == 0;
    if (quiet)
        title_->setAnswer(
            0, tr("Nothing was asked of a server or a process yet."),
            tr("Cancel and terminate are on Sessions, reclaim on Leaks; Ctrl+N notes something."),
            true);
    else
        title_->setAnswer(refused > 0 ? 1 : 0,
                          actions.empty()       ? tr("No action yet")
                          : actions.size() == 1 ? tr("1 action")
                                                : tr("%1 actions").arg(actions.size()),
                          refused > 0 ? tr("%1 not done").arg(refused)
                                      : tr("the recording keeps them all"),
                          false);
    table_->setVisible(!quiet);
}

} // namespace poolscope
