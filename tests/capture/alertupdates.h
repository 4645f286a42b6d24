// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/alertcommand.h"

#include <QFile>
#include <QString>
#include <QStringList>

#include <chrono>
#include <initializer_list>
#include <string>
#include <vector>

namespace poolscope::test {

/// Without a pause between runs, so that a test need not wait for it.
inline AlertCommand::Limits quick()
{
    AlertCommand::Limits limits;
    limits.pause = std::chrono::milliseconds{0};
    return limits;
}

inline Alert one(const char* rule, AlertState state = AlertState::firing)
{
    Alert alert;
    alert.target = TargetId{1};
    alert.pool = Text{"orders"};
    alert.rule = rule;
    alert.severity = AlertSeverity::warning;
    alert.state = state;
    alert.since = timestamp_from_us(1'795'271'320'000'000);
    alert.value = 0.95;
    alert.threshold = 0.9;
    alert.sentence = std::string("orders: ") + rule + '.';
    return alert;
}

inline Update with(const std::vector<Alert>& alerts)
{
    Update update;
    update.now = timestamp_from_us(1'795'271'330'000'000);
    TargetSummary target;
    target.info = {TargetId{1}, "pool", "shop", "pool+unix:///run/shop.sock"};
    target.alerts = alerts;
    update.targets = {target};
    return update;
}

inline QStringList list(std::initializer_list<const char*> words)
{
    QStringList all;
    for (const char* const word : words)
        all += QString::fromLatin1(word);
    return all;
}

inline bool lives(qint64 pid)
{
    // A child of nobody that has ended is reaped by init, in its time.
    QFile status(QStringLiteral("/proc/%1/stat").arg(pid));
    return status.open(QIODevice::ReadOnly) && !status.readAll().contains(") Z ");
}

} // namespace poolscope::test
