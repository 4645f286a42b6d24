// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/keyframes.h"

#include "core/base/bounds.h"
#include "core/record/observations.h"
#include "core/record/poolobservations.h"
#include "core/record/schema.h"

#include <fmt/format.h>

#include <map>

namespace poolscope::record {

namespace {

/// What the keyframe says of one target.
struct TargetRow
{
    TargetId id;
    std::optional<std::int64_t> attached, status, facts;
    ServerSample sample; ///< a full one, with all sessions
    std::optional<Timestamp> last_sample;
    bool gap = false;
    std::vector<std::pair<SessionKey, std::int64_t>> locks;
};

/// Folds the parts of a keyframe into a world as if they had just been observed, so that there is
/// one place that knows what follows from a sample.
class Assembly
{
public:
    Assembly(SQLite::Database& database, Lookup& lookup, PoolLookup* pools, std::int64_t sequence)
        : database_(database)
        , lookup_(lookup)
        , pools_(pools)
        , sequence_(sequence)
    {}

    World run()
    {
        Query frame{database_, "SELECT time FROM keyframe WHERE sequence = ?"};
        frame.bind(1, sequence_);
        if (!frame.step())
            throw Damaged(fmt::format("keyframe {} is missing", sequence_));
        time_ = bounded_instant(Row{frame}.integer(0));
        read_targets();
        read_sessions();
        for (auto& [number, target] : targets_)
            fold_target(target);
        fold_settings();
        fold_actions();
        fold_notes();
        fold_thresholds();
        if (pools_ && pools_->version() >= 4) {
            fold_all("SELECT * FROM alert_rules WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1",
                     [](const Row& row) -> Fact { return AlertRulesChanged{row.text(3)}; });
            fold_all("SELECT * FROM alert_answer WHERE sequence <= ? ORDER BY sequence",
                     [](const Row& row) -> Fact { return read_alert_answer(row); });
        }
        world_.restore(SequenceNumber{static_cast<std::uint64_t>(sequence_)}, time_,
                       with_pools(world_.targets()), world_.actions(), world_.notes(),
                       world_.chosen_thresholds(), world_.alert_rules(), world_.alert_answers());
        return std::move(world_);
    }

private:
    void read_targets()
    {
        Query query{database_, "SELECT * FROM keyframe_target WHERE id BETWEEN ? AND ?"
                               " ORDER BY id"};
        bind_range(query);
        while (query.step()) {
            const Row row{query};
            TargetRow target;
            target.id = target_id(row.integer(1));
            target.attached = row.optional_integer(2);
            target.status = row.optional_integer(3);
            target.facts = row.optional_integer(4);
            target.sample.full = true;
            target.sample.clock_offset = bounded_duration(row.integer(5));
            target.sample.poll_cost = bounded_duration(row.integer(6));
            if (const auto next_xid = row.optional_integer(7))
                target.sample.next_xid = static_cast<std::uint64_t>(*next_xid);
            if (const auto last = row.optional_integer(8))
                target.last_sample = bounded_instant(*last);
            target.gap = row.boolean(9);
            targets_.emplace(row.integer(1), std::move(target));
        }
    }

    void read_sessions()
    {
        Query query{database_, "SELECT * FROM keyframe_session WHERE id BETWEEN ? AND ?"
                               " ORDER BY id"};
        bind_range(query);
        while (query.step()) {
            const Row row{query};
            const auto found = targets_.find(row.integer(12));
            if (found == targets_.end())
                throw Damaged("a session stands in no target");
            TargetRow& target = found->second;
            const Timestamp server_now =
                bounded_instant(wrapped_sum(to_us(time_), to_us(target.sample.clock_offset)));
            target.sample.changed.push_back(lookup_.whole_session(row, server_now));
            if (const auto locks = row.optional_integer(13))
                target.locks.emplace_back(target.sample.changed.back().key, *locks);
        }
    }

    void fold_target(TargetRow& target)
    {
        fold_one("target", target.attached, target.id,
                 [](const Row& row) -> Fact { return TargetAttached{read_target(row)}; });
        fold_one("status", target.status, target.id,
                 [](const Row& row) -> Fact { return StatusChanged{read_status(row)}; });
        fold_one("facts", target.facts, target.id,
                 [](const Row& row) -> Fact { return FactsReported{read_facts(row)}; });
        if (target.last_sample)
            world_.apply(
                {SequenceNumber{}, *target.last_sample, target.id, std::move(target.sample)});
        for (const auto& [session, report] : target.locks) {
            if (report < 0)
                throw Damaged("a session refers to no report of locks");
            world_.apply({SequenceNumber{}, time_, target.id,
                          LocksReported{session, read_locks(database_, lookup_,
                                                            static_cast<std::uint64_t>(report))}});
        }
        if (target.gap)
            world_.apply({SequenceNumber{}, time_, target.id, Gap{}});
    }

    template <class Read>
    void fold_one(const char* table, std::optional<std::int64_t> sequence, TargetId target,
                  const Read& read)
    {
        if (!sequence)
            return;
        Query query{database_, fmt::format("SELECT * FROM {} WHERE sequence = ?", table)};
        query.bind(1, *sequence);
        if (!query.step())
            throw Damaged(fmt::format("a keyframe refers to a {} that is missing", table));
        world_.apply({SequenceNumber{}, time_, target, read(Row{query})});
    }

    template <class Read>
    void fold_all(const char* sql, const Read& read)
    {
        Query query{database_, sql};
        query.bind(1, sequence_);
        while (query.step()) {
            const Row row{query};
            world_.apply({SequenceNumber{}, bounded_instant(row.integer(1)),
                          target_id(row.integer(2)), read(row)});
        }
    }

