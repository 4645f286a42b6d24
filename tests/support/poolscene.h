// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace poolscope::support {

/// An instrumented process in an incident, six minutes of it, second by second: "shop-api" with the
/// pools "shop" (20 of 20 in use, 4 wait, 7 gave up) and "reports" (2 of 5). checkout.cpp:88 keeps
/// 14 connections and takes one more every 22 s; reindex.cpp:41 holds one for long and said so;
/// catalog.cpp:52 and report.cpp:45 hold theirs briefly. The same every time. It ends at now(), and
/// advance() goes on from there. Combines with SyntheticUpdates, whose target is 1.
class PoolScene
{
public:
    static constexpr int seconds = 360;
    static constexpr Duration offset = std::chrono::milliseconds{12};

    explicit PoolScene(TargetId target = TargetId{2})
        : target_(target)
        , now_(end() - std::chrono::seconds{seconds})
    {
        attach();
        for (int i = 0; i < seconds; ++i)
            second();
        taken_ = {};
    }
    /// When the incident is at its worst, on the capture's clock; that of SyntheticUpdates begins.
    static Timestamp end() { return timestamp_from_us(1'795'271'527'000'000); }
    static Timestamp begin() { return end() - std::chrono::seconds{seconds}; }

    Timestamp now() const { return now_; }
    TargetId id() const { return target_; }
    /// Everything that was observed, from sequence number 1.
    const std::vector<Observation>& observations() const { return observations_; }
    const World& world() const { return world_; }
    const Pools& pools() const { return world_.target(target_)->pools; }
    /// Open checkouts of the leak, oldest first.
    std::vector<CheckoutKey> leaked() const
    {
        std::vector<CheckoutKey> keys;
        for (const auto& [id, checkout] : pools().checkouts) {
            if (checkout.stack == stacks_[leak])
                keys.push_back(checkout.key);
        }
        return keys;
    }
    const Checkout& checkout(const std::string& id) const { return pools().checkouts.at(Text(id)); }

    /// A second more of the same.
    void advance() { second(); }
    /// Something else at this instant: a checkout of a test's own, with `key.target` left alone.
    void put(Checkout checkout)
    {
        checkout.key.target = target_;
        PoolSample sample = stamped();
        sample.changed.push_back(std::move(checkout));
        observe(std::move(sample));
    }
    /// One more of the leak, acquired at the same line for another caller.
    void putByAnotherWay(const std::string& id)
    {
        Checkout other = checkout(leaked().front().id.str());
        std::vector<StackLine> lines = other.stack->lines;
        const auto caller = acquiring_line(other.stack.get()) - other.stack->lines.data() + 1;
        lines[static_cast<std::size_t>(caller)] = {Text("shop::refund"), Text("src/refund.cpp"), 12,
                                                   true};
        other.stack = make_stack(std::move(lines));
        other.key.id = Text(id);
        other.connection = Text("k-" + id);
        put(std::move(other));
    }
    void end(const std::string& id)
    {
        PoolSample sample = stamped();
        sample.ended.push_back({Text(id), theirs()});
        physical_.erase(Text(id));
        observe(std::move(sample));
    }
    void observe(Fact fact)
    {
        Observation o{SequenceNumber{observations_.size() + 1}, now_, target_, std::move(fact)};
        world_.apply(o, taken_);
        if (const auto* const sample = std::get_if<PoolSample>(&o.what)) {
            for (const Pool& pool : sample->pools) {
                PoolSeries& series = series_[pool.name];
                series.target = target_;
                series.pool = pool.name;
                series.points.push_back(pool_point(pool, now_, false));
                fresh_[pool.name].push_back(series.points.back());
            }
        }
        observations_.push_back(std::move(o));
    }

    /// What happened since the last call, as a capture would tell it.
    Update take(bool reset = false)
    {
        Update update = reset ? whole() : empty();
        if (!reset) {
            const std::set<CheckoutKey> gone(taken_.checkouts_gone.begin(),
                                             taken_.checkouts_gone.end());
            std::set<CheckoutKey> changed(taken_.checkouts_changed.begin(),
                                          taken_.checkouts_changed.end());
            changed.insert(gone.begin(), gone.end());
            for (const CheckoutKey& key : changed) {
                if (const Checkout* const checkout = world_.checkout(key))
                    update.checkouts.push_back(*checkout);
                else
                    update.checkouts_gone.push_back(key);
            }
        }
        for (auto& [pool, points] : fresh_)
            update.live_pool_points.push_back({target_, pool, std::move(points)});
        fresh_.clear();
        taken_ = {};
        return update;
    }
    /// The same instant, whole: what a window opened now would be given.
    Update whole() const
    {
        Update update = empty();
        update.reset = true;
        for (const auto& [id, checkout] : pools().checkouts)
            update.checkouts.push_back(checkout);
        return update;
    }
    /// Puts this process beside what another update tells (of other targets).
    void join(Update& update) const
    {
        const Update mine = whole();
        update.checkouts.insert(update.checkouts.end(), mine.checkouts.begin(),
                                mine.checkouts.end());
        update.targets.insert(update.targets.end(), mine.targets.begin(), mine.targets.end());
    }

    TargetSummary summary() const
    {
        const TargetState& state = *world_.target(target_);
        TargetSummary summary;
        summary.info = state.info;
        summary.status = state.status;
        summary.clock_offset = state.clock_offset;
        summary.last_sample = state.last_sample;
        summary.gap = state.gap_since_sample;
        summary.thresholds = world_.thresholds(target_);
        summary.agent = state.pools.agent;
        for (const auto& [name, pool] : state.pools.pools)
            summary.pools.push_back(pool);
        summary.places = find_places(state.pools, Judging{}, state.theirs(now_));
        summary.statements = statements;
        for (const StatementLeak& each : statements)
            summary.statement_evidence.push_back(evidence_of(each));
        summary.lost = state.pools.lost;
        summary.unreadable = state.pools.unreadable;
        return summary;
    }
    /// Of both pools, a point a second.
    std::vector<PoolSeries> series() const
    {
        std::vector<PoolSeries> all;
        for (const auto& [name, series] : series_)
            all.push_back(series);
        return all;
    }

    /// What is told of prepared statements from now on.
    std::vector<StatementLeak> statements;
    static StatementLeak neverClosed(std::uint64_t open = 412, int at = 31,
                                     LeakSeverity severity = LeakSeverity::alert)
    {
        StatementLeak leak;
        leak.pool = Text("shop");
        leak.stack =
            make_stack({line("database/sql.(*DB).Prepare", "/usr/lib/go/sql.go", 1573, false),
                        line("main.price", "/srv/shop/price.go", at, true)});
        leak.severity = severity;
        leak.open = open;
        leak.before = 12;
        leak.window = std::chrono::seconds{60};
        leak.age = std::chrono::seconds{severity == LeakSeverity::critical ? 400 : 95};
        leak.distinct = 1;
        leak.connections = 20;
        leak.statement = Text("SELECT price FROM items WHERE id = ?");
        return leak;
    }

    enum Where : std::size_t { leak, reindex, catalog, report };
    const StackRef& stack(Where where) const { return stacks_.at(where); }

private:
    static StackLine line(const char* function, const char* file, int number, bool own)
    {
        return {Text(function), Text(file), number, own};
    }
    static std::array<StackRef, 4> makeStacks()
    {
        const StackLine acquire =
            line("poolscope::ConnectionPool<Connection>::acquire",
                 "/usr/include/poolscope/core/pool/connectionpool.h", 214, false);
        const StackLine loop =
            line("boost::asio::detail::scheduler::run",
                 "/usr/include/boost/asio/detail/impl/scheduler.ipp", 210, false);
        const StackLine thread = line("std::thread::_State_impl<Worker>::_M_run",
                                      "/usr/include/c++/12/bits/std_thread.h", 210, false);
        const StackLine clone = line("clone3", "", 0, false);
        const StackLine serve = line("shop::serve", "src/server.cpp", 131, true);
        return {
            make_stack({acquire, line("shop::place_order", "src/checkout.cpp", 88, true),
                        line("shop::handle_checkout", "src/routes.cpp", 203, true), serve, loop,
                        thread, clone}),
            make_stack({acquire, line("shop::rebuild_search_index", "src/reindex.cpp", 41, true),
                        line("shop::nightly", "src/jobs.cpp", 77, true), thread, clone}),
            make_stack({acquire, line("shop::search", "src/catalog.cpp", 52, true), serve, loop,
                        thread, clone}),
            make_stack({acquire, line("shop::monthly_report", "src/report.cpp", 45, true),
                        line("shop::nightly", "src/jobs.cpp", 82, true), thread, clone})};
    }

    Timestamp theirs() const { return now_ + offset; }
    PoolSample stamped() const
    {
        PoolSample sample;
        sample.clock_offset = offset;
        return sample;
    }
    Update empty() const
    {
        Update update;
        update.now = now_;
        update.targets = {summary()};
        update.actions = std::make_shared<const std::vector<ActionRecord>>(world_.actions());
        update.notes = std::make_shared<const std::vector<NoteRecord>>(world_.notes());
        return update;
    }

    void attach()
    {
        observe(TargetAttached{{target_, "pool", "shop-api", "pool+unix:///run/shop-api.sock"}});
        observe(StatusChanged{{Reach::up, {}, {}, {}}});
        AgentFacts facts;
        facts.protocol = 1;
        facts.agent = "poolscope-cpp 0.1";
        facts.process = "shop-api";
        facts.host = "app-3";
        facts.pid = 2231;
        facts.can = {"beat", "health", "server_pid", "stacks", "timeout", "use", "wait"};
        facts.may_reclaim = true;
        observe(AgentReported{facts});
    }

    Checkout begun(Where where, const char* pool, std::int64_t serial, Duration ago)
    {
        Checkout c;
        c.key = {target_, Text("c-" + std::to_string(10000 + serial))};
        c.pool = Text(pool);
        const int physical = freeConnection(pool);
        physical_[c.key.id] = physical;
        c.connection = Text("k-" + std::to_string(100 + physical));
        c.server_pid = 48200 + physical;
        c.local_port = static_cast<std::uint16_t>(51400 + physical);
        c.acquired = theirs() - ago;
        c.wait = Duration{180 + 13 * (serial % 9)};
        c.thread = Text("exec-" + std::to_string(1 + serial % 16));
        c.stack = stacks_.at(where);
        return c;
    }
    /// 0 to 4 are of "reports", 5 to 24 of "shop". Each is held by one checkout at most.
    int freeConnection(const std::string& pool) const
    {
        std::set<int> busy;
        for (const auto& [id, physical] : physical_)
            busy.insert(physical);
        int physical = pool == "shop" ? 5 : 0;
        while (busy.contains(physical))
            ++physical;
        return physical;
    }
    Checkout leakedOne(std::int64_t serial)
    {
        Checkout c = begun(leak, "shop", serial, std::chrono::milliseconds{300});
        c.acquired_by = Text("POST /orders");
        c.tags = {{Text("order"), Text(std::to_string(771200 + serial))},
                  {Text("tenant"), Text(serial % 2 == 0 ? "eu-2" : "us-1")}};
        c.trace_id = Text("7f3a" + std::to_string(4711000 + serial) + "c41e");
        c.busy = false;
        c.busy_since = c.acquired + std::chrono::milliseconds{41};
        c.statement = Text("INSERT INTO orders (customer, total) VALUES ($1, $2) RETURNING id");
        return c;
    }
    Checkout brief(Where where, const char* pool, std::int64_t serial, Duration ago)
    {
        Checkout c = begun(where, pool, serial, ago);
        c.acquired_by = Text(where == catalog ? "GET /search" : "job monthly");
        if (where == catalog)
            c.tags = {{Text("query"), Text("shoes")}};
        c.busy = true;
        c.busy_since = c.acquired + Duration{90};
        c.statement = Text(where == catalog
                               ? "SELECT id, title, price FROM products WHERE search @@ $1 LIMIT 40"
                               : "SELECT month, sum(total) FROM orders GROUP BY month");
        return c;
    }

    void second()
    {
        now_ += std::chrono::seconds{1};
        const int t = second_++;
        PoolSample sample = stamped();
        sample.full = t == 0;
        if (!sample.full) {
            for (const Text& id : passing_)
                sample.ended.push_back({id, theirs() - std::chrono::milliseconds{80}});
        }
        for (const Text& id : passing_)
            physical_.erase(id);
        passing_.clear();
        if (t >= 40 && (t - 40) % 22 == 0 && held_ + 6 < 20) {
            sample.changed.push_back(leakedOne(++serial_));
            ++held_;
        }
        if (t == 120) {
            Checkout c = begun(reindex, "shop", ++serial_, Duration{0});
            c.acquired_by = Text("job reindex");
            c.expected = std::chrono::minutes{10};
            c.busy = true;
            c.busy_since = c.acquired + std::chrono::milliseconds{2};
            c.statement = Text("SELECT id, title, body FROM products ORDER BY id");
            sample.changed.push_back(std::move(c));
        }
        for (int i = 0; i < 5; ++i)
            pass(sample, brief(catalog, "shop", ++serial_, std::chrono::milliseconds{20 + 37 * i}));
        for (int i = 0; i < 2; ++i)
            pass(sample, brief(report, "reports", ++serial_, std::chrono::milliseconds{400 + i}));
        sample.brief = {{Text("shop"), stacks_[catalog], 180, Duration{180 * 3100},
                         std::chrono::milliseconds{38}}};
        const bool full = t > 326;
        if (full && (t - 328) % 5 == 0) {
            sample.timeouts.push_back({Text("shop"), theirs(), std::chrono::seconds{5},
                                       Text("GET /search"), stacks_[catalog]});
            ++timeouts_;
        }
        sample.pools = {reports(t), shop(t, full)};
        if (sample.full)
            connect(sample);
        std::sort(sample.changed.begin(), sample.changed.end(),
                  [](const Checkout& a, const Checkout& b) { return a.key < b.key; });
        std::sort(sample.ended.begin(), sample.ended.end(),
                  [](const CheckoutEnd& a, const CheckoutEnd& b) { return a.id < b.id; });
        observe(std::move(sample));
    }
    void pass(PoolSample& sample, Checkout checkout)
    {
        passing_.push_back(checkout.key.id);
        sample.changed.push_back(std::move(checkout));
    }
    void connect(PoolSample& sample) const
    {
        for (int i = 0; i < 25; ++i) {
            PoolConnection connection;
            connection.key = {Text(i < 5 ? "reports" : "shop"),
                              Text("k-" + std::to_string(100 + i))};
            connection.opened = theirs() - std::chrono::minutes{20 + i};
            connection.server_pid = 48200 + i;
            connection.local_port = static_cast<std::uint16_t>(51400 + i);
            connection.health = Text("healthy");
            sample.opened.push_back(std::move(connection));
        }
        std::sort(sample.opened.begin(), sample.opened.end(),
                  [](const auto& a, const auto& b) { return a.key < b.key; });
    }

    Pool shop(int t, bool full) const
    {
        Pool p;
        p.name = Text("shop");
        p.kind = Text("poolscope");
        p.database = Text("postgresql://shop-db:5432/shop");
        p.configuration = {{"max_connections", "20"},   {"max_per_user", "20"},
                           {"min_idle", "2"},           {"acquire_timeout", "5 s"},
                           {"idle_timeout", "60 s"},    {"max_connection_age", "600 s"},
                           {"leak_threshold", "30 s"},  {"validation_on_acquire", "on"},
                           {"automatic_cleanup", "off"}};
        p.used = held_ + 5 + (t >= 120 ? 1 : 0);
        p.max = 20;
        p.total = 20;
        p.idle = 20 - *p.used;
        p.idle_min = 2;
        p.pending = full ? 4 : 0;
        p.timeouts = timeouts_;
        const auto n = static_cast<std::uint64_t>(185) * static_cast<std::uint64_t>(t + 1);
        const Duration wait99 =
            full ? Duration{4'200'000} : Duration{400 + 900 * static_cast<std::int64_t>(held_)};
        p.wait_time =
            DurationSummary{n, Duration{static_cast<std::int64_t>(n) * 420}, Duration{180}, wait99};
        p.use_time = DurationSummary{n, Duration{static_cast<std::int64_t>(n) * 3100},
                                     Duration{3100}, Duration{38'000}};
        p.create_time = DurationSummary{20, Duration{20 * 4200}, Duration{4100}, Duration{6900}};
        p.leaks_detected = held_;
        p.tracked = static_cast<std::uint64_t>(*p.used);
        p.circuit = Text("closed");
        p.health = Text("healthy");
        return p;
    }
    static Pool reports(int t)
    {
        Pool p;
        p.name = Text("reports");
        p.kind = Text("poolscope");
        p.configuration = {{"max_connections", "5"}, {"acquire_timeout", "30 s"}};
        p.used = 2;
        p.idle = 3;
        p.total = 5;
        p.max = 5;
        p.pending = 0;
        p.timeouts = 0;
        const auto n = static_cast<std::uint64_t>(2) * static_cast<std::uint64_t>(t + 1);
        p.use_time = DurationSummary{n, Duration{static_cast<std::int64_t>(n) * 910'000},
                                     Duration{900'000}, Duration{990'000}};
        p.circuit = Text("closed");
        p.health = Text("healthy");
        return p;
    }

    TargetId target_;
    Timestamp now_;
    std::array<StackRef, 4> stacks_ = makeStacks();
    World world_;
    WorldDelta taken_;
    std::vector<Observation> observations_;
    std::map<Text, PoolSeries> series_;
    std::map<Text, std::vector<PoolPoint>> fresh_;
    std::map<Text, int> physical_; ///< which physical connection a checkout holds
    std::vector<Text> passing_;    ///< brief holders that the next second ends
    int second_ = 0;
    std::int64_t serial_ = 0;
    std::uint64_t held_ = 0;
    std::uint64_t timeouts_ = 0;
};

} // namespace poolscope::support
