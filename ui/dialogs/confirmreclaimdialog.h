// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"

#include <QDialog>

#include <set>
#include <vector>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QTableWidget;
class QVBoxLayout;

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

/// Asks before connections are taken back from their holders, and says exactly from whom. What it
/// lists is fixed when it opens; a checkout that has come back since is struck and left out. With
/// several it stays open and fills in each one's result.
class ConfirmReclaimDialog : public QDialog
{
    Q_OBJECT
public:
    ConfirmReclaimDialog(const std::vector<CheckoutKey>& checkouts, const SessionStore& store,
                         QWidget* parent = nullptr);

    const ReclaimPlan& plan() const { return plan_; }
    /// Marks what came back, and fills in results once the command was given. The store is up to
    /// date.
    void apply(const Update& update, const SessionStore& store);

signals:
    /// The user confirmed; those that came back are not among them.
    void confirmed(const std::vector<poolscope::CheckoutKey>& checkouts);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void addTable(QVBoxLayout* layout);
    void fillRow(int row);
    void addFacts(QVBoxLayout* layout);
    void addFoot(QVBoxLayout* layout);
    void confirm();
    void strike(int row);
    void fillResults(const Update& update);
    bool bulk() const { return plan_.hits.size() > 1; }
    const CheckoutKey& keyAt(int row) const
    {
        return plan_.hits[static_cast<std::size_t>(row)].checkout.key;
    }

    ReclaimPlan plan_;
    std::set<CheckoutKey> left_;
    std::uint64_t lastAction_ = 0; ///< of those made before this dialog's command
    bool sent_ = false;
    QTableWidget* table_ = nullptr;
    QLabel* note_ = nullptr;
    QPushButton* safe_ = nullptr;
    QPushButton* act_ = nullptr;
};

} // namespace poolscope
