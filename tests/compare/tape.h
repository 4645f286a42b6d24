// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/record/writer.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace poolscope::test {

using namespace std::chrono_literals;

/// How a process, its pool and its server behave, the same each second.
struct Behaviour
{
    int seconds = 60;
    std::uint64_t acquires = 40; ///< a second, each brief
    Duration use = 20ms;         ///< of each of them
    Duration wait = 1ms;         ///< likewise
    int timeouts = 0;            ///< in all, one a second from the tenth on
    int used = 4;
    int pending = 0;
    int max = 10;
    int leaks = 0;          ///< checkouts, one each 5 s from the first second on, never returned
    int line = 42;          ///< of the code that acquires briefly
    int in_transaction = 0; ///< sessions that idle in a transaction, of "billing"
    int waiting = 0;        ///< sessions that wait for a lock, of "orders-api"
    int gap_from = 0;       ///< seconds; nothing is seen there
    int gap_to = 0;
    std::uint64_t acquires_in_gap = 0;
    bool pool = true;
    std::string pool_name = "shop";
    std::string pool_kind = "poolscope";
    std::string process = "shop-api";
    std::string target = "shop-api";
    std::string url = "pool+unix:///run/poolscope/shop.sock";
};

/// Records that.
class Tape
{
public:
    static inline const Timestamp start = timestamp_from_us(1'763'735'320'000'000);
    static constexpr TargetId server{1};
    static constexpr TargetId process{2};

    explicit Tape(const std::filesystem::path& file)
    {
        auto created = RecordingWriter::create(file, {});
        if (created)
            writer_ = std::move(created).value();
        else
            trouble_ = created.error().sentence;
    }
    const std::string& trouble() const { return trouble_; }
    Timestamp now() const { return now_; }
    void pass(Duration time) { now_ += time; }

    void play(const Behaviour& how)
    {
        if (number_ == 0)
            attach(how);
        for (int second = 0; second < how.seconds; ++second) {
            now_ += 1s;
            const bool hidden = second >= how.gap_from && second < how.gap_to;
            if (hidden && second == how.gap_from && how.gap_to > how.gap_from) {
                tell(process, Gap{"no answer"});
                tell(server, Gap{"no answer"});
            }
            if (hidden) {
                acquired_ += how.acquires_in_gap;
                tell(TargetId{}, Tick{});
                continue;
            }
            if (how.pool)
                tell_pool(how, second);
            tell_server(how);
            tell(TargetId{}, Tick{});
        }
    }
    void tell(TargetId target, Fact what)
    {
        if (!writer_)
            return;
        const auto done =
            writer_->append({SequenceNumber{++number_}, now_, target, std::move(what)});
        if (!done)
            trouble_ = done.error().sentence;
    }
    void commit()
    {
        if (const auto done = writer_->commit(); !done)
            trouble_ = done.error().sentence;
    }
    void close()
    {
        if (!writer_)
            return;
        if (const auto closed = writer_->close(); !closed)
            trouble_ = closed.error().sentence;
    }

    static StackRef stack(const std::string& function, int line)
    {
        return make_stack({{Text{"Pool::acquire"}, Text{"/usr/lib/pool.cpp"}, 7, false},
                           {Text{function}, Text{"/srv/shop/" + function + ".cpp"}, line, true}});
    }

    std::function<void(ServerSample&)> also_seen; ///< changes what a server tells

private:
    void attach(const Behaviour& how)
    {
        tell(server, TargetAttached{{server, "postgresql", "shop-db", "service=shop-db"}});
        tell(process, TargetAttached{{process, "pool", how.target, how.url}});
        TargetStatus up;
        up.reach = Reach::up;
        tell(server, StatusChanged{up});
        tell(process, StatusChanged{up});
        ServerFacts facts;
        facts.version_number = 150008;
        facts.max_connections = 100;
        facts.sees_all = true;
        tell(server, FactsReported{facts});
        AgentFacts agent;
        agent.process = how.process;
        agent.can = {"stacks", "wait"};
        tell(process, AgentReported{agent});
        // How it stands at the beginning: what is counted from here on is of the range.
        Behaviour still = how;
        still.acquires = 0;
        still.leaks = 0;
        if (how.pool)
            tell_pool(still, 0);
        tell_server(how);
    }

    void tell_pool(const Behaviour& how, int second)
    {
        PoolSample sample;
        sample.full = !told_;
        told_ = true;
        acquired_ += how.acquires;
        used_for_ += how.use * static_cast<std::int64_t>(how.acquires);
        waited_for_ += how.wait * static_cast<std::int64_t>(how.acquires);
        if (second >= 10 && second < 10 + how.timeouts) {
            ++timeouts_;
            sample.timeouts.push_back(
                {Text{how.pool_name}, now_, 3s, Text{"worker"}, stack("browse", how.line)});
        }
        Pool pool;
        pool.name = Text{how.pool_name};
        pool.kind = Text{how.pool_kind};
        pool.used = how.used;
        pool.max = how.max;
        pool.pending = how.pending;
        pool.timeouts = timeouts_;
        pool.wait_time = DurationSummary{acquired_, waited_for_, {}, {}};
        pool.use_time = DurationSummary{acquired_, used_for_, {}, {}};
        sample.pools = {pool};
        if (how.acquires > 0)
            sample.brief = {{Text{how.pool_name}, stack("browse", how.line), how.acquires,
                             how.use * static_cast<std::int64_t>(how.acquires), how.use}};
        if (second % 5 == 1 && second / 5 < how.leaks) {
            Checkout c;
            // As wide as they get, so that they come in order.
            c.key = {process, Text{"c" + std::to_string(100'000 + ++leaked_)}};
            c.pool = Text{how.pool_name};
            c.acquired = now_ - 400ms;
            c.stack = stack("load", 88);
            sample.changed = {c};
        }
        tell(process, sample);
    }

    void tell_server(const Behaviour& how)
    {
        ServerSample sample;
        sample.full = true;
        const auto add = [&](int pid, const char* application, SessionState state) {
            Session s;
            s.key = {server, Pid{pid}, start - 1h};
            s.user = Text{"shop"};
            s.application = Text{application};
            s.backend_type = Text{"client backend"};
            s.state = state;
            s.state_since = start;
            sample.changed.push_back(s);
        };
        add(1, "psql", SessionState::idle);
        for (int i = 0; i < how.in_transaction; ++i)
            add(100 + i, "billing", SessionState::idle_in_transaction);
        for (int i = 0; i < how.waiting; ++i)
            add(200 + i, "orders-api", SessionState::waiting);
        if (also_seen)
            also_seen(sample);
        tell(server, sample);
    }

    std::unique_ptr<RecordingWriter> writer_;
    std::uint64_t number_ = 0;
    Timestamp now_ = start;
    std::string trouble_;
    bool told_ = false;
    std::uint64_t acquired_ = 1000; ///< it has worked before
    Duration used_for_ = 700s;
    Duration waited_for_ = 300s;
    std::uint64_t timeouts_ = 5;
    int leaked_ = 0;
};

} // namespace poolscope::test
