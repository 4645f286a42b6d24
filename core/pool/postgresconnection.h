// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/pool/poolslot.h"

#include <memory>
#include <string>
#include <utility>

struct pg_conn; // libpq's PGconn

namespace poolscope {

/// A libpq connection. Moves; one thread at a time.
class PostgresConnection
{
public:
    explicit PostgresConnection(pg_conn* connection) noexcept;
    /// For libpq's own functions; stays this object's. Not to be finished by others.
    pg_conn* native() const noexcept { return connection_.get(); }
    /// The socket that it had when this was made, by a number of its own: libpq may close its own
    /// at any time, and the number then be another's. So each connection takes two descriptors.
    /// After PQreset() it is no longer the connection's. -1: none could be had.
    int socket() const noexcept { return socket_.number; }

private:
    struct Finish
    {
        void operator()(pg_conn* connection) const noexcept;
    };
    struct Descriptor
    {
        explicit Descriptor(int n) noexcept
            : number(n)
        {}
        Descriptor(Descriptor&& other) noexcept
            : number(std::exchange(other.number, -1))
        {}
        Descriptor& operator=(Descriptor&& other) noexcept
        {
            std::swap(number, other.number);
            return *this;
        }
        ~Descriptor();
        int number;
    };
    std::unique_ptr<pg_conn, Finish> connection_;
    Descriptor socket_;
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
    /// What is known without asking: false where the server has ended the session or the socket is
    /// gone. One look at the socket.
    bool seems_there(PostgresConnection& connection);
    /// Rolls back what was left open. A connection in the middle of a statement, a COPY or a
    /// pipeline is broken, and so is one whose server is known to be gone.
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
