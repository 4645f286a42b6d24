// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/causes.h"

#include <vector>

namespace poolscope {

/// The rules' numbers; DIAGNOSIS.md says them in words.
namespace causing {

using std::chrono::seconds;

/// Of the connections in use: so many must agree for a cause, and so few do not for a candidate.
inline constexpr double majority = 0.6;
inline constexpr double minority = 0.25;
/// Lent for long, they explain the strain where they are that much of the pool.
inline constexpr double stuck_share = 0.25;
inline constexpr double load_up = 1.5;
inline constexpr double use_up = 2.0;
inline constexpr double use_steady = 1.5;
/// A use time that grew by less than that is none that a person would call slow.
inline constexpr Duration use_least = std::chrono::milliseconds{10};
/// Idle for that long with nothing of its place coming back: it is not going to.
inline constexpr Duration never_back = seconds{15};
inline constexpr Duration steady_least = seconds{60};
/// A load is what uses up a pool where it makes up so much of what is lent.
inline constexpr double explained_most = 0.7;

} // namespace causing

Verdict undecided(std::vector<Cause> candidates);
Verdict decided(Cause cause, Confidence confidence, std::vector<Cause> candidates = {});
/// 0 where there is nothing to compare with.
double ratio_of(double now, double before);
/// How much longer than usual what came back was held; 0 where that is not known.
double use_growth(const PoolCase& pool);
/// How much of what is lent comes and goes: what comes back, times how long each was held (Little's
/// law). 1 where that is not told, 0 where nothing came back.
double explained_share(const PoolCase& pool);
/// The same holders for about as long as ever, and more of them; or as many as ever, and too many.
Verdict load_cause(const PoolCase& pool, double more_use);
/// By what the server's sessions do, where they cannot be told apart.
Verdict by_shares(const PoolCase& pool, const ActivityShares& shares);
/// Figures alone: nobody says who holds what.
Verdict by_figures(const PoolCase& pool);

} // namespace poolscope
