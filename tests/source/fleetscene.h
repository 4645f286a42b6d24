// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/source/fakefleet.h"
#include "tests/source/metricsprobe.h"

namespace poolscope::test {

inline constexpr int patience = 60000; // on a machine that does other things too

/// Two instances of one application with two pools each.
inline void fill(FakeFleet& fleet)
{
    for (const char* const instance : {"10.0.0.1:8080", "10.0.0.2:8080"}) {
        for (const char* const pool : {"orders", "audit"}) {
            fleet.add("hikaricp_connections_active", pool, instance, "3");
            fleet.add("hikaricp_connections_max", pool, instance, "10");
            fleet.add("hikaricp_connections_timeout_total", pool, instance, "7");
            fleet.add("hikaricp_connections_acquire_seconds_count", pool, instance, "40");
            fleet.add("hikaricp_connections_acquire_seconds_sum", pool, instance, "0.5");
        }
    }
}

inline const char* const first = "orders (shop, 10.0.0.1:8080)";

/// On a machine that is busy, no more than that.
inline bool saysNothing(const MetricsProbe& probe)
{
    return probe.sentence().isEmpty() ||
           probe.sentence().startsWith(QStringLiteral("An answer takes long"));
}

} // namespace poolscope::test
