// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/confirmreclaimdialog.h"

#include <QTableWidget>

namespace poolscope {

namespace {

constexpr int heldColumn = 2;

} // namespace

ConfirmReclaimDialog::ConfirmReclaimDialog(const std::vector<CheckoutKey>& checkouts,
                                           const SessionStore& store, QWidget* parent)
    : ConfirmDialog(
          {tr("has come back by itself"), tr("This connection has come back by itself."),
           tr("All of them have come back by themselves."),
           tr("Sent. Results come in as the process answers; closing does not stop them.")},
          parent)
    , plan_(planReclaim(checkouts, store))
{
    setWindowTitle(Formatter::verb(ActionVerb::reclaim));
    addQuestion(plan_.question, plan_.destroys);
    if (!plan_.hits.empty()) {
        addCheckouts();
        addFacts(plan_.unblocks.isEmpty() ? tr("nobody waits for one") : plan_.unblocks,
                 plan_.frees, plan_.identity);
    }
    addLeftOut(plan_.leftOut);
    addFoot(bulk() ? tr("Keep them") : tr("Keep it"));
    finish();
}

void ConfirmReclaimDialog::addCheckouts()
{
    addTable(tr("Checkouts that will be hit"),
             {{tr("Checkout"), 120, false, true},
              {tr("Pool"), 92},
              {tr("Held"), 84, true, true},
              {tr("Who"), 116},
              {tr("Acquired at"), 232, false, true}},
             static_cast<int>(plan_.hits.size()));
    // The line is what tells them apart: of a long path the beginning goes.
    table()->setTextElideMode(Qt::ElideLeft);
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        const ReclaimPlan::Hit& hit = plan_.hits[static_cast<std::size_t>(row)];
        rowOf_.emplace(hit.checkout.key, row);
        int column = 0;
        setCell(row, column++, Formatter::line(hit.checkout.key.id.str(), 100));
        setCell(row, column++, Formatter::line(hit.checkout.pool.str(), 100));
        setCell(row, column++, hit.age);
        setCell(row, column++, hit.who);
        setCell(row, column, hit.place);
    }
}

QString ConfirmReclaimDialog::actWords(int remain) const
{
    return remain == 1 ? tr("&Reclaim connection") : tr("&Reclaim %1 connections").arg(remain);
}

bool ConfirmReclaimDialog::isThere(int row, const SessionStore& store) const
{
    // After a restart the process may use an id again: then it is another checkout.
    const auto now = store.checkout(checkoutAt(row).key);
    return now && now->acquired == checkoutAt(row).acquired;
}

int ConfirmReclaimDialog::rowOf(const ActionRecord& action) const
{
    const auto found = rowOf_.find(action.checkout);
    return action.verb == ActionVerb::reclaim && found != rowOf_.end() ? found->second : -1;
}

void ConfirmReclaimDialog::refresh(const SessionStore& store)
{
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        const Checkout& checkout = checkoutAt(row);
        if (!hasLeft(row))
            setWords(row, heldColumn,
                     Formatter::ageCell(store.age(checkout.key.target, checkout.acquired)));
    }
}

void ConfirmReclaimDialog::send()
{
    std::vector<CheckoutKey> remaining;
    for (int row = 0; row < static_cast<int>(plan_.hits.size()); ++row) {
        if (!hasLeft(row))
            remaining.push_back(checkoutAt(row).key);
    }
    emit confirmed(remaining);
}

} // namespace poolscope
