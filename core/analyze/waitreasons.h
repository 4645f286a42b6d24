// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/waitlooks.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace poolscope {

/// Fewer looks say nothing.
inline constexpr std::uint32_t looks_least = 8;

/// Why a statement takes long, as far as what it is at tells.
struct WaitReason
{
    std::string_view does; ///< "reads from disk"; empty: as the server calls it
    /// What to look at, after its plan where that tells more.
    std::string_view look;
    bool plan = false;
};

/// Looks that have one reason. A view into the profile.
struct WaitReasonCount
{
    WaitReason reason;
    const WaitCount* most = nullptr; ///< the event that was seen most often
    std::uint32_t looks = 0;
};

/// Most often first.
std::vector<WaitReasonCount> reasons_of(const WaitProfile& waits);
/// The one reason of at least half of them; null where there is none, or too little was seen.
std::optional<WaitReasonCount> main_reason(const WaitProfile& waits);
/// Whether a part is at least that share of all.
bool is_share(std::uint32_t part, std::uint32_t of, double share);

} // namespace poolscope
