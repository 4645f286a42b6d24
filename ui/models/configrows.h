// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"
#include "ui/models/sessionstore.h"
#include "ui/models/treemodel.h"

#include <QString>
#include <QStringList>

#include <memory>
#include <vector>

namespace poolscope {

/// Columns of the configuration's table.
enum class ConfigColumn : int { setting, severity, pool, value, proposed, sentence };
inline constexpr int configColumnCount = 6;
enum class ConfigGrouping {
    pool, ///< findings under the pool, or the server, that they are of
    none  ///< one by one, worst first
};

/// What the store's instant tells of pools and servers; without the load, which needs a past. Where
/// thousands of connections are held, some of each pool tell where it leads.
CheckInput configInput(const SessionStore& store);
/// Nothing that a person can set differs, nor what else the rules go by, but for what grows by
/// itself: uses so far.
bool sameConfiguration(const CheckInput& a, const CheckInput& b);

/// What there was to look at.
struct ConfigExtent
{
    int pools = 0;             ///< that tell what they are set to, or how large they may become
    int silent = 0;            ///< pools that do not
    int servers = 0;           ///< that tell what they are set to, or how many they let in
    std::int64_t settings = 0; ///< all that was told
    bool none() const { return pools == 0 && servers == 0; }
};
ConfigExtent configExtent(const CheckInput& input);
/// "12 settings of 2 pools and 1 server"
QString extentWords(const ConfigExtent& extent);
/// A line for each that told something: "Pool orders of shop-api, HikariCP: 8 settings"; at most
/// so many, and one for the rest.
QStringList extentLines(const CheckInput& input, int most);

struct ConfigCounts
{
    int critical = 0;
    int warning = 0;
    int info = 0;
    int shown = 0; ///< of all of them, that match the filter
    int all() const { return critical + warning + info; }
};
/// "1 critical, 2 warnings, 1 info"; empty where there is none.
QString countWords(const ConfigCounts& counts);

/// Findings, worst first. `filter` narrows to those whose pool, target, setting, values or words
/// contain it.
std::unique_ptr<TreeModel> makeConfigModel(QObject* parent);
TreeNodes configRows(const SessionStore& store, const CheckInput& input, const ConfigReport& report,
                     const QString& filter, ConfigGrouping grouping,
                     ConfigCounts* counts = nullptr);
/// Ids of the rows, in the order of the findings; the same of both groupings.
QStringList findingIds(const ConfigReport& report);

const CheckTarget* configTarget(const CheckInput& input, TargetId id);
/// Null where it is of a server.
const Pool* configPool(const CheckInput& input, const ConfigFinding& finding);
/// "pool orders of shop-api", "server shop-db"
QString subjectWords(const CheckInput& input, const ConfigFinding& finding);
/// "HikariCP", "PostgreSQL"
QString systemWords(const CheckInput& input, const ConfigFinding& finding);
/// What is proposed, as it is written where that system is configured: "maximumPoolSize=20",
/// "db.SetMaxOpenConns(20)". Empty where nothing is proposed, or the system is not known.
QString settingLine(const CheckInput& input, const ConfigFinding& finding);
QString severityWords(ConfigSeverity severity);

} // namespace poolscope
