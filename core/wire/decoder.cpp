// SPDX-License-Identifier: Apache-2.0
#include "core/wire/decoder.h"

#include "core/wire/fields.h"
#include "core/wire/limits.h"
#include "core/wire/linereader.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace poolscope::wire {

namespace {

/// Whole lines that are indexed together: small enough to stay in the second-level cache.
constexpr std::size_t chunk = 192 * 1024;
/// A line that has begun, and a chunk behind it.
constexpr std::size_t capacity = max_line + 1 + chunk;
constexpr std::size_t padding = std::max<std::size_t>(simdjson::SIMDJSON_PADDING, reader_padding);

bool blank(std::string_view line)
{
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

} // namespace

/// simdjson's first stage finds UTF-8 errors and the structure of a whole chunk of lines at once.
/// It refuses a chunk with a control character inside a string, and a newline is one: so where it
/// succeeds, no string crosses a newline and each line stands for itself. Where it does not, that
/// chunk is indexed line by line.
class Decoder::Impl
{
public:
    Impl()
        : buffer_(capacity + padding)
    {
        // Without memory for the index every line is counted as unreadable.
        const auto& implementation = simdjson::get_active_implementation();
        if (implementation->create_dom_parser_implementation(capacity, 1, index_) !=
            simdjson::SUCCESS)
            index_.reset();
    }

    std::span<char> room() { return {buffer_.data() + filled_, capacity - filled_}; }

    void commit(std::size_t bytes, MessageTaker& taker)
    {
        bytes = std::min(bytes, capacity - filled_);
        figures_.bytes += bytes;
        // Only what is new is searched: a peer that sends byte by byte costs no more.
        const std::string_view fresh{buffer_.data() + filled_, bytes};
        const std::size_t before = filled_;
        filled_ += bytes;
        std::size_t begin = 0;
        if (skipping_) {
            const std::size_t newline = fresh.find('\n');
            if (newline == std::string_view::npos) {
                filled_ = 0;
                return;
            }
            skipping_ = false;
            begin = newline + 1; // nothing is kept of a line that is skipped
        }
        const std::size_t last = fresh.rfind('\n');
        if (last != std::string_view::npos && before + last >= begin) {
            lines(begin, before + last + 1, taker);
            begin = before + last + 1;
        }
        if (filled_ - begin > max_line + 1) { // one more for a carriage return
            too_long();
            skipping_ = true;
            filled_ = 0;
            return;
        }
        if (begin > 0)
            std::memmove(buffer_.data(), buffer_.data() + begin, filled_ - begin);
        filled_ -= begin;
    }

    void reset()
    {
        filled_ = 0;
        skipping_ = false;
    }

    const DecoderFigures& figures() const { return figures_; }

private:
    void too_long()
    {
        ++figures_.lines;
        ++figures_.too_long;
    }

    simdjson::error_code index(std::size_t begin, std::size_t end)
    {
        if (!index_)
            return simdjson::MEMALLOC;
        return index_->stage1(reinterpret_cast<const std::uint8_t*>(buffer_.data() + begin),
                              end - begin, simdjson::stage1_mode::regular);
    }

    /// Whole lines, each with its newline.
    void lines(std::size_t begin, std::size_t end, MessageTaker& taker)
    {
        const bool together = index(begin, end) == simdjson::SUCCESS;
        const std::size_t base = begin;
        const std::uint32_t* at = together ? index_->structural_indexes.get() : nullptr;
        while (begin < end) {
            const char* const start = buffer_.data() + begin;
            const auto* const newline =
                static_cast<const char*>(std::memchr(start, '\n', end - begin));
            std::size_t length = static_cast<std::size_t>(newline - start);
            const std::size_t next = begin + length + 1;
            if (length > 0 && start[length - 1] == '\r')
                --length;
            if (length > max_line)
                too_long();
            else if (!blank({start, length}))
                together ? line(base, at, begin + length - base, taker)
                         : alone(begin, begin + length, taker);
            while (together && *at < next - base) // past what was not read of it
                ++at;
            begin = next;
        }
    }

    /// A line in a chunk that could not be indexed as one.
    void alone(std::size_t begin, std::size_t end, MessageTaker& taker)
    {
        const simdjson::error_code error = index(begin, end);
        if (error != simdjson::SUCCESS) {
            ++figures_.lines;
            ++(error == simdjson::UTF8_ERROR ? figures_.bad_utf8 : figures_.not_json);
            return;
        }
        const std::uint32_t* at = index_->structural_indexes.get();
        line(begin, at, end - begin, taker);
    }

    void line(std::size_t base, const std::uint32_t*& at, std::size_t line_end, MessageTaker& taker)
    {
        ++figures_.lines;
        fields_.clear();
        const DecoderFigures before = figures_;
        const LineVerdict verdict =
            LineReader(fields_, figures_).read(buffer_.data() + base, at, line_end);
        if (verdict != LineVerdict::fine) {
            figures_ = before; // a skipped line is counted once
            ++(verdict == LineVerdict::not_json ? figures_.not_json : figures_.not_object);
            return;
        }
        switch (assemble(fields_, message_)) {
        case Assembled::message:
            ++figures_.messages;
            taker.take(message_);
            return;
        case Assembled::unknown_kind:
            figures_ = before; // its fields may mean something else
            ++figures_.unknown_kind;
            taker.take_unknown(message_.n);
            return;
        case Assembled::no_kind:
            figures_ = before;
            ++figures_.no_kind;
            return;
        case Assembled::no_number:
            figures_ = before;
            ++figures_.no_number;
            return;
        case Assembled::bad_field: {
            const std::uint64_t unnamed = figures_.unnamed;
            figures_ = before;
            figures_.unnamed = unnamed;
            ++figures_.bad_field;
            return;
        }
        }
    }

    std::vector<char> buffer_;
    std::size_t filled_ = 0;
    bool skipping_ = false; ///< inside a line that is too long
    std::unique_ptr<simdjson::internal::dom_parser_implementation> index_;
    Fields fields_;
    Message message_;
    DecoderFigures figures_;
};

Decoder::Decoder()
    : impl_(std::make_unique<Impl>())
{}
Decoder::~Decoder() = default;
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;

std::span<char> Decoder::room()
{
    return impl_->room();
}

void Decoder::commit(std::size_t bytes, MessageTaker& taker)
{
    impl_->commit(bytes, taker);
}

void Decoder::feed(std::string_view bytes, MessageTaker& taker)
{
    while (!bytes.empty()) {
        const std::span<char> room = impl_->room();
        const std::size_t part = std::min(room.size(), bytes.size());
        std::memcpy(room.data(), bytes.data(), part);
        impl_->commit(part, taker);
        bytes.remove_prefix(part);
    }
}

void Decoder::reset()
{
    impl_->reset();
}

const DecoderFigures& Decoder::figures() const
{
    return impl_->figures();
}

} // namespace poolscope::wire
