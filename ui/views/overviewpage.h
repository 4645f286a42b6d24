// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"
#include "ui/views/basepage.h"
#include "ui/views/poolspagerows.h"

class QBoxLayout;

namespace poolscope {

class AnswerPanel;
class ChartBoard;
class LinkButton;
class PoolBoard;
class SectionHead;

/// What is wrong, since when, and what to do now.
class OverviewPage : public BasePage
{
    Q_OBJECT
public:
    OverviewPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("overview"); }
    QString title() const override { return tr("Overview"); }
    QString iconName() const override { return QStringLiteral("overview"); }
    bool clearOne() override;

protected:
    void refresh(const Update& update) override;
    void transportChanged() override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    QWidget* tablePanel(SectionHead* head, DataTable* table);
    void makeTables();
    void updateAnswer();
    void follow(const AnswerEvidence& link);
    void arrange() override;
    void chooseCharts();
    void fitPools();
    void cutLeaks();
    void makePools();
    void refreshPools(const Update& update);

    Answer answer_;
    AnswerPanel* panel_;
    QWidget* body_;
    ChartBoard* board_;
    std::unique_ptr<TreeModel> servers_;
    std::unique_ptr<TreeModel> leaks_;
    std::unique_ptr<TreeModel> pools_;
    std::vector<PoolKey> poolKeys_; ///< of the rows of pools
    QBoxLayout* charts_;
    PoolBoard* poolBoard_; ///< of the worst pool
    DataTable* poolTable_;
    QWidget* poolPanel_;
    DataTable* serverTable_;
    DataTable* leakTable_;
    SectionHead* leakHead_;
    QWidget* serverPanel_;
    QWidget* leakPanel_;
    LinkButton* moreLeaks_;
    QWidget* side_;
    bool processes_ = false; ///< and no server
};

} // namespace poolscope
