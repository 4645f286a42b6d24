// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/metricspools.h"

#include "core/base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t longest_name = 256;
constexpr std::size_t most_others = 3;
/// Exact in a double, and what is beyond is no count of anything.
constexpr double most_counted = 9e15;

std::optional<std::int64_t> whole(double value)
{
    if (!(value >= 0 && value <= most_counted)) // NaN neither
        return {};
    return static_cast<std::int64_t>(std::llround(value));
}

std::optional<Duration> duration(double value, double unit)
{
    const auto us = whole(value * unit);
    return us ? std::optional{Duration{*us}} : std::nullopt;
}

double number_of(std::string_view text)
{
    if (text == "+Inf" || text == "Inf" || text == "inf")
        return HUGE_VAL;
    double value = std::nan("");
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() ? value : std::nan("");
}

std::string process_of(const MetricSample& sample)
{
    std::string process;
    for (const std::string_view name : process_labels()) {
        const std::string_view value = sample.label(name);
        if (value.empty())
            continue;
        process += process.empty() ? "" : ", ";
        process += plain_line(pool_name_of(value), 64);
    }
    return plain_line(process, longest_name);
}

/// Where "password=" or "pwd=" begins; npos: nowhere.
std::size_t secret_in(std::string_view text)
{
    std::size_t found = std::string_view::npos;
    for (const std::string_view word : {"password", "passwd", "pwd"}) {
        const auto same = [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        };
        auto from = text.begin();
        while (true) {
            from = std::search(from, text.end(), word.begin(), word.end(), same);
            if (from == text.end())
                break;
            const auto begin = static_cast<std::size_t>(from - text.begin());
            const std::size_t next = text.find_first_not_of(' ', begin + word.size());
            if (next != std::string_view::npos && text[next] == '=') {
                found = std::min(found, begin);
                break;
            }
            ++from;
        }
    }
    return found;
}

/// Where the parameters of a URL or a connection string begin, a password among them; npos:
/// nowhere.
std::size_t parameters_in(std::string_view text)
{
    std::size_t cut = text.find_first_of("?;");
    while (cut != std::string_view::npos) {
        const std::size_t at = text.find('@', cut);
        // One within a password: the host is yet to come.
        if (at == std::string_view::npos || text.find('=', cut) < at)
            break;
        cut = text.find_first_of("?;", at);
    }
    return cut;
}

/// Where in a histogram that share lies, as far as it can be told: evenly spread within its bucket,
/// as the field's own tools have it. Not where it is beyond the last bound.
std::optional<double> percentile(const std::map<double, double>& buckets, double share)
{
    if (buckets.size() < 2 || std::isfinite(buckets.rbegin()->first))
        return {};
    const double all = buckets.rbegin()->second;
    if (!(all > 0))
        return {};
    const double rank = share * all;
    double lower = 0;
    double below = 0;
    for (const auto& [bound, up_to] : buckets) {
        if (up_to >= rank) {
            if (!std::isfinite(bound))
                return {};
            const double within = up_to - below;
            return bound <= 0 || within <= 0 ? bound
                                             : lower + (bound - lower) * (rank - below) / within;
        }
        lower = std::max(bound, 0.0);
        below = std::max(up_to, below);
    }
    return {};
}

} // namespace

std::string pool_name_of(std::string_view untrusted)
{
    std::string_view name = untrusted.substr(0, parameters_in(untrusted));
    name = name.substr(0, secret_in(name));
    while (name.ends_with(' '))
        name.remove_suffix(1);
    const std::size_t scheme = name.find("://");
    const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    // The last one: a password may hold an @, and a slash that should have been written %2F.
    const std::size_t at = name.rfind('@');
    if (at == std::string_view::npos || at < begin)
        return plain_line(name, longest_name);
    // Without a scheme it may be "user:password@tcp(host)/db", or just a name with an @.
    if (begin == 0 && name.substr(0, at).find(':') == std::string_view::npos)
        return plain_line(name, longest_name);
    return plain_line(std::string(name.substr(0, begin)) + std::string(name.substr(at + 1)),
                      longest_name);
}

