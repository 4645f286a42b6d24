// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/metricrows.h"

#include "ui/models/answers_p.h"
#include "ui/models/cells_p.h"
#include "ui/models/poolshare.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <cmath>

namespace poolscope {

namespace {

/// The limits of the default alerts.
constexpr double metricNear = 0.8, metricFull = 0.95;

int metricSeverity(const Pool& pool)
{
    const double share = usedShare(pool).value_or(-1);
    const bool waits = pool.pending.value_or(0) > 0;
    return share >= metricFull || (waits && share >= metricNear) ? 2
           : share >= metricNear || waits                        ? 1
                                                                 : 0;
}

TreeCell metricMissing()
{
    return {Formatter::notReported(), {}, QLatin1String(""), {}, Emphasis::caption};
}

template <class Number>
TreeCell metricCount(const std::optional<Number>& n, bool hurts)
{
    if (!n)
        return metricMissing();
    const auto value = static_cast<std::int64_t>(*n);
    return number(value, value == 0 ? Emphasis::caption
                         : hurts    ? Emphasis::critical
                                    : Emphasis::plain);
}

const PoolTrend* metricTrend(const PoolTrends& trends, TargetId target, const Pool& pool)
{
    const auto found = trends.find({target, pool.name});
    return found == trends.end() ? nullptr : &found->second;
}

std::optional<Duration> metricFullIn(const Pool& pool, const PoolTrend* trend)
{
    if (pool.used && pool.max && *pool.max > 0 && *pool.used >= *pool.max)
        return Duration{0};
    return trend ? trend->fullIn : std::nullopt;
}

TreeCell metricUsed(const Pool& pool, int severity)
{
    if (!pool.used)
        return metricMissing();
    TreeCell cell = number(*pool.used, severity == 2 ? Emphasis::critical : Emphasis::plain);
    if (pool.max && *pool.max > 0) {
        cell.text = Formatter::ofLimit(*pool.used, *pool.max);
        cell.copy = QStringLiteral("%1/%2").arg(*pool.used).arg(*pool.max);
        cell.sort = usedShare(pool).value_or(-1);
    }
    return cell;
}

TreeCell metricTrendCell(const PoolTrend* trend)
{
    if (!trend)
        return {tr("no trend yet"),
                {},
                QLatin1String(""),
                tr("Five samples, over a minute at least"),
                Emphasis::caption};
    const double rounded = std::round(trend->perMinute * 10) / 10;
    const QString sign = rounded > 0 ? QStringLiteral("+") : QString();
    return {sign + QString::number(rounded == 0 ? 0.0 : rounded, 'f', 1),
            trend->perMinute,
            QString::number(trend->perMinute, 'f', 3),
            {},
            rounded > 0 ? Emphasis::plain : Emphasis::caption};
}

TreeCell metricFullCell(const std::optional<Duration>& in)
{
    if (!in)
        return {};
    if (*in == Duration{0})
        return {tr("now"), QVariant::fromValue<qlonglong>(0), QStringLiteral("0.000000"),
                tr("Nothing of the pool is free"), Emphasis::critical};
    return duration(*in);
}

QString metricName(const Pool& pool)
{
    return pool.name.empty() ? tr("pool without a name") : Formatter::line(pool.name.str(), 100);
}

std::unique_ptr<TreeNode> metricNode(const SessionStore& store, const TargetSummary& target,
                                     const Pool& pool, const PoolTrend* trend)
{
    auto node = std::make_unique<TreeNode>();
    const std::string& id = pool.name.str();
    node->id = QStringLiteral("m%1/").arg(target.info.id.value) +
               QString::fromLatin1(id.data(), std::ssize(id));
    const int severity = metricSeverity(pool);
    node->severity = severity;
    node->staleness = store.staleness(target.info.id);
    const std::optional<Duration> in = metricFullIn(pool, trend);
    TreeCell name = words(metricName(pool) + QStringLiteral("  ") + answers::nameOf(target));
    name.copy = metricName(pool);
    node->lead = severity > 0 ? Lead::strong : Lead::plain;
    node->cells = {name,
                   metricUsed(pool, severity),
                   metricCount(pool.idle, false),
                   metricCount(pool.pending, true),
                   metricTrendCell(trend),
                   metricFullCell(in),
                   metricCount(pool.timeouts, false)};
    return node;
}

struct MetricPool
{
    const TargetSummary* target;
    const Pool* pool;
    const PoolTrend* trend;
};

/// Nearest to its limit first; those that are far from it by name, so that they rest.
bool nearerToItsLimit(const MetricPool& a, const MetricPool& b)
{
    const int left = metricSeverity(*a.pool), right = metricSeverity(*b.pool);
    if (left != right)
        return left > right;
    const auto in = [](const MetricPool& each) {
        return metricFullIn(*each.pool, each.trend).value_or(Duration::max());
    };
    if (left > 0 && in(a) != in(b))
        return in(a) < in(b);
    return a.pool->name < b.pool->name;
}

std::vector<MetricPool> metricPools(const SessionStore& store, const PoolTrends& trends)
{
    std::vector<MetricPool> pools;
    for (const TargetSummary& target : store.targets()) {
        if (!tellsPools(target) || tellsHolders(target))
            continue;
        for (const Pool& pool : target.pools)
            pools.push_back({&target, &pool, metricTrend(trends, target.info.id, pool)});
    }
    std::stable_sort(pools.begin(), pools.end(), nearerToItsLimit);
    return pools;
}

} // namespace

std::optional<PoolTrend> poolTrend(const std::vector<PoolPoint>& points, Timestamp now)
{
    constexpr std::size_t fewest = 5;
    constexpr Duration briefest = std::chrono::minutes{1};
    std::vector<const PoolPoint*> used;
    for (const PoolPoint& point : points) {
        if (point.time > now || point.time < now - trend_window)
            continue;
        if (point.gap_before)
            used.clear();
        if (point.used)
            used.push_back(&point);
    }
    if (used.size() < fewest || used.back()->time - used.front()->time < briefest)
        return std::nullopt;
    // Least squares, with minutes since the first.
    const auto minutes = [&](const PoolPoint& point) {
        return static_cast<double>(to_us(point.time - used.front()->time)) / 60e6;
    };
    const auto n = static_cast<double>(used.size());
    double sumX = 0, sumY = 0, sumXX = 0, sumXY = 0;
    for (const PoolPoint* point : used) {
        const double x = minutes(*point), y = static_cast<double>(*point->used);
        sumX += x;
        sumY += y;
        sumXX += x * x;
        sumXY += x * y;
    }
    const double spread = n * sumXX - sumX * sumX;
    if (spread <= 0)
        return std::nullopt;
    PoolTrend trend;
    trend.perMinute = (n * sumXY - sumX * sumY) / spread;
    const PoolPoint& last = *used.back();
    const double rise = trend.perMinute * minutes(last);
    if (rise >= 1 && *last.used > *used.front()->used && last.max && *last.max > *last.used) {
        const double left = static_cast<double>(*last.max - *last.used) / trend.perMinute * 60e6;
        constexpr double longest = 30.0 * 24 * 3600 * 1e6; // a month ahead is no forecast
        if (left <= longest)
            trend.fullIn = Duration(static_cast<std::int64_t>(left));
    }
    return trend;
}

std::unique_ptr<TreeModel> makeMetricModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Pool"), tr("The pool, and the endpoint that tells of it"), false, false},
            {tr("Used of max"), {}, true, true},
            {tr("Idle"), tr("Connections that are open and free"), true, true},
            {tr("Pending"), tr("Callers that wait for a connection"), true, true},
            {tr("Per min"), tr("How many more are in use each minute, over the last ten"), true,
             true},
            {tr("Full in"), tr("Until all are in use, if that goes on"), true, true},
            {tr("Timeouts"), tr("Acquires that gave up since the pool was made"), true, true}},
        parent);
}

