// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/mainwindow/mainwindow.h"

#include "core/record/writer.h"
#include "tests/capture/fakesource.h"
#include "ui/charts/timelinestrip.h"
#include "ui/dialogs/confirmcommanddialog.h"
#include "ui/mainwindow/commandflow.h"
#include "ui/mainwindow/finder.h"
#include "ui/mainwindow/sidebar.h"
#include "ui/mainwindow/timelinerow.h"
#include "ui/mainwindow/windowactions.h"
#include "ui/theme/banner.h"
#include "ui/theme/theme.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QAction>
#include <QDropEvent>
#include <QLabel>
#include <QListWidget>
#include <QMessageBox>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

namespace {

const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
const std::string secret = "s3cr3t";

Session session(std::int64_t pid, SessionState state, Timestamp since)
{
    Session s;
    s.key = {TargetId{1}, Pid{pid}, start - 1h};
    s.user = Text{"shop"};
    s.database = Text{"shop"};
    s.application = Text{pid < 5 ? "shop-api" : "billing"};
    s.backend_type = Text{"client backend"};
    s.state = state;
    s.state_since = since;
    s.transaction_since = since;
    s.statement = Text{"SELECT " + std::to_string(pid)};
    return s;
}

ServerFacts facts()
{
    ServerFacts f;
    f.version = "15.8";
    f.version_number = 150008;
    f.max_connections = 100;
    f.reserved = 3;
    f.role = "dba";
    f.sees_all = true;
    f.can_signal = true;
    return f;
}

/// Two minutes of one server, a sample a second, a leak that becomes suspicious in the middle.
QString record(const QTemporaryDir& folder)
{
    const QString file = folder.filePath(QStringLiteral("night.poolrec"));
    auto writer = RecordingWriter::create(file.toStdString(), {});
    if (!writer)
        return {};
    std::uint64_t sequence = 0;
    const auto add = [&](Timestamp time, const Fact& fact) {
        return bool(writer.value()->append({SequenceNumber{++sequence}, time, TargetId{1}, fact}));
    };
    bool good =
        add(start, TargetAttached{{TargetId{1}, "postgresql", "shop-db", "service=shop-db"}});
    good = good && add(start, StatusChanged{{Reach::up, {}, {}, {}}});
    good = good && add(start, FactsReported{facts()});
    for (int second = 1; second <= 120; ++second) {
        const Timestamp t = start + std::chrono::seconds{second};
        ServerSample sample;
        sample.full = true;
        sample.poll_cost = 3100us;
        for (std::int64_t pid = 1; pid <= 8; ++pid)
            sample.changed.push_back(
                pid == 1 ? session(pid, SessionState::idle_in_transaction, start + 30s)
                         : session(pid, SessionState::idle, start));
        good = good && add(t, sample);
    }
    return good && writer.value()->close() ? file : QString();
}

} // namespace

class TestMainWindow : public QObject
{
    Q_OBJECT

    QTemporaryDir folder_;
    QString file_;
    FakeSource* source_ = nullptr;
    std::unique_ptr<Workspace> workspace_;
    std::unique_ptr<MainWindow> window_;

