// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace poolscope::bench {

struct PoolRecordSettings
{
    int checkouts = 100; ///< open, all of them changing every second
    int minutes = 5;
    int seeks = 50;
};
/// What a busy process costs to record: a sample a second of one pool, in which every open checkout
/// changes and one in twenty ends, and another begins. Prints one figure a line.
bool run_pools(const PoolRecordSettings& settings);

} // namespace poolscope::bench
