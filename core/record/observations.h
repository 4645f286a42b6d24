// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/record/poolobservations.h"
#include "core/record/rows.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace poolscope::record {

/// Reads the tables of observations side by side, in the order of their sequence numbers. Memory is
/// that of one observation. Throws Damaged.
class ObservationCursor
{
public:
    /// `pools` is null for a recording of version 1.
    ObservationCursor(SQLite::Database& database, Lookup& lookup, PoolLookup* pools,
                      SequenceNumber after);
    /// The next one, or nothing at the end.
    std::optional<Observation> next();

private:
    struct Source
    {
        schema::Table table;
        std::unique_ptr<Query> rows;
        std::optional<std::uint64_t> head; ///< sequence of the row that stands ready
    };

    void advance(Source& source);
    Observation read(Source& source);
    Fact read_fact(schema::Table table, const Row& row, const Observation& so_far);
    ServerSample read_sample(const Row& row, const Observation& so_far);

    SQLite::Database& database_;
    Lookup& lookup_;
    std::int64_t version_; ///< of the recording
    std::vector<Source> sources_;
    Query changes_;
    bool change_ready_ = false;
    std::optional<PoolSampleCursor> pool_samples_;
    Timestamp anchor_; ///< what ticks count from
    Query keyframes_;
    bool keyframe_ready_ = false;
};

/// The columns of single tables, after sequence, time and target.
TargetInfo read_target(const Row& row);
TargetStatus read_status(const Row& row);
ServerFacts read_facts(const Row& row);
ActionReported read_action(const Row& row);
/// Of `threshold`. Until version 3 the default meant that nothing was chosen.
ThresholdsChanged read_threshold(const Row& row, std::int64_t version);
ThresholdsChanged read_threshold_choice(const Row& row);
SessionKey read_key(const Row& row, int first_column);
AlertAnswered read_alert_answer(const Row& row);
/// What the report of that number says; `row` is its own, of `settings`.
ServerSettings read_settings(SQLite::Database& database, const Row& row);
std::vector<Lock> read_locks(SQLite::Database& database, Lookup& lookup, std::uint64_t sequence);
TargetId target_id(std::int64_t value);

} // namespace poolscope::record
