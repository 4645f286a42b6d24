// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/schema.h"

namespace poolscope::schema {

namespace {

constexpr std::array<TableDefinition, table_count> definitions{{
    {"target", 7,
     "CREATE TABLE target(sequence INTEGER PRIMARY KEY, time INT, target INT, id INT, kind TEXT,"
     " name TEXT, url TEXT)"},
    {"status", 7,
     "CREATE TABLE status(sequence INTEGER PRIMARY KEY, time INT, target INT, reach INT,"
     " sentence TEXT, next_step TEXT, next_try INT)"},
    {"facts", 15,
     "CREATE TABLE facts(sequence INTEGER PRIMARY KEY, time INT, target INT, version TEXT,"
     " version_number INT, max_connections INT, reserved INT, role TEXT, superuser INT,"
     " in_recovery INT, sees_all INT, can_signal INT, missing_grant TEXT, tls INT,"
     " server_started INT)"},
    {"sample", 17,
     "CREATE TABLE sample(sequence INTEGER PRIMARY KEY, time INT, target INT, full INT,"
     " idle_in_transaction INT, idle_in_transaction_aborted INT, waiting INT, active INT, idle INT,"
     " other INT, unknown INT, max_connections INT, reserved INT, gap_before INT,"
     " clock_offset_us INT, next_xid INT, poll_cost_us INT)"},
    {"session_change", 12,
     "CREATE TABLE session_change(id INTEGER PRIMARY KEY, session INT, state INT, application INT,"
     " statement INT, wait_event INT, blocked_by INT, state_age_us INT, transaction_lead_us INT,"
     " statement_lead_us INT, xid INT, xmin INT)"},
    {"session", 10,
     "CREATE TABLE session(id INTEGER PRIMARY KEY, target INT, pid INT, started INT, user INT,"
     " database INT, client INT, backend_type INT, own INT, used INT)"},
    {"text", 3, "CREATE TABLE text(id INTEGER PRIMARY KEY, used INT, body TEXT)"},
    {"lock_report", 7,
     "CREATE TABLE lock_report(sequence INTEGER PRIMARY KEY, time INT, target INT,"
     " session_target INT, pid INT, started INT, locks INT)"},
    {"lock", 5,
     "CREATE TABLE lock(id INTEGER PRIMARY KEY, type INT, relation INT, mode INT, granted INT)"},
    {"gap", 4, "CREATE TABLE gap(sequence INTEGER PRIMARY KEY, time INT, target INT, reason TEXT)"},
    {"action", 10,
     "CREATE TABLE \"action\"(sequence INTEGER PRIMARY KEY, time INT, target INT, number INT,"
     " verb INT, session_target INT, pid INT, started INT, phase INT, sentence TEXT)"},
    {"note", 4, "CREATE TABLE note(sequence INTEGER PRIMARY KEY, time INT, target INT, text TEXT)"},
    {"threshold", 5,
     "CREATE TABLE threshold(sequence INTEGER PRIMARY KEY, time INT, target INT, alert_us INT,"
     " critical_us INT)"},
    {"tick", 3, "CREATE TABLE tick(sequence INTEGER PRIMARY KEY, after_us INT, target INT)"},
    {"minute", 4, "CREATE TABLE minute(id INTEGER PRIMARY KEY, target INT, peak INT, gap INT)"},
    {"keyframe", 4,
     "CREATE TABLE keyframe(sequence INTEGER PRIMARY KEY, time INT, observations INT,"
     " sessions INT)"},
    {"keyframe_target", 10,
     "CREATE TABLE keyframe_target(id INTEGER PRIMARY KEY, target INT, attached INT, status INT,"
     " facts INT, clock_offset_us INT, poll_cost_us INT, next_xid INT, last_sample INT, gap INT)"},
    {"keyframe_session", 14,
     "CREATE TABLE keyframe_session(id INTEGER PRIMARY KEY, session INT, state INT,"
     " application INT, statement INT, wait_event INT, blocked_by INT, state_age_us INT,"
     " transaction_lead_us INT, statement_lead_us INT, xid INT, xmin INT, target INT, locks INT)"},
}};

// Instants for people: UTC, to the millisecond.
#define ISO(expression) "strftime('%Y-%m-%dT%H:%M:%fZ', (" expression ") / 1000000.0, 'unixepoch')"
#define TARGET_NAME(expression)                                                                    \
    "(SELECT name FROM target WHERE target.target = " expression " ORDER BY sequence DESC LIMIT "  \
    "1)"
#define TEXT(expression) "(SELECT body FROM text WHERE text.id = " expression ")"
#define VERB(expression) "CASE " expression " WHEN 0 THEN 'cancel' ELSE 'terminate' END"

constexpr std::string_view v_states =
    "CREATE VIEW v_states AS SELECT sequence, " ISO("time") " AS time, " TARGET_NAME(
        "s.target") " AS target, idle_in_transaction, idle_in_transaction_aborted, waiting, active,"
                    " idle, other, unknown, idle_in_transaction + idle_in_transaction_aborted + "
                    "waiting + active"
                    " + idle + other + unknown AS clients, max_connections, reserved, gap_before,"
                    " poll_cost_us / 1000.0 AS poll_cost_ms FROM sample s";

constexpr std::string_view v_sessions =
    "CREATE VIEW v_sessions AS SELECT id AS session, " TARGET_NAME(
        "s.target") " AS target, pid, "
                    "CASE WHEN started > 0 THEN " ISO("started") " END AS started, " TEXT("user") " AS user, " TEXT(
                        "database") " AS database, " TEXT("client") " AS client, " TEXT("backend_"
                                                                                        "type") " A"
                                                                                                "S "
                                                                                                "ba"
                                                                                                "ck"
                                                                                                "en"
                                                                                                "d_"
                                                                                                "ty"
                                                                                                "pe"
                                                                                                ", "
                                                                                                "ow"
                                                                                                "n "
                                                                                                "FR"
                                                                                                "OM"
                                                                                                " s"
                                                                                                "es"
                                                                                                "si"
                                                                                                "on"
                                                                                                " "
                                                                                                "s";

// Ages are on the server's clock, at the instant of the sample.
constexpr std::string_view
    v_session_changes = "CREATE VIEW v_session_changes AS SELECT c.id >> 20 AS sequence, " ISO("p."
                                                                                               "tim"
                                                                                               "e") " AS time, " TARGET_NAME(
        "s.target") " AS target, c.session AS session, s.pid AS pid, "
                    "CASE WHEN s.started > 0 THEN " ISO("s.started") " END AS started, " TEXT("s."
                                                                                              "use"
                                                                                              "r") " AS user, " TEXT("s.database") " AS database, " TEXT("c.application") " AS application, " TEXT(
                        "s.client") " AS client, "
                                    "coalesce(("
                                    "SELECT name "
                                    "FROM state_name"
                                    " WHERE "
                                    "state_name."
                                    "state = "
                                    "c.state), "
                                    "'gone') AS "
                                    "state, "
                                    "c.state_age_us "
                                    "/ 1e6 AS "
                                    "state_age_s,"
                                    " (coalesce(c."
                                    "state_age_us, "
                                    "0) + "
                                    "c.transaction_"
                                    "lead_us) / 1e6 "
                                    "AS "
                                    "transaction_age_"
                                    "s,"
                                    " (coalesce(c."
                                    "state_age_us, "
                                    "0) + "
                                    "c.statement_"
                                    "lead_us) / 1e6 "
                                    "AS "
                                    "statement_age_s,"
                                    " " TEXT(
                                        "c.wait_"
                                        "event") " AS wait_event, " TEXT("c.blocked_"
                                                                         "by") " AS "
                                                                               "blocke"
                                                                               "d_by, "
                                                                               "c.xid "
                                                                               "AS "
                                                                               "xid,"
                                                                               " c."
                                                                               "xmin "
                                                                               "AS "
                                                                               "xmin,"
                                                                               " " TEXT(
                                                                                   "c."
                                                                                   "st"
                                                                                   "at"
                                                                                   "em"
                                                                                   "en"
                                                                                   "t") " AS "
                                                                                        "statement"
                                                                                        " FROM "
                                                                                        "session_"
                                                                                        "change c "
                                                                                        "JOIN "
                                                                                        "session s "
                                                                                        "ON s.id = "
                                                                                        "c.session"
                                                                                        " JOIN "
                                                                                        "sample p "
                                                                                        "ON "
                                                                                        "p."
                                                                                        "sequence "
                                                                                        "= c.id >> "
                                                                                        "20";

constexpr std::string_view v_statements =
    "CREATE VIEW v_statements AS SELECT t.body AS statement, count(*) AS changes,"
    " count(DISTINCT c.session) AS sessions, min(" ISO("p.time") ") AS first_seen, max(" ISO(
        "p.time") ") AS last_seen, max((coalesce(c.state_age_us, 0) + c.transaction_lead_us)"
                  " / 1e6) AS longest_transaction_s FROM session_change c JOIN text t ON t.id = "
                  "c.statement"
                  " JOIN sample p ON p.sequence = c.id >> 20 GROUP BY t.body";

constexpr std::
    string_view
        v_long_transactions = "CREATE VIEW v_long_transactions AS SELECT " TARGET_NAME("s.target") " AS target, s.pid AS pid, " TEXT("s.user") " AS user, " TEXT(
            "c.application") " AS application, " ISO("p.time + p.clock_offset_us - "
                                                     "coalesce(c.state_age_us, 0) - "
                                                     "c.transaction_lead_us") " AS began, "
                                                                              "max((coalesce(c."
                                                                              "state_age_us, 0) + "
                                                                              "c.transaction_lead_"
                                                                              "us) / 1e6)"
                                                                              " AS "
                                                                              "longest_seen_s,"
                                                                              " " ISO("max(p.time)") " AS last_change, " TEXT(
                                                                                  "c.statement") " "
                                                                                                 "A"
                                                                                                 "S"
                                                                                                 " "
                                                                                                 "l"
                                                                                                 "a"
                                                                                                 "s"
                                                                                                 "t"
                                                                                                 "_"
                                                                                                 "s"
                                                                                                 "t"
                                                                                                 "a"
                                                                                                 "t"
                                                                                                 "e"
                                                                                                 "m"
                                                                                                 "e"
                                                                                                 "n"
                                                                                                 "t"
                                                                                                 " "
                                                                                                 "F"
                                                                                                 "R"
                                                                                                 "O"
                                                                                                 "M"
                                                                                                 " "
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "s"
                                                                                                 "s"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 "_"
                                                                                                 "c"
                                                                                                 "h"
                                                                                                 "a"
                                                                                                 "n"
                                                                                                 "g"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "c"
                                                                                                 " "
                                                                                                 "J"
                                                                                                 "O"
                                                                                                 "I"
                                                                                                 "N"
                                                                                                 " "
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "s"
                                                                                                 "s"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 " "
                                                                                                 "s"
                                                                                                 " "
                                                                                                 "O"
                                                                                                 "N"
                                                                                                 " "
                                                                                                 "s"
                                                                                                 "."
                                                                                                 "i"
                                                                                                 "d"
                                                                                                 " "
                                                                                                 "="
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "s"
                                                                                                 "s"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 " "
                                                                                                 "J"
                                                                                                 "O"
                                                                                                 "I"
                                                                                                 "N"
                                                                                                 " "
                                                                                                 "s"
                                                                                                 "a"
                                                                                                 "m"
                                                                                                 "p"
                                                                                                 "l"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "p"
                                                                                                 " "
                                                                                                 "O"
                                                                                                 "N"
                                                                                                 " "
                                                                                                 "p"
                                                                                                 "."
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "q"
                                                                                                 "u"
                                                                                                 "e"
                                                                                                 "n"
                                                                                                 "c"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "="
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "i"
                                                                                                 "d"
                                                                                                 " "
                                                                                                 ">"
                                                                                                 ">"
                                                                                                 " "
                                                                                                 "2"
                                                                                                 "0"
                                                                                                 " "
                                                                                                 "W"
                                                                                                 "H"
                                                                                                 "E"
                                                                                                 "R"
                                                                                                 "E"
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "t"
                                                                                                 "r"
                                                                                                 "a"
                                                                                                 "n"
                                                                                                 "s"
                                                                                                 "a"
                                                                                                 "c"
                                                                                                 "t"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 "_"
                                                                                                 "l"
                                                                                                 "e"
                                                                                                 "a"
                                                                                                 "d"
                                                                                                 "_"
                                                                                                 "u"
                                                                                                 "s"
                                                                                                 " "
                                                                                                 "I"
                                                                                                 "S"
                                                                                                 " "
                                                                                                 "N"
                                                                                                 "O"
                                                                                                 "T"
                                                                                                 " "
                                                                                                 "N"
                                                                                                 "U"
                                                                                                 "L"
                                                                                                 "L"
                                                                                                 " "
                                                                                                 "G"
                                                                                                 "R"
                                                                                                 "O"
                                                                                                 "U"
                                                                                                 "P"
                                                                                                 " "
                                                                                                 "B"
                                                                                                 "Y"
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "s"
                                                                                                 "s"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 ","
                                                                                                 " "
                                                                                                 "p"
                                                                                                 "."
                                                                                                 "t"
                                                                                                 "i"
                                                                                                 "m"
                                                                                                 "e"
                                                                                                 " "
                                                                                                 "+"
                                                                                                 " "
                                                                                                 "p"
                                                                                                 "."
                                                                                                 "c"
                                                                                                 "l"
                                                                                                 "o"
                                                                                                 "c"
                                                                                                 "k"
                                                                                                 "_"
                                                                                                 "o"
                                                                                                 "f"
                                                                                                 "f"
                                                                                                 "s"
                                                                                                 "e"
                                                                                                 "t"
                                                                                                 "_"
                                                                                                 "u"
                                                                                                 "s"
                                                                                                 " "
                                                                                                 "-"
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "o"
                                                                                                 "a"
                                                                                                 "l"
                                                                                                 "e"
                                                                                                 "s"
                                                                                                 "c"
                                                                                                 "e"
                                                                                                 "("
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "s"
                                                                                                 "t"
                                                                                                 "a"
                                                                                                 "t"
                                                                                                 "e"
                                                                                                 "_"
                                                                                                 "a"
                                                                                                 "g"
                                                                                                 "e"
                                                                                                 "_"
                                                                                                 "u"
                                                                                                 "s"
                                                                                                 ","
                                                                                                 " "
                                                                                                 "0"
                                                                                                 ")"
                                                                                                 " "
                                                                                                 "-"
                                                                                                 " "
                                                                                                 "c"
                                                                                                 "."
                                                                                                 "t"
                                                                                                 "r"
                                                                                                 "a"
                                                                                                 "n"
                                                                                                 "s"
                                                                                                 "a"
                                                                                                 "c"
                                                                                                 "t"
                                                                                                 "i"
                                                                                                 "o"
                                                                                                 "n"
                                                                                                 "_"
                                                                                                 "l"
                                                                                                 "e"
                                                                                                 "a"
                                                                                                 "d"
                                                                                                 "_"
                                                                                                 "u"
                                                                                                 "s";

constexpr std::string_view v_actions =
    "CREATE VIEW v_actions AS SELECT sequence, " ISO("time") " AS time, " TARGET_NAME(
        "a.target") " AS target, number, " VERB("verb") " AS verb, pid, CASE phase WHEN 0 THEN "
                                                        "'requested'"
                                                        " WHEN 1 THEN 'sent' WHEN 2 THEN "
                                                        "'accepted' WHEN 3 THEN 'refused' WHEN 4 "
                                                        "THEN 'timed_out'"
                                                        " WHEN 5 THEN 'observed' END AS phase, "
                                                        "sentence FROM \"action\" a";

constexpr std::string_view v_gaps = "CREATE VIEW v_gaps AS SELECT sequence, " ISO(
    "time") " AS time, " TARGET_NAME("g.target") " AS target, reason, (SELECT time FROM sample p "
                                                 "WHERE p.target = g.target AND p.sequence >"
                                                 " g.sequence ORDER BY sequence LIMIT 1) / 1e6 - "
                                                 "(SELECT time FROM sample p WHERE p.target ="
                                                 " g.target AND p.sequence < g.sequence ORDER BY "
                                                 "sequence DESC LIMIT 1) / 1e6 AS unseen_s"
                                                 " FROM gap g";

constexpr std::string_view v_locks =
    "CREATE VIEW v_locks AS SELECT r.sequence AS sequence, " ISO("r.time") " AS time, " TARGET_NAME("r.target") " AS target, r.pid AS pid, " TEXT(
        "l.type") " AS type, " TEXT("l.relation") " AS relation, " TEXT("l.mode") " AS mode, "
                                                                                  "l.granted AS "
                                                                                  "granted"
                                                                                  " FROM "
                                                                                  "lock_report r "
                                                                                  "JOIN lock l ON "
                                                                                  "l.id >= "
                                                                                  "r.sequence << 20"
                                                                                  " AND l.id < "
                                                                                  "(r.sequence + "
                                                                                  "1) << 20";

constexpr std::string_view v_status =
    "CREATE VIEW v_status AS SELECT sequence, " ISO("time") " AS time, " TARGET_NAME(
        "s.target") " AS target, CASE reach WHEN 0 THEN 'connecting' WHEN 1 THEN 'up' WHEN 2 THEN "
                    "'failing'"
                    " WHEN 3 THEN 'stopped' END AS reach, sentence, next_step FROM status s";

constexpr std::string_view v_notes =
    "CREATE VIEW v_notes AS SELECT sequence, " ISO("time") " AS time, text FROM note";

constexpr std::string_view v_timeline =
    "CREATE VIEW v_timeline AS"
    " SELECT sequence, " ISO(
        "time") " AS time, 'status' AS what, target, sentence FROM status"
                " UNION ALL SELECT sequence, " ISO(
                    "time") ", 'gap', target, reason FROM gap"
                            " UNION ALL SELECT sequence, " ISO("time") ", " VERB(
                                "verb") ", target, sentence FROM \"action\""
                                        " UNION ALL SELECT sequence, " ISO(
                                            "time") ", 'note', target, text FROM note"
                                                    " UNION ALL SELECT sequence, " ISO(
                                                        "time") ", 'thresholds', target, 'alert ' "
                                                                "||"
                                                                " alert_us / 1000000 || ' s, "
                                                                "critical ' || critical_us / "
                                                                "1000000 || ' s' FROM threshold"
                                                                " ORDER BY sequence";

#undef ISO
#undef TARGET_NAME
#undef TEXT
#undef VERB

} // namespace

const TableDefinition& definition(Table table)
{
    return definitions.at(static_cast<std::size_t>(table));
}

const std::vector<std::string_view>& other_statements()
{
    static const std::vector<std::string_view> all{
        meta_sql,
        "CREATE TABLE state_name(state INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO state_name VALUES (0, 'idle_in_transaction'),"
        " (1, 'idle_in_transaction_aborted'), (2, 'waiting'), (3, 'active'), (4, 'idle'),"
        " (5, 'other'), (6, 'unknown')",
        "CREATE INDEX session_by_pid ON session(pid)",
        v_states,
        v_sessions,
        v_session_changes,
        v_statements,
        v_long_transactions,
        v_actions,
        v_gaps,
        v_locks,
        v_status,
        v_notes,
        v_timeline,
    };
    return all;
}

const std::vector<std::string_view>& ring_statements()
{
    static const std::vector<std::string_view> all{
        "CREATE INDEX text_by_use ON text(used)",
        "CREATE INDEX session_by_use ON session(used)",
    };
    return all;
}

} // namespace poolscope::schema
