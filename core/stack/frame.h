// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/ids.h"

#include <cstdint>
#include <string>
#include <vector>

namespace poolscope {

/// A stack in the interning table of one process, from 1. 0 is "no stack was taken".
using StackId = Id<struct StackTag, std::uint32_t>;

/// The deepest stack that is kept, innermost frames first; what is deeper is cut.
inline constexpr std::size_t max_stack_depth = 64;

/// One line of a stack, for a person. What is not known is empty, or 0.
struct Frame
{
    std::string function; ///< demangled
    std::string file;     ///< as the compiler recorded it
    std::int32_t line = 0;
    /// The application's own code, as against a library's or the pool's.
    bool own = false;
    friend bool operator==(const Frame&, const Frame&) = default;
};

/// Innermost frame first: the one that acquired.
using Frames = std::vector<Frame>;

} // namespace poolscope
