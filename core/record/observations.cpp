// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/observations.h"

#include "core/base/bounds.h"
#include "core/record/columns.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope::record {

namespace {

using schema::Table;

/// Far from where one could no longer reckon with them.
LeakThresholds thresholds_at(const Row& row, int column)
{
    constexpr std::int64_t most_us = 100LL * 365 * 24 * 3600 * 1'000'000;
    const auto bounded = [&](int at) {
        return Duration{std::clamp<std::int64_t>(row.integer(at), 0, most_us)};
    };
    return {bounded(column), bounded(column + 1)};
}

} // namespace

TargetId target_id(std::int64_t value)
{
    if (value < 0 || value > most_32)
        throw Damaged(fmt::format("a target has the number {}", value));
    return TargetId{static_cast<std::uint32_t>(value)};
}

SessionKey read_key(const Row& row, int first)
{
    return {target_id(row.integer(first)), Pid{row.integer(first + 1)},
            bounded_instant(row.integer(first + 2))};
}

TargetInfo read_target(const Row& row)
{
    return {target_id(row.integer(3)), row.text(4), row.text(5), row.text(6)};
}

TargetStatus read_status(const Row& row)
{
    TargetStatus status;
    status.reach = static_cast<Reach>(row.integer(3, 0, 3));
    status.sentence = row.text(4);
    status.next_step = row.text(5);
    status.next_try = optional_time(row, 6);
    return status;
}

ServerFacts read_facts(const Row& row)
{
    ServerFacts facts;
    facts.version = row.text(3);
    facts.version_number = static_cast<std::int32_t>(row.integer(4, least_31, most_31));
    facts.max_connections = optional_small(row, 5);
    facts.reserved = optional_small(row, 6);
    facts.role = row.text(7);
    facts.superuser = row.boolean(8);
    facts.in_recovery = row.boolean(9);
    facts.sees_all = row.boolean(10);
    facts.can_signal = row.boolean(11);
    facts.missing_grant = row.text(12);
    facts.tls = row.boolean(13);
    facts.server_started = optional_time(row, 14);
    return facts;
}

ActionReported read_action(const Row& row)
{
    ActionReported action;
    action.action = ActionId{static_cast<std::uint64_t>(row.integer(3))};
    action.verb = static_cast<ActionVerb>(row.integer(4, 0, 1));
    action.session = read_key(row, 5);
    action.phase = static_cast<ActionPhase>(row.integer(8, 0, 5));
    action.sentence = row.text(9);
    return action;
}

ThresholdsChanged read_threshold(const Row& row, std::int64_t version)
{
    const LeakThresholds thresholds = thresholds_at(row, 3);
    // Attaching alone wrote it then, and a pool's own counted before it.
    if (version < 3 && thresholds == LeakThresholds{})
        return {{}, {}, true};
    return {thresholds};
}

ThresholdsChanged read_threshold_choice(const Row& row)
{
    ThresholdsChanged choice;
    if (!row.null(3))
        choice.pool = Text{row.text(3)};
    choice.revoked = row.null(4);
    if (!choice.revoked)
        choice.thresholds = thresholds_at(row, 4);
    return choice;
}

AlertAnswered read_alert_answer(const Row& row)
{
    AlertAnswered answered;
    if (!row.null(3))
        answered.pool = Text{row.text(3)};
    answered.rule = row.text(4);
    answered.answer = static_cast<AlertAnswer>(row.integer(5, 0, 2));
    answered.until = bounded_instant(row.integer(6));
    return answered;
}

ServerSettings read_settings(SQLite::Database& database, const Row& row)
{
    ServerSettings settings;
    settings.complete = row.boolean(4);
    const auto sequence = static_cast<std::uint64_t>(
        row.integer(0, 1, static_cast<std::int64_t>(schema::last_sequence)));
    Query query{database, "SELECT * FROM setting WHERE id BETWEEN ? AND ? ORDER BY id"};
    query.bind(1, schema::row_id(sequence, 0));
    query.bind(2, schema::row_id(sequence, 0) | schema::position_mask);
    while (query.step()) {
        const Row each{query};
        settings.all.push_back({static_cast<SettingScope>(each.integer(1, 0, 2)), each.text(2),
                                each.text(3), each.text(4), each.text(5)});
    }
    return settings;
}

std::vector<Lock> read_locks(SQLite::Database& database, Lookup& lookup, std::uint64_t sequence)
{
    Query query{database, "SELECT id, type, relation, mode, granted FROM lock"
                          " WHERE id BETWEEN ? AND ? ORDER BY id"};
    query.bind(1, schema::row_id(sequence, 0));
    query.bind(2, schema::row_id(sequence, 0) | schema::position_mask);
    std::vector<Lock> locks;
    while (query.step()) {
        const Row row{query};
        locks.push_back({lookup.lock_text(row, 1), lookup.lock_text(row, 2),
                         lookup.lock_text(row, 3), row.boolean(4)});
    }
    return locks;
}

