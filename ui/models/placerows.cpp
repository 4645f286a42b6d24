// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of those who hold connections of pools.
#include "ui/models/leakrows_p.h"

#include "ui/models/cells_p.h"
#include "ui/models/joined.h"
#include "ui/models/placewords.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <algorithm>
#include <map>

namespace poolscope::leaks {

namespace {

TreeCell notReported()
{
    return {Formatter::notReported(), {}, QLatin1String(""), {}, Emphasis::caption};
}

TreeCell severityCell(LeakSeverity severity, bool longRunning)
{
    // A tick alone would say too little of one that is held for long and may be.
    const QString word = severity != LeakSeverity::none ? Formatter::severity(severity)
                         : longRunning                  ? tr("long-running")
                                                        : tr("held");
    return {word,
            static_cast<int>(severity),
            {},
            {},
            severity == LeakSeverity::none ? Emphasis::secondary : emphasisOf(severity)};
}

TreeCell busyCell(const Checkout& checkout)
{
    if (!checkout.busy)
        return notReported();
    TreeCell cell = words(*checkout.busy ? tr("busy") : tr("idle"));
    cell.copy = *checkout.busy ? QStringLiteral("busy") : QStringLiteral("idle");
    cell.tip = *checkout.busy ? tr("Runs a statement now") : tr("Runs no statement now");
    return cell;
}

/// Whether its id stands before who holds it.
bool hasLead(const Checkout& c)
{
    constexpr std::size_t longest = 8;
    return c.key.id.str().size() <= longest ||
           (c.acquired_by.empty() && c.thread.empty() && c.tags.empty());
}

/// What a checkout's row shows. Cells are made when the row is looked at, and by then the store may
/// know another instant: so everything is held by value.
struct LateCheckout
{
    std::shared_ptr<const Checkout> checkout;
    Duration age{};
    LeakSeverity severity = LeakSeverity::none;
    bool longRunning = false;
    bool withPool = false;
    std::int32_t blocks = 0;         ///< sessions that wait behind its own
    std::optional<std::int64_t> pid; ///< the server's own

    TreeCell place() const
    {
        const Checkout& c = *checkout;
        const QString name =
            c.pool.is_null() ? Formatter::notReported() : Formatter::line(c.pool.str(), 100);
        const QString made =
            pid || !c.server_pid ? QString() : tr("pooler's %1").arg(*c.server_pid);
        const QString number = pid ? tr("pid %1").arg(*pid) : made;
        if (!withPool && number.isEmpty())
            return notReported();
        TreeCell cell = words(!withPool          ? number
                              : number.isEmpty() ? name
                                                 : name + QStringLiteral(", ") + number,
                              Emphasis::secondary);
        if (!made.isEmpty())
            cell.tip = tr("The pooler made up this number: no process of the server has it.");
        cell.mono = !withPool;
        if (pid)
            cell.sort = QVariant::fromValue<qlonglong>(*pid);
        if (pid && !withPool)
            cell.copy = QString::number(*pid);
        return cell;
    }

    std::vector<TreeCell> operator()() const
    {
        const Checkout& c = *checkout;
        const QString id = Formatter::line(c.key.id.str(), 60);
        QStringList rest{whoWords(c), tagWords(c)};
        rest.removeAll(QString());
        const QString about = rest.join(QStringLiteral("  "));
        // An id as long as a number of the process's own says less than who and what for: those
        // must not be pushed out by it.
        const bool led = hasLead(c);
        TreeCell origin = words(about.isEmpty() ? id
                                : led           ? id + QStringLiteral("  ") + about
                                                : about);
        origin.tip =
            tr("checkout %1").arg(id) + (about.isEmpty() ? about : QLatin1Char('\n') + about);
        origin.copy = about.isEmpty() ? id : id + QLatin1Char(' ') + about;
        return {origin,
                place(),
                TreeCell{},
                duration(age, emphasisOf(severity)),
                TreeCell{},
                TreeCell{},
                severityCell(severity, longRunning),
                blocks > 0 ? number(blocks, Emphasis::critical) : TreeCell{},
                TreeCell{},
                busyCell(c)};
    }
};

std::unique_ptr<TreeNode> checkoutNode(const QString& prefix, const Holder& holder,
                                       std::shared_ptr<const Checkout> checkout,
                                       const std::optional<Duration>& old, bool withPool,
                                       std::int32_t blocks, std::optional<std::int64_t> pid)
{
    auto node = std::make_unique<TreeNode>();
    const std::string& id = holder.checkout.id.str();
    node->id = prefix + QLatin1String(id.data(), std::ssize(id));
    node->checkout = holder.checkout;
    node->lead = hasLead(*checkout) ? Lead::mono : Lead::none;
    node->severity = static_cast<int>(holder.severity);
    node->staleness = old;
    // Blue works, amber holds without working.
    if (checkout->busy)
        node->state = *checkout->busy ? SessionState::active : SessionState::idle_in_transaction;
    node->late = LateCheckout{std::move(checkout),
                              holder.age,
                              holder.severity,
                              holder.long_running,
                              withPool,
                              blocks,
                              pid};
    return node;
}

bool holds(const QString& text, const QString& filter)
{
    return text.contains(filter, Qt::CaseInsensitive);
}

bool mentions(const Checkout& c, const std::optional<std::int64_t>& pid, const QString& filter)
{
    const auto has = [&](const Text& text) {
        return holds(QString::fromStdString(text.str()), filter);
    };
    return has(c.key.id) || has(c.connection) || has(c.acquired_by) || has(c.thread) ||
           has(c.trace_id) || has(c.statement) || holds(tagWords(c, 64), filter) ||
           (c.server_pid && QString::number(*c.server_pid).contains(filter)) ||
           (pid && QString::number(*pid).contains(filter));
}

bool mentions(const TargetSummary& target, const Place& place, const QString& filter)
{
    return holds(QString::fromStdString(place.pool.str()), filter) ||
           holds(QString::fromStdString(target.info.name), filter) ||
           holds(stackText(place.stack.get()), filter);
}

/// The sums of a head: of one place, or of all places of a pool.
struct Sum
{
    std::int64_t holders = 0, suspected = 0, busy = 0, idle = 0;
    Duration oldest{};
    double growth = 0;
    std::optional<Duration> fullIn;
    LeakSeverity severity = LeakSeverity::none;
    bool longRunning = false;
    std::int64_t blocks = 0;

