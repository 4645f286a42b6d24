// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/schema.h"

namespace poolscope::schema {

namespace {

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
    target, number, CASE verb WHEN 0 THEN 'cancel' WHEN 1 THEN 'terminate' ELSE 'reclaim' END
    AS verb, pid, checkout, CASE phase WHEN 0 THEN 'requested' WHEN 1 THEN 'sent' WHEN 2 THEN
    'accepted' WHEN 3 THEN 'refused' WHEN 4 THEN 'timed_out' WHEN 5 THEN 'observed' END AS
    phase, sentence
  FROM (SELECT sequence, time, target, number, verb, pid, NULL AS checkout, phase, sentence
    FROM "action" UNION ALL SELECT sequence, time, target, number, 2, NULL, checkout, phase,
    sentence FROM reclaim) a
  ORDER BY sequence)";

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
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS about, text
  FROM note
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    strftime('%Y-%m-%dT%H:%M:%fZ', (about) / 1000000.0, 'unixepoch'), text
  FROM note_about ORDER BY sequence)";

constexpr std::string_view v_agents = R"(
CREATE VIEW v_agents AS
  SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch') AS time,
    (SELECT name FROM target WHERE target.target = a.target ORDER BY sequence DESC LIMIT 1) AS
    target, agent, protocol, process, host, pid, replace(can, char(10), ',') AS can,
    may_reclaim
  FROM agent a)";

constexpr std::string_view v_pools = R"(
CREATE VIEW v_pools AS
  SELECT s.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, (SELECT body FROM text WHERE text.id = p.name) AS pool,
    p.used AS used, p.idle AS idle, p.pending AS pending, p.total AS total, p.max AS max,
    p.timeouts AS timeouts, p.wait_count AS acquired, p.wait_p50_us / 1000.0 AS wait_p50_ms,
    p.wait_p99_us / 1000.0 AS wait_p99_ms, p.use_p50_us / 1000.0 AS use_p50_ms, p.use_p99_us /
    1000.0 AS use_p99_ms, p.leaks_detected AS leaks_detected, s.gap_before AS gap_before
  FROM pool p
  JOIN pool_sample s ON s.sequence = p.id >> 20)";

constexpr std::string_view v_stacks = R"(
CREATE VIEW v_stacks AS
  SELECT l.id >> 20 AS stack, l.id & 1048575 AS depth, (SELECT body FROM text WHERE text.id =
    l.function) AS function, (SELECT body FROM text WHERE text.id = l.file) AS file, l.line AS
    line, l.own AS own
  FROM stack_line l)";

constexpr std::string_view v_checkouts = R"(
CREATE VIEW v_checkouts AS
  SELECT c.id AS checkout, (SELECT name FROM target WHERE target.target = c.target ORDER BY
    sequence DESC LIMIT 1) AS target, c.name AS name, (SELECT body FROM text WHERE text.id =
    c.pool) AS pool, (SELECT body FROM text WHERE text.id = c.connection) AS connection,
    c.server_pid AS server_pid, strftime('%Y-%m-%dT%H:%M:%fZ', (c.acquired) / 1000000.0,
    'unixepoch') AS acquired, c.wait_us / 1000.0 AS wait_ms, (SELECT body FROM text WHERE
    text.id = c.acquired_by) AS acquired_by, (SELECT body FROM text WHERE text.id = c.thread)
    AS thread, (SELECT body FROM text WHERE text.id = c.trace_id) AS trace_id, (SELECT
    group_concat((SELECT body FROM text WHERE text.id = p.name) || '=' || coalesce((SELECT
    body FROM text WHERE text.id = p.value), ''), ',') FROM property p WHERE p.id BETWEEN
    c.tags << 20 AND (c.tags << 20) + 1048575) AS tags, (SELECT coalesce((SELECT body FROM
    text WHERE text.id = l.file) || ':' || l.line, (SELECT body FROM text WHERE text.id =
    l.function)) FROM stack_line l WHERE l.id BETWEEN c.stack << 20 AND (c.stack << 20) +
    1048575 ORDER BY l.own DESC, l.id LIMIT 1) AS line, c.stack AS stack, c.expected_us / 1e6
    AS expected_s
  FROM checkout c)";

constexpr std::string_view v_checkout_changes = R"(
CREATE VIEW v_checkout_changes AS
  SELECT e.id >> 20 AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, e.checkout AS checkout, c.name AS name, (SELECT body
    FROM text WHERE text.id = c.pool) AS pool, (s.time + s.clock_offset_us - c.acquired) / 1e6
    AS held_s, 'held' AS state, e.busy AS busy, e.busy_age_us / 1e6 AS busy_age_s,
    e.heartbeat_age_us / 1e6 AS heartbeat_age_s, (SELECT body FROM text WHERE text.id =
    e.reported) AS reported, (SELECT body FROM text WHERE text.id = e.statement) AS statement
  FROM checkout_change e
  JOIN checkout c ON c.id = e.checkout
  JOIN pool_sample s ON s.sequence = e.id >> 20
  UNION ALL SELECT e.id >> 20, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time) / 1000000.0,
    'unixepoch'), (SELECT name FROM target WHERE target.target = s.target ORDER BY sequence
    DESC LIMIT 1), e.checkout, c.name, (SELECT body FROM text WHERE text.id = c.pool), (s.time
    + s.clock_offset_us - coalesce(e.returned_age_us, 0) - c.acquired) / 1e6, 'returned',
    NULL, NULL, NULL, NULL, NULL
  FROM checkout_end e
  JOIN checkout c ON c.id = e.checkout
  JOIN pool_sample s ON s.sequence = e.id >> 20)";

