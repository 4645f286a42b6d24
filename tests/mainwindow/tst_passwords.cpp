// SPDX-License-Identifier: GPL-3.0-or-later
// Passwords: asked for, kept in a keychain when the user says so, read back, deleted when refused.
#include "tests/mainwindow/incident.h"
#include "tests/mainwindow/memorykeychain.h"
#include "ui/dialogs/passworddialog.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/passwordflow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QDirIterator>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QTest>
#include <QToolButton>

using namespace poolscope;
using namespace poolscope::test;

namespace {

const QString target = QStringLiteral("host=fake user=dba");

/// A server that lets in whoever knows the password.
class Guarded : public FakeSource
{
public:
    Guarded(TargetId id, const QString& password)
        : FakeSource(id)
        , password_(password)
    {}

    void start() override { refuse("wants a password for user \"dba\"."); }
    void provideSecret(const QString& given) override
    {
        if (given.isEmpty())
            return;
        if (given == password_) {
            FakeSource::start();
            report(FactsReported{facts()});
            ServerSample sample;
            sample.full = true;
            report(sample);
        } else {
            refuse("refused the password for user \"dba\".");
        }
    }
    void loseIt() { refuse("wants another password."); }

private:
    void refuse(const std::string& sentence)
    {
        TargetStatus status;
        status.reach = Reach::stopped;
        status.sentence = "fake:5432 " + sentence;
        emit observed(StatusChanged{status});
        emit secretRequired(QString::fromStdString(status.sentence));
    }
    QString password_;
};

} // namespace

class TestPasswords : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    QString password_;
    std::shared_ptr<MemoryKeychain> keychain_;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;
    std::vector<Guarded*> sources_;

    void attach(const QString& sshHost = {})
    {
        window_.reset();
        workspace_.reset();
        sources_.clear();
        Workspace::Options options;
        options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
        options.sourceFactory = [this](TargetId id,
                                       const AttachRequest&) -> Result<std::unique_ptr<Source>> {
            auto source = std::make_unique<Guarded>(id, password_);
            sources_.push_back(source.get());
            return std::unique_ptr<Source>(std::move(source));
        };
        workspace_ = std::make_unique<Workspace>(options);
        window_ = std::make_unique<MainWindow>(*workspace_, AttachChoice{});
        window_->setKeychain(keychain_);
        window_->show();
        AttachRequest request;
        request.target = target;
        request.sshHost = sshHost;
        window_->attach(request);
    }
    PasswordDialog* dialog() const { return window_->passwords().dialog(); }
    void type(const QString& password, bool keep)
    {
        QTRY_VERIFY_WITH_TIMEOUT(dialog() && dialog()->isVisible(), 60000);
        QTest::keyClicks(dialog()->findChild<QLineEdit*>(), password);
        if (keep)
            dialog()->findChild<QCheckBox*>(QStringLiteral("keep"))->click();
        QTest::keyClick(dialog()->findChild<QLineEdit*>(), Qt::Key_Return);
    }
    bool up(std::size_t at = 0) const
    {
        const UpdatePtr latest = workspace_->latest();
        return latest->targets.size() > at && latest->targets[at].status.reach == Reach::up;
    }
    void lose(std::size_t at)
    {
        QMetaObject::invokeMethod(sources_[at], [source = sources_[at]] { source->loseIt(); });
        QTRY_VERIFY(!up(at));
    }
    void press(Banner& banner, const QString& name)
    {
        for (QToolButton* const button : banner.findChildren<QToolButton*>())
            if (button->isVisible() && button->accessibleName() == name)
                return button->click();
        QFAIL(qPrintable(name));
    }

