// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/encoder.h"

#include "core/record/redact.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace poolscope::record {

namespace {

using schema::row_id;
using schema::Table;

constexpr std::size_t most_recent_texts = 65536;
constexpr std::size_t most_recent_bytes = std::size_t{16} << 20;
constexpr std::size_t most_redactions = 16384;
/// A keyframe is due when the changes since the last one are this many times the sessions …
constexpr std::size_t changes_a_session = 14;
/// … but not before there are this many: a few sessions are cheap to replay.
constexpr std::size_t fewest_changes = 4000;
constexpr std::size_t bytes_a_change = 60;
constexpr std::int64_t minute_us = 60'000'000;

std::int64_t sequence_in(const Observation& o)
{
    return static_cast<std::int64_t>(o.sequence.value);
}

template <class T>
Value optional_value(const std::optional<T>& value)
{
    return value ? Value{static_cast<std::int64_t>(*value)} : Value{};
}

Value optional_value(const std::optional<Timestamp>& value)
{
    return value ? Value{to_us(*value)} : Value{};
}

std::int64_t number_of(TargetId id)
{
    return static_cast<std::int64_t>(id.value);
}

template <class... Cases>
struct Overloaded : Cases...
{
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

} // namespace

TextNumbers::Entry& TextNumbers::insert(const Text& text, Entry entry)
{
    if (recent_.size() >= most_recent_texts || bytes_ >= most_recent_bytes) {
        older_ = std::exchange(recent_, {});
        bytes_ = 0;
    }
    bytes_ += text.str().size();
    return recent_.emplace(Key{text}, entry).first->second;
}

TextNumbers::Entry& TextNumbers::number(const Text& text, bool& added)
{
    added = false;
    const Key key{text};
    if (const auto found = recent_.find(key); found != recent_.end())
        return found->second;
    if (const auto found = older_.find(key); found != older_.end())
        return insert(text, found->second);
    added = true;
    return insert(text, Entry{++last_, 0});
}

void TextNumbers::forget_before(std::int64_t keyframe)
{
    const auto old = [&](const auto& entry) {
        return entry.second.used < keyframe;
    };
    std::erase_if(recent_, old);
    std::erase_if(older_, old);
}

Encoder::Encoder(const WriterOptions& options)
    : options_(options)
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
    const auto* const report = std::get_if<LocksReported>(&o.what);
    if (report && report->locks.size() >= schema::position_mask)
        return Error{"A report names more than a million locks; it was not recorded.", {}};
    return std::nullopt;
}

void Encoder::append(const Observation& original, Pending& pending)
{
    std::optional<Observation> changed;
    if (options_.redact && std::holds_alternative<ServerSample>(original.what))
        changed = redacted(original);
    const Observation& o = changed ? *changed : original;

    const TargetState* const before = world_.target(o.target);
    const bool gap_before = before && before->gap_since_sample;
    if (!started_)
        anchor_ = started_ = o.time;
    if (minute_ && *minute_ != to_us(o.time) / minute_us)
        flush_minute(pending);

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
    flush_minute(pending);
}

Observation Encoder::redacted(const Observation& original)
{
    Observation copy = original;
    if (redactions_.size() > most_redactions)
        redactions_.clear();
    for (Session& session : std::get<ServerSample>(copy.what).changed) {
        if (session.statement.is_null())
            continue;
        // The original is kept beside its redaction, so that its address stays its own.
        auto& [kept, redaction] = redactions_[session.statement.identity()];
        if (redaction.is_null()) {
            kept = session.statement;
            redaction = Text{redact_statement(kept.str())};
        }
        session.statement = redaction;
    }
    return copy;
}

/// Which rows a keyframe refers to, instead of repeating them.
void Encoder::note_refs(const Observation& o)
{
    if (!world_.target(o.target))
        return;
    Refs& refs = refs_[o.target];
    const std::int64_t here = sequence_in(o);
    if (std::holds_alternative<TargetAttached>(o.what))
        refs.attached = here;
    else if (std::holds_alternative<StatusChanged>(o.what))
        refs.status = here;
    else if (std::holds_alternative<FactsReported>(o.what))
        refs.facts = here;
    else if (const auto* const report = std::get_if<LocksReported>(&o.what);
             report && world_.target(o.target)->find(report->session))
        refs.locks[report->session.pid] = here;
}