TreeNodes metricRows(const SessionStore& store, const PoolTrends& trends)
{
    TreeNodes rows;
    for (const MetricPool& each : metricPools(store, trends))
        rows.push_back(metricNode(store, *each.target, *each.pool, each.trend));
    return rows;
}

bool metricsAlone(const SessionStore& store)
{
    const auto& targets = store.targets();
    return std::any_of(targets.begin(), targets.end(), tellsPools) &&
           std::none_of(targets.begin(), targets.end(), tellsHolders);
}

Answer metricsAnswer(const SessionStore& store, const PoolTrends& trends)
{
    Answer answer;
    answer.kind = Answer::Kind::healthy;
    const std::vector<MetricPool> pools = metricPools(store, trends);
    const QString nobody = tr("Metrics tell how many connections are held, not by whom.");
    if (pools.empty() || metricSeverity(*pools.front().pool) == 0) {
        answer.sentence = tr("No pool is near its limit.");
        answer.explanation = nobody;
        return answer;
    }
    const MetricPool& worst = pools.front();
    const Pool& pool = *worst.pool;
    answer.kind = Answer::Kind::server;
    answer.severity = metricSeverity(pool);
    answer.target = worst.target->info.id;
    QStringList parts;
    if (pool.used && pool.max && *pool.max > 0)
        parts +=
            tr("%1 of %2 in use").arg(Formatter::count(*pool.used), Formatter::count(*pool.max));
    else if (pool.used)
        parts += tr("%1 in use").arg(Formatter::count(*pool.used));
    if (const auto waits = pool.pending.value_or(0); waits > 0)
        parts += waits == 1 ? tr("1 waits") : tr("%1 wait").arg(Formatter::count(waits));
    answer.sentence = tr("%1: %2").arg(metricName(pool), parts.join(QStringLiteral(", ")));
    const std::optional<Duration> in = metricFullIn(pool, worst.trend);
    QStringList rest;
    if (in && *in > Duration{0})
        rest += tr("full in %1 if that goes on.").arg(Formatter::ageProse(*in));
    rest += nobody;
    answer.explanation = rest.join(QLatin1Char(' '));
    return answer;
}

} // namespace poolscope
