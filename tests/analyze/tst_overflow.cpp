// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/overflow.h"

#include <QTest>

#include <limits>

using namespace poolscope;

class TestOverflow : public QObject
{
    Q_OBJECT
private slots:
    void beyondWhatItKeeps();
    void withoutBound();
    void notReported();
};

namespace {

Pool pool(std::int64_t total, const char* size, const char* overflow)
{
    Pool made;
    made.kind = Text{"sqlalchemy"};
    made.total = total;
    made.configuration = {{"max_overflow", overflow}, {"pool_size", size}};
    return made;
}

} // namespace

void TestOverflow::beyondWhatItKeeps()
{
    QCOMPARE(overflow_of(pool(8, "5", "10")), (std::optional{Overflow{3, 10}}));
    QCOMPARE(overflow_of(pool(15, "5", "10")), (std::optional{Overflow{10, 10}}));
    QCOMPARE(overflow_of(pool(2, "5", "10")), (std::optional{Overflow{0, 10}}));
    QCOMPARE(overflow_of(pool(9, "5", "0")), (std::optional{Overflow{4, 0}}));
}

void TestOverflow::withoutBound()
{
    QCOMPARE(overflow_of(pool(8, "5", "-1")), (std::optional{Overflow{3, std::nullopt}}));
    QVERIFY(!overflow_of(pool(8, "0", "10"))); // every one of them is kept
}

void TestOverflow::notReported()
{
    Pool other = pool(8, "5", "10");
    other.kind = Text{"hikaricp"};
    QVERIFY(!overflow_of(other));
    Pool bare = pool(8, "5", "10");
    bare.total.reset();
    QVERIFY(!overflow_of(bare));
    QVERIFY(!overflow_of(pool(-1, "5", "10")));
    QVERIFY(!overflow_of(pool(8, "five", "10")));
    QVERIFY(!overflow_of(pool(8, "5", "10 or so")));
    QVERIFY(!overflow_of(pool(8, "99999999999999999999", "10")));
    Pool silent = pool(8, "5", "10");
    silent.configuration.clear();
    QVERIFY(!overflow_of(silent));
    QCOMPARE(overflow_of(pool(std::numeric_limits<std::int64_t>::max(), "1", "-1"))->open,
             std::numeric_limits<std::int64_t>::max() - 1);
}

QTEST_APPLESS_MAIN(TestOverflow)
#include "tst_overflow.moc"
