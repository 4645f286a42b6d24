// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/readuntil.h"

namespace poolscope::report {

Result<World> keyframe_before(RecordingReader& reader, Timestamp at, SequenceNumber end)
{
    auto keyframe = reader.keyframe(at);
    if (!keyframe || !(end < keyframe.value().sequence()))
        return keyframe;
    return reader.keyframe(Timestamp::min());
}

SequenceNumber last_until(RecordingReader& reader, Timestamp at, const std::function<bool()>& go_on)
{
    SequenceNumber last{};
    if (const auto keyframe = reader.keyframe(at))
        last = keyframe.value().sequence();
    // A read that fails has told of what is before the damage.
    static_cast<void>(reader.read(last, [&](const Observation& each) {
        if (each.time <= at)
            last = each.sequence;
        return !go_on || go_on();
    }));
    return last;
}

} // namespace poolscope::report
