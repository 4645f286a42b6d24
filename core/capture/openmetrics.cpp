// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/openmetrics.h"

#include "core/base/text.h"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <iterator>
#include <set>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t longest_label = 200; // bytes

/// As it stands between the quotes.
std::string escaped(std::string_view untrusted)
{
    std::string value;
    for (const char c : plain_line(untrusted, longest_label)) {
        if (c == '\\' || c == '"')
            value += '\\';
        value += c;
    }
    return value;
}

class Page
{
public:
    /// Begins a family. `unit` is the end of its name, or empty.
    void family(std::string_view name, std::string_view type, std::string_view unit,
                std::string_view help)
    {
        name_ = name;
        add("# TYPE {} {}\n", name, type);
        if (!unit.empty())
            add("# UNIT {} {}\n", name, unit);
        add("# HELP {} {}\n", name, help);
    }
    template <class Number>
    void sample(std::string_view suffix, const std::string& labels, Number value)
    {
        add("{}{}{{{}}} {}\n", name_, suffix, labels, value);
    }
    template <class Number>
    void sample(std::string_view suffix, const std::string& labels,
                const std::optional<Number>& value)
    {
        if (value)
            sample(suffix, labels, *value);
    }
    std::string end()
    {
        text_ += "# EOF\n";
        return std::move(text_);
    }

private:
    template <class... Values>
    void add(fmt::format_string<Values...> format, Values&&... values)
    {
        fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
    }
    std::string text_;
    std::string_view name_;
};

/// A target, or a pool, and the labels of its series.
struct Shown
{
    const TargetSummary* target = nullptr;
    const Pool* pool = nullptr;
    std::string labels;

    bool up() const { return target->status.reach == Reach::up && target->last_sample; }
    bool tellsSessions() const
    {
        return up() && (target->info.kind == "postgresql" || target->info.kind == "mysql");
    }
};

double seconds(Duration duration)
{
    return static_cast<double>(to_us(duration)) / 1e6;
}

std::vector<Shown> targets_of(const Update& update)
{
    std::vector<Shown> all;
    std::set<std::string> taken;
    for (const TargetSummary& target : update.targets) {
        // The same may be attached twice, a longer one be cut: a series must be there once.
        const std::string base = escaped(target.info.url);
        std::string name = base;
        for (int n = 2; !taken.insert(name).second; ++n)
            name = fmt::format("{} ({})", base, n);
        all.push_back({&target, nullptr, "target=\"" + name + "\""});
    }
    return all;
}

std::vector<Shown> pools_of(const std::vector<Shown>& targets, std::size_t& left_out)
{
    std::vector<Shown> all;
    for (const Shown& of : targets) {
        if (!of.up())
            continue;
        std::set<std::string> taken;
        for (const Pool& pool : of.target->pools) {
            std::string name = escaped(pool.name.str());
            if (all.size() == most_exported_pools || !taken.insert(name).second) {
                ++left_out;
                continue;
            }
            all.push_back(
                {of.target, &pool, "db_client_connection_pool_name=\"" + name + "\"," + of.labels});
        }
    }
    return all;
}

template <class Figure>
void put_gauge(Page& page, const std::vector<Shown>& pools, std::string_view name,
               std::string_view help, Figure Pool::*figure)
{
    page.family(name, "gauge", {}, help);
    for (const Shown& of : pools)
        page.sample({}, of.labels, of.pool->*figure);
}

void put_time(Page& page, const std::vector<Shown>& pools, std::string_view name,
              std::string_view help, std::optional<DurationSummary> Pool::*which)
{
    page.family(name, "summary", "seconds", help);
    for (const Shown& of : pools) {
        const std::optional<DurationSummary>& time = of.pool->*which;
        if (!time || (which == &Pool::wait_time && counts_waits_alone(*of.pool)))
            continue;
        const auto quantile = [&](const char* share, const std::optional<Duration>& value) {
            if (value && time->count > 0)
                page.sample({}, of.labels + ",quantile=\"" + share + "\"", seconds(*value));
        };
        quantile("0.5", time->p50);
        quantile("0.99", time->p99);
        page.sample("_count", of.labels, time->count);
        if (time->total)
            page.sample("_sum", of.labels, seconds(*time->total));
    }
}

void put_waits(Page& page, const std::vector<Shown>& pools)
{
    const auto each = [&](auto tell) {
        for (const Shown& of : pools) {
            if (of.pool->wait_time && counts_waits_alone(*of.pool))
                tell(of, *of.pool->wait_time);
        }
    };
    page.family("poolscope_pool_waits", "counter", {},
                "Acquires that had to wait, of pools that count no others.");
    each([&](const Shown& of, const DurationSummary& wait) {
        page.sample("_total", of.labels, wait.count);
    });
    page.family("poolscope_pool_wait_seconds", "counter", "seconds", "How long these waited.");
    each([&](const Shown& of, const DurationSummary& wait) {
        if (wait.total)
            page.sample("_total", of.labels, seconds(*wait.total));
    });
}

