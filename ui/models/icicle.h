// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/pool.h"

#include <vector>

namespace poolscope {

/// What one place held over a range: the weight of its stack.
struct IciclePlace
{
    Text target; ///< its name, for the first row
    Text pool;
    StackRef stack; ///< null: no stack was taken
    Duration held{};
    std::uint64_t checkouts = 0;
    std::uint64_t open = 0; ///< of those, not returned
    bool suspected = false;
};

enum class IcicleWeight {
    held,      ///< connection-seconds
    checkouts, ///< how many
    open,      ///< how many are not returned
};

enum class IcicleKind { all, target, pool, library, own, none };

/// One cell of the icicle. Shares are of the whole width, 0 to 1.
struct IcicleCell
{
    int parent = -1; ///< index; -1: the root
    int depth = 0;
    double from = 0;
    double share = 0;
    IcicleKind kind = IcicleKind::own;
    Text function; ///< or the name of a target or pool
    Text file;
    std::int32_t line = 0;
    int frames = 1; ///< of a library: how many lines are folded into it
    Duration held{};
    std::uint64_t checkouts = 0;
    std::uint64_t open = 0;
    /// A suspected place ends here: the acquiring line.
    bool suspected = false;
};

/// How much a place counts: microseconds held, or a number of checkouts.
double weightOf(const IciclePlace& place, IcicleWeight weight);

/// Lays stacks out from the outermost line down to the one that acquired. Lines of libraries that
/// follow each other are one cell; what lies below the acquiring line (the pool itself) is left
/// out. Cells come parents first; siblings by weight, the heaviest first. The first cell is the
/// whole; there is none if nothing weighs anything.
std::vector<IcicleCell> layOutIcicle(const std::vector<IciclePlace>& places, IcicleWeight weight);

/// How much of the whole width the cells take whose function or file holds `text`, ignoring case;
/// a cell inside another that matches counts once. Sets `matches` to their indices.
double matchIcicle(const std::vector<IcicleCell>& cells, const std::string& text,
                   std::vector<int>& matches);

} // namespace poolscope
