// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/analyze/incidentscene.h"

#include <QString>
#include <QStringList>

#include <chrono>
#include <string>
#include <vector>

namespace poolscope::test {

/// Two minutes of what the pool usually does: brief holds, one out at each reading.
inline void go_as_usual(IncidentScene& scene)
{
    std::vector<std::string> open;
    scene.run(120, [&](int) {
        for (const std::string& id : open)
            scene.give_back(id);
        open = {scene.lend(52, IncidentScene::Does::working)};
        scene.brief(52, 60, std::chrono::milliseconds{20});
    });
    scene.give_back(open.front());
}

/// All ten run it, and are at each of these for one second in turn.
inline void go_slow(IncidentScene& scene, const QStringList& events, int seconds = 12,
                    const std::string& statement = "SELECT sum(total) FROM orders WHERE day = ")
{
    scene.run(seconds, [&](int) {
        while (scene.lent() < 10)
            scene.lend(52, IncidentScene::Does::working, statement + std::to_string(scene.lent()));
        qsizetype k = 0;
        for (auto& held : scene.all_held())
            held.wait_event = events.at(k++ % events.size()).toStdString();
        scene.pending = 4;
    });
}

/// What ten sessions are at: so many of them at one thing, the rest at the other.
inline QStringList ten_of(const char* most, const char* others, int many)
{
    QStringList events;
    for (int i = 0; i < 10; ++i)
        events += QString::fromUtf8(i < many ? most : others);
    return events;
}

} // namespace poolscope::test
