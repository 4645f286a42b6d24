// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/mysqlrows.h"

#include <map>
#include <string>
#include <vector>

namespace poolscope {

/// The sessions of one MySQL or MariaDB server as last seen. Turns polls, each of which lists them
/// all, into samples that hold only what changed.
class MySqlSessions
{
public:
    explicit MySqlSessions(TargetId target)
        : target_(target)
    {}

    void clear();

    /// Clients of a poll of whom nothing has been looked up yet.
    std::vector<std::int64_t> strangers(const MySqlPoll& poll) const;
    /// What the server answered about them: id, name, value; null where it did not. They are not
    /// asked for again.
    void learn(const std::vector<std::int64_t>& asked, const MySqlRows* rows, TextPool& texts);

    /// Who blocks whom; null where it was not asked for: then the last answer stands.
    ServerSample absorb(MySqlPoll poll, const MySqlBlockers* rows, const MySqlBlockers* metadata,
                        bool full);

    const Session* find(const SessionKey& key) const;
    /// What the server calls the statement that it runs, as of the last poll.
    std::optional<std::int64_t> queryOf(const SessionKey& key) const;
    /// When they were last listed (server's clock).
    std::optional<Timestamp> seen() const { return seen_; }
    std::size_t count() const { return known_.size(); }
    std::size_t waiters() const;
    /// Someone waits for a metadata lock and nobody is known to hold it.
    bool metadataUnknown() const;
    /// The same of a row.
    bool rowsUnknown() const;

private:
    struct Known
    {
        Session session;
        std::optional<std::int64_t> query;
        std::string command;
        bool row_wait = false;
        bool metadata_wait = false;
    };
    struct Details
    {
        Text application;
        Text client;
    };
    void steady(MySqlRow& row, const Known& before, std::optional<Timestamp> listed) const;

    TargetId target_;
    std::optional<Timestamp> seen_;
    std::map<std::int64_t, Known> known_;
    std::map<std::int64_t, Details> details_;
};

} // namespace poolscope
