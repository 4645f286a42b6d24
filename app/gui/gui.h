// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/whatif.h"
#include "core/leak/judgement.h"
#include "core/model/observation.h"

#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace poolscope {

/// What the command line says about the window. Empty means "not said".
struct GuiOptions
{
    QStringList targets; ///< live ones and recordings, as given
    QString screenshot;  ///< draw the window into this PNG and exit
    QString page;        ///< "sessions"
    QString at;          ///< as on the command line: where a recording begins to be shown
    QString theme;       ///< "light", "dark" or "auto"
    QString size;        ///< "1440x900"
    QString sshHost;
    std::optional<Duration> interval;      ///< where one was given
    LeakThresholds thresholds;             ///< as the attach dialog offers them
    std::vector<ThresholdsChanged> chosen; ///< as the command line asks for
    WhatIf whatIf;                         ///< of recordings, likewise
    std::string alertRules;                ///< a file's text; empty: those built in
    QString alertRulesPath;                ///< of that file, where one was named
    bool readOnly = false;
    bool redact = false;
};

/// The window, until it is closed. Exit codes are those of the command line: 0 done, 2 usage,
/// 3 a target not reachable, 5 file not readable; the last two with a screenshot only, since a
/// window shows its trouble and goes on.
int runGui(int& argc, char** argv, const GuiOptions& options);

} // namespace poolscope
