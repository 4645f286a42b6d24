// SPDX-License-Identifier: GPL-3.0-or-later
// Who gets in, and that the process never notices.
#include "tests/agent/agentfixture.h"
#include "tests/agent/inspector.h"
#include "tests/agent/scriptedpool.h"

#include "core/wire/sha256.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

std::string path_of(const Agent& agent)
{
    return agent.address().substr(std::string("pool+unix://").size());
}

/// The answer to the challenge in the inspector's notes.
std::string answer(const Inspector& inspector, std::string_view token)
{
    for (const std::string& said : inspector.notes.said) {
        if (said.starts_with("challenge "))
            return wire::mac_of(token, said.substr(10));
    }
    return {};
}

} // namespace

class TestAgentGuard : public AgentFixture
{
    Q_OBJECT
private slots:
    void token();
    void wrongToken();
    void silentPeerIsClosed();
    void muchBeforeAuth();
    void eightBeforeAuth();
    void sixteenAtMost();
    void hostileCommands();
    void peerVanishes();
    void throwingPoolAndLog();
    void forkedChildIsDead();
    void endsWhileInspectorsAreAttached();
};

void TestAgentGuard::token()
{
    ScriptedPool pool("orders");
    AgentOptions from_environment = tcp();
    from_environment.token.clear();
    from_environment.listen = "localhost:0";
    qputenv("POOLSCOPE_TOKEN", "from outside");
    const auto agent = start(from_environment);
    QVERIFY(agent);
    QVERIFY(agent->address().starts_with("pool://127.0.0.1:"));
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("challenge"));
    QCOMPARE(inspector.notes.said.size(), std::size_t{1}); // nothing before the answer
    QVERIFY(!pool.watched());
    Inspector other(agent->address());
    QTRY_VERIFY(other.hears("challenge"));
    QVERIFY(inspector.notes.said.front() != other.notes.said.front());
    inspector.ask(wire::Auth{answer(inspector, "from outside")});
    QTRY_VERIFY(inspector.hears("ready"));
    pool.lend(ConnectionId{1}, {}, "x");
    QTRY_VERIFY(inspector.hears("checkout"));
    QCOMPARE(other.notes.said.size(), std::size_t{1});
    agent->remove(pool);
}

void TestAgentGuard::wrongToken()
{
    const auto agent = start(tcp());
    {
        Inspector wrong(agent->address());
        QTRY_VERIFY(wrong.hears("challenge"));
        wrong.ask(wire::Auth{answer(wrong, "guess")});
        QTRY_VERIFY(wrong.hears("refused 1 wrong token"));
        QTRY_VERIFY(!wrong.pump());
    }
    // The answer to another challenge is of no use; nor is anything but an answer.
    Inspector first(agent->address());
    QTRY_VERIFY(first.hears("challenge"));
    Inspector second(agent->address());
    QTRY_VERIFY(second.hears("challenge"));
    second.ask(wire::Auth{answer(first, "secret")});
    QTRY_VERIFY(!second.pump());
    first.ask(wire::Resync{});
    QTRY_VERIFY(!first.pump());
    QCOMPARE(first.count("hello") + second.count("hello"), std::size_t{0});
    QTRY_COMPARE(agent->figures().refused, std::uint64_t{3});
}

void TestAgentGuard::silentPeerIsClosed()
{
    AgentOptions quick = tcp();
    quick.auth_time = 50ms;
    const auto agent = start(quick);
    Inspector silent(agent->address());
    QTRY_VERIFY(!silent.pump());
    QCOMPARE(agent->figures().refused, std::uint64_t{1});
}

void TestAgentGuard::muchBeforeAuth()
{
    const auto agent = start(tcp());
    Inspector talker(agent->address());
    talker.send(std::string(5000, 'x'));
    QTRY_VERIFY(!talker.pump());
    QTRY_COMPARE(agent->figures().refused, std::uint64_t{1});
}

void TestAgentGuard::eightBeforeAuth()
{
    const auto agent = start(tcp());
    std::vector<std::unique_ptr<Inspector>> waiting;
    for (int i = 0; i < 8; ++i) {
        waiting.push_back(std::make_unique<Inspector>(agent->address()));
        QTRY_VERIFY(waiting.back()->hears("challenge"));
    }
    Inspector ninth(agent->address());
    QTRY_VERIFY(!ninth.pump());
    QCOMPARE(ninth.notes.said.size(), std::size_t{0});
    waiting.front()->ask(wire::Auth{answer(*waiting.front(), "secret")});
    QTRY_VERIFY(waiting.front()->hears("ready"));
    Inspector tenth(agent->address());
    QTRY_VERIFY(tenth.hears("challenge"));
}

void TestAgentGuard::sixteenAtMost()
{
    const auto agent = start(options());
    std::vector<std::unique_ptr<Inspector>> list;
    for (int i = 0; i < 16; ++i) {
        list.push_back(std::make_unique<Inspector>(agent->address()));
        QTRY_VERIFY(list.back()->hears("ready"));
    }
    Inspector more(agent->address());
    QTRY_VERIFY(!more.pump());
    list.pop_back();
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{15});
    Inspector again(agent->address());
    QTRY_VERIFY(again.hears("ready"));
}

