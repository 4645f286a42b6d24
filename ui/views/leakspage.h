// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/treepage.h"

class QLineEdit;
class QPushButton;

namespace poolscope {

class SegmentedControl;

/// Who holds a transaction open without working in it.
class LeaksPage : public TreePage
{
    Q_OBJECT
public:
    LeaksPage(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    QString name() const override { return QStringLiteral("leaks"); }
    QString title() const override { return tr("Leaks"); }
    QString iconName() const override { return QStringLiteral("leaks"); }
    void focusFilter() override;
    void setFilter(const QString& text) override;
    void nextGrouping() override;
    bool clearOne() override;

protected:
    void refresh(const Update& update) override;
    void transportChanged() override;

private:
    void makeThresholds();
    void rebuild();
    void applyThresholds();
    void showThresholds();
    TargetId thresholdTarget() const;

    QLineEdit* filter_;
    SegmentedControl* grouping_;
    QLabel* words_;
    QWidget* thresholds_;
    QLineEdit* alert_;
    QLineEdit* critical_;
    QPushButton* apply_;
    QLabel* trouble_;
};

} // namespace poolscope
