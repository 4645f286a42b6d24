// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/record/reader.h"
#include "core/report/report.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

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

/// Gets 0 to 1, now and then, and returns false to stop.
using Progress = std::function<bool(double)>;

/// Reads a recording from end to end: what happened, and how things stood at the moment that
/// matters. Takes about as long as folding all of it twice. One that is being written is read as
/// far as it goes at the moment. Stopped, it is an error.
Result<Gathered> gather(RecordingReader& reader, const Question& question,
                        const Progress& progress = {});

/// What a report calls a recording: its file's name, or a number where that may name a host or a
/// customer. `number` counts from 1.
std::string name_of_recording(std::string_view file, bool redact, std::size_t number = 1);

} // namespace poolscope::report
