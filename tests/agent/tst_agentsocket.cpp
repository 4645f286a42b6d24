// SPDX-License-Identifier: GPL-3.0-or-later
// Where the socket stands, and whom the system lets in there.
#include "core/stack/stacktable.h"
#include "tests/agent/agentfixture.h"
#include "tests/agent/inspector.h"
#include "tests/agent/scriptedpool.h"

#include "core/agent/endpoint.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <mutex>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

/// Sentences of the agent's log.
struct Log
{
    std::mutex mutex;
    std::string text;
    std::function<void(std::string_view)> taker()
    {
        return [this](std::string_view sentence) {
            const std::lock_guard lock(mutex);
            text += sentence;
            text += '\n';
        };
    }
    bool has(const char* words)
    {
        const std::lock_guard lock(mutex);
        return text.find(words) != std::string::npos;
    }
};

mode_t mode_of(const std::string& path)
{
    struct stat info = {};
    return lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

std::string path_of(const Agent& agent)
{
    return agent.address().substr(std::string("pool+unix://").size());
}

} // namespace

class TestAgentSocket : public AgentFixture
{
    Q_OBJECT
private slots:
    void socketModes();
    void firstUsableFolder();
    void foldersThatAreNotTrusted();
    void staleSocketIsReplaced();
    void aSecondAgentGetsItsOwnName();
    void group();
    void otherUsersAreRefused();
    void addressesThatAreRefused();
    void fullStackTableIsSaidOnce(); ///< last: it is the process's
};

void TestAgentSocket::socketModes()
{
    auto agent = start(options());
    const std::string path = path_of(*agent);
    QCOMPARE(mode_of(path), 0600U);
    agent.reset();
    QVERIFY(!QFile::exists(QString::fromStdString(path)));
}

void TestAgentSocket::firstUsableFolder()
{
    qputenv("XDG_RUNTIME_DIR", QByteArray::fromStdString(folder()));
    AgentOptions anywhere = options();
    anywhere.listen.clear();
    auto agent = start(anywhere);
    QCOMPARE(path_of(*agent), folder() + "/poolscope/" + std::to_string(getpid()) + "-test.sock");
    QCOMPARE(mode_of(folder() + "/poolscope"), 0700U);
    agent.reset();
    // RUNTIME_DIRECTORY stands before it.
    QVERIFY(QDir(QString::fromStdString(folder())).mkdir(QStringLiteral("service")));
    qputenv("RUNTIME_DIRECTORY", QByteArray::fromStdString(folder() + "/service:/nowhere"));
    agent = start(anywhere);
    QVERIFY(path_of(*agent).starts_with(folder() + "/service/"));
    agent.reset();
    // POOLSCOPE_LISTEN before all.
    qputenv("POOLSCOPE_LISTEN", QByteArray::fromStdString(folder() + "/named.sock"));
    agent = start(anywhere);
    QCOMPARE(path_of(*agent), folder() + "/named.sock");
    agent.reset();
    qputenv("POOLSCOPE_LISTEN", "off");
    agent = start(anywhere);
    QVERIFY(agent);
    QCOMPARE(agent->address(), std::string());
    ScriptedPool pool("unseen");
    agent->add(pool);
    agent->remove(pool);
}

void TestAgentSocket::foldersThatAreNotTrusted()
{
    const std::string session = folder() + "/session";
    QVERIFY(QDir().mkdir(QString::fromStdString(session)));
    qputenv("XDG_RUNTIME_DIR", QByteArray::fromStdString(session));
    const QByteArray temporary = qgetenv("TMPDIR");
    qputenv("TMPDIR", QByteArray::fromStdString(folder() + "/none"));
    AgentOptions anywhere = options();
    anywhere.listen.clear();
    const std::string own = session + "/poolscope";
    const bool system_wide = QFile::exists(QStringLiteral("/run/poolscope"));
    const auto refused = [&] {
        const auto agent = Agent::start(anywhere);
        return !agent ||
               (system_wide && !agent.value()->address().starts_with("pool+unix://" + own));
    };
    // A link, even to a good folder.
    QVERIFY(QDir().mkdir(QString::fromStdString(folder() + "/elsewhere")));
    QCOMPARE(symlink((folder() + "/elsewhere").c_str(), own.c_str()), 0);
    QVERIFY(refused());
    QCOMPARE(unlink(own.c_str()), 0);
    // A file.
    QFile file(QString::fromStdString(own));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QVERIFY(refused());
    QVERIFY(file.remove());
    // A folder that everybody may write to.
    QCOMPARE(mkdir(own.c_str(), 0700), 0);
    QCOMPARE(chmod(own.c_str(), 0777), 0);
    QVERIFY(refused());
    QCOMPARE(chmod(own.c_str(), 0700), 0);
    QVERIFY(!refused());
    // The one in the temporary folder must be private.
    qputenv("TMPDIR", QByteArray::fromStdString(folder()));
    qunsetenv("XDG_RUNTIME_DIR");
    const std::string last = folder() + "/poolscope-" + std::to_string(geteuid());
    QCOMPARE(mkdir(last.c_str(), 0700), 0);
    QCOMPARE(chmod(last.c_str(), 0750), 0);
    QVERIFY(system_wide || !Agent::start(anywhere));
    QCOMPARE(chmod(last.c_str(), 0700), 0);
    QVERIFY(Agent::start(anywhere));
    temporary.isNull() ? qunsetenv("TMPDIR") : qputenv("TMPDIR", temporary);
    qputenv("XDG_RUNTIME_DIR", QByteArray::fromStdString(folder()));
}

