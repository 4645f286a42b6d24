// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/source/registry.h"

#include <QString>

#include <map>
#include <optional>
#include <vector>

namespace poolscope {

/// Connection parameters by libpq's keyword. May hold a password.
using PgParams = std::map<QString, QString>;

/// Empty if it is not there.
QString valueOf(const PgParams& params, const char* key);

/// What a conninfo, URI or service= says itself; nothing from the environment. The error never
/// repeats the text, as that may hold a password.
Result<PgParams> parseConninfo(const QString& target);

/// With the service's entry, the environment and libpq's own defaults filled in: what libpq will
/// use. An unknown service is an error.
Result<PgParams> effectiveParams(const PgParams& given);

/// connect_timeout, seconds, at least 2 as libpq has it; 0: no limit. Null: not set, or no number.
std::optional<int> connectTimeout(const PgParams& effective);

/// The same target without secrets, as a URI or a conninfo, as it was; empty if it cannot be read.
QString conninfoWithoutSecrets(const QString& target);

/// One server address to try. May hold a password.
struct PgEndpoint
{
    QString host;    ///< name for TLS and ~/.pgpass, or a socket folder; may be empty
    QString address; ///< numeric, or empty
    QString port;
    QString beyond{}; ///< the far end of a tunnel, which sentences name instead; empty without one
    QString password{}; ///< for it alone, of the password file; through a tunnel libpq finds none
    /// "db1.shop.internal:5432", for sentences.
    QString label() const;
    bool isLocalSocket() const;
    /// Must be looked up before libpq sees it.
    bool needsLookup() const;
    friend bool operator==(const PgEndpoint&, const PgEndpoint&) = default;
};

/// One for each host of a multi-host string, in order. An error if hosts and ports do not match.
Result<std::vector<PgEndpoint>> endpointsOf(const PgParams& effective);

/// Where PgBouncer's console would be if it is PgBouncer that answers there.
QString poolerUrl(const PgParams& effective);

/// A section of pg_service.conf; empty if there is none of that name.
PgParams serviceParams(const QString& service);
/// Reads one file; for tests and pgServices.
std::vector<std::pair<QString, PgParams>> readServiceFile(const QString& path);

/// The password that libpq's password file holds for a server; empty if none. Needed where we
/// connect to another port than the one that the file names: through a tunnel.
QString passwordFromFile(const QString& path, const QString& host, const QString& port,
                         const QString& database, const QString& user);

} // namespace poolscope