void Encoder::encode(const Observation& o, const WorldDelta& delta, bool gap_before,
                     Pending& pending)
{
    const std::int64_t time = to_us(o.time);
    const std::int64_t target = number_of(o.target);
    const auto put = [&](Table table, std::vector<Value> rest) {
        std::vector<Value> values{sequence_in(o), time, target};
        values.reserve(values.size() + rest.size());
        std::move(rest.begin(), rest.end(), std::back_inserter(values));
        pending.plain.push_back({table, std::move(values)});
    };
    std::visit(
        Overloaded{
            [&](const TargetAttached& what) {
                put(Table::target,
                    {number_of(what.info.id), what.info.kind, what.info.name, what.info.url});
            },
            [&](const StatusChanged& what) {
                const TargetStatus& s = what.status;
                put(Table::status, {static_cast<std::int64_t>(s.reach), s.sentence, s.next_step,
                                    optional_value(s.next_try)});
            },
            [&](const FactsReported& what) {
                const ServerFacts& f = what.facts;
                put(Table::facts,
                    {f.version, std::int64_t{f.version_number}, optional_value(f.max_connections),
                     optional_value(f.reserved), f.role, std::int64_t{f.superuser},
                     std::int64_t{f.in_recovery}, std::int64_t{f.sees_all},
                     std::int64_t{f.can_signal}, f.missing_grant, std::int64_t{f.tls},
                     optional_value(f.server_started)});
            },
            [&](const ServerSample& what) {
                encode_sample(o, what, delta, gap_before, pending);
                anchor_ = o.time;
            },
            [&](const LocksReported& what) { encode_locks(o, what, pending); },
            [&](const Gap& what) { put(Table::gap, {what.reason}); },
            [&](const ActionReported& what) {
                put(Table::action,
                    {static_cast<std::int64_t>(what.action.value),
                     static_cast<std::int64_t>(what.verb), number_of(what.session.target),
                     what.session.pid.value, to_us(what.session.started),
                     static_cast<std::int64_t>(what.phase), what.sentence});
            },
            [&](const Note& what) { put(Table::note, {what.text}); },
            [&](const ThresholdsChanged& what) {
                put(Table::threshold,
                    {to_us(what.thresholds.alert), to_us(what.thresholds.critical)});
            },
            [&](const Tick&) {
                pending.plain.push_back({Table::tick,
                                         {sequence_in(o), wrapped_difference(time, to_us(*anchor_)),
                                          o.target == TargetId{0} ? Value{} : Value{target}}});
            },
        },
        o.what);
    bytes_since_ += 16;
}

