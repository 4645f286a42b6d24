// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/views/treepage.h"

class QLineEdit;

namespace poolscope {

class HolderDetail;
class InstrumentLink;
struct LeakCounts;
class MetricsBoard;
class SegmentedControl;
class ThresholdBar;

/// Who holds what others need: connections of pools by the line of code that acquired them, and
/// transactions that are open without work in them.
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
    QString letters() const override;

protected:
    bool groups() const override { return true; }
    void refresh(const Update& update) override;
    void transportChanged() override;
    void zoneChanged() override;
    void showEvent(QShowEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void select(const std::optional<SessionKey>& session) override;
    void tableChosen() override;
    bool choseElse() const override { return pick_.has_value(); }
    void goAcross(const std::optional<SessionKey>& current) override;

private:
    /// A checkout, or a place, that was chosen instead of a session. It stays chosen while it is
    /// not there.
    struct Pick
    {
        std::vector<CheckoutKey> checkouts; ///< the current one first
        QString place;                      ///< where none of them is chosen
        std::optional<SessionKey> besides;  ///< what the views had selected then
        bool byUser = false;
    };
    /// Whose thresholds the bar below shows.
    struct Judged
    {
        TargetId target{0};
        Text pool{}; ///< null where it is about no pool
        friend bool operator==(const Judged&, const Judged&) = default;
    };
    void makeTable();
    void makeKeys();
    void fitColumns();
    Pick picked() const;
    void restorePick();
    void pickCheckout(const CheckoutKey& checkout);
    void offerPlace(bool again);
    void showDetail();
    void reclaim();
    void showHolderMenu(const QPoint& at);
    void rebuild();
    void showAnswer(const LeakCounts& counts);
    void showThresholds();
    std::optional<Judged> chosenToJudge() const;
    Judged judged() const;
    void askThresholds(TargetId target);

    HolderDetail* holder_;
    InstrumentLink* instrument_;
    MetricsBoard* board_; ///< where metrics are all that tells of pools
    std::optional<Pick> pick_;
    /// Thresholds of that target were asked for, while this was chosen.
    std::optional<std::pair<TargetId, std::optional<Judged>>> asked_;
    bool pooled_ = false;  ///< some process with pools is attached
    bool servers_ = false; ///< some server is
    int suspected_ = 0;    ///< leaks; one that is told by several targets counts once
    QLineEdit* filter_;
    SegmentedControl* grouping_;
    QLabel* words_;
    ThresholdBar* thresholds_;
};

} // namespace poolscope
