// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace poolscope {

/// Whether a window could be shown. Where a display is named that is not there (any more), Qt ends
/// the program and there is nothing left to say a sentence: so a child of this process tries it.
/// Takes some 50 ms, 10 s at most (a display that does not answer). To be called before any Qt
/// application object is made, by a process that has one thread.
bool displayAnswers(int argc, char** argv);

} // namespace poolscope
