// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/report/report.h"

#include <cstddef>
#include <vector>

namespace poolscope::report {

/// How things stand at one instant, as the report says it.
std::vector<Target> targets_of(const Analysis& analysis);
std::vector<Why> diagnoses_of(const Analysis& analysis);
/// The worst, and how many there are beside them.
std::vector<Leak> leaks_of(const Analysis& analysis, std::size_t& left_out);
/// A sentence for each pool that lists connections which its server has ended, or lost.
std::vector<std::string> lost_connections_of(const Analysis& analysis);
std::vector<Tree> trees_of(const Analysis& analysis, std::size_t& left_out);
/// What nothing that was attached could tell, in sentences.
std::vector<std::string> blind_spots_of(const Analysis& analysis);

} // namespace poolscope::report