    void fold_notes()
    {
        const bool may_be_about_another_time = pools_ && pools_->version() >= 5;
        fold_all(may_be_about_another_time
                     ? "SELECT *, NULL FROM note WHERE sequence <= ?1 UNION ALL"
                       " SELECT * FROM note_about WHERE sequence <= ?1 ORDER BY sequence"
                     : "SELECT *, NULL FROM note WHERE sequence <= ?1 ORDER BY sequence",
                 [](const Row& row) -> Fact {
                     Note note{row.text(3), {}};
                     if (const auto about = row.optional_integer(4))
                         note.about = bounded_instant(*about);
                     return note;
                 });
    }

    void fold_settings()
    {
        if (!pools_ || pools_->version() < 4)
            return;
        Query query{database_, "SELECT * FROM keyframe_settings WHERE id BETWEEN ? AND ?"
                               " ORDER BY id"};
        bind_range(query);
        while (query.step()) {
            const Row row{query};
            fold_one("settings", row.integer(2), target_id(row.integer(1)),
                     [&](const Row& report) -> Fact {
                         return SettingsReported{read_settings(database_, report)};
                     });
        }
    }

    /// Both kinds, as they came.
    void fold_actions()
    {
        std::map<std::int64_t, Observation> actions;
        const auto collect = [&](const char* table, ActionReported (*read)(const Row&)) {
            Query query{database_, fmt::format("SELECT * FROM \"{}\" WHERE sequence <= ?", table)};
            query.bind(1, sequence_);
            while (query.step()) {
                const Row row{query};
                actions.insert_or_assign(
                    row.integer(0), Observation{SequenceNumber{}, bounded_instant(row.integer(1)),
                                                target_id(row.integer(2)), read(row)});
            }
        };
        collect("action", read_action);
        if (pools_)
            collect("reclaim", read_reclaim);
        for (const auto& [sequence, observation] : actions)
            world_.apply(observation);
    }

    /// Both tables, in the order of their rows: a choice may be taken back and made again.
    void fold_thresholds()
    {
        std::map<std::int64_t, Observation> choices;
        const auto collect = [&](const char* table, const auto& read) {
            Query query{database_, fmt::format("SELECT * FROM {} WHERE sequence <= ?", table)};
            query.bind(1, sequence_);
            while (query.step()) {
                const Row row{query};
                choices.insert_or_assign(
                    row.integer(0), Observation{SequenceNumber{}, bounded_instant(row.integer(1)),
                                                target_id(row.integer(2)), Fact{read(row)}});
            }
        };
        const std::int64_t version = pools_ ? pools_->version() : 1;
        collect("threshold", [&](const Row& row) { return read_threshold(row, version); });
        if (version >= 3)
            collect("threshold_choice", read_threshold_choice);
        for (const auto& [sequence, observation] : choices)
            world_.apply(observation);
    }

    std::map<TargetId, TargetState> with_pools(std::map<TargetId, TargetState> states)
    {
        if (!pools_)
            return states;
        const auto process_now = [&](std::int64_t number) {
            const auto found = states.find(target_id(number));
            const Duration offset = found == states.end() ? Duration{} : found->second.clock_offset;
            return bounded_instant(wrapped_sum(to_us(time_), to_us(offset)));
        };
        for (auto& [number, process] : read_processes(database_, *pools_, sequence_, process_now)) {
            const auto state = states.find(target_id(number));
            if (state == states.end())
                throw Damaged("a process is no target");
            if (process.agent) {
                Query query{database_, "SELECT * FROM agent WHERE sequence = ?"};
                query.bind(1, *process.agent);
                if (!query.step())
                    throw Damaged("a keyframe refers to an agent that is missing");
                process.pools.agent = read_agent(Row{query});
            }
            state->second.pools = std::move(process.pools);
        }
        return states;
    }

    void bind_range(Query& query) const
    {
        const std::int64_t first = schema::row_id(static_cast<std::uint64_t>(sequence_), 0);
        query.bind(1, first);
        query.bind(2, first | schema::position_mask);
    }

    SQLite::Database& database_;
    Lookup& lookup_;
    PoolLookup* pools_;
    std::int64_t sequence_;
    Timestamp time_;
    std::map<std::int64_t, TargetRow> targets_;
    World world_;
};

} // namespace

World read_keyframe(SQLite::Database& database, Lookup& lookup, PoolLookup* pools,
                    std::int64_t sequence)
{
    return Assembly{database, lookup, pools, sequence}.run();
}

SequenceRange sequence_range(SQLite::Database& database, Timestamp from, Timestamp to)
{
    SequenceRange range;
    Query first{database, "SELECT max(sequence) FROM keyframe WHERE sequence <"
                          " coalesce((SELECT min(sequence) FROM keyframe WHERE time > ?), 1 << 62)"
                          " AND time <= ?"};
    first.bind(1, to_us(from));
    first.bind(2, to_us(from));
    if (first.step())
        range.first = Row{first}.optional_integer(0).value_or(0);
    Query last{database, "SELECT min(sequence) FROM keyframe WHERE sequence >"
                         " coalesce((SELECT max(sequence) FROM keyframe WHERE time <= ?), 0)"};
    last.bind(1, to_us(to));
    range.last = static_cast<std::int64_t>(schema::last_sequence);
    if (last.step())
        range.last = Row{last}.optional_integer(0).value_or(range.last);
    return range;
}

} // namespace poolscope::record
