// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/views/poolspagerows.h"

#include "core/analyze/overflow.h"
#include "ui/charts/timeaxis.h"
#include "ui/models/poolshare.h"
#include "ui/models/roles.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace poolscope {

namespace {

QString nameOf(const Pool& pool)
{
    const QString name = Formatter::line(pool.name.str(), 200);
    return name.isEmpty() ? tr("pool without a name") : name;
}

bool limited(const Pool& pool)
{
    return pool.max && *pool.max > 0;
}

QString counted(const std::optional<std::int64_t>& n)
{
    return n ? Formatter::count(*n) : Formatter::notReported();
}

TreeCell missing()
{
    return {Formatter::notReported(), {}, QLatin1String(""), {}, Emphasis::caption};
}

TreeCell numberCell(const std::optional<std::int64_t>& n, Emphasis emphasis = Emphasis::plain)
{
    if (!n)
        return missing();
    return {Formatter::count(*n),
            QVariant::fromValue<qlonglong>(*n),
            QString::number(*n),
            {},
            *n > 0 ? emphasis : Emphasis::caption};
}

/// Of its maximum, and more where somebody waits.
double fullness(const Pool& pool)
{
    return usedShare(pool).value_or(0) + (pool.pending.value_or(0) > 0 ? 1 : 0);
}

struct Candidate
{
    const TargetSummary* target;
    const Pool* pool;
    int severity;
    double full;
    std::size_t place; ///< among those shown last
};

/// Rows do not change places under the mouse for a connection more or less: one that was shown
/// passes another only where it is fuller by a tenth of its size.
void sortWorstFirst(std::vector<Candidate>& all, const std::vector<PoolKey>& before)
{
    constexpr double worthMoving = 0.1;
    // A fleet has thousands: no search of each among all.
    std::map<std::pair<std::uint32_t, std::string_view>, std::size_t> places;
    for (std::size_t i = 0; i < before.size(); ++i)
        places.try_emplace({before[i].target.value, before[i].pool.str()}, i);
    for (Candidate& each : all) {
        const auto found = places.find({each.target->info.id.value, each.pool->name.str()});
        each.place = found == places.end() ? before.size() : found->second;
    }
    std::stable_sort(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
        if (a.place != b.place)
            return a.place < b.place;
        return std::tie(a.severity, a.full) > std::tie(b.severity, b.full); // both are new
    });
    const auto passes = [&](const Candidate& a, const Candidate& b) {
        if (a.severity != b.severity)
            return a.severity > b.severity;
        const bool fresh = a.place == before.size();
        return a.full > b.full + (fresh ? 0 : worthMoving);
    };
    for (std::size_t i = 1; i < all.size(); ++i) {
        for (std::size_t k = i; k > 0 && passes(all[k], all[k - 1]); --k)
            std::swap(all[k], all[k - 1]);
    }
}

std::optional<std::int64_t> signedOf(const std::optional<std::uint64_t>& n)
{
    return n ? std::optional(static_cast<std::int64_t>(*n)) : std::nullopt;
}

QString percentileText(const std::optional<Duration>& percentile)
{
    return percentile ? durationText(*percentile) : Formatter::notReported();
}

/// Two lines: p50 above p99.
TreeCell timeCell(const std::optional<DurationSummary>& time)
{
    if (!time)
        return missing();
    if (time->count == 0)
        return {tr("none yet"), {}, QLatin1String(""), {}, Emphasis::caption};
    if (!time->p50 && !time->p99)
        return missing();
    const auto seconds = [](const std::optional<Duration>& d) {
        return d ? QString::number(static_cast<double>(to_us(*d)) / 1e6, 'f', 6) : QString();
    };
    return {percentileText(time->p50) + QLatin1Char('\n') + percentileText(time->p99),
            time->p99 ? QVariant::fromValue<qlonglong>(to_us(*time->p99)) : QVariant(),
            seconds(time->p50) + QLatin1Char('/') + seconds(time->p99),
            tr("p50 %1, p99 %2, since the pool was made")
                .arg(percentileText(time->p50), percentileText(time->p99)),
            Emphasis::plain};
}

Emphasis emphasisOf(const QString& condition)
{
    if (condition == QLatin1String("open") || condition == QLatin1String("unhealthy"))
        return Emphasis::critical;
    if (condition == QLatin1String("closed") || condition == QLatin1String("healthy"))
        return Emphasis::secondary;
    if (condition == QLatin1String("unknown"))
        return Emphasis::caption;
    return Emphasis::warning;
}

TreeCell conditionCell(const Text& condition)
{
    if (condition.empty())
        return missing();
    const QString words = Formatter::line(condition.str(), 60);
    return {words, words, {}, words, emphasisOf(words)};
}

