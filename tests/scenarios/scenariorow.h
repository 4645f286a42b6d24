// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

#include <array>
#include <cstdint>
#include <vector>

namespace poolscope::test {

/// What is recorded together.
enum class Sources : std::uint8_t { agentAndServer, agent, server, metrics, metricsAndServer };
inline constexpr std::size_t sourcesCount = 5;
inline constexpr std::array<const char*, sourcesCount> sourcesNames{
    "agent+server", "agent", "server", "metrics", "metrics+server"};

/// One incident: README.md says what stands in each column.
struct ScenarioRow
{
    QString name;
    bool inCi = false;
    QString pool;
    QString work;
    QStringList trouble; ///< work that is added
    QStringList actions; ///< what happens to the server: "lock 1"
    int lasts = 0;
    int after = 0;
    QStringList causes; ///< none: healthy
    std::array<QString, sourcesCount> told;
    QString line;          ///< one of them is to be named
    bool mayAlert = false; ///< healthy, and what an alert says of it is so

    bool healthy() const { return causes.isEmpty(); }
    bool recorded(std::size_t sources) const { return told.at(sources) != QStringLiteral("."); }
    /// What may be told of it by that combination.
    QStringList truth(std::size_t sources) const;
    /// That combination must tell it.
    bool mustTell(std::size_t sources) const;
};

/// Empty where a line cannot be read; that is said.
std::vector<ScenarioRow> readScenarios(const QString& file);
/// "incidentwork.cpp:88": where the line marked so is.
QString markedLine(const QString& name);

} // namespace poolscope::test
