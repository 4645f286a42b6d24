// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/blocking.h"

#include <fmt/format.h>

#include <QTest>

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

std::string picture(const BlockingNode& node)
{
    std::string text = fmt::format("{}:{}", node.key.pid.value, node.blocks);
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
    row("diamond counts once", {{2, {1}}, {3, {1}}, {4, {2, 3}}}, "1:3(2:1(4:0) 3:1)");
    row("several blockers", {{5, {1, 2}}}, "1:1(5:0) | 2:1");
    row("prepared transaction", {{2, {0}}, {3, {2}}}, "0:2(2:1(3:0))");
    row("deadlock", {{1, {2}}, {2, {1}}}, "1:1(2:1) cycle");
    row("waiting for a deadlock", {{1, {2}}, {2, {1}}, {3, {1}}}, "1:2(2:2 3:0) cycle");
    row("itself", {{1, {1}}}, "1:0 cycle");
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

QTEST_APPLESS_MAIN(TestBlocking)
#include "tst_blocking.moc"
