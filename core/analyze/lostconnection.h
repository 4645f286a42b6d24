// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/disagreements.h"

#include <string>
#include <vector>

namespace poolscope {

// Of connections that a pool still lists and its server has no more, in words for a person: plain
// text. `lost`: of one process, ascending by connection; `now` is on the capture's clock.

/// One sentence of evidence on who holds such a connection; empty where it is none.
std::string lost_in_words(const std::vector<LostConnection>& lost, const Checkout& checkout,
                          Timestamp now);
/// A line on a pool that has some; empty where it has none.
std::string lost_in_words(const std::vector<LostConnection>& lost, const Text& pool, Timestamp now);

} // namespace poolscope
