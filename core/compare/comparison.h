// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/compare/measures.h"
#include "core/compare/side.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace poolscope::compare {

/// One figure of one thing on both sides. Texts are as they came from outside.
struct Change
{
    Subject subject = Subject::pool;
    Measure measure = Measure::acquires_per_second;
    std::optional<TargetInfo> target;     ///< before; null where it is on the other side alone
    std::optional<TargetInfo> and_target; ///< after
    Text pool;                            ///< null: of the target itself
    Text what;         ///< the application, the diagnosis's cause in JSON's word, the alert's rule
    bool user = false; ///< the application names none: it is its user
    StackRef stack;    ///< of a place; as it is after, where it is there
    /// Of a place, where several stacks acquire at the same line: the callers that tell it
    /// apart, as ways_apart() has them.
    Text by_way_of;
    std::optional<SessionState> state; ///< of the sessions of an application
    Figure before;
    Figure after;
    Verdict verdict = Verdict::same;
    double weight = 0; ///< how much it matters; 0 where it is no change
};

/// One side, for its heading.
struct Range
{
    std::string name;
    Timestamp from;
    Timestamp to;
    bool complete = true;
};

struct Comparison
{
    Range before;
    Range after;
    /// By target and pool; lines of code and applications with the most on top.
    std::vector<Change> changes;
    /// What could not be compared, and what must be known of what was: sentences.
    std::vector<std::string> notes;
};

/// What things are called. As they are, unless names are to be concealed.
struct Naming
{
    std::function<TargetInfo(const TargetInfo&)> target;
    std::function<Text(const Text&)> pool;
    std::function<Text(const Text&)> application;
    std::function<Text(const Text&)> user; ///< where an application has no name
    std::function<Text(const Text&)> text; ///< of anything else
    std::function<StackRef(const StackRef&)> stack;
};

/// Pure: the same sides give the same comparison.
Comparison compare(const Side& before, const Side& after, const Naming& naming = {});

/// Those that are a change, what matters most first.
std::vector<const Change*> changes_by_weight(const Comparison& comparison);
/// Of these the ones that are told in a sentence, above every figure.
std::vector<const Change*> headlines(const Comparison& comparison);
/// What is nothing on both sides says nothing in a table.
bool is_worth_a_row(const Change& change);

/// For people, one line, without what could do harm on a terminal.
std::string sentence_of(const Change& change);
/// "shop-api, pool orders"
std::string where_of(const Change& change);
/// "load_orders (orders.cpp:42)", "orders-api", "leak"; empty for a pool or a server itself.
std::string what_of(const Change& change);
/// "mean use time", "idle in transaction"
std::string measure_of(const Change& change);

} // namespace poolscope::compare
