// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/encoder.h"

#include "core/record/factrows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace poolscope::record {

namespace {

using schema::row_id;
using schema::Table;

/// A keyframe is due when the changes since the last one are this many times its own rows …
constexpr std::size_t changes_a_row = 14;
/// … but not before there are this many: a few are cheap to replay.
constexpr std::size_t fewest_changes = 4000;
constexpr std::size_t bytes_a_change = 60;
constexpr std::size_t most_rows = schema::position_mask;

std::size_t rows_of(const Pools& pools)
{
    return pools.pools.size() + pools.connections.size() + pools.checkouts.size() +
           pools.prepared.size();
}

/// How many rows a keyframe of it takes, of sessions, pools, connections and checkouts.
std::size_t keyframe_rows(const World& world)
{
    std::size_t rows = 0;
    for (const auto& [id, target] : world.targets())
        rows += target.sessions.size() + rows_of(target.pools);
    return rows;
}

bool too_large(const StackRef& stack)
{
    return stack && stack->lines.size() >= most_rows;
}

/// That it would not go into the rows of one observation, or the keyframe after it would not.
bool too_large(const PoolSample& sample, const World& world)
{
    const std::size_t rows = keyframe_rows(world) + sample.pools.size() + sample.opened.size() +
                             sample.closed.size() + sample.changed.size() + sample.ended.size() +
                             sample.brief.size() + sample.timeouts.size() + sample.prepared.size();
    bool list = false;
    for (const Pool& pool : sample.pools)
        list = list || pool.configuration.size() >= most_rows;
    for (const Checkout& checkout : sample.changed)
        list = list || checkout.tags.size() >= most_rows || too_large(checkout.stack);
    for (const BriefHolds& holds : sample.brief)
        list = list || too_large(holds.stack);
    for (const AcquireTimeout& timeout : sample.timeouts)
        list = list || too_large(timeout.stack);
    for (const PreparedStatements& prepared : sample.prepared)
        list = list || too_large(prepared.stack);
    return rows >= most_rows || list;
}

} // namespace

Encoder::Encoder(const WriterOptions& options)
    : options_(options)
    , texts_(options.keep_for || options.keep_bytes)
{}

std::optional<Error> Encoder::refuses(const Observation& o) const
{
    if (o.sequence <= world_.sequence() || o.sequence.value >= schema::last_sequence)
        return Error{fmt::format("Observation {} does not follow {}; it was not recorded.",
                                 o.sequence.value, world_.sequence().value),
                     {}};
    if (const auto* const sample = std::get_if<ServerSample>(&o.what)) {
        const TargetState* const target = world_.target(o.target);
        const std::size_t rows = sample->changed.size() * 2 + sample->gone.size() +
                                 (target ? target->sessions.size() : 0);
        std::size_t all = sample->changed.size();
        for (const auto& [id, state] : world_.targets())
            all += state.sessions.size();
        if (rows >= schema::position_mask || all >= schema::position_mask)
            return Error{"A sample names more than half a million sessions; it was not recorded.",
                         {}};
    }
    const auto* const pools = std::get_if<PoolSample>(&o.what);
    if (pools && too_large(*pools, world_))
        return Error{"A sample names more than a million checkouts; it was not recorded.", {}};
    const auto* const report = std::get_if<LocksReported>(&o.what);
    if (report && report->locks.size() >= schema::position_mask)
        return Error{"A report names more than a million locks; it was not recorded.", {}};
    const auto* const settings = std::get_if<SettingsReported>(&o.what);
    if (settings && settings->settings.all.size() >= schema::position_mask)
        return Error{"A report names more than a million settings; it was not recorded.", {}};
    return std::nullopt;
}

void Encoder::append(const Observation& observation, Pending& pending)
{
    if (!options_.redact) {
        take_in(observation, pending);
        return;
    }
    const TargetState* const target = world_.target(observation.target);
    const bool postgres = target && target->info.kind == "postgresql";
    take_in(redactions_.without_literals(observation,
                                         postgres ? SqlDialect::postgresql : SqlDialect::unknown),
            pending);
}

void Encoder::take_in(const Observation& o, Pending& pending)
{
    const TargetState* const before = world_.target(o.target);
    const bool gap_before = before && before->gap_since_sample;
    if (!started_)
        anchor_ = started_ = o.time;
    if (minutes_.over(o.time))
        minutes_.flush(world_.sequence(), pending);

    WorldDelta delta;
    world_.apply(o, delta);
    note_refs(o);
    encode(o, delta, gap_before, pending);
    ++observations_;
    if (!keyframe_time_)
        keyframe_time_ = o.time;
    if (keyframe_due(o.time))
        keyframe(pending);
}

