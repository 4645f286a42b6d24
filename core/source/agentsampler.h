// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/stringhash.h"
#include "core/model/pool.h"
#include "core/source/agentstacks.h"
#include "core/source/agenttimes.h"
#include "core/wire/peerstate.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

namespace poolscope {

/// Turns the messages of one agent into samples. What began and ended between two samples is summed
/// up by place; only what stays open, or ends after it was listed, is named. So a sample's size
/// follows what is open and how many places there are, not how busy the pool is. One thread.
class AgentSampler final : public wire::PeerListener
{
public:
    /// What the source does about it; each may be called while messages are taken.
    struct Events
    {
        std::function<void(std::uint64_t version)> unsupported;
        std::function<void(std::string_view nonce)> challenged;
        /// `started`: of the process, on its own clock.
        std::function<void(const AgentFacts& facts, Timestamp agentNow,
                           std::optional<Timestamp> started)>
            greeted;
        std::function<void()> ready; ///< the picture is complete: time for a sample
        std::function<void(std::uint64_t lost)> gap;
        std::function<void(std::int64_t of, Timestamp agentNow)> pong;
        std::function<void(std::int64_t of, bool ok, const std::string& why)> outcome;
        /// Its clock is far from where it was thought to be: a new picture tells ages anew.
        std::function<void()> corrected;
    };

    AgentSampler(TargetId target, Events events);
    ~AgentSampler() override;

    /// What happened since the sample before; a full one after a picture. Offsets and counts of
    /// what was lost are the caller's to add.
    PoolSample take();
    /// Timeouts beyond those that a sample holds, since the beginning.
    std::uint64_t timeoutsLeftOut() const { return timeoutsLeftOut_; }
    /// Short checkouts whose place is one more than a sample holds, since the beginning: they count
    /// under their pool, at no place.
    std::uint64_t placesLeftOut() const { return placesLeftOut_; }
    /// Times that cannot be, since the beginning.
    std::uint64_t timesDisbelieved() const { return times_.disbelieved(); }

    void unsupported(std::uint64_t version) override;
    void challenged(const wire::Challenge& challenge) override;
    void hello(const wire::Hello& hello, std::uint64_t n) override;
    void appeared(const wire::Message& message) override;
    void checkout_vanished(std::string_view pool, std::string_view id) override;
    void connection_vanished(std::string_view pool, std::string_view connection) override;
    void ready() override;
    void happened(const wire::Message& message) override;
    void gap(std::uint64_t lost) override;
    void answered(const wire::Pong& pong) override;
    void answered(const wire::Outcome& outcome) override;

private:
    struct Open;
    struct Known;
    struct Awaited;
    struct PreparedAt;
    struct HeldTimeout;
    struct PlaceHash
    {
        std::size_t operator()(const std::pair<const void*, const Stack*>& key) const noexcept
        {
            return std::hash<const void*>{}(key.first) * 31 + std::hash<const void*>{}(key.second);
        }
    };

    void see(const wire::Message& message);
    void on(const wire::Stack& stack);
    void on(const wire::Open& open);
    void on(const wire::Close& close);
    void on(const wire::Wait& wait);
    void on(const wire::Checkout& checkout);
    void on(const wire::Use& use);
    void on(const wire::Beat& beat);
    void on(const wire::Checkin& checkin);
    void on(const wire::Brief& brief);
    void on(const wire::Timeout& timeout);
    void on(const wire::Health& health);
    void on(const wire::Leak& leak);
    void on(const wire::Stats& stats);
    void on(const wire::Prepared& prepared);
    template <class T>
    void on(const T&)
    {}

    Text text(std::string_view view);
    Open& openOne();
    void endOne(Open& open);
    Open* touched();
    void touch(Open& open);
    void untouch(Open& open);
    Awaited* awaitedStack(std::string_view id, std::span<const wire::FrameView> frames);
    void await(Open& open, Awaited* awaited);
    static void unawait(Open& open);
    void settle(std::string_view id);
    void giveUpWaiting();
    void sum(const BriefHolds& more, Awaited* awaited);
    BriefHolds* briefOf(const Text& pool, const StackRef& stack);
    BriefHolds* briefOf(const Text& pool, Awaited& awaited);
    Checkout listed(const Open& open);
    Pool& pool(std::string_view name);
    std::vector<PreparedStatements> preparedNow();

    TargetId target_;
    Events events_;
    TextPool texts_;
    std::map<Text, Pool> pools_;
    std::set<Text> changedPools_;
    // What PeerState keeps for us with each checkout and connection points into these two.
    std::vector<std::unique_ptr<Known>> connections_;
    std::vector<std::unique_ptr<Open>> open_;
    std::map<ConnectionKey, Known*> changedConnections_;
    std::set<ConnectionKey> closedConnections_;
    AgentStacks stacks_{texts_};
    AgentTimes times_;
    Timestamp pictured_; ///< when the last picture was taken
    std::vector<Open*> touched_;
    std::vector<std::unique_ptr<Open>> spare_;
    std::vector<CheckoutEnd> ended_;
    std::unordered_map<std::pair<const void*, const Stack*>, BriefHolds, PlaceHash> brief_;
    StringTable<Awaited> awaited_; ///< by the agent's id of the stack
    std::vector<AcquireTimeout> timeouts_;
    std::vector<HeldTimeout> heldTimeouts_;
    std::map<std::pair<Text, std::string>, PreparedAt> prepared_; ///< by pool and the agent's place
    std::map<PlaceKey, PreparedStatements> preparedTold_;
    bool preparedChanged_ = false;
    std::uint64_t timeoutsLeftOut_ = 0;
    std::uint64_t placesLeftOut_ = 0;
    std::size_t awaitedBriefs_ = 0; ///< sums in awaited_
    bool full_ = false;
};

} // namespace poolscope
