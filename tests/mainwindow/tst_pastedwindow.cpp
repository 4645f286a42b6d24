// SPDX-License-Identifier: GPL-3.0-or-later
// The lines that users of the C++ pool paste, in a small application: the window attaches to it by
// its dialog, as discovery lists it, and names the line that keeps a connection. The other
// languages' tests call the same program.
#include "tests/agents/cpp/cppshop.h"
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace poolscope::test;

class TestPastedWindow : public QObject
{
    Q_OBJECT
private slots:
    void theLineIsNamed();

private:
    static int run(const CppShop& shop, const QTemporaryDir& runtime, const QString& line)
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("XDG_RUNTIME_DIR"), runtime.path());
        environment.remove(QStringLiteral("RUNTIME_DIRECTORY"));
        QProcess window;
        window.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        window.setProcessEnvironment(environment);
        window.start(inBuild("tests/mainwindow/poolscope_attachwindow"),
                     {QString::number(shop.pid()), line});
        const bool ended = window.waitForFinished(200000);
        return ended ? window.exitCode() : -1;
    }
};

void TestPastedWindow::theLineIsNamed()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    PgCluster cluster;
    QVERIFY2(cluster.start(), qPrintable(cluster.error()));
    const QTemporaryDir runtime;
    CppShop shop(cluster.conninfo(), runtime.path());
    QVERIFY(shop.holds());
    QFile source(inBuild("tests/agents/cpp/shop.cpp"));
    QVERIFY(source.open(QIODevice::ReadOnly));
    const QByteArray code = source.readAll();
    const auto line = code.left(code.indexOf("pool.acquire")).count('\n') + 1;
    QCOMPARE(run(shop, runtime, QStringLiteral("shop.cpp:%1").arg(line)), 0);
}

QTEST_GUILESS_MAIN(TestPastedWindow)
#include "tst_pastedwindow.moc"
