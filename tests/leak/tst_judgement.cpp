// SPDX-License-Identifier: Apache-2.0
#include "core/leak/judgement.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestJudgement : public QObject
{
    Q_OBJECT
private slots:
    void thresholdsAreInclusive();
    void expectedDurationDelays();
    void heartbeatQuietensButNotForEver();
    void workIsNoLeakAndIdlenessIs();
};

void TestJudgement::thresholdsAreInclusive()
{
    const LeakThresholds t;
    QCOMPARE(judge({30s - 1us, {}, {}, {}}, t), LeakSeverity::none);
    QCOMPARE(judge({30s, {}, {}, {}}, t), LeakSeverity::alert);
    QCOMPARE(judge({300s - 1us, {}, {}, {}}, t), LeakSeverity::alert);
    QCOMPARE(judge({300s, {}, {}, {}}, t), LeakSeverity::critical);
}

void TestJudgement::expectedDurationDelays()
{
    const LeakThresholds t;
    QCOMPARE(judge({10min, 10min, {}, {}}, t), LeakSeverity::none);
    QCOMPARE(judge({10min + 30s, 10min, {}, {}}, t), LeakSeverity::alert);
    QCOMPARE(judge({15min, 10min, {}, {}}, t), LeakSeverity::critical);
}

void TestJudgement::heartbeatQuietensButNotForEver()
{
    const LeakThresholds t;
    QCOMPARE(judge({20min, {}, 5s, {}}, t), LeakSeverity::none);
    QCOMPARE(judge({20min, {}, 30s, {}}, t), LeakSeverity::critical);
    QCOMPARE(judge({50min, {}, 5s, {}}, t), LeakSeverity::critical);
}

void TestJudgement::workIsNoLeakAndIdlenessIs()
{
    const LeakThresholds t;
    QCOMPARE(judge({20min, {}, {}, 0s}, t), LeakSeverity::none);
    QCOMPARE(judge({20min, {}, {}, 30s - 1us}, t), LeakSeverity::none);
    QCOMPARE(judge({20min, {}, {}, 30s}, t), LeakSeverity::critical);
    QCOMPARE(judge({40s, {}, {}, 30s}, t), LeakSeverity::alert);
    // A statement that nobody will ever answer holds its connection all the same.
    QCOMPARE(judge({50min, {}, {}, 0s}, t), LeakSeverity::critical);
    QCOMPARE(judge({50min, 10min, {}, 0s}, t), LeakSeverity::none);
}

QTEST_APPLESS_MAIN(TestJudgement)
#include "tst_judgement.moc"
