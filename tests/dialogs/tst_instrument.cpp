// SPDX-License-Identifier: GPL-3.0-or-later
// "Instrument a pool…": the lines, the environment, and pools that appear while it is open, told by
// real agents.
#include "ui/dialogs/instrumentdialog.h"

#include "core/agent/agent.h"
#include "tests/agent/scriptedpool.h"
#include "tests/dialogs/instrumentscene.h"
#include "ui/dialogs/codebox.h"
#include "ui/theme/segmentedcontrol.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QApplication>
#include <QClipboard>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QMimeData>
#include <QPushButton>
#include <QRegularExpression>
#include <QSettings>
#include <QSignalSpy>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestInstrument : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    Machine machine_;

    QString settingsFile() const { return folder_.filePath(QStringLiteral("settings.ini")); }
    std::string socket(const char* name) const
    {
        return "unix:" + folder_.filePath(QLatin1String(name)).toStdString();
    }
    template <class Widget>
    static Widget* named(const QDialog& dialog, const char* accessible)
    {
        for (Widget* const widget : dialog.findChildren<Widget*>())
            if (widget->accessibleName() == QLatin1String(accessible))
                return widget;
        return nullptr;
    }
    static QPushButton* attachButton(const QDialog& dialog)
    {
        return dialog.findChild<QPushButton*>(QStringLiteral("attachWhenUp"));
    }
    static QAbstractButton* button(const QDialog& dialog, const QString& words)
    {
        for (QAbstractButton* const candidate : dialog.findChildren<QAbstractButton*>())
            if (candidate->text().remove(QLatin1Char('&')) == words)
                return candidate;
        return nullptr;
    }
    static void choose(const QDialog& dialog, const QString& title)
    {
        auto* const list = dialog.findChild<QListWidget*>(QStringLiteral("stacks"));
        for (int i = 0; i < list->count(); ++i)
            if (list->item(i)->text().trimmed() == title)
                list->setCurrentRow(i);
    }
    static QString environment(const QDialog& dialog)
    {
        return named<CodeBox>(dialog, "Environment of the application")->toPlainText();
    }
    /// Dialog and watch, quick about looking.
    std::unique_ptr<InstrumentDialog> make(QSettings& settings)
    {
        auto dialog = std::make_unique<InstrumentDialog>(settings, nullptr, machine_.finder());
        dialog->watch().setInterval(std::chrono::milliseconds{50});
        dialog->watch().begin();
        return dialog;
    }
    bool looked()
    {
        const int before = machine_.looks();
        return QTest::qWaitFor([&] { return machine_.looks() > before + 1; }, 20000);
    }

