// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/wire/messages.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace poolscope::wire {

/// What came in and what of it could not be read. Only grows.
struct DecoderFigures
{
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0; ///< not counting empty ones
    std::uint64_t messages = 0;
    // Lines that were skipped, by the first thing wrong with them.
    std::uint64_t too_long = 0; ///< over 64 KiB
    std::uint64_t bad_utf8 = 0;
    std::uint64_t not_json = 0;
    std::uint64_t not_object = 0;
    std::uint64_t no_kind = 0;
    std::uint64_t no_number = 0; ///< `n` absent, no integer, negative, over 2^53 - 1
    std::uint64_t bad_field = 0; ///< a required one is absent or unusable
    // Lines that were read all the same.
    std::uint64_t unknown_kind = 0; ///< ignored, as the protocol asks for
    std::uint64_t odd_field = 0;    ///< optional fields of a wrong type or range: taken as absent
    std::uint64_t clipped = 0;      ///< texts and lists over their limit: cut
    std::uint64_t unnamed = 0;      ///< ids and names, empty or over their limit: also in another
    friend bool operator==(const DecoderFigures&, const DecoderFigures&) = default;

    std::uint64_t skipped() const
    {
        return too_long + bad_utf8 + not_json + not_object + no_kind + no_number + bad_field;
    }
};

/// Whoever gets the messages. The views in them hold during the call. Must not call the decoder.
class MessageTaker
{
public:
    virtual ~MessageTaker() = default;
    virtual void take(const Message& message) = 0;
    /// A line of a kind that this version does not know, but with a number that counts.
    virtual void take_unknown(std::uint64_t n) = 0;
};

/// Turns a stream of bytes into messages. What it reads is hostile: bounded in memory (about half a
/// megabyte), never throws on account of it, comes back to its feet at the next newline. All texts
/// that it gives out are plain_line and within the protocol's limits; ids and names, which are
/// never cut, within three times theirs (what is replaced in them grows). One a peer; one thread.
class Decoder
{
public:
    Decoder();
    ~Decoder();
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;

    /// Somewhere to read into directly, at least 64 KiB; valid until the next call.
    std::span<char> room();
    /// So many bytes of room() were filled.
    void commit(std::size_t bytes, MessageTaker& taker);
    /// The same for bytes that are somewhere else.
    void feed(std::string_view bytes, MessageTaker& taker);
    /// Forgets a line that has begun, as when a peer attaches anew. Keeps the figures.
    void reset();
    const DecoderFigures& figures() const;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace poolscope::wire
