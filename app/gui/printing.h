// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"

namespace poolscope {

/// poolscope report -o OUT.pdf. Shows nothing and needs no display. Returns an ExitCode.
int runPrintedReport(int& argc, char** argv, const Arguments& arguments);

} // namespace poolscope
