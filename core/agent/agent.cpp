// SPDX-License-Identifier: Apache-2.0
#include "core/agent/agent.h"

#include "core/agent/agentcore.h"
#include "core/agent/agentloop.h"
#include "core/agent/endpoint.h"
#include "core/base/signalsblocked.h"
#include "core/wire/places.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace poolscope {

namespace {

std::string program_name()
{
    std::error_code error;
    const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? "pool" : path.filename().string();
}

} // namespace

class Agent::Impl
{
public:
    explicit Impl(const AgentOptions& options)
        : core(options.ring_bytes)
    {}

    Result<Done> start(AgentOptions options)
    {
        Result<Endpoint> opened =
            open_endpoint({options.listen, options.name, options.group, !options.token.empty()});
        if (!opened)
            return opened.error();
        Endpoint endpoint = std::move(opened).value();
        address = endpoint.address;
        if (!endpoint.socket)
            return Done{};
        std::array<int, 2> ends{-1, -1};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0 || !watch_forks(core)) {
            const Descriptor unused(ends[0]);
            const Descriptor unused_too(ends[1]);
            if (!endpoint.path.empty())
                unlink(endpoint.path.c_str());
            return Error{"The agent cannot start: too many files or agents in this process.", ""};
        }
        wake_write = Descriptor(ends[1]);
        core.set_wake(wake_write.get());
        core.note_socket(wake_write.get());
        loop = std::make_unique<AgentLoop>(core, std::move(options), std::move(endpoint),
                                           Descriptor(ends[0]));
        const SignalsBlocked blocked;
        thread = std::thread([this] { loop->run(); });
        return Done{};
    }

    void stop()
    {
        core.stop();
        if (thread.joinable())
            thread.join();
        core.clear();
        unwatch_forks(core);
    }

    AgentCore core;
    std::string address;
    Descriptor wake_write;
    std::unique_ptr<AgentLoop> loop;
    std::thread thread;
};

Agent::Agent(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl))
{}

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options)
{
    try {
        if (options.name.empty())
            options.name = program_name();
        if (options.token.empty())
            options.token = wire::environment_variable("POOLSCOPE_TOKEN");
        auto impl = std::make_unique<Impl>(options);
        if (const Result<Done> started = impl->start(std::move(options)); !started)
            return started.error();
        return std::unique_ptr<Agent>(new Agent(std::move(impl)));
    } catch (const std::exception& exception) {
        return Error{std::string("The agent cannot start: ") + exception.what() + ".", ""};
    }
}

Agent::~Agent()
{
    if (impl_->core.is_dead_copy()) {
        // The thread and whatever locks it held stayed in the parent: nothing here can be ended.
        static_cast<void>(impl_.release());
        return;
    }
    impl_->stop();
}

void Agent::add(PoolControl& pool) noexcept
{
    try {
        if (!impl_->core.is_dead_copy() && impl_->thread.joinable())
            impl_->core.add(pool);
    } catch (...) {
        return; // out of memory: the pool goes unseen, the application goes on
    }
}

void Agent::remove(PoolControl& pool) noexcept
{
    try {
        if (!impl_->core.is_dead_copy())
            impl_->core.remove(pool);
    } catch (...) {
        return;
    }
}

std::string Agent::address() const
{
    return impl_->address;
}

AgentFigures Agent::figures() const noexcept
{
    const AgentCounters& c = impl_->core.counters;
    return {c.attached, c.accepted, c.refused, c.events, c.dropped, c.pictures, c.bad_lines};
}

} // namespace poolscope
