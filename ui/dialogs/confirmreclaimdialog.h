// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/dialogs/confirmdialog.h"
#include "ui/models/formatter.h"

#include <map>
#include <vector>

namespace poolscope {

/// What taking checkouts back will do, worked out once when its confirmation opens. Plain text.
struct ReclaimPlan
{
    struct Hit
    {
        Checkout checkout;
        QString place; ///< "src/checkout.cpp:88", or the function where there is no file
        QString who;
        QString age;
    };
    std::vector<Hit> hits; ///< exactly these, the oldest first
    QStringList leftOut;   ///< "c-10012: has come back"; one each
    QString on;            ///< "shop-api", "2 processes"
    QString question;      ///< "Reclaim connection k-107 of pool shop on shop-api?"
    QString destroys;
    QString unblocks; ///< empty where nobody waits
    QString frees;
    QString identity;
};
ReclaimPlan planReclaim(const std::vector<CheckoutKey>& checkouts, const SessionStore& store);

/// Asks before connections are taken back from their holders, and says exactly from whom. Whom it
/// lists is fixed when it opens; for how long they hold theirs is that of now.
class ConfirmReclaimDialog : public ConfirmDialog
{
    Q_OBJECT
public:
    ConfirmReclaimDialog(const std::vector<CheckoutKey>& checkouts, const SessionStore& store,
                         QWidget* parent = nullptr);

    const ReclaimPlan& plan() const { return plan_; }

signals:
    /// The user confirmed; those that came back are not among them.
    void confirmed(const std::vector<poolscope::CheckoutKey>& checkouts);

protected:
    QString actWords(int remain) const override;
    bool isThere(int row, const SessionStore& store) const override;
    int rowOf(const ActionRecord& action) const override;
    void refresh(const SessionStore& store) override;
    void send() override;

private:
    const Checkout& checkoutAt(int row) const
    {
        return plan_.hits[static_cast<std::size_t>(row)].checkout;
    }
    void addCheckouts();

    ReclaimPlan plan_;
    std::map<CheckoutKey, int> rowOf_;
};

} // namespace poolscope
