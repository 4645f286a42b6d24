// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/session.h"

#include <QMetaType>
#include <Qt>

namespace poolscope {

/// Roles that all item models share.
enum Role : int {
    SortRole = Qt::UserRole + 1, ///< a raw number or text
    KeyRole,                     ///< SessionKey; invalid on group rows
    StateRole,                   ///< int of SessionState; invalid where the row has none
    SeverityRole,                ///< int of LeakSeverity, or infoSeverity; invalid where none
    GroupRole,                   ///< bool
    GroupCountRole,              ///< int
    GroupSummaryRole,            ///< "17 idle in transaction, 3 waiting"
    CopyRole,                    ///< raw value for the clipboard
    EmphasisRole,                ///< int of Emphasis
    MonoRole,                    ///< bool: numbers, times, code
    StaleRole,                   ///< bool: its server does not answer now; draw it in text3
    StaleAgeRole,                ///< qlonglong, us since the last sample; invalid where not stale
    LeadRole,   ///< int of Lead: how the text before the two spaces of a cell is set apart
    FoldedRole, ///< bool: a head that comes closed
};

/// In SeverityRole: advice, less than any warning.
inline constexpr int infoSeverity = -1;

/// How a cell asks to be written.
enum class Emphasis : int { plain, secondary, caption, strong, warning, critical };

/// The first part of a text in two parts. It is never cut: a pid, a checkout, a file and line.
enum class Lead : int { none, mono, strong, plain };

} // namespace poolscope

Q_DECLARE_METATYPE(poolscope::SessionKey)
