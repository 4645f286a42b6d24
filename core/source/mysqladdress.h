// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/source/pgconninfo.h"

#include <QString>

namespace poolscope {

/// How a connection to MySQL or MariaDB is encrypted; the names are those of ssl-mode.
enum class MySqlTls { disabled, preferred, required, verify_ca, verify_identity };

/// Where a MySQL or MariaDB server is and who we are there. May hold a password: never log, show or
/// keep it.
struct MySqlAddress
{
    QString user;
    QString password; ///< null: none given
    QString host;     ///< empty: the server's socket on this machine
    int port = 0;     ///< 0: not given
    QString database;
    QString socket; ///< path; only where there is no host
    std::optional<MySqlTls> tls;
    QString ca; ///< files of certificates and the key, as given
    QString caPath;
    QString certificate;
    QString key;
    std::optional<int> connectTimeout; ///< seconds; 0: no limit
    QString optionFile;                ///< read in place of the usual ones
    QString pluginDir;                 ///< of an option file

    /// "db1:3306", or the socket's path: for sentences.
    QString label() const;
    /// Short, for the sidebar: the host's first label and the database.
    QString name() const;
    /// What to look up and to try. A socket needs no look-up.
    PgEndpoint endpoint() const;
    friend bool operator==(const MySqlAddress&, const MySqlAddress&) = default;
};

inline constexpr int mysql_default_port = 3306;

/// mysql:// or mariadb://
bool isMySqlUrl(const QString& target);

/// What the URL says itself. The error never repeats the text, as that may hold a password.
Result<MySqlAddress> parseMySqlUrl(const QString& target);

/// The same URL without a password; only the scheme where it cannot be read.
QString mysqlUrlWithoutSecrets(const QString& target);

/// With the option files' groups [client], [client-mariadb] and [poolscope] and this machine's
/// defaults filled in, where the URL says nothing. Reads small local files, connects nowhere.
MySqlAddress effectiveAddress(const MySqlAddress& given);

} // namespace poolscope
