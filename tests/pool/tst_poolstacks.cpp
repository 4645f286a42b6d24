// SPDX-License-Identifier: GPL-3.0-or-later
// Which checkouts have a stack.
#include "tests/pool/testfactory.h"

#include <QTest>

using namespace poolscope;
using namespace poolscope::test;

class TestPoolStacks : public QObject
{
    Q_OBJECT
private slots:
    void sampledHasNoBlindSpot_data();
    void sampledHasNoBlindSpot();
};

namespace {

__attribute__((noinline)) FakeGuard one_line(FakePool& pool)
{
    FakeGuard guard = std::move(pool.acquire("one")).value();
    asm volatile("" ::: "memory");
    return guard;
}
__attribute__((noinline)) FakeGuard another_line(FakePool& pool)
{
    FakeGuard guard = std::move(pool.acquire("another")).value();
    asm volatile("" ::: "memory");
    return guard;
}

} // namespace

void TestPoolStacks::sampledHasNoBlindSpot_data()
{
    QTest::addColumn<quint32>("every");
    QTest::newRow("even") << 4U;
    QTest::newRow("odd") << 5U;
    QTest::newRow("all") << 1U;
}

/// Two lines in turn, in two pools in turn: each is seen, and as often as was asked for.
void TestPoolStacks::sampledHasNoBlindSpot()
{
    QFETCH(quint32, every);
    constexpr int rounds = 200;
    Backend backend;
    PoolConfig config = small_config(2 * rounds);
    config.stack_capture = StackCapture::sampled;
    config.sample_every = every;
    FakePool first(config, FakeFactory{&backend});
    FakePool second(config, FakeFactory{&backend});
    std::vector<FakeGuard> held;
    for (int i = 0; i < rounds; ++i) {
        held.push_back(one_line(first));
        held.push_back(one_line(second));
        held.push_back(another_line(first));
        held.push_back(another_line(second));
    }
    int all = 0;
    for (FakePool* pool : {&first, &second}) {
        for (const char* const user : {"one", "another"}) {
            int seen = 0;
            for (const OpenCheckout& checkout : pool->control().picture().checkouts)
                seen += checkout.acquired_by == user && checkout.stack != StackId{} ? 1 : 0;
            QVERIFY2(seen > 0, user); // by chance not: once in 10^19 runs
            all += seen;
        }
    }
    const int expected = 4 * rounds / static_cast<int>(every);
    QVERIFY2(all >= expected / 2 && all <= expected * 2, qPrintable(QString::number(all)));
    if (every == 1)
        QCOMPARE(all, 4 * rounds);
}

QTEST_APPLESS_MAIN(TestPoolStacks)
#include "tst_poolstacks.moc"
