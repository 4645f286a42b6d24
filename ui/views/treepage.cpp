// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/treepage.h"

#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/sessiondetail.h"

#include <QHBoxLayout>
#include <QLabel>

namespace poolscope {

TreePage::TreePage(ViewContext& context, std::shared_ptr<SessionStore> store,
                   std::unique_ptr<TreeModel> model, const QString& name, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(std::move(model))
{
    auto* const row = new QHBoxLayout;
    row->setSpacing(Theme::current().scaled(metrics::panelGap));
    auto* const left = new QVBoxLayout;
    left->setSpacing(Theme::current().scaled(12));
    title_ = new PageTitle(this);
    bar_ = new QHBoxLayout;
    bar_->setSpacing(8);
    table_ = new DataTable(name, false, this);
    table_->setModel(model_.get());
    note_ = new QLabel(this);
    note_->setTextFormat(Qt::PlainText);
    note_->setProperty("role", QStringLiteral("caption"));
    note_->setWordWrap(true);
    note_->hide();
    left->addWidget(title_);
    left->addLayout(bar_);
    left->addWidget(table_, 1000);
    left->addWidget(note_);
    left->addStretch(1); // keeps the title at the top while the table is hidden
    row->addLayout(left, 1);
    detail_ = new SessionDetail(context, store_, this);
    row->addWidget(detail_);
    layout_->addLayout(row, 1);
    connect(detail_, &SessionDetail::commandWanted, this,
            [this](ActionVerb verb) { command(verb, table_->selectedKeys()); });
    serveTable(table_);
    connect(table_, &DataTable::chosen, this, &TreePage::tableChosen);
}

void TreePage::settled()
{
    if (isVisible())
        tableChosen();
}

void TreePage::tableChosen()
{
    std::vector<SessionKey> keys = table_->selectedKeys();
    if (const auto current = table_->currentKey()) {
        std::erase(keys, *current);
        keys.insert(keys.begin(), *current);
    }
    detail_->show(keys, transport_);
    if (!selecting_ && isVisible() && !keys.empty())
        context_.select(keys.front());
}

void TreePage::select(const std::optional<SessionKey>& session)
{
    const QModelIndex index = session ? model_->indexOf(*session) : QModelIndex();
    if (index.isValid() && table_->currentKey() != session) {
        selecting_ = true;
        table_->setCurrentIndex(index);
        table_->scrollTo(index);
        selecting_ = false;
    }
    tableChosen();
}

bool TreePage::clearOne()
{
    if (table_->selectedKeys().empty())
        return false;
    table_->clearSelection();
    return true;
}

std::vector<SessionRow> TreePage::selectedSessions() const
{
    return rowsOf(table_->selectedKeys());
}

void TreePage::transportChanged()
{
    detail_->refresh(transport_);
}

void TreePage::zoneChanged()
{
    detail_->refresh(transport_);
}

void TreePage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    const Theme& theme = Theme::current();
    detail_->setFixedWidth(theme.scaled(width() >= theme.scaled(1800) ? 560 : 336));
}

} // namespace poolscope
