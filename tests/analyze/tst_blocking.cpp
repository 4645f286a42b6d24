// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/blocking.h"

#include <fmt/format.h>

#include <QElapsedTimer>
#include <QTest>

#include <algorithm>

using namespace poolscope;

namespace {

/// A target from "waiter<blocker,blocker" words; every pid named exists, but 0.
TargetState target(const std::vector<std::pair<int, std::vector<int>>>& waits)
{
    TargetState state;
    state.info.id = TargetId{1};
    const auto ensure = [&](int pid) -> Session& {
        Session& s = state.sessions[Pid{pid}];
        s.key = {TargetId{1}, Pid{pid}, timestamp_from_us(pid)};
        s.state_since = timestamp_from_us(1000 + pid);
        return s;
    };
    for (const auto& [waiter, blockers] : waits) {
        Session& s = ensure(waiter);
        s.state = SessionState::waiting;
        for (const int blocker : blockers) {
            s.blocked_by.push_back(Pid{blocker});
            if (blocker != 0)
                ensure(blocker);
        }
    }
    return state;
}

/// Sessions that wait for a row which `root` has changed, first to last: the first waits for its
/// transaction, the others for the lock that the first holds on the row. The server names
/// everyone ahead as a blocker.
TargetState row_queue(int root, const std::vector<int>& queue)
{
    std::vector<std::pair<int, std::vector<int>>> waits;
    for (std::size_t i = 0; i < queue.size(); ++i) {
        std::vector<int> ahead(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(i));
        std::sort(ahead.begin(), ahead.end());
        waits.push_back({queue[i], i == 0 ? std::vector<int>{root} : ahead});
    }
    TargetState state = target(waits);
    for (const int pid : queue)
        state.sessions[Pid{pid}].wait_event =
            Text{pid == queue.front() ? "Lock/transactionid" : "Lock/tuple"};
    return state;
}

/// "2:1q+7(…)": pid 2, one behind it, in a queue, waits for 7 too.
std::string picture(const BlockingNode& node)
{
    std::string text =
        fmt::format("{}:{}{}", node.key.pid.value, node.blocks, node.queued ? "q" : "");
    for (const Pid also : node.also)
        text += fmt::format("+{}", also.value);
    if (!node.waiting.empty()) {
        text += "(";
        for (const BlockingNode& waiter : node.waiting)
            text += (text.back() == '(' ? "" : " ") + picture(waiter);
        text += ")";
    }
    return text;
}

std::string picture(const Blocking& blocking)
{
    std::string text;
    for (const BlockingTree& tree : blocking.trees)
        text += (text.empty() ? "" : " | ") + picture(tree.root) + (tree.cycle ? " cycle" : "");
    return text;
}

} // namespace

class TestBlocking : public QObject
{
    Q_OBJECT
private slots:
    void pictures_data();
    void pictures();
    void sinceIsTheFirstWaiter();
    void everyWaiterStandsOnce();
    void rowQueueIsFlat_data();
    void rowQueueIsFlat();
    void queueIsInTheServersOrder();
    void longQueueIsCheap();
};

void TestBlocking::pictures_data()
{
    using Waits = std::vector<std::pair<int, std::vector<int>>>;
    QTest::addColumn<Waits>("waits");
    QTest::addColumn<QString>("expected");
    const auto row = [](const char* name, const Waits& waits, const char* expected) {
        QTest::addRow("%s", name) << waits << QString::fromLatin1(expected);
    };
    row("nobody", {}, "");
    row("one", {{2, {1}}}, "1:1(2:0)");
    row("chain", {{2, {1}}, {3, {2}}, {4, {3}}}, "1:3(2:2(3:1(4:0)))");
    row("fan", {{2, {1}}, {3, {1}}, {4, {1}}}, "1:3(2:0 3:0 4:0)");
    row("two roots, most blocked first", {{2, {1}}, {11, {10}}, {12, {10}}},
        "10:2(11:0 12:0) | 1:1(2:0)");
    row("diamond counts once", {{2, {1}}, {3, {1}}, {4, {2, 3}}}, "1:3(2:1(4:0+3) 3:1)");
    row("several blockers", {{5, {1, 2}}}, "1:1(5:0+2) | 2:1");
    row("several blockers, one of them blocked", {{5, {1, 2}}, {1, {9}}}, "9:2(1:1(5:0+2)) | 2:1");
    row("queue for a table", {{2, {1}}, {3, {1, 2}}, {4, {1, 2, 3}}}, "1:3(2:0 3:0q 4:0q)");
    row("readers behind an ALTER behind a reader", {{2, {1}}, {3, {2}}, {4, {2}}},
        "1:3(2:2(3:0 4:0))");
    row("a chain that really is one", {{4, {3}}, {3, {2}}, {2, {1}}}, "1:3(2:2(3:1(4:0)))");
    row("two prepared transactions share pid 0", {{2, {0}}, {3, {0}}}, "0:2(2:0 3:0)");
    row("prepared transaction and a session", {{2, {0, 1}}}, "0:1(2:0+1) | 1:1");
    row("prepared transaction", {{2, {0}}, {3, {2}}}, "0:2(2:1(3:0))");
    row("deadlock", {{1, {2}}, {2, {1}}}, "1:1(2:1) cycle");
    row("waiting for a deadlock", {{1, {2}}, {2, {1}}, {3, {1}}}, "1:2(2:2 3:0) cycle");
    row("itself", {{1, {1}}}, "1:0 cycle");
    row("behind a deadlock, with a lower pid", {{5, {6}}, {6, {5}}, {1, {5}}, {2, {1}}},
        "5:3(1:1(2:0) 6:3) cycle");
    row("deadlock behind another", {{5, {1, 6}}, {6, {5}}}, "1:2(5:1+6(6:1)) cycle");
    row("three in a circle", {{1, {2}}, {2, {3}}, {3, {1}}}, "1:2(3:2(2:2)) cycle");
    row("two deadlocks", {{1, {2}}, {2, {1}}, {3, {4}}, {4, {3}}},
        "1:1(2:1) cycle | 3:1(4:1) cycle");
}