TreeCell usedCell(const Pool& pool, int severity)
{
    if (!pool.used)
        return missing();
    const std::optional<std::int64_t> limit = limited(pool) ? pool.max : std::nullopt;
    const std::optional<double> share = usedShare(pool);
    TreeCell cell{Formatter::ofLimit(*pool.used, limit), share ? QVariant(*share) : QVariant(),
                  limit ? QStringLiteral("%1/%2").arg(*pool.used).arg(*limit)
                        : QString::number(*pool.used),
                  poolWords(pool), severity == 2 ? Emphasis::critical : Emphasis::plain};
    return cell;
}

QString percentiles(const std::optional<DurationSummary>& time)
{
    if (!time)
        return Formatter::notReported();
    if (time->count == 0)
        return tr("none yet");
    if (!time->p50 && !time->p99)
        return Formatter::notReported();
    return tr("p50 %1, p99 %2").arg(percentileText(time->p50), percentileText(time->p99));
}

} // namespace

QString PoolKey::id() const
{
    return QStringLiteral("%1/%2").arg(target.value).arg(QString::fromStdString(pool.str()));
}

int severityOf(const Pool& pool)
{
    const double share = usedShare(pool).value_or(0);
    const QString circuit = Formatter::line(pool.circuit.str(), 60);
    const QString health = Formatter::line(pool.health.str(), 60);
    if (share >= 0.95 || circuit == QLatin1String("open"))
        return 2;
    const bool half = !circuit.isEmpty() && circuit != QLatin1String("closed");
    return share >= 0.8 || pool.pending.value_or(0) > 0 || half ||
                   health == QLatin1String("unhealthy")
               ? 1
               : 0;
}

QString poolWords(const Pool& pool)
{
    QStringList parts;
    if (pool.used)
        parts << (limited(pool)
                      ? tr("%1 of %2 in use")
                            .arg(Formatter::count(*pool.used), Formatter::count(*pool.max))
                      : tr("%1 in use").arg(Formatter::count(*pool.used)));
    if (pool.pending.value_or(0) == 1)
        parts << tr("1 waits");
    else if (pool.pending.value_or(0) > 1)
        parts << tr("%1 wait").arg(Formatter::count(*pool.pending));
    if (pool.timeouts.value_or(0) == 1)
        parts << tr("1 acquire timed out");
    else if (pool.timeouts.value_or(0) > 1)
        parts << tr("%1 acquires timed out")
                     .arg(Formatter::count(static_cast<std::int64_t>(*pool.timeouts)));
    const QString circuit = Formatter::line(pool.circuit.str(), 60);
    if (!circuit.isEmpty() && circuit != QLatin1String("closed"))
        parts << tr("circuit breaker %1").arg(circuit);
    if (pool.health == Text("unhealthy"))
        parts << tr("unhealthy");
    return parts.isEmpty() ? tr("nothing is reported") : parts.join(QStringLiteral(", "));
}

PoolsAnswer poolsAnswer(const SessionStore& store)
{
    const Pool* worst = nullptr;
    const TargetSummary* of = nullptr;
    int severity = -1, bad = 0, pools = 0, same = 0;
    double share = -1;
    for (const TargetSummary& target : store.targets()) {
        for (const Pool& pool : target.pools) {
            ++pools;
            const int s = severityOf(pool);
            bad += s > 0;
            const double used =
                usedShare(pool).value_or(0) + static_cast<double>(pool.pending.value_or(0));
            if (s > severity || (s == severity && used > share)) {
                severity = s;
                share = used;
                worst = &pool;
                of = &target;
            }
        }
    }
    if (!worst)
        return {0,
                tr("No pool is reported. Attach to an instrumented process with Ctrl+T, or to "
                   "demo: to see one."),
                {},
                {}};
    for (const TargetSummary& target : store.targets()) {
        for (const Pool& pool : target.pools)
            same += pool.name == worst->name;
    }
    QString name = nameOf(*worst);
    if (same > 1)
        name = tr("%1 of %2").arg(name, Formatter::line(of->info.name, 100));
    if (severity > 0) {
        const QString rest = bad == 1   ? QString()
                             : bad == 2 ? tr("1 more pool is near its limit")
                                        : tr("%1 more pools are near their limit").arg(bad - 1);
        return {severity, name + QStringLiteral(": ") + poolWords(*worst), rest,
                PoolKey{of->info.id, worst->name}};
    }
    return {0, tr("No pool is near its limit"),
            pools == 1   ? name + QStringLiteral(": ") + poolWords(*worst)
            : share <= 0 ? tr("no connection is in use")
                         : tr("the fullest is %1: %2").arg(name, poolWords(*worst)),
            PoolKey{of->info.id, worst->name}};
}

