// SPDX-License-Identifier: GPL-3.0-or-later
// attachwindow PID FILE:LINE: opens Poolscope's window, attaches by its dialog to the process of
// that pid, as discovery lists it, and looks for the line on the page of leaks, as a user does. The
// tests of each language call it for an application of theirs: it ends with 0 where the line is
// named.
#include "ui/dialogs/attachdialog.h"
#include "ui/dialogs/attachlist.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/models/roles.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/framelist.h"
#include "ui/views/holderdetail.h"
#include "ui/views/page.h"

#include <QApplication>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

#include <cstdio>

using namespace poolscope;

namespace {

constexpr int patience_ms = 60000;

QTreeWidgetItem* listed(AttachDialog& dialog, const QString& pid)
{
    const auto* const list = dialog.findChild<AttachList*>();
    for (int i = 0; i < list->topLevelItemCount(); ++i) {
        if (list->topLevelItem(i)->text(2) == QStringLiteral("pid %1").arg(pid))
            return list->topLevelItem(i);
    }
    return nullptr;
}

/// By hand: the process is picked in the list, and the button pressed.
bool attach(MainWindow& window, const QString& pid)
{
    window.showAttach();
    auto* const dialog = qobject_cast<AttachDialog*>(window.openDialog());
    if (!dialog || !QTest::qWaitFor([&] { return listed(*dialog, pid) != nullptr; }, patience_ms))
        return false;
    auto* const list = dialog->findChild<AttachList*>();
    QTreeWidgetItem* const item = listed(*dialog, pid);
    list->scrollToItem(item);
    QTest::mouseClick(list->viewport(), Qt::LeftButton, {}, list->visualItemRect(item).center());
    for (QPushButton* button : dialog->findChildren<QPushButton*>()) {
        if (button->text() == AttachDialog::tr("&Attach") && button->isEnabled()) {
            QTest::mouseClick(button, Qt::LeftButton);
            return QTest::qWaitFor([&] { return !window.openDialog(); }, patience_ms);
        }
    }
    return false;
}

/// The line that is suspected, chosen, with its stack beside it.
bool named(MainWindow& window, const QString& line)
{
    for (DataTable* const table : window.currentPage()->findChildren<DataTable*>()) {
        for (int row = 0; table->isVisible() && row < table->model()->rowCount(); ++row) {
            const QModelIndex index = table->model()->index(row, 0);
            if (!index.data().toString().startsWith(line + QLatin1Char(' ')) ||
                index.data(SeverityRole).toInt() == 0)
                continue;
            table->setCurrentIndex(index);
            const auto* const detail = window.currentPage()->findChild<HolderDetail*>();
            const auto* const frames = window.currentPage()->findChild<FrameList*>();
            for (int at = 0; detail->isVisible() && at < frames->model()->rowCount(); ++at) {
                if (frames->model()->index(at, 0).data().toString().contains(line))
                    return true;
            }
        }
    }
    return false;
}

QStringList rows(const MainWindow& window)
{
    QStringList all;
    for (const DataTable* const table : window.currentPage()->findChildren<DataTable*>()) {
        for (int row = 0; table->isVisible() && row < table->model()->rowCount(); ++row)
            all += table->model()->index(row, 0).data().toString();
    }
    return all;
}

int fail(const QString& words)
{
    std::fprintf(stderr, "attachwindow: %s\n", qPrintable(words));
    return 1;
}

} // namespace

int main(int argc, char** argv)
{
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    if (argc != 3)
        return fail(QStringLiteral("give PID and FILE:LINE"));
    const QString pid = QString::fromLocal8Bit(argv[1]);
    const QString line = QString::fromLocal8Bit(argv[2]);
    const QTemporaryDir folder;
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                       folder.filePath(QStringLiteral("settings")));
    Theme::current().install();
    Workspace::Options options;
    options.temporaryFolder = folder.filePath(QStringLiteral("cache"));
    // As --leak-after chooses: what the dialog proposes and is left as it is chooses nothing.
    LeakThresholds soon;
    soon.alert = std::chrono::milliseconds{200};
    options.thresholds = {{soon}};
    Workspace workspace(options);
    AttachChoice defaults;
    defaults.thresholds = soon;
    MainWindow window(workspace, defaults);
    window.resize(1440, 900);
    window.show();
    if (!QTest::qWaitForWindowExposed(&window))
        return fail(QStringLiteral("no window"));
    if (!attach(window, pid))
        return fail(QStringLiteral("process %1 could not be attached to by the dialog").arg(pid));
    window.showPage(QStringLiteral("leaks"));
    if (!QTest::qWaitFor([&] { return named(window, line); }, patience_ms))
        return fail(QStringLiteral("%1 is not named; there are: %2")
                        .arg(line, rows(window).join(QStringLiteral("; "))));
    const QString pictures = qEnvironmentVariable("POOLSCOPE_PICTURES");
    if (!pictures.isEmpty())
        window.grab().save(QStringLiteral("%1/attached-%2.png").arg(pictures, pid));
    std::printf("%s is named in the window\n", qPrintable(line));
    return 0;
}