std::string direct_target_of(const Pool& pool)
{
    for (const auto& [name, value] : pool.configuration) {
        if (name == attach_setting && value.starts_with("prometheus+http"))
            return value;
    }
    return {};
}

bool began_anew(const Pool& before, const Pool& now)
{
    const auto fell = [](const auto& was, const auto& is) {
        return was && is && *is < *was;
    };
    const auto fewer = [](const auto& was, const auto& is) {
        return was && is && is->count < was->count;
    };
    return fell(before.timeouts, now.timeouts) || fewer(before.wait_time, now.wait_time) ||
           fewer(before.use_time, now.use_time) || fewer(before.create_time, now.create_time);
}

MetricsPools::Sum& MetricsPools::of(Entry& entry, PoolFigure figure)
{
    return entry.figures[static_cast<std::size_t>(figure)];
}

const MetricsPools::Sum& MetricsPools::of(const Entry& entry, PoolFigure figure)
{
    return entry.figures[static_cast<std::size_t>(figure)];
}

void MetricsPools::take(const MetricSample& sample)
{
    if (sample.name == "process_start_time_seconds" && std::isfinite(sample.value))
        process_started_ = std::max(process_started_, sample.value);
    for (const std::string_view one :
         {"prometheus_build_info", "thanos_build_info", "vm_app_version", "cortex_build_info"})
        of_query_api_ = of_query_api_ || sample.name == one;
    std::string_view pool;
    const auto meanings = meanings_of(sample.name, pool);
    for (const MetricsMeaning& what : meanings)
        mean(what, sample, pool);
    if (meanings.empty() && others_.size() < most_others &&
        (others_.empty() || others_.back() != sample.name))
        others_.push_back(plain_line(sample.name, 64));
}

void MetricsPools::mean(const MetricsMeaning& what, const MetricSample& sample,
                        std::string_view pool)
{
    if (what.figure == PoolFigure::limit || what.figure == PoolFigure::reserve) {
        limit(what, sample);
        return;
    }
    Key key{what.family, pool_name_of(pool), process_of(sample)};
    for (const std::string_view label : what.family->name) {
        if (key.name.empty())
            key.name = pool_name_of(sample.label(label));
    }
    for (const std::string_view label : what.family->through)
        key.name += (key.name.empty() ? "" : "/") + pool_name_of(sample.label(label));
    std::string database;
    if (!what.family->through.empty())
        database = sample.label("database");
    if (database == "pgbouncer")
        return; // its own console is no pool
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() == max_pools) {
            ++over_limit_;
            return;
        }
        found = entries_.emplace(std::move(key), Entry{}).first;
        found->second.database = database;
        if (origin_)
            found->second.attach = origin_(sample.label("job"), sample.label("instance"));
    }
    Entry& entry = found->second;
    if (what.figure >= PoolFigure::wait) {
        time(entry, what, sample);
        return;
    }
    PoolFigure figure = what.figure;
    if (figure == PoolFigure::state) {
        std::string_view state;
        for (const std::string_view label :
             {"db_client_connection_state", "db_client_connections_state", "state"}) {
            if (state.empty())
                state = sample.label(label);
        }
        if (state != "used" && state != "idle")
            return;
        figure = state == "used" ? PoolFigure::used : PoolFigure::idle;
        of(entry, PoolFigure::state).told = true;
    }
    // What other labels part, as a kind of error, counts together.
    Sum& sum = of(entry, figure);
    sum.value += sample.value * (figure == PoolFigure::wait_total ? what.unit : 1);
    sum.told = true;
}

