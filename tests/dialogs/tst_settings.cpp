// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/settingsdialog.h"
#include "ui/models/ringlimits.h"
#include "ui/theme/theme.h"

#include <QDoubleSpinBox>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;

/// Which editor opens a line of code, and where the sources are.
class TestSettings : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    std::unique_ptr<QSettings> settings_;

    template <class T>
    static T* child(QWidget& in, const char* name)
    {
        return in.findChild<T*>(QString::fromLatin1(name));
    }

private slots:
    void initTestCase() { Theme::current().install(); }
    void init()
    {
        settings_ = std::make_unique<QSettings>(folder_.filePath(QStringLiteral("settings.ini")),
                                                QSettings::IniFormat);
        settings_->clear();
    }

    void showsWhatIsKeptAndKeepsWhatIsSaved()
    {
        settings_->setValue(QStringLiteral("editor"), QStringLiteral("vi +{line} {file}"));
        SettingsDialog dialog(*settings_);
        auto* const editor = child<QLineEdit>(dialog, "editorCommand");
        QCOMPARE(editor->text(), QStringLiteral("vi +{line} {file}"));
        editor->setText(QStringLiteral("  code -g {file}:{line} "));
        child<QLineEdit>(dialog, "sourcesFolder")->setText(folder_.path());
        QCOMPARE(settings_->value(QStringLiteral("editor")).toString(),
                 QStringLiteral("vi +{line} {file}")); // not before it is saved
        child<QPushButton>(dialog, "saveSettings")->click();
        QCOMPARE(settings_->value(QStringLiteral("editor")).toString(),
                 QStringLiteral("code -g {file}:{line}"));
        QCOMPARE(settings_->value(QStringLiteral("sources")).toString(), folder_.path());
    }

    void howMuchIsKeptOfWhatNobodySaves()
    {
        SettingsDialog dialog(*settings_);
        auto* const hours = child<QSpinBox>(dialog, "keepHours");
        auto* const size = child<QDoubleSpinBox>(dialog, "keepGigabytes");
        QCOMPARE(hours->value(), 24);
        QCOMPARE(size->value(), 2.0);
        hours->setValue(72);
        size->setValue(8.5);
        child<QPushButton>(dialog, "saveSettings")->click();
        const RingLimits kept = RingLimits::read(*settings_);
        QVERIFY(kept.keepFor() == std::chrono::hours{72});
        QCOMPARE(kept.keepBytes(), std::uint64_t{8'500'000'000});
        // Somebody wrote anything into the file.
        settings_->setValue(QStringLiteral("recording/hours"), QStringLiteral("-3"));
        settings_->setValue(QStringLiteral("recording/gigabytes"), QStringLiteral("1e300"));
        const RingLimits strange = RingLimits::read(*settings_);
        QCOMPARE(strange.hours, 24);
        QCOMPARE(strange.gigabytes, RingLimits::mostGigabytes);
    }

    void closedWithoutSavingNothingChanges()
    {
        SettingsDialog dialog(*settings_);
        child<QLineEdit>(dialog, "editorCommand")->setText(QStringLiteral("vi"));
        dialog.show();
        QTest::keyClick(&dialog, Qt::Key_Escape);
        QVERIFY(!dialog.isVisible());
        QVERIFY(!settings_->contains(QStringLiteral("editor")));
    }

    void saysWhatItWillRun()
    {
        SettingsDialog dialog(*settings_);
        auto* const editor = child<QLineEdit>(dialog, "editorCommand");
        const auto* const example = child<QLabel>(dialog, "editorExample");
        QVERIFY(example->text().startsWith(QStringLiteral("Without one")));
        editor->setText(QStringLiteral("sh -c {file} {line}"));
        QCOMPARE(example->text(), QStringLiteral("Runs: sh -c /src/checkout.cpp 88"));
        editor->setText(QStringLiteral("no-such-editor-anywhere"));
        QVERIFY(example->text().startsWith(
            QStringLiteral("Runs: no-such-editor-anywhere /src/checkout.cpp. Now no program ")));
        QVERIFY(child<QPushButton>(dialog, "saveSettings")->isEnabled()); // it may come yet
        QCOMPARE(example->textFormat(), Qt::PlainText);
    }

    void theAlertCommand()
    {
        settings_->setValue(QStringLiteral("alerts/command"), QStringLiteral("sh -c true"));
        SettingsDialog dialog(*settings_);
        auto* const command = child<QLineEdit>(dialog, "alertCommand");
        const auto* const explained = child<QLabel>(dialog, "alertCommandExplained");
        QCOMPARE(command->text(), QStringLiteral("sh -c true"));
        QVERIFY(explained->text().startsWith(QStringLiteral("Runs with what the alerts say")));
        QCOMPARE(explained->textFormat(), Qt::PlainText);
        command->setText(QStringLiteral(" no-such-notifier --now "));
        QCOMPARE(explained->text(),
                 QStringLiteral("The alert command cannot be run: there is no program "
                                "no-such-notifier. Give the path of a program or script that this "
                                "user may run."));
        QCOMPARE(settings_->value(QStringLiteral("alerts/command")).toString(),
                 QStringLiteral("sh -c true"));              // not before it is saved
        child<QPushButton>(dialog, "saveSettings")->click(); // it may come yet
        QCOMPARE(settings_->value(QStringLiteral("alerts/command")).toString(),
                 QStringLiteral("no-such-notifier --now"));
        command->clear();
        QVERIFY(explained->text().startsWith(QStringLiteral("Without one")));
    }

    void aFolderThatIsNoneIsNotKept()
    {
        SettingsDialog dialog(*settings_);
        auto* const sources = child<QLineEdit>(dialog, "sourcesFolder");
        auto* const save = child<QPushButton>(dialog, "saveSettings");
        sources->setText(folder_.filePath(QStringLiteral("none")));
        QVERIFY(!save->isEnabled());
        QVERIFY(
            child<QLabel>(dialog, "settingsTrouble")->text().contains(QStringLiteral("no such")));
        dialog.accept();
        QVERIFY(!settings_->contains(QStringLiteral("sources")));
        sources->clear();
        QVERIFY(save->isEnabled());
    }
};

QTEST_MAIN(TestSettings)
#include "tst_settings.moc"
