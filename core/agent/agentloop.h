// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/agent/agentcore.h"
#include "core/agent/endpoint.h"
#include "core/agent/eventlines.h"
#include "core/agent/eventrecord.h"
#include "core/agent/peer.h"
#include "core/agent/picture.h"
#include "core/base/ticks.h"
#include "core/wire/command.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace poolscope {

/// What the agent's thread does. Everything here belongs to that thread.
class AgentLoop
{
public:
    AgentLoop(AgentCore& core, AgentOptions options, Endpoint endpoint, Descriptor wake_read);
    ~AgentLoop();
    /// Until core.stopping(). Lets nothing out.
    void run() noexcept;

private:
    using Time = Peer::Time;

    void step();
    void wait();
    int timeout(bool accepting) const;
    bool accepting() const;
    bool hears(const Peer& peer) const;
    void accept_peers();
    void pause_accepting(int error);
    void admit(Descriptor socket);
    bool challenge(Peer& peer);
    void read_line(Peer& peer, std::string_view line);
    void authenticate(Peer& peer, const wire::Command& command);
    void obey(Peer& peer, const wire::Command& command);
    void reclaim(Peer& peer, const wire::Command& command);
    void refuse(Peer& peer, std::uint64_t of, std::string_view why);
    void attach_or_detach();

    void account_dropped();
    std::size_t drain(std::size_t most, std::uint64_t end = EventRing::no_end);
    bool drain_until(std::uint64_t end);
    void take_event(const ReadEvent& read);
    template <class Write>
    void tell(std::uint32_t pool, StackId stack, Write&& write);
    void tell_lent();
    void tell_of_picture(std::uint32_t pool, const PoolPicture& picture);
    void tell_brief();

    void pictures();
    bool take_pictures(std::vector<std::pair<std::uint32_t, PoolPicture>>& pools);
    void picture(Peer& peer);
    void write_picture(Peer& peer, const std::vector<std::pair<std::uint32_t, PoolPicture>>& pools);
    void finish_picture(Peer& peer);
    void stacks();
    void one_stack(Peer& peer);
    void stats();
    void write_stats(Peer& peer);
    void tell_of_full_table();
    void tend(Peer& peer);
    void reap();
    void log(const std::string& sentence) noexcept;

    AgentCore& core_;
    AgentOptions options_;
    Endpoint endpoint_;
    Descriptor wake_read_;
    AgentIdentity identity_;
    EventLines lines_;
    std::vector<std::unique_ptr<Peer>> peers_;
    Time now_;
    Time next_stats_;
    Time accept_after_{};
    bool told_of_accept_ = false;
    bool told_of_stacks_ = false;
    std::uint64_t number_ = 0; ///< of the last event
    std::uint64_t dropped_ = 0;
    Ticks drained_; ///< all that was put into the ring before has been taken out
    ReadEvent read_;
    std::string line_;
    bool attached_ = false;
    bool noting_changes_ = false; ///< while a picture is taken
    std::vector<PictureChange> changes_;
};

} // namespace poolscope
