// SPDX-License-Identifier: GPL-3.0-or-later
// A hundred thousand checkouts that are open when one attaches: what that costs here.
#include "tests/source/poolprobe.h"
#include "tests/support/places.h"

#include <QElapsedTimer>
#include <QFile>
#include <QProcess>
#include <QProcessEnvironment>
#include <QTemporaryDir>
#include <QTest>

#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;

class TestAgentHuge : public QObject
{
    Q_OBJECT
private slots:
    void memoryOfAHundredThousand();

private:
    static qint64 residentBytes()
    {
        QFile file(QStringLiteral("/proc/self/statm"));
        if (!file.open(QIODevice::ReadOnly))
            return 0;
        return file.readAll().split(' ').value(1).toLongLong() * ::sysconf(_SC_PAGESIZE);
    }
};

void TestAgentHuge::memoryOfAHundredThousand()
{
    constexpr int count = 100'000;
    QTemporaryDir folder;
    QProcess process;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert(QStringLiteral("POOLSCOPE_LISTEN"), folder.filePath(QStringLiteral("a")));
    process.setProcessEnvironment(environment);
    process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    process.start(inBuild("tests/integration/poolscope_agentprocess"),
                  {QStringLiteral("--huge"), QString::number(count)});
    const auto answer = [&] {
        while (!process.canReadLine()) {
            if (!process.waitForReadyRead(60'000))
                return QByteArray();
        }
        return process.readLine().trimmed();
    };
    QVERIFY(answer().startsWith("listens "));
    PoolProbe probe(QStringLiteral("pool+unix://") + folder.filePath(QStringLiteral("a")));
    probe.agent()->setTimings(AgentSource::Timings{});
    probe.keepFacts = false; // the world is to be measured, not the test's own notes
    const qint64 before = residentBytes();
    QElapsedTimer clock;
    clock.start();
    probe.start();
    QTRY_VERIFY_WITH_TIMEOUT(probe.up(), 60'000);
    const qint64 took = clock.elapsed();
    QCOMPARE(probe.pools().checkouts.size(), std::size_t{count});
    QCOMPARE(probe.fullSamples, 1);
    QCOMPARE(probe.gaps, 0);
    QVERIFY(probe.pools().checkouts.begin()->second.stack);
    const qint64 grown = residentBytes() - before;
    qInfo("%d open: %lld MB in %lld ms", count, static_cast<long long>(grown >> 20),
          static_cast<long long>(took));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    QVERIFY2(grown < (100LL << 20), qPrintable(QString::number(grown >> 20)));
#endif
    process.closeWriteChannel();
    process.waitForFinished();
}

QTEST_GUILESS_MAIN(TestAgentHuge)
#include "tst_agenthuge.moc"
