// SPDX-License-Identifier: GPL-3.0-or-later
// The users of a pool: found without a lock while others are added.
#include "core/pool/poolusers.h"

#include <QTest>

#include <atomic>
#include <latch>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace poolscope::detail;

class TestPoolUsers : public QObject
{
    Q_OBJECT
private slots:
    void eachNameHasOne();
    void areBounded();
    void areFoundWhileOthersAreAdded();
    void fullIsFullForAll();
};

void TestPoolUsers::eachNameHasOne()
{
    PoolUsers users;
    std::set<PoolUser*> found;
    constexpr int many = 20'000; // several to each bucket
    for (int i = 0; i < many; ++i)
        found.insert(&users.of(std::to_string(i)));
    QCOMPARE(found.size(), std::size_t{many});
    for (int i = 0; i < many; ++i)
        QCOMPARE(users.of(std::to_string(i)).name, std::to_string(i));
    QCOMPARE(users.of("").name, std::string());
    QCOMPARE(&users.of({}), &users.of(""));
}

void TestPoolUsers::areBounded()
{
    PoolUsers users;
    QCOMPARE(&users.of("a"), &users.of("a"));
    QVERIFY(&users.of("a") != &users.of("b"));
    QCOMPARE(users.of(std::string(1000, 'x')).name.size(), std::size_t{128});
    QCOMPARE(&users.of(std::string(1000, 'x')), &users.of(std::string(128, 'x')));
    for (std::size_t i = 0; i < PoolUsers::most_users; ++i)
        users.of("user" + std::to_string(i));
    PoolUser& other = users.of("one too many");
    QCOMPARE(&other, &users.of("two too many"));
    QVERIFY(!other.limited);
    QCOMPARE(users.of("a").name, std::string("a"));
    QVERIFY(&users.of("a") != &other);
}

/// Several threads meet the same new names at once, in different orders: each name has one entry,
/// whole as soon as it is found.
void TestPoolUsers::areFoundWhileOthersAreAdded()
{
    constexpr int threads = 4;
    constexpr std::size_t names = 5'000;
    PoolUsers users;
    std::vector<std::vector<PoolUser*>> found(threads, std::vector<PoolUser*>(names));
    std::latch begin(threads);
    std::atomic<int> wrong{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
            begin.arrive_and_wait();
            for (std::size_t i = 0; i < names; ++i) {
                const std::size_t at = t % 2 == 0 ? i : names - 1 - i;
                const std::string name = "user " + std::to_string(at);
                PoolUser& user = users.of(name);
                wrong += user.name == name && user.limited ? 0 : 1;
                wrong += user.enter(threads) ? 0 : 1;
                found[static_cast<std::size_t>(t)][at] = &user;
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    QCOMPARE(wrong.load(), 0);
    for (std::size_t i = 0; i < names; ++i) {
        for (std::size_t t = 1; t < threads; ++t)
            QCOMPARE(found[t][i], found[0][i]);
        QCOMPARE(found[0][i]->active.load(), std::uint32_t{threads});
    }
}

/// The last places are taken by several threads at once: what one of them was given stays.
void TestPoolUsers::fullIsFullForAll()
{
    constexpr std::size_t last = 200;
    PoolUsers users;
    for (std::size_t i = 0; i + last < PoolUsers::most_users; ++i)
        users.of("user" + std::to_string(i));
    std::atomic<std::size_t> own{0};
    std::atomic<int> wrong{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 3; ++t) {
        workers.emplace_back([&, t] {
            for (std::size_t i = 0; i < last; ++i) {
                const std::string name = std::to_string(t) + "." + std::to_string(i);
                PoolUser& user = users.of(name);
                wrong += &users.of(name) == &user ? 0 : 1;
                own += user.limited ? 1 : 0;
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    QCOMPARE(wrong.load(), 0);
    QCOMPARE(own.load(), last);
}

QTEST_APPLESS_MAIN(TestPoolUsers)
#include "tst_poolusers.moc"
