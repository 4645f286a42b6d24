// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/stringhash.h"
#include "core/wire/decoder.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace poolscope::wire {

/// Only grows; beside DecoderFigures what one peer did wrong, or could not tell.
struct PeerFigures
{
    std::uint64_t events = 0;
    std::uint64_t duplicates = 0; ///< events with a number that was seen
    std::uint64_t gaps = 0;
    std::uint64_t lost = 0;         ///< events that never came, as far as the numbers tell
    std::uint64_t open_again = 0;   ///< checkouts with the id of an open one
    std::uint64_t not_open = 0;     ///< checkins, uses and beats of what is not open
    std::uint64_t not_lent = 0;     ///< of them, the checkins
    std::uint64_t unknown_pool = 0; ///< of a pool that hello did not name
    std::uint64_t over_limit = 0;   ///< open checkouts and connections beyond what is kept
    std::uint64_t stray = 0;        ///< lines that only an inspector sends, or out of place
    friend bool operator==(const PeerFigures&, const PeerFigures&) = default;
};

/// What the fold tells; the views hold during the call. A message that comes to `happened` is in
/// order, of a known pool, and new.
class PeerListener
{
public:
    virtual ~PeerListener() = default;
    /// A version that this library does not know: detach.
    virtual void unsupported(std::uint64_t version) = 0;
    virtual void challenged(const Challenge& challenge) = 0;
    /// A picture begins: the first, or after a gap.
    virtual void hello(const Hello& hello, std::uint64_t n) = 0;
    /// Part of a picture: Open where it was not known before; Checkout, Wait, Stats and Prepared
    /// each time.
    virtual void appeared(const Message& message) = 0;
    /// Was open and is not in the picture: ended, nobody saw when.
    virtual void checkout_vanished(std::string_view pool, std::string_view id) = 0;
    virtual void connection_vanished(std::string_view pool, std::string_view connection) = 0;
    /// The picture is complete.
    virtual void ready() = 0;
    /// An event, Stack, Stats or Prepared.
    virtual void happened(const Message& message) = 0;
    /// So many events are missing (0: not known how many). A `resync` is due.
    virtual void gap(std::uint64_t lost) = 0;
    virtual void answered(const Pong& pong) = 0;
    virtual void answered(const Outcome& outcome) = 0;

protected:
    /// What the listener keeps with the checkout or the connection that it is being told of, so
    /// that it needs no table of its own: null until it is set; the listener frees it when it is
    /// told of the end. During `appeared`, `happened` and the two that vanished; where the message
    /// is of no known checkout or connection, null, and forgotten.
    void*& kept() { return *kept_; }

private:
    friend class PeerState;
    void* none_ = nullptr;
    void** kept_ = &none_;
};

/// Folds the messages of one agent: puts numbers in order, notices gaps, keeps what is open. Memory
/// is proportional to that, and bounded. One thread.
class PeerState final : public MessageTaker
{
public:
    explicit PeerState(PeerListener& listener, std::size_t most_open = 1'000'000)
        : listener_(listener)
        , most_open_(most_open)
    {}

    void take(const Message& message) override;
    void take_unknown(std::uint64_t n) override
    {
        if (n > last_) // it may be an event, and then has a number of its own
            number(n, std::nullopt);
    }

    /// After a gap, until the next hello. The caller sends it, at most once a second.
    bool wants_resync() const { return wants_resync_; }
    bool is_ready() const { return ready_; }
    std::uint64_t last_number() const { return last_; }
    const PeerFigures& figures() const { return figures_; }
    std::size_t open_checkouts() const { return checkouts_.size(); }
    std::size_t open_connections() const { return connections_.size(); }
    bool is_open(std::string_view checkout) const;

private:
    struct Entry
    {
        std::uint32_t pool = 0;
        std::uint32_t picture = 0; ///< the last in which it was, or before which it began
        void* kept = nullptr;      ///< the listener's
    };
    using Table = StringTable<Entry>;

    bool number(std::uint64_t n, std::optional<std::uint64_t> lost);
    void gap(std::uint64_t lost);
    void begin(const Hello& hello, std::uint64_t n);
    void finish();
    void forget_others();
    void forget_pools();
    void event(const Message& message);
    bool fits(const Table& table);
    std::optional<std::uint32_t> pool(std::string_view name);
    std::string_view connection_key(std::uint32_t pool, std::string_view connection);
    bool apply(const Open& open);
    bool apply(const Close& close);
    bool apply(const Checkout& checkout);
    bool apply(const Checkin& checkin);
    bool apply(const Leak& leak);
    bool apply(const Health& health);
    bool open_one(std::string_view id);
    void keeps_with(Entry& entry) { listener_.kept_ = &entry.kept; }
    void keeps_nowhere(void* kept = nullptr);
    template <class T>
    bool apply(const T& other);

    PeerListener& listener_;
    std::size_t most_open_;
    Table pools_; ///< by name; Entry::pool is the index
    std::vector<std::string> pool_names_;
    Table checkouts_;
    Table connections_;
    std::string key_;
    std::uint64_t last_ = 0;
    std::uint32_t picture_ = 0;
    bool greeted_ = false;
    bool in_picture_ = false;
    bool ready_ = false;
    bool wants_resync_ = false;
    PeerFigures figures_;
};

} // namespace poolscope::wire