void TestAgentGuard::hostileCommands()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    Inspector hostile(agent->address());
    QTRY_VERIFY(hostile.hears("ready"));
    hostile.send("\n\r\n{}\n[]\n{\"k\":\"ping\"}\n\xff\xfe\n{\"k\":\"pi\n");
    hostile.send(std::string(65'537, 'x') + "\n");
    hostile.send("{\"k\":\"ping\",\"n\":1,\"x\":" + std::string(30'000, '[') + "\n");
    hostile.send("{\"k\":\"dance\",\"n\":1}\n{\"k\":\"reclaim\",\"n\":2}\n");
    hostile.send("{\"k\":\"ping\",\"n\":77}\n");
    QTRY_VERIFY(hostile.hears("pong 77"));
    QTRY_VERIFY(hostile.hears("refused 2"));
    // For ever without a newline: no memory, and another one is served meanwhile.
    const std::string much(100'000, 'x');
    Inspector good(agent->address());
    for (int i = 0; i < 100; ++i)
        hostile.send(much);
    QTRY_VERIFY(good.hears("ready"));
    hostile.send("\n{\"k\":\"ping\",\"n\":78}\n");
    QTRY_VERIFY(hostile.hears("pong 78"));
    // Resync as fast as it can: joined, not obeyed one by one.
    const std::uint64_t pictures = agent->figures().pictures;
    for (int i = 0; i < 1000; ++i)
        hostile.ask(wire::Resync{});
    hostile.send("{\"k\":\"ping\",\"n\":79}\n");
    QTRY_VERIFY(hostile.hears("pong 79"));
    QVERIFY(agent->figures().pictures < pictures + 100);
    // One that is no inspector at all is shown the door.
    for (int i = 0; i < 1100; ++i)
        hostile.send("GET / HTTP/1.1\r\n");
    QTRY_VERIFY(!hostile.pump());
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{1});
    QVERIFY(agent->figures().bad_lines > 1000);
    QVERIFY(good.pump());
    agent->remove(pool);
}

/// Writing to somebody who is gone must not raise SIGPIPE.
void TestAgentGuard::peerVanishes()
{
    ScriptedPool pool("orders");
    const auto agent = start(options());
    agent->add(pool);
    struct sigaction before = {};
    struct sigaction deadly = {};
    deadly.sa_handler = SIG_DFL;
    QCOMPARE(sigaction(SIGPIPE, &deadly, &before), 0);
    for (int i = 0; i < 20; ++i) {
        Inspector brief(agent->address());
        QTRY_VERIFY(brief.hears("ready"));
        for (int j = 0; j < 100; ++j)
            pool.give_back(pool.lend(ConnectionId{1}, StackId{2}, "x"));
        brief.abort();
        for (int j = 0; j < 100; ++j)
            pool.give_back(pool.lend(ConnectionId{1}, StackId{2}, "x"));
    }
    QTRY_COMPARE(agent->figures().attached, std::uint64_t{0});
    QCOMPARE(sigaction(SIGPIPE, &before, nullptr), 0);
    agent->remove(pool);
}

void TestAgentGuard::throwingPoolAndLog()
{
    ScriptedPool pool("orders");
    AgentOptions logged = options();
    logged.log = [](std::string_view) {
        throw std::runtime_error("no log");
    };
    const auto agent = start(logged);
    agent->add(pool);
    pool.throws = true;
    {
        Inspector unlucky(agent->address());
        QTRY_VERIFY(!unlucky.pump());
    }
    pool.throws = false;
    Inspector lucky(agent->address());
    QTRY_VERIFY(lucky.hears("ready"));
    agent->remove(pool);
}

/// The child's copy does nothing, and does not keep the inspector's connection open.
void TestAgentGuard::forkedChildIsDead()
{
    auto pool = std::make_unique<ScriptedPool>("orders");
    auto agent = start(options());
    const std::string path = path_of(*agent);
    agent->add(*pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    int ends[2] = {-1, -1};
    QCOMPARE(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        pool->give_back(pool->lend(ConnectionId{1}, {}, "child"));
        ScriptedPool another("another");
        agent->add(another);
        agent->remove(another);
        AgentOptions own = options_in(folder());
        own.listen += "2";
#if defined(__SANITIZE_THREAD__)
        const bool fresh = true; // that sanitizer starts no thread in a child
#else
        const bool fresh = static_cast<bool>(Agent::start(own));
#endif
        agent.reset();
        char byte = 0;
        const bool told = read(ends[0], &byte, 1) == 0; // lives until the parent has looked
        _exit(fresh && told && QFile::exists(QString::fromStdString(path)) ? 0 : 1);
    }
    close(ends[0]);
    pool->lend(ConnectionId{1}, {}, "parent");
    QTRY_VERIFY(inspector.hears("parent"));
    QCOMPARE(inspector.count("child"), std::size_t{0});
    agent->remove(*pool);
    // The parent's agent ends while the child lives: the connection ends all the same.
    const std::string kept = path + ".kept"; // so that the child still finds its path
    QCOMPARE(link(path.c_str(), kept.c_str()), 0);
    agent.reset();
    QTRY_VERIFY(!inspector.pump());
    QCOMPARE(rename(kept.c_str(), path.c_str()), 0);
    close(ends[1]);
    int status = 0;
    QCOMPARE(waitpid(child, &status, 0), child);
    QCOMPARE(WEXITSTATUS(status), 0);
}

void TestAgentGuard::endsWhileInspectorsAreAttached()
{
    ScriptedPool pool("orders");
    for (int i = 0; i < 20; ++i) {
        auto agent = start(options());
        agent->add(pool);
        Inspector inspector(agent->address());
        if (i % 2 == 0)
            QTRY_VERIFY(inspector.hears("ready"));
        agent.reset();
        QVERIFY(!pool.watched());
        QTRY_VERIFY(!inspector.pump());
    }
}

QTEST_GUILESS_MAIN(TestAgentGuard)
#include "tst_agentguard.moc"
