// SPDX-License-Identifier: Apache-2.0
#include "core/agent/agentloop.h"

#include "core/base/text.h"
#include "core/base/tickkeeper.h"
#include "core/stack/stacktable.h"
#include "core/wire/encoder.h"
#include "core/wire/limits.h"
#include "core/wire/sha256.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace poolscope {

namespace {

using std::chrono::milliseconds;

/// A peer that keeps sending what cannot be read is no inspector.
constexpr std::uint64_t most_bad_lines = 1000;
/// After an accept that failed: whoever waits to come in still does, and asking again at once would
/// go on for ever.
constexpr milliseconds accept_pause{500};

std::string host_name()
{
    std::array<char, 256> name{};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

/// Where the system tells it: since the process was started, on the clock that counts suspension.
std::optional<Timestamp> process_start()
{
    std::ifstream file("/proc/self/stat");
    std::string text;
    std::getline(file, text);
    const auto name_end = text.rfind(')'); // the program's name may hold anything
    if (name_end == std::string::npos)
        return {};
    std::istringstream fields(text.substr(name_end + 1));
    std::string field;
    for (int number = 3; number < 22; ++number)
        fields >> field;
    std::int64_t started = 0; // in clock ticks since the system started
    timespec now{};
    const long per_second = sysconf(_SC_CLK_TCK);
    if (!(fields >> started) || per_second <= 0 || clock_gettime(CLOCK_BOOTTIME, &now) != 0)
        return {};
    const Duration uptime =
        std::chrono::seconds{now.tv_sec} +
        std::chrono::duration_cast<Duration>(std::chrono::nanoseconds{now.tv_nsec});
    const Duration age = uptime - Duration{started * 1'000'000 / per_second};
    if (age < Duration{})
        return {};
    return std::chrono::floor<Duration>(std::chrono::system_clock::now()) - age;
}

std::string fresh_nonce()
{
    std::array<std::uint8_t, 32> bytes{};
    return getentropy(bytes.data(), bytes.size()) == 0 ? wire::to_hex(bytes) : "";
}

} // namespace

AgentLoop::AgentLoop(AgentCore& core, AgentOptions options, Endpoint endpoint, Descriptor wake_read)
    : core_(core)
    , options_(std::move(options))
    , endpoint_(std::move(endpoint))
    , wake_read_(std::move(wake_read))
    , identity_{options_.name,   host_name(),          getpid(),
                process_start(), options_.send_stacks, options_.allow_reclaim}
    , now_(std::chrono::steady_clock::now())
    , next_stats_(now_)
{
    core_.note_socket(endpoint_.socket.get());
    core_.note_socket(wake_read_.get());
}

AgentLoop::~AgentLoop()
{
    for (const auto& peer : peers_)
        core_.forget_socket(peer->socket());
    core_.forget_socket(endpoint_.socket.get());
    core_.forget_socket(wake_read_.get());
    if (!endpoint_.path.empty())
        unlink(endpoint_.path.c_str());
}

void AgentLoop::run() noexcept
{
    while (!core_.stopping()) {
        try {
            step();
        } catch (...) {
            // Out of memory, or a pool that throws: whoever is attached is let go and may come
            // back.
            for (const auto& peer : peers_)
                peer->state = Peer::State::gone;
            noting_changes_ = false;
        }
    }
}

void AgentLoop::log(const std::string& sentence) noexcept
{
    try {
        if (options_.log)
            options_.log(sentence);
    } catch (...) {
        return; // what the application's logger throws is not the pool's trouble
    }
}

void AgentLoop::step()
{
    reap();
    wait();
    now_ = std::chrono::steady_clock::now();
    attach_or_detach();
    if (attached_) {
        tell_lent();
        constexpr std::size_t most = 20'000; // then the peers have a turn
        const Ticks began = now_ticks();
        // A ring that never empties must not keep what is lent from being told.
        if (drain(most) < most || began.value - drained_.value > ticks_in(std::chrono::seconds{1}))
            drained_ = began;
        if (core_.take_pools_changed()) {
            for (const auto& peer : peers_)
                peer->picture_due = peer->picture_due || peer->attached();
        }
        pictures();
        stacks();
        stats();
    }
    for (const auto& peer : peers_)
        tend(*peer);
}

int AgentLoop::timeout(bool accepting) const
{
    if (peers_.empty())
        return accepting ? -1 : static_cast<int>(accept_pause.count());
    const bool work = std::any_of(peers_.begin(), peers_.end(),
                                  [](const auto& peer) { return !peer->stacks.empty(); });
    if (work || (attached_ && core_.ring().filling()))
        return 0;
    const auto every = std::chrono::duration_cast<milliseconds>(options_.drain_every);
    return static_cast<int>(std::clamp<std::int64_t>(every.count(), 1, 1000));
}

bool AgentLoop::accepting() const
{
    return std::chrono::steady_clock::now() >= accept_after_;
}

/// What a peer asks for is answered after its hello, and as long as it takes the answers.
bool AgentLoop::hears(const Peer& peer) const
{
    return peer.state != Peer::State::admitted && peer.waiting() <= options_.peer_bytes / 2;
}

void AgentLoop::wait()
{
    const bool accepts = accepting();
    std::vector<pollfd> fds;
    fds.push_back({wake_read_.get(), POLLIN, 0});
    fds.push_back({accepts ? endpoint_.socket.get() : -1, POLLIN, 0});
    for (const auto& peer : peers_) {
        const int wanted = (hears(*peer) ? POLLIN : 0) | (peer->waiting() > 0 ? POLLOUT : 0);
        fds.push_back({peer->socket(), static_cast<short>(wanted), 0});
    }
    if (poll(fds.data(), fds.size(), timeout(accepts)) <= 0)
        return;
    if (fds[0].revents != 0) {
        std::array<char, 64> bytes{};
        while (read(wake_read_.get(), bytes.data(), bytes.size()) > 0) {
        }
        core_.woken(); // only now: whoever wakes from here on puts a byte into an empty pipe
    }
    for (std::size_t i = 0; i < peers_.size(); ++i) {
        Peer& peer = *peers_[i];
        if (hears(peer) && (fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
            peer.receive([&](std::string_view line) { read_line(peer, line); });
    }
    if (fds[1].revents != 0)
        accept_peers();
}

void AgentLoop::accept_peers()
{
    for (;;) {
        Descriptor socket(
            accept4(endpoint_.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket) {
            admit(std::move(socket));
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            pause_accepting(errno);
        return;
    }
}

void AgentLoop::pause_accepting(int error)
{
    accept_after_ = std::chrono::steady_clock::now() + accept_pause;
    if (std::exchange(told_of_accept_, true))
        return;
    log(error == EMFILE || error == ENFILE
            ? std::string("The process has no descriptors left to be attached to.")
            : "Nobody can attach: " + std::system_category().message(error) + ".");
}

void AgentLoop::admit(Descriptor socket)
{
    const auto waiting =
        static_cast<std::size_t>(std::count_if(peers_.begin(), peers_.end(), [](const auto& peer) {
            return peer->state == Peer::State::challenged;
        }));
    const bool room = peers_.size() < wire::max_peers && waiting < wire::max_peers_before_auth;
    std::string who = "A peer";
    bool allowed = room;
    if (!endpoint_.needs_token) {
        const PeerIdentity identity = identify_peer(socket.get(), endpoint_.group);
        who =
            "Process " + std::to_string(identity.pid) + " of user " + std::to_string(identity.uid);
        allowed = room && identity.allowed;
    } else {
        const int on = 1;
        setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (!allowed) {
        ++core_.counters.refused;
        log(who + (room ? " may not attach." : " cannot attach: too many are attached."));
        return;
    }
    auto peer = std::make_unique<Peer>(
        std::move(socket), endpoint_.needs_token ? Peer::State::challenged : Peer::State::admitted,
        std::chrono::steady_clock::now());
    peer->who = who;
    if (endpoint_.needs_token && !challenge(*peer))
        return;
    peer->picture_due = !endpoint_.needs_token;
    ++core_.counters.accepted;
    core_.note_socket(peer->socket());
    if (!endpoint_.needs_token)
        log(who + " attached.");
    peers_.push_back(std::move(peer));
}

bool AgentLoop::challenge(Peer& peer)
{
    peer.nonce = fresh_nonce();
    if (peer.nonce.empty())
        return false; // no randomness, no entry
    wire::encode(peer.out(), 0, wire::Challenge{wire::protocol_version, peer.nonce});
    return true;
}

void AgentLoop::read_line(Peer& peer, std::string_view line)
{
    wire::Command command;
    const bool readable = wire::read_command(line, command);
    if (peer.state == Peer::State::challenged) {
        authenticate(peer, readable ? command : wire::Command{});
        return;
    }
    if (readable)
        obey(peer, command);
    else if (line != "\r")
        peer.count_bad_line();
}

void AgentLoop::authenticate(Peer& peer, const wire::Command& command)
{
    const std::string wanted = wire::mac_of(options_.token, peer.nonce);
    peer.nonce.clear();
    if (command.kind == "auth" && wire::equal_in_constant_time(wanted, command.mac)) {
        peer.state = Peer::State::admitted;
        peer.picture_due = true;
        log(peer.who + " attached.");
        return;
    }
    ++core_.counters.refused;
    if (command.kind == "auth") {
        refuse(peer, command.n, "wrong token");
        log(peer.who + " had a wrong token.");
    }
    peer.flush(now_);
    peer.state = Peer::State::gone;
}

void AgentLoop::refuse(Peer& peer, std::uint64_t of, std::string_view why)
{
    wire::encode(peer.out(), peer.number(),
                 wire::Outcome{static_cast<std::int64_t>(of), false, why});
}

void AgentLoop::obey(Peer& peer, const wire::Command& command)
{
    if (command.kind == "ping") {
        wire::encode(peer.out(), peer.number(),
                     wire::Pong{static_cast<std::int64_t>(command.n), lines_.now()});
    } else if (command.kind == "resync") {
        peer.picture_due = true;
    } else if (command.kind == "want") {
        peer.wants_brief = command.brief;
    } else if (command.kind == "reclaim") {
        reclaim(peer, command);
    } // what a later version may ask for is ignored
}

void AgentLoop::reclaim(Peer& peer, const wire::Command& command)
{
    if (!options_.allow_reclaim) {
        refuse(peer, command.n, "reclaim is not allowed by this process");
        return;
    }
    std::uint64_t id = 0;
    const char* const end = command.id.data() + command.id.size();
    const auto [rest, error] = std::from_chars(command.id.data(), end, id);
    std::string why = "checkout " + plain_line(command.id, wire::max_id) + " is not open";
    if (error == std::errc{} && rest == end && !command.id.empty()) {
        const std::lock_guard lock(core_.mutex());
        for (const PoolEntry& entry : core_.pools()) {
            if (entry.control == nullptr || (!command.pool.empty() && command.pool != entry.name))
                continue;
            const Result<Done> done = entry.control->reclaim(CheckoutId{id});
            if (done) {
                wire::encode(peer.out(), peer.number(),
                             wire::Outcome{static_cast<std::int64_t>(command.n), true, {}});
                log(peer.who + " reclaimed checkout " + std::to_string(id) + ".");
                return;
            }
            why = done.error().sentence;
        }
    }
    refuse(peer, command.n, why);
}

void AgentLoop::attach_or_detach()
{
    const bool wanted = std::any_of(peers_.begin(), peers_.end(),
                                    [](const auto& peer) { return peer->attached(); });
    core_.counters.attached = static_cast<std::uint64_t>(std::count_if(
        peers_.begin(), peers_.end(), [](const auto& peer) { return peer->attached(); }));
    if (wanted && !attached_) {
        lines_.set_clock();
        core_.attach();
    } else if (!wanted && attached_) {
        core_.detach();
    }
    attached_ = wanted;
    // Before the picture of whoever has not asked for it, who is to be told of all that follows.
    core_.sum_brief(wanted && std::all_of(peers_.begin(), peers_.end(), [](const auto& peer) {
                        return !peer->attached() || peer->wants_brief;
                    }));
}

void AgentLoop::stats()
{
    if (now_ < next_stats_)
        return;
    next_stats_ = now_ + options_.stats_every;
    keep_ticks_going();
    tell_brief();
    tell_of_full_table();
    for (const auto& peer : peers_) {
        if (peer->state == Peer::State::live && !peer->picture_due &&
            peer->waiting() < options_.peer_bytes)
            write_stats(*peer);
    }
}

/// Once: it stays full.
void AgentLoop::tell_of_full_table()
{
    const StackTable& table = StackTable::process();
    if (table.dropped() == 0 || std::exchange(told_of_stacks_, true))
        return;
    log("No place for more than " + std::to_string(table.capacity()) +
        " stacks: what is acquired by other ways is told without one.");
}

void AgentLoop::write_stats(Peer& peer)
{
    const std::lock_guard lock(core_.mutex());
    for (const PoolEntry& entry : core_.pools()) {
        if (entry.control != nullptr)
            lines_.figures(peer.out(), peer.number(), entry.name, entry.control->figures());
    }
}

/// What each peer needs in every round: to be told, sent to, or given up.
void AgentLoop::tend(Peer& peer)
{
    const bool challenged = peer.state == Peer::State::challenged;
    if (challenged && (now_ - peer.accepted() > options_.auth_time ||
                       peer.received_bytes > wire::max_bytes_before_auth)) {
        ++core_.counters.refused;
        peer.state = Peer::State::gone;
        return;
    }
    peer.tell_lost(number_, options_.peer_bytes);
    peer.flush(now_);
    if (peer.waiting() > 0 && now_ - peer.stuck_since() > options_.stall_time)
        peer.state = Peer::State::gone;
    if (peer.bad_lines() > most_bad_lines)
        peer.state = Peer::State::gone;
}

void AgentLoop::reap()
{
    std::erase_if(peers_, [this](const auto& peer) {
        if (peer->state != Peer::State::gone)
            return false;
        core_.counters.bad_lines += peer->bad_lines();
        core_.forget_socket(peer->socket());
        log(peer->who + " is detached.");
        return true;
    });
    if (peers_.empty())
        attach_or_detach();
}

} // namespace poolscope
