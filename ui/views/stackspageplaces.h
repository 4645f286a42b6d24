// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/held.h"
#include "ui/models/icicle.h"
#include "ui/models/sessionstore.h"
#include "ui/models/treemodel.h"

#include <vector>

namespace poolscope {

/// What is checked out at the cursor, by place; held is how long until now.
std::vector<IciclePlace> heldNow(const SessionStore& store);
/// The same over a range; what is suspected, and what is not returned, is so at the cursor.
std::vector<IciclePlace> heldOver(const std::vector<HeldPlace>& held, const SessionStore& store);

/// One acquiring line of one pool, whatever led to it.
struct HeldLine
{
    IciclePlace sum; ///< its stack is one of those that end there
    double share = 0;
    /// Stays the same from one answer to the next.
    QString id() const;
};
/// The heaviest first. Shares are of `weight`.
std::vector<HeldLine> heldLines(const std::vector<IciclePlace>& places, IcicleWeight weight);

enum class HeldColumn : int { function, line, pool, checkouts, open, held, share, note };
std::unique_ptr<TreeModel> makeHeldModel(QObject* parent);
TreeNodes heldRows(const std::vector<HeldLine>& lines);

/// "query", "orders.cpp:88"; for a place without a stack the words that say so.
QString heldFunction(const IciclePlace& place);
QString heldLineName(const IciclePlace& place);

/// The cell at which most of what this line holds ends; -1 where none does.
int cellOf(const std::vector<IcicleCell>& cells, const HeldLine& line);

} // namespace poolscope
