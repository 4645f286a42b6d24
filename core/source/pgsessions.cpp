// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/pgsessions.h"

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

Text name_in(const std::map<std::uint32_t, Text>& names, std::uint32_t oid)
{
    const auto found = names.find(oid);
    return found == names.end() ? Text{} : found->second;
}

bool waits(const Session& session)
{
    return session.state == SessionState::waiting;
}

} // namespace

PgNames::Missing PgNames::missing(const PgPoll& poll) const
{
    std::set<std::int64_t> roles, databases;
    for (const PgRow& row : poll.rows) {
        if (row.user && !roles_.contains(row.user))
            roles.insert(row.user);
        if (row.database && !databases_.contains(row.database))
            databases.insert(row.database);
    }
    return {{roles.begin(), roles.end()}, {databases.begin(), databases.end()}};
}

void PgNames::learn(const Missing& asked, const pg_result* answer, TextPool& texts)
{
    for (const std::int64_t oid : asked.roles)
        roles_.try_emplace(static_cast<std::uint32_t>(oid));
    for (const std::int64_t oid : asked.databases)
        databases_.try_emplace(static_cast<std::uint32_t>(oid));
    if (!answer)
        return;
    const PgRows r{answer};
    const int kind = r.column("kind"), oid = r.column("oid"), name = r.column("name");
    for (int row = 0; row < r.count(); ++row) {
        const Text text = texts.intern(plain_line(r.text(row, name).value_or(""), 256));
        (r.text(row, kind) == "r" ? roles_ : databases_)[r.oid(row, oid).value_or(0)] = text;
    }
}

void PgNames::fill(PgPoll& poll) const
{
    for (PgRow& row : poll.rows) {
        row.session.user = name_in(roles_, row.user);
        row.session.database = name_in(databases_, row.database);
    }
}

void PgNames::clear()
{
    roles_.clear();
    databases_.clear();
}

void PgSessions::clear()
{
    known_.clear();
    textless_.clear();
    unseen_.clear();
    ignored_.clear();
    clock_ = {};
    backends_ = 0;
}

const Session* PgSessions::find(const SessionKey& key) const
{
    const auto found = known_.find(static_cast<std::int32_t>(key.pid.value));
    return found != known_.end() && found->second.key == key ? &found->second : nullptr;
}

int PgSessions::waiters() const
{
    return static_cast<int>(std::count_if(known_.begin(), known_.end(),
                                          [](const auto& entry) { return waits(entry.second); }));
}

/// A steady poll would list it.
bool PgSessions::picked(const Session& session) const
{
    return session.state != SessionState::idle || session.transaction_since ||
           (session.statement_since && *session.statement_since > since());
}

bool PgSessions::crowded() const
{
    const auto count = std::count_if(known_.begin(), known_.end(),
                                     [this](const auto& entry) { return picked(entry.second); });
    return static_cast<std::size_t>(count) * 8 > backends_;
}

std::vector<std::int64_t> PgSessions::wanted(bool whole) const
{
    std::vector<std::int64_t> pids{unseen_.begin(), unseen_.end()};
    for (const auto& [pid, session] : known_) {
        // Idle ones come by themselves when they begin something, those in a transaction always.
        const bool comes = whole || session.own || session.state == SessionState::idle ||
                           session.state == SessionState::idle_in_transaction ||
                           session.state == SessionState::idle_in_transaction_aborted ||
                           (session.statement_since && *session.statement_since > since());
        if (!comes || textless_.contains(pid))
            pids.push_back(pid);
    }
    return pids;
}

std::vector<std::int64_t> PgSessions::textless() const
{
    return {textless_.begin(), textless_.end()};
}

void PgSessions::absorb_row(const PgRow& row, ServerSample& sample)
{
    const auto pid = static_cast<std::int32_t>(row.session.key.pid.value);
    const auto found = known_.find(pid);
    const bool same = found != known_.end() && found->second.key == row.session.key;
    if (found != known_.end() && !same)
        sample.gone.push_back(found->second.key);
    Session next = row.session;
    textless_.erase(pid);
    if (!row.text_sent) {
        if (same && found->second.statement_since == next.statement_since)
            next.statement = found->second.statement;
        if (next.statement.is_null())
            textless_.insert(pid);
    }
    // Blockers are not asked for every time where many wait: the last ones known stand meanwhile.
    if (!row.blockers_sent && same && waits(next) && waits(found->second) &&
        found->second.statement_since == next.statement_since)
        next.blocked_by = found->second.blocked_by;
    if (same && found->second == next)
        return;
    sample.changed.push_back(next);
    known_.insert_or_assign(pid, std::move(next));
}

void PgSessions::leave_out(const PgPoll& poll, ServerSample& sample)
{
    const auto in = [](const std::vector<std::int32_t>& pids, std::int32_t pid) {
        return std::binary_search(pids.begin(), pids.end(), pid);
    };
    for (auto it = known_.begin(); it != known_.end();) {
        if (in(poll.pids, it->first) && !in(poll.others, it->first)) {
            ++it;
            continue;
        }
        sample.gone.push_back(it->second.key);
        textless_.erase(it->first);
        it = known_.erase(it);
    }
}

ServerSample PgSessions::absorb(const PgPoll& poll, bool full)
{
    ServerSample sample;
    sample.full = full;
    sample.next_xid = poll.next_xid;
    const bool first = backends_ == 0; // which lists every backend
    leave_out(poll, sample);
    backends_ = poll.pids.size();
    for (const PgRow& row : poll.rows)
        absorb_row(row, sample);

    // A pid that was asked for and not listed is none of ours. One that nobody has asked for yet
    // may be a session whose login took longer than the overlap.
    std::set<std::int32_t> unseen, ignored;
    for (const std::int32_t pid : poll.pids) {
        if (known_.contains(pid))
            continue;
        if (first || unseen_.contains(pid) || ignored_.contains(pid))
            ignored.insert(pid);
        else
            unseen.insert(pid);
    }
    unseen_ = std::move(unseen);
    ignored_ = std::move(ignored);
    clock_ = poll.clock.value_or(clock_);

    if (full) {
        sample.gone.clear();
        sample.changed.clear();
        for (const auto& [pid, session] : known_)
            sample.changed.push_back(session);
    }
    std::sort(sample.gone.begin(), sample.gone.end());
    return sample;
}

} // namespace poolscope
