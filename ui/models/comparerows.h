// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/comparison.h"
#include "core/model/series.h"
#include "ui/models/formatter.h"
#include "ui/models/treemodel.h"

#include <memory>
#include <optional>
#include <vector>

namespace poolscope {

enum class CompareColumn { what, before, after, change };
std::unique_ptr<TreeModel> makeCompareModel(QObject* parent);
/// A section for pools, lines of code, servers, applications, diagnoses and alerts, of which below
/// each other: what changed most, then the rest in the comparison's order. A row that tells of a
/// figure is named "c" and its place among the changes. Of each section a few hundred: nobody reads
/// more, and the window must not wait for them.
TreeNodes compareRows(const compare::Comparison& comparison);
/// Of the row of that name; null where it tells of none.
const compare::Change* changeOf(const compare::Comparison& comparison, const QString& row);

/// What stands above the figures.
struct CompareWords
{
    QString headline;   ///< what changed most
    bool quiet = false; ///< that is: nothing
    QStringList others; ///< what else changed, the most first
    int more = 0;       ///< not listed
    QString before;     ///< which range of what
    QString after;
    QStringList notes; ///< what must be known of them
};
CompareWords compareWords(const compare::Comparison& comparison, const Formatter& format,
                          Timestamp now);
/// How a figure changed, for a mark beside the words.
enum class Moved : int { rose, fell, appeared, gone };
/// Null where it did not, or nobody can tell.
std::optional<Moved> movedOf(const compare::Change& change);
/// "rose, ×3.4", "about the same", "too little data"
QString verdictWords(const compare::Change& change);
/// What it rests on: "observed for 1 min, from 312 single ones"
QString basisOf(const compare::Figure& figure);

/// Where a recording is cut in two.
struct CompareSplit
{
    Timestamp at;
    QString why; ///< a sentence
};
/// At the first suspicion or alert that leaves enough before and after it; else in the middle.
CompareSplit compareSplit(const std::vector<Mark>& marks, Timestamp start, Timestamp end,
                          const Formatter& format, Timestamp now);

} // namespace poolscope
