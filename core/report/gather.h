// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/record/reader.h"
#include "core/report/report.h"

#include <optional>
#include <string>

namespace poolscope::report {

struct Question
{
    std::string file;              ///< as it is called in the report
    std::optional<Timestamp> from; ///< null: the recording's begin
    std::optional<Timestamp> to;   ///< null: its end
    std::optional<Timestamp> at;   ///< null: the moment of the strongest finding, else the end
    bool redact = false;
};

struct Gathered
{
    Incident incident;
    /// The recording is damaged after what the report tells.
    std::optional<Error> damage;
};

/// Reads a recording from end to end: what happened, and how things stood at the moment that
/// matters. Takes about as long as folding all of it twice.
Result<Gathered> gather(RecordingReader& reader, const Question& question);

} // namespace poolscope::report
