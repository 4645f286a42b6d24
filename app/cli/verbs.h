// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"

#include <string>

namespace poolscope {

// Each prints and returns an ExitCode. They need a QCoreApplication.

int runRead(const Arguments& arguments); ///< sessions, pools, checkouts, leaks, blocking, states
int runInfo(const Arguments& arguments);
int runAction(const Arguments& arguments); ///< cancel, terminate, reclaim
int runRecord(const Arguments& arguments);
int runRecordPast(const Arguments& arguments); ///< record --past
int runWatch(const Arguments& arguments);
int runCheck(const Arguments& arguments);
int runReport(const Arguments& arguments); ///< HTML alone: see reportprinter.h
int runCompare(const Arguments& arguments);

/// Any verb but the window.
int runVerb(const Arguments& arguments);

/// How wide standard output is; 0 where it is no terminal.
int outputWidth();
/// Writes to standard output and flushes; quiet about a closed pipe, to which it writes no more.
void print(const std::string& text);
/// print() found that nobody reads standard output any more.
bool outputClosed();

} // namespace poolscope
