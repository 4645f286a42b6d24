// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/agent/eventrecord.h"
#include "core/agent/eventring.h"
#include "core/agent/picture.h"
#include "core/wire/limits.h"

#include <QTest>

#include <cstring>
#include <random>
#include <thread>

using namespace poolscope;

namespace {

/// A record of `size` bytes that says which it is.
bool put(EventRing& ring, std::uint32_t thread, std::uint32_t index, std::size_t size)
{
    return ring.put(size, [&](std::byte* to) {
        std::memset(to, static_cast<int>(index % 251), size);
        std::memcpy(to, &thread, sizeof thread);
        std::memcpy(to + 4, &index, sizeof index);
    });
}

std::pair<std::uint32_t, std::uint32_t> read(std::span<const std::byte> record)
{
    std::uint32_t thread = 0;
    std::uint32_t index = 0;
    std::memcpy(&thread, record.data(), sizeof thread);
    std::memcpy(&index, record.data() + 4, sizeof index);
    for (std::size_t i = 8; i < record.size(); ++i) {
        if (record[i] != static_cast<std::byte>(index % 251))
            return {~0U, ~0U};
    }
    return {thread, index};
}

} // namespace

class TestEventRing : public QObject
{
    Q_OBJECT
private slots:
    void comesOutAsItWentIn();
    void fullDropsAndCounts();
    void manyThreads();
    void recordsRoundTrip();
    void recordsAreBounded();
    void picturesAreBroughtUpToDate();
};

void TestEventRing::comesOutAsItWentIn()
{
    EventRing ring(1);
    std::mt19937 random(3);
    std::uint32_t in = 0;
    std::uint32_t out = 0;
    bool right = true;
    for (int round = 0; round < 20'000; ++round) {
        const std::size_t size = round % 50 == 0 ? EventRing::max_record : 8 + random() % 300;
        right = put(ring, 1, in, size) && right;
        ++in;
        if (round % 5 == 4 || size == EventRing::max_record) {
            ring.take(100, [&](std::span<const std::byte> record) {
                right = right && read(record) == std::pair(1U, out);
                ++out;
            });
        }
    }
    ring.take(100, [&](std::span<const std::byte> /*record*/) { ++out; });
    QVERIFY(right);
    QCOMPARE(out, in);
    QCOMPARE(ring.take_dropped(), std::uint64_t{0});
}

void TestEventRing::fullDropsAndCounts()
{
    EventRing ring(64 * 1024);
    std::uint64_t kept = 0;
    for (std::uint32_t i = 0; i < 5000; ++i)
        kept += put(ring, 1, i, 40) ? 1 : 0;
    QCOMPARE(kept, std::uint64_t{1024}); // 64 KiB in cache lines
    QVERIFY(ring.filling());
    QCOMPARE(ring.take_dropped(), std::uint64_t{5000 - 1024});
    QCOMPARE(ring.take_dropped(), std::uint64_t{0});
    QVERIFY(!put(ring, 1, 0, EventRing::max_record + 1));
    std::uint32_t next = 0;
    const std::size_t taken = ring.take(100'000, [&](std::span<const std::byte> record) {
        next += read(record) == std::pair(1U, next) ? 1 : 0;
    });
    QCOMPARE(taken, std::size_t{1024});
    QCOMPARE(next, 1024U);
    QVERIFY(put(ring, 1, 1, 40));
}

/// What each thread puts in comes out in its order, and every record is kept or counted as dropped.
void TestEventRing::manyThreads()
{
    constexpr std::uint32_t threads = 4;
    constexpr std::uint32_t each = 50'000;
    EventRing ring(64 * 1024);
    std::atomic<std::uint32_t> running{threads};
    std::vector<std::thread> list;
    for (std::uint32_t t = 0; t < threads; ++t) {
        list.emplace_back([&ring, &running, t] {
            for (std::uint32_t i = 0; i < each; ++i)
                put(ring, t, i + 1, 8 + (i * 37) % 400);
            --running;
        });
    }
    std::array<std::uint32_t, threads> last{};
    std::uint64_t taken = 0;
    bool right = true;
    const auto take = [&] {
        return ring.take(1000, [&](std::span<const std::byte> record) {
            const auto [thread, index] = read(record);
            right = right && thread < threads && index > last[thread];
            if (thread < threads)
                last[thread] = index;
            ++taken;
        });
    };
    while (running > 0)
        take();
    while (take() > 0) {
    }
    for (std::thread& thread : list)
        thread.join();
    QVERIFY(right);
    QVERIFY(taken > 0);
    QCOMPARE(taken + ring.take_dropped(), std::uint64_t{threads} * each);
    QVERIFY(ring.reached(ring.end()));
}

