// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/factrows.h"

namespace poolscope::record {

namespace {

using schema::Table;

/// Gives the table and the columns after sequence, time and target.
class FactRow
{
public:
    FactRow(const Observation& observation, Timestamp anchor, PlainRow& row)
        : observation_(observation)
        , anchor_(anchor)
        , row_(row)
    {}

    bool operator()(const TargetAttached& what)
    {
        const TargetInfo& t = what.info;
        return put(Table::target, {number_of(t.id), t.kind, t.name, t.url});
    }
    bool operator()(const StatusChanged& what)
    {
        const TargetStatus& s = what.status;
        return put(Table::status, {static_cast<std::int64_t>(s.reach), s.sentence, s.next_step,
                                   optional_value(s.next_try)});
    }
    bool operator()(const FactsReported& what)
    {
        const ServerFacts& f = what.facts;
        return put(Table::facts,
                   {f.version, std::int64_t{f.version_number}, optional_value(f.max_connections),
                    optional_value(f.reserved), f.role, std::int64_t{f.superuser},
                    std::int64_t{f.in_recovery}, std::int64_t{f.sees_all},
                    std::int64_t{f.can_signal}, f.missing_grant, std::int64_t{f.tls},
                    optional_value(f.server_started)});
    }
    bool operator()(const ServerSample&) { return false; }
    bool operator()(const LocksReported&) { return false; }
    bool operator()(const AgentReported& what)
    {
        const AgentFacts& f = what.facts;
        return put(Table::agent, {std::int64_t{f.protocol}, f.agent, f.process, f.host, f.pid,
                                  word_list(f.can), std::int64_t{f.may_reclaim}});
    }
    bool operator()(const PoolSample&) { return false; }
    bool operator()(const SettingsReported&) { return false; }
    bool operator()(const Gap& what) { return put(Table::gap, {what.reason}); }
    bool operator()(const ActionReported& what)
    {
        if (what.verb == ActionVerb::reclaim)
            return put(Table::reclaim, {static_cast<std::int64_t>(what.action.value),
                                        number_of(what.checkout.target), what.checkout.id,
                                        static_cast<std::int64_t>(what.phase), what.sentence});
        return put(Table::action,
                   {static_cast<std::int64_t>(what.action.value),
                    static_cast<std::int64_t>(what.verb), number_of(what.session.target),
                    what.session.pid.value, to_us(what.session.started),
                    static_cast<std::int64_t>(what.phase), what.sentence});
    }
    bool operator()(const Note& what)
    {
        if (what.about)
            return put(Table::note_about, {what.text, to_us(*what.about)});
        return put(Table::note, {what.text});
    }
    bool operator()(const ThresholdsChanged& what)
    {
        const auto us = [&](Duration of) {
            return what.revoked ? Value{} : Value{to_us(of)};
        };
        const Value alert = us(what.thresholds.alert);
        const Value critical = us(what.thresholds.critical);
        if (what.pool.is_null() && !what.revoked)
            return put(Table::threshold, {alert, critical});
        return put(Table::threshold_choice, {what.pool, alert, critical});
    }
    bool operator()(const AlertRulesChanged& what) { return put(Table::alert_rules, {what.rules}); }
    bool operator()(const AlertAnswered& what)
    {
        return put(
            Table::alert_answer,
            {what.pool, what.rule, static_cast<std::int64_t>(what.answer), to_us(what.until)});
    }
    /// The many: two numbers, most of them small.
    bool operator()(const Tick&)
    {
        const TargetId target = observation_.target;
        row_.table = Table::tick;
        row_.values = {number_of(observation_.sequence),
                       wrapped_difference(to_us(observation_.time), to_us(anchor_)),
                       target == TargetId{0} ? Value{} : Value{number_of(target)}};
        return true;
    }

private:
    bool put(Table table, std::initializer_list<Value> rest)
    {
        row_.table = table;
        row_.values.reserve(rest.size() + 3);
        row_.values.assign({number_of(observation_.sequence), to_us(observation_.time),
                            number_of(observation_.target)});
        row_.values.insert(row_.values.end(), rest);
        return true;
    }

    const Observation& observation_;
    Timestamp anchor_;
    PlainRow& row_;
};

} // namespace

std::optional<PlainRow> fact_row(const Observation& observation, Timestamp anchor)
{
    PlainRow row{};
    if (!std::visit(FactRow{observation, anchor, row}, observation.what))
        return std::nullopt;
    return row;
}

} // namespace poolscope::record
