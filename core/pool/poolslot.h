// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/event/poolevent.h"
#include "core/pool/loghistogram.h"
#include "core/pool/poolusers.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// What an application knows of a connection. All of it is outside text.
struct ConnectionMetadata
{
    std::string user; ///< as the server knows it
    std::string database;
    std::string protocol;       ///< "postgresql", "sqlite" …
    std::string remote_address; ///< "10.0.0.7:5432"
    std::vector<Tag> tags;
    std::optional<std::int64_t> server_pid;
    std::optional<std::uint16_t> local_port;
    friend bool operator==(const ConnectionMetadata&, const ConnectionMetadata&) = default;
};

namespace detail {

/// opening: a connection is being made or given up. checking: the pool itself has it; it counts as
/// idle. told: used, and the sink was told of this checkout, so it is to be told of its return too.
/// reclaimed: its holder has lost it and does not know yet; it does not count at all.
enum class SlotState : std::uint8_t { empty, opening, idle, checking, used, told, reclaimed };

/// One word says what a slot is and how often it was lent: each checkout has a word of its own, so
/// a late or double return, or a look that took too long, is told by comparing.
struct SlotWord
{
    static constexpr std::uint64_t of(std::uint64_t count, SlotState state)
    {
        return count << 8U | static_cast<std::uint64_t>(state);
    }
    static constexpr SlotState state(std::uint64_t word)
    {
        return static_cast<SlotState>(word & 0xFFU);
    }
    static constexpr std::uint64_t count(std::uint64_t word) { return word >> 8U; }
    static constexpr std::uint64_t with(std::uint64_t word, SlotState state)
    {
        return of(count(word), state);
    }
    static constexpr bool is_lent(std::uint64_t word)
    {
        return state(word) == SlotState::used || state(word) == SlotState::told;
    }
    /// Of a checkout, whoever was told of it: the word that its lease has. Of anything else itself.
    static constexpr std::uint64_t lease(std::uint64_t word)
    {
        return state(word) == SlotState::told ? with(word, SlotState::used) : word;
    }
};

/// What lending needs memory for; made when a slot is first used.
struct SlotRecord
{
    std::array<std::atomic<std::uintptr_t>, max_stack_depth> frames{};
    LogHistogram use;
    std::int64_t last_measured = 0; ///< stamp; the holder's
};

/// What only some checkouts have. Under the pool's mutex.
struct SlotExtras
{
    std::vector<Tag> tags;
    std::string trace_id;
};

/// Bits of Slot::notes: what the holder must settle when it gives back.
inline constexpr std::uint16_t note_extras = 1;    ///< expected, heartbeat, wait or extras are set
inline constexpr std::uint16_t note_suspected = 2; ///< the detector has spoken

/// One place for a connection. The first cache line is all that an acquire and a return touch.
struct alignas(64) Slot
{
    std::atomic<std::uint64_t> control{0}; ///< SlotWord
    /// The word of the checkout that the fields below describe; equal to SlotWord::lease(control)
    /// once they do.
    std::atomic<std::uint64_t> published{0};
    std::atomic<std::int64_t> acquired{0}; ///< stamp
    std::atomic<PoolUser*> user{nullptr};
    std::atomic<std::uint64_t> thread{0};
    std::atomic<std::int64_t> expires{0}; ///< stamp from which on it is looked at before it is lent
    std::atomic<SlotRecord*> record{nullptr};
    std::atomic<std::uint16_t> notes{0};
    std::atomic<std::uint8_t> depth{0};
    std::uint8_t weight = 0;              ///< of this use in the histogram; the holder's
    std::atomic<std::uint32_t> serial{0}; ///< with the count: the checkout's id

    std::atomic<std::int64_t> expected_us{0};
    std::atomic<std::int64_t> heartbeat{0}; ///< ticks
    std::atomic<std::int64_t> wait_us{0};
    /// Ticks: since when a statement runs, negative, or when the last one ended. Of the checkout
    /// whose word stands beside it: a return has nothing to tidy up.
    std::atomic<std::int64_t> work{0};
    std::atomic<std::uint64_t> work_word{0};

    // Written under the pool's mutex while nobody holds the slot; read under it, or by the holder.
    ConnectionId connection;
    Ticks opened;
    ConnectionMetadata metadata;
    PoolUser* added_by = nullptr;
    bool suspicious = false; ///< to be validated before it is lent
    std::unique_ptr<SlotExtras> extras;
    // When the clean-up first saw it idle, and its word then.
    std::uint64_t idle_word = 0;
    Ticks idle_seen;

    Slot() = default;
    ~Slot() { delete record.load(std::memory_order_relaxed); }
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;

    /// Of the checkout with that word; 0: it told of no statement.
    std::int64_t work_of(std::uint64_t word) const
    {
        return work_word.load(std::memory_order_acquire) == word
                   ? work.load(std::memory_order_relaxed)
                   : 0;
    }

    CheckoutId checkout_of(std::uint64_t word) const
    {
        return CheckoutId{std::uint64_t{serial.load(std::memory_order_relaxed)} << 32U |
                          (SlotWord::count(word) & 0xFFFF'FFFFU)};
    }
};

} // namespace detail

} // namespace poolscope
