// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/agent/endpoint.h"
#include "core/event/poolcontrol.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace poolscope {

/// One inspector that is attached, or tries to be: its socket and what waits to go through it. One
/// thread; never blocks.
class Peer
{
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class State : std::uint8_t {
        challenged, ///< has yet to answer
        admitted,   ///< its first picture is due; hears nothing before
        live,       ///< gets events
        in_picture, ///< gets a picture; events wait behind it
        gone,       ///< to be closed
    };

    Peer(Descriptor socket, State state, Time now);

    /// Reads what there is, at most 16 KiB, and calls `line` for each complete line (while it is
    /// not gone). Lines over 64 KiB are skipped and counted as bad.
    void receive(const std::function<void(std::string_view)>& line);
    /// Sends what it can.
    void flush(Time now);
    /// Bytes that wait to be sent.
    std::size_t waiting() const { return out_.size() - sent_; }
    std::string& out() { return out_; }

    /// An event's line; dropped and counted where more than `limit` bytes wait already, or where
    /// some were dropped before and that is not told yet.
    void event(std::string_view line, std::uint64_t n, std::size_t limit);
    /// That many events are missing in front of the next.
    void lose(std::uint64_t count) { lost_ += count; }
    /// Tells what was lost, up to event n, as soon as half of `limit` is free again.
    void tell_lost(std::uint64_t n, std::size_t limit);

    void begin_picture(std::uint64_t n);
    /// Lets the events go that waited. The caller has written `ready` before.
    void end_picture();

    /// Notes that this stack is to be sent, once a picture.
    void need_stack(StackId stack, std::uint32_t pool);

    int socket() const { return socket_.get(); }
    bool attached() const { return state == State::admitted || gets_events(); }
    bool gets_events() const { return state == State::live || state == State::in_picture; }
    /// Since when it has taken nothing although something waits.
    Time stuck_since() const { return progressed_; }
    Time accepted() const { return accepted_; }
    /// The number of the last event that this peer was told of.
    std::uint64_t number() const { return number_; }
    std::uint64_t bad_lines() const { return bad_lines_; }
    void count_bad_line() { ++bad_lines_; }

    struct StackNeed
    {
        StackId stack;
        std::uint32_t pool;
    };

    State state;
    std::string nonce;
    std::string who; ///< for the log
    bool picture_due = false;
    bool wants_brief = false; ///< sums instead of short checkouts
    Time picture_not_before{};
    std::deque<StackNeed> stacks;   ///< still to be sent
    std::size_t picture_stacks = 0; ///< how many of them belong to the picture
    std::size_t received_bytes = 0;

private:
    void cut_lines(const std::function<void(std::string_view)>& line);

    Descriptor socket_;
    std::string in_;
    bool skipping_ = false;
    std::string out_;
    std::size_t sent_ = 0;
    std::string held_; ///< events behind a picture
    std::uint64_t held_number_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t lost_ = 0;
    std::uint64_t bad_lines_ = 0;
    std::unordered_set<std::uint32_t> known_stacks_;
    Time accepted_;
    Time progressed_;
};

} // namespace poolscope
