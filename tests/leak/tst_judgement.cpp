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
    void neverIsNotAtOnce();
    void noExpectationLastsForEver();
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

/// Duration::max() is what people write for "never".
void TestJudgement::neverIsNotAtOnce()
{
    constexpr Duration never = Duration::max();
    QCOMPARE(judge({1s, {}, {}, {}}, {30s, never}), LeakSeverity::none);
    QCOMPARE(judge({24h * 3650, {}, {}, {}}, {30s, never}), LeakSeverity::alert);
    QCOMPARE(judge({1s, {}, {}, {}}, {never, never}), LeakSeverity::none);
    QCOMPARE(judge({1s, Duration::min(), {}, {}}, {}), LeakSeverity::none);
    QCOMPARE(judge({31s, Duration::min(), {}, {}}, {}), LeakSeverity::alert);
}

void TestJudgement::noExpectationLastsForEver()
{
    QCOMPARE(judge({24h * 7, 24h * 365'000, {}, {}}, {}), LeakSeverity::none);
    QCOMPARE(judge({24h * 7 + 30s, 24h * 365'000, {}, {}}, {}), LeakSeverity::alert);
    QCOMPARE(judge({24h * 8, Duration::max(), {}, {}}, {}), LeakSeverity::critical);
}

QTEST_APPLESS_MAIN(TestJudgement)
#include "tst_judgement.moc"