    void add(const Place& place)
    {
        holders += std::ssize(place.holders);
        suspected += place.suspected;
        growth += place.growth_per_minute;
        severity = std::max(severity, place.severity);
        if (!place.holders.empty())
            oldest = std::max(oldest, place.holders.front().age);
        if (place.full_in)
            fullIn = fullIn ? std::min(*fullIn, *place.full_in) : *place.full_in;
    }
    void add(const Holder& holder, const Checkout& checkout, std::int32_t behind)
    {
        blocks += behind;
        busy += checkout.busy && *checkout.busy ? 1 : 0;
        idle += checkout.busy && !*checkout.busy ? 1 : 0;
        longRunning = longRunning || holder.long_running;
    }
};

TreeCell heldCell(const Sum& sum)
{
    TreeCell cell{Formatter::count(sum.suspected) + QLatin1Char('/') +
                      Formatter::count(sum.holders),
                  QVariant::fromValue<qlonglong>(sum.holders),
                  QStringLiteral("%1/%2").arg(sum.suspected).arg(sum.holders),
                  tr("%1 suspected of %2 held").arg(sum.suspected).arg(sum.holders),
                  sum.severity == LeakSeverity::none ? Emphasis::secondary : Emphasis::plain};
    return cell;
}

TreeCell growthCell(const Sum& sum)
{
    if (sum.suspected == 0)
        return {};
    const QString text =
        sum.growth > 0 ? QStringLiteral("+%1").arg(sum.growth, 0, 'f', 1) : QStringLiteral("0.0");
    return {text,
            sum.growth,
            QString::number(sum.growth, 'f', 3),
            {},
            sum.growth > 0 ? Emphasis::plain : Emphasis::caption};
}

TreeCell fullCell(const Sum& sum, const Pool* pool)
{
    if (sum.suspected == 0)
        return {};
    if (sum.fullIn && *sum.fullIn == Duration{0})
        return {tr("now"), QVariant::fromValue<qlonglong>(0), QStringLiteral("0.000000"),
                tr("Nothing of the pool is free"), Emphasis::critical};
    if (sum.fullIn)
        return duration(*sum.fullIn);
    return pool && pool->max && pool->used ? TreeCell{} : notReported();
}

TreeCell busyCell(const Sum& sum)
{
    if (sum.busy + sum.idle == 0)
        return notReported();
    const auto known = sum.busy + sum.idle;
    QString text =
        sum.idle == 0 ? tr("busy")
        : sum.busy == 0
            ? tr("idle")
            : tr("%1 busy, %2 idle").arg(Formatter::count(sum.busy), Formatter::count(sum.idle));
    if (known < sum.holders)
        text += tr(", %1 not reported").arg(Formatter::count(sum.holders - known));
    return words(text, Emphasis::secondary);
}

void finish(Ranked& row, const Sum& sum, const PlaceName& name, const Text& poolName,
            const Pool* pool, const QString& where)
{
    TreeNode& node = *row.node;
    TreeCell origin =
        words(name.rest.isEmpty() ? name.lead : name.lead + QStringLiteral("  ") + name.rest);
    origin.tip = name.whole;
    origin.copy = name.whole;
    node.cells = {origin,
                  poolName.is_null() ? notReported() : words(where),
                  heldCell(sum),
                  duration(sum.oldest, emphasisOf(sum.severity)),
                  growthCell(sum),
                  fullCell(sum, pool),
                  severityCell(sum.severity, sum.longRunning),
                  sum.blocks > 0 ? number(sum.blocks, Emphasis::critical) : TreeCell{},
                  TreeCell{},
                  busyCell(sum)};
    node.group = true;
    node.lead = sum.severity == LeakSeverity::none ? Lead::plain : Lead::strong;
    node.folded = sum.severity == LeakSeverity::none;
    node.severity = static_cast<int>(sum.severity);
    if (sum.busy + sum.idle == sum.holders && sum.holders > 0 && (sum.busy == 0 || sum.idle == 0))
        node.state = sum.busy > 0 ? SessionState::active : SessionState::idle_in_transaction;
    row.severity = static_cast<int>(sum.severity);
    row.impact = sum.suspected;
    row.oldest = to_us(sum.oldest);
    row.longRunning = sum.longRunning;
    row.name = where + QLatin1Char(' ') + origin.text;
}

std::vector<CheckoutKey> heldBy(const TargetSummary& target)
{
    std::vector<CheckoutKey> held;
    for (const Place& place : target.places) {
        for (const Holder& holder : place.holders)
            held.push_back(holder.checkout);
    }
    return held;
}

} // namespace

QString poolWords(const SessionStore& store, const TargetSummary& target, const Text& pool)
{
    const QString name =
        pool.is_null() ? Formatter::notReported() : Formatter::line(pool.str(), 100);
    const auto processes =
        std::count_if(store.targets().begin(), store.targets().end(), tellsPools);
    return processes > 1 ? QStringLiteral("%1: %2").arg(Formatter::line(target.info.name, 60), name)
                         : name;
}

void addPlaces(const SessionStore& store, const TargetSummary& target, const QString& filter,
               LeakGrouping grouping, const std::map<CheckoutKey, std::int32_t>& blocking,
               std::vector<Ranked>& rows, LeakCounts& counts)
{
    const std::optional<Duration> old = store.staleness(target.info.id);
    const bool flat = grouping == LeakGrouping::none;
    const QString prefix = QStringLiteral("c%1/").arg(target.info.id.value);
    struct Head
    {
        Ranked row;
        Sum sum;
        PlaceName name;
        const Place* first = nullptr;
    };
    std::map<QString, Head> heads;
    ServerPids pids(store,
                    grouping == LeakGrouping::heads ? std::vector<CheckoutKey>{} : heldBy(target));
    for (const Place& place : target.places) {
        counts.holders += static_cast<int>(place.holders.size());
        counts.suspected += place.suspected;
        if (grouping == LeakGrouping::heads && place.suspected == 0)
            continue;
        const bool all = filter.isEmpty() || mentions(target, place, filter);
        const bool byPool = grouping == LeakGrouping::pool;
        const std::string& pool = place.pool.str();
        const QString id = byPool ? QStringLiteral("P%1/").arg(target.info.id.value) +
                                        QString::fromLatin1(pool.data(), std::ssize(pool))
                                  : placeId(target.info.id, place);
        Head* head = nullptr;
        for (const Holder& holder : place.holders) {
            std::shared_ptr<const Checkout> checkout = store.checkout(holder.checkout);
            if (!checkout)
                continue;
            const auto pid = pids.of(*checkout);
            if (!all && !mentions(*checkout, pid, filter))
                continue;
            ++counts.shown;
            const auto waited = blocking.find(holder.checkout);
            const std::int32_t behind = waited == blocking.end() ? 0 : waited->second;
            if (flat) {
                Ranked& row = rows.emplace_back();
                row.severity = static_cast<int>(holder.severity);
                row.oldest = to_us(holder.age);
                row.longRunning = holder.long_running;
                row.node =
                    checkoutNode(prefix, holder, std::move(checkout), old, true, behind, pid);
                row.name = row.node->id;
                continue;
            }
            if (!head) {
                head = &heads[id];
                if (!head->row.node) {
                    head->row.node = std::make_unique<TreeNode>();
                    head->row.node->id = id;
                    head->first = &place;
                    head->name = byPool ? PlaceName{Formatter::line(pool, 100), {}, {}}
                                        : placeName(target.info, place);
                }
                head->sum.add(place);
            }
            head->sum.add(holder, *checkout, behind);
            if (grouping != LeakGrouping::heads)
                head->row.node->children.push_back(
                    checkoutNode(prefix, holder, std::move(checkout), old, false, behind, pid));
        }
    }
    for (auto& [id, head] : heads) {
        finish(head.row, head.sum, head.name, head.first->pool,
               store.pool(target.info.id, head.first->pool),
               poolWords(store, target, head.first->pool));
        head.row.node->staleness = old;
        rows.push_back(std::move(head.row));
    }
}

} // namespace poolscope::leaks
