// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/treemodel.h"
#include "ui/views/basepage.h"

namespace poolscope {

class PageTitle;

/// What was asked of servers, and what became of it.
class ActionsPage : public BasePage
{
    Q_OBJECT
public:
    ActionsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("actions"); }
    QString title() const override { return tr("Actions"); }
    QString iconName() const override { return QStringLiteral("actions"); }
    DataTable& table() { return *table_; }

protected:
    bool showsServers() const override { return false; }
    void refresh(const Update& update) override;

private:
    std::unique_ptr<TreeModel> model_;
    PageTitle* title_;
    DataTable* table_;
};

} // namespace poolscope
