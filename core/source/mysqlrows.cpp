// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/mysqlrows.h"

#include "core/base/bounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>
#include <tuple>

namespace poolscope {

namespace {

constexpr std::size_t longest_mysql_name = 256;
constexpr std::size_t longest_mysql_statement = 64 * 1024;

bool same_name(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

/// A decimal number in millionths: "12.5" is 12500000.
std::optional<std::int64_t> millionths(std::string_view text)
{
    const bool negative = text.starts_with('-');
    if (negative)
        text.remove_prefix(1);
    const std::size_t dot = std::min(text.find('.'), text.size());
    std::int64_t whole = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + dot, whole);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + dot || dot == 0 ||
        whole > std::numeric_limits<std::int64_t>::max() / 2000000)
        return std::nullopt;
    std::int64_t part = 0, digits = 0;
    for (std::size_t i = dot + 1; i < text.size(); ++i) {
        if (text[i] < '0' || text[i] > '9')
            return std::nullopt;
        if (digits < 6) {
            part = part * 10 + (text[i] - '0');
            ++digits;
        }
    }
    for (; digits < 6; ++digits)
        part *= 10;
    const std::int64_t value = whole * 1000000 + part;
    return negative ? -value : value;
}

bool contains(std::string_view text, std::string_view part)
{
    return text.find(part) != std::string_view::npos;
}

} // namespace

int MySqlRows::column(std::string_view name) const
{
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (same_name(columns[i], name))
            return static_cast<int>(i);
    }
    return -1;
}

std::optional<std::string_view> MySqlRows::text(int row, int column) const
{
    if (row < 0 || row >= count() || column < 0)
        return std::nullopt;
    const Row& values = rows[static_cast<std::size_t>(row)];
    const auto at = static_cast<std::size_t>(column);
    if (at >= values.size() || !values[at])
        return std::nullopt;
    return std::string_view{*values[at]};
}

std::optional<std::int64_t> MySqlRows::integer(int row, int column) const
{
    const auto value = text(row, column);
    std::int64_t number = 0;
    if (!value)
        return std::nullopt;
    const auto parsed = std::from_chars(value->data(), value->data() + value->size(), number);
    if (parsed.ec != std::errc{} || parsed.ptr != value->data() + value->size())
        return std::nullopt;
    return number;
}

std::optional<Timestamp> MySqlRows::instant(int row, int column) const
{
    const auto value = text(row, column);
    const auto us = value ? millionths(*value) : std::nullopt;
    return us && *us > 0 ? std::optional{bounded_instant(*us)} : std::nullopt;
}

std::optional<Duration> MySqlRows::milliseconds(int row, int column) const
{
    const auto value = text(row, column);
    const auto billionths = value ? millionths(*value) : std::nullopt;
    return billionths ? std::optional{Duration{*billionths / 1000}} : std::nullopt;
}

bool waits_for_metadata(std::string_view state)
{
    return (contains(state, "Waiting for") && contains(state, "lock") &&
            !contains(state, "row lock")) ||
           state == "User lock" || contains(state, "Waiting for table flush");
}

bool is_mysql_client(std::string_view command, std::string_view user)
{
    if (user == "system user" || user == "event_scheduler")
        return false;
    return command != "Daemon" && !command.starts_with("Binlog Dump") &&
           !command.starts_with("Slave_") && command != "Table Dump" &&
           command != "Register Slave" && command != "Group Replication Data Stream subscriber";
}

SessionState mysql_state_of(std::string_view command, std::string_view state, bool transaction,
                            bool row_wait)
{
    if (row_wait || waits_for_metadata(state))
        return SessionState::waiting;
    if (command == "Sleep")
        return transaction ? SessionState::idle_in_transaction : SessionState::idle;
    // Not yet let in, or on its way out.
    if (command == "Connect" || command == "Killed" || command == "Quit")
        return SessionState::other;
    return SessionState::active;
}

