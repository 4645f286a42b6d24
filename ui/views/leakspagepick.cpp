// SPDX-License-Identifier: GPL-3.0-or-later
// What is chosen on the leaks page where it is no session: a line of code, its checkouts, or its
// prepared statements.
#include "ui/views/leakspage.h"

#include "ui/models/findings.h"
#include "ui/models/placewords.h"
#include "ui/views/commandgate.h"
#include "ui/views/datatable.h"
#include "ui/views/holderdetail.h"
#include "ui/views/sessiondetail.h"

#include <QItemSelectionModel>
#include <QLineEdit>
#include <QMenu>

namespace poolscope {

namespace {

/// A line of code: that acquires, or that prepares statements.
bool isPlace(const TreeNode& node)
{
    return (node.group && node.id.startsWith(QLatin1Char('p'))) ||
           node.id.startsWith(QLatin1Char('t'));
}

} // namespace

/// What of pools is selected in the table, the current row first; empty where it is nothing.
LeaksPage::Pick LeaksPage::picked() const
{
    Pick pick;
    const QModelIndex current = table_->currentIndex().siblingAtColumn(0);
    for (const QModelIndex& index : table_->selectionModel()->selectedRows()) {
        const TreeNode* const node = model_->node(index);
        if (node->checkout)
            pick.checkouts.insert(index == current ? pick.checkouts.begin() : pick.checkouts.end(),
                                  *node->checkout);
        else if (isPlace(*node))
            pick.place = node->id;
    }
    return pick;
}

void LeaksPage::tableChosen()
{
    if (!selecting_) {
        Pick pick = picked();
        if (!pick.checkouts.empty() || !pick.place.isEmpty()) {
            pick.byUser = true;
            pick.besides = context_.selection();
            pick_ = std::move(pick);
        } else if (table_->selectionModel()->hasSelection()) {
            pick_.reset();
        }
    }
    if (!pick_)
        TreePage::tableChosen();
    showDetail();
}

/// One that had left, or was folded into another place, is there again.
void LeaksPage::restorePick()
{
    if (!pick_ || table_->selectionModel()->hasSelection())
        return;
    const QModelIndex index = pick_->checkouts.empty() ? model_->indexOfTop(pick_->place)
                                                       : model_->indexOf(pick_->checkouts.front());
    if (index.isValid())
        table_->selectionModel()->setCurrentIndex(index, QItemSelectionModel::ClearAndSelect |
                                                             QItemSelectionModel::Rows);
}

/// Another view leads here.
void LeaksPage::pickCheckout(const CheckoutKey& checkout)
{
    filter_->clear();
    pick_ = Pick{{checkout}, {}, context_.selection(), true};
    selecting_ = true;
    table_->clearSelection();
    restorePick();
    selecting_ = false;
    showDetail();
}

/// At the first look, and at another instant as long as nobody chose: the worst line of code, if
/// it is the worst of all.
void LeaksPage::offerPlace(bool again)
{
    const bool chosen = pick_ ? pick_->byUser : context_.selection() && !context_.offered();
    if (!isVisible() || chosen || (pick_ && !again))
        return;
    const QModelIndex top = model_->index(0, 0);
    const TreeNode* const node = top.isValid() ? model_->node(top) : nullptr;
    if (!node || !isPlace(*node) || node->severity.value_or(0) == 0)
        return;
    pick_ = Pick{{}, node->id, context_.selection(), false};
    selecting_ = true;
    table_->selectionModel()->setCurrentIndex(top, QItemSelectionModel::ClearAndSelect |
                                                       QItemSelectionModel::Rows);
    selecting_ = false;
    showDetail();
}

void LeaksPage::select(const std::optional<SessionKey>& session)
{
    // What the window offers does not take the place of a line that is worse, or was chosen.
    if (pick_ && (session == pick_->besides || context_.offered())) {
        pick_->besides = session;
        showDetail();
        return;
    }
    if (session)
        pick_.reset();
    TreePage::select(session);
    showDetail();
}

void LeaksPage::showDetail()
{
    const bool ofPool = pick_ || (pooled_ && !servers_) ||
                        (pooled_ && table_->selectedKeys().empty() && !context_.selection());
    const bool any = !store_->targets().empty() && table_->isVisibleTo(this);
    holder_->setVisible(any && ofPool);
    detail_->setVisible(any && !ofPool);
    if (any && ofPool)
        holder_->show(pick_ ? pick_->checkouts : std::vector<CheckoutKey>{},
                      pick_ ? pick_->place : QString(), transport_);
    showThresholds();
}

void LeaksPage::reclaim()
{
    if (!pick_)
        return;
    const std::vector<CheckoutKey> keys = holder_->reclaimable();
    if (!keys.empty() && reclaimObstacle(keys, *store_, transport_, format()).isEmpty())
        context_.requestReclaim(keys);
}

void LeaksPage::showHolderMenu(const QPoint& at)
{
    if (!pick_ || !table_->selectionModel()->hasSelection() || !table_->selectedKeys().empty())
        return; // sessions have a menu of their own
    const std::vector<CheckoutKey> keys = holder_->reclaimable();
    const QString reason = reclaimObstacle(keys, *store_, transport_, format());
    QMenu menu(this);
    const auto offer = [&](const QString& words, const QKeySequence& key, auto serve) {
        QAction* const action = menu.addAction(words);
        action->setShortcut(key);
        connect(action, &QAction::triggered, this, serve);
        return action;
    };
    if (!holder_->ofStatements()) {
        offer(keys.size() > 1 ? tr("Reclaim %1…").arg(connections(std::ssize(keys)))
                              : tr("Reclaim connection…"),
              Qt::Key_R, [this] { reclaim(); })
            ->setEnabled(reason.isEmpty());
        if (!reason.isEmpty())
            menu.addAction(reason)->setEnabled(false);
        menu.addSeparator();
    }
    if (holder_->session())
        offer(tr("Go to its session"), Qt::Key_J, [this] { holder_->goToSession(); });
    offer(tr("Copy stack"), Qt::CTRL | Qt::SHIFT | Qt::Key_C, [this] { holder_->copyStack(); });
    offer(tr("Open line in the editor"), Qt::CTRL | Qt::Key_E, [this] { holder_->openLine(); });
    offer(tr("Editor command…"), {}, [this] { holder_->chooseEditor(); });
    menu.addSeparator();
    offer(tr("Copy rows"), QKeySequence::Copy, [this] { table_->copySelection(); });
    offer(tr("Copy rows with heads"), {}, [this] { table_->copySelection(true); });
    menu.exec(table_->viewport()->mapToGlobal(at));
}

} // namespace poolscope
