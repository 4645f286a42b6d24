// SPDX-License-Identifier: GPL-3.0-or-later
// The lines of resources/agents/cpp, pasted into a small application: it is found by discovery, and
// the line that keeps a connection is named.
#include "tests/agents/cpp/cppshop.h"

#include "core/source/localpools.h"
#include "tests/support/pgcluster.h"
#include "tests/support/places.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace poolscope;
using namespace poolscope::test;

class TestCppLines : public QObject
{
    Q_OBJECT
private slots:
    void theLineIsNamed();
};

void TestCppLines::theLineIsNamed()
{
    if (!PgCluster::available())
        QSKIP("this needs a PostgreSQL server");
    PgCluster cluster;
    QVERIFY2(cluster.start(), qPrintable(cluster.error()));
    const QTemporaryDir runtime;
    CppShop shop(cluster.conninfo(), runtime.path());
    QVERIFY(shop.holds());
    const auto found = localPoolsIn({{runtime.path().toStdString() + "/poolscope", false, false}});
    const auto ours = std::find_if(found.begin(), found.end(),
                                   [&](const LocalPool& pool) { return pool.pid == shop.pid(); });
    QVERIFY(ours != found.end());

    QFile source(inBuild("tests/agents/cpp/shop.cpp"));
    QVERIFY(source.open(QIODevice::ReadOnly));
    const QByteArray code = source.readAll();
    const auto line = code.left(code.indexOf("pool.acquire")).count('\n') + 1;
    QJsonArray leaks;
    const auto ask = [&] {
        QProcess poolscope;
        poolscope.setProcessChannelMode(QProcess::ForwardedErrorChannel);
        poolscope.start(inBuild("app/poolscope"),
                        {QStringLiteral("leaks"), ours->url, QStringLiteral("--json"),
                         QStringLiteral("--leak-after"), QStringLiteral("50ms")});
        poolscope.waitForFinished(20000);
        leaks = QJsonDocument::fromJson(poolscope.readAllStandardOutput()).array();
        return !leaks.isEmpty();
    };
    QTRY_VERIFY_WITH_TIMEOUT(ask(), 30000);
    const QJsonObject leak = leaks.at(0).toObject();
    QCOMPARE(leak.value(QStringLiteral("pool")).toString(), QStringLiteral("orders"));
    QCOMPARE(leak.value(QStringLiteral("acquired_by")).toString(), QStringLiteral("checkout"));
    const QJsonObject frame = leak.value(QStringLiteral("stack")).toArray().at(0).toObject();
    QVERIFY(frame.value(QStringLiteral("file")).toString().endsWith(QStringLiteral("shop.cpp")));
    QCOMPARE(frame.value(QStringLiteral("line")).toInteger(), line);
}

QTEST_GUILESS_MAIN(TestCppLines)
#include "tst_cpplines.moc"