Text mysql_client(std::string_view host, bool with_port, TextPool& texts)
{
    if (host.empty())
        return {};
    if (host == "localhost")
        return texts.intern("local");
    // "::1:5432" of an IPv6 client: brackets keep the port apart.
    const std::size_t first = host.find(':'), last = host.rfind(':');
    if (first == last || host.starts_with('['))
        return texts.intern(plain_line(host, longest_mysql_name));
    return texts.intern(
        plain_line(with_port ? fmt::format("[{}]:{}", host.substr(0, last), host.substr(last + 1))
                             : fmt::format("[{}]", host),
                   longest_mysql_name));
}

namespace {

/// The columns of a poll, found once a result.
struct PollColumns
{
    explicit PollColumns(const MySqlRows& r)
        : clock(r.column("clock"))
        , id(r.column("id"))
        , user(r.column("user"))
        , host(r.column("host"))
        , address(r.column("address"))
        , db(r.column("db"))
        , command(r.column("command"))
        , time(r.column("time"))
        , time_ms(r.column("time_ms"))
        , query_id(r.column("query_id"))
        , state(r.column("state"))
        , info(r.column("info"))
    {}
    int clock, id, user, host, address, db, command, time, time_ms, query_id, state, info;
};

/// Since when it does what it does. Servers without milliseconds count whole seconds of their
/// clock: then it is the beginning of that second.
std::optional<Timestamp> since(const MySqlRows& r, const PollColumns& c, int row,
                               std::optional<Timestamp> clock)
{
    if (!clock)
        return std::nullopt;
    if (const auto ms = r.milliseconds(row, c.time_ms); ms && ms->count() >= 0)
        return *clock - *ms;
    const auto seconds = r.integer(row, c.time);
    if (!seconds || *seconds < 0 || *seconds > std::int64_t{1} << 33)
        return std::nullopt;
    const std::int64_t whole = to_us(*clock) / 1000000;
    return timestamp_from_us((whole - *seconds) * 1000000);
}

MySqlRow read_mysql_row(const MySqlRows& r, const PollColumns& c, int row,
                        std::optional<Timestamp> clock, TextPool& texts)
{
    MySqlRow out;
    Session& s = out.session;
    const auto word = [&](int column) {
        return r.text(row, column).value_or(std::string_view{});
    };
    const auto name = [&](std::string_view text) {
        return text.empty() ? Text{} : texts.intern(plain_line(text, longest_mysql_name));
    };
    const std::string_view user = word(c.user), state = word(c.state);
    out.command = plain_line(word(c.command), 64);
    s.user = name(user);
    s.database = name(word(c.db));
    s.client = c.address >= 0 ? mysql_client(word(c.address), false, texts)
                              : mysql_client(word(c.host), true, texts);
    const bool client = is_mysql_client(out.command, user);
    if (!client)
        s.backend_type = name(user == "system user" && !out.command.empty()
                                  ? fmt::format("{}: {}", user, out.command)
                                  : out.command);
    out.doing = plain_line(state, longest_mysql_name);
    out.metadata_wait = client && waits_for_metadata(state);
    s.state = client ? mysql_state_of(out.command, state, false, false) : SessionState::other;
    out.query = r.integer(row, c.query_id);
    const auto from = since(r, c, row, clock);
    s.state_since = from;
    const bool running = s.state == SessionState::active || s.state == SessionState::waiting;
    if (running)
        s.statement_since = from;
    if (running && !state.empty())
        s.wait_event = name(state);
    if (const auto info = r.text(row, c.info); info && !info->empty())
        s.statement = texts.intern(plain_text(*info, longest_mysql_statement));
    return out;
}

} // namespace

MySqlPoll read_mysql_poll(const MySqlRows& r, TargetId target, Timestamp started,
                          std::int64_t own_id, TextPool& texts)
{
    const PollColumns c{r};
    MySqlPoll poll;
    for (int row = 0; row < r.count(); ++row) {
        const auto id = r.integer(row, c.id);
        if (!poll.clock)
            poll.clock = r.instant(row, c.clock);
        if (!id || *id <= 0)
            continue;
        MySqlRow read = read_mysql_row(r, c, row, poll.clock, texts);
        read.session.key = {target, Pid{*id}, started};
        if (*id == own_id) {
            // What it does is this poll: telling so every second would be noise.
            Session own;
            own.key = read.session.key;
            own.user = read.session.user;
            own.database = read.session.database;
            own.application = texts.intern("poolscope"); // as we told the server
            own.client = read.session.client;
            own.own = true;
            own.state = SessionState::other;
            read = {};
            read.session = std::move(own);
        }
        poll.rows.push_back(std::move(read));
    }
    const auto id_of = [](const MySqlRow& row) {
        return row.session.key.pid;
    };
    std::stable_sort(poll.rows.begin(), poll.rows.end(),
                     [&](const auto& a, const auto& b) { return id_of(a) < id_of(b); });
    // A session may have more than one transaction of InnoDB in a row: it is one session.
    poll.rows.erase(std::unique(poll.rows.begin(), poll.rows.end(),
                                [&](const auto& a, const auto& b) { return id_of(a) == id_of(b); }),
                    poll.rows.end());
    return poll;
}

