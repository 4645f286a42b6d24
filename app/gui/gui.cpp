// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/gui/gui.h"

#include "app/cli/picture.h"
#include "app/gui/desktopkeychain.h"
#include "app/gui/screenshot.h"
#include "core/capture/alertcommand.h"
#include "core/source/registry.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/windows.h"
#include "ui/theme/icons.h"
#include "ui/theme/theme.h"
#include "ui/views/viewcontext.h"

#include <QApplication>
#include <QRegularExpression>
#include <QSettings>
#include <QTemporaryDir>
#include <QTextStream>

namespace poolscope {

namespace {

/// Sorted out before anything is shown.
struct Plan
{
    std::vector<AttachRequest> live;
    QStringList recordings;
    MainWindow::Instant at;
    QSize size{1440, 900};
    QString trouble;
};

Plan planOf(const GuiOptions& options)
{
    Plan plan;
    for (const QString& target : options.targets) {
        const auto kind = classifyTarget(target);
        if (!kind) {
            plan.trouble =
                QString::fromStdString(kind.error().sentence + " " + kind.error().next_step);
            return plan;
        }
        if (kind.value() == TargetKind::recording) {
            plan.recordings << target;
            continue;
        }
        AttachRequest request;
        request.target = target;
        request.sshHost = options.sshHost;
        request.interval = options.interval.value_or(usualInterval(target));
        plan.live.push_back(request);
    }
    if (!options.screenshot.isEmpty() &&
        (plan.recordings.size() > 1 || (!plan.recordings.isEmpty() && !plan.live.empty())))
        plan.trouble = QStringLiteral("A picture shows one recording, or live targets.");
    if (!options.at.isEmpty() && plan.recordings.isEmpty())
        plan.trouble =
            QStringLiteral("--at is for recordings: a live target has no past that Poolscope saw.");
    else if (!options.at.isEmpty()) {
        plan.at = [text = options.at.toStdString()](Timestamp start, Timestamp end) {
            return instantWithin(text, start, end);
        };
        if (const auto any = plan.at(Timestamp{}, Timestamp::max()); !any)
            plan.trouble =
                QString::fromStdString(any.error().sentence + " " + any.error().next_step);
    }
    if (!options.size.isEmpty()) {
        static const QRegularExpression form(QStringLiteral("^(\\d{3,5})x(\\d{3,5})$"));
        const auto match = form.match(options.size);
        if (match.hasMatch())
            plan.size = QSize(match.captured(1).toInt(), match.captured(2).toInt());
        else
            plan.trouble = QStringLiteral("--size takes a width and a height such as 1440x900.");
    }
    return plan;
}

void chooseLook(const GuiOptions& options)
{
    const QSettings settings;
    Theme& theme = Theme::current();
    const QString fallback =
        options.screenshot.isEmpty() ? QStringLiteral("auto") : QStringLiteral("light");
    const QString name = !options.theme.isEmpty() ? options.theme
                         : options.screenshot.isEmpty()
                             ? settings.value(QStringLiteral("theme"), fallback).toString()
                             : fallback;
    theme.setMode(Theme::modeFromName(name).value_or(Theme::Mode::automatic));
    if (options.screenshot.isEmpty())
        theme.setDensity(static_cast<Theme::Density>(
            std::clamp(settings.value(QStringLiteral("density"), 1).toInt(), 0, 2)));
    theme.install();
}

int fail(int code, const QString& sentence)
{
    QTextStream(stderr) << "poolscope: " << sentence.trimmed() << Qt::endl;
    return code;
}

} // namespace

int runGui(int& argc, char** argv, const GuiOptions& options)
{
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QGuiApplication::setApplicationDisplayName(QString());
    QApplication app(argc, argv);
    QGuiApplication::setDesktopFileName(QStringLiteral("org.poolscope.Poolscope"));

    const Plan plan = planOf(options);
    if (!plan.trouble.isEmpty())
        return fail(2, plan.trouble);
    // A picture is the same whoever takes it, and leaves no trace in the user's settings.
    QTemporaryDir settings;
    if (!options.screenshot.isEmpty())
        QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settings.path());
    chooseLook(options);
    QApplication::setWindowIcon(applicationIcon());

    Workspace::Options how;
    how.redact = options.redact;
    how.readOnly = options.readOnly;
    how.thresholds = options.chosen;
    how.whatIf = options.whatIf;
    how.alertRules = options.alertRules;
    how.alertRulesPath = options.alertRulesPath;
    AttachChoice defaults;
    defaults.interval = options.interval.value_or(defaults.interval);
    defaults.thresholds = options.thresholds;
    defaults.readOnly = options.readOnly;
    defaults.redact = options.redact;
    const bool drawn = !options.screenshot.isEmpty();
    Windows windows(how, defaults, drawn ? nullptr : makeDesktopKeychain());
    windows.setPage(options.page);
    MainWindow& window = windows.add();
    if (!drawn)
        window.restoreWindow();
    if (drawn || !options.size.isEmpty())
        window.resize(plan.size);
    if (!options.page.isEmpty() && !window.showPage(options.page))
        return fail(2, QStringLiteral("There is no page %1; there are %2.")
                           .arg(options.page, window.pageNames().join(QStringLiteral(", "))));
    std::unique_ptr<Screenshot> screenshot;
    if (drawn) {
        window.alertCommand().setCommand({}); // a picture is no watch
        window.setAttribute(Qt::WA_ShowWithoutActivating);
        screenshot =
            std::make_unique<Screenshot>(window.context().workspace(), window, options.screenshot,
                                         plan.at, plan.live.size(), !plan.recordings.isEmpty());
    } else if (plan.at) {
        windows.beginAt(plan.at);
        window.beginAt(plan.at);
    }
    window.show();
    for (const AttachRequest& request : plan.live)
        window.attach(request);
    window.open(plan.recordings);
    if (!drawn)
        window.offerLeftBehind();
    return QApplication::exec();
}

} // namespace poolscope
