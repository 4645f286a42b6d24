// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/bench_recordpools.h"

#include "core/record/database.h"
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>

namespace poolscope::bench {

namespace {

using Watch = std::chrono::steady_clock;

double ms_since(Watch::time_point start)
{
    return std::chrono::duration<double, std::milli>(Watch::now() - start).count();
}

class BusyProcess
{
public:
    explicit BusyProcess(int checkouts)
        : open_(static_cast<std::size_t>(checkouts))
    {
        for (int i = 0; i < 30; ++i) {
            std::vector<StackLine> lines;
            for (int depth = 0; depth < 12; ++depth)
                lines.push_back(
                    {text("shop::handle", 60), text("src/handler", 20), below(900), depth > 3});
            stacks_.push_back(make_stack(std::move(lines)));
        }
    }

    PoolSample second(Timestamp now)
    {
        PoolSample sample;
        sample.full = begun_.empty();
        sample.clock_offset = Duration{below(500)};
        const Timestamp theirs = now + sample.clock_offset;
        for (auto it = begun_.begin(); it != begun_.end();) {
            if (below(20) == 0) {
                sample.ended.push_back({it->first, theirs - Duration{below(1'000'000)}});
                it = begun_.erase(it);
                continue;
            }
            ++it;
        }
        while (begun_.size() < open_) {
            const Checkout made = begin(theirs);
            begun_[made.key.id] = made;
        }
        for (auto& [id, checkout] : begun_) {
            checkout.busy = below(3) > 0;
            checkout.busy_since = theirs - Duration{below(1'000'000)};
            checkout.statement = text("SELECT * FROM item WHERE id = ", 80);
            sample.changed.push_back(checkout);
        }
        Pool pool;
        pool.name = texts_.intern("orders");
        pool.kind = texts_.intern("poolscope");
        pool.configuration = {{"max", "120"}, {"leak", "30s"}};
        pool.used = static_cast<std::int64_t>(begun_.size());
        pool.idle = below(20);
        pool.total = 120;
        pool.max = 120;
        pool.pending = below(30);
        pool.timeouts = 3;
        pool.wait_time = pool.use_time = DurationSummary{++acquired_, Duration{acquired_ * 900},
                                                         Duration{below(900)}, Duration{90'000}};
        sample.pools.push_back(pool);
        return sample;
    }

private:
    int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint32_t>(limit)); }
    Text text(const char* prefix, int different)
    {
        return texts_.intern(prefix + std::to_string(below(different)));
    }
    Checkout begin(Timestamp theirs)
    {
        Checkout c;
        c.key = {TargetId{1}, Text{fmt::format("c{:08}", ++last_)}};
        c.pool = texts_.intern("orders");
        c.connection = text("conn-", 120);
        c.server_pid = 1000 + below(90'000);
        c.local_port = static_cast<std::uint16_t>(1024 + below(60'000));
        c.acquired = theirs - Duration{below(1'000'000)};
        c.wait = Duration{below(900)};
        c.acquired_by = text("GET /item/", 40);
        c.thread = text("worker-", 16);
        c.tags = {{texts_.intern("tenant"), text("tenant-", 20)}};
        c.stack = stacks_[static_cast<std::size_t>(below(30))];
        return c;
    }

    std::size_t open_;
    std::mt19937 random_{1};
    TextPool texts_;
    std::vector<StackRef> stacks_;
    std::map<Text, Checkout> begun_;
    std::uint64_t acquired_ = 0;
    int last_ = 0;
};

struct Written
{
    Timestamp from, to;
    std::size_t events = 0;
    double ms = 0;
};

std::optional<Written> write(const std::filesystem::path& file, const PoolRecordSettings& settings)
{
    BusyProcess process{settings.checkouts};
    auto writer = RecordingWriter::create(file, {});
    if (!writer)
        return std::nullopt;
    Written written;
    written.from = written.to = timestamp_from_us(1'795'271'320'000'000);
    std::uint64_t sequence = 0;
    const auto append = [&](Fact what) {
        const auto start = Watch::now();
        const bool good = static_cast<bool>(writer.value()->append(
            {SequenceNumber{++sequence}, written.to, TargetId{1}, std::move(what)}));
        written.ms += ms_since(start);
        return good;
    };
    bool good = append(TargetAttached{{TargetId{1}, "pool", "shop-api", "pool://shop-api"}});
    for (int i = 0; good && i < settings.minutes * 60; ++i) {
        written.to += std::chrono::seconds{1};
        PoolSample sample = process.second(written.to);
        written.events += sample.changed.size() + sample.ended.size();
        good = append(std::move(sample));
        const auto start = Watch::now();
        good = good && writer.value()->commit();
        written.ms += ms_since(start);
    }
    if (!good || !writer.value()->close())
        return std::nullopt;
    return written;
}

} // namespace

bool run_pools(const PoolRecordSettings& settings)
{
    const test::Folder folder;
    const auto file = folder / "bench.poolrec";
    const auto written = write(file, settings);
    if (!written)
        return false;
    const auto size = static_cast<double>(record::size_on_disk(file));
    fmt::print("checkout_events {}\nfile_bytes {:.0f}\n", written->events, size);
    fmt::print("bytes_a_checkout_event {:.1f}\n", size / static_cast<double>(written->events));
    fmt::print("mb_an_hour {:.2f}\n", size / settings.minutes * 60 / 1e6);
    fmt::print("write_ms_a_sample {:.3f}\n", written->ms / (settings.minutes * 60.0));

    const auto reader = RecordingReader::open(file);
    if (!reader)
        return false;
    std::vector<double> seeks;
    for (int i = 0; i < settings.seeks; ++i) {
        const Timestamp at = written->from + (written->to - written->from) *
                                                 ((i * 7919) % settings.seeks) / settings.seeks;
        const auto start = Watch::now();
        auto world = reader.value()->keyframe(at);
        if (!world || !reader.value()->read(world.value().sequence(), [&](const Observation& o) {
                if (o.time > at)
                    return false;
                world.value().apply(o);
                return true;
            }))
            return false;
        seeks.push_back(ms_since(start));
    }
    std::sort(seeks.begin(), seeks.end());
    fmt::print("seek_median_ms {:.1f}\nseek_worst_ms {:.1f}\n", seeks[seeks.size() / 2],
               seeks.back());
    const auto start = Watch::now();
    if (!reader.value()->pool_series(written->from, written->to, 600))
        return false;
    fmt::print("pool_series_600_ms {:.1f}\n", ms_since(start));
    return true;
}

} // namespace poolscope::bench
