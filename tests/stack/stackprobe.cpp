// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/stack/stackprobe.h"

namespace POOLSCOPE_PROBE {

namespace {

volatile int sink = 0;

__attribute__((always_inline)) inline int probe_inlined(ProbeCapture capture, void* context)
{
    const int line = __LINE__ + 1;
    capture(context);
    sink = sink + 1;
    return line;
}

} // namespace

__attribute__((noinline)) ProbeLines probe_deep(int depth, ProbeCapture capture, void* context)
{
    ProbeLines lines;
    if (depth > 1) {
        lines = probe_deep(depth - 1, capture, context);
        sink = sink + lines.caller; // no tail call
        return lines;
    }
    lines.caller = __LINE__ + 1;
    lines.inlined = probe_inlined(capture, context);
    return lines;
}

ProbeLines probe(int depth, ProbeCapture capture, void* context)
{
    const ProbeLines lines = probe_deep(depth, capture, context);
    sink = sink + lines.inlined;
    return lines;
}

} // namespace POOLSCOPE_PROBE
