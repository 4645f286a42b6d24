// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/formatter.h"

#include "core/base/text.h"
#include "core/base/time.h"
#include "ui/models/translate.h"

#include <QDateTime>

namespace poolscope {

namespace {

QDateTime dateTime(Timestamp time, bool utc)
{
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
    return QDateTime::fromMSecsSinceEpoch(ms, utc ? Qt::UTC : Qt::LocalTime);
}

QString instantAs(Timestamp time, Timestamp now, bool utc, const QString& clock)
{
    const QDateTime then = dateTime(time, utc);
    if (then.date() == dateTime(now, utc).date())
        return then.toString(clock);
    return then.toString(QStringLiteral("yyyy-MM-dd ") + clock);
}

} // namespace

QString Formatter::count(std::int64_t n)
{
    QString digits = QString::number(n);
    const int first = n < 0 ? 1 : 0;
    for (qsizetype i = digits.size() - 3; i > first; i -= 3)
        digits.insert(i, QChar(0x2009));
    return digits;
}

QString Formatter::ofLimit(std::int64_t n, std::optional<std::int64_t> limit)
{
    return limit ? count(n) + QLatin1Char('/') + count(*limit) : count(n);
}

QString Formatter::ageCell(Duration age)
{
    return QString::fromStdString(format_duration_cell(age));
}

QString Formatter::ageProse(Duration age)
{
    return QString::fromStdString(format_duration_prose(age));
}

QString Formatter::notReported()
{
    return tr("not reported");
}

QString Formatter::instant(Timestamp time, Timestamp now) const
{
    return instantAs(time, now, utc_, QStringLiteral("HH:mm:ss"));
}

QString Formatter::instantExact(Timestamp time, Timestamp now) const
{
    return instantAs(time, now, utc_, QStringLiteral("HH:mm:ss.zzz"));
}

QString Formatter::iso(Timestamp time)
{
    return QString::fromStdString(format_iso8601(time));
}

QString Formatter::state(SessionState state)
{
    switch (state) {
    case SessionState::idle_in_transaction:
        return tr("idle in transaction");
    case SessionState::idle_in_transaction_aborted:
        return tr("idle in transaction (aborted)");
    case SessionState::waiting:
        return tr("waiting for lock");
    case SessionState::active:
        return tr("active");
    case SessionState::idle:
        return tr("idle");
    case SessionState::other:
        return tr("other");
    case SessionState::unknown:
        return notReported();
    }
    return {};
}

QString Formatter::stateShort(SessionState state)
{
    switch (state) {
    case SessionState::idle_in_transaction:
        return tr("idle in tx");
    case SessionState::idle_in_transaction_aborted:
        return tr("idle in tx (aborted)");
    case SessionState::waiting:
        return tr("waiting");
    default:
        return Formatter::state(state);
    }
}

QString Formatter::severity(LeakSeverity severity)
{
    switch (severity) {
    case LeakSeverity::none:
        return tr("none");
    case LeakSeverity::alert:
        return tr("alert");
    case LeakSeverity::critical:
        return tr("critical");
    }
    return {};
}

QString Formatter::verb(ActionVerb verb)
{
    switch (verb) {
    case ActionVerb::cancel:
        return tr("Cancel statement");
    case ActionVerb::terminate:
        return tr("Terminate session");
    case ActionVerb::reclaim:
        return tr("Reclaim connection");
    }
    return {};
}

QString Formatter::phase(ActionPhase phase)
{
    switch (phase) {
    case ActionPhase::requested:
        return tr("requested");
    case ActionPhase::sent:
        return tr("sent");
    case ActionPhase::accepted:
        return tr("accepted");
    case ActionPhase::refused:
        return tr("refused");
    case ActionPhase::timed_out:
        return tr("timed out");
    case ActionPhase::observed:
        return tr("took effect");
    }
    return {};
}

QString Formatter::sessions(std::int64_t n)
{
    return n == 1 ? tr("1 session") : tr("%1 sessions").arg(count(n));
}

QString Formatter::line(const std::string& outside, std::size_t maxBytes)
{
    return QString::fromStdString(plain_line(outside, maxBytes));
}

QString Formatter::text(const std::string& outside, std::size_t maxBytes)
{
    return QString::fromStdString(plain_text(outside, maxBytes));
}

} // namespace poolscope
