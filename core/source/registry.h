// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/source/source.h"

namespace poolscope {

enum class TargetKind { recording, postgresql, mysql, pool, pgbouncer, metrics, demo };

/// What a target on the command line or in the attach dialog is (DESIGN section 9): an existing
/// path is a recording; else scheme://; else a conninfo with '='; else an error whose sentence says
/// what is taken. Reads the file system, opens nothing.
Result<TargetKind> classifyTarget(const QString& target);
/// The same for who has looked whether there is such a path. Reads nothing.
Result<TargetKind> classifyTarget(const QString& target, bool isPath);

/// The same of one that was attached or opened before, recordings by their absolute paths. Reads
/// nothing: a file system that hangs does not keep the caller.
Result<TargetKind> classifyKnown(const QString& target);

/// The target without any password, fit for a title, a recording, a list of recent targets. Of a
/// text that cannot be read it keeps nothing but the scheme.
QString withoutSecrets(const QString& target);

/// How far polls are apart where nobody says otherwise: 1 s; 5 s where the application itself is
/// asked for all of its metrics; 15 s where a query API is, which itself looks no more often.
Duration usualInterval(const QString& target);

/// Makes the source for a live target. Connects nothing yet.
Result<std::unique_ptr<Source>> makeSource(TargetId id, const AttachRequest& request);

/// Services of pg_service.conf (PGSERVICEFILE, ~/.pg_service.conf, PGSYSCONFDIR), in file order.
struct ServiceEntry
{
    QString name;
    QString host; ///< "db1.shop.internal:5432"; empty where the file names none
};
std::vector<ServiceEntry> pgServices();

} // namespace poolscope
