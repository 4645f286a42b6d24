// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace poolscope {

/// What the process says when it ends. Part of the command line's interface: never change a number.
enum ExitCode : int {
    exitDone = 0,
    exitUsage = 2,
    exitUnreachable = 3, ///< a target; the others were still printed
    exitRefused = 4, ///< by the server, read-only mode, or because the identity no longer matches
    exitUnreadable = 5, ///< a file
    exitFindings = 6,   ///< check --exit-code
    /// Who read standard output went before all was printed; a shell says it so of SIGPIPE.
    exitClosedPipe = 141,
};

} // namespace poolscope
