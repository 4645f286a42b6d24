// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event/poolcontrol.h"

#include <cstdint>
#include <vector>

namespace poolscope {

/// What an event that came while a picture was taken changes of it.
struct PictureChange
{
    PoolEventKind kind = PoolEventKind::checkout;
    std::uint32_t pool = 0;
    OpenConnection connection; ///< opened, closed
    OpenCheckout checkout;     ///< checkout, checkin, beat
    std::int64_t number = 0;   ///< pending
};
/// True if that event changes a picture at all.
bool changes_picture(PoolEventKind kind);
PictureChange change_of(std::uint32_t pool, const PoolEvent& event);

/// Makes the picture of `pool` that of the moment after the last change: PoolControl::picture says
/// why that is exact.
void bring_up_to_date(PoolPicture& picture, std::uint32_t pool,
                      const std::vector<PictureChange>& changes);

} // namespace poolscope
