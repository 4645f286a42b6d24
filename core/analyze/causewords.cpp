// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/causewords.h"

namespace poolscope {

std::string_view in_words(Cause cause)
{
    switch (cause) {
    case Cause::leak:
        return "leak";
    case Cause::slow_statements:
        return "slow statements";
    case Cause::held_while_idle:
        return "held while idle";
    case Cause::lock_pile_up:
        return "lock pile-up";
    case Cause::load_spike:
        return "load spike";
    case Cause::pool_too_small:
        return "pool too small";
    case Cause::server_full:
        return "server full";
    case Cause::bypass:
        return "pool bypassed";
    case Cause::server_gone:
        return "server gone";
    case Cause::undecided:
        break;
    }
    return "undecided";
}

std::string_view cause_in_words(std::string_view name)
{
    for (int cause = 0; cause <= static_cast<int>(Cause::undecided); ++cause) {
        if (name_of(static_cast<Cause>(cause)) == name)
            return in_words(static_cast<Cause>(cause));
    }
    return name;
}

} // namespace poolscope
