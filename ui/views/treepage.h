// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/treemodel.h"
#include "ui/views/basepage.h"

class QHBoxLayout;
class QLabel;

namespace poolscope {

class PageTitle;
class SessionDetail;

/// A sentence, a small table or tree of sessions, and the detail of what is selected: what the
/// leaks and the blocking page have in common.
class TreePage : public BasePage
{
    Q_OBJECT
public:
    bool clearOne() override;
    std::vector<SessionRow> selectedSessions() const override;
    DataTable& table() { return *table_; }

protected:
    TreePage(ViewContext& context, std::shared_ptr<SessionStore> store,
             std::unique_ptr<TreeModel> model, const QString& name, QWidget* parent);
    void transportChanged() override;
    void zoneChanged() override;
    void select(const std::optional<SessionKey>& session) override;
    void resizeEvent(QResizeEvent* event) override;
    /// After the rows were replaced.
    void settled();
    /// Another row was chosen in the table, or the rows changed: shows it in the detail.
    virtual void tableChosen();
    /// Something is chosen that is no session: the selection of the views stays out of it.
    virtual bool choseElse() const { return false; }
    /// Shows why there is nothing to show yet, if so, instead of an answer; then true.
    bool waits();

    std::unique_ptr<TreeModel> model_;
    QVBoxLayout* left_; ///< title, bar, table, note; pages may add below
    PageTitle* title_;
    QHBoxLayout* bar_;
    QLabel* note_;
    DataTable* table_;
    SessionDetail* detail_;
    QHBoxLayout* row_;       ///< the table's column, then the detail
    bool selecting_ = false; ///< a row is chosen on the window's own account
};

} // namespace poolscope
