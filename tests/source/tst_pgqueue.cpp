// SPDX-License-Identifier: GPL-3.0-or-later
// A queue of commands that a server works off, or does not.
#include "core/source/pgcommands.h"
#include "core/source/pgsessions.h"
#include "core/source/pgtrouble.h"

#include <QTest>

#include <chrono>

using namespace poolscope;

using Steady = std::chrono::steady_clock;

namespace {

Command terminate(std::uint64_t number)
{
    Command command;
    command.action = ActionId{number};
    command.verb = ActionVerb::terminate;
    command.session = {TargetId{1}, Pid{static_cast<std::int64_t>(number)}, timestamp_from_us(100)};
    return command;
}

} // namespace

class TestPgQueue : public QObject
{
    Q_OBJECT
private slots:
    void aLongQueueIsWorkedOff();
    void aQueueThatIsTooLongEnds();
};

/// Many are sent one after the other; the last has its turn as long as the server answers.
void TestPgQueue::aLongQueueIsWorkedOff()
{
    using std::chrono::milliseconds;
    PgCommands commands;
    const PgSessions none{TargetId{1}};
    const Steady::time_point start = Steady::now();
    for (std::uint64_t number = 1; number <= 500; ++number)
        QVERIFY(commands.add(terminate(number), none, start).empty());
    Steady::time_point now = start;
    for (std::uint64_t number = 1; number <= 500; ++number) {
        QCOMPARE(commands.take(now).action, ActionId{number});
        now += milliseconds{50};
        QVERIFY(commands.expire(now).empty());
        PgReply refused;
        refused.trouble = PgTrouble{};
        QCOMPARE(commands.answered(refused).front().phase, ActionPhase::refused);
    }
    QVERIFY(now - start > milliseconds{20'000});
    QVERIFY(!commands.waiting() && !commands.deadline());

    // It stops answering half way: the one that was sent, and the rest with it.
    for (std::uint64_t number = 1; number <= 3; ++number)
        QVERIFY(commands.add(terminate(number), none, now).empty());
    now += milliseconds{9'000};
    commands.take(now);
    QCOMPARE(*commands.deadline(), now + milliseconds{10'000});
    QVERIFY(commands.expire(now + milliseconds{9'999}).empty());
    const auto late = commands.expire(now + milliseconds{10'000});
    QCOMPARE(late.size(), std::size_t{3});
    QVERIFY(late[0].sentence.starts_with("It was not sent: the server did not answer"));
    QVERIFY(late[2].sentence.starts_with("No answer from the server"));
}

/// However busy the server answers: what was shown is too old some day.
void TestPgQueue::aQueueThatIsTooLongEnds()
{
    PgCommands commands;
    const PgSessions none{TargetId{1}};
    const Steady::time_point start = Steady::now();
    for (std::uint64_t number = 1; number <= 40; ++number)
        QVERIFY(commands.add(terminate(number), none, start).empty());
    PgCommands::Facts late;
    Steady::time_point now = start;
    int sent = 0;
    while (commands.waiting()) {
        commands.take(now);
        ++sent;
        now += std::chrono::seconds{5};
        for (auto& each : commands.expire(now))
            late.push_back(each);
        PgReply refused;
        refused.trouble = PgTrouble{};
        commands.answered(refused);
    }
    QCOMPARE(sent, 24);
    QCOMPARE(late.size(), std::size_t{16});
    QVERIFY(late[0].sentence.find("120 s have passed") != std::string::npos);
}

QTEST_GUILESS_MAIN(TestPgQueue)
#include "tst_pgqueue.moc"