    void make(bool live)
    {
        Workspace::Options options;
        options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
        options.sourceFactory = [this](TargetId id,
                                       const AttachRequest&) -> Result<std::unique_ptr<Source>> {
            auto source = std::make_unique<FakeSource>(id);
            source_ = source.get();
            source->onStart = [](FakeSource& fake) {
                fake.report(FactsReported{facts()});
                ServerSample sample;
                sample.full = true;
                const auto now =
                    std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
                for (std::int64_t pid = 1; pid <= 8; ++pid)
                    sample.changed.push_back(session(
                        pid, pid == 1 ? SessionState::active : SessionState::idle, now - 60s));
                fake.report(sample);
            };
            return std::unique_ptr<Source>(std::move(source));
        };
        workspace_ = std::make_unique<Workspace>(options);
        window_ = std::make_unique<MainWindow>(*workspace_, AttachChoice{});
        window_->resize(1440, 900);
        window_->show();
        QVERIFY(QTest::qWaitForWindowExposed(window_.get()));
        window_->activateWindow();
        if (!live)
            return;
        AttachRequest request;
        request.target =
            QStringLiteral("host=fake password=%1").arg(QString::fromStdString(secret));
        window_->attach(request);
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::live, 10000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty() &&
                                     workspace_->latest()->targets[0].last_sample,
                                 10000);
    }
    void openRecording()
    {
        make(false);
        window_->open(file_);
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::replay, 10000);
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->latest()->targets.empty(), 10000);
        QTRY_VERIFY_WITH_TIMEOUT(window_->complete(), 10000);
    }
    std::vector<SessionRow> firstRow()
    {
        SessionRow row;
        row.session = session(1, SessionState::active, start);
        return {row};
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
        file_ = record(folder_);
        QVERIFY(!file_.isEmpty());
    }
    void cleanup()
    {
        window_.reset();
        workspace_.reset();
    }

    void pagesSwitchByKeyAndSidebar()
    {
        make(false);
        const QStringList names = window_->pageNames();
        QVERIFY(names.contains(QStringLiteral("sessions")));
        for (int i = 0; i < names.size() && i < 9; ++i) {
            QTest::keyClick(window_.get(), static_cast<Qt::Key>(Qt::Key_1 + i),
                            Qt::ControlModifier);
            QCOMPARE(window_->currentPage()->name(), names[i]);
        }
        QVERIFY(!window_->showPage(QStringLiteral("nowhere")));
    }

    void aRecordingOpensAndSaysSo()
    {
        openRecording();
        QCOMPARE(window_->windowTitle(), QStringLiteral("night.poolrec — Poolscope"));
        QCOMPARE(workspace_->transport().start, start);
        QVERIFY(window_->sidebar().targetText(TargetId{1}).contains(QStringLiteral("recorded")));
    }

    void scrubbingByTheStrip()
    {
        openRecording();
        TimelineStrip* strip = window_->timeline().strip();
        const Timestamp wanted = start + 60s;
        QTest::mouseClick(strip, Qt::LeftButton, {},
                          QPoint(static_cast<int>(strip->x(wanted)), strip->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(std::chrono::abs(workspace_->transport().cursor - wanted) < 2s,
                                 5000);
        QTRY_VERIFY(std::chrono::abs(workspace_->latest()->now - wanted) < 2s);
    }

    void steppingAndMarks()
    {
        openRecording();
        workspace_->seek(start + 50s);
        QTRY_COMPARE(workspace_->transport().cursor, start + 50s);
        TimelineStrip* strip = window_->timeline().strip();
        strip->setFocus();
        QTest::keyClick(strip, Qt::Key_Right);
        QTRY_COMPARE(workspace_->transport().cursor, start + 51s);
        QTest::keyClick(strip, Qt::Key_Left);
        QTRY_COMPARE(workspace_->transport().cursor, start + 50s);
        // The suspicion arose 30 s after the transaction fell idle.
        QTRY_VERIFY_WITH_TIMEOUT(!workspace_->marks()->empty(), 10000);
        window_->actions().markAfter->trigger();
        QTRY_VERIFY(workspace_->transport().cursor >= start + 59s &&
                    workspace_->transport().cursor <= start + 62s);
    }

    void commandsAreOffInReplayAndSayWhy()
    {
        openRecording();
        window_->showPage(QStringLiteral("sessions"));
        QVERIFY(!window_->actions().terminate->isEnabled());
        QVERIFY(window_->actions().terminate->statusTip().contains(QStringLiteral("replay")));
        window_->commands().request(ActionVerb::terminate, firstRow(), Formatter(true));
        QVERIFY(!window_->commands().dialog());
        QVERIFY(!window_->actions().readOnly->isEnabled());
    }

    void terminateIsConfirmedThenSent()
    {
        make(true);
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        ConfirmCommandDialog* dialog = window_->commands().dialog();
        QVERIFY(dialog);
        QVERIFY(source_->commands.empty());
        auto* act = dialog->findChild<QPushButton*>(QStringLiteral("act"));
        QVERIFY(act && act->isEnabled());
        act->click();
        QTRY_VERIFY(workspace_->latest()->actions && !workspace_->latest()->actions->empty());
        QCOMPARE(workspace_->latest()->actions->front().session.pid, Pid{1});
    }

    void readOnlyLetsNothingOut()
    {
        make(true);
        window_->actions().readOnly->trigger();
        QTRY_VERIFY(workspace_->transport().readOnly);
        emit window_->context().commandRequested(ActionVerb::terminate, firstRow());
        QVERIFY(!window_->commands().dialog());
    }

    void noSecretInTitleOrSidebarOrSettings()
    {
        make(true);
        const QString hidden = QString::fromStdString(secret);
        QVERIFY(window_->windowTitle().endsWith(QStringLiteral("— Poolscope")));
        QVERIFY(!window_->windowTitle().contains(hidden));
        for (const QLabel* label : window_->findChildren<QLabel*>())
            QVERIFY(!label->text().contains(hidden));
        QSettings settings;
        settings.sync();
        QFile file(settings.fileName());
        QVERIFY(file.open(QIODevice::ReadOnly));
        QVERIFY(!file.readAll().contains(secret.c_str()));
    }

    void spacePausesAndComesBack()
    {
        make(true);
        window_->timeline().strip()->setFocus();
        QTest::keyClick(window_.get(), Qt::Key_Space);
        QTRY_COMPARE(workspace_->transport().mode, Mode::paused);
        QVERIFY(!window_->actions().terminate->isEnabled());
        window_->actions().goLive->trigger();
        QTRY_COMPARE(workspace_->transport().mode, Mode::live);
    }

    void droppedRecordingsOpen()
    {
        make(false);
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(file_)});
        QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_.get(), &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &data, Qt::LeftButton, {});
        QCoreApplication::sendEvent(window_.get(), &drop);
        QTRY_COMPARE_WITH_TIMEOUT(workspace_->transport().mode, Mode::replay, 10000);
    }

    void whatCannotBeOpenedIsSaidInABanner()
    {
        make(false);
        QFile junk(folder_.filePath(QStringLiteral("junk.poolrec")));
        QVERIFY(junk.open(QIODevice::WriteOnly));
        junk.write("not a recording");
        junk.close();
        window_->open(junk.fileName());
        QTRY_VERIFY_WITH_TIMEOUT(window_->banner().isVisible(), 5000);
        QVERIFY(!QApplication::activeModalWidget());
    }

    void finding()
    {
        openRecording();
        window_->actions().find->trigger();
        QTest::keyClicks(&window_->finder(), QStringLiteral("billing"));
        QVERIFY(window_->finder().list()->isVisible());
        QVERIFY(window_->finder().list()->count() >= 4);
        QTest::keyClick(&window_->finder(), Qt::Key_Return);
        QCOMPARE(window_->currentPage()->name(), QStringLiteral("sessions"));
        QTRY_VERIFY(window_->context().selection());
        QVERIFY(window_->context().selection()->pid.value >= 5);
    }

    void leavingWithAnUnsavedRecordingAsks()
    {
        make(true);
        window_->close();
        QVERIFY(window_->isVisible());
        auto* box = qobject_cast<QMessageBox*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("stay"))->click();
        QVERIFY(window_->isVisible());
        QTRY_VERIFY(!window_->openDialog());
        window_->close();
        box = qobject_cast<QMessageBox*>(window_->openDialog());
        QVERIFY(box);
        box->findChild<QPushButton*>(QStringLiteral("discard"))->click();
        QTRY_VERIFY(!window_->isVisible());
    }

    void nothingToSaveNeverAsks()
    {
        make(false);
        window_->close();
        QVERIFY(!window_->isVisible());
    }

    void savedIsWholeAndSaid()
    {
        make(true);
        const QString to = folder_.filePath(QStringLiteral("kept.poolrec"));
        window_->saveTo(to);
        QTRY_VERIFY_WITH_TIMEOUT(workspace_->transport().saved, 10000);
        QVERIFY(QFile::exists(to));
        window_->close();
        QVERIFY(!window_->isVisible());
    }

    void theSidebarGivesWayInANarrowWindow()
    {
        make(false);
        QCOMPARE(window_->sidebar().width(), Theme::current().scaled(200));
        window_->resize(1280, 800);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(56));
        window_->resize(2560, 1440);
        QTRY_COMPARE(window_->sidebar().width(), Theme::current().scaled(240));
    }
};

QTEST_MAIN(TestMainWindow)
#include "tst_mainwindow.moc"