void Encoder::finish(Pending& pending)
{
    minutes_.flush(world_.sequence(), pending);
}

/// Which rows a keyframe refers to, instead of repeating them.
void Encoder::note_refs(const Observation& o)
{
    if (!world_.target(o.target))
        return;
    Refs& refs = refs_[o.target];
    const std::int64_t here = number_of(o.sequence);
    if (std::holds_alternative<TargetAttached>(o.what))
        refs.attached = here;
    else if (std::holds_alternative<StatusChanged>(o.what))
        refs.status = here;
    else if (std::holds_alternative<FactsReported>(o.what))
        refs.facts = here;
    else if (std::holds_alternative<AgentReported>(o.what))
        refs.agent = here;
    else if (std::holds_alternative<SettingsReported>(o.what))
        refs.settings = here;
    else if (const auto* const report = std::get_if<LocksReported>(&o.what);
             report && world_.target(o.target)->find(report->session))
        refs.locks[report->session.pid] = {here, {}};
}

void Encoder::encode(const Observation& o, const WorldDelta& delta, bool gap_before,
                     Pending& pending)
{
    if (auto row = fact_row(o, *anchor_)) {
        pending.plain.push_back(std::move(*row));
    } else if (const auto* const sample = std::get_if<ServerSample>(&o.what)) {
        encode_sample(o, *sample, delta, gap_before, pending);
        anchor_ = o.time;
    } else if (const auto* const pools = std::get_if<PoolSample>(&o.what)) {
        const std::size_t rows = pools_.sample(o, *pools, world_.target(o.target),
                                               delta.checkouts_gone, gap_before, pending);
        changes_since_ += rows;
        bytes_since_ += 48 + rows * bytes_a_change;
    } else if (const auto* const settings = std::get_if<SettingsReported>(&o.what)) {
        encode_settings(o, settings->settings, pending);
    } else {
        encode_locks(o, std::get<LocksReported>(o.what), pending);
    }
    bytes_since_ += 16 + texts_.take_bytes();
}

void Encoder::encode_sample(const Observation& o, const ServerSample& sample,
                            const WorldDelta& delta, bool gap_before, Pending& pending)
{
    const TargetState* const target = world_.target(o.target);
    std::vector<Value> values{number_of(o.sequence), to_us(o.time), number_of(o.target),
                              std::int64_t{sample.full}};
    values.reserve(17);
    for (std::size_t i = 0; i < session_state_count; ++i)
        values.push_back(target ? Value{std::int64_t{target->counts.at(i)}} : Value{});
    const bool facts = target && target->facts;
    values.push_back(facts ? optional_value(target->facts->max_connections) : Value{});
    values.push_back(facts ? optional_value(target->facts->reserved) : Value{});
    values.insert(values.end(), {std::int64_t{gap_before}, to_us(sample.clock_offset),
                                 optional_value(sample.next_xid), to_us(sample.poll_cost)});
    pending.plain.push_back({Table::sample, std::move(values)});

    const Timestamp server_now =
        timestamp_from_us(wrapped_sum(to_us(o.time), to_us(sample.clock_offset)));
    std::size_t position = 0;
    for (const Session& session : sample.changed) {
        SessionRow row;
        row.id = row_id(o.sequence.value, position++);
        put_session(row, session, server_now, pending);
        pending.changes.push_back(row);
    }
    for (const SessionKey& key : sample.gone)
        departure(row_id(o.sequence.value, position++), key, false, pending);
    for (const SessionKey& key : delta.gone) {
        if (std::find(sample.gone.begin(), sample.gone.end(), key) == sample.gone.end())
            departure(row_id(o.sequence.value, position++), key, true, pending);
    }
    for (const SessionKey& key : delta.gone)
        forget(key);
    for (const SessionKey& key : sample.gone)
        forget(key);
    changes_since_ += position;
    bytes_since_ += 48 + position * bytes_a_change;
    if (target)
        minutes_.count(o.target, o.time, number_of(o.sequence), target->client_count(), gap_before);
}

