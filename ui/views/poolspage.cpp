// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/poolspage.h"

#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/instrumentlink.h"
#include "ui/views/pagetitle.h"
#include "ui/views/poolspageboard.h"
#include "ui/views/poolspagepanel.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>

#include <algorithm>

namespace poolscope {

PoolsPage::PoolsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent)
    : BasePage(context, std::move(store), parent)
    , model_(makePoolModel(nullptr))
{
    const Theme& theme = Theme::current();
    title_ = new PageTitle(this);
    layout_->addWidget(title_);
    instrument_ = new InstrumentLink(context, this);
    layout_->addWidget(instrument_);
    bar_ = new QWidget(this);
    auto* const bar = new QHBoxLayout(bar_);
    bar->setContentsMargins(0, 0, 0, 0);
    filter_ = new QLineEdit(bar_);
    filter_->setFixedWidth(theme.scaled(240));
    filter_->setClearButtonEnabled(true);
    filter_->setPlaceholderText(tr("Filter pools and processes"));
    filter_->setAccessibleName(tr("Filter pools and processes"));
    filter_->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    words_ = new QLabel(bar_);
    words_->setTextFormat(Qt::PlainText);
    words_->setProperty("role", QStringLiteral("secondary"));
    bar->addWidget(filter_);
    bar->addStretch(1);
    bar->addWidget(words_);
    layout_->addWidget(bar_);
    connect(filter_, &QLineEdit::textChanged, this, &PoolsPage::rebuild);

    table_ = new DataTable(QStringLiteral("pools"), false, this);
    table_->setItemDelegate(new PoolRowDelegate(table_));
    table_->setModel(model_.get());
    table_->setAccessibleName(tr("Pools, worst first"));
    table_->setRootIsDecorated(false);
    table_->setIndentation(0);
    table_->setSelectionMode(QAbstractItemView::SingleSelection);
    table_->setWidths({240, 220, 64, 84, 84, 120, 120, 96, 96});
    table_->setAutomaticColumns([](int column, int width) {
        return width >= Theme::current().scaled(1000) ||
               column != static_cast<int>(PoolTableColumn::circuit);
    });
    table_->setSortingEnabled(false);
    table_->restoreColumns(-1, Qt::AscendingOrder);
    layout_->addWidget(table_);
    connect(table_, &DataTable::chosen, this, &PoolsPage::rowChosen);

    below_ = new QWidget(this);
    auto* const row = new QHBoxLayout(below_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(theme.scaled(metrics::panelGap));
    board_ = new PoolBoard(context, store_, below_);
    row->addWidget(board_, 1);
    panel_ = new PoolPanel(below_);
    row->addWidget(panel_);
    connect(panel_, &PoolPanel::attachWanted, &context_, &ViewContext::requestAttachTo);
    connect(&context_, &ViewContext::poolRequested, this, &PoolsPage::pickPool);
    layout_->addWidget(below_, 1000);
    layout_->addStretch(1); // keeps the sentence at the top while there is nothing below it
}

void PoolsPage::refresh(const Update& update)
{
    if (update.reset)
        keys_.clear(); // another moment has its own order
    rebuild();
    board_->apply(update);
}

void PoolsPage::rebuild()
{
    choosing_ = true;
    model_->replace(poolRows(*store_, filter_->text().trimmed(), keys_));
    choosing_ = false;
    std::size_t all = 0;
    for (const TargetSummary& target : store_->targets())
        all += target.pools.size();
    const QString waiting = nothingYet();
    bar_->setVisible(all > 0);
    instrument_->offer(*store_, transport_, all == 0);
    table_->setVisible(all > 0);
    below_->setVisible(all > 0);
    PoolsAnswer answer = poolsAnswer(*store_);
    if (!waiting.isEmpty()) {
        title_->setWaiting(waiting, store_->targets().empty());
    } else {
        if (const QString old = asOf(); !old.isEmpty())
            answer.rest += (answer.rest.isEmpty() ? QString() : QStringLiteral(", ")) + old;
        title_->setAnswer(answer.severity, answer.sentence, answer.rest, answer.severity == 0);
    }
    words_->setText(keys_.size() == all ? (all == 1 ? tr("1 pool") : tr("%1 pools").arg(all))
                                        : tr("%1 of %2 pools").arg(keys_.size()).arg(all));
    // What the filter hides stays shown below; what is gone does not. Left to the page it is the
    // worst, and stays until another one is worse than it.
    const Pool* const shown = shown_ ? store_->pool(shown_->target, shown_->pool) : nullptr;
    chosen_ = chosen_ && shown;
    if (!shown || (!chosen_ && answer.severity > severityOf(*shown)))
        shown_ = answer.worst;
    showPool();
    arrange();
}

void PoolsPage::showPool()
{
    const auto at = shown_ ? std::find(keys_.begin(), keys_.end(), *shown_) : keys_.end();
    choosing_ = true;
    if (at != keys_.end()) {
        const QModelIndex index = model_->index(static_cast<int>(at - keys_.begin()), 0);
        if (!table_->selectionModel()->isSelected(index))
            table_->choose(index);
    } else {
        table_->clearSelection();
    }
    choosing_ = false;
    board_->setPool(shown_);
    panel_->show(shown_ ? store_->pool(shown_->target, shown_->pool) : nullptr,
                 shown_ ? store_->target(shown_->target) : nullptr);
}

/// As if its row were chosen; a filter that hides it makes way.
void PoolsPage::pickPool(TargetId target, const Text& pool)
{
    if (!store_->pool(target, pool))
        return;
    chosen_ = true;
    shown_ = PoolKey{target, pool};
    if (std::find(keys_.begin(), keys_.end(), *shown_) == keys_.end())
        filter_->clear();
    showPool();
}

void PoolsPage::rowChosen()
{
    if (choosing_ || !table_->selectionModel()->hasSelection())
        return;
    const auto row = static_cast<std::size_t>(table_->currentIndex().row());
    if (row >= keys_.size())
        return;
    chosen_ = true;
    shown_ = keys_[row];
    showPool();
}

/// The table is as tall as its rows, up to a third of the page; the charts take the rest.
void PoolsPage::arrange()
{
    const Theme& theme = Theme::current();
    const int rows = std::max(1, static_cast<int>(keys_.size()));
    const int wanted =
        table_->header()->height() + rows * PoolRowDelegate::height() + 2 * table_->frameWidth();
    const int least = theme.scaled(110);
    table_->setFixedHeight(std::min(wanted, std::max(least, height() * 2 / 5)));
    panel_->setFixedWidth(detailWidth());
}

void PoolsPage::transportChanged()
{
    board_->setTransport(transport_);
}

void PoolsPage::resizeEvent(QResizeEvent* event)
{
    BasePage::resizeEvent(event);
    arrange();
}

void PoolsPage::focusFilter()
{
    filter_->setFocus();
    filter_->selectAll();
}

void PoolsPage::setFilter(const QString& text)
{
    filter_->setText(text);
}

/// The filter first, then the zoom of the charts, then back to the worst pool.
bool PoolsPage::clearOne()
{
    if (!filter_->text().isEmpty()) {
        filter_->clear();
        return true;
    }
    if (!context_.rangeFollows()) {
        context_.resetRange();
        return true;
    }
    if (!chosen_)
        return false;
    chosen_ = false;
    shown_.reset();
    rebuild();
    return true;
}

} // namespace poolscope