private slots:
    void init()
    {
        QFile::remove(settingsFile());
        machine_.set({});
    }

    void stackAndNameChooseTheLines()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        dialog->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(dialog.get()));
        auto* const lines = named<CodeBox>(*dialog, "Lines to paste");
        auto* const install = named<CodeBox>(*dialog, "What installs the agent");
        choose(*dialog, QStringLiteral("SQLAlchemy"));
        QVERIFY(install->toPlainText().startsWith(QStringLiteral("pip install \"/")));
        auto* const name = dialog->findChild<QLineEdit*>(QStringLiteral("poolName"));
        name->selectAll();
        QTest::keyClicks(name, QStringLiteral("billing"));
        QCOMPARE(
            lines->toPlainText(),
            QStringLiteral("import poolscope\npoolscope.instrument(engine, name=\"billing\")"));
        choose(*dialog, QStringLiteral("database/sql"));
        QVERIFY(lines->toPlainText().contains(QStringLiteral("Name: \"billing\"")));
        QVERIFY(install->toPlainText().contains(QStringLiteral("replace poolscope.org/agent")));
        // By button, and by key from wherever the focus is.
        button(*dialog, QStringLiteral("Copy lines"))->click();
        QCOMPARE(QApplication::clipboard()->text(), lines->toPlainText());
        button(*dialog, QStringLiteral("Copy install lines"))->click();
        QCOMPARE(QApplication::clipboard()->text(), install->toPlainText());
        QTest::keyClick(name, Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
        QCOMPARE(QApplication::clipboard()->text(), lines->toPlainText());
        name->clear();
        QVERIFY(lines->toPlainText().isEmpty());
        QVERIFY(!attachButton(*dialog)->isEnabled());
    }

    void aSocketNeedsNothing()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(!named<CodeBox>(*dialog, "Environment of the application")->isVisible());
        const QString said = dialog->findChild<QLabel*>(QStringLiteral("localSocket"))->text();
        QVERIFY2(
            said.contains(qEnvironmentVariable("XDG_RUNTIME_DIR") + QStringLiteral("/poolscope")),
            qPrintable(said));
    }

    void overTcpPortAndTokenAreFilledIn()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        button(*dialog, QStringLiteral("TCP on loopback"))->click();
        const QRegularExpression form(QStringLiteral(
            "\\APOOLSCOPE_LISTEN=127\\.0\\.0\\.1:\\d+\nPOOLSCOPE_TOKEN=[0-9a-f]{32}\\z"));
        QVERIFY2(form.match(environment(*dialog)).hasMatch(), qPrintable(environment(*dialog)));
        // One that the system gives to nobody who connects somewhere.
        const int proposed = dialog->findChild<QLineEdit*>(QStringLiteral("port"))->text().toInt();
        QVERIFY2(proposed >= 1024 && proposed < 32768, qPrintable(QString::number(proposed)));
        button(*dialog, QStringLiteral("Copy environment"))->click();
        const QMimeData* const copied = QApplication::clipboard()->mimeData();
        QCOMPARE(copied->text(), environment(*dialog));
        QCOMPARE(copied->data(QStringLiteral("x-kde-passwordManagerHint")),
                 QByteArrayLiteral("secret"));
        // By key, too: it is the token that is in it.
        QApplication::clipboard()->clear();
        auto* const box = named<CodeBox>(*dialog, "Environment of the application");
        box->selectAll();
        box->copy();
        QCOMPARE(QApplication::clipboard()->text(), environment(*dialog));
        QCOMPARE(QApplication::clipboard()->mimeData()->data(
                     QStringLiteral("x-kde-passwordManagerHint")),
                 QByteArrayLiteral("secret"));
        auto* const lines = named<CodeBox>(*dialog, "Lines to paste");
        lines->selectAll();
        lines->copy();
        QCOMPARE(QApplication::clipboard()->text(), lines->toPlainText());
        QVERIFY(!QApplication::clipboard()->mimeData()->hasFormat(
            QStringLiteral("x-kde-passwordManagerHint")));
        button(*dialog, QStringLiteral("Copy install lines"))->click();
        QVERIFY(!QApplication::clipboard()->mimeData()->hasFormat(
            QStringLiteral("x-kde-passwordManagerHint")));
        const auto other = make(settings);
        button(*other, QStringLiteral("TCP on loopback"))->click();
        QVERIFY(environment(*other).section(QLatin1Char('='), -1) !=
                environment(*dialog).section(QLatin1Char('='), -1));
        auto* const port = dialog->findChild<QLineEdit*>(QStringLiteral("port"));
        QVERIFY(port->isVisible());
        port->setText(QStringLiteral("70000"));
        QVERIFY(environment(*dialog).isEmpty());
        QVERIFY(!attachButton(*dialog)->isEnabled());
        button(*dialog, QStringLiteral("Local socket"))->click();
        QVERIFY(attachButton(*dialog)->isEnabled());
        settings.sync();
        QVERIFY(!text(settingsFile()).contains(environment(*other).section(QLatin1Char('='), -1)));
    }

    void aPoolThatAppearsIsAttachedWithOnePress()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        Application earlier("orders", socket("earlier.sock"));
        machine_.set({earlier.local()});
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(looked());
        // What was there before has not appeared; what is called otherwise is not waited for.
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("&Attach when it is up"));
        attachButton(*dialog)->click();
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("Stop w&aiting"));
        Application another("billing", socket("another.sock"));
        machine_.set({earlier.local(), another.local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        QCOMPARE(appeared->item(0)->text(),
                 QStringLiteral("billing in process %1 just appeared (shop <b>api</b>)")
                     .arg(QCoreApplication::applicationPid()));
        QVERIFY(dialog->isVisible());
        Application wanted("orders", socket("wanted.sock"));
        machine_.set({earlier.local(), another.local(), wanted.local()});
        QTRY_VERIFY_WITH_TIMEOUT(!dialog->isVisible(), 20000);
        QCOMPARE(dialog->result(), int(QDialog::Accepted));
        QCOMPARE(dialog->choice().size(), 1u);
        QCOMPARE(dialog->choice()[0].target, wanted.local().url);
        QVERIFY(dialog->choice()[0].password.isEmpty());
    }

    void whatAppearedIsPickedByKey()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(looked());
        auto application = std::make_unique<Application>("billing", socket("key.sock"));
        machine_.set({application->local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        // One that ends leaves the list.
        application.reset();
        machine_.set({});
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 0, 20000);
        QVERIFY(dialog->findChild<QLabel*>(QStringLiteral("appearedWords"))
                    ->text()
                    .contains(QStringLiteral("Start the application")));
        application = std::make_unique<Application>("billing", socket("key.sock"));
        machine_.set({application->local()});
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        appeared->setFocus();
        appeared->setCurrentRow(0);
        QCOMPARE(attachButton(*dialog)->text(),
                 QStringLiteral("&Attach to process %1").arg(QCoreApplication::applicationPid()));
        QTest::keyClick(appeared, Qt::Key_Return);
        QVERIFY(!dialog->isVisible());
        QCOMPARE(dialog->choice().at(0).target, application->local().url);
    }

    void theTokenGoesWithTheTarget()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        button(*dialog, QStringLiteral("TCP on loopback"))->click();
        const QStringList lines = environment(*dialog).split(QLatin1Char('\n'));
        const QString listen = lines.at(0).section(QLatin1Char('='), 1);
        const QString token = lines.at(1).section(QLatin1Char('='), 1);
        attachButton(*dialog)->click();
        QVERIFY(dialog->isVisible());
        // Its name does not matter here: the address says which one it is.
        Application application("whatever", listen.toStdString(), token.toStdString());
        QVERIFY(application.agent);
        QTRY_VERIFY_WITH_TIMEOUT(!dialog->isVisible(), 20000);
        QCOMPARE(dialog->choice().size(), 1u);
        QCOMPARE(dialog->choice()[0].target, QStringLiteral("pool://") + listen);
        QCOMPARE(dialog->choice()[0].password, token);
        QVERIFY(!dialog->choice()[0].target.contains(token));
        QVERIFY(!dialog->windowTitle().contains(token));
    }

    void anotherTokenIsSaid()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        button(*dialog, QStringLiteral("TCP on loopback"))->click();
        const QString listen =
            environment(*dialog).section(QLatin1Char('\n'), 0, 0).section(QLatin1Char('='), 1);
        auto application =
            std::make_unique<Application>("orders", listen.toStdString(), "of another day");
        QVERIFY(application->agent);
        auto* const foot = dialog->findChild<QLabel*>(QStringLiteral("foot"));
        QTRY_VERIFY_WITH_TIMEOUT(foot->text().contains(QStringLiteral("does not take the token")),
                                 20000);
        QVERIFY(dialog->isVisible());
        // The two lines are set, and it is started again.
        const QString token = environment(*dialog).section(QLatin1Char('='), -1);
        application.reset();
        application =
            std::make_unique<Application>("orders", listen.toStdString(), token.toStdString());
        QVERIFY(application->agent);
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        QVERIFY(dialog->watch().trouble().isEmpty());
        QVERIFY2(foot->text().isEmpty(), qPrintable(foot->text()));
    }

    void aSocketThatAsksForATokenStandsAgainstNothing()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        button(*dialog, QStringLiteral("TCP on loopback"))->click();
        QVERIFY(looked());
        // It wants a token that nobody was asked for; so would a hostile one.
        Application other("billing", "127.0.0.1:0", "a token");
        QVERIFY(other.agent);
        Application friendly("orders", socket("friendly.sock"));
        machine_.set({other.local(), friendly.local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        QVERIFY(looked());
        QVERIFY2(dialog->watch().trouble().isEmpty(), qPrintable(dialog->watch().trouble()));
    }

    void namesThatLookLikePlacesStayWhatTheyAre()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(looked());
        Application application("%2 %3", socket("places.sock"));
        machine_.set({application.local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        QCOMPARE(appeared->item(0)->text(),
                 QStringLiteral("%2 %3 in process ") +
                     QString::number(QCoreApplication::applicationPid()) +
                     QStringLiteral(" just appeared (shop <b>api</b>)"));
    }

    void typingAnotherNameEndsTheWait()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(looked());
        Application application("order", socket("half.sock"));
        machine_.set({application.local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
        attachButton(*dialog)->click();
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("Stop w&aiting"));
        auto* const name = dialog->findChild<QLineEdit*>(QStringLiteral("poolName"));
        name->setText(QStringLiteral("order")); // on the way to another
        QVERIFY(dialog->isVisible());
        name->setText(QStringLiteral("order-lines"));
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("&Attach when it is up"));
    }

    /// Neither the one that was waited for nor the one that was typed then is attached by itself
    /// when it comes.
    void aWaitThatEndedAttachesNothing()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        QVERIFY(looked());
        attachButton(*dialog)->click();
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("Stop w&aiting"));
        auto* const name = dialog->findChild<QLineEdit*>(QStringLiteral("poolName"));
        QCOMPARE(name->text(), QStringLiteral("orders"));
        name->setFocus();
        QTest::keyClick(name, Qt::Key_End);
        QTest::keyClicks(name, QStringLiteral("-eu"));
        QCOMPARE(attachButton(*dialog)->text(), QStringLiteral("&Attach when it is up"));
        Application before("orders", socket("before.sock"));
        Application after("orders-eu", socket("after.sock"));
        QSignalSpy accepted(dialog.get(), &QDialog::accepted);
        machine_.set({before.local(), after.local()});
        auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
        QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 2, 20000);
        QVERIFY(looked());
        QCOMPARE(accepted.count(), 0);
        QVERIFY(dialog->choice().empty());
        attachButton(*dialog)->click();
        QCOMPARE(accepted.count(), 1);
        QCOMPARE(dialog->choice().size(), 1u);
        QCOMPARE(dialog->choice().front().target, after.local().url);
    }

    /// POOLSCOPE_PICTURES=FOLDER draws it there.
    void pictures()
    {
        const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
        if (out.isEmpty())
            QSKIP("pictures are drawn where POOLSCOPE_PICTURES says");
        Theme& theme = Theme::current();
        theme.install();
        QSettings settings(settingsFile(), QSettings::IniFormat);
        for (const Theme::Mode mode : {Theme::Mode::light, Theme::Mode::dark}) {
            theme.setMode(mode);
            machine_.set({});
            const auto dialog = make(settings);
            dialog->show();
            QVERIFY(looked());
            const auto shoot = [&](const char* name) {
                QCoreApplication::processEvents();
                dialog->grab().save(QStringLiteral("%1/instrument-%2-%3.png")
                                        .arg(out, QLatin1String(name), Theme::nameOf(mode)));
            };
            shoot("empty");
            Application application("orders", socket("picture.sock"));
            machine_.set({application.local()});
            auto* const appeared = dialog->findChild<QListWidget*>(QStringLiteral("appeared"));
            QTRY_COMPARE_WITH_TIMEOUT(appeared->count(), 1, 20000);
            choose(*dialog, QStringLiteral("HikariCP"));
            shoot("appeared");
            machine_.set({});
            choose(*dialog, QStringLiteral("Poolscope's own pool"));
            button(*dialog, QStringLiteral("TCP on loopback"))->click();
            attachButton(*dialog)->click();
            shoot("tcp");
        }
        theme.setMode(Theme::Mode::light);
    }

    void tabGoesAsOneReads()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto dialog = make(settings);
        dialog->show();
        dialog->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(dialog.get()));
        QCOMPARE(QApplication::focusWidget(),
                 dialog->findChild<QLineEdit*>(QStringLiteral("poolName")));
        QStringList names;
        for (int i = 0; i < 9; ++i) {
            QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
            QWidget* const now = QApplication::focusWidget();
            auto* const pressed = qobject_cast<QAbstractButton*>(now);
            names << (pressed ? pressed->text().remove(QLatin1Char('&')) : now->accessibleName());
        }
        QCOMPARE(
            names,
            QStringList({QStringLiteral("Copy install lines"),
                         QStringLiteral("What installs the agent"), QStringLiteral("Copy lines"),
                         QStringLiteral("Lines to paste"), QStringLiteral("Local socket"),
                         QStringLiteral("Pools that appeared"), QStringLiteral("Cancel"),
                         QStringLiteral("Attach when it is up"), QStringLiteral("Kind of pool")}));
    }
};

QTEST_MAIN(TestInstrument)
#include "tst_instrument.moc"
