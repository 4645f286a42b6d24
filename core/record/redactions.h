// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <cstddef>
#include <unordered_map>
#include <utility>

namespace poolscope::record {

/// Statements without their literals, each redacted once. Bounded: it forgets all when it is full.
class Redactions
{
public:
    /// The observation as it may be written.
    Observation without_literals(const Observation& observation);
    ServerSample without_literals(const ServerSample& sample);
    PoolSample without_literals(const PoolSample& sample);

private:
    Text redacted(const Text& statement);

    /// By address. The original is kept beside its redaction, so that its address stays its own.
    std::unordered_map<const void*, std::pair<Text, Text>> known_;
    std::size_t bytes_ = 0;
};

} // namespace poolscope::record
