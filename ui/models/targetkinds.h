// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <QString>

#include <vector>

namespace poolscope {

/// Kinds of target, as far as the window speaks of them apart.
enum class TargetFamily {
    postgresql,
    mysql,   ///< MariaDB too
    bouncer, ///< PgBouncer: pools, and clients that hold a server connection
    metrics, ///< an endpoint with figures of pools, and nobody's names
    process, ///< by its agent
    demo
};

/// What is said of a kind where one is chosen.
struct TargetWords
{
    TargetFamily family = TargetFamily::postgresql;
    QString name;   ///< "MySQL, MariaDB"
    QString form;   ///< an example of what is typed
    QString needs;  ///< which rights, one line
    QString icon;   ///< see themedIcon()
    bool token;     ///< asks for a token, not for a password
    QString secret; ///< where that comes from, one sentence
};
/// All that there are, an entry for each form; of some there is more than one.
const std::vector<TargetWords>& targetWords();

/// By what was typed: its scheme decides; anything without one is a conninfo.
TargetFamily familyOf(const QString& target);
/// By what the source said of it.
TargetFamily familyOf(const TargetInfo& info);
/// The first that there is of that family.
const TargetWords& wordsOf(TargetFamily family);
/// Of what was typed: the one whose form begins as it does.
const TargetWords& wordsOf(const QString& target);

/// It knows pools, and nothing of a server's sessions. Known from the first moment, before anything
/// answered.
bool tellsPools(const TargetSummary& target);
/// It names those who hold connections of its pools.
bool tellsHolders(const TargetSummary& target);
/// Its server's vacuum waits for old transactions, and it says for which.
bool tellsXmin(const TargetSummary& target);

/// "PostgreSQL 15.8", "MariaDB 10.11.6", "pools of shop-api": what answered, in short.
QString productOf(const TargetSummary& target);

} // namespace poolscope