private slots:
    void initTestCase()
    {
        QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
        QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
        QSettings::setDefaultFormat(QSettings::IniFormat);
        QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                           folder_.filePath(QStringLiteral("settings")));
        Theme::current().install();
    }
    void init()
    {
        QSettings().clear();
        keychain_ = std::make_shared<MemoryKeychain>();
        password_ = QStringLiteral("0pen-Sesame");
    }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
    }

    void keepingIsOffUntilChosen()
    {
        attach();
        QTRY_VERIFY_WITH_TIMEOUT(dialog() && dialog()->isVisible(), 60000);
        QCOMPARE(keychain_->reads, 0); // who never kept one is not asked to unlock a keychain
        auto* keep = dialog()->findChild<QCheckBox*>(QStringLiteral("keep"));
        QVERIFY(keep);
        QVERIFY(!keep->isChecked());
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
        QVERIFY(keychain_->kept.empty());
    }

    void whatWasKeptIsNotAskedForAgain()
    {
        attach();
        type(password_, true);
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
        QTRY_COMPARE(keychain_->kept.size(), 1u);
        QCOMPARE(keychain_->kept.begin()->second, password_);
        QVERIFY(!keychain_->kept.begin()->first.contains(password_));
        attach();
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
        QCOMPARE(keychain_->reads, 1);
        QVERIFY(!dialog());
        // Another way to the same server is another key.
        attach(QStringLiteral("bastion"));
        QTRY_VERIFY_WITH_TIMEOUT(dialog(), 60000);
    }

    void aWrongOneIsNeverKept()
    {
        attach();
        type(QStringLiteral("wrong"), true);
        QTRY_VERIFY_WITH_TIMEOUT(dialog() && dialog()->findChild<QLineEdit*>()->text().isEmpty(),
                                 60000);
        QVERIFY(keychain_->kept.empty());
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
        QVERIFY(keychain_->kept.empty());
    }

    void aKeptOneThatIsRefusedGoes()
    {
        attach();
        type(password_, true);
        QTRY_COMPARE_WITH_TIMEOUT(keychain_->kept.size(), 1u, 60000);
        password_ = QStringLiteral("changed");
        attach();
        QTRY_VERIFY_WITH_TIMEOUT(dialog(), 60000);
        QVERIFY(keychain_->kept.empty());
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
    }

    void whatIsKeptCanBeForgotten()
    {
        const auto entries = [this] {
            QStringList texts;
            QMenu* const menu = window_->actions().forgetMenu;
            emit menu->aboutToShow();
            for (const QAction* action : menu->actions())
                if (action->isEnabled())
                    texts << action->text();
            return texts;
        };
        attach();
        QVERIFY(entries().isEmpty());
        type(password_, true);
        QTRY_COMPARE_WITH_TIMEOUT(keychain_->kept.size(), 1u, 60000);
        QTRY_COMPARE(entries().size(), 1);
        QVERIFY(entries().first().contains(QStringLiteral("fake")));
        QVERIFY(!entries().first().contains(password_));
        // Also in another window, with nothing of it attached.
        window_.reset();
        workspace_.reset();
        attach(QStringLiteral("bastion"));
        QTRY_VERIFY_WITH_TIMEOUT(dialog(), 60000);
        QCOMPARE(entries().size(), 1);
        window_->actions().forgetMenu->actions().first()->trigger();
        QVERIFY(keychain_->kept.empty());
        QVERIFY(entries().isEmpty());
        QVERIFY(window_->banner().accessibleName().contains(QStringLiteral("Forgotten")));
        attach();
        QTRY_VERIFY_WITH_TIMEOUT(dialog(), 60000); // it is asked for again
    }

    void noQuestionIsLostToAnother()
    {
        const QString enter = QStringLiteral("Enter the password…");
        attach();
        type(password_, false);
        AttachRequest second;
        second.target = QStringLiteral("host=other user=dba");
        window_->attach(second);
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(0) && up(1), 60000);
        Banner& offered = window_->notices().offered();
        for (std::size_t at : {0, 1})
            QTRY_VERIFY(workspace_->latest()->targets[at].last_sample);
        lose(0);
        QTRY_VERIFY(offered.isVisible());
        lose(1);
        window_->notice(Severity::info, QStringLiteral("Recording goes on."), QString());
        QVERIFY(window_->banner().isVisible());
        QVERIFY(offered.isVisible());
        press(window_->banner(), QStringLiteral("Dismiss"));
        QVERIFY(!window_->banner().isVisible());

        press(offered, enter);
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(1), 60000);
        QVERIFY(!up(0));
        QVERIFY(offered.isVisible()); // the other one's
        press(offered, enter);
        QVERIFY(!offered.isVisible());
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(0), 60000);

        // What is answered otherwise is asked no more.
        lose(0);
        lose(1);
        QTRY_VERIFY(offered.isVisible());
        workspace_->provideSecret(TargetId{2}, password_);
        QTRY_VERIFY_WITH_TIMEOUT(up(1), 60000);
        QTRY_VERIFY(offered.isVisible());
        press(offered, QStringLiteral("Dismiss"));
        QVERIFY(!window_->notices().isVisible());
    }

    void aKeychainThatHangsHoldsNobodyUp()
    {
        QSettings().setValue(QStringLiteral("keychain/used"), true);
        keychain_->hangs = true;
        attach();
        window_->passwords().setPatience(std::chrono::milliseconds{50});
        type(password_, false);
        QTRY_VERIFY_WITH_TIMEOUT(up(), 60000);
        QCOMPARE(keychain_->reads, 1);
    }

    void whatCouldNotBeKeptIsSaid()
    {
        keychain_->trouble = QStringLiteral("The desktop's keychain stayed locked.");
        attach();
        type(password_, true);
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 60000);
        QVERIFY(window_->banner().accessibleName().contains(keychain_->trouble));
    }

    void withoutAKeychainNothingIsOffered()
    {
        keychain_->there = false;
        attach();
        QTRY_VERIFY_WITH_TIMEOUT(dialog(), 60000);
        QVERIFY(!dialog()->findChild<QCheckBox*>(QStringLiteral("keep")));
    }

    void itStandsInNoFile()
    {
        attach();
        type(password_, true);
        QTRY_COMPARE_WITH_TIMEOUT(keychain_->kept.size(), 1u, 60000);
        const QString saved = folder_.filePath(QStringLiteral("saved.poolrec"));
        window_->saveTo(saved);
        QTRY_VERIFY_WITH_TIMEOUT(workspace_->transport().saved, 60000);
        QSettings().sync();
        int looked = 0;
        for (QDirIterator it(folder_.path(), QDir::Files, QDirIterator::Subdirectories);
             it.hasNext();) {
            QFile file(it.next());
            QVERIFY(file.open(QIODevice::ReadOnly));
            QVERIFY2(!file.readAll().contains(password_.toUtf8()), qPrintable(file.fileName()));
            ++looked;
        }
        QVERIFY(looked >= 3); // settings, the temporary recording, the saved one
    }
};

QTEST_MAIN(TestPasswords)
#include "tst_passwords.moc"
