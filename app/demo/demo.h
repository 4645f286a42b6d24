// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

namespace poolscope {

/// What the hidden argument "--demo-workload" (or "--demo-workload=fast") asks for.
struct DemoWorkload
{
    unsigned speed = 1; ///< fast: 20, for the script, its leaks' thresholds and its timeouts
};

/// Nothing: these arguments ask for something else.
std::optional<DemoWorkload> demo_workload_in(int argc, const char* const* argv);

/// Is a small shop with two instrumented pools on SQLite, in which connections leak by a script
/// (rotation.h), until standard input ends or SIGTERM, SIGINT or SIGHUP comes. Listens where
/// POOLSCOPE_LISTEN says; an inspector may reclaim. Prints the address to attach to and, at the
/// end, how many requests there were. The program's exit code: 0, or 1 with a sentence on standard
/// error. To be called while there is only this one thread.
int run_demo_workload(const DemoWorkload& workload);

} // namespace poolscope
