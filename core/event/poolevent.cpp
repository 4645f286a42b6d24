// SPDX-License-Identifier: Apache-2.0
#include "core/event/poolevent.h"

namespace poolscope {

std::string_view name_of(PoolEventKind kind)
{
    switch (kind) {
    case PoolEventKind::opened:
        return "open";
    case PoolEventKind::closed:
        return "close";
    case PoolEventKind::pending:
        return "wait";
    case PoolEventKind::checkout:
        return "checkout";
    case PoolEventKind::busy:
    case PoolEventKind::idle:
        return "use";
    case PoolEventKind::beat:
        return "beat";
    case PoolEventKind::checkin:
        return "checkin";
    case PoolEventKind::timeout:
        return "timeout";
    case PoolEventKind::health:
        return "health";
    case PoolEventKind::leak:
        return "leak";
    }
    return "";
}

const TickEpoch& process_epoch() noexcept
{
    static const TickEpoch epoch;
    return epoch;
}

} // namespace poolscope
