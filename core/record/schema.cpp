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

// Instants are for people there: UTC, to the millisecond. Ages are on the server's clock, at the
// instant of the sample.

constexpr std::string_view v_states = R"(
CREATE VIEW v_states AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    (SELECT name FROM target WHERE target.target = s.target ORDER BY sequence DESC LIMIT 1) AS
    target, idle_in_transaction, idle_in_transaction_aborted, waiting, active, idle, other,
    unknown, idle_in_transaction + idle_in_transaction_aborted + waiting + active + idle + other
    + unknown AS clients, max_connections, reserved, gap_before, poll_cost_us / 1000.0 AS
    poll_cost_ms
  FROM sample s)";

constexpr std::string_view v_sessions = R"(
CREATE VIEW v_sessions AS
  SELECT id AS session, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, pid, CASE WHEN started > 0 THEN
    strftime('%Y-%m-%dT%H:%M:%fZ', (started) / 1000000.0, 'unixepoch') END AS started, (SELECT
    body FROM text WHERE text.id = user) AS user, (SELECT body FROM text WHERE text.id =
    database) AS database, (SELECT body FROM text WHERE text.id = client) AS client, (SELECT
    body FROM text WHERE text.id = backend_type) AS backend_type, own
  FROM session s)";

constexpr std::string_view v_session_changes = R"(
CREATE VIEW v_session_changes AS
  SELECT c.id >> 20 AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (p.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, c.session AS session, s.pid AS pid, CASE WHEN s.started >
    0 THEN strftime('%Y-%m-%dT%H:%M:%fZ', (s.started) / 1000000.0, 'unixepoch') END AS started,
    (SELECT body FROM text WHERE text.id = s.user) AS user, (SELECT body FROM text WHERE text.id
    = s.database) AS database, (SELECT body FROM text WHERE text.id = c.application) AS
    application, (SELECT body FROM text WHERE text.id = s.client) AS client, coalesce((SELECT
    name FROM state_name WHERE state_name.state = c.state), 'gone') AS state, c.state_age_us /
    1e6 AS state_age_s, (coalesce(c.state_age_us, 0) + c.transaction_lead_us) / 1e6 AS
    transaction_age_s, (coalesce(c.state_age_us, 0) + c.statement_lead_us) / 1e6 AS
    statement_age_s, (SELECT body FROM text WHERE text.id = c.wait_event) AS wait_event, (SELECT
    body FROM text WHERE text.id = c.blocked_by) AS blocked_by, c.xid AS xid, c.xmin AS xmin,
    (SELECT body FROM text WHERE text.id = c.statement) AS statement
  FROM session_change c
  JOIN session s ON s.id = c.session
  JOIN sample p ON p.sequence = c.id >> 20)";

constexpr std::string_view v_statements = R"(
CREATE VIEW v_statements AS
  SELECT t.body AS statement, count(*) AS changes, count(DISTINCT c.session) AS sessions,
    min(strftime('%Y-%m-%dT%H:%M:%fZ', (p.time) / 1000000.0, 'unixepoch')) AS first_seen,
    max(strftime('%Y-%m-%dT%H:%M:%fZ', (p.time) / 1000000.0, 'unixepoch')) AS last_seen,
    max((coalesce(c.state_age_us, 0) + c.transaction_lead_us) / 1e6) AS longest_transaction_s
  FROM session_change c
  JOIN text t ON t.id = c.statement
  JOIN sample p ON p.sequence = c.id >> 20
  GROUP BY t.body)";

constexpr std::string_view v_long_transactions = R"(
CREATE VIEW v_long_transactions AS
  SELECT (SELECT name FROM target WHERE target.target = s.target ORDER BY sequence DESC LIMIT 1)
    AS target, s.pid AS pid, (SELECT body FROM text WHERE text.id = s.user) AS user, (SELECT
    body FROM text WHERE text.id = c.application) AS application, strftime('%Y-%m-%dT%H:%M:%fZ',
    (p.time + p.clock_offset_us - coalesce(c.state_age_us, 0) - c.transaction_lead_us) /
    1000000.0, 'unixepoch') AS began, max((coalesce(c.state_age_us, 0) + c.transaction_lead_us)
    / 1e6) AS longest_seen_s, strftime('%Y-%m-%dT%H:%M:%fZ', (max(p.time)) / 1000000.0,
    'unixepoch') AS last_change, (SELECT body FROM text WHERE text.id = c.statement) AS
    last_statement
  FROM session_change c
  JOIN session s ON s.id = c.session
  JOIN sample p ON p.sequence = c.id >> 20
  WHERE c.transaction_lead_us IS NOT NULL
  GROUP BY c.session, p.time + p.clock_offset_us - coalesce(c.state_age_us, 0) -
    c.transaction_lead_us)";

constexpr std::string_view v_actions = R"(
CREATE VIEW v_actions AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    (SELECT name FROM target WHERE target.target = a.target ORDER BY sequence DESC LIMIT 1) AS
    target, number, CASE verb WHEN 0 THEN 'cancel' ELSE 'terminate' END AS verb, pid, CASE phase
    WHEN 0 THEN 'requested' WHEN 1 THEN 'sent' WHEN 2 THEN 'accepted' WHEN 3 THEN 'refused' WHEN
    4 THEN 'timed_out' WHEN 5 THEN 'observed' END AS phase, sentence
  FROM "action" a)";

constexpr std::string_view v_gaps = R"(
CREATE VIEW v_gaps AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    (SELECT name FROM target WHERE target.target = g.target ORDER BY sequence DESC LIMIT 1) AS
    target, reason, (SELECT time FROM sample p WHERE p.target = g.target AND p.sequence >
    g.sequence ORDER BY sequence LIMIT 1) / 1e6 - (SELECT time FROM sample p WHERE p.target =
    g.target AND p.sequence < g.sequence ORDER BY sequence DESC LIMIT 1) / 1e6 AS unseen_s
  FROM gap g)";

constexpr std::string_view v_locks = R"(
CREATE VIEW v_locks AS
  SELECT r.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (r.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = r.target ORDER BY
    sequence DESC LIMIT 1) AS target, r.pid AS pid, (SELECT body FROM text WHERE text.id =
    l.type) AS type, (SELECT body FROM text WHERE text.id = l.relation) AS relation, (SELECT
    body FROM text WHERE text.id = l.mode) AS mode, l.granted AS granted
  FROM lock_report r
  JOIN lock l ON l.id >= r.sequence << 20 AND l.id < (r.sequence + 1) << 20)";

constexpr std::string_view v_status = R"(
CREATE VIEW v_status AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    (SELECT name FROM target WHERE target.target = s.target ORDER BY sequence DESC LIMIT 1) AS
    target, CASE reach WHEN 0 THEN 'connecting' WHEN 1 THEN 'up' WHEN 2 THEN 'failing' WHEN 3
    THEN 'stopped' END AS reach, sentence, next_step
  FROM status s)";

constexpr std::string_view v_notes = R"(
CREATE VIEW v_notes AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time, text
  FROM note)";

constexpr std::string_view v_timeline = R"(
CREATE VIEW v_timeline AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    'status' AS what, target, sentence
  FROM status
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'gap', target, reason
  FROM gap
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    CASE verb WHEN 0 THEN 'cancel' ELSE 'terminate' END, target, sentence
  FROM "action"
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'note', target, text
  FROM note
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'thresholds', target, 'alert ' || alert_us / 1000000 || ' s, critical ' || critical_us /
    1000000 || ' s'
  FROM threshold ORDER BY sequence)";

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
