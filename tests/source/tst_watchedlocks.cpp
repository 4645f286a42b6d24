// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/watchedlocks.h"

#include <QTest>

using namespace poolscope;
using namespace std::chrono_literals;

class TestWatchedLocks : public QObject
{
    Q_OBJECT

private:
    static SessionKey session(std::int64_t pid)
    {
        return {TargetId{1}, Pid{pid}, timestamp_from_us(1'000'000)};
    }

    static bool any(const SessionKey& /*key*/) { return true; }

    const WatchedLocks::Instant start = WatchedLocks::Instant{} + 1h;

private slots:
    void eachIsAskedForOnceAndThenAgain()
    {
        WatchedLocks locks;
        locks.set({session(1), session(2)});
        const std::vector<SessionKey> both{session(1), session(2)};
        QCOMPARE(locks.due(start, 10s, any), both);
        QVERIFY(locks.due(start + 9s, 10s, any).empty());
        QCOMPARE(locks.due(start + 10s, 10s, any), both);
        QVERIFY(locks.due(start + 19s, 10s, any).empty());
    }

    void oneThatIsDueTakesTheOthersAlong()
    {
        WatchedLocks locks;
        locks.set({session(1)});
        locks.due(start, 10s, any);
        locks.set({session(1), session(2)});
        QCOMPARE(locks.due(start + 5s, 10s, any), std::vector<SessionKey>{session(2)});
        QCOMPARE(locks.due(start + 10s, 10s, any).size(), 2U);
    }

    void whoIsGoneIsNotAskedFor()
    {
        WatchedLocks locks;
        locks.set({session(1), session(2)});
        const auto second = [&](const SessionKey& key) {
            return key == session(2);
        };
        QCOMPARE(locks.due(start, 10s, second), std::vector<SessionKey>{session(2)});
        // It counts as never asked for, in case it comes into view.
        QCOMPARE(locks.due(start + 1s, 10s, any), std::vector<SessionKey>{session(1)});
    }

    void aNewConnectionAsksAnew()
    {
        WatchedLocks locks;
        locks.set({session(1)});
        locks.due(start, 10s, any);
        locks.forget();
        QCOMPARE(locks.due(start + 1s, 10s, any).size(), 1U);
        locks.set({});
        QVERIFY(locks.due(start + 1min, 10s, any).empty());
    }
};

QTEST_APPLESS_MAIN(TestWatchedLocks)
#include "tst_watchedlocks.moc"
