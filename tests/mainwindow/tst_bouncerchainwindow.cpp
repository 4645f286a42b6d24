// SPDX-License-Identifier: GPL-3.0-or-later
// The whole chain in the window: from a session that waits for a row to the line of code that
// leaked it, behind PgBouncer in transaction mode, by one click and by J; live and from a
// recording. The same in the shell: tst_bouncerchain.
#include "tests/support/bouncerchain.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/models/findings.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/framelist.h"
#include "ui/views/holderdetail.h"
#include "ui/views/joinmark.h"
#include "ui/views/page.h"
#include "ui/views/sessiondetail.h"
#include "ui/views/viewcontext.h"

#include <QApplication>
#include <QFile>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

namespace {

constexpr int patience_ms = 60'000;

DataTable* table(const MainWindow& window)
{
    for (DataTable* const each : window.currentPage()->findChildren<DataTable*>()) {
        if (each->isVisible())
            return each;
    }
    return nullptr;
}

template <class Detail>
Detail* detail(const MainWindow& window)
{
    for (Detail* const each : window.currentPage()->findChildren<Detail*>()) {
        if (each->isVisible())
            return each;
    }
    return nullptr;
}

QString said(const QWidget* in, const char* name)
{
    const auto* const label = in ? in->findChild<QLabel*>(QLatin1String(name)) : nullptr;
    return label ? label->text() : QString();
}

QModelIndex cell(const QModelIndex& row, BlockingColumn column)
{
    return row.siblingAtColumn(static_cast<int>(column));
}

} // namespace

class TestBouncerChainWindow : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void live();
    void theSameFromTheRecording();

private:
    /// The root of those who wait on the page of blocking, once all are there.
    QModelIndex root(const MainWindow& window) const;
    void fromAWaiterToTheLine(MainWindow& window, bool byKey) const;
    void checkLeak(const MainWindow& window) const;
    void bothWays(MainWindow& window) const;
    void shoot(MainWindow& window, const QString& name) const;

    QTemporaryDir folder_;
    BouncerChain chain_;
};

void TestBouncerChainWindow::initTestCase()
{
    const bool started = chain_.start();
    if (!chain_.missing().isEmpty())
        QSKIP(qPrintable(chain_.missing()));
    QVERIFY2(started, qPrintable(chain_.error()));
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                       folder_.filePath(QStringLiteral("settings")));
    Theme::current().install();
}

QModelIndex TestBouncerChainWindow::root(const MainWindow& window) const
{
    const DataTable* const rows = table(window);
    const QModelIndex found = rows ? rows->model()->index(0, 0) : QModelIndex();
    const bool whole = found.isValid() && rows->model()->rowCount(found) == 3 &&
                       cell(found, BlockingColumn::line).data().toString() == chain_.line();
    return whole ? found : QModelIndex();
}

void TestBouncerChainWindow::fromAWaiterToTheLine(MainWindow& window, bool byKey) const
{
    window.showPage(QStringLiteral("blocking"));
    QTRY_VERIFY_WITH_TIMEOUT(root(window).isValid(), patience_ms);
    const QModelIndex holder = root(window);
    QVERIFY(holder.data().toString().startsWith(QString::number(chain_.holderPid())));
    QCOMPARE(cell(holder, BlockingColumn::blocks).data().toString(), QStringLiteral("3"));

    table(window)->setCurrentIndex(table(window)->model()->index(1, 0, holder));
    const auto blocking = [&window] {
        return said(detail<SessionDetail>(window), "sessionBlocking");
    };
    QTRY_VERIFY_WITH_TIMEOUT(blocking().contains(chain_.line()), patience_ms);
    QVERIFY2(blocking().contains(QStringLiteral("joined through PgBouncer")),
             qPrintable(blocking()));
    QCOMPARE(
        detail<SessionDetail>(window)->findChild<JoinMark*>(QStringLiteral("sessionJoin"))->words(),
        QStringLiteral("no checkout known")); // its own
    shoot(window, QStringLiteral("waiter"));
    if (byKey) {
        table(window)->setFocus();
        QTest::keyClick(table(window), Qt::Key_J);
    } else {
        auto* const go =
            detail<SessionDetail>(window)->findChild<QPushButton*>(QStringLiteral("toRootLine"));
        QVERIFY(go->isVisible());
        QCOMPARE(go->text(), QStringLiteral("Go to %1").arg(chain_.line()));
        QTest::mouseClick(go, Qt::LeftButton);
    }
    QCOMPARE(window.currentPage()->name(), QStringLiteral("leaks"));
    checkLeak(window);
}

