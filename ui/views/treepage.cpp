// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/treepage.h"

#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/pagetitle.h"
#include "ui/views/sessiondetail.h"

#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>

namespace poolscope {

TreePage::TreePage(ViewContext& context, std::shared_ptr<SessionStore> store,
                   std::unique_ptr<TreeModel> model, const QString& name, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(std::move(model))
{
    row_ = new QHBoxLayout;
    row_->setSpacing(Theme::current().scaled(metrics::panelGap));
    left_ = new QVBoxLayout;
    left_->setSpacing(Theme::current().scaled(12));
    title_ = new PageTitle(this);
    bar_ = new QHBoxLayout;
    bar_->setSpacing(Theme::current().scaled(8));
    table_ = new DataTable(name, false, this);
    table_->setModel(model_.get());
    note_ = new QLabel(this);
    note_->setTextFormat(Qt::PlainText);
    note_->setProperty("role", QStringLiteral("caption"));
    note_->setWordWrap(true);
    note_->setMaximumWidth(QFontMetrics(Theme::current().ui(11)).averageCharWidth() *
                           metrics::proseMeasure);
    note_->hide();
    left_->addWidget(title_);
    left_->addLayout(bar_);
    left_->addWidget(table_, 1000);
    auto* const measure = new QHBoxLayout; // a row gives the note the height of its own width
    measure->addWidget(note_, 1000);
    measure->addStretch(1);
    left_->addLayout(measure);
    left_->addStretch(1); // keeps the title at the top while the table is hidden
    row_->addLayout(left_, 1);
    detail_ = new SessionDetail(context, store_, this);
    row_->addWidget(detail_);
    layout_->addLayout(row_, 1);
    connect(detail_, &SessionDetail::commandWanted, this,
            [this](ActionVerb verb) { command(verb, table_->selectedKeys()); });
    serveTable(table_);
    connect(table_, &DataTable::chosen, this, [this] { tableChosen(); });
}

void TreePage::settled()
{
    if (!isVisible())
        return;
    // One that had left, or was folded into another place, is there again.
    if (!choseElse() && table_->selectedKeys().empty() && context_.selection())
        select(context_.selection());
    else
        tableChosen();
}

bool TreePage::waits()
{
    const QString words = nothingYet();
    const bool attached = hasSubject();
    if (words.isEmpty())
        return false; // and the page says what is shown: to show it for a moment costs a layout
    detail_->setVisible(attached);
    title_->setWaiting(words, !attached);
    table_->setVisible(attached);
    settled();
    return true;
}

void TreePage::tableChosen()
{
    const std::vector<SessionKey> keys = table_->currentFirst();
    detail_->show(keys, transport_);
    if (!selecting_ && isVisible() && !keys.empty())
        context_.select(keys.front());
}

void TreePage::select(const std::optional<SessionKey>& session)
{
    const QModelIndex index = session ? model_->indexOf(*session) : QModelIndex();
    if (index.isValid() && table_->currentKey() != session) {
        selecting_ = true;
        table_->choose(index);
        table_->scrollTo(index);
        selecting_ = false;
    }
    tableChosen();
}

bool TreePage::clearOne()
{
    if (!table_->selectionModel()->hasSelection())
        return false;
    table_->clearSelection();
    context_.select(std::nullopt);
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
    detail_->setFixedWidth(detailWidth());
}

} // namespace poolscope
