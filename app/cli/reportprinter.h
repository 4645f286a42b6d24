// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/cli/arguments.h"
#include "core/report/report.h"

#include <functional>
#include <string>

namespace poolscope {

/// Makes a PDF of a report; needs what draws, which the command line does without.
using ReportPrinter = std::function<std::string(const report::Input& input)>;
/// poolscope report. Returns an ExitCode. Where `print` is empty, there is no PDF.
int runReport(const Arguments& arguments, const ReportPrinter& print);
/// That file is to be a PDF.
bool isPdf(const std::string& file);

} // namespace poolscope
