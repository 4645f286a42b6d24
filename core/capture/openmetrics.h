// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <cstddef>
#include <string>

namespace poolscope {

/// Pools on one page at most, so that whoever scrapes it is not flooded with series; those beyond
/// are counted there.
inline constexpr std::size_t most_exported_pools = 1000;

/// What is observed at this instant as a page of OpenMetrics 1.0, which Prometheus' older text
/// format reads as well: pools by OpenTelemetry's names of db.client.connection.*, sessions by
/// state, suspected leaks, who is blocked. Of a target that does not answer only that is told, and
/// what is not reported is left out. Durations are in seconds. Every series bears the label target,
/// its URL without secrets. Pure; any thread.
std::string open_metrics_page(const Update& update);

} // namespace poolscope