void MetricsPools::limit(const MetricsMeaning& what, const MetricSample& sample)
{
    const std::string_view name = sample.label("name");
    const std::string_view named = name.empty() ? sample.label("database") : name;
    std::pair<std::string, std::string> key{process_of(sample), std::string(named)};
    if (limits_.size() >= max_pools && !limits_.contains(key))
        return;
    Limits& limits = limits_[std::move(key)];
    Sum& sum = what.figure == PoolFigure::limit ? limits.size : limits.reserve;
    sum = {sample.value, true};
    const std::string_view host = sample.label("host");
    if (!host.empty())
        limits.server = plain_line(std::string(host) + ":" + std::string(sample.label("port")) +
                                       "/" + std::string(sample.label("database")),
                                   longest_name);
}

void MetricsPools::time(Entry& entry, const MetricsMeaning& what, const MetricSample& sample)
{
    const auto which =
        static_cast<std::size_t>(what.figure) - static_cast<std::size_t>(PoolFigure::wait);
    Durations& times = entry.durations[which];
    entry.units[which] = what.unit;
    const auto add = [&](Sum& sum) {
        sum.value += sample.value;
        sum.told = true;
    };
    if (what.part == MetricPart::sum) {
        add(times.sum);
    } else if (what.part == MetricPart::count) {
        add(times.count);
    } else if (what.part == MetricPart::bucket) {
        const double bound = number_of(sample.label("le"));
        if (!std::isnan(bound) && sample.value >= 0 &&
            (times.buckets.size() < max_buckets || times.buckets.contains(bound)))
            times.buckets[bound] += sample.value;
    } else {
        const double quantile = number_of(sample.label("quantile"));
        // Quantiles of two summaries make none of both: the first one counts.
        if (quantile == 0.5 && !times.p50.told)
            add(times.p50);
        else if (quantile == 0.99 && !times.p99.told)
            add(times.p99);
    }
}

std::optional<DurationSummary> MetricsPools::summary(const Durations& from, double unit)
{
    const double counted = from.count.told        ? from.count.value
                           : from.buckets.empty() ? std::nan("")
                                                  : from.buckets.rbegin()->second;
    const auto count = whole(counted);
    if (!count)
        return {};
    DurationSummary made;
    made.count = static_cast<std::uint64_t>(*count);
    if (from.sum.told)
        made.total = duration(from.sum.value, unit);
    const auto estimate = [&](const Sum& told, double share) -> std::optional<Duration> {
        if (told.told)
            return duration(told.value, unit);
        std::optional<double> found = percentile(from.buckets, share);
        // Some have buckets far too wide. No more than half can be longer than twice the mean.
        if (found && from.sum.told && from.sum.value >= 0 && counted > 0)
            found = std::min(*found, from.sum.value / counted / (1 - share));
        return found ? duration(*found, unit) : std::nullopt;
    };
    made.p50 = estimate(from.p50, 0.5);
    made.p99 = estimate(from.p99, 0.99);
    return made;
}

