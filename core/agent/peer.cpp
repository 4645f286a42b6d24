// SPDX-License-Identifier: Apache-2.0
#include "core/agent/peer.h"

#include "core/wire/encoder.h"
#include "core/wire/limits.h"

#include <array>
#include <cerrno>

#include <sys/socket.h>

namespace poolscope {

Peer::Peer(Descriptor socket, State initial, Time now)
    : state(initial)
    , socket_(std::move(socket))
    , accepted_(now)
    , progressed_(now)
{}

void Peer::receive(const std::function<void(std::string_view)>& line)
{
    std::array<char, 16 * 1024> buffer;
    const ssize_t count = recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        state = State::gone;
        return;
    }
    if (count < 0)
        return;
    received_bytes += static_cast<std::size_t>(count);
    in_.append(buffer.data(), static_cast<std::size_t>(count));
    cut_lines(line);
}

void Peer::cut_lines(const std::function<void(std::string_view)>& line)
{
    std::size_t begin = 0;
    while (state != State::gone) {
        const std::size_t newline = in_.find('\n', begin);
        if (newline == std::string::npos)
            break;
        if (!std::exchange(skipping_, false) && newline > begin)
            line(std::string_view(in_).substr(begin, newline - begin));
        begin = newline + 1;
    }
    in_.erase(0, begin);
    if (skipping_ || in_.size() > wire::max_line) {
        bad_lines_ += skipping_ ? 0 : 1;
        skipping_ = true;
        in_.clear();
    }
}

void Peer::flush(Time now)
{
    while (state != State::gone && sent_ < out_.size()) {
        // No signal in the application when the inspector is gone.
        const ssize_t count = send(socket_.get(), out_.data() + sent_, out_.size() - sent_,
                                   MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                state = State::gone;
            break;
        }
        sent_ += static_cast<std::size_t>(count);
        progressed_ = now;
    }
    if (sent_ == out_.size()) {
        progressed_ = now;
        constexpr std::size_t kept = 1U << 20U; // what a large picture took is given back
        out_.clear();
        if (out_.capacity() > kept)
            out_.shrink_to_fit();
        sent_ = 0;
    } else if (sent_ > out_.size() / 2) {
        out_.erase(0, sent_);
        sent_ = 0;
    }
}

void Peer::event(std::string_view line, std::uint64_t n, std::size_t limit)
{
    const bool behind = state == State::in_picture;
    const std::size_t before = behind ? held_.size() : waiting();
    if (lost_ > 0 || before + line.size() > limit) {
        ++lost_;
        return;
    }
    (behind ? held_ : out_) += line;
    (behind ? held_number_ : number_) = n;
}

void Peer::tell_lost(std::uint64_t n, std::size_t limit)
{
    if (lost_ == 0 || state != State::live || waiting() > limit / 2)
        return;
    number_ = n;
    wire::encode(out_, n, wire::Lost{static_cast<std::int64_t>(lost_)});
    lost_ = 0;
}

void Peer::begin_picture(std::uint64_t n)
{
    state = State::in_picture;
    picture_due = false;
    number_ = n;
    held_.clear();
    held_number_ = n;
    lost_ = 0; // the picture makes up for it
    stacks.clear();
    known_stacks_.clear();
}

void Peer::end_picture()
{
    out_ += held_;
    number_ = held_number_;
    held_.clear();
    held_.shrink_to_fit();
    state = State::live;
}

void Peer::need_stack(StackId stack, std::uint32_t pool)
{
    if (stack.value != 0 && known_stacks_.insert(stack.value).second)
        stacks.push_back({stack, pool});
}

} // namespace poolscope
