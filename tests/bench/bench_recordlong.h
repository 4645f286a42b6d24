// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

namespace poolscope::bench {

struct LongRecording
{
    double hours = 168;
    int sessions = 500;
    double changing = 0.1; ///< share of the sessions that change a second
    int seeks = 50;
    bool play = true;             ///< from end to end, too
    std::filesystem::path folder; ///< where the file goes for a while: about 10 MB an hour
};

/// Writes a recording of an eighth of that length and one of the whole, through the real writer
/// with a made-up clock, and prints what opening, seeking, charting, playing and memory cost in
/// each. Every phase is a process of its own, so that its peak memory is its own. False: something
/// failed.
bool run_long(const LongRecording& settings);

} // namespace poolscope::bench
