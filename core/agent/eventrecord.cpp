// SPDX-License-Identifier: Apache-2.0
#include "core/agent/eventrecord.h"

#include "core/agent/eventring.h"
#include "core/wire/limits.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace poolscope {

namespace {

/// What every event has.
struct Head
{
    std::int64_t time;
    std::uint64_t connection;
    std::uint64_t checkout;
    std::int64_t number;
    std::uint32_t pool;
    PoolEventKind kind;
    bool details;
    std::uint16_t unused;
};
static_assert(sizeof(Head) == 40 && std::is_trivially_copyable_v<Head>);

/// What a checkout and a timeout have beside it, and whatever has texts.
struct Details
{
    std::int64_t wait;
    std::int64_t expected;
    std::int64_t server_pid;
    std::uint64_t thread;
    std::uint32_t stack;
    std::uint16_t local_port;
    std::uint16_t by;
    std::uint16_t trace;
    std::uint16_t text;
    std::uint16_t tags;
    std::uint16_t unused;
};
static_assert(sizeof(Details) == 48 && std::is_trivially_copyable_v<Details>);

std::uint16_t cut(std::string_view text, std::size_t most)
{
    return static_cast<std::uint16_t>(std::min(text.size(), most));
}

std::size_t tag_size(const Tag& tag)
{
    return 2 * sizeof(std::uint16_t) + cut(tag.name, wire::max_tag_name) +
           cut(tag.value, wire::max_tag_value);
}

std::span<const Tag> first_tags(const PoolEvent& event)
{
    return event.tags.first(std::min(event.tags.size(), wire::max_tags));
}

std::byte* put(std::byte* to, const void* from, std::size_t size)
{
    if (size > 0)
        std::memcpy(to, from, size);
    return to + size;
}

template <class T>
T get(std::span<const std::byte>& from)
{
    T value{};
    std::memcpy(&value, from.data(), sizeof value);
    from = from.subspan(sizeof value);
    return value;
}

std::string_view get_text(std::span<const std::byte>& from, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(from.data()), size};
    from = from.subspan(size);
    return text;
}

} // namespace

// The protocol's limits add up to less than a record may be long: 1,024 + 128 + 64 and 16 tags.
static_assert(wire::max_statement + wire::max_by + wire::max_trace_id +
                  wire::max_tags * (wire::max_tag_name + wire::max_tag_value + 4) + sizeof(Head) +
                  sizeof(Details) <=
              EventRing::max_record);

EventRecord::EventRecord(std::uint32_t pool, const PoolEvent& event) noexcept
    : pool_(pool)
    , event_(event)
    , details_(event.kind == PoolEventKind::checkout || event.kind == PoolEventKind::timeout ||
               event.kind == PoolEventKind::opened || !event.text.empty() ||
               event.expected != Duration{0})
    , size_(sizeof(Head))
{
    if (!details_)
        return;
    size_ += sizeof(Details) + cut(event.acquired_by, wire::max_by) +
             cut(event.trace_id, wire::max_trace_id) + cut(event.text, wire::max_statement);
    for (const Tag& tag : first_tags(event))
        size_ += tag_size(tag);
}

void EventRecord::write(std::byte* to) const noexcept
{
    const PoolEvent& e = event_;
    const Head head{
        e.time.value, e.connection.value, e.checkout.value, e.number, pool_, e.kind, details_, 0};
    to = put(to, &head, sizeof head);
    if (!details_)
        return;
    const std::span<const Tag> tags = first_tags(e);
    const Details details{e.wait.count(),
                          e.expected.count(),
                          e.server_pid,
                          e.thread,
                          e.stack.value,
                          e.local_port,
                          cut(e.acquired_by, wire::max_by),
                          cut(e.trace_id, wire::max_trace_id),
                          cut(e.text, wire::max_statement),
                          static_cast<std::uint16_t>(tags.size()),
                          0};
    to = put(to, &details, sizeof details);
    to = put(to, e.acquired_by.data(), details.by);
    to = put(to, e.trace_id.data(), details.trace);
    to = put(to, e.text.data(), details.text);
    for (const Tag& tag : tags) {
        const std::uint16_t sizes[] = {cut(tag.name, wire::max_tag_name),
                                       cut(tag.value, wire::max_tag_value)};
        to = put(to, sizes, sizeof sizes);
        to = put(to, tag.name.data(), sizes[0]);
        to = put(to, tag.value.data(), sizes[1]);
    }
}

void read_record(std::span<const std::byte> record, ReadEvent& out)
{
    const auto head = get<Head>(record);
    PoolEvent& e = out.event;
    e = {};
    out.pool = head.pool;
    e.kind = head.kind;
    e.time = Ticks{head.time};
    e.connection = ConnectionId{head.connection};
    e.checkout = CheckoutId{head.checkout};
    e.number = head.number;
    if (!head.details)
        return;
    const auto details = get<Details>(record);
    e.wait = Duration{details.wait};
    e.expected = Duration{details.expected};
    e.server_pid = details.server_pid;
    e.thread = details.thread;
    e.stack = StackId{details.stack};
    e.local_port = details.local_port;
    e.acquired_by = get_text(record, details.by);
    e.trace_id = get_text(record, details.trace);
    e.text = get_text(record, details.text);
    out.tags.resize(details.tags);
    for (Tag& tag : out.tags) {
        const auto name = get<std::uint16_t>(record);
        const auto value = get<std::uint16_t>(record);
        tag.name = get_text(record, name);
        tag.value = get_text(record, value);
    }
    e.tags = out.tags;
}

} // namespace poolscope