ObservationCursor::ObservationCursor(SQLite::Database& database, Lookup& lookup, PoolLookup* pools,
                                     SequenceNumber after)
    : database_(database)
    , lookup_(lookup)
    , version_(pools ? pools->version() : 1)
    , changes_(database, "SELECT * FROM session_change WHERE id > ? ORDER BY id")
    , keyframes_(database,
                 "SELECT sequence, time FROM keyframe WHERE sequence > ? ORDER BY sequence")
{
    const std::uint64_t from = std::min(after.value, schema::last_sequence);
    const auto from_row = static_cast<std::int64_t>(from);
    if (pools)
        pool_samples_.emplace(database, *pools, after);
    for (const Table table : schema::observation_tables_of(version_)) {
        Source source{
            table,
            std::make_unique<Query>(database, fmt::format("SELECT * FROM \"{}\" WHERE sequence > ?"
                                                          " ORDER BY sequence",
                                                          schema::definition(table).name)),
            {}};
        source.rows->bind(1, from_row);
        advance(source);
        sources_.push_back(std::move(source));
    }
    changes_.bind(1, schema::row_id(from, 0) | schema::position_mask);
    change_ready_ = changes_.step();
    keyframes_.bind(1, from_row);
    keyframe_ready_ = keyframes_.step();

    // The latest sample or keyframe so far, else the beginning.
    Query anchor{
        database,
        "SELECT time FROM (SELECT * FROM (SELECT sequence, time FROM sample WHERE sequence <= ?1"
        " ORDER BY sequence DESC LIMIT 1) UNION ALL SELECT * FROM (SELECT sequence, time"
        " FROM keyframe WHERE sequence <= ?1 ORDER BY sequence DESC LIMIT 1) UNION ALL"
        " SELECT 0, value FROM meta WHERE key = 'started') ORDER BY sequence DESC LIMIT 1"};
    anchor.bind(1, from_row);
    if (anchor.step() && !Row{anchor}.null(0))
        anchor_ = bounded_instant(Row{anchor}.integer(0));
}

void ObservationCursor::advance(Source& source)
{
    source.head.reset();
    if (source.rows->step())
        source.head = static_cast<std::uint64_t>(
            Row{*source.rows}.integer(0, 1, static_cast<std::int64_t>(schema::last_sequence)));
}

std::optional<Observation> ObservationCursor::next()
{
    Source* first = nullptr;
    for (Source& source : sources_) {
        if (source.head && (!first || *source.head < *first->head))
            first = &source;
    }
    if (!first)
        return std::nullopt;
    while (keyframe_ready_) {
        const Row row{keyframes_};
        if (static_cast<std::uint64_t>(row.integer(0)) >= *first->head)
            break;
        anchor_ = bounded_instant(row.integer(1));
        keyframe_ready_ = keyframes_.step();
    }
    Observation observation = read(*first);
    advance(*first);
    return observation;
}

Observation ObservationCursor::read(Source& source)
{
    const Row row{*source.rows};
    Observation o;
    o.sequence = SequenceNumber{*source.head};
    if (source.table == Table::tick) {
        o.time = bounded_instant(wrapped_sum(to_us(anchor_), row.integer(1)));
        o.target = target_id(row.optional_integer(2).value_or(0));
        o.what = Tick{};
        return o;
    }
    o.time = bounded_instant(row.integer(1));
    o.target = target_id(row.integer(2));
    o.what = read_fact(source.table, row, o);
    if (source.table == Table::sample)
        anchor_ = o.time;
    return o;
}

Fact ObservationCursor::read_fact(Table table, const Row& row, const Observation& so_far)
{
    switch (table) {
    case Table::target:
        return TargetAttached{read_target(row)};
    case Table::status:
        return StatusChanged{read_status(row)};
    case Table::facts:
        return FactsReported{read_facts(row)};
    case Table::sample:
        return read_sample(row, so_far);
    case Table::lock_report: {
        LocksReported report;
        report.session = read_key(row, 3);
        report.locks = record::read_locks(database_, lookup_, so_far.sequence.value);
        return report;
    }
    case Table::gap:
        return Gap{row.text(3)};
    case Table::action:
        return read_action(row);
    case Table::note:
        return Note{row.text(3)};
    case Table::note_about:
        return Note{row.text(3), bounded_instant(row.integer(4))};
    case Table::threshold:
        return read_threshold(row, version_);
    case Table::threshold_choice:
        return read_threshold_choice(row);
    case Table::agent:
        return AgentReported{read_agent(row)};
    case Table::pool_sample:
        return pool_samples_->read(row, so_far);
    case Table::reclaim:
        return read_reclaim(row);
    case Table::alert_rules:
        return AlertRulesChanged{row.text(3)};
    case Table::alert_answer:
        return read_alert_answer(row);
    case Table::settings:
        return SettingsReported{read_settings(database_, row)};
    default:
        return Tick{};
    }
}

ServerSample ObservationCursor::read_sample(const Row& row, const Observation& so_far)
{
    ServerSample sample;
    sample.full = row.boolean(3);
    sample.clock_offset = bounded_duration(row.integer(14));
    if (const auto next_xid = row.optional_integer(15))
        sample.next_xid = static_cast<std::uint64_t>(*next_xid);
    sample.poll_cost = bounded_duration(row.integer(16));

    const Timestamp server_now =
        bounded_instant(wrapped_sum(to_us(so_far.time), to_us(sample.clock_offset)));
    const std::int64_t end = schema::row_id(so_far.sequence.value, 0) | schema::position_mask;
    while (change_ready_) {
        const Row change{changes_};
        const std::int64_t id = change.integer(0);
        if (id > end)
            break;
        // Rows below belong to no sample that is left; a damaged file may have such.
        if (schema::sequence_of(id) == so_far.sequence.value) {
            if (change.null(2))
                sample.gone.push_back(lookup_.session(change.integer(1)).key);
            else if (change.integer(2) != SessionRow::implied_departure)
                sample.changed.push_back(lookup_.whole_session(change, server_now));
        }
        change_ready_ = changes_.step();
    }
    return sample;
}

} // namespace poolscope::record
