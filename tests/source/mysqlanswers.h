// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqlrows.h"

#include <initializer_list>
#include <optional>
#include <string>

/// What a server answers to a poll, and what is read of it: for the tests of MySQL's rows.
namespace poolscope::test {

inline constexpr TargetId target{1};
inline const Timestamp serverStart = timestamp_from_us(1700000000000000);

inline MySqlRows poll(std::initializer_list<MySqlRows::Row> rows)
{
    MySqlRows r;
    r.columns = {"clock", "ID",   "user",    "host",     "db",        "command",     "time",
                 "state", "info", "time_ms", "query_id", "trx_state", "trx_started", "trx_wait"};
    r.rows = rows;
    return r;
}

inline MySqlRows::Row row(const char* id, const char* command, const char* state = "",
                          const char* trx = "", const char* query = "7",
                          const char* ms = "2500.250", const char* info = "")
{
    const auto text = [](const char* word) {
        return *word ? std::optional<std::string>{word} : std::nullopt;
    };
    return {"1700000100.500000",
            id,
            "app",
            "10.0.0.1:4711",
            "shop",
            command,
            "2",
            text(state),
            text(info),
            text(ms),
            text(query),
            text(trx),
            *trx ? std::optional<std::string>{"1700000090.000000"} : std::nullopt,
            std::string_view{trx} == "LOCK WAIT" ? std::optional<std::string>{"1700000099.000000"}
                                                 : std::nullopt};
}

inline MySqlPoll read(const MySqlRows& rows, TextPool& texts, std::int64_t own = 99)
{
    MySqlPoll p = read_mysql_poll(rows, target, serverStart, own, texts);
    read_mysql_transactions(rows, p); // columns are found by their names
    return p;
}

} // namespace poolscope::test
