// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/dialogs/commandplan.h"

#include <QDialog>

#include <set>

class QHBoxLayout;
class QLabel;
class QPushButton;
class QTableWidget;
class QVBoxLayout;

namespace poolscope {

/// Asks before sessions are cancelled or terminated, and says exactly which and what that costs.
/// What it lists is fixed when it opens; a session that has left since is struck and left out. With
/// several it stays open and fills in each one's result.
class ConfirmCommandDialog : public QDialog
{
    Q_OBJECT
public:
    ConfirmCommandDialog(ActionVerb verb, const std::vector<SessionRow>& sessions,
                         const SessionStore& store, const Formatter& format,
                         QWidget* parent = nullptr);

    const CommandPlan& plan() const { return plan_; }
    /// Marks who left, and fills in results once the command was given. The store is up to date.
    void apply(const Update& update, const SessionStore& store);

signals:
    /// The user confirmed; those that left are not among them.
    void confirmed(poolscope::ActionVerb verb, const std::vector<poolscope::SessionRow>& sessions);
    /// Instead of a termination.
    void cancelInstead(const std::vector<poolscope::SessionRow>& sessions);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void addTable(QVBoxLayout* layout);
    void addFacts(QVBoxLayout* layout, const SessionStore& store);
    void addFoot(QVBoxLayout* layout);
    void addCommandButtons(QHBoxLayout* foot);
    void confirm();
    void strike(int row);
    void fillResults(const Update& update);
    std::vector<SessionRow> remaining() const;

    CommandPlan plan_;
    std::set<SessionKey> left_;
    std::uint64_t lastAction_ = 0; ///< of those made before this dialog's command
    bool sent_ = false;
    QTableWidget* table_ = nullptr;
    QLabel* note_ = nullptr;
    QPushButton* safe_ = nullptr;
    QPushButton* gentle_ = nullptr;
    QPushButton* act_ = nullptr;
};

} // namespace poolscope
