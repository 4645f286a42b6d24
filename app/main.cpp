// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/alertfile.h"
#include "app/cli/arguments.h"
#include "app/cli/exitcode.h"
#include "app/cli/live.h"
#include "app/cli/reportprinter.h"
#include "app/cli/secrets.h"
#include "app/cli/verbs.h"
#include "app/demo/demo.h"
#include "core/source/registry.h"
#ifdef POOLSCOPE_HAS_WINDOW
#include "app/gui/displayprobe.h"
#include "app/gui/gui.h"
#include "app/gui/printing.h"
#endif

#include <QCoreApplication>
#include <QtGlobal>

#include <csignal>
#include <cstdio>

#include <unistd.h>

using namespace poolscope;

namespace {

/// Without one the window could not even say why. One that is named may be gone (a multiplexer that
/// was started on another screen, a forwarding that was cut): that is tried where there is a
/// terminal to turn to, or a picture that can do without.
bool hasDisplay(int argc, char** argv, bool picture)
{
#if defined(Q_OS_UNIX) && !defined(Q_OS_DARWIN)
    if (!qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        return true; // as the user chose
    if (qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY"))
        return false;
#ifdef POOLSCOPE_HAS_WINDOW
    if (picture || isatty(STDERR_FILENO) != 0)
        return displayAnswers(argc, argv);
#endif
#endif
    static_cast<void>(argc);
    static_cast<void>(argv);
    static_cast<void>(picture);
    return true;
}

int runWindow(int& argc, char** argv, const Arguments& arguments)
{
    for (const std::string& target : arguments.targets) {
        if (const auto kind = classifyTarget(QString::fromStdString(target)); !kind) {
            complain(kind.error());
            return exitUsage;
        }
    }
#ifdef POOLSCOPE_HAS_WINDOW
    const auto text = [](const std::string& s) {
        return QString::fromStdString(s);
    };
    GuiOptions options;
    for (const std::string& target : arguments.targets)
        options.targets << text(target);
    options.screenshot = text(arguments.screenshot);
    options.page = text(arguments.page);
    options.at = text(arguments.at.value_or(std::string{}));
    options.theme = text(arguments.theme);
    options.size = text(arguments.size);
    options.sshHost = text(arguments.sshHost);
    if (arguments.intervalGiven)
        options.interval = arguments.interval;
    options.thresholds = arguments.thresholds;
    options.chosen = chosenThresholds(arguments);
    options.whatIf = whatIf(arguments);
    options.alertRules = arguments.alertRules;
    options.alertRulesPath = text(arguments.rules);
    options.readOnly = arguments.readOnly;
    options.redact = arguments.redact;
    return runGui(argc, argv, options);
#else
    static_cast<void>(argc);
    static_cast<void>(argv);
    static_cast<void>(arguments);
    complain("This Poolscope was built without a window. See poolscope --help for what it can do.");
    return exitUsage;
#endif
}

} // namespace

int main(int argc, char** argv)
{
    // Who reads no more ends no recording, and leaves no file unclosed: print() sees it.
    std::signal(SIGPIPE, SIG_IGN);
    // A process of its own that "demo:" looks into: no Qt, and nothing else of this program.
    if (const auto workload = demo_workload_in(argc, argv))
        return run_demo_workload(*workload);
    const TakenArguments taken = takeArguments(argc, argv);
    if (!taken.secrets.empty())
        complain("A password among the arguments could be seen by others until just now. Use " +
                 taken.places + ", or leave it out to be asked.");
    auto read = readArguments(taken.arguments);
    if (const Reply* const reply = std::get_if<Reply>(&read)) {
        std::fputs(taken.scrub(reply->text).c_str(), reply->exitCode == exitDone ? stdout : stderr);
        return reply->exitCode;
    }
    QCoreApplication::setApplicationName(QStringLiteral("poolscope"));
    QCoreApplication::setOrganizationName(QStringLiteral("poolscope"));
    QCoreApplication::setApplicationVersion(QStringLiteral(POOLSCOPE_VERSION));
    Arguments& arguments = std::get<Arguments>(read);
    if (!loadAlertRules(arguments))
        return exitUnreadable;
    const bool picture = !arguments.screenshot.empty();
    if (arguments.verb == Verb::window && !hasDisplay(argc, argv, picture)) {
        if (picture) {
            qputenv("QT_QPA_PLATFORM", "offscreen");
            return runWindow(argc, argv, arguments);
        }
        if (arguments.targets.empty()) {
            complain("There is no display here for the window. Name a target for the text screen: "
                     "poolscope watch TARGET; poolscope --help tells what else there is.");
            return exitUsage;
        }
        complain("There is no display here: showing the text screen. q quits.");
        arguments.verb = Verb::watch;
    }
    if (arguments.verb == Verb::window)
        return runWindow(argc, argv, arguments);
#ifdef POOLSCOPE_HAS_WINDOW
    if (arguments.verb == Verb::report && isPdf(arguments.output))
        return runPrintedReport(argc, argv, arguments);
#endif
    const QCoreApplication application{argc, argv};
    return runVerb(arguments);
}
