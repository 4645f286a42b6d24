// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/mainwindow/incident.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/windows.h"
#include "ui/theme/theme.h"
#include "ui/views/viewcontext.h"

#include <QSettings>
#include <QTest>

namespace poolscope::test {

/// Settings and looks of a test's own, kept in that folder; once, before the first window.
inline void useOwnSettings(const QTemporaryDir& folder)
{
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QCoreApplication::setAttribute(Qt::AA_DontUseNativeDialogs);
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                       folder.filePath(QStringLiteral("settings")));
    Theme::current().install();
}

/// The window as a person has it, on servers that are made up, with settings of its own; for tests
/// to inherit.
class ShownWindow
{
protected:
    /// Once, before the first window.
    void useOwnSettings() { test::useOwnSettings(folder_); }
    void make()
    {
        windows_ =
            std::make_unique<Windows>(fakeServers(folder_, &source_), AttachChoice{}, nullptr);
        window_ = &windows_->add();
        window_->resize(1440, 900);
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_));
        window_->activateWindow();
    }
    void makeLive(const QString& target = QStringLiteral("host=fake"))
    {
        make();
        AttachRequest request;
        request.target = target;
        window_->attach(request);
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::live, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace().latest()->targets.empty() &&
                                     workspace().latest()->targets[0].last_sample,
                                 60000);
    }
    void makeReplay(const QString& file)
    {
        make();
        window_->open({file});
        QTRY_COMPARE_WITH_TIMEOUT(workspace().transport().mode, Mode::replay, 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace().latest()->targets.empty(), 60000);
    }
    void closeAll()
    {
        windows_.reset();
        window_ = nullptr;
    }
    Workspace& workspace() { return window_->context().workspace(); }

    QTemporaryDir folder_;
    std::unique_ptr<Windows> windows_;
    MainWindow* window_ = nullptr; ///< goes when it is closed
    FakeSource* source_ = nullptr; ///< of what was attached last
};

} // namespace poolscope::test