/// Of a session that has left, unless it is there again.
void Encoder::forget(const SessionKey& key)
{
    const TargetState* const now = world_.target(key.target);
    if (now && now->find(key))
        return;
    live_.erase(key);
    const auto refs = refs_.find(key.target);
    if (refs != refs_.end() && !(now && now->sessions.contains(key.pid)))
        refs->second.locks.erase(key.pid);
}

void Encoder::put_session(SessionRow& row, const Session& s, Timestamp server_now, Pending& pending)
{
    row.put(SessionRow::session, number(s, pending));
    row.put(SessionRow::state, static_cast<std::int64_t>(s.state));
    if (!s.application.is_null())
        row.put(SessionRow::application, texts_.number(s.application, pending));
    if (!s.statement.is_null())
        row.put(SessionRow::statement, texts_.number(s.statement, pending));
    if (!s.wait_event.is_null())
        row.put(SessionRow::wait_event, texts_.number(s.wait_event, pending));
    if (!s.blocked_by.empty())
        row.put(SessionRow::blocked_by, texts_.number(pid_list(s.blocked_by), pending));
    Timestamp base = server_now;
    if (s.state_since) {
        row.put(SessionRow::state_age, wrapped_difference(to_us(base), to_us(*s.state_since)));
        base = *s.state_since;
    }
    if (s.transaction_since)
        row.put(SessionRow::transaction_lead,
                wrapped_difference(to_us(base), to_us(*s.transaction_since)));
    if (s.statement_since)
        row.put(SessionRow::statement_lead,
                wrapped_difference(to_us(base), to_us(*s.statement_since)));
    if (s.xid)
        row.put(SessionRow::xid, std::int64_t{*s.xid});
    if (s.xmin)
        row.put(SessionRow::xmin, std::int64_t{*s.xmin});
}

void Encoder::departure(std::int64_t id, const SessionKey& key, bool implied, Pending& pending)
{
    const auto known = live_.find(key);
    SessionRow row;
    row.id = id;
    if (known != live_.end()) {
        row.put(SessionRow::session, known->second.id);
    } else {
        SessionIdentity stranger;
        stranger.key = key;
        row.put(SessionRow::session, add_session(stranger, pending).id);
    }
    if (implied)
        row.put(SessionRow::state, SessionRow::implied_departure);
    pending.changes.push_back(row);
}

std::int64_t Encoder::number(const Session& s, Pending& pending)
{
    const auto known = live_.find(s.key);
    if (known != live_.end()) {
        LiveSession& live = known->second;
        const SessionIdentity& i = live.identity;
        if (i.user == s.user && i.database == s.database && i.client == s.client &&
            i.backend_type == s.backend_type && i.own == s.own) {
            if (live.used != texts_.span()) {
                live.used = texts_.span();
                texts_.mark(Table::session, live.id, pending);
                auto number = live.texts.begin();
                for (const Text* const text : {&i.user, &i.database, &i.client, &i.backend_type}) {
                    if (!text->is_null())
                        texts_.keep(*text, *number++, pending);
                }
            }
            return live.id;
        }
    }
    return add_session({s.key, s.user, s.database, s.client, s.backend_type, s.own}, pending).id;
}

Encoder::LiveSession& Encoder::add_session(const SessionIdentity& identity, Pending& pending)
{
    LiveSession& live = live_[identity.key];
    live.id = ++last_session_;
    live.used = texts_.span();
    live.identity = identity;
    live.texts.clear();
    const auto text = [&](const Text& t) {
        if (t.is_null())
            return Value{};
        live.texts.push_back(texts_.number(t, pending));
        return Value{live.texts.back()};
    };
    pending.plain.push_back({Table::session,
                             {live.id, number_of(identity.key.target), identity.key.pid.value,
                              to_us(identity.key.started), text(identity.user),
                              text(identity.database), text(identity.client),
                              text(identity.backend_type), std::int64_t{identity.own}, live.used}});
    bytes_since_ += 48;
    return live;
}

void Encoder::encode_locks(const Observation& o, const LocksReported& report, Pending& pending)
{
    pending.plain.push_back(
        {Table::lock_report,
         {number_of(o.sequence), to_us(o.time), number_of(o.target),
          number_of(report.session.target), report.session.pid.value, to_us(report.session.started),
          static_cast<std::int64_t>(report.locks.size())}});
    std::vector<std::int64_t> texts;
    const auto text = [&](const std::string& t) {
        return texts.emplace_back(texts_.number(t, pending));
    };
    std::size_t position = 0;
    for (const Lock& lock : report.locks) {
        pending.plain.push_back(
            {Table::lock,
             {row_id(o.sequence.value, position++), text(lock.type), text(lock.relation),
              text(lock.mode), std::int64_t{lock.granted}}});
    }
    if (const auto refs = refs_.find(o.target); refs != refs_.end()) {
        const auto kept = refs->second.locks.find(report.session.pid);
        if (kept != refs->second.locks.end() && kept->second.row == number_of(o.sequence))
            kept->second.texts = std::move(texts);
    }
    bytes_since_ += 32 + position * 20;
}