void TestBlocking::pictures()
{
    using Waits = std::vector<std::pair<int, std::vector<int>>>;
    QFETCH(Waits, waits);
    QFETCH(QString, expected);
    const Blocking blocking = find_blocking(target(waits));
    QCOMPARE(QString::fromStdString(picture(blocking)), expected);
    QCOMPARE(blocking.blocked, static_cast<std::int32_t>(waits.size()));
}

void TestBlocking::sinceIsTheFirstWaiter()
{
    const Blocking blocking = find_blocking(target({{7, {1}}, {4, {1}}}));
    QCOMPARE(blocking.trees.front().since, std::optional{timestamp_from_us(1004)});
}

void TestBlocking::everyWaiterStandsOnce()
{
    std::vector<std::pair<int, std::vector<int>>> waits;
    std::uint32_t random = 7;
    for (int pid = 1; pid < 300; ++pid) {
        random = random * 1664525 + 1013904223;
        const int a = static_cast<int>(random >> 8) % 300;
        const int b = static_cast<int>(random >> 16) % 300;
        if (pid % 3 != 0)
            waits.push_back({pid, a < b ? std::vector<int>{a, b} : std::vector<int>{b, a}});
    }
    const Blocking blocking = find_blocking(target(waits));
    std::map<std::int64_t, int> seen;
    const std::function<void(const BlockingNode&)> visit = [&](const BlockingNode& node) {
        ++seen[node.key.pid.value];
        for (const BlockingNode& waiter : node.waiting)
            visit(waiter);
    };
    for (const BlockingTree& tree : blocking.trees)
        visit(tree.root);
    for (const auto& [waiter, ignored] : waits)
        QCOMPARE(seen[waiter], 1);
}

void TestBlocking::rowQueueIsFlat_data()
{
    QTest::addColumn<TargetState>("state");
    QTest::addColumn<QString>("expected");
    const auto row = [](const char* name, const TargetState& state, const char* expected) {
        QTest::addRow("%s", name) << state << QString::fromLatin1(expected);
    };
    row("queue", row_queue(1, {2, 3, 4, 5}), "1:4(2:0 3:0q 4:0q 5:0q)");
    row("behind a prepared transaction", row_queue(0, {2, 3, 4}), "0:3(2:0 3:0q 4:0q)");

    // The holder of the row waits for another in turn.
    TargetState chained = row_queue(1, {2, 3});
    chained.sessions[Pid{1}].blocked_by = {Pid{9}};
    chained.sessions[Pid{1}].wait_event = Text{"Lock/transactionid"};
    row("queue within a chain", chained, "9:3(1:2(2:0 3:0q))");

    // Pictures of two instants: the first of the queue already runs on.
    TargetState torn = row_queue(1, {2, 3, 4});
    torn.sessions[Pid{2}].blocked_by.clear();
    torn.sessions[Pid{2}].wait_event = {};
    row("the first got the row", torn, "2:2(3:0 4:0q)");

    TargetState deadlock = row_queue(3, {2, 3});
    row("the row's holder queues for it", deadlock, "2:1(3:1) cycle");
}

void TestBlocking::rowQueueIsFlat()
{
    QFETCH(TargetState, state);
    QFETCH(QString, expected);
    QCOMPARE(QString::fromStdString(picture(find_blocking(state))), expected);
}

void TestBlocking::queueIsInTheServersOrder()
{
    // 8 came before 4 and 6, though its statement began last.
    TargetState state = row_queue(1, {3, 8, 6, 4});
    QCOMPARE(picture(find_blocking(state)), std::string("1:4(3:0 8:0q 6:0q 4:0q)"));
    // Who is in no queue stands by how long it waits.
    Session other = state.sessions[Pid{3}];
    other.key.pid = Pid{7};
    state.sessions[Pid{7}] = other;
    state.sessions[Pid{7}].state_since = timestamp_from_us(1);
    QCOMPARE(picture(find_blocking(state)), std::string("1:5(7:0 3:0 8:0q 6:0q 4:0q)"));
}

void TestBlocking::longQueueIsCheap()
{
    std::vector<int> queue;
    for (int pid = 2; pid < 402; ++pid)
        queue.push_back(pid);
    const TargetState state = row_queue(1, queue);
    QElapsedTimer clock;
    clock.start();
    const Blocking blocking = find_blocking(state);
    const qint64 ms = clock.elapsed();
    QCOMPARE(blocking.trees.size(), size_t{1});
    QCOMPARE(blocking.trees.front().root.waiting.size(), size_t{400});
    QCOMPARE(blocking.blocks.size(), size_t{1});
    // With a walk behind every one of them it takes seconds.
    QVERIFY2(ms < 1000, qPrintable(QString::number(ms)));
}

QTEST_APPLESS_MAIN(TestBlocking)
#include "tst_blocking.moc"
