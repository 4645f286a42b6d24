// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlsessions.h"

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {

/// The server's clocks for how long something lasts differ by the time that it takes to list it all
/// or, where it counts whole seconds, by one.
constexpr Duration clock_wobble = std::chrono::seconds{1};

void keep_instant(std::optional<Timestamp>& now, const std::optional<Timestamp>& before)
{
    if (now && before && std::chrono::abs(*now - *before) <= clock_wobble)
        now = before;
}

} // namespace

void MySqlSessions::clear()
{
    seen_.reset();
    known_.clear();
    details_.clear();
}

std::vector<std::int64_t> MySqlSessions::strangers(const MySqlPoll& poll) const
{
    std::vector<std::int64_t> ids;
    for (const MySqlRow& row : poll.rows) {
        const std::int64_t id = row.session.key.pid.value;
        // Who is not let in yet has told nothing of itself.
        if (row.session.is_client() && row.command != "Connect" && !details_.contains(id))
            ids.push_back(id);
    }
    return ids;
}

void MySqlSessions::learn(const std::vector<std::int64_t>& asked, const MySqlRows* rows,
                          TextPool& texts)
{
    for (const std::int64_t id : asked)
        details_.try_emplace(id);
    if (!rows)
        return;
    const int id_column = rows->column("id"), name_column = rows->column("name");
    const int value_column = rows->column("value");
    std::map<std::int64_t, Text> libraries;
    for (int row = 0; row < rows->count(); ++row) {
        const auto id = rows->integer(row, id_column);
        const auto found = details_.find(id.value_or(0));
        const auto name = rows->text(row, name_column), value = rows->text(row, value_column);
        if (found == details_.end() || !name || !value || value->empty())
            continue;
        const Text text = texts.intern(plain_line(*value, 256));
        if (*name == "program_name")
            found->second.application = text;
        else if (*name == "_client_name")
            libraries[*id] = text;
        else if (*name == "host" && *value != "localhost")
            found->second.client = mysql_client(*value, true, texts);
    }
    // Where the program gave no name its library did.
    for (const auto& [id, library] : libraries) {
        if (details_[id].application.is_null())
            details_[id].application = library;
    }
}

/// `listed`: when it was last, on the server's clock.
void MySqlSessions::steady(MySqlRow& row, const Known& before,
                           std::optional<Timestamp> listed) const
{
    Session& now = row.session;
    const Session& then = before.session;
    // Told in the server's own time zone, in which one hour a year comes twice: a transaction that
    // was not there when the session was last listed is of the later one.
    constexpr Duration summer = std::chrono::hours{1};
    if (now.transaction_since && !then.transaction_since && listed && seen_ &&
        *now.transaction_since + clock_wobble < *listed &&
        *now.transaction_since + summer <= *seen_ + clock_wobble)
        *now.transaction_since += summer;
    else if (now.transaction_since && then.transaction_since &&
             std::chrono::abs(*then.transaction_since - *now.transaction_since - summer) <=
                 clock_wobble)
        now.transaction_since = then.transaction_since; // mended before
    const bool told = row.query && before.query;
    const bool same_query = told ? *row.query == *before.query
                                 : now.statement == then.statement && row.command == before.command;
    if (same_query && now.state == then.state)
        keep_instant(now.state_since, then.state_since);
    if (same_query)
        keep_instant(now.statement_since, then.statement_since);
    // What ran last, where the server says that nothing ran since.
    if (now.statement.is_null() && told && same_query)
        now.statement = then.statement;
}

ServerSample MySqlSessions::absorb(MySqlPoll poll, const MySqlBlockers* rows,
                                   const MySqlBlockers* metadata, bool full)
{
    ServerSample sample;
    sample.full = full;
    const std::optional<Timestamp> listed = std::exchange(seen_, poll.clock);
    std::map<std::int64_t, Known> next;
    for (MySqlRow& row : poll.rows) {
        Session& s = row.session;
        const std::int64_t id = s.key.pid.value;
        if (const auto found = details_.find(id); found != details_.end()) {
            if (!s.own)
                s.application = found->second.application;
            if (!found->second.client.is_null())
                s.client = found->second.client;
        }
        const auto before = known_.find(id);
        const bool same = before != known_.end() && before->second.session.key == s.key;
        if (same)
            steady(row, before->second, listed);
        const auto take = [&](const MySqlBlockers* blockers, bool waits, bool waited) {
            if (!waits)
                return;
            if (!blockers) {
                if (same && waited)
                    s.blocked_by = before->second.session.blocked_by;
            } else if (const auto found = blockers->find(id); found != blockers->end()) {
                s.blocked_by = found->second;
            }
        };
        take(rows, row.row_wait, same && before->second.row_wait);
        take(metadata, row.metadata_wait, same && before->second.metadata_wait);
        if (!same || full || before->second.session != s)
            sample.changed.push_back(s);
        next.emplace_hint(
            next.end(), id,
            Known{s, row.query, std::move(row.command), row.row_wait, row.metadata_wait});
    }
    for (const auto& [id, known] : known_) {
        const auto found = next.find(id);
        if (!full && (found == next.end() || found->second.session.key != known.session.key))
            sample.gone.push_back(known.session.key);
    }
    std::erase_if(details_, [&](const auto& entry) { return !next.contains(entry.first); });
    known_ = std::move(next);
    return sample;
}

const Session* MySqlSessions::find(const SessionKey& key) const
{
    const auto found = known_.find(key.pid.value);
    return found != known_.end() && same_session(found->second.session.key, key, "mysql")
               ? &found->second.session
               : nullptr;
}

std::optional<std::int64_t> MySqlSessions::queryOf(const SessionKey& key) const
{
    return find(key) ? known_.at(key.pid.value).query : std::nullopt;
}

std::size_t MySqlSessions::waiters() const
{
    return static_cast<std::size_t>(
        std::count_if(known_.begin(), known_.end(), [](const auto& entry) {
            return entry.second.row_wait || entry.second.metadata_wait;
        }));
}

bool MySqlSessions::metadataUnknown() const
{
    return std::any_of(known_.begin(), known_.end(), [](const auto& entry) {
        return entry.second.metadata_wait && entry.second.session.blocked_by.empty();
    });
}

bool MySqlSessions::rowsUnknown() const
{
    return std::any_of(known_.begin(), known_.end(), [](const auto& entry) {
        return entry.second.row_wait && entry.second.session.blocked_by.empty();
    });
}

} // namespace poolscope
