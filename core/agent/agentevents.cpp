// SPDX-License-Identifier: Apache-2.0
// The part of AgentLoop that takes events out of the ring and pictures of the pools.
#include "core/agent/agentloop.h"

#include "core/wire/encoder.h"

#include <algorithm>
#include <thread>
#include <unordered_set>

namespace poolscope {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds between_pictures{100};
/// Symbolising reads debug information; the ring must not fill meanwhile.
constexpr milliseconds stack_budget{5};
/// How often a picture is begun anew because events were dropped while it was taken.
constexpr int picture_attempts = 3;

} // namespace

/// Events that were dropped have numbers too, in front of what is taken out next.
void AgentLoop::account_dropped()
{
    const std::uint64_t dropped = core_.ring().take_dropped();
    if (dropped == 0)
        return;
    number_ += dropped;
    dropped_ += dropped;
    core_.counters.events += dropped;
    core_.counters.dropped += dropped;
    for (const auto& peer : peers_) {
        peer->lose(dropped);
        peer->tell_lost(number_, options_.peer_bytes);
    }
}

std::size_t AgentLoop::drain(std::size_t most, std::uint64_t end)
{
    account_dropped();
    const std::lock_guard lock(core_.mutex());
    const auto take = [this](std::span<const std::byte> record) {
        read_record(record, read_);
        take_event(read_);
    };
    return core_.ring().take(most, take, end);
}

/// Takes out all that lies in front of `end`, and nothing behind it; false where a thread that was
/// stopped in the middle of putting in holds that up.
bool AgentLoop::drain_until(std::uint64_t end)
{
    const auto deadline = steady_clock::now() + milliseconds(50);
    while (!core_.ring().reached(end)) {
        constexpr std::size_t some = 1000;
        if (drain(some, end) > 0)
            continue;
        if (steady_clock::now() > deadline)
            return false;
        std::this_thread::yield();
    }
    account_dropped();
    return true;
}

void AgentLoop::take_event(const ReadEvent& read)
{
    const PoolEntry& entry = core_.pools()[read.pool];
    if (entry.control == nullptr)
        return; // removed meanwhile: no pool of any peer's
    if (noting_changes_ && changes_picture(read.event.kind))
        changes_.push_back(change_of(read.pool, read.event));
    tell(read.pool, read.event.stack, [&](std::string& line, std::uint64_t n) {
        lines_.event(line, n, entry.name, read.event, entry.dialect);
    });
}

/// Gives the next number to what write(line, number) writes, and sends it to all.
template <class Write>
void AgentLoop::tell(std::uint32_t pool, StackId stack, Write&& write)
{
    ++number_;
    core_.counters.events.store(core_.counters.events.load(std::memory_order_relaxed) + 1,
                                std::memory_order_relaxed);
    line_.clear();
    for (const auto& peer : peers_) {
        if (!peer->gets_events())
            continue;
        if (line_.empty())
            write(line_, number_);
        peer->event(line_, number_, options_.peer_bytes);
        if (options_.send_stacks)
            peer->need_stack(stack, pool);
    }
}

/// What was lent for longer than a round takes is told one by one, before anything else is taken
/// out of the ring: its checkin may be in it from now on.
void AgentLoop::tell_lent()
{
    // Not what was lent since the ring was emptied: events that came before it may be in there.
    const Ticks before{
        std::min(now_ticks().value - ticks_in(options_.drain_every), drained_.value)};
    const std::lock_guard lock(core_.mutex());
    std::uint32_t index = 0;
    for (const PoolEntry& entry : core_.pools()) {
        const std::vector<OpenCheckout> lent = entry.control != nullptr
                                                   ? entry.control->tell_lent(before)
                                                   : std::vector<OpenCheckout>();
        for (const OpenCheckout& checkout : lent) {
            tell(index, checkout.stack, [&](std::string& line, std::uint64_t n) {
                lines_.checkout(line, n, entry.name, checkout, false);
            });
        }
        ++index;
    }
}

/// By showing in a picture, which one peer gets, they count as told: so they are, to all.
void AgentLoop::tell_of_picture(std::uint32_t pool, const PoolPicture& picture)
{
    const std::lock_guard lock(core_.mutex());
    const PoolEntry& entry = core_.pools()[pool];
    if (entry.control == nullptr)
        return;
    const std::unordered_set<CheckoutId> told(picture.told.begin(), picture.told.end());
    for (const OpenCheckout& checkout : picture.checkouts) {
        if (!told.contains(checkout.id))
            continue;
        tell(pool, checkout.stack, [&](std::string& line, std::uint64_t n) {
            lines_.checkout(line, n, entry.name, checkout, false);
        });
    }
}

void AgentLoop::tell_brief()
{
    const std::lock_guard lock(core_.mutex());
    std::uint32_t index = 0;
    for (const PoolEntry& entry : core_.pools()) {
        const std::vector<BriefUses> list =
            entry.control != nullptr ? entry.control->take_brief() : std::vector<BriefUses>();
        for (const BriefUses& uses : list) {
            tell(index, uses.stack, [&](std::string& line, std::uint64_t n) {
                lines_.brief(line, n, entry.name, uses);
            });
        }
        ++index;
    }
}

