// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stacktable.h"

#include <QTest>

#include <algorithm>
#include <latch>
#include <set>
#include <thread>
#include <vector>

using namespace poolscope;

class TestStackTable : public QObject
{
    Q_OBJECT
private slots:
    void equalStacksHaveOneId();
    void fullTableCounts();
    void manyThreadsAgree();
};

namespace {
std::vector<std::uintptr_t> stack(std::uintptr_t seed, std::size_t depth)
{
    std::vector<std::uintptr_t> addresses(depth);
    for (std::size_t i = 0; i < depth; ++i)
        addresses[i] = 0x5555'0000'0000 + seed * 16 + i * 4096;
    return addresses;
}
} // namespace

void TestStackTable::equalStacksHaveOneId()
{
    StackTable table(100);
    const StackId a = table.intern(stack(1, 20));
    QCOMPARE(a.value, 1U);
    QCOMPARE(table.intern(stack(1, 20)), a);
    QVERIFY(table.intern(stack(1, 19)) != a);
    QVERIFY(table.intern(stack(2, 20)) != a);
    QVERIFY(std::ranges::equal(table.addresses(a), stack(1, 20)));
    QCOMPARE(table.intern({}), StackId{});
    QVERIFY(table.addresses(StackId{}).empty());
    QVERIFY(table.addresses(StackId{4}).empty());
    QVERIFY(table.addresses(StackId{4'000'000}).empty());
    QCOMPARE(table.size(), 3U);
    QCOMPARE(table.dropped(), std::uint64_t{0});
}

void TestStackTable::fullTableCounts()
{
    StackTable table(10);
    std::set<std::uint32_t> ids;
    for (std::uintptr_t i = 0; i < 25; ++i)
        ids.insert(table.intern(stack(i, 3)).value);
    QCOMPARE(ids.size(), std::size_t{11}); // ten and 0
    QCOMPARE(table.dropped(), std::uint64_t{15});
    QVERIFY(table.intern(stack(3, 3)) != StackId{}); // known ones still are
}

void TestStackTable::manyThreadsAgree()
{
    constexpr std::size_t threads = 8;
    constexpr std::uintptr_t stacks = 3000;
    StackTable table(65'536);
    std::vector<std::vector<std::uint32_t>> seen(threads);
    std::latch start(threads);
    std::vector<std::thread> workers;
    for (std::size_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            start.arrive_and_wait();
            for (std::uintptr_t i = 0; i < stacks; ++i) {
                const auto addresses = stack(i, 5 + i % 30);
                const StackId id = table.intern(addresses);
                const bool right = std::ranges::equal(table.addresses(id), addresses);
                seen[t].push_back(right ? id.value : 0);
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    for (const auto& other : seen)
        QCOMPARE(other, seen.front());
    const std::set<std::uint32_t> ids(seen.front().begin(), seen.front().end());
    QCOMPARE(ids.size(), std::size_t{stacks});
    QVERIFY(!ids.contains(0));
}

QTEST_APPLESS_MAIN(TestStackTable)
#include "tst_stacktable.moc"
