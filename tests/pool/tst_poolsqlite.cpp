// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/pool/connectionpool.h"
#include "core/pool/sqliteconnection.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <sqlite3.h>
#include <thread>

using namespace poolscope;
using namespace std::chrono_literals;

using SqlitePool = ConnectionPool<SqliteConnection>;

namespace {

int run(PooledConnection<SqliteConnection>& guard, const char* statement)
{
    return sqlite3_exec(guard->native(), statement, nullptr, nullptr, nullptr);
}

int number(PooledConnection<SqliteConnection>& guard, const char* query)
{
    sqlite3_stmt* statement = nullptr;
    int value = -1;
    if (sqlite3_prepare_v2(guard->native(), query, -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        value = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

} // namespace

class TestPoolSqlite : public QObject
{
    Q_OBJECT
private slots:
    void init();
    void openTransactionIsRolledBack();
    void rowsLeftHalfReadAreReset();
    void reclaimInterrupts();
    void openFailureIsTold();
    void manyThreads();
    void promisesNoServer();

private:
    PoolConfig config() const
    {
        PoolConfig c;
        c.max_connections = 2;
        return c;
    }
    std::string file() const { return dir_->filePath(QStringLiteral("t.db")).toStdString(); }
    std::unique_ptr<QTemporaryDir> dir_;
};

void TestPoolSqlite::init()
{
    dir_ = std::make_unique<QTemporaryDir>();
    SqlitePool pool(config(), SqliteFactory(file()));
    auto guard = pool.acquire("setup");
    QCOMPARE(run(guard.value(), "CREATE TABLE t (a INTEGER)"), SQLITE_OK);
}

void TestPoolSqlite::openTransactionIsRolledBack()
{
    SqlitePool pool(config(), SqliteFactory(file()));
    {
        auto guard = pool.acquire("a");
        QCOMPARE(run(guard.value(), "BEGIN; INSERT INTO t VALUES (1)"), SQLITE_OK);
    }
    auto guard = pool.acquire("b");
    QCOMPARE(number(guard.value(), "SELECT count(*) FROM t"), 0);
    QCOMPARE(run(guard.value(), "INSERT INTO t VALUES (2)"), SQLITE_OK); // nothing is locked
    QCOMPARE(pool.stats().opened, 1U);
    const PoolPicture picture = pool.control().picture();
    QVERIFY(!picture.connections.at(0).server_pid);
}

void TestPoolSqlite::rowsLeftHalfReadAreReset()
{
    SqlitePool pool(config(), SqliteFactory(file(), 0s));
    auto other = pool.acquire("other");
    sqlite3_stmt* statement = nullptr;
    {
        auto guard = pool.acquire("a");
        QCOMPARE(run(guard.value(), "INSERT INTO t VALUES (1), (2), (3)"), SQLITE_OK);
        QCOMPARE(
            sqlite3_prepare_v2(guard.value()->native(), "SELECT a FROM t", -1, &statement, nullptr),
            SQLITE_OK);
        QCOMPARE(sqlite3_step(statement), SQLITE_ROW);
        QCOMPARE(run(other.value(), "DELETE FROM t"), SQLITE_BUSY); // held by the reader
    }
    QCOMPARE(run(other.value(), "DELETE FROM t"), SQLITE_OK);
    sqlite3_finalize(statement);
}

void TestPoolSqlite::reclaimInterrupts()
{
    SqlitePool pool(config(), SqliteFactory(file()));
    std::atomic<bool> running{false};
    std::atomic<int> outcome{-1};
    std::thread holder([&] {
        auto guard = pool.acquire("batch");
        const auto tell = [](void* flag) {
            *static_cast<std::atomic<bool>*>(flag) = true;
            return 0;
        };
        sqlite3_progress_handler(guard.value()->native(), 1000, tell, &running);
        outcome = run(guard.value(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                                     "n) SELECT count(*) FROM n");
    });
    QTRY_VERIFY(running);
    const auto checkouts = pool.control().picture().checkouts;
    QVERIFY(pool.control().reclaim(checkouts.at(0).id));
    holder.join();
    QCOMPARE(outcome.load(), SQLITE_INTERRUPT);
    QCOMPARE(pool.stats().total, 0);
}

void TestPoolSqlite::openFailureIsTold()
{
    SqlitePool pool(config(), SqliteFactory(file() + "/not/there", 0s, true));
    const auto refused = pool.acquire("a");
    QVERIFY(!refused);
    QVERIFY(refused.error().sentence.find("unable to open") != std::string::npos);
}

void TestPoolSqlite::manyThreads()
{
    SqlitePool pool(config(), SqliteFactory(file(), 20s));
    std::atomic<int> failed{0};
    std::vector<std::thread> workers;
    for (int t = 0; t < 6; ++t) {
        workers.emplace_back([&] {
            for (int i = 0; i < 10; ++i) {
                auto guard = pool.acquire("w");
                failed +=
                    guard && run(guard.value(), "INSERT INTO t VALUES (1)") == SQLITE_OK ? 0 : 1;
            }
        });
    }
    for (std::thread& worker : workers)
        worker.join();
    QCOMPARE(failed.load(), 0);
    auto guard = pool.acquire("check");
    QCOMPARE(number(guard.value(), "SELECT count(*) FROM t"), 60);
    QVERIFY(pool.stats().total <= 2);
}

void TestPoolSqlite::promisesNoServer()
{
    SqlitePool pool(config(), SqliteFactory(file()));
    const PoolDescription description = pool.control().description();
    QCOMPARE(std::ranges::count(description.can, "server_pid"), 0);
    QCOMPARE(std::ranges::count(description.can, "connections"), 1);
}

QTEST_GUILESS_MAIN(TestPoolSqlite)
#include "tst_poolsqlite.moc"