void read_mysql_transactions(const MySqlRows& r, MySqlPoll& poll)
{
    const int id = r.column("id"), state = r.column("trx_state");
    const int started = r.column("trx_started"), waits = r.column("trx_wait");
    for (int row = 0; row < r.count(); ++row) {
        const Pid pid{r.integer(row, id).value_or(0)};
        const std::string_view how = r.text(row, state).value_or(std::string_view{});
        const auto found =
            std::lower_bound(poll.rows.begin(), poll.rows.end(), pid,
                             [](const MySqlRow& a, Pid b) { return a.session.key.pid < b; });
        if (how.empty() || found == poll.rows.end() || found->session.key.pid != pid ||
            found->session.own || !found->session.is_client())
            continue;
        Session& s = found->session;
        auto since = r.instant(row, started);
        // Told in the server's own time zone, in which one hour a year comes twice: it has begun by
        // now, give or take what passed between the two answers.
        if (since && poll.clock && *since > *poll.clock + std::chrono::minutes{1})
            *since -= std::chrono::hours{1};
        // It slept when it was read and began this only then: what it does now shows next time.
        // Times are told in whole seconds.
        if (found->command == "Sleep" && since && s.state_since &&
            *since > *s.state_since + std::chrono::seconds{1})
            continue;
        s.transaction_since = since;
        found->row_wait = how == "LOCK WAIT" && found->command != "Sleep";
        found->metadata_wait = found->metadata_wait && !found->row_wait;
        s.state = mysql_state_of(found->command, found->doing, true, found->row_wait);
        if (!found->row_wait)
            continue;
        static const Text row_lock{"InnoDB row lock"};
        s.wait_event = row_lock;
        if (const auto wait = r.instant(row, waits);
            wait && s.state_since && *wait > *s.state_since)
            s.state_since = wait;
    }
}

namespace {

void add_blocker(MySqlBlockers& blockers, std::int64_t waiter, std::int64_t blocker)
{
    if (waiter <= 0 || blocker < 0 || waiter == blocker)
        return;
    std::vector<Pid>& list = blockers[waiter];
    const auto at = std::lower_bound(list.begin(), list.end(), Pid{blocker});
    if (at == list.end() || *at != Pid{blocker})
        list.insert(at, Pid{blocker});
}

/// Others that come later queue behind one that waits for such a lock.
bool goes_first(std::string_view mode)
{
    return mode == "EXCLUSIVE" || mode.starts_with("SHARED_NO_");
}

} // namespace

void read_row_waits(const MySqlRows& r, MySqlBlockers& blockers)
{
    const int waiter = r.column("waiter"), blocker = r.column("blocker");
    for (int row = 0; row < r.count(); ++row)
        add_blocker(blockers, r.integer(row, waiter).value_or(0),
                    r.integer(row, blocker).value_or(-1));
}

