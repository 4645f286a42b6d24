// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/record/writer.h"

#include <filesystem>
#include <string>
#include <utility>

namespace poolscope::test {

using namespace std::chrono_literals;

/// An incident of two minutes, made up: four connections of a pool of four are never given back,
/// their transactions stay open, others wait for them; the server cannot be seen for ten seconds;
/// somebody ends the blocker and writes that down. Everything in it that a stranger must not read
/// is one of `secrets`.
class RecordedIncident
{
public:
    static constexpr TargetId server{1};
    static constexpr TargetId process{2};
    static inline const Timestamp start = timestamp_from_us(1'763'735'320'000'000);

    static inline const std::vector<std::string> secrets{
        "alice",      "bob",     "corp.example", "db7",        "apphost",       "10.9.8.7",
        "Mustermann", "815",     "Erika",        "trace-4242", "postgresql://", "pool://",
        "nightowl",   "bastion", "2001:db8",     "worker of"};

    explicit RecordedIncident(const std::filesystem::path& file)
    {
        auto created = RecordingWriter::create(file, {});
        if (!created) {
            trouble_ = created.error().sentence;
            return;
        }
        writer_ = std::move(created).value();
        begin();
        for (int second = 0; second < 120; ++second)
            tell_second(second);
        if (const auto closed = writer_->close(); !closed)
            trouble_ = closed.error().sentence;
    }
    /// Why it could not be made; empty where it could.
    const std::string& trouble() const { return trouble_; }

private:
    void tell(Timestamp at, TargetId target, Fact what)
    {
        const auto done = writer_->append({SequenceNumber{++number_}, at, target, std::move(what)});
        if (!done)
            trouble_ = done.error().sentence;
    }

    void begin()
    {
        tell(start, server,
             TargetAttached{{server, "postgresql", "db7/shop",
                             "postgresql://bob@db7.corp.example:5432/shop"}});
        tell(start, process,
             TargetAttached{{process, "pool", "apphost", "pool://apphost.corp.example:7070"}});
        TargetStatus up;
        up.reach = Reach::up;
        up.sentence = "connected to db7.corp.example";
        tell(start, server, StatusChanged{up});
        tell(start, process, StatusChanged{up});
        ServerFacts facts;
        facts.version = "15.8 (Debian)";
        facts.version_number = 150008;
        facts.max_connections = 20;
        facts.reserved = 3;
        facts.role = "bob";
        facts.missing_grant = "GRANT pg_monitor TO bob;";
        tell(start, server, FactsReported{facts});
        // A reason that names what nothing else does.
        TargetStatus failing;
        failing.reach = Reach::failing;
        failing.sentence = "ssh to nightowl@bastion.elsewhere: Permission denied (2001:db8::5).";
        tell(start + 90ms, server, StatusChanged{failing});
        tell(start + 95ms, server, StatusChanged{up});
        AgentFacts agent;
        agent.protocol = 1;
        agent.agent = "poolscope-cpp 0.1";
        agent.process = "orders-service";
        agent.host = "apphost.corp.example";
        agent.pid = 99;
        agent.can = {"stacks", "wait", "server_pid"};
        tell(start, process, AgentReported{agent});
        // A rule that names its target, so that it must be named anew where names are replaced.
        tell(start, TargetId{},
             AlertRulesChanged{"[[rule]]\nname = \"Orders full\"\nmeasure = \"used_ratio\"\n"
                               "severity = \"critical\"\nat_least = 0.95\nfor = \"5s\"\n"
                               "target = \"app*\"\n"});
    }

    static Session session(int pid, SessionState state, Timestamp since)
    {
        Session s;
        s.key = {server, Pid{pid}, start - 1h};
        s.user = Text{"alice"};
        s.database = Text{"shop"};
        s.application = Text{"orders-api"};
        s.client = Text{"10.9.8.7:" + std::to_string(40000 + pid)};
        s.backend_type = Text{"client backend"};
        s.state = state;
        s.state_since = since;
        s.statement = Text{"UPDATE accounts SET owner = 'Erika Mustermann' WHERE id = 815"};
        return s;
    }

    static Checkout checkout(int number, Timestamp acquired)
    {
        Checkout c;
        c.key = {process, Text{"c" + std::to_string(number)}};
        c.pool = Text{"orders"};
        c.connection = Text{"conn-" + std::to_string(number)};
        c.server_pid = 4710 + number;
        c.acquired = acquired;
        c.acquired_by = Text{"worker of alice"};
        c.trace_id = Text{"trace-4242"};
        c.tags = {{Text{"customer"}, Text{"Mustermann"}}};
        c.stack = make_stack({{Text{"Pool::acquire"}, Text{"/usr/lib/pool.cpp"}, 7, false},
                              {Text{"load_orders"}, Text{"/Users/alice/src/orders.cpp"}, 42, true},
                              {Text{"main"}, Text{"/Users/alice/src/main.cpp"}, 9, true}});
        return c;
    }

    static Pool pool(std::int64_t used, std::int64_t pending)
    {
        Pool p;
        p.name = Text{"orders"};
        p.kind = Text{"poolscope"};
        p.database = Text{"postgresql://db7.corp.example:5432/shop"};
        p.configuration = {{"max", "4"}, {"username", "alice"}, {"leak_threshold", "30s"}};
        p.used = used;
        p.idle = 4 - used;
        p.total = 4;
        p.max = 4;
        p.pending = pending;
        return p;
    }

    void tell_second(int second)
    {
        const Timestamp now = start + std::chrono::seconds{second} + 100ms;
        const bool over = second >= 100;
        PoolSample pools;
        pools.full = second == 0;
        const int held = over ? 0 : std::min(4, second / 5);
        pools.pools = {pool(held, over || held < 4 ? 0 : 3)};
        if (second > 0 && second % 5 == 0 && second <= 20)
            pools.changed = {checkout(second / 5, now)};
        if (second == 100) {
            for (int number = 1; number <= 4; ++number)
                pools.ended.push_back({Text{"c" + std::to_string(number)}, now});
        }
        tell(now, process, pools);
        if (second == 70)
            tell(now, server, Gap{"no answer from db7.corp.example for 10 s"});
        if (second < 70 || second >= 80)
            tell_server(now, second, held, over);
        if (second == 95)
            act(now);
        if (second == 96)
            tell(now, TargetId{}, Note{"told Erika, who knows of it"});
        tell(now + 50ms, TargetId{}, Tick{});
        if (const auto committed = writer_->commit(); !committed)
            trouble_ = committed.error().sentence;
    }

    void tell_server(Timestamp now, int second, int held, bool over)
    {
        ServerSample sample;
        sample.full = true;
        for (int number = 1; number <= held; ++number)
            sample.changed.push_back(session(4710 + number, SessionState::idle_in_transaction,
                                             start + std::chrono::seconds{5 * number + 1}));
        if (!over && second > 30) {
            Session waits = session(4800, SessionState::waiting, start + 31s);
            waits.blocked_by = {Pid{4711}};
            waits.wait_event = Text{"Lock/transactionid"};
            sample.changed.push_back(waits);
        }
        tell(now, server, sample);
    }

    void act(Timestamp now)
    {
        ActionReported action;
        action.action = ActionId{1};
        action.verb = ActionVerb::terminate;
        action.session = {server, Pid{4711}, start - 1h};
        action.sentence = "orders-api of alice, idle in transaction for 1 min 29 s";
        tell(now, server, action);
        action.phase = ActionPhase::accepted;
        action.sentence = "db7.corp.example took the signal";
        tell(now + 10ms, server, action);
    }

    std::unique_ptr<RecordingWriter> writer_;
    std::uint64_t number_ = 0;
    std::string trouble_;
};

} // namespace poolscope::test
