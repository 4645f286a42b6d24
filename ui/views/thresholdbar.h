// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/views/durationbar.h"

#include <optional>
#include <set>
#include <utility>

class QComboBox;
class QLineEdit;

namespace poolscope {

class LinkButton;

/// By which thresholds the pool, or the target, that one looks at is judged, whose they are, and
/// other ones for it. What is being typed is not written over, and stays about the object that it
/// was typed for; it is dropped when another is looked at and nobody types any more.
class ThresholdBar : public DurationBar
{
    Q_OBJECT
public:
    explicit ThresholdBar(QWidget* parent = nullptr);

    /// Null: nothing is attached; there is nothing to judge. `pool`: the one looked at, if it is
    /// one. `replay`: a choice is a what-if. `all`: targets that may be asked for instead.
    void show(const TargetSummary* target, const Pool* pool, bool replay,
              const std::vector<TargetSummary>& all = {});

signals:
    /// The thresholds of that target are to be shown; it was among `all`.
    void targetWanted(poolscope::TargetId target);
    /// Target 0: for all of them, to take back what was chosen so.
    void chosen(poolscope::TargetId target, const poolscope::ThresholdsChanged& choice);

private:
    bool ofPool() const;
    /// What the scope says; a null pool is all of the target.
    std::pair<TargetId, Text> scoped() const;
    /// Somebody is at it: what it is about must not change under the hand.
    bool inHand() const;
    void fillScope(const std::vector<TargetSummary>& all, bool another);
    void fill();
    void explain();
    void apply() override;
    void takeBack();

    QLineEdit* alert_;
    QLineEdit* critical_;
    QComboBox* scope_;
    LinkButton* back_;
    std::optional<TargetId> target_;
    QString targetName_;
    bool hasPool_ = false; ///< a pool is looked at
    Text pool_;
    std::vector<std::pair<TargetId, QString>> elsewhere_; ///< other targets that the scope offers
    LeakThresholds ofTarget_;
    PoolJudging ofPool_;
    QString others_; ///< pools of the target that are judged by their own
    /// Chosen here; what else counts was chosen for all targets, or before the recording.
    std::set<std::pair<TargetId, Text>> made_;
    bool chosenForTarget_ = false;
    bool agent_ = false;
    bool replay_ = false;
};

} // namespace poolscope
