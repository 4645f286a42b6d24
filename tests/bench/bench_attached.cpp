// SPDX-License-Identifier: GPL-3.0-or-later
// What a real inspector costs the application: the cycle of a pool that a poolscope process watches
// through its socket beside that of one that nobody watches. In turns and in both orders, by the
// threads' processor time; what the agent's thread and the inspector take is told by itself.
//
//     bench_attached POOLSCOPE [--cycles N]
#include "core/agent/agent.h"
#include "tests/bench/cyclebench.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace poolscope;
using namespace poolscope::bench;

namespace {

/// Records what it is told until it is ended.
class Inspector
{
public:
    Inspector(const char* program, const std::string& address, const std::string& file)
    {
        std::array<const char*, 6> words{program, "record",     address.c_str(),
                                         "-o",    file.c_str(), nullptr};
        posix_spawn_file_actions_t quiet;
        posix_spawn_file_actions_init(&quiet);
        for (const int out : {STDOUT_FILENO, STDERR_FILENO})
            posix_spawn_file_actions_addopen(&quiet, out, "/dev/null", O_WRONLY, 0);
        if (posix_spawn(&process_, program, &quiet, nullptr, const_cast<char* const*>(words.data()),
                        environ) != 0)
            process_ = -1;
        posix_spawn_file_actions_destroy(&quiet);
    }
    bool runs() const { return process_ > 0; }
    /// Its processor time in seconds; it is gone then.
    double end()
    {
        kill(process_, SIGTERM);
        rusage used{};
        wait4(process_, nullptr, 0, &used);
        const auto seconds = [](const timeval& time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        };
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }

private:
    pid_t process_ = -1;
};

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2)
        return EXIT_FAILURE;
    for (int i = 2; i + 1 < argc; ++i) {
        if (std::strcmp(argv[i], "--cycles") == 0)
            cycles = std::strtoull(argv[i + 1], nullptr, 10);
    }
    const auto folder =
        std::filesystem::temp_directory_path() / ("poolscope-bench-" + std::to_string(getpid()));
    std::filesystem::create_directory(folder);
    AgentOptions options;
    options.name = "bench";
    options.listen = (folder / "agent.sock").string();
    auto started = Agent::start(options);
    if (!started) {
        std::printf("%s\n", started.error().sentence.c_str());
        return EXIT_FAILURE;
    }
    const std::unique_ptr<Agent> agent = std::move(started).value();
    ConnectionPool<Nothing> alone(config_of(true), NothingFactory{});
    ConnectionPool<Nothing> watched(config_of(true), NothingFactory{});
    agent->add(watched.control());
    constexpr std::array<int, 3> threads{1, 2, 8};
    std::printf("%-24s", "added, nobody attached");
    for (const int count : threads)
        std::printf(" %.3f", ratio(count, cycle_of(watched), cycle_of(alone)));
    std::printf("   to a pool without an agent, %d / %d / %d threads\n", threads[0], threads[1],
                threads[2]);

    Inspector inspector(argv[1], agent->address(), (folder / "a.poolrec").string());
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    // Its first picture, and then its wish to be told in sums.
    while (agent->figures().pictures == 0 && inspector.runs() &&
           std::chrono::steady_clock::now() < patience)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    if (agent->figures().attached != 1) {
        std::printf("the inspector did not attach\n");
        return EXIT_FAILURE;
    }
    const std::uint64_t before = watched.stats().acquired;
    const std::uint64_t events = agent->figures().events;
    const auto from = std::chrono::steady_clock::now();
    std::printf("%-24s", "a poolscope attached");
    for (const int count : threads)
        std::printf(" %.3f", ratio(count, cycle_of(watched), cycle_of(alone)));
    std::printf("   (goal 1.10; medians of %d pairs of rounds)\n", pairs_of_rounds);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - from;
    const AgentFigures figures = agent->figures();
    const double used = inspector.end();
    std::printf("%llu acquires in %.1f s, told in %llu events, %llu dropped; the inspector took "
                "%.2f s of processor\n",
                static_cast<unsigned long long>(watched.stats().acquired - before), took.count(),
                static_cast<unsigned long long>(figures.events - events),
                static_cast<unsigned long long>(figures.dropped), used);
    agent->remove(watched.control());
    std::filesystem::remove_all(folder);
    return EXIT_SUCCESS;
}