bool metadata_conflict(std::string_view held, std::string_view asked)
{
    // What the server itself lets go together. For each kind held: those that have to wait, by
    // their letters.
    constexpr std::array<std::pair<std::string_view, std::string_view>, 9> table{{
        {"SHARED", "X"},
        {"SHARED_HIGH_PRIO", "X"},
        {"SHARED_READ", "XN"},
        {"SHARED_WRITE", "XNWO"},
        {"SHARED_UPGRADABLE", "XNWU"},
        {"SHARED_READ_ONLY", "XNw"},
        {"SHARED_NO_WRITE", "XNWUw"},
        {"SHARED_NO_READ_WRITE", "XNWUwrO"},
        {"EXCLUSIVE", "XNWUwrOs"},
    }};
    const auto letter = [](std::string_view kind) {
        if (kind == "EXCLUSIVE")
            return 'X';
        if (kind == "SHARED_NO_READ_WRITE")
            return 'N';
        if (kind == "SHARED_NO_WRITE")
            return 'W';
        if (kind == "SHARED_UPGRADABLE")
            return 'U';
        if (kind == "SHARED_READ_ONLY")
            return 'O';
        if (kind.starts_with("SHARED_WRITE"))
            return 'w';
        if (kind == "SHARED_READ")
            return 'r';
        return kind == "SHARED" || kind == "SHARED_HIGH_PRIO" ? 's' : '?';
    };
    if (held.starts_with("INTENTION_EXCLUSIVE"))
        return !asked.starts_with("INTENTION_EXCLUSIVE");
    if (asked.starts_with("INTENTION_EXCLUSIVE"))
        return !held.starts_with("INTENTION_EXCLUSIVE");
    for (const auto& [kind, waits] : table) {
        if (kind == held || (kind == "SHARED_WRITE" && held.starts_with("SHARED_WRITE")))
            return letter(asked) == '?' || waits.find(letter(asked)) != std::string_view::npos;
    }
    // Kinds of backup locks and of servers to come: what holds one may well be what blocks.
    return true;
}

void read_metadata_waits(const MySqlRows& r, MySqlBlockers& blockers)
{
    struct Held
    {
        std::int64_t id;
        std::string_view mode;
        bool granted;
    };
    using Object = std::tuple<std::string_view, std::string_view, std::string_view>;
    std::map<Object, std::vector<Held>> objects;
    const int id = r.column("id"), type = r.column("object_type");
    const int schema = r.column("object_schema"), name = r.column("object_name");
    const int mode = r.column("lock_type"), status = r.column("lock_status");
    const auto word = [&](int row, int column) {
        return r.text(row, column).value_or(std::string_view{});
    };
    for (int row = 0; row < r.count(); ++row) {
        const std::string_view how = word(row, status);
        if (how != "GRANTED" && how != "PENDING")
            continue;
        objects[{word(row, type), word(row, schema), word(row, name)}].push_back(
            {r.integer(row, id).value_or(0), word(row, mode), how == "GRANTED"});
    }
    for (const auto& [object, locks] : objects) {
        for (const Held& waiter : locks) {
            if (waiter.granted)
                continue;
            bool hard = false;
            for (const Held& other : locks) {
                if (other.granted && other.id != waiter.id &&
                    metadata_conflict(other.mode, waiter.mode)) {
                    add_blocker(blockers, waiter.id, other.id);
                    hard = true;
                }
            }
            // Nobody holds what it waits for: it queues behind one that asked for more.
            for (const Held& other : locks) {
                if (!hard && !other.granted && other.id != waiter.id && goes_first(other.mode) &&
                    !goes_first(waiter.mode) && metadata_conflict(other.mode, waiter.mode))
                    add_blocker(blockers, waiter.id, other.id);
            }
        }
    }
}

std::map<std::int64_t, std::vector<Lock>> read_mysql_locks(const MySqlRows& r)
{
    std::map<std::int64_t, std::vector<Lock>> found;
    const int id = r.column("id"), type = r.column("type"), relation = r.column("relation");
    const int mode = r.column("mode"), granted = r.column("granted");
    const auto word = [&](int row, int column, std::size_t most) {
        return plain_line(r.text(row, column).value_or(std::string_view{}), most);
    };
    for (int row = 0; row < r.count(); ++row) {
        std::vector<Lock>& locks = found[r.integer(row, id).value_or(0)];
        Lock lock{word(row, type, 64), word(row, relation, 256), word(row, mode, 64),
                  r.integer(row, granted).value_or(1) != 0};
        if (locks.size() < mysql_locks_a_session &&
            std::find(locks.begin(), locks.end(), lock) == locks.end())
            locks.push_back(std::move(lock));
    }
    return found;
}

} // namespace poolscope