void AgentLoop::pictures()
{
    for (const auto& peer : peers_) {
        if (!peer->attached() || !peer->picture_due || now_ < peer->picture_not_before)
            continue;
        // One that reads slowly has its last picture still to come.
        if (peer->state == Peer::State::in_picture || peer->waiting() > options_.peer_bytes / 2)
            continue;
        peer->picture_not_before = now_ + between_pictures;
        picture(*peer);
    }
}

/// What all pools show, and in `changes_` what was told from its beginning until all of it was
/// there. False where that is not all: some was dropped, or a thread is stopped in the middle.
///
/// What was told before has shown (PoolControl::picture), so it must not change a picture; and it
/// may not: a checkout of then whose checkin was dropped, before as well, would seem open for ever.
bool AgentLoop::take_pictures(std::vector<std::pair<std::uint32_t, PoolPicture>>& pools)
{
    pools.clear();
    changes_.clear();
    drain_until(core_.ring().end()); // room for what comes meanwhile
    const std::uint64_t dropped = dropped_;
    const std::uint64_t begin = core_.ring().end();
    {
        const std::lock_guard lock(core_.mutex());
        std::uint32_t index = 0;
        for (const PoolEntry& entry : core_.pools()) {
            if (entry.control != nullptr)
                pools.emplace_back(index, entry.control->picture());
            ++index;
        }
    }
    const std::uint64_t end = core_.ring().end();
    const bool reached = drain_until(begin);
    for (const auto& [index, picture] : pools)
        tell_of_picture(index, picture);
    if (!reached)
        return false;
    noting_changes_ = true;
    const bool all = drain_until(end);
    noting_changes_ = false;
    return all && dropped == dropped_;
}

void AgentLoop::picture(Peer& peer)
{
    std::vector<std::pair<std::uint32_t, PoolPicture>> pools;
    bool exact = false;
    for (int attempt = 0; attempt < picture_attempts && !exact; ++attempt)
        exact = take_pictures(pools);
    for (auto& [index, picture] : pools)
        bring_up_to_date(picture, index, changes_);
    changes_.clear();
    // What came back before it is not of this peer's time; and to one that has not asked for sums,
    // what is lent since then is told one by one.
    tell_brief();
    peer.begin_picture(number_);
    if (!exact)
        peer.lose(1); // the inspector asks again
    write_picture(peer, pools);
    ++core_.counters.pictures;
}

void AgentLoop::write_picture(Peer& peer,
                              const std::vector<std::pair<std::uint32_t, PoolPicture>>& pools)
{
    const std::lock_guard lock(core_.mutex());
    std::string& out = peer.out();
    EventLines::hello(out, number_, lines_.now(), identity_, core_.descriptions());
    for (const auto& [index, picture] : pools) {
        const PoolEntry& entry = core_.pools()[index];
        if (entry.control == nullptr)
            continue; // removed meanwhile; another picture is due
        for (const OpenConnection& connection : picture.connections)
            lines_.connection(out, number_, entry.name, connection);
        for (const OpenCheckout& checkout : picture.checkouts) {
            lines_.checkout(out, number_, entry.name, checkout);
            if (options_.send_stacks)
                peer.need_stack(checkout.stack, index);
        }
        if (picture.figures.pending.value_or(0) > 0)
            lines_.pending(out, number_, entry.name, *picture.figures.pending);
        lines_.figures(out, number_, entry.name, picture.figures);
    }
    peer.picture_stacks = peer.stacks.size();
    if (peer.picture_stacks == 0)
        finish_picture(peer);
}

void AgentLoop::finish_picture(Peer& peer)
{
    wire::encode(peer.out(), peer.number(), wire::Ready{});
    peer.end_picture();
    peer.tell_lost(number_, options_.peer_bytes);
}

void AgentLoop::one_stack(Peer& peer)
{
    const Peer::StackNeed need = peer.stacks.front();
    peer.stacks.pop_front();
    const std::lock_guard lock(core_.mutex());
    const PoolEntry& entry = core_.pools()[need.pool];
    if (entry.control != nullptr)
        EventLines::stack(peer.out(), peer.number(), need.stack, entry.control->frames(need.stack));
    if (peer.picture_stacks > 0 && --peer.picture_stacks == 0)
        finish_picture(peer);
}

/// Some stacks, to each peer in turns; the rest in the next round, when the ring has been emptied.
void AgentLoop::stacks()
{
    const auto until = steady_clock::now() + stack_budget;
    bool more = true;
    while (more && steady_clock::now() < until) {
        more = false;
        for (const auto& peer : peers_) {
            if (peer->stacks.empty() || !peer->attached())
                continue;
            one_stack(*peer);
            more = true;
        }
    }
}

} // namespace poolscope
