// SPDX-License-Identifier: Apache-2.0
#include "core/pool/postgresconnection.h"

#include "core/base/text.h"

#include <cerrno>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace poolscope {

namespace {

struct FreeOptions
{
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

struct ClearResult
{
    void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

/// The value of a keyword; empty where it is not set.
std::string value_of(const PQconninfoOption* options, std::string_view keyword)
{
    for (const PQconninfoOption* option = options; option && option->keyword; ++option) {
        if (option->keyword == keyword)
            return option->val ? option->val : "";
    }
    return {};
}

std::string text_of(const char* text)
{
    return text ? text : "";
}

std::uint16_t local_port_of(int socket)
{
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    if (socket < 0 || getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0)
        return 0;
    if (address.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
    if (address.ss_family == AF_INET6)
        return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
    return 0;
}

/// What libpq would take for connect_timeout if we named none: from the connection string, its
/// service or the environment, in that order. Of a service only libpq itself knows what it says,
/// and tells it of a connection: so one is begun that leads nowhere.
bool names_connect_timeout(const PQconninfoOption* given)
{
    if (!value_of(given, "connect_timeout").empty())
        return true;
    const Options defaults(PQconndefaults());
    if (!value_of(defaults.get(), "connect_timeout").empty())
        return true;
    const std::string service = value_of(given, "service");
    if (service.empty())
        return false;
    std::string probe = "host=/dev/null hostaddr='' service='";
    for (const char c : service) {
        if (c == '\\' || c == '\'')
            probe += '\\';
        probe += c;
    }
    PGconn* const nowhere = PQconnectStart((probe + "'").c_str());
    const Options resolved(PQconninfo(nowhere));
    PQfinish(nowhere);
    return !value_of(resolved.get(), "connect_timeout").empty();
}

bool succeeds(PGconn* connection, const char* statement)
{
    const Answer answer(PQexec(connection, statement));
    const ExecStatusType status = PQresultStatus(answer.get());
    return status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY || status == PGRES_TUPLES_OK;
}

} // namespace

PostgresConnection::PostgresConnection(pg_conn* connection) noexcept
    : connection_(connection)
    , socket_(connection && PQsocket(connection) >= 0
                  ? fcntl(PQsocket(connection), F_DUPFD_CLOEXEC, 0)
                  : -1)
{}

PostgresConnection::Descriptor::~Descriptor()
{
    if (number >= 0)
        ::close(number);
}

void PostgresConnection::Finish::operator()(pg_conn* connection) const noexcept
{
    PQfinish(connection);
}

PostgresFactory::PostgresFactory(std::string conninfo, bool discard_all)
    : conninfo_(std::move(conninfo))
    , discard_all_(discard_all)
{}

std::string PostgresFactory::address() const
{
    const Options options(PQconninfoParse(conninfo_.c_str(), nullptr));
    if (!options)
        return {};
    std::string host = value_of(options.get(), "host");
    if (host.empty())
        host = value_of(options.get(), "hostaddr");
    const std::string port = value_of(options.get(), "port");
    std::string address = "postgresql://" + host + (port.empty() ? "" : ":" + port) + "/" +
                          value_of(options.get(), "dbname");
    return plain_line(address, 512);
}

Result<PostgresConnection> PostgresFactory::open()
{
    const Options options(PQconninfoParse(conninfo_.c_str(), nullptr));
    if (!options)
        return Error{"libpq cannot read the connection string.", ""};
    const bool bounded = names_connect_timeout(options.get());
    const char* keywords[] = {"dbname", bounded ? nullptr : "connect_timeout", nullptr};
    const char* values[] = {conninfo_.c_str(), bounded ? nullptr : "10", nullptr};
    PostgresConnection connection(PQconnectdbParams(keywords, values, 1));
    if (!connection.native())
        return Error{"libpq had no memory for a connection.", ""};
    if (PQstatus(connection.native()) != CONNECTION_OK)
        return Error{plain_line(text_of(PQerrorMessage(connection.native())), 512), ""};
    return connection;
}

bool PostgresFactory::validate(PostgresConnection& connection)
{
    return PQstatus(connection.native()) == CONNECTION_OK && succeeds(connection.native(), "") &&
           PQstatus(connection.native()) == CONNECTION_OK;
}

/// A server that ends a session says so and closes: both may lie in the socket unread, while libpq
/// knows of nothing. What there is libpq keeps, unread, for its next call: a notice or a
/// notification is not lost.
bool PostgresFactory::seems_there(PostgresConnection& connection)
{
    PGconn* const native = connection.native();
    constexpr int most_reads = 16; // of what a server that never stops sends
    for (int i = 0; i < most_reads && PQstatus(native) == CONNECTION_OK; ++i) {
        char byte = 0;
        const ssize_t size = recv(PQsocket(native), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        if (size < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        if (size == 0 || PQconsumeInput(native) == 0)
            return false;
    }
    return PQstatus(native) == CONNECTION_OK;
}

bool PostgresFactory::reset(PostgresConnection& connection)
{
    PGconn* const native = connection.native();
    if (PQstatus(native) != CONNECTION_OK)
        return false;
#if defined(LIBPQ_HAS_PIPELINING)
    if (PQpipelineStatus(native) != PQ_PIPELINE_OFF)
        return false;
#endif
    switch (PQtransactionStatus(native)) {
    case PQTRANS_IDLE:
        if (!seems_there(connection))
            return false;
        break;
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        if (!succeeds(native, "ROLLBACK"))
            return false;
        break;
    case PQTRANS_ACTIVE:
    case PQTRANS_UNKNOWN:
        return false;
    }
    return !discard_all_ || succeeds(native, "DISCARD ALL");
}

void PostgresFactory::close(PostgresConnection& connection)
{
    connection = PostgresConnection(nullptr);
}

ConnectionMetadata PostgresFactory::describe(PostgresConnection& connection)
{
    PGconn* const native = connection.native();
    ConnectionMetadata metadata;
    metadata.user = plain_line(text_of(PQuser(native)), 128);
    metadata.database = plain_line(text_of(PQdb(native)), 128);
    metadata.protocol = "postgresql";
    std::string host = text_of(PQhostaddr(native));
    if (host.empty())
        host = text_of(PQhost(native));
    metadata.remote_address = plain_line(host + ":" + text_of(PQport(native)), 256);
    if (const int pid = PQbackendPID(native))
        metadata.server_pid = pid;
    if (const std::uint16_t port = local_port_of(PQsocket(native)))
        metadata.local_port = port;
    return metadata;
}

void PostgresFactory::interrupt(PostgresConnection& connection)
{
    if (connection.socket() >= 0)
        shutdown(connection.socket(), SHUT_RDWR);
}

} // namespace poolscope
