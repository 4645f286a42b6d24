// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenarios/scenariorow.h"

#include <QFile>

#include <algorithm>

namespace poolscope::test {

QStringList ScenarioRow::truth(std::size_t sources) const
{
    const QString& cell = told.at(sources);
    QStringList all = causes;
    if (cell.size() > 1)
        all += cell.split(QLatin1Char('/'));
    return all;
}

bool ScenarioRow::mustTell(std::size_t sources) const
{
    const QString& cell = told.at(sources);
    return cell == QStringLiteral("=") || cell.size() > 1;
}

std::vector<ScenarioRow> readScenarios(const QString& file)
{
    std::vector<ScenarioRow> all;
    QFile rows(file);
    if (!rows.open(QIODevice::ReadOnly))
        return all;
    for (const QByteArray& raw : rows.readAll().split('\n')) {
        const QString row = QString::fromUtf8(raw).trimmed();
        if (row.isEmpty() || row.startsWith(QLatin1Char('#')))
            continue;
        QStringList cells = row.split(QLatin1Char('|'));
        for (QString& cell : cells)
            cell = cell.trimmed();
        const bool doubled =
            std::any_of(all.begin(), all.end(), [&](const auto& s) { return s.name == cells[0]; });
        if (cells.size() != 14 || doubled) {
            qWarning("not a row: %s", raw.constData());
            return {};
        }
        ScenarioRow s;
        s.name = cells[0];
        s.inCi = cells[1] == QStringLiteral("ci");
        s.pool = cells[2];
        s.work = cells[3];
        for (const QString& part : cells[4].split(QLatin1Char(','))) {
            const QString one = part.trimmed();
            if (one.startsWith(QLatin1Char('!')))
                s.actions += one.mid(1);
            else if (one != QStringLiteral("-"))
                s.trouble += one;
        }
        s.lasts = cells[5].toInt();
        s.after = cells[6].toInt();
        if (cells[7].startsWith(QStringLiteral("healthy")))
            s.mayAlert = cells[7].contains(QStringLiteral("alerts"));
        else
            s.causes = cells[7].split(QLatin1Char('+'));
        for (std::size_t i = 0; i < sourcesCount; ++i)
            s.told.at(i) = cells[8 + static_cast<qsizetype>(i)];
        s.line = cells[13];
        all.push_back(std::move(s));
    }
    return all;
}

QString markedLine(const QString& name)
{
    QFile file(QStringLiteral(POOLSCOPE_SCENARIOS_DIR "/incidentwork.cpp"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    int number = 0;
    for (const QByteArray& line : file.readAll().split('\n')) {
        ++number;
        if (line.endsWith("// line: " + name.toUtf8()))
            return QStringLiteral("incidentwork.cpp:%1").arg(number);
    }
    return {};
}

} // namespace poolscope::test
