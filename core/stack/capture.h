// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/stack/frame.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace poolscope {

/// How return addresses are found.
enum class CaptureMethod : std::uint8_t {
    automatic,      ///< by frame pointers where they reach the application's frames, else unwound
    frame_pointers, ///< the chain of saved frame pointers: about 1 ns a frame
    unwinder,       ///< the unwind tables: some 150 ns a frame, needs no frame pointers
};

/// Addresses only, innermost first. Relaxed atomics, so that another thread may look while they
/// are written; it must have another way to know what it saw.
using AddressSlots = std::span<std::atomic<std::uintptr_t>>;

/// The stack of the calling thread: [low, high). Asked of the system once a thread; {0, 0} where it
/// could not say.
struct StackLimits
{
    std::uintptr_t low = 0;
    std::uintptr_t high = 0;
};
StackLimits thread_stack_limits() noexcept;

/// Writes the return addresses of the calling thread into `out`, at most max_stack_depth, and says
/// how many. `frame` is __builtin_frame_address(0) of a function that is still running: its return
/// address is the first. Never faults: nothing outside the thread's own stack is read; on a stack
/// that is not the thread's own (a fiber's) the unwinder is used.
///
/// With `automatic` the first captures from each place compare both ways, and one in some thousand
/// after that: the chain is trusted there as long as it shows every frame of the application that
/// the unwinder shows, and there are two at least. Once it did not, that place is unwound for good;
/// so is, once, a capture that finds no memory to compare.
std::size_t capture_stack(const void* frame, AddressSlots out,
                          CaptureMethod method = CaptureMethod::automatic) noexcept;

/// The same into plain memory.
struct Addresses
{
    std::array<std::uintptr_t, max_stack_depth> values{};
    std::size_t count = 0;
    std::span<const std::uintptr_t> view() const { return {values.data(), count}; }
};
/// From the caller's return address on: the caller itself is left out.
Addresses capture_here(CaptureMethod method = CaptureMethod::automatic) noexcept;

} // namespace poolscope
