// SPDX-License-Identifier: Apache-2.0
#include "core/wire/peerstate.h"

#include "core/wire/limits.h"

#include <charconv>
#include <type_traits>

namespace poolscope::wire {

namespace {

/// Names of pools that came and went are kept up to here.
constexpr std::size_t most_pool_names = 16 * max_pools;

} // namespace

bool PeerState::is_open(std::string_view checkout) const
{
    return checkouts_.find(checkout) != checkouts_.end();
}

void PeerState::gap(std::uint64_t lost)
{
    ++figures_.gaps;
    figures_.lost += lost;
    wants_resync_ = true;
    listener_.gap(lost);
}

/// Puts a line's number in its place; false for an event that was seen before. `lost` is there for
/// every line but an event: how many its sender says are missing.
bool PeerState::number(std::uint64_t n, std::optional<std::uint64_t> lost)
{
    if (!greeted_ || in_picture_)
        return greeted_;
    const std::uint64_t expected = lost ? last_ : last_ + 1;
    if (n < expected) {
        figures_.duplicates += lost ? 0 : 1;
        return lost.has_value();
    }
    if (n > expected)
        gap(n - expected);
    last_ = n;
    return true;
}

void PeerState::take(const Message& message)
{
    if (const auto* hello = std::get_if<Hello>(&message.body)) {
        begin(*hello, message.n);
        return;
    }
    if (const auto* challenge = std::get_if<Challenge>(&message.body)) {
        if (challenge->version > protocol_version)
            listener_.unsupported(challenge->version);
        else
            listener_.challenged(*challenge);
        return;
    }
    if (const auto* outcome = std::get_if<Outcome>(&message.body)) {
        listener_.answered(*outcome); // may come before a hello: a token was refused
        number(message.n, 0);
        return;
    }
    if (!greeted_) {
        ++figures_.stray;
        return;
    }
    if (is_event(message.body)) {
        if (in_picture_ && message.n > last_)
            last_ = message.n; // out of place, but nothing is lost by it
        if (number(message.n, std::nullopt))
            event(message);
        return;
    }
    if (const auto* lost = std::get_if<Lost>(&message.body)) {
        // What is missing is told by the numbers; where they do not tell, by the agent.
        if (message.n > last_)
            number(message.n, 0);
        else
            gap(static_cast<std::uint64_t>(lost->count));
        return;
    }
    number(message.n, 0);
    if (const auto* pong = std::get_if<Pong>(&message.body))
        listener_.answered(*pong);
    else if (std::holds_alternative<Stack>(message.body)) {
        keeps_nowhere();
        listener_.happened(message);
    } else if (std::holds_alternative<Ready>(message.body))
        finish();
    else if (std::holds_alternative<Stats>(message.body) ||
             std::holds_alternative<Prepared>(message.body) ||
             (in_picture_ && std::holds_alternative<Checkout>(message.body)))
        event(message);
    else
        ++figures_.stray;
}

void PeerState::begin(const Hello& hello, std::uint64_t n)
{
    if (hello.version > protocol_version) {
        listener_.unsupported(hello.version);
        return;
    }
    ++picture_;
    if (pool_names_.size() + hello.pools.size() > most_pool_names)
        forget_pools();
    last_ = n;
    greeted_ = true;
    in_picture_ = true;
    ready_ = false;
    wants_resync_ = false;
    for (const PoolInfo& info : hello.pools) {
        const auto index = static_cast<std::uint32_t>(pool_names_.size());
        const auto [place, made] = pools_.try_emplace(std::string(info.pool), Entry{index, 0, {}});
        if (made)
            pool_names_.emplace_back(info.pool);
        place->second.picture = picture_;
    }
    listener_.hello(hello, n);
}

/// What is not of the last picture is not open any more.
void PeerState::forget_others()
{
    const auto forget = [this](Table& table, auto tell) {
        for (auto it = table.begin(); it != table.end();) {
            Entry& entry = it->second;
            if (entry.picture == picture_) {
                ++it;
                continue;
            }
            keeps_with(entry);
            tell(pool_names_[entry.pool], std::string_view{it->first});
            it = table.erase(it);
        }
    };
    forget(checkouts_, [this](std::string_view pool, std::string_view id) {
        listener_.checkout_vanished(pool, id);
    });
    forget(connections_, [this](std::string_view pool, std::string_view key) {
        listener_.connection_vanished(pool, key.substr(key.find(' ') + 1));
    });
    keeps_nowhere();
}

/// What the listener is told next is of nothing that is open, or not any more: then it is what was
/// kept with it.
void PeerState::keeps_nowhere(void* kept)
{
    listener_.none_ = kept;
    listener_.kept_ = &listener_.none_;
}

/// For an agent that names ever new pools.
void PeerState::forget_pools()
{
    forget_others();
    pools_.clear();
    pool_names_.clear();
}

void PeerState::finish()
{
    if (!in_picture_) {
        ++figures_.stray;
        return;
    }
    in_picture_ = false;
    ready_ = true;
    forget_others();
    listener_.ready();
}

std::optional<std::uint32_t> PeerState::pool(std::string_view name)
{
    const auto found = pools_.find(name);
    if (found == pools_.end() || found->second.picture != picture_) {
        ++figures_.unknown_pool;
        return std::nullopt;
    }
    return found->second.pool;
}

/// Agents number connections as they like, so two pools may use the same.
std::string_view PeerState::connection_key(std::uint32_t pool, std::string_view connection)
{
    char digits[12];
    const auto end = std::to_chars(digits, digits + sizeof digits, pool).ptr;
    key_.assign(digits, end);
    key_ += ' ';
    key_ += connection;
    return key_;
}

bool PeerState::fits(const Table& table)
{
    if (table.size() < most_open_)
        return true;
    ++figures_.over_limit;
    return false;
}

bool PeerState::apply(const Open& open)
{
    const auto index = pool(open.pool);
    if (!index)
        return false;
    const std::string_view key = connection_key(*index, open.connection);
    if (const auto found = connections_.find(key); found != connections_.end()) {
        found->second.picture = picture_;
        return false;
    }
    if (!fits(connections_))
        return false;
    keeps_with(connections_.emplace(key, Entry{*index, picture_, {}}).first->second);
    return true;
}

bool PeerState::apply(const Close& close)
{
    const auto index = pool(close.pool);
    if (!index)
        return false;
    const auto found = connections_.find(connection_key(*index, close.connection));
    if (found == connections_.end())
        return false;
    keeps_nowhere(found->second.kept);
    connections_.erase(found);
    return true;
}

bool PeerState::apply(const Checkout& checkout)
{
    const auto index = pool(checkout.pool);
    if (!index)
        return false;
    if (const auto found = checkouts_.find(checkout.id); found != checkouts_.end()) {
        // A picture says anew what may have changed since, such as whether it is busy.
        const bool anew = in_picture_ && found->second.picture != picture_;
        figures_.open_again += checkout.open && found->second.picture != picture_ ? 0 : 1;
        found->second.picture = picture_;
        keeps_with(found->second);
        return anew;
    }
    if (!fits(checkouts_))
        return false;
    keeps_with(checkouts_.emplace(checkout.id, Entry{*index, picture_, {}}).first->second);
    return true;
}

bool PeerState::apply(const Checkin& checkin)
{
    const auto found = checkouts_.find(checkin.id);
    if (found == checkouts_.end()) {
        ++figures_.not_open;
        ++figures_.not_lent;
        return false;
    }
    keeps_nowhere(found->second.kept);
    checkouts_.erase(found);
    return true;
}

bool PeerState::apply(const Leak& leak)
{
    if (!pool(leak.pool))
        return false;
    if (const auto found = checkouts_.find(leak.id); found != checkouts_.end())
        keeps_with(found->second);
    return true;
}

bool PeerState::apply(const Health& health)
{
    const auto index = pool(health.pool);
    if (!index)
        return false;
    const auto found = connections_.find(connection_key(*index, health.connection));
    if (found != connections_.end())
        keeps_with(found->second);
    return true;
}

bool PeerState::open_one(std::string_view id)
{
    const auto found = checkouts_.find(id);
    if (found == checkouts_.end()) {
        ++figures_.not_open;
        return false;
    }
    keeps_with(found->second);
    return true;
}

template <class T>
bool PeerState::apply(const T& other)
{
    if constexpr (std::is_same_v<T, Use> || std::is_same_v<T, Beat>)
        return open_one(other.id);
    else if constexpr (std::is_same_v<T, Wait> || std::is_same_v<T, Brief> ||
                       std::is_same_v<T, Timeout> || std::is_same_v<T, Stats> ||
                       std::is_same_v<T, Prepared>)
        return pool(other.pool).has_value();
    else
        return false;
}

void PeerState::event(const Message& message)
{
    figures_.events += !in_picture_ && is_event(message.body) ? 1 : 0;
    keeps_nowhere();
    if (!std::visit([this](const auto& body) { return apply(body); }, message.body))
        return;
    if (in_picture_)
        listener_.appeared(message);
    else
        listener_.happened(message);
}

} // namespace poolscope::wire
