// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/record/rows.h"

#include "core/base/bounds.h"
#include "core/record/columns.h"

#include <fmt/format.h>

#include <charconv>

namespace poolscope::record {

namespace {
constexpr std::size_t most_text_bytes = std::size_t{4} << 20;
constexpr std::size_t bytes_around_a_text = 160; ///< its node, its counts, the allocator's own
constexpr std::size_t most_sessions = 16384;
} // namespace

void Pending::clear()
{
    plain.clear();
    changes.clear();
    keyframe_sessions.clear();
    used.clear();
    keyframe = false;
}

Lookup::Lookup(SQLite::Database& database)
    : text_query_(database, "SELECT body FROM text WHERE id = ?")
    , session_query_(database,
                     "SELECT target, pid, started, user, database, client, backend_type, own"
                     " FROM session WHERE id = ?")
{}

Text Lookup::text(std::int64_t id)
{
    if (const auto found = texts_.find(id); found != texts_.end())
        return found->second;
    text_query_.reset();
    text_query_.bind(1, id);
    if (!text_query_.step()) {
        text_query_.reset();
        throw Damaged(fmt::format("text {} is missing", id));
    }
    Text made{Row{text_query_}.text(0)};
    text_query_.reset();
    if (text_bytes_ > most_text_bytes) {
        texts_.clear();
        text_bytes_ = 0;
    }
    text_bytes_ += made.str().size() + bytes_around_a_text;
    texts_.emplace(id, made);
    return made;
}

Text Lookup::optional_text(const Row& row, int column)
{
    const auto id = row.optional_integer(column);
    return id ? text(*id) : Text{};
}

std::string Lookup::lock_text(const Row& row, int column)
{
    return text(row.integer(column)).str();
}

const SessionIdentity& Lookup::session(std::int64_t id)
{
    if (const auto found = sessions_.find(id); found != sessions_.end())
        return found->second;
    session_query_.reset();
    session_query_.bind(1, id);
    if (!session_query_.step()) {
        session_query_.reset();
        throw Damaged(fmt::format("session {} is missing", id));
    }
    const Row row{session_query_};
    SessionIdentity made;
    made.key.target = TargetId{static_cast<std::uint32_t>(row.integer(0, 0, most_32))};
    made.key.pid = Pid{row.integer(1)};
    made.key.started = bounded_instant(row.integer(2));
    made.user = optional_text(row, 3);
    made.database = optional_text(row, 4);
    made.client = optional_text(row, 5);
    made.backend_type = optional_text(row, 6);
    made.own = row.boolean(7);
    session_query_.reset();
    if (sessions_.size() >= most_sessions)
        sessions_.clear();
    return sessions_.emplace(id, std::move(made)).first->second;
}

Session Lookup::whole_session(const Row& row, Timestamp server_now)
{
    const SessionIdentity& identity = session(row.integer(1));
    Session s;
    s.key = identity.key;
    s.user = identity.user;
    s.database = identity.database;
    s.client = identity.client;
    s.backend_type = identity.backend_type;
    s.own = identity.own;
    s.state = static_cast<SessionState>(
        row.integer(2, 0, static_cast<std::int64_t>(session_state_count) - 1));
    s.application = optional_text(row, 3);
    s.statement = optional_text(row, 4);
    s.wait_event = optional_text(row, 5);
    if (const Text blockers = optional_text(row, 6); !blockers.is_null())
        s.blocked_by = parse_pid_list(blockers.str());
    Timestamp base = server_now;
    const auto before = [&](int column) -> std::optional<Timestamp> {
        const auto age = row.optional_integer(column);
        if (!age)
            return std::nullopt;
        return bounded_instant(wrapped_difference(to_us(base), *age));
    };
    s.state_since = before(7);
    base = s.state_since.value_or(server_now);
    s.transaction_since = before(8);
    s.statement_since = before(9);
    if (!row.null(10))
        s.xid = static_cast<std::uint32_t>(row.integer(10, 0, most_32));
    if (!row.null(11))
        s.xmin = static_cast<std::uint32_t>(row.integer(11, 0, most_32));
    return s;
}

Value word_list(const std::vector<std::string>& words)
{
    if (words.empty())
        return {};
    std::string list;
    for (const std::string& word : words) {
        list += &word == &words.front() ? "" : "\n";
        for (const char c : word)
            list += c == '\n' ? ' ' : c;
    }
    return list;
}

std::vector<std::string> parse_word_list(const std::string& text)
{
    std::vector<std::string> words;
    std::size_t begin = 0;
    for (std::size_t end = 0; end != std::string::npos; begin = end + 1) {
        end = text.find('\n', begin);
        words.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    }
    return words;
}

std::string pid_list(const std::vector<Pid>& pids)
{
    std::string list;
    for (const Pid pid : pids) {
        if (!list.empty())
            list += ',';
        fmt::format_to(std::back_inserter(list), "{}", pid.value);
    }
    return list;
}

std::vector<Pid> parse_pid_list(const std::string& text)
{
    std::vector<Pid> pids;
    const char* at = text.data();
    const char* const end = at + text.size();
    for (;;) {
        std::int64_t pid = 0;
        const auto [next, error] = std::from_chars(at, end, pid);
        if (error != std::errc{} || (next != end && *next != ','))
            throw Damaged("a list of blockers is not one");
        pids.push_back(Pid{pid});
        if (next == end)
            return pids;
        at = next + 1;
    }
}

} // namespace poolscope::record
