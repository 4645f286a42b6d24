// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/findings.h"
#include "ui/views/basepage.h"

#include <QTimer>

#include <map>

class QHBoxLayout;
class QLabel;

namespace poolscope {

class AnswerPanel;
class StateChart;

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
    void zoneChanged() override;
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;

private:
    QWidget* tablePanel(const QString& title, const QString& caption, DataTable* table);
    void makeTables();
    void makeCharts();
    StateChart* makeChart(TargetId target);
    void updateAnswer();
    void updateCharts();
    void askSeries();
    void take(const std::vector<TargetSeries>& series, bool live);

    Answer answer_;
    AnswerPanel* panel_;
    QHBoxLayout* body_;
    QVBoxLayout* chartBox_;
    QLabel* more_;
    std::map<TargetId, StateChart*> charts_;
    std::unique_ptr<TreeModel> servers_;
    std::unique_ptr<TreeModel> leaks_;
    DataTable* serverTable_;
    DataTable* leakTable_;
    QWidget* side_;
    QTimer ask_;
};

} // namespace poolscope
