// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/picture.h"
#include "core/record/reader.h"
#include "core/report/json.h"

namespace poolscope {

// The objects of DESIGN section 9, with exactly its keys in its order.

void writeSession(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                  const SessionRow& row);
void writeLeak(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               std::size_t index);
void writeStates(JsonWriter& json, const TargetSummary& target);
void writeBlocking(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                   const BlockingTree& tree);
void writePool(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               const Pool& pool);
void writeCheckout(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                   const Checkout& checkout);
void writeCheckoutLeak(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                       const Place& place, const Holder& holder);
/// The member "tags". Null where none were told. Of a key that stands twice the first counts.
void writeTags(JsonWriter& json, const Checkout* checkout);
/// The member "joined_by" of a checkout: null where nothing is joined, "ambiguous" where several
/// are.
void writeJoin(JsonWriter& json, const SessionLink* link);
void writeStatementLeak(JsonWriter& json, const TargetSummary& target, std::size_t index);
void writeDiagnosis(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                    const Diagnosis& diagnosis);
void writeAlert(JsonWriter& json, const TargetSummary& target, const Alert& alert);
void writeInfo(JsonWriter& json, const RecordingInfo& info);

/// The objects of a picture, within an array that the caller opened.
void writeSessions(JsonWriter& json, const Picture& picture);
void writeLeaks(JsonWriter& json, const Picture& picture);
void writePools(JsonWriter& json, const Picture& picture);
void writeDiagnoses(JsonWriter& json, const Picture& picture);
void writeAlerts(JsonWriter& json, const Picture& picture);
void writeCheckouts(JsonWriter& json, const Picture& picture);
void writeAllStates(JsonWriter& json, const Picture& picture);
void writeAllBlocking(JsonWriter& json, const Picture& picture);

/// How far a recording has come.
struct RecordProgress
{
    std::string file;
    Timestamp start;
    Timestamp end;
    std::uint64_t bytes = 0;
    std::uint64_t gaps = 0;
    std::uint64_t dropped = 0;
    bool complete = false; ///< closed, and nothing of it failed
};
/// A line of record.
void writeProgress(JsonWriter& json, const RecordProgress& progress, const Picture& picture);
/// The member "targets": how each is reached.
void writeReach(JsonWriter& json, const Picture& picture);
/// A line of watch: everything that its screen shows.
void writeWatched(JsonWriter& json, const Picture& picture);
/// What became of a cancel, terminate or reclaim.
void writeAction(JsonWriter& json, const TargetSummary& target, const ActionRecord& action);

std::string_view nameOf(Reach reach);

} // namespace poolscope
