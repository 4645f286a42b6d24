// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/demo.h"

#include "app/demo/rotation.h"
#include "core/agent/agent.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <string_view>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace poolscope {

namespace {

/// False: standard input has ended.
bool read_input()
{
    std::array<char, 4096> ignored;
    const ssize_t count = read(STDIN_FILENO, ignored.data(), ignored.size());
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

/// Until somebody wants this process to end: whoever started it is gone, or a signal.
void wait_for_the_end(int signals)
{
    for (;;) {
        std::array<pollfd, 2> fds{{{STDIN_FILENO, POLLIN, 0}, {signals, POLLIN, 0}}};
        if (poll(fds.data(), fds.size(), -1) < 0) {
            if (errno == EINTR)
                continue;
            return;
        }
        if (fds[1].revents != 0 || (fds[0].revents & POLLNVAL) != 0)
            return;
        if (fds[0].revents != 0 && !read_input())
            return;
    }
}

int run_shop(unsigned speed, int signals)
{
    shop::Shop shop(speed);
    AgentOptions options;
    options.name = "demo";
    options.allow_reclaim = true;
    Result<std::unique_ptr<Agent>> started = Agent::start(std::move(options));
    if (!started) {
        std::fprintf(stderr, "poolscope: %s\n", started.error().sentence.c_str());
        return 1;
    }
    const std::unique_ptr<Agent> agent = std::move(started).value();
    agent->add(shop.pool.control());
    agent->add(shop.reports_pool.control());
    std::printf("%s\n", agent->address().c_str());
    std::fflush(stdout);
    {
        const shop::Rotation rotation(shop);
        wait_for_the_end(signals);
        shop.pace.end();
        // Whoever waits for a connection need not wait any longer.
        static_cast<void>(shop.pool.close(Duration{}));
        static_cast<void>(shop.reports_pool.close(Duration{}));
    }
    agent->remove(shop.pool.control());
    agent->remove(shop.reports_pool.control());
    std::printf("%llu requests, %llu of them failed\n",
                static_cast<unsigned long long>(shop.requests.load()),
                static_cast<unsigned long long>(shop.failures.load()));
    return 0;
}

} // namespace

std::optional<DemoWorkload> demo_workload_in(int argc, const char* const* argv)
{
    if (argc != 2)
        return {};
    const std::string_view argument = argv[1];
    if (argument == "--demo-workload")
        return DemoWorkload{};
    if (argument == "--demo-workload=fast")
        return DemoWorkload{20};
    return {};
}

int run_demo_workload(const DemoWorkload& workload)
{
    sigset_t ends;
    sigemptyset(&ends);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        sigaddset(&ends, signal);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN); // nobody need read our address
    const int signals = signalfd(-1, &ends, SFD_CLOEXEC);
    if (signals < 0) {
        std::fputs("poolscope: too many files are open\n", stderr);
        return 1;
    }
    int code = 1;
    try {
        code = run_shop(workload.speed, signals);
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "poolscope: the demo cannot start: %s\n", exception.what());
    }
    close(signals);
    return code;
}

} // namespace poolscope
