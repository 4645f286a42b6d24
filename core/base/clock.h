// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/time.h"

namespace poolscope {

/// Where "now" comes from; injected, so that tests and replay decide what time it is.
/// Any thread may ask.
class Clock
{
public:
    virtual ~Clock() = default;
    /// Wall clock, UTC. May jump when the machine's clock is set.
    virtual Timestamp now() const = 0;
};

/// The machine's wall clock.
class SystemClock final : public Clock
{
public:
    Timestamp now() const override;
};

} // namespace poolscope
