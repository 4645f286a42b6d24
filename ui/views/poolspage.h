// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/basepage.h"
#include "ui/views/poolspagerows.h"

class QLabel;
class QLineEdit;

namespace poolscope {

class InstrumentLink;
class PageTitle;
class PoolBoard;
class PoolPanel;

/// Which pools are short of connections, since when, and how they are set up.
class PoolsPage : public BasePage
{
    Q_OBJECT
public:
    PoolsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("pools"); }
    QString title() const override { return tr("Pools"); }
    QString iconName() const override { return QStringLiteral("pools"); }
    void focusFilter() override;
    void setFilter(const QString& text) override;
    bool clearOne() override;

    DataTable& table() { return *table_; }
    PoolBoard& board() { return *board_; }
    /// Whose charts are shown.
    const std::optional<PoolKey>& shown() const { return shown_; }

protected:
    void refresh(const Update& update) override;
    void transportChanged() override;
    void resizeEvent(QResizeEvent* event) override;

private:
    void rebuild();
    void rowChosen();
    void pickPool(TargetId target, const Text& pool);
    void showPool();
    void arrange() override;

    InstrumentLink* instrument_;
    PageTitle* title_;
    QWidget* bar_;
    QLineEdit* filter_;
    QLabel* words_;
    std::unique_ptr<TreeModel> model_;
    DataTable* table_;
    QWidget* below_;
    PoolBoard* board_;
    PoolPanel* panel_;
    std::vector<PoolKey> keys_; ///< of the rows, as they came
    std::optional<PoolKey> shown_;
    bool chosen_ = false; ///< the user chose it; otherwise it is the worst
    bool choosing_ = false;
};

} // namespace poolscope
