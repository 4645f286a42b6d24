// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/stack/frame.h"

#include <cstdint>
#include <memory>

namespace poolscope {

/// Reads the debug information of what is loaded in this process, also where it was split off
/// (.gnu_debuglink, build id). Never asks a server for it. One thread at a time.
class DebugReader
{
public:
    DebugReader();
    ~DebugReader();
    DebugReader(const DebugReader&) = delete;
    DebugReader& operator=(const DebugReader&) = delete;

    /// The function at `pc`, preceded by those that were inlined into it there, innermost first;
    /// `own` is not set. Empty where nothing is loaded. Without debug information: one frame with
    /// the symbol's name, at most.
    Frames frames_at(std::uintptr_t pc);

private:
    struct Session;
    std::unique_ptr<Session> session_;
};

} // namespace poolscope
