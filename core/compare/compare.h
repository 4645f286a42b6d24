// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/compare/comparison.h"
#include "core/record/reader.h"

#include <functional>
#include <optional>
#include <string>

namespace poolscope::compare {

/// One range of one recording.
struct Question
{
    std::string name;              ///< of the recording, as people call it
    std::optional<Timestamp> from; ///< null: its begin
    std::optional<Timestamp> to;   ///< null: its end
};

/// Gets 0 to 1, now and then, never less than before, and returns false to stop.
using Progress = std::function<bool(double)>;

/// Reads what is asked for once, from a little before it. A damaged recording is read as far as it
/// can be, and the side says so. An error where nothing can be read, and where it was stopped.
Result<Side> side_of(RecordingReader& reader, const Question& question,
                     const Progress& progress = {});

/// Hosts, users and folders named after people are called otherwise, each the same everywhere.
/// Reads both recordings once more, for the names in them; how far that is it does not tell:
/// `progress` gets 0. An error where it was stopped.
Result<Naming> concealing(RecordingReader& before, RecordingReader& after,
                          const Progress& progress = {});

} // namespace poolscope::compare
