// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/models/sessionstore.h"
#include "ui/views/viewcontext.h"

#include <QTimer>
#include <QWidget>

#include <map>
#include <memory>

class QBoxLayout;

namespace poolscope {

class LinkButton;
class StateChart;

/// State charts, one a server, the fullest first, over the visible range that all charts share. It
/// asks for what was before it came; while it is hidden it asks for nothing.
class ChartBoard : public QWidget
{
    Q_OBJECT
public:
    ChartBoard(ViewContext& context, std::shared_ptr<SessionStore> store, QWidget* parent);

    /// How many charts at most; the others are counted in a link below them.
    void setMost(std::size_t most);
    /// Side by side instead of one below the other.
    void setSideBySide(bool on);
    /// See TimeChart; for boards that stand above charts of others.
    void setAxisDigits(int digits);
    /// Whose chart comes before the fullest, such as the server that a page speaks of.
    void setFirst(const std::optional<TargetId>& target);
    /// Where the servers without a chart are found: "in the list at the right".
    void setElsewhere(const QString& words) { elsewhere_ = words; }

    /// After the store took it. `waiting`: what stands in a chart before its first sample.
    void apply(const Update& update, const QString& waiting);
    void setTransport(const Transport& transport);
    void setMarks(const std::vector<Mark>& marks);
    const std::map<TargetId, StateChart*>& charts() const { return charts_; }
    /// The last instant in the visible range, up to `now`, at which a session waited for a lock.
    std::optional<Timestamp> lastWaiter(Timestamp now) const;

signals:
    /// What was asked of the recording came.
    void answered();
    /// Those without a chart were asked for.
    void moreWanted();

protected:
    void showEvent(QShowEvent* event) override;

private:
    StateChart* makeChart(TargetId target);
    void choose();
    void arrange(const std::vector<TargetId>& shown);
    void fill(const TargetSummary& target, StateChart& chart);
    void giveMarks(TargetId target, StateChart& chart);
    void ask();
    void take(const std::vector<TargetSeries>& series, bool live);

    ViewContext& context_;
    std::shared_ptr<SessionStore> store_;
    Transport transport_;
    QBoxLayout* box_;
    LinkButton* more_;
    std::map<TargetId, StateChart*> charts_;
    std::vector<Mark> marks_;
    std::size_t most_ = 3;
    int axisDigits_ = 0;
    std::optional<TargetId> first_;
    QString elsewhere_, waiting_;
    QTimer ask_;
};

} // namespace poolscope
