// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/stack/debugreader.h"
#include "core/stack/frame.h"
#include "core/stack/stacktable.h"

#include <functional>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>

namespace poolscope {

/// Return addresses to lines. Slow the first time (milliseconds a module: it reads debug
/// information), from a cache after that. Thread-safe; one reads at a time.
class Symboliser
{
public:
    /// The one of this process.
    static Symboliser& process();

    /// Inlined functions are frames of their own; leading frames of the pool itself are left out;
    /// `own` is set by Modules. At most max_stack_depth addresses are read.
    Frames frames(std::span<const std::uintptr_t> addresses);
    /// The same for a stack of StackTable::process(), each stack resolved once.
    Frames frames(StackId stack);

    /// Decides `own` beside Modules: false for what it says, of frames in the application's own
    /// modules ("this is our framework, not our code"). Forgets what was cached.
    void set_library(std::function<bool(const Frame&)> is_library);

private:
    const Frames& at(std::uintptr_t pc);
    Frames resolve(std::span<const std::uintptr_t> addresses);

    std::mutex mutex_;
    DebugReader reader_;
    std::function<bool(const Frame&)> is_library_;
    std::unordered_map<std::uintptr_t, Frames> by_address_;
    std::unordered_map<StackId, Frames> by_stack_;
};

/// Whether a function is the pool's or the detector's own, so that it does not show as the one
/// that acquired.
bool is_pool_function(std::string_view function);

} // namespace poolscope
