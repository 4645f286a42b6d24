// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/dialogs/attachdialog.h"

#include "tests/dialogs/attachfixture.h"
#include "ui/dialogs/attachlist.h"
#include "ui/dialogs/recenttargets.h"
#include "ui/models/targetkinds.h"

#include <QCheckBox>
#include <QElapsedTimer>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSemaphore>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>

using namespace poolscope;

class TestAttach : public test::AttachFixture
{
    Q_OBJECT
private slots:
    void initTestCase() { nameServices(); }
    void init() { QFile::remove(settingsFile()); }

    void pickingAServiceFillsTheField()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        auto* list = dialog.findChild<AttachList*>();
        auto* field = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        QVERIFY(!button(dialog, QStringLiteral("Attach"))->isEnabled());
        QTreeWidgetItem* service = waitFor(list, QStringLiteral("service=billing"));
        QVERIFY(service);
        service->setSelected(true);
        QCOMPARE(field->text(), QStringLiteral("service=billing"));
        QVERIFY(dialog.findChild<QLabel*>(QStringLiteral("recognised"))
                    ->text()
                    .contains(QStringLiteral("service")));
        QVERIFY(button(dialog, QStringLiteral("Attach"))->isEnabled());
        QCOMPARE(dialog.choice().live.size(), 1u);
        QCOMPARE(dialog.choice().live[0].target, QStringLiteral("service=billing"));
        // Typing lets go of what was picked.
        field->setText(QStringLiteral("host=elsewhere"));
        QVERIFY(list->picked().empty());
        QCOMPARE(dialog.choice().live[0].target, QStringLiteral("host=elsewhere"));
    }

    void whatOthersNamedGetsNoTokenAtHand()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        auto* field = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        field->setText(QStringLiteral("prometheus+https://mine.example/m"));
        QVERIFY(dialog.choice().live.at(0).secretAtHand);
        dialog.setTarget(QStringLiteral("prometheus+https://theirs.example/m"));
        QVERIFY(!dialog.choice().live.at(0).secretAtHand);
        field->setText(QStringLiteral("prometheus+https://mine.example/m"));
        QVERIFY(dialog.choice().live.at(0).secretAtHand);
    }

    void poolsOfThisMachineAreOffered()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachFinders finders;
        finders.pools = [] {
            return std::vector<LocalPool>{{QStringLiteral("shop <b>api</b>"), 4711,
                                           QStringLiteral("pool+unix:///run/4711-shop.sock")}};
        };
        AttachDialog dialog({}, settings, false, nullptr, finders);
        auto* list = dialog.findChild<AttachList*>();
        // What is picked while something else arrives stays picked.
        itemWith(list, QStringLiteral("demo:"))->setSelected(true);
        QTreeWidgetItem* pool = waitFor(list, QStringLiteral("pool+unix:///run/4711-shop.sock"));
        QVERIFY(pool);
        QCOMPARE(dialog.choice().live.at(0).target, QStringLiteral("demo:"));
        QCOMPARE(pool->text(0), QStringLiteral("shop <b>api</b>"));
        QVERIFY(pool->text(2).contains(QStringLiteral("4711")));
        list->clearSelection();
        pool->setSelected(true);
        QCOMPARE(dialog.choice().live.at(0).target,
                 QStringLiteral("pool+unix:///run/4711-shop.sock"));
        QVERIFY(dialog.findChild<QLabel*>(QStringLiteral("foot"))
                    ->text()
                    .contains(QStringLiteral("POOLSCOPE_TOKEN")));
        // In the order of the sections, whichever was found first.
        QVERIFY(waitFor(list, QStringLiteral("service=billing")));
        QStringList targets;
        for (int i = 0; i < list->topLevelItemCount(); ++i)
            targets << list->topLevelItem(i)->text(1);
        QVERIFY(targets.indexOf(QStringLiteral("pool+unix:///run/4711-shop.sock")) <
                targets.indexOf(QStringLiteral("service=shop-db")));
    }

    void aHomeThatHangsHoldsNobodyUp()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto hanging = std::make_shared<QSemaphore>();
        AttachFinders finders;
        finders.services = [hanging] {
            hanging->acquire();
            return std::vector<ServiceEntry>{{QStringLiteral("late"), QString()}};
        };
        finders.pools = [] {
            return std::vector<LocalPool>{};
        };
        {
            AttachDialog gone({}, settings, false, nullptr, finders);
            gone.show();
        } // closed while it still looks: nothing waits, nothing comes back to it
        AttachDialog dialog({}, settings, false, nullptr, finders);
        dialog.show();
        auto* list = dialog.findChild<AttachList*>();
        dialog.findChild<QLineEdit*>(QStringLiteral("target"))->setText(QStringLiteral("host=db1"));
        QVERIFY(button(dialog, QStringLiteral("Attach"))->isEnabled());
        QVERIFY(!itemWith(list, QStringLiteral("service=late")));
        hanging->release(2);
        QVERIFY(waitFor(list, QStringLiteral("service=late")));
    }

    /// A file system that is away, at each key: the window answers all the same.
    void whatIsTypedIsLookedForAside()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const auto disk = std::make_shared<QSemaphore>();
        AttachFinders finders;
        finders.isPath = [disk](const QString& typed) {
            disk->tryAcquire(1, 3000);
            return typed.endsWith(QStringLiteral(".poolrec"));
        };
        AttachDialog dialog({}, settings, false, nullptr, finders);
        dialog.show();
        auto* field = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        QPushButton* const attach = button(dialog, QStringLiteral("Attach"));
        auto* recognised = dialog.findChild<QLabel*>(QStringLiteral("recognised"));
        QElapsedTimer took;
        took.start();
        QTest::keyClicks(field, QStringLiteral("/away/night.poolrec"));
        QVERIFY2(took.elapsed() < 1500, qPrintable(QString::number(took.elapsed())));
        QVERIFY2(recognised->text().contains(QStringLiteral("has not answered")),
                 qPrintable(recognised->text()));
        QVERIFY(!attach->isEnabled());
        // An address is one without the disk.
        field->setText(QStringLiteral("host=db1"));
        QVERIFY(attach->isEnabled());
        QCOMPARE(dialog.choice().live.size(), 1u);
        field->setText(QStringLiteral("/away/night.poolrec"));
        QTest::keyClick(field, Qt::Key_Return); // which counts once the disk answers
        QVERIFY(dialog.isVisible());
        disk->release(100);
        QTRY_VERIFY(!dialog.isVisible());
        QCOMPARE(dialog.result(), int(QDialog::Accepted));
        QCOMPARE(dialog.choice().recordings, QStringList{QStringLiteral("/away/night.poolrec")});
    }

    void agentsAreRecognised_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<QString>("says");
        QTest::addColumn<bool>("usable");
        QTest::newRow("tcp") << QStringLiteral("pool://127.0.0.1:7070")
                             << QStringLiteral("pools of a process") << true;
        QTest::newRow("socket") << QStringLiteral("pool+unix:///run/x.sock")
                                << QStringLiteral("pools of a process") << true;
        QTest::newRow("demo") << QStringLiteral("demo:") << QStringLiteral("demo") << true;
        QTest::newRow("token in it") << QStringLiteral("pool://t0ken@127.0.0.1:7070")
                                     << QStringLiteral("POOLSCOPE_TOKEN") << false;
    }
    void agentsAreRecognised()
    {
        QFETCH(QString, target);
        QFETCH(QString, says);
        QFETCH(bool, usable);
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.findChild<QLineEdit*>(QStringLiteral("target"))->setText(target);
        const QString said = dialog.findChild<QLabel*>(QStringLiteral("recognised"))->text();
        QVERIFY2(said.contains(says), qPrintable(said));
        QCOMPARE(button(dialog, QStringLiteral("Attach"))->isEnabled(), usable);
    }

    void kindsAreOffered()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        auto* list = dialog.findChild<AttachList*>();
        auto* field = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        auto* recognised = dialog.findChild<QLabel*>(QStringLiteral("recognised"));
        int offered = 0;
        for (const TargetWords& words : targetWords()) {
            QTreeWidgetItem* item = itemWith(list, words.form);
            QCOMPARE(item != nullptr, bool(classifyTarget(words.form)));
            if (!item)
                continue;
            ++offered;
            QCOMPARE(item->text(0), words.name);
            QVERIFY(!item->icon(0).isNull());
            list->clearSelection();
            list->setCurrentItem(item);
            item->setSelected(true);
            // A form is no address yet.
            QCOMPARE(field->text(), words.form);
            QVERIFY(!button(dialog, QStringLiteral("Attach"))->isEnabled());
            QVERIFY(!button(dialog, QStringLiteral("Test"))->isEnabled());
            QVERIFY(dialog.choice().live.empty() || dialog.choice().live[0].target == words.form);
            QVERIFY2(recognised->text().contains(words.needs), qPrintable(recognised->text()));
            QCOMPARE(dialog.findChild<QLabel*>(QStringLiteral("foot"))->text(), words.secret);
            emit list->itemActivated(item, 0);
            QVERIFY(!dialog.result());
            const QString part = field->selectedText();
            QVERIFY2(part == QStringLiteral("user@host") || part == QStringLiteral("host") ||
                         part == QStringLiteral("localhost"),
                     qPrintable(part));
            QTest::keyClicks(field, QStringLiteral("db9"));
            QCOMPARE(field->text(), QString(words.form).replace(part, QStringLiteral("db9")));
            QVERIFY(list->selectedItems().isEmpty());
            if (words.family != TargetFamily::process) // off loopback it needs ssh
                QVERIFY(button(dialog, QStringLiteral("Attach"))->isEnabled());
        }
        QVERIFY(offered >= 2);
    }

    void namesOfKindsAreReadWhole()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.show();
        QVERIFY(QTest::qWaitForWindowExposed(&dialog));
        auto* list = dialog.findChild<AttachList*>();
        QVERIFY(list->isColumnHidden(3)); // nothing was attached to yet
        const QModelIndex name = list->model()->index(0, 0);
        const QFontMetrics letters(list->font());
        QVERIFY(list->columnWidth(0) >= letters.horizontalAdvance(name.data().toString()));
        RecentTargets(settings).add(
            {QStringLiteral("host=db9"), QString(), QString(), QDateTime::currentDateTime()});
        AttachDialog again({}, settings);
        QVERIFY(!again.findChild<AttachList*>()->isColumnHidden(3));
    }

    void severalArePickedAtOnce()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        auto* list = dialog.findChild<AttachList*>();
        QVERIFY(waitFor(list, QStringLiteral("service=shop-db")));
        itemWith(list, QStringLiteral("service=shop-db"))->setSelected(true);
        itemWith(list, QStringLiteral("service=billing"))->setSelected(true);
        QCOMPARE(dialog.choice().live.size(), 2u);
        QVERIFY(button(dialog, QStringLiteral("Attach"))->isEnabled());
    }

    /// Its folder may be one that hangs: that is found out where it is opened, off this thread.
    void recentRecordingsAreNotLookedFor()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        const QString file = QStringLiteral("/nowhere/at/all/incident.poolrec");
        RecentTargets(settings).add({file, QString(), QString(), QDateTime::currentDateTime()});
        QCOMPARE(RecentTargets(settings).all().front().target, file);
        AttachDialog dialog({}, settings);
        auto* list = dialog.findChild<AttachList*>();
        QTreeWidgetItem* recent = itemWith(list, file);
        QVERIFY(recent);
        QCOMPARE(recent->text(0), QStringLiteral("incident.poolrec"));
        QCOMPARE(recent->text(2), QStringLiteral("recording"));
        list->setCurrentItem(recent);
        recent->setSelected(true);
        QVERIFY(button(dialog, QStringLiteral("Open"))->isEnabled());
        QCOMPARE(dialog.choice().recordings, QStringList{file});
        // What is typed is looked for, and said to be missing.
        auto* target = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        QVERIFY(target);
        target->setText(file + QLatin1Char('x'));
        QPushButton* const act = button(dialog, QStringLiteral("Attach"));
        QVERIFY(act && !act->isEnabled());
    }

    void recentTargetsComeBackAndCanBeRemoved()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        RecentTargets(settings).add({QStringLiteral("host=db9 dbname=shop"),
                                     QStringLiteral("bastion"), QStringLiteral("PostgreSQL 15.8"),
                                     QDateTime::currentDateTime()});
        AttachDialog dialog({}, settings);
        auto* list = dialog.findChild<AttachList*>();
        QTreeWidgetItem* recent =
            itemWith(list, withoutSecrets(QStringLiteral("host=db9 dbname=shop")));
        QVERIFY(recent);
        list->setCurrentItem(recent);
        recent->setSelected(true);
        QCOMPARE(dialog.choice().live[0].sshHost, QStringLiteral("bastion"));
        QTest::keyClick(list, Qt::Key_Delete);
        QVERIFY(RecentTargets(settings).all().empty());
    }

    void aPasswordIsUsedWarnedOfAndNeverKept_data()
    {
        QTest::addColumn<QString>("target");
        QTest::newRow("url") << QStringLiteral("postgresql://dba:s3cr3t@db1/shop");
        QTest::newRow("conninfo") << QStringLiteral("host=db1 user=dba password=s3cr3t");
        QTest::newRow("quoted") << QStringLiteral("host=db1 password='a s3cr3t'");
        QTest::newRow("query") << QStringLiteral("postgresql://db1/shop?password=s3cr3t");
    }

    void aPasswordIsUsedWarnedOfAndNeverKept()
    {
        QFETCH(QString, target);
        {
            QSettings settings(settingsFile(), QSettings::IniFormat);
            AttachDialog dialog({}, settings);
            dialog.findChild<QLineEdit*>(QStringLiteral("target"))->setText(target);
            QVERIFY(dialog.findChild<QLabel*>(QStringLiteral("foot"))
                        ->text()
                        .contains(QStringLiteral("never stored")));
            QSignalSpy accepted(&dialog, &QDialog::accepted);
            button(dialog, QStringLiteral("Attach"))->click();
            QCOMPARE(accepted.count(), 1);
            QCOMPARE(dialog.choice().live.at(0).target, target);
            settings.sync();
        }
        QFile file(settingsFile());
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray kept = file.readAll();
        QVERIFY(kept.contains("db1"));
        QVERIFY(!kept.contains("s3cr3t"));
    }

    void optionsAreChecked()
    {
        QSettings settings(settingsFile(), QSettings::IniFormat);
        AttachDialog dialog({}, settings);
        dialog.findChild<QLineEdit*>(QStringLiteral("target"))->setText(QStringLiteral("host=db1"));
        QLineEdit* interval = nullptr;
        for (QLineEdit* edit : dialog.findChildren<QLineEdit*>())
            if (edit->accessibleName() == QStringLiteral("Poll every"))
                interval = edit;
        QVERIFY(interval);
        interval->setText(QStringLiteral("1 ms"));
        QVERIFY(!button(dialog, QStringLiteral("Attach"))->isEnabled());
        interval->setText(QStringLiteral("5"));
        QVERIFY(button(dialog, QStringLiteral("Attach"))->isEnabled());
        QCOMPARE(dialog.choice().live[0].interval, Duration{std::chrono::seconds{5}});
        // A process is not polled, and a recording neither.
        auto* const target = dialog.findChild<QLineEdit*>(QStringLiteral("target"));
        target->setText(QStringLiteral("demo:"));
        QCOMPARE(interval->accessibleName(), QStringLiteral("Sample every"));
        QVERIFY(interval->isEnabled());
        target->setText(QStringLiteral("host=db1"));
        QCOMPARE(interval->accessibleName(), QStringLiteral("Poll every"));
    }
};

QTEST_MAIN(TestAttach)
#include "tst_attach.moc"