void TestAgentSocket::staleSocketIsReplaced()
{
    const std::string path = folder() + "/agent.sock";
    {
        sockaddr_un name = {}; // as a process leaves it that was killed
        name.sun_family = AF_UNIX;
        std::copy(path.begin(), path.end(), name.sun_path);
        const Descriptor lost(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        QCOMPARE(bind(lost.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    }
    QVERIFY(QFile::exists(QString::fromStdString(path)));
    const auto agent = start(options());
    QVERIFY(agent);
    // One that is alive is not taken away; nor is a file.
    QVERIFY(!Agent::start(options()));
    QVERIFY(Inspector(agent->address()).connected());
    AgentOptions on_file = options();
    on_file.listen = folder() + "/file";
    QFile file(QString::fromStdString(on_file.listen));
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.close();
    QVERIFY(!Agent::start(on_file));
    QVERIFY(file.exists());
}

void TestAgentSocket::aSecondAgentGetsItsOwnName()
{
    qputenv("XDG_RUNTIME_DIR", QByteArray::fromStdString(folder()));
    AgentOptions anywhere = options();
    anywhere.listen.clear();
    anywhere.name = "a/b";
    const auto first = start(anywhere);
    const auto second = start(anywhere);
    QVERIFY(path_of(*first).ends_with("-a_b.sock"));
    QVERIFY(path_of(*second).ends_with("-a_b-2.sock"));
}

void TestAgentSocket::group()
{
    AgentOptions shared = options();
    shared.group = "no such group";
    QVERIFY(!Agent::start(shared));
    if (geteuid() != 0)
        QSKIP("only root can give a file to any group");
    shared.group = "nogroup";
    const auto agent = start(shared);
    QVERIFY(agent);
    QCOMPARE(mode_of(path_of(*agent)), 0660U);
    struct stat info = {};
    QCOMPARE(stat(path_of(*agent).c_str(), &info), 0);
    QVERIFY(info.st_gid != getegid());
}

/// The kernel says who connects; the mode of the file is not the only guard.
void TestAgentSocket::otherUsersAreRefused()
{
    if (geteuid() != 0)
        QSKIP("only root can become another user");
    Log log;
    AgentOptions logged = options();
    logged.log = log.taker();
    const auto agent = start(logged);
    const std::string path = path_of(*agent);
    QCOMPARE(chmod(folder().c_str(), 0755), 0);
    QCOMPARE(chmod(path.c_str(), 0666), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (setgid(65'534) != 0 || setuid(65'534) != 0)
            _exit(2);
        const Inspector stranger("pool+unix://" + path);
        _exit(stranger.connected() ? 0 : 1);
    }
    int status = 0;
    QCOMPARE(waitpid(child, &status, 0), child);
    QCOMPARE(WEXITSTATUS(status), 0);
    QTRY_COMPARE(agent->figures().refused, std::uint64_t{1});
    QTRY_VERIFY(log.has("of user 65534 may not attach"));
    QCOMPARE(agent->figures().accepted, std::uint64_t{0});
}

void TestAgentSocket::addressesThatAreRefused()
{
    for (const char* const listen :
         {"0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.org:0", "nonsense", "unix:relative"}) {
        AgentOptions wrong = tcp();
        wrong.listen = listen;
        const auto agent = Agent::start(wrong);
        QVERIFY2(!agent, listen);
        QVERIFY(!agent.error().sentence.empty());
    }
    AgentOptions without = tcp();
    without.token.clear();
    const auto agent = Agent::start(without);
    QVERIFY(!agent);
    QVERIFY(agent.error().sentence.find("token") != std::string::npos);
    QVERIFY(agent.error().sentence.find("secret") == std::string::npos);
}

void TestAgentSocket::fullStackTableIsSaidOnce()
{
    Log log;
    AgentOptions logged = options();
    logged.log = log.taker();
    logged.stats_every = 10ms;
    const auto agent = start(logged);
    ScriptedPool pool("orders");
    agent->add(pool);
    Inspector inspector(agent->address());
    QTRY_VERIFY(inspector.hears("ready"));
    QVERIFY(!log.has("stacks"));
    StackTable& table = StackTable::process();
    for (std::uintptr_t address = 1; address <= table.capacity() + 3; ++address)
        table.intern({{address}});
    QTRY_VERIFY(log.has("No place for more than 65536 stacks"));
    const std::size_t rounds = inspector.count("stats");
    QTRY_VERIFY((inspector.pump(), inspector.count("stats") > rounds + 3));
    agent->remove(pool);
    const std::lock_guard lock(log.mutex);
    QCOMPARE(log.text.find("No place"), log.text.rfind("No place"));
}

QTEST_GUILESS_MAIN(TestAgentSocket)
#include "tst_agentsocket.moc"
