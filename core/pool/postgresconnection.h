// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/pool/poolslot.h"

#include <memory>
#include <string>

struct pg_conn; // libpq's PGconn

namespace poolscope {

/// A libpq connection. Moves; one thread at a time.
class PostgresConnection
{
public:
    explicit PostgresConnection(pg_conn* connection) noexcept
        : connection_(connection)
    {}
    /// For libpq's own functions; stays this object's. Not to be finished by others.
    pg_conn* native() const noexcept { return connection_.get(); }

private:
    struct Finish
    {
        void operator()(pg_conn* connection) const noexcept;
    };
    std::unique_ptr<pg_conn, Finish> connection_;
};

/// Opens libpq connections for ConnectionPool<PostgresConnection>.
class PostgresFactory
{
public:
    /// `conninfo`: anything that PQconnectdb takes; a connect_timeout of 10 s is added if neither
    /// it nor its service nor the environment (PGCONNECT_TIMEOUT) names one. `discard_all`: on
    /// return the session's state goes too (settings, prepared statements, temporary tables,
    /// listens), for one round trip a return; else only an open transaction is rolled back, and
    /// only that costs a round trip.
    explicit PostgresFactory(std::string conninfo, bool discard_all = false);

    /// "postgresql://host:port/database" for PoolConfig::database; empty for a conninfo that libpq
    /// cannot read. Holds no password and no user.
    std::string address() const;

    Result<PostgresConnection> open();
    /// One empty round trip.
    bool validate(PostgresConnection& connection);
    /// Rolls back what was left open. A connection in the middle of a statement, a COPY or a
    /// pipeline is broken.
    bool reset(PostgresConnection& connection);
    void close(PostgresConnection& connection);
    ConnectionMetadata describe(PostgresConnection& connection);
    /// Shuts the socket down: the holder's next call fails, the server ends the session.
    void interrupt(PostgresConnection& connection);

private:
    std::string conninfo_;
    bool discard_all_;
};

} // namespace poolscope
