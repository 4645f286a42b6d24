// SPDX-License-Identifier: GPL-3.0-or-later
// Between leakrows.cpp and placerows.cpp; for nobody else.
#pragma once

#include "ui/models/findings.h"

#include <map>

namespace poolscope::leaks {

inline Emphasis emphasisOf(LeakSeverity severity)
{
    return severity == LeakSeverity::critical ? Emphasis::critical
           : severity == LeakSeverity::alert  ? Emphasis::warning
                                              : Emphasis::plain;
}

/// A row at the top, and what its place in the order is decided by: the worst first; among those
/// that nobody suspects the order does not follow their ages, which would never rest.
struct Ranked
{
    std::unique_ptr<TreeNode> node;
    int severity = 0;
    qlonglong impact = 0; ///< sessions that it blocks, checkouts suspected
    qlonglong oldest = 0; ///< us
    bool longRunning = false;
    QString name;
};

/// Adds the rows of one instrumented process; `blocking`: see blockingCheckouts().
void addPlaces(const SessionStore& store, const TargetSummary& target, const QString& filter,
               LeakGrouping grouping, const std::map<CheckoutKey, std::int32_t>& blocking,
               std::vector<Ranked>& rows, LeakCounts& counts);
/// Adds the lines of one process whose prepared statements are never closed.
void addStatements(const SessionStore& store, const TargetSummary& target, const QString& filter,
                   LeakGrouping grouping, std::vector<Ranked>& rows, LeakCounts& counts);

/// "shop", or with the process before it where there are several.
QString poolWords(const SessionStore& store, const TargetSummary& target, const Text& pool);

} // namespace poolscope::leaks