constexpr std::string_view v_brief_holds = R"(
CREATE VIEW v_brief_holds AS
  SELECT s.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, (SELECT body FROM text WHERE text.id = b.pool) AS pool,
    (SELECT coalesce((SELECT body FROM text WHERE text.id = l.file) || ':' || l.line, (SELECT
    body FROM text WHERE text.id = l.function)) FROM stack_line l WHERE l.id BETWEEN b.stack
    << 20 AND (b.stack << 20) + 1048575 ORDER BY l.own DESC, l.id LIMIT 1) AS line, b.stack AS
    stack, b.count AS count, b.held_us / 1e6 AS held_s, b.longest_us / 1e6 AS longest_s
  FROM brief_hold b
  JOIN pool_sample s ON s.sequence = b.id >> 20)";

constexpr std::string_view v_acquire_timeouts = R"(
CREATE VIEW v_acquire_timeouts AS
  SELECT s.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time + s.clock_offset_us -
    a.age_us) / 1000000.0, 'unixepoch') AS time, (SELECT name FROM target WHERE target.target
    = s.target ORDER BY sequence DESC LIMIT 1) AS target, (SELECT body FROM text WHERE text.id
    = a.pool) AS pool, a.waited_us / 1e6 AS waited_s, (SELECT body FROM text WHERE text.id =
    a.acquired_by) AS acquired_by, (SELECT coalesce((SELECT body FROM text WHERE text.id =
    l.file) || ':' || l.line, (SELECT body FROM text WHERE text.id = l.function)) FROM
    stack_line l WHERE l.id BETWEEN a.stack << 20 AND (a.stack << 20) + 1048575 ORDER BY l.own
    DESC, l.id LIMIT 1) AS line, a.stack AS stack
  FROM acquire_timeout a
  JOIN pool_sample s ON s.sequence = a.id >> 20)";

constexpr std::string_view v_prepared = R"(
CREATE VIEW v_prepared AS
  SELECT s.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (s.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = s.target ORDER BY
    sequence DESC LIMIT 1) AS target, (SELECT body FROM text WHERE text.id = p.pool) AS pool,
    (SELECT coalesce((SELECT body FROM text WHERE text.id = l.file) || ':' || l.line, (SELECT
    body FROM text WHERE text.id = l.function)) FROM stack_line l WHERE l.id BETWEEN p.stack
    << 20 AND (p.stack << 20) + 1048575 ORDER BY l.own DESC, l.id LIMIT 1) AS line, p.stack AS
    stack, p.open AS open, p.oldest_age_us / 1e6 AS oldest_s, p.texts AS texts, (SELECT body
    FROM text WHERE text.id = p.statement) AS statement
  FROM prepared p
  JOIN pool_sample s ON s.sequence = p.id >> 20)";

constexpr std::string_view v_settings = R"(
CREATE VIEW v_settings AS
  SELECT r.sequence AS sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (r.time) / 1000000.0,
    'unixepoch') AS time, (SELECT name FROM target WHERE target.target = r.target ORDER BY
    sequence DESC LIMIT 1) AS target, CASE s.scope WHEN 1 THEN 'role' WHEN 2 THEN 'database' ELSE
    'server' END AS scope, nullif(s.subject, '') AS subject, s.name AS name, s.value AS value,
    s.unit AS unit
  FROM settings r
  JOIN setting s ON s.id BETWEEN r.sequence << 20 AND (r.sequence << 20) + 1048575)";

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
    'reclaim', target, sentence
  FROM reclaim
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'note', target, text
  FROM note
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'note', target, 'about ' || strftime('%Y-%m-%dT%H:%M:%fZ', (about) / 1000000.0, 'unixepoch')
    || ': ' || text
  FROM note_about
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'thresholds', target, 'alert ' || alert_us / 1000000 || ' s, critical ' || critical_us /
    1000000 || ' s'
  FROM threshold
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'thresholds', target, coalesce('pool ' || pool || ': ', '') || coalesce('alert ' || alert_us
    / 1000000 || ' s, critical ' || critical_us / 1000000 || ' s', 'taken back')
  FROM threshold_choice
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'alert rules', target, CASE rules WHEN '' THEN 'those built in' ELSE rules END
  FROM alert_rules
  UNION ALL SELECT sequence, strftime('%Y-%m-%dT%H:%M:%fZ', (time) / 1000000.0, 'unixepoch'),
    'alert', target, coalesce(pool || ': ', '') || rule || ' ' || CASE answer WHEN 0 THEN
    'acknowledged' WHEN 1 THEN 'silenced' ELSE 'taken back' END
  FROM alert_answer ORDER BY sequence)";

} // namespace

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
        v_agents,
        v_pools,
        v_stacks,
        v_checkouts,
        v_checkout_changes,
        v_brief_holds,
        v_acquire_timeouts,
        v_prepared,
        v_settings,
        v_timeline,
    };
    return all;
}

} // namespace poolscope::schema
