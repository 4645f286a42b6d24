// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

/// One application's code, built in several ways. Each calls `capture(context)` below `depth`
/// frames of its own, from inside an inlined function, and says on which lines.
struct ProbeLines
{
    int inlined = 0; ///< of the call of `capture`, in probe_inlined
    int caller = 0;  ///< of the call of probe_inlined, in probe_deep
};
using ProbeCapture = void (*)(void* context);

namespace chained {
ProbeLines probe(int depth, ProbeCapture capture, void* context);
}
namespace unchained {
ProbeLines probe(int depth, ProbeCapture capture, void* context);
}
namespace shared {
ProbeLines probe(int depth, ProbeCapture capture, void* context);
}
