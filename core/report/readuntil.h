// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/record/reader.h"

#include <functional>

namespace poolscope::report {

/// The last keyframe to begin with, where `at` is reached by folding up to `end`: time may have
/// jumped, so that one of an earlier instant can be later.
Result<World> keyframe_before(RecordingReader& reader, Timestamp at, SequenceNumber end);

/// The number of the last observation whose time is at or before `at`; what comes between belongs
/// to it, also where a clock that was set for a while stamped it later. Decodes what is after the
/// first one that is later. A damaged recording ends where it can no longer be read. `go_on` is
/// asked at each of them, and may end it early; null: nobody would.
SequenceNumber last_until(RecordingReader& reader, Timestamp at,
                          const std::function<bool()>& go_on = {});

} // namespace poolscope::report
