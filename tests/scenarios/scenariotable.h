// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/scenarios/scenarioverdict.h"

#include <map>
#include <vector>

namespace poolscope::test {

/// All that was told, and how right that is.
class ScenarioTable
{
public:
    void add(const ScenarioRow& row, ScenarioVerdict verdict);
    const std::vector<ScenarioVerdict>* of(const QString& row) const;

    /// Of all that was decided, and of all that was to be told; 1 where there is nothing.
    double precision() const;
    double recall() const;
    int falseLeaks() const { return falseLeaks_; }
    /// How long after the first wait (or the trouble, where nobody waited) the right cause was
    /// told, or named as one of the candidates, with agent and server attached: sorted. A leak of
    /// all connections at once is a call that lasts, until it has lasted too long for one.
    std::vector<double> namings() const;

    static constexpr double goal_s = 10; ///< for a verdict

    /// The confusion table, precision and recall per cause, the delays, the alerts.
    QString text() const;

private:
    struct Cause
    {
        int right = 0, wrongly = 0, toTell = 0, told = 0;
    };
    struct Delay
    {
        QString row;
        double fromWait = 0, fromOnset = 0;
        double named = 0; ///< from the first wait until it was told, or among the candidates
        std::size_t sources = 0;
    };
    QString confusion() const;
    QString figures() const;
    QString delaysText() const;
    QString lateText() const;
    QString alertsText() const;

    std::map<QString, std::vector<ScenarioVerdict>> rows_;
    std::map<QString, std::map<QString, int>> told_; ///< by true cause
    std::map<QString, Cause> causes_;
    std::vector<Delay> delays_;
    int falseLeaks_ = 0, healthy_ = 0, alertedHealthy_ = 0, incidents_ = 0, warned_ = 0;
};

} // namespace poolscope::test
