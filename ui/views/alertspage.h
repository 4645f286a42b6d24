// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/treemodel.h"
#include "ui/views/basepage.h"

#include <map>

class QLabel;
class QPushButton;

namespace poolscope {

class PageTitle;

/// Which rules hold now, of what, and since when; and where somebody says that he is at it.
class AlertsPage : public BasePage
{
    Q_OBJECT
public:
    AlertsPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("alerts"); }
    QString title() const override { return tr("Alerts"); }
    QString iconName() const override { return QStringLiteral("alerts"); }
    DataTable& table() { return *table_; }

signals:
    void answered(poolscope::TargetId target, const poolscope::AlertAnswered& answer,
                  poolscope::Duration lasts);

protected:
    void refresh(const Update& update) override;
    void transportChanged() override;
    void zoneChanged() override;

private:
    struct Choice
    {
        QString words;
        AlertAnswer answer;
        Duration lasts;
    };
    static std::vector<Choice> choices();
    const Alert* current() const;
    void showMenu(const QPoint& at);
    bool answerable() const;
    void answer(const Alert& alert, AlertAnswer answer, Duration lasts);
    void fill();
    void settle();

    std::map<QString, Alert> alerts_; ///< by the id of their row
    QPushButton* acknowledge_;
    QPushButton* silence_;
    QPushButton* takeBack_;
    QLabel* obstacle_;
    QWidget* bar_;
    std::unique_ptr<TreeModel> model_;
    PageTitle* title_;
    DataTable* table_;
};

} // namespace poolscope
