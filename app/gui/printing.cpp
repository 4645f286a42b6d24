// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/gui/printing.h"

#include "app/cli/reportprinter.h"
#include "ui/paper/paper.h"

#include <QGuiApplication>

namespace poolscope {

int runPrintedReport(int& argc, char** argv, const Arguments& arguments)
{
    // Also where there is a display: nothing of it is needed but fonts.
    qputenv("QT_QPA_PLATFORM", "offscreen");
    const QGuiApplication application(argc, argv);
    return runReport(arguments,
                     [](const report::Input& input) { return paper::pdfOf(input).toStdString(); });
}

} // namespace poolscope
