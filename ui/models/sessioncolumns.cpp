// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/sessioncolumns.h"
#include "ui/models/translate.h"

namespace poolscope::sessioncolumns {

namespace {

using Column = SessionColumn;

std::optional<Duration> ageOf(const std::optional<Timestamp>& since, const TargetFrame& target,
                              Timestamp now)
{
    if (!since)
        return std::nullopt;
    return std::max(Duration{0}, now + target.clockOffset - *since);
}

std::optional<std::uint32_t> xminAge(const SessionRow& row, const TargetFrame& target)
{
    if (!row.session.xmin || !target.nextXid)
        return std::nullopt;
    return xid_age(*row.session.xmin, *target.nextXid);
}

QString textOf(const Text& text)
{
    return text.is_null() ? QString() : Formatter::line(text.str());
}

QString ageText(const std::optional<Duration>& age)
{
    return age ? Formatter::ageCell(*age) : QString();
}

QString blockers(const Session& session, int atMost)
{
    QStringList pids;
    for (const Pid pid : session.blocked_by) {
        if (pids.size() == atMost) {
            pids.last() += QStringLiteral(" +%1").arg(
                Formatter::count(std::ssize(session.blocked_by) - atMost));
            break;
        }
        pids += pid.value == 0 ? tr("prepared") : QString::number(pid.value);
    }
    return pids.join(QStringLiteral(", "));
}

std::int64_t instantKey(Timestamp since, const TargetFrame& target)
{
    return -to_us(since - target.clockOffset);
}

} // namespace

QString title(Column column)
{
    switch (column) {
    case Column::target:
        return tr("Target");
    case Column::pid:
        return tr("Pid");
    case Column::user:
        return tr("User");
    case Column::database:
        return tr("Database");
    case Column::application:
        return tr("Application");
    case Column::client:
        return tr("Client");
    case Column::state:
        return tr("State");
    case Column::age:
        return tr("For");
    case Column::transaction:
        return tr("Tx age");
    case Column::wait:
        return tr("Wait event");
    case Column::blockedBy:
        return tr("Blocked by");
    case Column::blocks:
        return tr("Blocks");
    case Column::xminAge:
        return tr("Xmin age");
    case Column::started:
        return tr("Started");
    case Column::statement:
        return tr("Statement");
    }
    return {};
}

QString explanation(Column column)
{
    switch (column) {
    case Column::age:
        return tr("How long it has been in its state");
    case Column::transaction:
        return tr("How long its transaction has been open");
    case Column::blockedBy:
        return tr("Pids that the server names: who holds what it waits for, and who stands ahead "
                  "of it in the queue");
    case Column::blocks:
        return tr("How many sessions wait behind it, directly or not. Who only stands ahead of "
                  "others in a queue blocks none of them");
    case Column::xminAge:
        return tr("How many transactions vacuum is held back by it");
    case Column::started:
        return tr("When it connected, on the server's clock");
    case Column::statement:
        return tr("What it runs, or ran last");
    default:
        return title(column);
    }
}

bool rightAligned(Column column)
{
    switch (column) {
    case Column::pid:
    case Column::age:
    case Column::transaction:
    case Column::blockedBy:
    case Column::blocks:
    case Column::xminAge:
    case Column::started:
        return true;
    default:
        return false;
    }
}

bool mono(Column column)
{
    return rightAligned(column) || column == Column::statement || column == Column::client;
}

QString display(Column column, const SessionRow& row, const TargetFrame& target, Timestamp now,
                const Formatter& format)
{
    const Session& s = row.session;
    switch (column) {
    case Column::target:
        return target.name;
    case Column::pid:
        return QString::number(s.key.pid.value);
    case Column::user:
        return textOf(s.user);
    case Column::database:
        return textOf(s.database);
    case Column::application:
        return textOf(s.application);
    case Column::client:
        return textOf(s.client);
    case Column::state:
        return Formatter::state(s.state);
    case Column::age:
        return ageText(ageOf(s.state_since, target, now));
    case Column::transaction:
        return ageText(ageOf(s.transaction_since, target, now));
    case Column::wait:
        return textOf(s.wait_event);
    case Column::blockedBy:
        return blockers(s, 1);
    case Column::blocks:
        return row.blocks > 0 ? Formatter::count(row.blocks) : QString();
    case Column::xminAge: {
        const auto age = xminAge(row, target);
        return age                ? Formatter::count(*age)
               : target.tellsXmin ? QString()
                                  : Formatter::notReported();
    }
    case Column::started:
        return to_us(s.key.started) == 0 ? Formatter::notReported()
                                         : format.instant(s.key.started, now);
    case Column::statement:
        return s.statement.is_null() ? Formatter::notReported()
                                     : Formatter::line(s.statement.str(), 400).simplified();
    }
    return {};
}

QString tip(Column column, const SessionRow& row, const TargetFrame& target)
{
    const Session& s = row.session;
    const auto since = [](const std::optional<Timestamp>& t) {
        return t ? tr("since %1").arg(Formatter::iso(*t)) : QString();
    };
    switch (column) {
    case Column::age:
        return since(s.state_since);
    case Column::transaction:
        return since(s.transaction_since);
    case Column::started:
        return to_us(s.key.started) == 0 ? QString() : Formatter::iso(s.key.started);
    case Column::blockedBy:
        return s.blocked_by.size() > 1 ? blockers(s, 100) : QString();
    case Column::statement:
        return s.statement.is_null() ? QString() : Formatter::text(s.statement.str(), 2000);
    case Column::target:
        return target.name;
    case Column::user:
        return textOf(s.user);
    case Column::database:
        return textOf(s.database);
    case Column::application:
        return textOf(s.application);
    case Column::client:
        return textOf(s.client);
    case Column::wait:
        return textOf(s.wait_event);
    default:
        return {};
    }
}

QString copy(Column column, const SessionRow& row, const TargetFrame& target, Timestamp now)
{
    const Session& s = row.session;
    const auto seconds = [](const std::optional<Duration>& age) {
        return age ? QString::number(static_cast<double>(to_us(*age)) / 1e6, 'f', 6) : QString();
    };
    switch (column) {
    case Column::state: {
        const auto name = name_of(s.state);
        return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
    }
    case Column::age:
        return seconds(ageOf(s.state_since, target, now));
    case Column::transaction:
        return seconds(ageOf(s.transaction_since, target, now));
    case Column::blockedBy: {
        QStringList pids; // 0 is a prepared transaction
        for (const Pid pid : s.blocked_by)
            pids += QString::number(pid.value);
        return pids.join(QStringLiteral(", "));
    }
    case Column::blocks:
        return QString::number(row.blocks);
    case Column::xminAge: {
        const auto age = xminAge(row, target);
        return age ? QString::number(*age) : QString();
    }
    case Column::started:
        return to_us(s.key.started) == 0 ? QString() : Formatter::iso(s.key.started);
    case Column::statement:
        return s.statement.is_null() ? QString() : Formatter::text(s.statement.str());
    default:
        return display(column, row, target, now, Formatter(true));
    }
}

Emphasis emphasis(Column column, const SessionRow& row, const TargetFrame& target)
{
    if (column == Column::xminAge && !target.tellsXmin)
        return Emphasis::caption;
    if (column == Column::blocks && row.blocks > 0)
        return Emphasis::critical;
    if (column == Column::started && to_us(row.session.key.started) == 0)
        return Emphasis::caption;
    if (column == Column::statement)
        return row.session.statement.is_null() ? Emphasis::caption : Emphasis::secondary;
    if (column == Column::wait || column == Column::client)
        return Emphasis::secondary;
    return Emphasis::plain;
}

SortKey sortKey(Column column, const SessionRow& row, const TargetFrame& target)
{
    const Session& s = row.session;
    const auto text = [](const Text& t) {
        return SortKey{t.is_null(), 0, t};
    };
    const auto since = [&](const std::optional<Timestamp>& t) {
        return t ? SortKey{false, instantKey(*t, target), {}} : SortKey{true, 0, {}};
    };
    switch (column) {
    case Column::target:
        return {false, s.key.target.value, {}};
    case Column::pid:
        return {false, s.key.pid.value, {}};
    case Column::user:
        return text(s.user);
    case Column::database:
        return text(s.database);
    case Column::application:
        return text(s.application);
    case Column::client:
        return text(s.client);
    case Column::state:
        return {false, static_cast<std::int64_t>(s.state), {}};
    case Column::age:
        return since(s.state_since);
    case Column::transaction:
        return since(s.transaction_since);
    case Column::wait:
        return text(s.wait_event);
    case Column::blockedBy:
        return s.blocked_by.empty() ? SortKey{true, 0, {}}
                                    : SortKey{false, s.blocked_by.front().value, {}};
    case Column::blocks:
        return {row.blocks == 0, row.blocks, {}};
    case Column::xminAge: {
        const auto age = xminAge(row, target);
        return age ? SortKey{false, *age, {}} : SortKey{true, 0, {}};
    }
    case Column::started:
        return {to_us(s.key.started) == 0, to_us(s.key.started - target.clockOffset), {}};
    case Column::statement:
        return text(s.statement);
    }
    return {};
}

int compare(const SortKey& a, const SortKey& b, bool descending)
{
    if (a.null || b.null)
        return static_cast<int>(a.null) - static_cast<int>(b.null);
    int order = 0;
    if (a.number != b.number)
        order = a.number < b.number ? -1 : 1;
    else if (a.text.identity() != b.text.identity())
        order = a.text.str().compare(b.text.str());
    return descending ? -order : order;
}

QVariant sortValue(Column column, const SessionRow& row, const TargetFrame& target, Timestamp now)
{
    const Session& s = row.session;
    const auto age = [&](const std::optional<Timestamp>& since) {
        const auto a = ageOf(since, target, now);
        return a ? QVariant::fromValue<qlonglong>(to_us(*a)) : QVariant();
    };
    if (column == Column::age)
        return age(s.state_since);
    if (column == Column::transaction)
        return age(s.transaction_since);
    const SortKey key = sortKey(column, row, target);
    if (key.null)
        return {};
    if (!key.text.is_null())
        return QString::fromStdString(key.text.str());
    return QVariant::fromValue<qlonglong>(key.number);
}

} // namespace poolscope::sessioncolumns
