// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/charts/poolchart.h"
#include "ui/models/sessionstore.h"
#include "ui/views/poolspagerows.h"
#include "ui/views/viewcontext.h"

#include <QTimer>

namespace poolscope {

/// The charts of one pool, over the visible range that all charts share. Points of the live edge
/// come with the updates, what was before is asked for; while it is hidden it asks for nothing.
class PoolBoard : public QWidget
{
    Q_OBJECT
public:
    PoolBoard(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// nullopt: none.
    void setPool(const std::optional<PoolKey>& pool);
    /// After the store took it.
    void apply(const Update& update);
    void setTransport(const Transport& transport);
    /// Without the times, which the table tells too.
    void setSmall(bool on);
    /// See TimeChart: of the chart of use, where there are no times.
    void setAxisDigits(int digits) { use_->setAxisDigits(digits); }

    const PoolChart& chart(PoolPlot plots) const
    {
        return plots == PoolPlot::use ? *use_ : *times_;
    }
    const PoolStore& points() const { return *points_; }

protected:
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    PoolChart* makeChart(PoolPlot plots);
    void arrange();
    void give();
    void giveMarks();
    void ask();
    void take(const std::vector<PoolSeries>& series, bool live);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    Transport transport_;
    std::optional<PoolKey> pool_;
    std::shared_ptr<PoolStore> points_;
    PoolChart* use_;
    PoolChart* times_;
    std::vector<Mark> marks_;
    bool small_ = false;
    QTimer ask_;
};

} // namespace poolscope