/// On the page of leaks the checkout is chosen, with its line, its session and who waits.
void TestBouncerChainWindow::checkLeak(const MainWindow& window) const
{
    QTRY_VERIFY_WITH_TIMEOUT(detail<HolderDetail>(window), patience_ms);
    const HolderDetail& holder = *detail<HolderDetail>(window);
    QTRY_VERIFY_WITH_TIMEOUT(holder.session().has_value(), patience_ms);
    QCOMPARE(holder.session()->pid.value, chain_.holderPid());
    const auto* const frames = holder.findChild<FrameList*>();
    bool named = false;
    for (int row = 0; row < frames->model()->rowCount(); ++row)
        named = named || frames->model()->index(row, 0).data().toString().contains(chain_.line());
    QVERIFY(named);
    QString evidence = said(&holder, "holderEvidence");
    evidence.replace(QChar(0xa0), QLatin1Char(' '));
    QVERIFY2(evidence.contains(QStringLiteral("Through PgBouncer it is the server's session %1")
                                   .arg(chain_.holderPid())),
             qPrintable(evidence));
    QVERIFY(evidence.contains(QStringLiteral("3 sessions wait for it.")));
    QCOMPARE(holder.findChild<JoinMark*>(QStringLiteral("holderJoin"))->words(),
             QStringLiteral("joined through PgBouncer"));
    QVERIFY(said(&holder, "holderTags").contains(QStringLiteral("route=/order")));
    // Half of the pids that PgBouncer makes up are negative, which no agent tells.
    const QString told = said(&holder, "holderPid");
    QVERIFY2(told.contains(QStringLiteral("made up by the pooler")) ||
                 told == QStringLiteral("not reported"),
             qPrintable(told));
    QVERIFY(said(&holder, "holderBehind").startsWith(QStringLiteral("Waiting for it:")));
    QTRY_VERIFY_WITH_TIMEOUT(said(&holder, "holderLocks").contains(QStringLiteral("stock")),
                             patience_ms);
}

/// From the checkout to the server's session, and back, through the pooler.
void TestBouncerChainWindow::bothWays(MainWindow& window) const
{
    shoot(window, QStringLiteral("leak"));
    table(window)->setFocus();
    QTest::keyClick(table(window), Qt::Key_J);
    QCOMPARE(window.currentPage()->name(), QStringLiteral("sessions"));
    QTRY_COMPARE_WITH_TIMEOUT(window.currentPage()->selectedSessions().size(), 1U, patience_ms);
    QCOMPARE(window.currentPage()->selectedSessions().front().session.key.pid.value,
             chain_.holderPid());
    const auto* const session = detail<SessionDetail>(window);
    QCOMPARE(session->findChild<JoinMark*>(QStringLiteral("sessionJoin"))->words(),
             QStringLiteral("joined through PgBouncer"));
    QCOMPARE(session->findChild<QPushButton*>(QStringLiteral("sessionLine"))->text(),
             chain_.line());
    shoot(window, QStringLiteral("session"));
    table(window)->setFocus();
    QTest::keyClick(table(window), Qt::Key_J);
    QCOMPARE(window.currentPage()->name(), QStringLiteral("leaks"));
    checkLeak(window);
}

void TestBouncerChainWindow::shoot(MainWindow& window, const QString& name) const
{
    const QString out = qEnvironmentVariable("POOLSCOPE_PICTURES");
    if (!out.isEmpty())
        window.grab().save(QStringLiteral("%1/chain-%2.png").arg(out, name));
}

void TestBouncerChainWindow::live()
{
    Workspace::Options options;
    options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
    Workspace workspace(options);
    MainWindow window(workspace, AttachChoice{});
    window.resize(1440, 900);
    window.show();
    QVERIFY(QTest::qWaitForWindowExposed(&window));
    AttachRequest request;
    request.interval = std::chrono::milliseconds{200};
    for (const QString& target : chain_.all()) {
        request.target = target;
        window.attach(request);
    }
    fromAWaiterToTheLine(window, false);
    if (QTest::currentTestFailed())
        return;
    bothWays(window);
    if (QTest::currentTestFailed())
        return;
    fromAWaiterToTheLine(window, true);
    if (QTest::currentTestFailed())
        return;
    QSignalSpy saved(&workspace, &Workspace::saved);
    workspace.save(folder_.filePath(QStringLiteral("night.poolrec")));
    QTRY_COMPARE_WITH_TIMEOUT(saved.size(), 1, patience_ms);
}

void TestBouncerChainWindow::theSameFromTheRecording()
{
    const QString file = folder_.filePath(QStringLiteral("night.poolrec"));
    QVERIFY(QFile::exists(file));
    Workspace::Options options;
    options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
    Workspace workspace(options);
    MainWindow window(workspace, AttachChoice{});
    window.resize(1440, 900);
    window.show();
    QVERIFY(QTest::qWaitForWindowExposed(&window));
    window.open({file});
    fromAWaiterToTheLine(window, false);
    if (QTest::currentTestFailed())
        return;
    bothWays(window);
    if (QTest::currentTestFailed())
        return;
    fromAWaiterToTheLine(window, true);
}

QTEST_MAIN(TestBouncerChainWindow)
#include "tst_bouncerchainwindow.moc"
