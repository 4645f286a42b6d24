// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"
#include "ui/models/formatter.h"
#include "ui/models/sessionstore.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace poolscope {

/// What a command will do, worked out once when its confirmation opens. Plain text throughout.
struct CommandPlan
{
    struct Hit
    {
        SessionRow row;
        QString holds; ///< "locks on public.orders"
        QString transactionAge;
        QString target; ///< its name
    };

    ActionVerb verb = ActionVerb::cancel;
    std::vector<Hit> hits; ///< exactly these
    QStringList leftOut;   ///< "48213: a walsender"; one each
    QString on;            ///< "shop-db", "shop-db and orders-db", "12 targets"
    bool severalTargets = false;
    QString question; ///< "Terminate session 48213 on shop-db?"
    QString destroys;
    QString unblocks; ///< empty where nobody waits
    QString frees;
    QString identity;
    QString sql;
    /// Some of them run a statement, so that a gentler cancel would do something.
    int running = 0;

    std::vector<SessionRow> rows() const;
};

/// True while a statement runs that a cancel would end.
bool runsStatement(const Session& session);

/// "locks on public.orders", as far as it was read.
QString holdsOf(const SessionStore& store, const SessionRow& row);

/// Own sessions, replication and the server's workers are left out, and for a cancel those that run
/// nothing.
CommandPlan planCommand(ActionVerb verb, const std::vector<SessionRow>& sessions,
                        const SessionStore& store, const Formatter& format);

} // namespace poolscope
