// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentsource.h"
#include "core/source/registry.h"
#include "tests/source/factprobe.h"

#include <memory>

namespace poolscope::test {

/// Short waits, so that a test sees in a second what takes a minute.
AgentSource::Timings quickTimings();

/// A source of pools, with everything that it said folded into a world.
class PoolProbe : public FactProbe
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

    const Pools& pools() const { return state().pools; }
    bool isOpen(const std::string& checkout) const
    {
        return pools().checkouts.contains(Text{checkout});
    }
    const Checkout& checkout(const std::string& id) const { return pools().checkouts.at(Text{id}); }

    ActionId execute(ActionVerb verb, const std::string& checkout);

private:
    std::unique_ptr<Source> source_;
    Error refusal_;
};

} // namespace poolscope::test