Pool MetricsPools::pool_of(const Key& key, const Entry& entry) const
{
    Pool pool;
    pool.kind = Text{std::string(key.family->kind)};
    const auto number = [&](PoolFigure figure) {
        const Sum& sum = of(entry, figure);
        return sum.told ? whole(sum.value) : std::nullopt;
    };
    pool.used = number(PoolFigure::used);
    pool.idle = number(PoolFigure::idle);
    pool.total = number(PoolFigure::total);
    pool.max = number(PoolFigure::max);
    pool.idle_min = number(PoolFigure::idle_min);
    pool.idle_max = number(PoolFigure::idle_max);
    pool.pending = number(PoolFigure::pending);
    if (of(entry, PoolFigure::state).told && pool.used && pool.idle)
        pool.total = *pool.used + *pool.idle; // there are no other states
    if (const auto timeouts = number(PoolFigure::timeouts))
        pool.timeouts = static_cast<std::uint64_t>(*timeouts);
    pool.wait_time = summary(entry.durations[0], entry.units[0]);
    pool.use_time = summary(entry.durations[1], entry.units[1]);
    pool.create_time = summary(entry.durations[2], entry.units[2]);
    if (const auto waits = number(PoolFigure::wait_count); waits && !pool.wait_time) {
        pool.wait_time = DurationSummary{static_cast<std::uint64_t>(*waits), {}, {}, {}};
        if (of(entry, PoolFigure::wait_total).told)
            pool.wait_time->total = duration(of(entry, PoolFigure::wait_total).value, 1);
    }
    if (const auto limits = limits_.find({key.process, entry.database});
        !entry.database.empty() && limits != limits_.end()) {
        if (limits->second.size.told)
            pool.max = whole(limits->second.size.value);
        const auto reserve =
            limits->second.reserve.told ? whole(limits->second.reserve.value) : std::nullopt;
        if (reserve)
            pool.configuration.emplace_back("reserve_pool", std::to_string(*reserve));
        if (!limits->second.server.empty())
            pool.database = Text{limits->second.server};
    }
    const auto setting = [&](std::string_view name, const std::optional<std::int64_t>& value) {
        if (value && !name.empty())
            pool.configuration.emplace_back(std::string(name), std::to_string(*value));
    };
    setting(key.family->max_setting, pool.max);
    setting(key.family->idle_min_setting, pool.idle_min);
    if (pool.max == 0 && key.family->kind == "database/sql")
        pool.max.reset(); // no limit
    if (!entry.attach.empty())
        pool.configuration.emplace_back(std::string(attach_setting), entry.attach);
    return pool;
}

/// Spring Boot tells of HikariCP's pools too, by the name of the bean. Where their limits leave no
/// doubt which of its own they are, those are left out.
void MetricsPools::drop_seen_twice(std::vector<std::pair<const Key*, Pool>>& pools) const
{
    struct Both
    {
        std::vector<std::size_t> hikari;
        std::vector<std::size_t> jdbc;
    };
    std::map<std::string, Both> processes;
    for (std::size_t i = 0; i < pools.size(); ++i) {
        const std::string_view kind = pools[i].first->family->kind;
        if (kind == "hikaricp")
            processes[pools[i].first->process].hikari.push_back(i);
        else if (kind == "jdbc")
            processes[pools[i].first->process].jdbc.push_back(i);
    }
    std::set<const Key*> dropped;
    for (const auto& [process, both] : processes) {
        const auto alike = [&](std::size_t a, std::size_t b) {
            return pools[a].second.max == pools[b].second.max &&
                   pools[a].second.idle_min == pools[b].second.idle_min;
        };
        for (const std::size_t one : both.jdbc) {
            const auto twins = std::count_if(both.hikari.begin(), both.hikari.end(),
                                             [&](std::size_t other) { return alike(one, other); });
            const auto rivals = std::count_if(both.jdbc.begin(), both.jdbc.end(),
                                              [&](std::size_t other) { return alike(one, other); });
            if (twins > 0 && rivals <= twins)
                dropped.insert(pools[one].first);
        }
    }
    std::erase_if(pools, [&](const auto& pool) { return dropped.contains(pool.first); });
}

std::vector<Pool> MetricsPools::pools() const
{
    std::vector<std::pair<const Key*, Pool>> made;
    made.reserve(entries_.size());
    for (const auto& [key, entry] : entries_)
        made.emplace_back(&key, pool_of(key, entry));
    drop_seen_twice(made);
    std::set<std::string> taken;
    std::vector<Pool> result;
    result.reserve(made.size());
    for (auto& [key, pool] : made) {
        std::string name = key->name.empty() ? "default" : key->name;
        if (!key->process.empty())
            name += " (" + key->process + ")";
        // Two kinds may have pools of one name.
        if (!taken.insert(name).second) {
            const std::string base = name + " " + std::string(key->family->kind);
            name = base;
            for (int n = 2; !taken.insert(name).second; ++n)
                name = base + " " + std::to_string(n);
        }
        pool.name = Text{std::move(name)};
        result.push_back(std::move(pool));
    }
    std::sort(result.begin(), result.end(),
              [](const Pool& a, const Pool& b) { return a.name < b.name; });
    return result;
}

} // namespace poolscope
