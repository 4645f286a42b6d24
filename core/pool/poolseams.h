// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace poolscope::detail {

/// Instants between two steps of a pool at which a test steps in.
enum class Seam : std::uint8_t {
    taken_up,  ///< a connection from outside has just been told of
    returning, ///< a checkout is just about to come back
    returned,  ///< one that was told of has just come back
    untold,    ///< one that nobody was told of has just come back, and is about to be counted
    marked,    ///< one counts as told, and is about to be
};

#if defined(POOLSCOPE_POOL_SEAMS)
extern void (*at_seam)(Seam seam);
inline void pass_seam(Seam seam)
{
    if (at_seam)
        at_seam(seam);
}
#else
/// In every other build nothing.
inline void pass_seam(Seam /*seam*/) noexcept
{}
#endif

} // namespace poolscope::detail
