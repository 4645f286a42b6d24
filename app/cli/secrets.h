// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// A part of an argument.
struct Span
{
    std::size_t begin = 0;
    std::size_t size = 0;
    friend bool operator==(const Span&, const Span&) = default;
};

/// Where passwords stand in an argument: a URL's user:password@ or ?password=, a conninfo's
/// password=.
std::vector<Span> passwordsIn(std::string_view argument);

/// Where else a target's secret comes from, for a sentence: "~/.pgpass or PGPASSWORD".
std::string_view secretPlace(std::string_view target);

/// The command line, taken out of the process's argument list.
struct TakenArguments
{
    std::vector<std::string> arguments; ///< without the program's name; may hold passwords
    std::vector<std::string> secrets;   ///< the passwords found
    std::string places;                 ///< where those belong; empty: there are none

    /// A message that may quote an argument, without the passwords.
    std::string scrub(std::string message) const;
};

/// Copies the arguments and overwrites passwords where other users could read them (ps, /proc). To
/// be called before anything else.
TakenArguments takeArguments(int argc, char** argv);

} // namespace poolscope