void Encoder::encode_sample(const Observation& o, const ServerSample& sample,
                            const WorldDelta& delta, bool gap_before, Pending& pending)
{
    const TargetState* const target = world_.target(o.target);
    std::vector<Value> values{sequence_in(o), to_us(o.time), number_of(o.target),
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
    const auto forget = [&](const SessionKey& key) {
        const TargetState* const now = world_.target(key.target);
        if (now && now->find(key))
            return;
        live_.erase(key);
        const auto refs = refs_.find(key.target);
        if (refs != refs_.end() && !(now && now->sessions.contains(key.pid)))
            refs->second.locks.erase(key.pid);
    };
    std::for_each(delta.gone.begin(), delta.gone.end(), forget);
    std::for_each(sample.gone.begin(), sample.gone.end(), forget);
    changes_since_ += position;
    bytes_since_ += 48 + position * bytes_a_change;
    count_minute(o, gap_before, pending);
}

void Encoder::put_session(SessionRow& row, const Session& s, Timestamp server_now, Pending& pending)
{
    row.put(SessionRow::session, number(s, pending));
    row.put(SessionRow::state, static_cast<std::int64_t>(s.state));
    if (!s.application.is_null())
        row.put(SessionRow::application, number(s.application, pending));
    if (!s.statement.is_null())
        row.put(SessionRow::statement, number(s.statement, pending));
    if (!s.wait_event.is_null())
        row.put(SessionRow::wait_event, number(s.wait_event, pending));
    if (!s.blocked_by.empty())
        row.put(SessionRow::blocked_by, number(pid_list(s.blocked_by), pending));
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

std::int64_t Encoder::number(const Text& text, Pending& pending)
{
    bool added = false;
    TextNumbers::Entry& entry = texts_.number(text, added);
    if (added) {
        pending.plain.push_back({Table::text, {entry.id, span_, text}});
        entry.used = span_;
        bytes_since_ += text.str().size() + 8;
    } else if (entry.used != span_) {
        entry.used = span_;
        if (options_.keep_for || options_.keep_bytes)
            pending.used.push_back({Table::text, entry.id, span_});
    }
    return entry.id;
}

std::int64_t Encoder::number(const std::string& text, Pending& pending)
{
    return number(Text{text}, pending);
}

std::int64_t Encoder::number(const Session& s, Pending& pending)
{
    const auto known = live_.find(s.key);
    if (known != live_.end()) {
        LiveSession& live = known->second;
        const SessionIdentity& i = live.identity;
        if (i.user == s.user && i.database == s.database && i.client == s.client &&
            i.backend_type == s.backend_type && i.own == s.own) {
            if (live.used != span_) {
                live.used = span_;
                if (options_.keep_for || options_.keep_bytes)
                    pending.used.push_back({Table::session, live.id, span_});
                for (const Text* const text : {&i.user, &i.database, &i.client, &i.backend_type}) {
                    if (!text->is_null())
                        number(*text, pending);
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
    live.used = span_;
    live.identity = identity;
    const auto text = [&](const Text& t) {
        return t.is_null() ? Value{} : Value{number(t, pending)};
    };
    pending.plain.push_back(
        {Table::session,
         {live.id, number_of(identity.key.target), identity.key.pid.value,
          to_us(identity.key.started), text(identity.user), text(identity.database),
          text(identity.client), text(identity.backend_type), std::int64_t{identity.own}, span_}});
    bytes_since_ += 48;
    return live;
}

void Encoder::encode_locks(const Observation& o, const LocksReported& report, Pending& pending)
{
    pending.plain.push_back(
        {Table::lock_report,
         {sequence_in(o), to_us(o.time), number_of(o.target), number_of(report.session.target),
          report.session.pid.value, to_us(report.session.started),
          static_cast<std::int64_t>(report.locks.size())}});
    std::size_t position = 0;
    for (const Lock& lock : report.locks) {
        pending.plain.push_back({Table::lock,
                                 {row_id(o.sequence.value, position++), number(lock.type, pending),
                                  number(lock.relation, pending), number(lock.mode, pending),
                                  std::int64_t{lock.granted}}});
    }
    bytes_since_ += 32 + position * 20;
}

void Encoder::count_minute(const Observation& o, bool gap_before, Pending& pending)
{
    const TargetState* const target = world_.target(o.target);
    if (!target)
        return;
    const std::int64_t minute = to_us(o.time) / minute_us;
    if (minute_ != minute)
        flush_minute(pending);
    minute_ = minute;
    Minute& m = minutes_[o.target];
    m.gap = m.gap || gap_before;
    if (target->client_count() > m.clients) {
        m.clients = target->client_count();
        m.peak = sequence_in(o);
    }
}

void Encoder::flush_minute(Pending& pending)
{
    std::size_t position = 0;
    for (const auto& [target, m] : minutes_) {
        pending.plain.push_back({Table::minute,
                                 {row_id(world_.sequence().value, position++), number_of(target),
                                  m.peak, std::int64_t{m.gap}}});
    }
    minutes_.clear();
    minute_.reset();
}

bool Encoder::keyframe_due(Timestamp time) const
{
    const Duration since = time - *keyframe_time_;
    if (since >= options_.keyframe_every || -since >= options_.keyframe_every)
        return true;
    std::size_t sessions = 0;
    for (const auto& [id, target] : world_.targets())
        sessions += target.sessions.size();
    // A small ring needs spans that are small against it, to have something to drop.
    if (options_.keep_bytes && bytes_since_ > *options_.keep_bytes / 10 &&
        changes_since_ > 2 * sessions)
        return true;
    return changes_since_ >= std::max(fewest_changes, changes_a_session * sessions);
}

void Encoder::keyframe(Pending& pending)
{
    flush_minute(pending);
    const std::uint64_t sequence = world_.sequence().value;
    span_ = static_cast<std::int64_t>(sequence);
    keyframe_time_ = anchor_ = world_.now();
    changes_since_ = 0;
    std::size_t position = 0;
    std::size_t targets = 0;
    for (const auto& [id, target] : world_.targets()) {
        const Refs& refs = refs_[id];
        pending.plain.push_back(
            {Table::keyframe_target,
             {row_id(sequence, targets++), number_of(id), optional_value(refs.attached),
              optional_value(refs.status), optional_value(refs.facts), to_us(target.clock_offset),
              to_us(target.poll_cost), optional_value(target.next_xid),
              optional_value(target.last_sample), std::int64_t{target.gap_since_sample}}});
        const Timestamp server_now =
            timestamp_from_us(wrapped_sum(to_us(world_.now()), to_us(target.clock_offset)));
        for (const auto& [pid, session] : target.sessions) {
            SessionRow row;
            row.id = row_id(sequence, position++);
            put_session(row, session, server_now, pending);
            row.put(SessionRow::target, number_of(id));
            const auto locks = refs.locks.find(pid);
            const auto held = target.locks.find(pid);
            if (held != target.locks.end() && locks != refs.locks.end()) {
                row.put(SessionRow::locks, locks->second);
                // A ring keeps that report, so it must keep its texts.
                for (const Lock& lock : held->second) {
                    for (const std::string* const text : {&lock.type, &lock.relation, &lock.mode})
                        number(*text, pending);
                }
            }
            pending.keyframe_sessions.push_back(row);
        }
    }
    pending.plain.push_back(
        {Table::keyframe,
         {span_, to_us(world_.now()), observations_, static_cast<std::int64_t>(position)}});
    pending.keyframe = true;
    bytes_since_ = position * bytes_a_change;
}

} // namespace poolscope::record
