// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/metricrows.h"
#include "ui/views/viewcontext.h"

#include <QWidget>

#include <memory>

class QLabel;
class QPushButton;

namespace poolscope {

class DataTable;

/// The leaks page where metrics are all that tells of pools: how many are held and where that
/// leads, and what to attach to see the lines of code.
class MetricsBoard : public QWidget
{
    Q_OBJECT
public:
    MetricsBoard(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// After an update; shows itself, or not.
    void refresh(const Transport& transport);
    const PoolTrends& trends() const { return trends_; }
    DataTable& table() { return *table_; }

signals:
    /// Another answer to what was asked of the recording.
    void trendsChanged();

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void ask(const Transport& transport);
    void fitTable();
    QWidget* makeNextStep();

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    std::unique_ptr<TreeModel> model_;
    DataTable* table_;
    QLabel* words_;
    QPushButton* instrument_;
    QPushButton* attach_;
    PoolTrends trends_;
    std::optional<Timestamp> askedAt_;
};

} // namespace poolscope