void Encoder::encode_settings(const Observation& o, const ServerSettings& settings,
                              Pending& pending)
{
    pending.plain.push_back(
        {Table::settings,
         {number_of(o.sequence), to_us(o.time), number_of(o.target),
          static_cast<std::int64_t>(settings.all.size()), std::int64_t{settings.complete}}});
    std::size_t position = 0;
    for (const ServerSetting& each : settings.all) {
        pending.plain.push_back(
            {Table::setting,
             {row_id(o.sequence.value, position++), static_cast<std::int64_t>(each.scope),
              each.subject, each.name, each.value, each.unit}});
    }
    bytes_since_ += 32 + position * 40;
}

bool Encoder::keyframe_due(Timestamp time) const
{
    // Instants from outside are anything: as double nothing overflows.
    const double since =
        static_cast<double>(to_us(time)) - static_cast<double>(to_us(*keyframe_time_));
    if (std::abs(since) >= static_cast<double>(options_.keyframe_every.count()))
        return true;
    const std::size_t rows = keyframe_rows(world_);
    // A small ring needs spans that are small against it, to have something to drop.
    if (options_.keep_bytes && bytes_since_ > *options_.keep_bytes / 10 &&
        changes_since_ > 2 * rows)
        return true;
    return changes_since_ >= std::max(fewest_changes, changes_a_row * rows);
}

void Encoder::keyframe(Pending& pending)
{
    minutes_.flush(world_.sequence(), pending);
    const std::uint64_t sequence = world_.sequence().value;
    texts_.begin_span(static_cast<std::int64_t>(sequence));
    keyframe_time_ = anchor_ = world_.now();
    changes_since_ = 0;
    std::size_t sessions = 0;
    std::size_t targets = 0;
    std::size_t settings = 0;
    std::size_t pool_rows = 0;
    PoolEncoder::Positions positions;
    for (const auto& [id, target] : world_.targets()) {
        const Refs& refs = refs_[id];
        pending.plain.push_back(
            {Table::keyframe_target,
             {row_id(sequence, targets++), number_of(id), optional_value(refs.attached),
              optional_value(refs.status), optional_value(refs.facts), to_us(target.clock_offset),
              to_us(target.poll_cost), optional_value(target.next_xid),
              optional_value(target.last_sample), std::int64_t{target.gap_since_sample}}});
        if (refs.settings)
            pending.plain.push_back(
                {Table::keyframe_settings,
                 {row_id(sequence, settings++), number_of(id), *refs.settings}});
        keyframe_sessions(id, target, sessions, pending);
        pool_rows += pools_.keyframe(world_, id, optional_value(refs.agent), positions, pending);
    }
    pending.plain.push_back({Table::keyframe,
                             {number_of(world_.sequence()), to_us(world_.now()), observations_,
                              static_cast<std::int64_t>(sessions)}});
    pending.keyframe = true;
    bytes_since_ = (sessions + pool_rows) * bytes_a_change;
}

void Encoder::keyframe_sessions(TargetId id, const TargetState& target, std::size_t& position,
                                Pending& pending)
{
    const Refs& refs = refs_[id];
    const Timestamp server_now =
        timestamp_from_us(wrapped_sum(to_us(world_.now()), to_us(target.clock_offset)));
    for (const auto& [pid, session] : target.sessions) {
        SessionRow row;
        row.id = row_id(world_.sequence().value, position++);
        put_session(row, session, server_now, pending);
        row.put(SessionRow::target, number_of(id));
        const auto locks = refs.locks.find(pid);
        const auto held = target.locks.find(pid);
        if (held != target.locks.end() && locks != refs.locks.end()) {
            row.put(SessionRow::locks, locks->second.row);
            // A ring keeps that report, so it must keep its texts.
            for (const std::int64_t text : locks->second.texts)
                texts_.mark(Table::text, text, pending);
        }
        pending.keyframe_sessions.push_back(row);
    }
}

} // namespace poolscope::record
