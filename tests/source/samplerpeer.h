// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentsampler.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace poolscope::test {

const inline Timestamp start = timestamp_from_us(1'763'735'320'000'000);

/// An agent as the protocol has it: numbers its events, begins with a picture.
class Peer
{
public:
    Peer()
        : sampler(TargetId{1}, events())
        , state(sampler)
    {}

    void hello(std::vector<wire::PoolInfo> pools = {{"orders", "poolscope", "", {}}})
    {
        wire::Hello hello;
        hello.now = start;
        hello.agent = "test";
        hello.process = "shop";
        static const std::vector<std::string_view> can{"stacks", "reclaim"};
        hello.can = can;
        hello.pools = pools;
        state.take({n, hello});
    }
    void ready() { state.take({n, wire::Ready{}}); }
    template <class Body>
    void event(Body body)
    {
        state.take({++n, body});
    }
    template <class Body>
    void line(Body body)
    {
        state.take({n, body});
    }

    void checkout(std::string_view id, Timestamp at, std::string_view stack = "s1")
    {
        wire::Checkout c;
        c.pool = "orders";
        c.id = id;
        c.time = at;
        c.connection = "c1";
        c.by = "worker";
        c.stack = stack;
        event(c);
    }
    void checkin(std::string_view id, Timestamp at)
    {
        event(wire::Checkin{"orders", id, at, "c1"});
    }

    AgentSampler sampler;
    wire::PeerState state;
    std::uint64_t n = 0;
    int readies = 0;
    std::vector<std::uint64_t> gaps;
    AgentFacts facts;

private:
    AgentSampler::Events events()
    {
        AgentSampler::Events e;
        e.unsupported = [](std::uint64_t) {
        };
        e.challenged = [](std::string_view) {
        };
        e.greeted = [this](const AgentFacts& told, Timestamp, std::optional<Timestamp>) {
            facts = told;
        };
        e.ready = [this] {
            ++readies;
        };
        e.gap = [this](std::uint64_t lost) {
            gaps.push_back(lost);
        };
        e.pong = [](std::int64_t, Timestamp) {
        };
        e.outcome = [](std::int64_t, bool, const std::string&) {
        };
        return e;
    }
};

} // namespace poolscope::test
