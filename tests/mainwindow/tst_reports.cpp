// SPDX-License-Identifier: GPL-3.0-or-later
// From the menu to the file: an incident report as a person asks for it.
#include "tests/mainwindow/shownwindow.h"
#include "tests/support/places.h"
#include "ui/dialogs/reportdialog.h"
#include "ui/mainwindow/notices.h"
#include "ui/mainwindow/reportflow.h"
#include "ui/mainwindow/statusstrip.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/theme/segmentedcontrol.h"

#include <QAction>
#include <QCheckBox>
#include <QDesktopServices>
#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QToolButton>
#include <QUrl>

using namespace poolscope;
using namespace poolscope::test;

class TestReports : public QObject, ShownWindow
{
    Q_OBJECT

    QString night_;
    QList<QUrl> opened_;

    void makeLive()
    {
        ShownWindow::makeLive();
        QTRY_VERIFY(workspace().transport().bytes > 0);
    }
    /// As a person opens it.
    ReportDialog* ask()
    {
        window_->actions().report->trigger();
        return qobject_cast<ReportDialog*>(window_->openDialog());
    }
    template <class T>
    static T* child(QWidget* in, const char* name)
    {
        return in->findChild<T*>(QString::fromLatin1(name));
    }
    static void choose(ReportDialog* dialog, const char* control, int index)
    {
        auto* const chosen = child<SegmentedControl>(dialog, control);
        chosen->setCurrent(index);
        emit chosen->chosen(index);
    }
    static void name(ReportDialog* dialog, const QString& file)
    {
        child<QLineEdit>(dialog, "reportFile")->setText(file);
    }
    static void create(ReportDialog* dialog)
    {
        auto* const create = child<QPushButton>(dialog, "createReport");
        QTRY_VERIFY(create->isEnabled()); // once the disk has answered
        create->click();
    }
    QString path(const char* name) const { return folder_.filePath(QString::fromLatin1(name)); }
    static QByteArray contentOf(const QString& file)
    {
        QFile in(file);
        return in.open(QIODevice::ReadOnly) ? in.readAll() : QByteArray();
    }
    QToolButton* bannerLink() const
    {
        for (QToolButton* button : window_->notices().offered().findChildren<QToolButton*>())
            if (button->isVisible() && button->text() == QLatin1String("Open"))
                return button;
        return nullptr;
    }

private slots:
    void initTestCase()
    {
        useOwnSettings();
        QCoreApplication::setApplicationVersion(QStringLiteral("0.1.7"));
        night_ = recordIncident(folder_);
        QVERIFY(!night_.isEmpty());
        QDesktopServices::setUrlHandler(QStringLiteral("file"), this, "openUrl");
    }
    void init()
    {
        QSettings().clear();
        QSettings().setValue(QStringLiteral("folder"), folder_.path());
        opened_.clear();
    }
    void cleanup() { closeAll(); }
    void cleanupTestCase() { QDesktopServices::unsetUrlHandler(QStringLiteral("file")); }

    /// What the demo recorded of a real pool and a real server.
    void aRecordingIsReported()
    {
        makeReplay(inTree("resources/samples/incident.poolrec"));
        ReportDialog* const dialog = ask();
        QVERIFY(dialog);
        QVERIFY(child<QCheckBox>(dialog, "reportRedact")->isChecked());
        const QString proposed = child<QLineEdit>(dialog, "reportFile")->text();
        QCOMPARE(QFileInfo(proposed).absolutePath(), folder_.path());
        QVERIFY(proposed.endsWith(QLatin1String(".html")));
        QSignalSpy progress(&window_->reports(), &ReportFlow::progressed);
        create(dialog);
        QVERIFY(!window_->actions().report->isEnabled()); // one at a time
        QTRY_VERIFY_WITH_TIMEOUT(bannerLink(), 60000);
        QVERIFY(window_->actions().report->isEnabled());
        QVERIFY(window_->notices().offered().accessibleName().contains(proposed));
        QVERIFY(progress.count() > 4);
        double last = 0;
        for (qsizetype i = 0; i + 1 < progress.count(); ++i) {
            QVERIFY(progress[i][0].toDouble() >= last);
            last = progress[i][0].toDouble();
        }
        QCOMPARE(progress.last()[0].toDouble(), -1.0);
        const QByteArray html = contentOf(proposed);
        QVERIFY(html.startsWith("<!DOCTYPE html>"));
        QVERIFY(html.endsWith("</html>\n"));
        QVERIFY(html.contains("Redacted:"));
        QVERIFY(html.contains("Poolscope 0.1.7"));
        QVERIFY(!html.contains("incident.poolrec"));
        QVERIFY(!(QFile::permissions(proposed) & (QFile::ReadGroup | QFile::ReadOther)));
        bannerLink()->click();
        QCOMPARE(opened_, QList<QUrl>{QUrl::fromLocalFile(proposed)});
        QVERIFY(!window_->notices().isVisible());
        // The next one does not stand in its way.
        ReportDialog* const again = ask();
        QVERIFY(again);
        QVERIFY(child<QLineEdit>(again, "reportFile")->text() != proposed);
        QVERIFY(child<QPushButton>(again, "createReport")->isEnabled());
        again->reject();
    }

