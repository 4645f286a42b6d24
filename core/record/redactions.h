// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/record/redact.h"

#include <cstddef>
#include <unordered_map>

namespace poolscope::record {

/// Statements without their literals, each redacted once. Bounded: it forgets all when it is full.
class Redactions
{
public:
    /// The observation as it may be written. `dialect`: of its target's sessions; what agents tell
    /// may lead anywhere.
    Observation without_literals(const Observation& observation, SqlDialect dialect);
    ServerSample without_literals(const ServerSample& sample,
                                  SqlDialect dialect = SqlDialect::postgresql);
    PoolSample without_literals(const PoolSample& sample);

private:
    Text redacted(const Text& statement, SqlDialect dialect);

    /// By address. The original is kept beside its redaction, so that its address stays its own.
    struct Known
    {
        Text original, redaction;
        SqlDialect dialect;
    };
    std::unordered_map<const void*, Known> known_;
    std::size_t bytes_ = 0;
};

} // namespace poolscope::record
