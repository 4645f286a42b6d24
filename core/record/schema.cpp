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
    {"agent", 10,
     "CREATE TABLE agent(sequence INTEGER PRIMARY KEY, time INT, target INT, protocol INT,"
     " agent TEXT, process TEXT, host TEXT, pid INT, can TEXT, may_reclaim INT)"},
    {"pool_sample", 8,
     "CREATE TABLE pool_sample(sequence INTEGER PRIMARY KEY, time INT, target INT, full INT,"
     " gap_before INT, clock_offset_us INT, lost INT, unreadable INT)"},
    {"reclaim", 8,
     "CREATE TABLE reclaim(sequence INTEGER PRIMARY KEY, time INT, target INT, number INT,"
     " checkout_target INT, checkout TEXT, phase INT, sentence TEXT)"},
    {"pool", 29,
     "CREATE TABLE pool(id INTEGER PRIMARY KEY, name INT, kind INT, database INT,"
     " configuration INT, used INT, idle INT, total INT, max INT, idle_min INT, idle_max INT,"
     " pending INT, timeouts INT, wait_count INT, wait_total_us INT, wait_p50_us INT,"
     " wait_p99_us INT, use_count INT, use_total_us INT, use_p50_us INT, use_p99_us INT,"
     " create_count INT, create_total_us INT, create_p50_us INT, create_p99_us INT,"
     " leaks_detected INT, tracked INT, circuit INT, health INT)"},
    {"connection_change", 7,
     "CREATE TABLE connection_change(id INTEGER PRIMARY KEY, pool INT, connection INT,"
     " opened INT, server_pid INT, local_port INT, health INT)"},
    {"connection_close", 3,
     "CREATE TABLE connection_close(id INTEGER PRIMARY KEY, pool INT, connection INT)"},
    {"checkout", 16,
     "CREATE TABLE checkout(id INTEGER PRIMARY KEY, used INT, target INT, name TEXT, pool INT,"
     " connection INT, server_pid INT, local_port INT, acquired INT, wait_us INT,"
     " acquired_by INT, thread INT, trace_id INT, tags INT, stack INT, expected_us INT)"},
    {"checkout_change", 7,
     "CREATE TABLE checkout_change(id INTEGER PRIMARY KEY, checkout INT, heartbeat_age_us INT,"
     " busy INT, busy_age_us INT, statement INT, reported INT)"},
    {"checkout_end", 3,
     "CREATE TABLE checkout_end(id INTEGER PRIMARY KEY, checkout INT, returned_age_us INT)"},
    {"brief_hold", 6,
     "CREATE TABLE brief_hold(id INTEGER PRIMARY KEY, pool INT, stack INT, count INT,"
     " held_us INT, longest_us INT)"},
    {"acquire_timeout", 6,
     "CREATE TABLE acquire_timeout(id INTEGER PRIMARY KEY, pool INT, age_us INT, waited_us INT,"
     " acquired_by INT, stack INT)"},
    {"stack", 3, "CREATE TABLE stack(id INTEGER PRIMARY KEY, used INT, lines INT)"},
    {"stack_line", 5,
     "CREATE TABLE stack_line(id INTEGER PRIMARY KEY, function INT, file INT, line INT, own INT)"},
    {"property_list", 3,
     "CREATE TABLE property_list(id INTEGER PRIMARY KEY, used INT, properties INT)"},
    {"property", 3, "CREATE TABLE property(id INTEGER PRIMARY KEY, name INT, value INT)"},
    {"pool_minute", 4,
     "CREATE TABLE pool_minute(id INTEGER PRIMARY KEY, target INT, peak INT, gap INT)"},
    {"keyframe_process", 6,
     "CREATE TABLE keyframe_process(id INTEGER PRIMARY KEY, target INT, agent INT, lost INT,"
     " unreadable INT, unmatched INT)"},
    {"keyframe_pool", 30,
     "CREATE TABLE keyframe_pool(id INTEGER PRIMARY KEY, name INT, kind INT, database INT,"
     " configuration INT, used INT, idle INT, total INT, max INT, idle_min INT, idle_max INT,"
     " pending INT, timeouts INT, wait_count INT, wait_total_us INT, wait_p50_us INT,"
     " wait_p99_us INT, use_count INT, use_total_us INT, use_p50_us INT, use_p99_us INT,"
     " create_count INT, create_total_us INT, create_p50_us INT, create_p99_us INT,"
     " leaks_detected INT, tracked INT, circuit INT, health INT, target INT)"},
    {"keyframe_connection", 8,
     "CREATE TABLE keyframe_connection(id INTEGER PRIMARY KEY, pool INT, connection INT,"
     " opened INT, server_pid INT, local_port INT, health INT, target INT)"},
    {"keyframe_checkout", 8,
     "CREATE TABLE keyframe_checkout(id INTEGER PRIMARY KEY, checkout INT, heartbeat_age_us INT,"
     " busy INT, busy_age_us INT, statement INT, reported INT, target INT)"},
    {"prepared", 7,
     "CREATE TABLE prepared(id INTEGER PRIMARY KEY, pool INT, stack INT, open INT,"
     " oldest_age_us INT, texts INT, statement INT)"},
    {"keyframe_prepared", 8,
     "CREATE TABLE keyframe_prepared(id INTEGER PRIMARY KEY, pool INT, stack INT, open INT,"
     " oldest_age_us INT, texts INT, statement INT, target INT)"},
    {"threshold_choice", 6,
     "CREATE TABLE threshold_choice(sequence INTEGER PRIMARY KEY, time INT, target INT,"
     " pool TEXT, alert_us INT, critical_us INT)"},
    {"settings", 5,
     "CREATE TABLE settings(sequence INTEGER PRIMARY KEY, time INT, target INT, settings INT,"
     " complete INT)"},
    {"setting", 6,
     "CREATE TABLE setting(id INTEGER PRIMARY KEY, scope INT, subject TEXT, name TEXT,"
     " value TEXT, unit TEXT)"},
    {"keyframe_settings", 3,
     "CREATE TABLE keyframe_settings(id INTEGER PRIMARY KEY, target INT, settings INT)"},
    {"alert_rules", 4,
     "CREATE TABLE alert_rules(sequence INTEGER PRIMARY KEY, time INT, target INT, rules TEXT)"},
    {"alert_answer", 7,
     "CREATE TABLE alert_answer(sequence INTEGER PRIMARY KEY, time INT, target INT, pool TEXT,"
     " rule TEXT, answer INT, until INT)"},
    {"note_about", 5,
     "CREATE TABLE note_about(sequence INTEGER PRIMARY KEY, time INT, target INT, text TEXT,"
     " about INT)"},
}};

} // namespace

const TableDefinition& definition(Table table)
{
    return definitions.at(static_cast<std::size_t>(table));
}

const std::vector<std::string_view>& ring_statements()
{
    static const std::vector<std::string_view> all{
        "CREATE INDEX text_by_use ON text(used)",
        "CREATE INDEX session_by_use ON session(used)",
        "CREATE INDEX checkout_by_use ON checkout(used)",
        "CREATE INDEX stack_by_use ON stack(used)",
        "CREATE INDEX property_list_by_use ON property_list(used)",
    };
    return all;
}

} // namespace poolscope::schema
