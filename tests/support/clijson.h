// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/places.h"
#include "tests/support/shell.h"

#include <QFile>
#include <QJsonObject>

namespace poolscope::test {

// What the command line tells in JSON, for tests against real servers and pools.

/// `poolscope VERB --json …`. An unexpected exit is said, and the array empty.
inline QJsonArray told(const QStringList& arguments)
{
    const Run run =
        runProgram(inBuild("app/poolscope"), arguments + QStringList{QStringLiteral("--json")});
    if (run.code != 0)
        qWarning("%s: %d %s", qPrintable(arguments.join(QLatin1Char(' '))), run.code,
                 run.err.constData());
    return run.code == 0 ? run.array() : QJsonArray();
}

/// `poolscope record -o FILE --for DURATION …`; false where no recording came of it.
inline bool recorded(const QString& file, const QString& duration, const QStringList& targets)
{
    const Run run = runProgram(inBuild("app/poolscope"),
                               QStringList{QStringLiteral("record"), QStringLiteral("-o"), file,
                                           QStringLiteral("--for"), duration} +
                                   targets);
    if (run.code != 0)
        qWarning("record: %d %s", run.code, run.err.constData());
    return run.code == 0 && QFile::exists(file);
}

/// The line of code, "shopapp.py:25", of a stack.
inline QString ownLine(const QJsonValue& stack)
{
    for (const QJsonValue& each : stack.toArray()) {
        const QJsonObject line = each.toObject();
        if (line[QStringLiteral("own")].toBool())
            return line[QStringLiteral("file")].toString().section(QLatin1Char('/'), -1) +
                   QStringLiteral(":%1").arg(line[QStringLiteral("line")].toInt());
    }
    return {};
}

/// The first of that target; empty where there is none.
inline QJsonObject ofTarget(const QJsonArray& array, const QString& target)
{
    for (const QJsonValue& each : array) {
        if (each.toObject()[QStringLiteral("target")].toString() == target)
            return each.toObject();
    }
    return {};
}

/// All sentences of evidence.
inline QString evidenceOf(const QJsonObject& leak)
{
    QStringList sentences;
    for (const QJsonValue& each : leak[QStringLiteral("evidence")].toArray())
        sentences += each.toString();
    return sentences.join(QLatin1Char(' '));
}

} // namespace poolscope::test
