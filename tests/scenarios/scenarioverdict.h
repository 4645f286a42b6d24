// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/scenarios/scenariorow.h"

#include <optional>

namespace poolscope::test {

/// What was told of one recording, looked at twice a second from its beginning to its end. Seconds
/// count from the onset of the trouble.
struct ScenarioVerdict
{
    std::size_t sources = 0;
    bool ok = false;
    QString told;      ///< the wrong cause if ever there was one; "both", "undecided", "nothing"
    QString complaint; ///< why it is not ok
    QString sentence;  ///< the last right one
    std::optional<double> firstRight;
    std::optional<double> firstNamed; ///< undecided, with the cause among the candidates
    std::optional<double> strained;   ///< since when an acquire waited
    std::optional<double> ended;      ///< how long after the trouble the last verdict was
    std::optional<double> firstAlert; ///< the first that fires
    std::optional<double> firstTimeout;
    QStringList earlyAlerts; ///< that fire before the trouble, or on a healthy row
    bool falseLeak = false;  ///< a leak is told or suspected where there is none
    bool alertsOk = true;
};

/// By the recording and times.json in that folder.
ScenarioVerdict judgeScenario(const ScenarioRow& row, std::size_t sources, const QString& folder);

} // namespace poolscope::test
