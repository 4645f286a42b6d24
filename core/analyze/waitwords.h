// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/causes.h"

#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// The statement that slow statements are about.
struct BlamedStatement
{
    std::string shape; ///< as statement_shape() has it; empty: no one makes up half of them
    std::string text;  ///< one of them, in one line of at most 200 bytes; empty: not known
    /// Sessions of the pool's server that run it now, the oldest first. Where the pool's own cannot
    /// be told apart: all there.
    std::vector<const Session*> sessions;
    std::optional<WaitProfile> waits; ///< null: nothing tells, or nothing was seen
};
/// Of a verdict of slow statements.
BlamedStatement blamed_statement(const PoolCase& pool, const Verdict& verdict);

/// Whether it changes nothing, so that its end undoes nothing: a SELECT, but for SELECT … INTO.
/// False where that is not known.
bool only_reads(const BlamedStatement& blamed);

/// What it is at and how often it was seen so, in one sentence; where that cannot be told: why, and
/// what to attach. Empty where there is nothing to say.
std::string waits_in_words(const PoolCase& pool, const BlamedStatement& blamed);
/// All that it was seen at: "Of 52 looks at it in 19 s 41 found it in IO/DataFileRead, 11 on a
/// processor."; of all statements there: "Of 52 looks at what runs there in 19 s …".
std::string looks_in_words(const WaitProfile& waits);
/// What to look at, and what would bound it.
std::string prevention_of_slow(const PoolCase& pool, const Verdict& verdict,
                               const BlamedStatement& blamed);

} // namespace poolscope
