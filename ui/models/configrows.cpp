// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/configrows.h"

#include "core/analyze/checknames.h"
#include "ui/models/cells_p.h"
#include "ui/models/joined.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <QHash>

#include <algorithm>
#include <map>

namespace poolscope {

namespace {

constexpr std::size_t longestSentence = 2000;

QString byteName(const std::string& name)
{
    // Byte by byte: what is no UTF-8 must not make two names one.
    return QString::fromLatin1(name.data(), std::ssize(name));
}

QString headId(const ConfigFinding& finding)
{
    const QString target = QString::number(finding.target.value);
    return finding.pool.is_null()
               ? QStringLiteral("s") + target
               : QStringLiteral("p%1/").arg(target) + byteName(finding.pool.str());
}

bool tellsSize(const Pool& pool)
{
    return !pool.configuration.empty() || pool.max;
}

Emphasis configEmphasis(ConfigSeverity severity)
{
    return severity == ConfigSeverity::critical  ? Emphasis::critical
           : severity == ConfigSeverity::warning ? Emphasis::warning
                                                 : Emphasis::secondary;
}

/// For SeverityRole.
int severityRoleOf(ConfigSeverity severity)
{
    return severity == ConfigSeverity::critical  ? static_cast<int>(LeakSeverity::critical)
           : severity == ConfigSeverity::warning ? static_cast<int>(LeakSeverity::alert)
                                                 : infoSeverity;
}

TreeCell configSeverityCell(ConfigSeverity severity)
{
    TreeCell cell = words(severityWords(severity), configEmphasis(severity));
    cell.sort = static_cast<int>(severity);
    return cell;
}

QString configPoolName(const Text& pool)
{
    const QString name = Formatter::line(pool.str(), 100);
    return name.isEmpty() ? tr("pool without a name") : name;
}

QString configTargetName(const CheckInput& input, TargetId id)
{
    const CheckTarget* const target = configTarget(input, id);
    return target ? Formatter::line(
                        target->info.name.empty() ? target->info.url : target->info.name, 100)
                  : tr("unknown");
}

QString settingsWords(std::int64_t count)
{
    return count == 1 ? tr("1 setting") : tr("%1 settings").arg(Formatter::count(count));
}

/// What a server told, with how many it lets in.
std::int64_t settingsOf(const CheckTarget& server)
{
    const bool size = server.facts && server.facts->max_connections;
    return (size ? 1 : 0) + (server.settings ? std::ssize(server.settings->all) : 0);
}

std::int64_t settingsOf(const Pool& pool)
{
    return std::max<std::int64_t>(std::ssize(pool.configuration), tellsSize(pool) ? 1 : 0);
}

/// With its target where several have pools.
QString whereWords(const CheckInput& input, const ConfigFinding& finding)
{
    QString target = configTargetName(input, finding.target);
    if (finding.pool.is_null())
        return target;
    const auto tellers = std::count_if(input.targets.begin(), input.targets.end(),
                                       [](const auto& each) { return !each.pools.empty(); });
    QString pool = configPoolName(finding.pool);
    return tellers > 1 ? QStringLiteral("%1: %2").arg(target, pool) : pool;
}

bool findingMentions(const CheckInput& input, const ConfigFinding& finding, const QString& filter)
{
    if (filter.isEmpty())
        return true;
    const auto has = [&](const QString& text) {
        return text.contains(filter, Qt::CaseInsensitive);
    };
    const auto says = [&](const std::string& text) {
        return has(Formatter::line(text, longestSentence));
    };
    return says(finding.setting) || says(finding.value) || says(finding.proposed) ||
           says(finding.sentence) || says(finding.rule) || has(severityWords(finding.severity)) ||
           has(subjectWords(input, finding)) || has(systemWords(input, finding)) ||
           std::any_of(finding.evidence.begin(), finding.evidence.end(), says);
}

std::unique_ptr<TreeNode> findingNode(const CheckInput& input, const ConfigFinding& finding)
{
    auto node = std::make_unique<TreeNode>();
    node->severity = severityRoleOf(finding.severity);
    const QString setting = Formatter::line(finding.setting, 128);
    const QString sentence = Formatter::line(finding.sentence, longestSentence);
    TreeCell name = words(setting);
    name.mono = true;
    name.tip = setting;
    TreeCell value = words(Formatter::line(finding.value, 128));
    value.mono = true;
    TreeCell proposed = finding.proposed.empty()
                            ? words(tr("it depends"), Emphasis::caption)
                            : words(Formatter::line(finding.proposed, 128), Emphasis::strong);
    proposed.mono = !finding.proposed.empty();
    if (finding.proposed.empty())
        proposed.copy = QLatin1String("");
    TreeCell says = words(sentence);
    says.tip = sentence;
    node->cells = {name,
                   configSeverityCell(finding.severity),
                   words(whereWords(input, finding)),
                   value,
                   proposed,
                   says};
    return node;
}

void countOne(ConfigCounts& counts, ConfigSeverity severity)
{
    ++(severity == ConfigSeverity::critical  ? counts.critical
       : severity == ConfigSeverity::warning ? counts.warning
                                             : counts.info);
}

std::unique_ptr<TreeNode> headNode(const CheckInput& input, const ConfigFinding& worst)
{
    auto head = std::make_unique<TreeNode>();
    head->id = headId(worst);
    head->group = true;
    head->lead = Lead::strong;
    head->severity = severityRoleOf(worst.severity);
    const QString system = systemWords(input, worst);
    const QString target = configTargetName(input, worst.target);
    const QString lead = worst.pool.is_null() ? target : configPoolName(worst.pool);
    const QString rest = worst.pool.is_null() ? system : tr("of %1, %2").arg(target, system);
    TreeCell name = words(lead + QStringLiteral("  ") + rest);
    name.copy = lead;
    name.tip = name.text;
    head->cells = {
        name, configSeverityCell(worst.severity), TreeCell{}, TreeCell{}, TreeCell{}, TreeCell{}};
    return head;
}

} // namespace

QString severityWords(ConfigSeverity severity)
{
    switch (severity) {
    case ConfigSeverity::info:
        return tr("info");
    case ConfigSeverity::warning:
        return tr("warning");
    case ConfigSeverity::critical:
        return tr("critical");
    }
    return {};
}

CheckInput configInput(const SessionStore& store)
{
    CheckInput input;
    std::size_t pools = 0;
    bool servers = false;
    for (const TargetSummary& each : store.targets()) {
        input.targets.push_back(
            check_target(each.info, each.facts, each.settings, each.pools, each.places));
        pools += each.pools.size();
        servers = servers || is_server(each.info);
    }
    if (!servers || pools == 0)
        return input;
    constexpr std::size_t mostInAll = 2000;
    const std::size_t most = std::clamp<std::size_t>(mostInAll / pools, 4, 64);
    std::vector<PoolRoute> routes;
    for (const TargetSummary& each : store.targets()) {
        std::map<Text, std::size_t> asked;
        for (const Place& place : each.places) {
            std::size_t& ofPool = asked[place.pool];
            for (const Holder& holder : place.holders) {
                if (ofPool++ >= most)
                    break;
                const auto link = sessionLink(store, holder.checkout);
                const auto key = link ? link->session() : std::nullopt;
                const SessionRow* const row = key ? store.find(*key) : nullptr;
                if (const auto checkout = store.checkout(holder.checkout); row && checkout)
                    routes.push_back(route_of(*checkout, *link, row->session));
            }
        }
    }
    add_routes(input, std::move(routes));
    return input;
}

bool sameConfiguration(const CheckInput& a, const CheckInput& b)
{
    const auto samePool = [](const Pool& x, const Pool& y) {
        return x.name == y.name && x.kind == y.kind && x.database == y.database &&
               x.configuration == y.configuration && x.max == y.max && x.idle_min == y.idle_min;
    };
    return a.routes == b.routes &&
           std::equal(a.targets.begin(), a.targets.end(), b.targets.begin(), b.targets.end(),
                      [&](const CheckTarget& x, const CheckTarget& y) {
                          return x.info == y.info && x.facts == y.facts &&
                                 x.settings == y.settings && x.suspected == y.suspected &&
                                 std::equal(x.pools.begin(), x.pools.end(), y.pools.begin(),
                                            y.pools.end(), samePool);
                      });
}

ConfigExtent configExtent(const CheckInput& input)
{
    ConfigExtent extent;
    for (const CheckTarget& target : input.targets) {
        for (const Pool& pool : target.pools) {
            ++(tellsSize(pool) ? extent.pools : extent.silent);
            extent.settings += settingsOf(pool);
        }
        extent.servers += settingsOf(target) > 0 ? 1 : 0;
        extent.settings += settingsOf(target);
    }
    return extent;
}

QString extentWords(const ConfigExtent& extent)
{
    QStringList whose;
    if (extent.pools > 0)
        whose += extent.pools == 1 ? tr("1 pool") : tr("%1 pools").arg(extent.pools);
    if (extent.servers > 0)
        whose += extent.servers == 1 ? tr("1 server") : tr("%1 servers").arg(extent.servers);
    return tr("%1 of %2").arg(settingsWords(extent.settings), whose.join(tr(" and ")));
}

QStringList extentLines(const CheckInput& input, int most)
{
    QStringList lines;
    int left = 0;
    const auto add = [&](const QString& name, const QString& system, std::int64_t settings) {
        if (settings == 0)
            return;
        if (std::ssize(lines) < most)
            lines += tr("%1, %2: %3").arg(name, system, settingsWords(settings));
        else
            ++left;
    };
    for (const CheckTarget& target : input.targets) {
        const QString name = configTargetName(input, target.info.id);
        add(tr("Server %1").arg(name), wordsOf(familyOf(target.info)).name, settingsOf(target));
        for (const Pool& pool : target.pools)
            add(tr("Pool %1 of %2").arg(configPoolName(pool.name), name),
                Formatter::line(kind_in_words(pool.kind), 64), settingsOf(pool));
    }
    if (left > 0)
        lines += tr("And %1 more").arg(left);
    return lines;
}

QString countWords(const ConfigCounts& counts)
{
    QStringList parts;
    if (counts.critical > 0)
        parts += tr("%1 critical").arg(counts.critical);
    if (counts.warning > 0)
        parts += counts.warning == 1 ? tr("1 warning") : tr("%1 warnings").arg(counts.warning);
    if (counts.info > 0)
        parts += tr("%1 info").arg(counts.info);
    return parts.join(QStringLiteral(", "));
}

std::unique_ptr<TreeModel> makeConfigModel(QObject* parent)
{
    return std::make_unique<TreeModel>(
        std::vector<TreeColumn>{
            {tr("Setting"), tr("As the pool or the server calls it"), false, false},
            {tr("Severity"), {}, false, false},
            {tr("Pool, server"), {}, false, false},
            {tr("Is"), tr("What it is set to; - where it is not set"), false, false},
            {tr("Proposed"), tr("As it is written there"), false, false},
            {tr("Why"), {}, false, false}},
        parent);
}

QStringList findingIds(const ConfigReport& report)
{
    QStringList ids;
    QHash<QString, int> seen;
    for (const ConfigFinding& each : report.findings) {
        const QString id = QStringLiteral("f%1/%2/%3")
                               .arg(headId(each), byteName(each.rule), byteName(each.setting));
        // One rule may object to a setting twice: against two timeouts, or two limits.
        const int before = seen[id]++;
        ids += before == 0 ? id : QStringLiteral("%1#%2").arg(id).arg(before);
    }
    return ids;
}

TreeNodes configRows(const SessionStore& store, const CheckInput& input, const ConfigReport& report,
                     const QString& filter, ConfigGrouping grouping, ConfigCounts* counts)
{
    ConfigCounts counted;
    TreeNodes rows;
    const QStringList ids = findingIds(report);
    QHash<QString, TreeNode*> heads;
    QHash<QString, ConfigCounts> inHead;
    for (std::size_t i = 0; i < report.findings.size(); ++i) {
        const ConfigFinding& each = report.findings[i];
        countOne(counted, each.severity);
        if (!findingMentions(input, each, filter))
            continue;
        ++counted.shown;
        auto node = findingNode(input, each);
        node->id = ids.at(static_cast<qsizetype>(i));
        node->staleness = store.staleness(each.target);
        if (grouping == ConfigGrouping::none) {
            rows.push_back(std::move(node));
            continue;
        }
        const QString id = headId(each);
        if (!heads.contains(id)) { // worst first: this is its worst
            rows.push_back(headNode(input, each));
            rows.back()->staleness = node->staleness;
            heads[id] = rows.back().get();
        }
        countOne(inHead[id], each.severity);
        heads[id]->children.push_back(std::move(node));
    }
    for (const auto& head : rows) {
        if (head->group)
            head->cells.back() = words(countWords(inHead[head->id]), Emphasis::secondary);
    }
    if (counts)
        *counts = counted;
    return rows;
}

const CheckTarget* configTarget(const CheckInput& input, TargetId id)
{
    const auto found = std::find_if(input.targets.begin(), input.targets.end(),
                                    [id](const CheckTarget& each) { return each.info.id == id; });
    return found == input.targets.end() ? nullptr : &*found;
}

const Pool* configPool(const CheckInput& input, const ConfigFinding& finding)
{
    const CheckTarget* const target =
        finding.pool.is_null() ? nullptr : configTarget(input, finding.target);
    if (!target)
        return nullptr;
    const auto found = std::find_if(target->pools.begin(), target->pools.end(),
                                    [&](const Pool& pool) { return pool.name == finding.pool; });
    return found == target->pools.end() ? nullptr : &*found;
}

QString subjectWords(const CheckInput& input, const ConfigFinding& finding)
{
    const QString target = configTargetName(input, finding.target);
    return finding.pool.is_null() ? tr("server %1").arg(target)
                                  : tr("pool %1 of %2").arg(configPoolName(finding.pool), target);
}

QString systemWords(const CheckInput& input, const ConfigFinding& finding)
{
    if (const Pool* const pool = configPool(input, finding))
        return Formatter::line(kind_in_words(pool->kind), 64);
    const CheckTarget* const target = configTarget(input, finding.target);
    return target ? wordsOf(familyOf(target->info)).name : QString();
}

} // namespace poolscope
