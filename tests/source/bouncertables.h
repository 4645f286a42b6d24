// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/bouncerpools.h"

#include <QString>
#include <QStringList>

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

/// PgBouncer's tables as 1.18 and 1.26 print them.
namespace poolscope::test {

using Table = std::unique_ptr<PGresult, void (*)(PGresult*)>;
using Row = std::map<std::string, std::string>;

inline Table table(const std::vector<std::string>& columns, const std::vector<Row>& rows)
{
    Table made{PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK), PQclear};
    std::vector<PGresAttDesc> attributes(columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i)
        attributes[i].name = const_cast<char*>(columns[i].c_str());
    PQsetResultAttrs(made.get(), static_cast<int>(columns.size()), attributes.data());
    for (std::size_t row = 0; row < rows.size(); ++row) {
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const auto cell = rows[row].find(columns[i]);
            std::string value = cell == rows[row].end() ? std::string{} : cell->second;
            PQsetvalue(made.get(), static_cast<int>(row), static_cast<int>(i), value.data(),
                       cell == rows[row].end() ? -1 : static_cast<int>(value.size()));
        }
    }
    return made;
}

inline std::vector<std::string> words(const char* line)
{
    std::vector<std::string> list;
    for (const QString& word : QString::fromLatin1(line).split(QLatin1Char(' ')))
        list.push_back(word.toStdString());
    return list;
}

inline const std::vector<std::string>& pools118()
{
    static const auto columns =
        words("database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req "
              "sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login "
              "maxwait maxwait_us pool_mode");
    return columns;
}

inline const std::vector<std::string>& sockets118()
{
    static const auto columns =
        words("type user database state addr port local_addr local_port connect_time request_time "
              "wait wait_us close_needed ptr link remote_pid tls application_name");
    return columns;
}

inline const std::vector<std::string>& sockets126()
{
    static const auto columns =
        words("type user database replication state addr port local_addr local_port connect_time "
              "request_time wait wait_us close_needed ptr link remote_pid tls application_name "
              "prepared_statements id");
    return columns;
}

/// "2026-11-22 10:09:SS UTC".
inline std::string at(int second)
{
    return "2026-11-22 10:09:" + std::string(second < 10 ? "0" : "") + std::to_string(second) +
           " UTC";
}

inline Timestamp instant(int second, int ms = 0)
{
    return *parse_iso8601("2026-11-22T10:09:00Z") + std::chrono::seconds{second} +
           std::chrono::milliseconds{ms};
}

inline Row server(int requested, const std::string& link = "0xc1", const std::string& id = {})
{
    return {{"type", "S"},
            {"user", "app"},
            {"database", "shop"},
            {"state", "active"},
            {"addr", "10.0.0.9"},
            {"port", "5432"},
            {"local_port", "52468"},
            {"connect_time", at(1)},
            {"request_time", at(requested)},
            {"ptr", "0x51"},
            {"link", link},
            {"remote_pid", "8787"},
            {"wait", "0"},
            {"wait_us", "0"},
            {"application_name", "cart"},
            {"id", id}};
}

inline Row client(int requested, int waitMs = 0, const std::string& id = {})
{
    return {{"type", "C"},
            {"user", "app"},
            {"database", "shop"},
            {"state", "active"},
            {"addr", "10.0.0.7"},
            {"port", "43146"},
            {"local_port", "6432"},
            {"connect_time", at(1)},
            {"request_time", at(requested)},
            {"wait", std::to_string(waitMs / 1000)},
            {"wait_us", std::to_string(waitMs % 1000 * 1000)},
            {"ptr", "0xc1"},
            {"link", "0x51"},
            {"remote_pid", "0"},
            {"application_name", "cart"},
            {"id", id}};
}

/// The console's own connection: its last packet is the question.
inline Row console(int second)
{
    return {{"type", "C"},
            {"user", "adm"},
            {"database", "pgbouncer"},
            {"ptr", "0xcc"},
            {"request_time", at(second)},
            {"connect_time", at(0)}};
}

inline Row poolRow(const std::string& mode = "transaction")
{
    return {{"database", "shop"}, {"user", "app"},   {"cl_active", "4"},       {"cl_waiting", "3"},
            {"sv_active", "2"},   {"sv_idle", "1"},  {"sv_used", "1"},         {"sv_tested", "1"},
            {"sv_login", "1"},    {"maxwait", "12"}, {"maxwait_us", "500000"}, {"pool_mode", mode}};
}

/// A poll that ended at a second, on our clock as on PgBouncer's.
inline BouncerPoll poll(int second, const std::vector<Row>& servers,
                        const std::vector<Row>& clients, const std::string& mode = "transaction",
                        const std::vector<std::string>& columns = sockets118())
{
    BouncerPoll made;
    made.pools = read_bouncer_pools(table(pools118(), {poolRow(mode)}).get());
    made.servers = read_bouncer_sockets(table(columns, servers).get(), false);
    std::vector<Row> listed = clients;
    listed.push_back(console(second));
    made.clients = read_bouncer_sockets(table(columns, listed).get(), true);
    made.sent = instant(second, 100);
    made.received = instant(second, 110);
    return made;
}

} // namespace poolscope::test
