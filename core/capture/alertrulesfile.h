// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include <optional>

namespace poolscope {

/// Where the user's own alert rules are, if there are any: alerts.toml in Poolscope's configuration
/// folder. They replace those built in.
QString alertRulesFile();

/// Writes them there, whole or not at all; empty: none of one's own, so that those built in count.
/// What was there before stays beside it as alerts.toml~. Null: done. Else why not, one sentence.
std::optional<QString> saveAlertRules(const QString& file, const QString& rules);

} // namespace poolscope
