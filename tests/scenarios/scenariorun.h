// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/scenarios/scenariorow.h"

namespace poolscope::test {

/// The incident itself: a server, an application and a recording for each combination of sources,
/// "0.poolrec" and so on, and "times.json" in that folder: at which microseconds since 1970 the
/// trouble began, the first acquire waited and timed out, and it was calm again. Returns what went
/// wrong; empty: nothing. Minutes; for a process of its own.
QString runScenario(const ScenarioRow& row, const QString& folder);

} // namespace poolscope::test
