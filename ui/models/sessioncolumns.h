// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/formatter.h"
#include "ui/models/roles.h"

#include <QString>
#include <QVariant>

namespace poolscope {

/// Columns of the sessions table; kept in settings by number, so only append.
enum class SessionColumn : int {
    target,
    pid,
    user,
    database,
    application,
    client,
    state,
    age,
    transaction,
    wait,
    blockedBy,
    blocks,
    xminAge,
    started,
    statement
};
inline constexpr int sessionColumnCount = 15;

/// What of a target its rows need.
struct TargetFrame
{
    QString name;
    Duration clockOffset{};
    std::optional<std::uint64_t> nextXid;
    std::optional<Duration> staleness; ///< how old its values are, if it does not answer now
    bool tellsXmin = true;             ///< where not, none is "not reported", never nothing
};

/// One row's cells. Stateless: everything comes in.
namespace sessioncolumns {

QString title(SessionColumn column);
/// What the column means, for its head's tooltip.
QString explanation(SessionColumn column);
bool rightAligned(SessionColumn column);
bool mono(SessionColumn column);

QString display(SessionColumn column, const SessionRow& row, const TargetFrame& target,
                Timestamp now, const Formatter& format);
/// ISO instants and uncut texts.
QString tip(SessionColumn column, const SessionRow& row, const TargetFrame& target);
/// Raw values for the clipboard.
QString copy(SessionColumn column, const SessionRow& row, const TargetFrame& target, Timestamp now);
Emphasis emphasis(SessionColumn column, const SessionRow& row, const TargetFrame& target);

/// What rows are ordered by: a number, or a text where there is no number. Null sorts last. Ages
/// are ordered by the instants they began, so that time passing moves no row.
struct SortKey
{
    bool null = false;
    std::int64_t number = 0;
    Text text;
};
SortKey sortKey(SessionColumn column, const SessionRow& row, const TargetFrame& target);
/// Below 0 where a comes first.
int compare(const SortKey& a, const SortKey& b, bool descending);
QVariant sortValue(SessionColumn column, const SessionRow& row, const TargetFrame& target,
                   Timestamp now);

} // namespace sessioncolumns
} // namespace poolscope
