// SPDX-License-Identifier: GPL-3.0-or-later
// J in the window, with a real pool and its PostgreSQL both attached: from a checkout to the
// session that serves it on the server, and back, by key alone. With POOLSCOPE_XDOTOOL the keys
// come from the display's keyboard: realkeys.py starts it so.
#include "tests/agents/cpp/cppshop.h"
#include "tests/support/pgcluster.h"
#include "ui/mainwindow/mainwindow.h"
#include "ui/theme/theme.h"
#include "ui/views/datatable.h"
#include "ui/views/holderdetail.h"
#include "ui/views/page.h"
#include "ui/views/viewcontext.h"

#include <QApplication>
#include <QDir>
#include <QProcess>
#include <QSettings>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestRealJoin : public QObject
{
    Q_OBJECT
private slots:
    void initTestCase();
    void betweenCheckoutAndSession();

private:
    static DataTable* table(const MainWindow& window)
    {
        for (DataTable* const each : window.currentPage()->findChildren<DataTable*>())
            if (each->isVisible())
                return each;
        return nullptr;
    }
    /// Whether keys come from outside; then the window must have the display's focus.
    static bool outside() { return qEnvironmentVariableIsSet("POOLSCOPE_XDOTOOL"); }
    static bool active(MainWindow& window)
    {
        return QTest::qWaitFor(
            [&window] {
                if (!window.isActiveWindow())
                    window.activateWindow();
                return window.isActiveWindow();
            },
            60000);
    }
    /// Presses J until another page than `from` is shown: one that comes before the focus goes
    /// nowhere, and a second one that arrives would lead back.
    static bool pressJ(MainWindow& window, const QString& from)
    {
        const auto left = [&] {
            return window.currentPage()->name() != from;
        };
        for (int tries = 0; tries < (outside() ? 5 : 1) && !left(); ++tries) {
            if (!active(window))
                return false;
            table(window)->setFocus();
            if (outside())
                QProcess::execute(QStringLiteral("xdotool"),
                                  {QStringLiteral("key"), QStringLiteral("--clearmodifiers"),
                                   QStringLiteral("j")});
            else
                QTest::keyClick(table(window), Qt::Key_J);
            if (QTest::qWaitFor(left, 10000))
                return true;
        }
        return left();
    }
    QTemporaryDir folder_;
    PgCluster cluster_;
};

void TestRealJoin::initTestCase()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    QCoreApplication::setOrganizationName(QStringLiteral("Poolscope"));
    QCoreApplication::setApplicationName(QStringLiteral("Poolscope"));
    QSettings::setDefaultFormat(QSettings::IniFormat);
    QSettings::setPath(QSettings::IniFormat, QSettings::UserScope,
                       folder_.filePath(QStringLiteral("settings")));
    Theme::current().install();
    QVERIFY2(cluster_.start(), qPrintable(cluster_.error()));
}

void TestRealJoin::betweenCheckoutAndSession()
{
    CppShop shop(cluster_.conninfo(), folder_.path());
    QVERIFY(shop.holds());
    const QStringList sockets =
        QDir(folder_.filePath(QStringLiteral("poolscope"))).entryList(QDir::System);
    QCOMPARE(sockets.size(), 1);

    Workspace::Options options;
    options.temporaryFolder = folder_.filePath(QStringLiteral("cache"));
    Workspace workspace(options);
    AttachChoice defaults;
    MainWindow window(workspace, defaults);
    window.resize(1440, 900);
    window.show();
    QVERIFY(active(window));
    AttachRequest request;
    request.interval = std::chrono::milliseconds{200};
    request.target = cluster_.uri();
    window.attach(request);
    request.target =
        QStringLiteral("pool+unix://%1/poolscope/%2").arg(folder_.path(), sockets.front());
    window.attach(request);

    window.showPage(QStringLiteral("leaks"));
    // The one checkout, below the line that holds it, whatever else is there.
    const auto choose = [&] {
        DataTable* const rows = table(window);
        if (!rows || rows->model()->rowCount() == 0)
            return false;
        const QModelIndex place = rows->model()->index(0, 0);
        const QModelIndex checkout = rows->model()->index(0, 0, place);
        if (!checkout.isValid())
            return false;
        rows->expand(place);
        rows->setFocus();
        rows->choose(checkout);
        const auto* const detail = window.currentPage()->findChild<HolderDetail*>();
        return detail && detail->isVisible() && detail->session().has_value();
    };
    QTRY_VERIFY_WITH_TIMEOUT(choose(), 30000);

    QVERIFY(pressJ(window, QStringLiteral("leaks")));
    QCOMPARE(window.currentPage()->name(), QStringLiteral("sessions"));
    QTRY_COMPARE(window.currentPage()->selectedSessions().size(), 1u);
    const Session session = window.currentPage()->selectedSessions().front().session;
    // The server itself says that this is the connection of the process.
    PgClient asker(cluster_.conninfo());
    const QString port = asker.value(QStringLiteral("SELECT client_port FROM pg_stat_activity "
                                                    "WHERE pid = %1")
                                         .arg(session.key.pid.value));
    QVERIFY(!port.isEmpty());
    QVERIFY2(QString::fromStdString(session.client.str()).endsWith(port),
             session.client.str().c_str());
    QVERIFY(session.key.pid.value != 0);

    QVERIFY(pressJ(window, QStringLiteral("sessions")));
    QCOMPARE(window.currentPage()->name(), QStringLiteral("leaks"));
    const auto* const detail = window.currentPage()->findChild<HolderDetail*>();
    QTRY_VERIFY(detail->isVisible());
    QCOMPARE(detail->session(), std::optional(session.key));
    QVERIFY(table(window)->currentIndex().parent().isValid());
}

QTEST_MAIN(TestRealJoin)
#include "tst_realjoin.moc"
