// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"
#include "core/source/agentsource.h"
#include "core/source/registry.h"

#include <QObject>
#include <QStringList>

#include <memory>
#include <vector>

namespace poolscope::test {

/// Short waits, so that a test sees in a second what takes a minute.
AgentSource::Timings quickTimings();

/// A source of pools, with everything that it said folded into a world.
class PoolProbe : public QObject
{
    Q_OBJECT
public:
    /// As makeSource makes it, with quickTimings() where it is an AgentSource. `source()` is null
    /// where it was refused.
    explicit PoolProbe(const QString& target, const QString& token = {}, const QString& ssh = {});
    /// Around one that is made elsewhere.
    explicit PoolProbe(std::unique_ptr<Source> source);
    ~PoolProbe() override;

    Source& source() { return *source_; }
    AgentSource* agent() { return qobject_cast<AgentSource*>(source_.get()); }
    const Error& refusal() const { return refusal_; }
    void start() { source_->start(); }

    const TargetState& state() const { return *world_.target(TargetId{1}); }
    const Pools& pools() const { return state().pools; }
    Reach reach() const { return state().status.reach; }
    bool up() const { return reach() == Reach::up && samples > 0; }
    QString sentence() const { return QString::fromStdString(state().status.sentence); }
    QString nextStep() const { return QString::fromStdString(state().status.next_step); }
    bool isOpen(const std::string& checkout) const
    {
        return pools().checkouts.contains(Text{checkout});
    }
    const Checkout& checkout(const std::string& id) const { return pools().checkouts.at(Text{id}); }

    ActionId execute(ActionVerb verb, const std::string& checkout);
    /// The phases of an action, "sent accepted observed".
    QString phases(ActionId action) const;
    QString outcome(ActionId action) const;

    bool keepFacts = true;
    std::vector<Fact> facts;
    int samples = 0;
    int fullSamples = 0;
    int gaps = 0;
    int failing = 0;
    int reports = 0;
    QStringList secrets; ///< sentences of secretRequired

private:
    void adopt();
    void take(const Fact& fact);

    std::unique_ptr<Source> source_;
    Error refusal_;
    World world_;
    std::uint64_t sequence_ = 0;
    std::uint64_t actions_ = 0;
};

} // namespace poolscope::test