    void openUrl(const QUrl& url) { opened_ << url; }

    void asPdf()
    {
        makeReplay(night_);
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("post-mortem.html"));
        choose(dialog, "reportFormat", 1);
        QCOMPARE(child<QLineEdit>(dialog, "reportFile")->text(), QStringLiteral("post-mortem.pdf"));
        create(dialog);
        QTRY_VERIFY_WITH_TIMEOUT(bannerLink(), 60000);
        const QByteArray pdf = contentOf(path("post-mortem.pdf"));
        QVERIFY(pdf.startsWith("%PDF-1."));
        QVERIFY(pdf.trimmed().endsWith("%%EOF"));
    }

    /// Of what has been recorded so far, while it goes on.
    void aCaptureIsReportedAndGoesOn()
    {
        makeLive();
        QSignalSpy updates(&workspace(), &Workspace::updated);
        ReportDialog* const dialog = ask();
        QVERIFY(dialog);
        name(dialog, QStringLiteral("so-far"));
        child<QCheckBox>(dialog, "reportRedact")->setChecked(false);
        create(dialog);
        QTRY_VERIFY_WITH_TIMEOUT(bannerLink(), 30000);
        const QByteArray html = contentOf(path("so-far.html"));
        QVERIFY(html.contains("a recording that is not saved"));
        QVERIFY(html.contains("The recording was still being written"));
        QVERIFY(!html.contains("Redacted:"));
        QVERIFY(html.contains("15.8"));
        QCOMPARE(workspace().transport().mode, Mode::live);
        QVERIFY(workspace().transport().recordingTrouble.isEmpty());
        const Timestamp then = workspace().transport().end;
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().end > then + 1s, 10000);
        QVERIFY(updates.count() >= 1);
        // What was recorded meanwhile can be saved, and is whole.
        window_->saveTo(path("after.poolrec"));
        QTRY_VERIFY_WITH_TIMEOUT(workspace().transport().saved, 10000);
        auto saved = RecordingReader::open(path("after.poolrec").toStdString());
        QVERIFY(saved && saved.value()->info() && saved.value()->info().value().complete);
    }

    void theRangeThatIsWanted()
    {
        makeReplay(night_);
        window_->context().setUtc(true);
        window_->context().setRange(start + 30s, start + 60s);
        ReportDialog* dialog = ask();
        QVERIFY(!child<QSpinBox>(dialog, "reportMinutes")->isEnabled());
        choose(dialog, "reportRange", 1);
        QVERIFY(child<QLabel>(dialog, "reportRangeWords")
                    ->text()
                    .contains(QStringLiteral("14:29:40 in UTC, 30 s")));
        name(dialog, QStringLiteral("visible"));
        create(dialog);
        QTRY_VERIFY_WITH_TIMEOUT(bannerLink(), 30000);
        const QByteArray visible = contentOf(path("visible.html"));
        QVERIFY(visible.contains("2025-11-21 14:29:10 to 14:29:40 (UTC)"));
        QVERIFY(visible.contains("Times are UTC"));
        dialog = ask();
        choose(dialog, "reportRange", 2);
        child<QSpinBox>(dialog, "reportMinutes")->setValue(1);
        name(dialog, QStringLiteral("last"));
        create(dialog);
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path("last.html")), 30000);
        QVERIFY(contentOf(path("last.html")).contains("2025-11-21 14:29:40 to 14:30:40 (UTC)"));
    }

    void closingWaitsForTheReport()
    {
        makeReplay(inTree("resources/samples/incident.poolrec"));
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("leaving"));
        create(dialog);
        QVERIFY(window_->reports().running());
        window_->close();
        QVERIFY(window_->isVisible());
        QVERIFY(window_->notices().offered().accessibleName().contains(
            QStringLiteral("once the report is written")));
        QTRY_VERIFY_WITH_TIMEOUT(windows_->all().empty(), 60000);
        QVERIFY(contentOf(path("leaving.html")).endsWith("</html>\n"));
    }

    void closingDoesNotFollowAReportThatFails()
    {
        makeReplay(night_);
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("leaving-none"));
        create(dialog);
        window_->close();
        QVERIFY(window_->notices().offered().isVisible());
        window_->reports().stop();
        QTRY_VERIFY_WITH_TIMEOUT(!window_->reports().running(), 30000);
        QVERIFY(window_->isVisible());
        QVERIFY(!window_->notices().offered().isVisible());
        window_->close();
        QTRY_VERIFY(windows_->all().empty());
    }

    void itCanBeStopped()
    {
        makeLive();
        auto* const stop = child<QToolButton>(&window_->statusStrip(), "stopReport");
        QVERIFY(stop && !stop->isVisible());
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("stopped"));
        create(dialog);
        QVERIFY(stop->isVisible());
        stop->click(); // before it can have begun: the capture flushes first
        QTRY_VERIFY(!stop->isVisible());
        QTRY_VERIFY(window_->banner().isVisible());
        QVERIFY(
            window_->banner().accessibleName().contains(QStringLiteral("The report was stopped")));
        QVERIFY(!bannerLink());
        QCOMPARE(QDir(folder_.path())
                     .entryList({QStringLiteral("*stopped*")}, QDir::Files | QDir::Hidden),
                 QStringList());
        QVERIFY(window_->actions().report->isEnabled());
        QCOMPARE(workspace().transport().mode, Mode::live);
    }

    void anotherRecordingEndsIt()
    {
        makeReplay(inTree("resources/samples/incident.poolrec"));
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("ended"));
        create(dialog);
        window_->open({night_});
        QTRY_VERIFY_WITH_TIMEOUT(!window_->reports().running(), 30000);
        QTRY_COMPARE_WITH_TIMEOUT(window_->shownFile(), night_, 10000);
        // However the race ends, there is a whole file or none.
        if (const QString file = path("ended.html"); QFile::exists(file))
            QVERIFY(contentOf(file).endsWith("</html>\n"));
    }

    void theWindowCanBeClosedMeanwhile()
    {
        makeReplay(inTree("resources/samples/incident.poolrec"));
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("closed"));
        create(dialog);
        window_->close();
        for (auto* const link : window_->notices().offered().findChildren<QToolButton*>())
            if (link->text() == QStringLiteral("Close without it"))
                link->click();
        QTRY_VERIFY(windows_->all().empty());
        closeAll();
        QTest::qWait(0);
        if (const QString file = path("closed.html"); QFile::exists(file))
            QVERIFY(contentOf(file).endsWith("</html>\n"));
    }

    void whatCannotBeIsSaidBefore()
    {
        make();
        QVERIFY(!window_->actions().report->isEnabled()); // nothing is recorded
        QVERIFY(!ask());
        closeAll();
        makeReplay(night_);
        ReportDialog* const dialog = ask();
        auto* const button = child<QPushButton>(dialog, "createReport");
        auto* const trouble = child<QLabel>(dialog, "reportTrouble");
        QVERIFY(button->isEnabled());
        QCOMPARE(trouble->text(), QString());
        QFile taken(path("taken.html"));
        QVERIFY(taken.open(QIODevice::WriteOnly));
        taken.write("mine");
        taken.close();
        name(dialog, QStringLiteral("taken"));
        QVERIFY(!button->isEnabled());
        QVERIFY(trouble->text().contains(QStringLiteral("is not overwritten")));
        name(dialog, QStringLiteral("no/such/folder.html"));
        QVERIFY(!button->isEnabled());
        QVERIFY(trouble->text().contains(QStringLiteral("no such folder")));
        name(dialog, QStringLiteral("  "));
        QVERIFY(!button->isEnabled());
        dialog->accept(); // as Enter would
        QVERIFY(dialog->isVisible());
        dialog->reject();
        QCOMPARE(contentOf(path("taken.html")), QByteArray("mine"));
    }

    /// A folder that takes nothing, also from root.
    void whatFailsIsSaid()
    {
        makeReplay(night_);
        ReportDialog* const dialog = ask();
        name(dialog, QStringLiteral("/proc/report.html"));
        if (!child<QPushButton>(dialog, "createReport")->isEnabled())
            QSKIP("not as root: the dialog says so before");
        create(dialog);
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 30000);
        QVERIFY(
            window_->banner().accessibleName().contains(QStringLiteral("could not be written")));
        QVERIFY(!bannerLink());
        QVERIFY(window_->actions().report->isEnabled());
    }
};

QTEST_MAIN(TestReports)
#include "tst_reports.moc"