void TestEventRing::recordsRoundTrip()
{
    const Tag tags[] = {{"route", "/orders"}, {"", "empty name"}, {"empty value", ""}};
    PoolEvent event;
    event.kind = PoolEventKind::checkout;
    event.time = Ticks{-5};
    event.connection = ConnectionId{~std::uint64_t{0}};
    event.checkout = CheckoutId{17};
    event.stack = StackId{9};
    event.wait = Duration{123};
    event.expected = Duration{456};
    event.server_pid = -1;
    event.local_port = 65'535;
    event.thread = 1U << 31U;
    event.number = -7;
    event.acquired_by = "worker";
    event.trace_id = "4bf9";
    event.text = "why";
    event.tags = tags;
    const EventRecord record(3, event);
    std::vector<std::byte> bytes(record.size());
    record.write(bytes.data());
    ReadEvent read;
    read_record(bytes, read);
    const PoolEvent& e = read.event;
    QCOMPARE(read.pool, 3U);
    QVERIFY(e.kind == event.kind && e.time == event.time && e.connection == event.connection &&
            e.checkout == event.checkout && e.stack == event.stack && e.wait == event.wait &&
            e.expected == event.expected && e.server_pid == event.server_pid &&
            e.local_port == event.local_port && e.thread == event.thread &&
            e.number == event.number && e.acquired_by == event.acquired_by &&
            e.trace_id == event.trace_id && e.text == event.text);
    QVERIFY(std::equal(e.tags.begin(), e.tags.end(), std::begin(tags), std::end(tags)));

    PoolEvent small;
    small.kind = PoolEventKind::checkin;
    small.checkout = CheckoutId{18};
    const EventRecord short_record(4, small);
    QCOMPARE(short_record.size(), std::size_t{40});
    short_record.write(bytes.data());
    read_record(std::span(bytes).first(40), read);
    QCOMPARE(read.event.checkout.value, std::uint64_t{18});
    QVERIFY(read.event.tags.empty() && read.event.acquired_by.empty());
}

void TestEventRing::recordsAreBounded()
{
    const std::string much(100'000, 'x');
    const std::vector<Tag> tags(1000, Tag{much, much});
    PoolEvent event;
    event.acquired_by = event.trace_id = event.text = much;
    event.tags = tags;
    const EventRecord record(0, event);
    QVERIFY(record.size() <= EventRing::max_record);
    std::vector<std::byte> bytes(record.size());
    record.write(bytes.data());
    ReadEvent read;
    read_record(bytes, read);
    QCOMPARE(read.event.tags.size(), wire::max_tags);
    QCOMPARE(read.event.text.size(), wire::max_statement);
    QCOMPARE(read.event.tags.back().value.size(), wire::max_tag_value);
}

void TestEventRing::picturesAreBroughtUpToDate()
{
    const auto change = [](PoolEventKind kind, std::uint64_t checkout, std::uint64_t connection,
                           std::uint32_t pool = 1) {
        PoolEvent event;
        event.kind = kind;
        event.time = now_ticks();
        event.checkout = CheckoutId{checkout};
        event.connection = ConnectionId{connection};
        event.number = 5;
        return change_of(pool, event);
    };
    const auto expecting = [&](std::uint64_t checkout) {
        PoolEvent event;
        event.kind = PoolEventKind::beat;
        event.checkout = CheckoutId{checkout};
        event.expected = Duration{77};
        return change_of(1, event);
    };
    PoolPicture picture;
    for (std::uint64_t id = 1; id <= 3; ++id) {
        OpenCheckout open;
        open.id = CheckoutId{id};
        picture.checkouts.push_back(open);
        picture.connections.push_back({ConnectionId{id}, {}, {}, {}});
    }
    using Kind = PoolEventKind;
    bring_up_to_date(picture, 1,
                     {change(Kind::checkout, 3, 3), change(Kind::checkin, 1, 1),
                      change(Kind::checkout, 4, 1), change(Kind::checkout, 5, 2),
                      change(Kind::checkin, 5, 2), change(Kind::checkin, 2, 2, 7),
                      change(Kind::closed, 0, 2), change(Kind::opened, 0, 9),
                      change(Kind::beat, 4, 0), change(Kind::beat, 99, 0), change(Kind::busy, 4, 0),
                      change(Kind::busy, 3, 0), change(Kind::idle, 3, 0),
                      change(Kind::pending, 0, 0), expecting(3), change(Kind::beat, 3, 0)});
    std::vector<std::uint64_t> checkouts;
    for (const OpenCheckout& open : picture.checkouts)
        checkouts.push_back(open.id.value);
    std::vector<std::uint64_t> connections;
    for (const OpenConnection& open : picture.connections)
        connections.push_back(open.id.value);
    QCOMPARE(checkouts, (std::vector<std::uint64_t>{2, 3, 4}));
    QCOMPARE(connections, (std::vector<std::uint64_t>{1, 3, 9}));
    QVERIFY(picture.checkouts.back().heartbeat.has_value());
    QCOMPARE(picture.checkouts[1].expected, std::optional(Duration{77}));
    QCOMPARE(picture.checkouts[2].expected, std::nullopt);
    QCOMPARE(picture.checkouts[0].busy, std::nullopt);
    QCOMPARE(picture.checkouts[1].busy, std::optional(false));
    QCOMPARE(picture.checkouts[2].busy, std::optional(true));
    QCOMPARE(picture.figures.pending.value_or(0), std::int64_t{5});
}

QTEST_APPLESS_MAIN(TestEventRing)
#include "tst_eventring.moc"
