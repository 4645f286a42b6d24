// SPDX-License-Identifier: GPL-3.0-or-later
// What the agent does where the process or an inspector leaves it no room.
#include "tests/agent/inspector.h"
#include "tests/agent/scriptedpool.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <cerrno>
#include <mutex>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;

namespace {

/// How many accepts are still to fail, and how many were tried.
std::atomic<int> failures{0};
std::atomic<int> tries{0};

} // namespace

/// In the place of the library's: a process that has no descriptors left, at will.
extern "C" int accept4(int socket, sockaddr* address, socklen_t* size, int flags)
{
    ++tries;
    if (failures.load() > 0) {
        --failures;
        errno = EMFILE;
        return -1;
    }
    return static_cast<int>(syscall(SYS_accept4, socket, address, size, flags));
}

class TestAgentLimits : public QObject
{
    Q_OBJECT
private slots:
    void noDescriptorsLeft();
    void answersWaitForWhoReadsThem();
};

/// The error goes on for as long as somebody waits to come in.
void TestAgentLimits::noDescriptorsLeft()
{
    const QTemporaryDir folder;
    std::mutex mutex;
    std::string said;
    AgentOptions options = options_in(folder.path().toStdString());
    options.log = [&](std::string_view sentence) {
        const std::lock_guard lock(mutex);
        said += sentence;
    };
    const auto started = Agent::start(std::move(options));
    QVERIFY(started);
    failures = 2;
    tries = 0;
    QElapsedTimer timer;
    timer.start();
    Inspector inspector(started.value()->address());
    QTRY_VERIFY_WITH_TIMEOUT(inspector.hears("ready"), 30'000);
    QVERIFY(timer.elapsed() > 750); // two pauses of 500 ms
    QVERIFY2(tries >= 3 && tries <= 5, qPrintable(QString::number(tries)));
    const std::lock_guard lock(mutex);
    const std::string sentence = "The process has no descriptors left to be attached to.";
    const std::size_t first = said.find(sentence);
    QVERIFY(first != std::string::npos);
    QVERIFY(said.find(sentence, first + 1) == std::string::npos);
}

/// An inspector that asks and asks, and reads nothing: it is not heard any more once its answers
/// fill what may wait for it.
void TestAgentLimits::answersWaitForWhoReadsThem()
{
    const QTemporaryDir folder;
    AgentOptions options = options_in(folder.path().toStdString());
    options.peer_bytes = 100'000;
    options.stats_every = std::chrono::hours(1);
    const auto started = Agent::start(std::move(options));
    QVERIFY(started);
    Inspector flooding(started.value()->address());
    Inspector good(started.value()->address());
    QTRY_VERIFY(flooding.hears("ready"));
    QTRY_VERIFY(good.hears("ready"));

    // It takes no more once the other one has been answered twenty times in between, each time in
    // another round of the agent's.
    constexpr std::size_t enough = 16'000'000;
    const std::string ping = "{\"k\":\"ping\",\"n\":7}\n";
    std::string some;
    while (some.size() < 60'000)
        some += ping;
    std::size_t sent = 0;
    int rounds = 0;
    for (std::size_t answered = 0; rounds < 20 && sent < enough;) {
        const std::size_t now = flooding.offer(std::string_view(some).substr(sent % ping.size()));
        sent += now;
        rounds = now > 0 ? 0 : rounds + 1;
        good.ask(wire::Ping{});
        ++answered;
        QTRY_VERIFY_WITH_TIMEOUT((good.pump(), good.count("pong") == answered), 30'000);
    }
    QVERIFY2(sent < 4'000'000, qPrintable(QString::number(sent)));
    // Whoever reads again gets every answer.
    const std::size_t asked = sent / ping.size();
    QVERIFY(asked > 1000);
    QTRY_VERIFY_WITH_TIMEOUT((flooding.pump(), flooding.count("pong") >= asked), 60'000);
    QCOMPARE(flooding.count("pong"), asked);
}

QTEST_GUILESS_MAIN(TestAgentLimits)
#include "tst_agentlimits.moc"