void put_pools(Page& page, const std::vector<Shown>& targets)
{
    std::size_t left_out = 0;
    const std::vector<Shown> pools = pools_of(targets, left_out);
    page.family("db_client_connection_count", "gauge", {}, "Connections by state.");
    for (const Shown& of : pools) {
        page.sample({}, of.labels + ",db_client_connection_state=\"used\"", of.pool->used);
        page.sample({}, of.labels + ",db_client_connection_state=\"idle\"", of.pool->idle);
    }
    put_gauge(page, pools, "db_client_connection_idle_max", "Idle connections allowed.",
              &Pool::idle_max);
    put_gauge(page, pools, "db_client_connection_idle_min", "Idle connections kept.",
              &Pool::idle_min);
    put_gauge(page, pools, "db_client_connection_max", "Connections allowed.", &Pool::max);
    put_gauge(page, pools, "db_client_connection_pending_requests",
              "Callers that wait for a connection.", &Pool::pending);
    page.family("db_client_connection_timeouts", "counter", {}, "Acquires that gave up.");
    for (const Shown& of : pools)
        page.sample("_total", of.labels, of.pool->timeouts);
    put_time(page, pools, "db_client_connection_create_time_seconds",
             "How long it took to open a connection.", &Pool::create_time);
    put_time(page, pools, "db_client_connection_wait_time_seconds",
             "How long it took to get a connection.", &Pool::wait_time);
    put_time(page, pools, "db_client_connection_use_time_seconds",
             "How long connections were held.", &Pool::use_time);
    put_waits(page, pools);
    page.family("poolscope_pools_left_out", "gauge", {}, "Pools beyond those on this page.");
    page.sample({}, {}, left_out);
}

void put_sessions(Page& page, const std::vector<Shown>& targets)
{
    page.family("poolscope_sessions", "gauge", {}, "Client sessions of the server by state.");
    for (const Shown& of : targets) {
        for (std::size_t i = 0; of.tellsSessions() && i < session_state_count; ++i)
            page.sample(
                {},
                fmt::format("{},state=\"{}\"", of.labels, name_of(static_cast<SessionState>(i))),
                of.target->counts[i]);
    }
    page.family("poolscope_sessions_max", "gauge", {}, "Sessions that the server allows.");
    for (const Shown& of : targets) {
        if (of.up() && of.target->facts)
            page.sample({}, of.labels, of.target->facts->max_connections);
    }
    page.family("poolscope_blocked_sessions", "gauge", {}, "Sessions that wait for another.");
    for (const Shown& of : targets) {
        if (of.tellsSessions())
            page.sample({}, of.labels, of.target->blocking.blocked);
    }
}

/// How many are suspected, by kind and severity.
void put_leaks(Page& page, const std::vector<Shown>& targets)
{
    page.family("poolscope_suspected_leaks", "gauge", {},
                "Connections, transactions and statements that are held too long.");
    for (const Shown& of : targets) {
        if (!of.up())
            continue;
        std::map<std::pair<LeakKind, LeakSeverity>, std::int64_t> counts;
        std::set<LeakKind> told;
        if (of.tellsSessions())
            told.insert(LeakKind::session);
        if (of.target->agent)
            told.insert(LeakKind::checkout);
        for (const SuspectedLeak& leak : of.target->suspects)
            ++counts[{leak.kind, leak.severity}];
        for (const Place& place : of.target->places) {
            for (const Holder& holder : place.holders)
                ++counts[{place.kind, holder.severity}];
        }
        for (const StatementLeak& leak : of.target->statements)
            ++counts[{LeakKind::statement, leak.severity}];
        for (const auto& [what, count] : counts) {
            if (what.second != LeakSeverity::none)
                told.insert(what.first);
        }
        for (const LeakKind kind : told) {
            for (const LeakSeverity severity : {LeakSeverity::alert, LeakSeverity::critical})
                page.sample({},
                            fmt::format("kind=\"{}\",severity=\"{}\",{}", name_of(kind),
                                        name_of(severity), of.labels),
                            counts[{kind, severity}]);
        }
    }
}

} // namespace

std::string open_metrics_page(const Update& update)
{
    const std::vector<Shown> targets = targets_of(update);
    Page page;
    page.family("poolscope_target_up", "gauge", {}, "Whether the target answers.");
    for (const Shown& of : targets)
        page.sample({}, fmt::format("kind=\"{}\",{}", escaped(of.target->info.kind), of.labels),
                    of.up() ? 1 : 0);
    put_pools(page, targets);
    put_sessions(page, targets);
    put_leaks(page, targets);
    return page.end();
}

} // namespace poolscope