std::unique_ptr<TreeModel> makePoolModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Pool, process"), {}, false, false},
            {tr("Used of max"), tr("Connections that are checked out"), true, true},
            {tr("Idle"), {}, true, true},
            {tr("Pending"), tr("Callers that wait for a connection"), true, true},
            {tr("Timeouts"), tr("Acquires that gave up, since the pool was made"), true, true},
            {tr("Wait p50, p99"), tr("How long acquires waited, since the pool was made"), true,
             true},
            {tr("Use p50, p99"), tr("How long connections were held, since the pool was made"),
             true, true},
            {tr("Circuit"), tr("The circuit breaker: closed lets acquires through"), false, false},
            {tr("Health"), {}, false, false}},
        parent);
}

TreeNodes poolRows(const SessionStore& store, const QString& filter, std::vector<PoolKey>& keys,
                   std::size_t most)
{
    TreeNodes rows;
    const std::vector<PoolKey> before = std::exchange(keys, {});
    std::vector<Candidate> all;
    for (const TargetSummary& target : store.targets()) {
        const QString process = Formatter::line(target.info.name, 200);
        for (const Pool& pool : target.pools) {
            const bool fits =
                filter.isEmpty() || nameOf(pool).contains(filter, Qt::CaseInsensitive) ||
                process.contains(filter, Qt::CaseInsensitive) ||
                Formatter::line(pool.kind.str(), 60).contains(filter, Qt::CaseInsensitive);
            if (fits)
                all.push_back({&target, &pool, severityOf(pool), fullness(pool), 0});
        }
    }
    sortWorstFirst(all, before);
    for (const auto& [target, pool, severity, full, place] : all) {
        keys.push_back({target->info.id, pool->name});
        if (rows.size() >= most)
            continue;
        auto node = std::make_unique<TreeNode>();
        node->id = keys.back().id();
        node->severity = severity;
        node->staleness = staleness(*target, store.now());
        const QString process = Formatter::line(target->info.name, 200);
        const QString kind = Formatter::line(pool->kind.str(), 60);
        TreeCell name{nameOf(*pool) + QLatin1Char('\n') +
                          (kind.isEmpty() ? process : tr("%1, %2").arg(process, kind)),
                      nameOf(*pool), process + QLatin1Char('/') + nameOf(*pool), poolWords(*pool),
                      Emphasis::strong};
        node->cells = {std::move(name),
                       usedCell(*pool, severity),
                       numberCell(pool->idle),
                       numberCell(pool->pending, Emphasis::strong),
                       numberCell(signedOf(pool->timeouts), Emphasis::critical),
                       timeCell(pool->wait_time),
                       timeCell(pool->use_time),
                       conditionCell(pool->circuit),
                       conditionCell(pool->health)};
        rows.push_back(std::move(node));
    }
    return rows;
}

PoolFacts stateFacts(const Pool& pool)
{
    const auto said = [](const Text& words) {
        return words.empty() ? Formatter::notReported() : Formatter::line(words.str(), 200);
    };
    PoolFacts facts{{tr("kind"), said(pool.kind)},
                    {tr("database"), said(pool.database)},
                    {tr("circuit breaker"), said(pool.circuit)},
                    {tr("health"), said(pool.health)},
                    {tr("connections"), counted(pool.total)},
                    {tr("max"), pool.max && *pool.max <= 0 ? tr("unlimited") : counted(pool.max)}};
    if (const auto overflow = overflow_of(pool)) {
        const QString open = Formatter::count(overflow->open);
        facts.emplace_back(tr("overflow"),
                           overflow->most
                               ? tr("%1 of %2").arg(open, Formatter::count(*overflow->most))
                               : tr("%1, no bound").arg(open));
    }
    facts.insert(facts.end(), {{tr("idle.min"), counted(pool.idle_min)},
                               {tr("idle.max"), counted(pool.idle_max)},
                               {tr("leaks detected"), counted(signedOf(pool.leaks_detected))},
                               {tr("tracked"), counted(signedOf(pool.tracked))}});
    return facts;
}

PoolFacts timeFacts(const Pool& pool)
{
    const auto times = [](const std::optional<DurationSummary>& time) {
        return time ? Formatter::count(static_cast<std::int64_t>(time->count))
                    : Formatter::notReported();
    };
    return {{counts_waits_alone(pool) ? tr("waits") : tr("acquires"), times(pool.wait_time)},
            {tr("wait_time"), percentiles(pool.wait_time)},
            {tr("use_time"), percentiles(pool.use_time)},
            {tr("create_time"), percentiles(pool.create_time)}};
}

PoolFacts configurationFacts(const Pool& pool)
{
    constexpr std::size_t most = 100;
    PoolFacts facts;
    for (const auto& [name, value] : pool.configuration) {
        if (facts.size() == most)
            break;
        facts.emplace_back(Formatter::line(name, 100), Formatter::line(value, 300));
    }
    return facts;
}

} // namespace poolscope
