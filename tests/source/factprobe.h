// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"
#include "core/source/source.h"

#include <QObject>
#include <QStringList>

#include <vector>

namespace poolscope::test {

/// Everything that a source says, folded into a world, and questions about it.
class FactProbe : public QObject
{
    Q_OBJECT
public:
    const TargetState& state() const { return *world_.target(TargetId{1}); }
    Reach reach() const { return state().status.reach; }
    bool up() const { return reach() == Reach::up && samples > 0; }
    QString sentence() const { return QString::fromStdString(state().status.sentence); }
    QString nextStep() const { return QString::fromStdString(state().status.next_step); }
    /// The phases of an action, "sent accepted observed".
    QString phases(ActionId action) const;
    /// What was said last of it.
    QString outcome(ActionId action) const;

    bool keepFacts = true;
    std::vector<Fact> facts;
    int samples = 0;
    int fullSamples = 0;
    int gaps = 0;
    int failing = 0;     ///< how often that was told
    int reports = 0;     ///< of an agent on itself
    QStringList secrets; ///< sentences of secretRequired

protected:
    void listenTo(const Source& source);
    ActionId nextAction() { return ActionId{++actions_}; }
    virtual void took(const Fact&) {}

private:
    void take(const Fact& fact);

    World world_;
    std::uint64_t sequence_ = 0;
    std::uint64_t actions_ = 0;
};

} // namespace poolscope::test
