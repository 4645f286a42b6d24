// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgrows.h"

#include "core/base/bounds.h"

#include <QtEndian>

#include <fmt/format.h>
#include <libpq-fe.h>

#include <arpa/inet.h>

#include <algorithm>
#include <limits>

namespace poolscope {

namespace {

constexpr std::size_t longest_name = 256;
/// 2000-01-01, where PostgreSQL's instants begin, after 1970-01-01.
constexpr std::int64_t postgres_epoch_us = 946684800000000;
constexpr std::string_view hidden_text = "<insufficient privilege>";

template <class T>
std::optional<T> number(std::optional<std::string_view> bytes)
{
    if (!bytes || bytes->size() != sizeof(T))
        return std::nullopt;
    return qFromBigEndian<T>(bytes->data());
}

} // namespace

int PgRows::count() const
{
    return PQntuples(result_);
}

int PgRows::column(const char* name) const
{
    return PQfnumber(result_, name);
}

std::optional<std::string_view> PgRows::bytes(int row, int column) const
{
    if (column < 0 || PQgetisnull(result_, row, column))
        return std::nullopt;
    return std::string_view{PQgetvalue(result_, row, column),
                            static_cast<std::size_t>(PQgetlength(result_, row, column))};
}

std::optional<std::string_view> PgRows::text(int row, int column) const
{
    return bytes(row, column);
}

std::optional<bool> PgRows::boolean(int row, int column) const
{
    const auto value = number<std::uint8_t>(bytes(row, column));
    return value ? std::optional{*value != 0} : std::nullopt;
}

std::optional<std::int32_t> PgRows::int4(int row, int column) const
{
    return number<std::int32_t>(bytes(row, column));
}

std::optional<std::int64_t> PgRows::int8(int row, int column) const
{
    return number<std::int64_t>(bytes(row, column));
}

std::optional<std::uint32_t> PgRows::oid(int row, int column) const
{
    return number<std::uint32_t>(bytes(row, column));
}

std::optional<Timestamp> PgRows::timestamp(int row, int column) const
{
    const auto value = int8(row, column);
    constexpr std::int64_t infinity = std::numeric_limits<std::int64_t>::max();
    if (!value || *value == infinity || *value == std::numeric_limits<std::int64_t>::min() ||
        *value > infinity - postgres_epoch_us)
        return std::nullopt;
    return bounded_instant(*value + postgres_epoch_us);
}

std::optional<std::string> PgRows::address(int row, int column) const
{
    // family, bits, is_cidr, length, bytes. 2 is PGSQL_AF_INET, 3 is PGSQL_AF_INET6.
    const auto value = bytes(row, column);
    if (!value || value->size() < 4)
        return std::nullopt;
    const int family = value->at(0) == 2 ? AF_INET : AF_INET6;
    const std::size_t length = family == AF_INET ? 4 : 16;
    if (value->size() != 4 + length || (value->at(0) != 2 && value->at(0) != 3))
        return std::nullopt;
    char text[INET6_ADDRSTRLEN] = {};
    if (!inet_ntop(family, value->data() + 4, text, sizeof text))
        return std::nullopt;
    return std::string{text};
}

std::optional<std::vector<std::int32_t>> PgRows::int4s(int row, int column) const
{
    const auto value = bytes(row, column);
    if (!value || value->size() < 12)
        return std::nullopt;
    const auto word = [&](std::size_t at) {
        return qFromBigEndian<std::int32_t>(value->data() + at);
    };
    std::vector<std::int32_t> numbers;
    const std::int32_t dimensions = word(0);
    if (dimensions == 0)
        return numbers;
    if (dimensions != 1 || value->size() < 20 || word(12) < 0)
        return std::nullopt;
    std::size_t at = 20;
    for (std::int32_t i = 0; i < word(12); ++i) {
        if (at + 4 > value->size())
            return std::nullopt;
        const std::int32_t length = word(at);
        at += 4;
        if (length == -1)
            continue;
        if (length != 4 || at + 4 > value->size())
            return std::nullopt;
        numbers.push_back(word(at));
        at += 4;
    }
    return numbers;
}

Text client_text(const std::optional<std::string>& address, std::optional<std::int32_t> port)
{
    if (address && port && *port >= 0)
        return Text{address->find(':') != std::string::npos
                        ? fmt::format("[{}]:{}", *address, *port)
                        : fmt::format("{}:{}", *address, *port)};
    if (address)
        return Text{*address};
    return port == -1 ? Text{"local"} : Text{};
}

SessionState state_of(std::optional<std::string_view> state,
                      std::optional<std::string_view> wait_event_type)
{
    if (state == "active")
        return wait_event_type == "Lock" ? SessionState::waiting : SessionState::active;
    if (state == "idle")
        return SessionState::idle;
    if (state == "idle in transaction")
        return SessionState::idle_in_transaction;
    if (state == "idle in transaction (aborted)")
        return SessionState::idle_in_transaction_aborted;
    return SessionState::other;
}

namespace {

/// The columns of a poll, found once a result.
struct Columns
{
    explicit Columns(const PgRows& r)
        : clock(r.column("clock"))
        , next_xid(r.column("next_xid"))
        , pids(r.column("pids"))
        , pid(r.column("pid"))
        , datid(r.column("datid"))
        , usesysid(r.column("usesysid"))
        , application(r.column("application_name"))
        , state(r.column("state"))
        , wait_type(r.column("wait_event_type"))
        , wait_event(r.column("wait_event"))
        , xact_start(r.column("xact_start"))
        , query_start(r.column("query_start"))
        , backend_start(r.column("backend_start"))
        , state_change(r.column("state_change"))
        , client_addr(r.column("client_addr"))
        , client_port(r.column("client_port"))
        , xid(r.column("backend_xid"))
        , xmin(r.column("backend_xmin"))
        , type(r.column("backend_type"))
        , blockers(r.column("blockers"))
        , query(r.column("query"))
    {}
    int clock, next_xid, pids, pid, datid, usesysid, application, state, wait_type, wait_event,
        xact_start, query_start, backend_start, state_change, client_addr, client_port, xid, xmin,
        type, blockers, query;
};

PgRow read_row(const PgRows& r, const Columns& c, int row, std::int32_t own_pid, TextPool& texts)
{
    PgRow out;
    Session& s = out.session;
    const auto name = [&](std::optional<std::string_view> text) {
        return text ? texts.intern(plain_line(*text, longest_name)) : Text{};
    };
    s.key.pid = Pid{r.int4(row, c.pid).value_or(0)};
    out.database = r.oid(row, c.datid).value_or(0);
    out.user = r.oid(row, c.usesysid).value_or(0);
    s.application = name(r.text(row, c.application));
    s.backend_type = name(r.text(row, c.type));
    const auto started = r.timestamp(row, c.backend_start);
    const auto query = r.text(row, c.query);
    if (!started || query == hidden_text) {
        s.state = SessionState::unknown;
        out.text_sent = true;
        return out;
    }
    s.key.started = *started;
    const auto wait_type = r.text(row, c.wait_type);
    s.client = client_text(r.address(row, c.client_addr), r.int4(row, c.client_port));
    if (s.key.pid.value == own_pid) {
        // What it does is this poll: telling so every second would be noise.
        s.own = true;
        s.state = SessionState::other;
        out.text_sent = true;
        return out;
    }
    s.state = state_of(r.text(row, c.state), wait_type);
    s.state_since = r.timestamp(row, c.state_change);
    s.transaction_since = r.timestamp(row, c.xact_start);
    s.statement_since = r.timestamp(row, c.query_start);
    if (wait_type)
        s.wait_event = name(std::string{*wait_type} + "/" +
                            std::string{r.text(row, c.wait_event).value_or("")});
    s.xid = r.oid(row, c.xid);
    s.xmin = r.oid(row, c.xmin);
    if (const auto blockers = r.int4s(row, c.blockers)) {
        out.blockers_sent = true;
        for (const std::int32_t pid : *blockers)
            s.blocked_by.push_back(Pid{pid});
        std::sort(s.blocked_by.begin(), s.blocked_by.end());
        s.blocked_by.erase(std::unique(s.blocked_by.begin(), s.blocked_by.end()),
                           s.blocked_by.end());
    }
    if (query) {
        out.text_sent = true;
        s.statement = texts.intern(plain_text(*query, longest_pg_statement));
    }
    return out;
}

/// Takes a slot or belongs to a database; not the server's own housekeeping.
bool is_session(const PgRow& row, const Columns& c)
{
    const std::string& type = row.session.backend_type.str();
    return row.database != 0 || type == "client backend" || type == "walsender" ||
           (c.datid < 0 && c.type < 0);
}

} // namespace

PgPoll read_poll(const pg_result* result, TargetId target, std::int32_t own_pid, TextPool& texts)
{
    const PgRows r{result};
    const Columns c{r};
    PgPoll poll;
    for (int row = 0; row < r.count(); ++row) {
        if (const auto clock = r.timestamp(row, c.clock))
            poll.clock = clock;
        if (const auto xid = r.int8(row, c.next_xid))
            poll.next_xid = static_cast<std::uint64_t>(*xid);
        if (auto pids = r.int4s(row, c.pids))
            poll.pids = std::move(*pids);
        const auto pid = r.int4(row, c.pid);
        if (!pid)
            continue;
        if (c.pids < 0)
            poll.pids.push_back(*pid);
        PgRow read = read_row(r, c, row, own_pid, texts);
        read.session.key.target = target;
        if (is_session(read, c))
            poll.rows.push_back(std::move(read));
        else
            poll.others.push_back(*pid);
    }
    std::sort(poll.others.begin(), poll.others.end());
    std::sort(poll.pids.begin(), poll.pids.end());
    std::sort(poll.rows.begin(), poll.rows.end(),
              [](const PgRow& a, const PgRow& b) { return a.session.key < b.session.key; });
    // A pid twice cannot be; should a server say so, the later start is the living one.
    const auto again =
        std::unique(poll.rows.rbegin(), poll.rows.rend(), [](const PgRow& a, const PgRow& b) {
            return a.session.key.pid == b.session.key.pid;
        });
    poll.rows.erase(poll.rows.begin(), again.base());
    return poll;
}

} // namespace poolscope
