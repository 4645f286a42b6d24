// SPDX-License-Identifier: GPL-3.0-or-later
// The alert command of the settings, run by a window: real scripts.
#include "core/capture/alertcommand.h"
#include "tests/capture/alertscripts.h"
#include "tests/mainwindow/shownwindow.h"
#include "ui/dialogs/settingsdialog.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"

#include <QAction>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>

using namespace poolscope;
using namespace poolscope::test;

class TestAlertCommandWindow : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    AlertScripts scripts_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;

    void make()
    {
        workspace_ = std::make_unique<Workspace>(fakeServers(folder_));
        window_ = std::make_unique<MainWindow>(*workspace_, AttachChoice{});
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
    }
    void attach(double ratio)
    {
        AttachRequest request;
        request.target = QStringLiteral("host=fake");
        window_->attach(request);
        workspace_->setAlertRules("[[rule]]\nname = 'any'\nmeasure = 'connections_ratio'\n"
                                  "at_least = " +
                                  std::to_string(ratio) + '\n');
    }
    /// As somebody does it.
    void set(const QString& command)
    {
        window_->actions().settings->trigger();
        auto* const dialog = window_->findChild<SettingsDialog*>();
        QVERIFY(dialog);
        dialog->findChild<QLineEdit*>(QStringLiteral("alertCommand"))->setText(command);
        dialog->findChild<QPushButton*>(QStringLiteral("saveSettings"))->click();
        QTRY_VERIFY(!window_->findChild<SettingsDialog*>());
    }

private slots:
    void initTestCase() { useOwnSettings(folder_); }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
        QSettings().clear();
    }

    void runsWhatIsSet()
    {
        make();
        set(scripts_.keeper());
        attach(0.01);
        QTRY_COMPARE_WITH_TIMEOUT(scripts_.count("arguments"), 1, 10'000);
        QCOMPARE(AlertScripts::rules(scripts_.message(0)),
                 QStringList{QStringLiteral("firing any")});
        QVERIFY(!window_->banner().isVisible());
        // Another window has it from the beginning.
        window_.reset();
        workspace_.reset();
        make();
        attach(0.01);
        QTRY_COMPARE_WITH_TIMEOUT(scripts_.count("arguments"), 2, 10'000);
    }

    void aRecordingRunsNothing()
    {
        QSettings().setValue(QStringLiteral("alerts/command"), scripts_.keeper());
        const int before = scripts_.count("arguments");
        make();
        window_->open({recordIncident(folder_)}); // a leak: what comes built in fires at its end
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::replay, 10'000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty() &&
                                     !workspace_->latest()->targets.front().alerts.empty(),
                                 10'000);
        QVERIFY(workspace_->latest()->targets.front().alerts.front().calls());
        QTest::qWait(700);
        QCOMPARE(scripts_.count("arguments"), before);
    }

    void troubleIsSaid()
    {
        make();
        set(scripts_.make("fails", "echo no pager here >&2\nexit 3\n"));
        attach(0.01);
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 10'000);
        QString said;
        for (const QLabel* const label : window_->banner().findChildren<QLabel*>())
            said += label->text();
        QVERIFY2(said.contains(QStringLiteral("failed with exit status 3")), qPrintable(said));
    }
};

QTEST_MAIN(TestAlertCommandWindow)
#include "tst_alertcommandwindow.moc"
