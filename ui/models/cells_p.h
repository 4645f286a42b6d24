// SPDX-License-Identifier: GPL-3.0-or-later
// How findings.cpp, leakrows.cpp and serverrows.cpp fill their cells; for nobody else. Copies are
// raw: JSON names, whole numbers, seconds.
#pragma once

#include "ui/models/formatter.h"
#include "ui/models/treemodel.h"

#include <QCoreApplication>

namespace poolscope {

inline QString idOf(const SessionKey& key)
{
    return QStringLiteral("%1/%2/%3")
        .arg(key.target.value)
        .arg(key.pid.value)
        .arg(to_us(key.started));
}

inline QString applicationOf(const Session& session)
{
    const Text& name = session.application.empty() ? session.user : session.application;
    return name.empty() ? QCoreApplication::translate("Findings", "no name")
                        : Formatter::line(name.str());
}

inline TreeCell words(const QString& text, Emphasis emphasis = Emphasis::plain)
{
    return {text, text, {}, text, emphasis};
}

/// Copied by its JSON name.
inline TreeCell stateCell(SessionState state, Emphasis emphasis = Emphasis::plain)
{
    const auto name = name_of(state);
    TreeCell cell = words(Formatter::state(state), emphasis);
    cell.copy = QString::fromLatin1(name.data(), std::ssize(name));
    return cell;
}

/// "48213  shop-api": the delegate sets the pid apart.
inline TreeCell whoCell(Pid pid, const QString& application)
{
    const QString number = QString::number(pid.value);
    TreeCell cell = words(number + QStringLiteral("  ") + application);
    cell.copy = number + QLatin1Char(' ') + application;
    return cell;
}

inline TreeCell number(std::int64_t n, Emphasis emphasis = Emphasis::plain)
{
    return {
        Formatter::count(n), QVariant::fromValue<qlonglong>(n), QString::number(n), {}, emphasis};
}

inline TreeCell duration(Duration age, Emphasis emphasis = Emphasis::plain)
{
    return {Formatter::ageCell(age),
            QVariant::fromValue<qlonglong>(to_us(age)),
            QString::number(static_cast<double>(to_us(age)) / 1e6, 'f', 6),
            {},
            emphasis};
}

} // namespace poolscope
