// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/dialogs/commandplan.h"
#include "ui/dialogs/confirmdialog.h"

#include <map>

namespace poolscope {

/// Asks before sessions are cancelled or terminated, and says exactly which and what that costs.
/// Whom it lists is fixed when it opens; their states and ages are those of now, and who has ended
/// the transaction that was shown is named.
class ConfirmCommandDialog : public ConfirmDialog
{
    Q_OBJECT
public:
    ConfirmCommandDialog(ActionVerb verb, const std::vector<SessionRow>& sessions,
                         const SessionStore& store, const Formatter& format,
                         QWidget* parent = nullptr);

    const CommandPlan& plan() const { return plan_; }

signals:
    /// The user confirmed; those that left are not among them.
    void confirmed(poolscope::ActionVerb verb, const std::vector<poolscope::SessionRow>& sessions);
    /// Instead of a termination.
    void cancelInstead(const std::vector<poolscope::SessionRow>& sessions);

protected:
    QString actWords(int remain) const override;
    bool isThere(int row, const SessionStore& store) const override;
    int rowOf(const ActionRecord& action) const override;
    void refresh(const SessionStore& store) override;
    void send() override;

private:
    const SessionKey& keyAt(int row) const
    {
        return plan_.hits[static_cast<std::size_t>(row)].row.session.key;
    }
    void addSessions();
    void showState(int row, const Session& session);
    /// Of one session what has no room in the table.
    std::vector<NamedFact> factsOfOne() const;
    void addStatement();
    void offerCancel();
    std::vector<SessionRow> remaining() const;

    CommandPlan plan_;
    std::map<SessionKey, int> rowOf_;
    QString footnote_; ///< what the foot says while all stand as they did
};

} // namespace poolscope
