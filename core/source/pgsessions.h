// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/pgrows.h"

#include <map>
#include <set>

namespace poolscope {

/// Names of roles and databases by oid, looked up once.
class PgNames
{
public:
    /// Those of a poll that are not known yet; asked for once.
    struct Missing
    {
        std::vector<std::int64_t> roles;
        std::vector<std::int64_t> databases;
        bool none() const { return roles.empty() && databases.empty(); }
    };
    Missing missing(const PgPoll& poll) const;
    /// What the server answered; those that it does not know are remembered as nameless.
    void learn(const Missing& asked, const pg_result* answer, TextPool& texts);
    void fill(PgPoll& poll) const;
    void clear();

private:
    std::map<std::uint32_t, Text> roles_;
    std::map<std::uint32_t, Text> databases_;
};

/// The sessions of one target as last seen. Turns polls into samples that hold only what changed,
/// and knows what the next poll has to ask for.
class PgSessions
{
public:
    explicit PgSessions(TargetId target)
        : target_(target)
    {}

    void clear();
    /// `full`: the poll read every session, and the sample lists them all.
    ServerSample absorb(const PgPoll& poll, bool full);

    const std::map<std::int32_t, Session>& sessions() const { return known_; }
    const Session* find(const SessionKey& key) const;
    int waiters() const;
    /// So many sessions do something that reading all of them costs the server less than picking
    /// them. An eighth: measured with 100 and 500 sessions, a tenth to a quarter of them not idle.
    bool crowded() const;

    /// Parameters of the next poll. A second's overlap: a session's own stamp may be a
    /// little older than the moment from which it can be seen.
    Timestamp since() const { return clock_ - std::chrono::seconds{1}; }
    /// Sessions that must be listed though nothing that the statement looks at says so. `whole`: of
    /// a full poll, which sees the state; the server compares each pid with each backend.
    std::vector<std::int64_t> wanted(bool whole) const;
    /// Sessions whose statement's text is not known.
    std::vector<std::int64_t> textless() const;

private:
    bool picked(const Session& session) const;
    void absorb_row(const PgRow& row, ServerSample& sample);
    void leave_out(const PgPoll& poll, ServerSample& sample);

    TargetId target_;
    std::map<std::int32_t, Session> known_;
    std::set<std::int32_t> textless_;
    std::set<std::int32_t> unseen_;  ///< new pids, to be asked for
    std::set<std::int32_t> ignored_; ///< pids of the server's own housekeeping
    Timestamp clock_;                ///< server's, of the last poll
    std::size_t backends_ = 0;
};

} // namespace poolscope
