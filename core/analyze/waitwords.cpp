// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/waitwords.h"

#include "core/analyze/poolcase.h"
#include "core/analyze/waitreasons.h"
#include "core/base/sqlname.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

namespace poolscope {

namespace {

using std::chrono::seconds;

/// The other things that are worth a word, of all looks.
constexpr double worth_a_word = 0.1;

/// "in IO/DataFileRead"
std::string event_in_words(const WaitCount& count)
{
    if (count.kind == WaitKind::running)
        return "on a processor";
    return count.event.empty() ? std::string{"in no state that it names"}
                               : "in " + plain_line(count.event.str(), 64);
}

/// "in IO/DataFileRead and the like"
std::string event_in_words(const WaitReasonCount& count)
{
    return event_in_words(*count.most) + (count.most->looks < count.looks ? " and the like" : "");
}

/// ", 8 on a processor, 3 in LWLock/BufferMapping"
std::string others_in_words(const WaitProfile& waits, const std::vector<WaitReasonCount>& all)
{
    constexpr std::size_t most = 3;
    std::string text;
    for (std::size_t i = 1; i < std::min(all.size(), most); ++i) {
        if (is_share(all[i].looks, waits.looks, worth_a_word))
            text += fmt::format(", {} {}", all[i].looks, event_in_words(all[i]));
    }
    return text;
}

/// Where the pool's sessions run, in the time that its strain is told by.
const WaitLooks* looks_at(const PoolCase& pool)
{
    if (pool.server == nullptr)
        return nullptr;
    const auto flow = pool.input->flows.find(pool.server->info.id);
    return flow == pool.input->flows.end() ? nullptr : &flow->second.looks();
}

const Text& statement_of(const CaseHolder& holder)
{
    return holder.session != nullptr ? holder.session->statement : holder.checkout->statement;
}

/// The shape that most of them run, where those are half; and one that has it. False: what they run
/// is not known.
bool find_common(BlamedStatement& blamed, const std::vector<CaseHolder>& holders,
                 SqlDialect dialect)
{
    struct Common
    {
        std::size_t count = 0;
        const Text* text = nullptr;
    };
    std::map<std::string, Common> shapes;
    std::size_t known = 0;
    for (const CaseHolder& holder : holders) {
        const Text& text = statement_of(holder);
        if (text.empty())
            continue;
        ++known;
        Common& common = shapes[statement_shape(text.str(), dialect)];
        if (common.count++ == 0)
            common.text = &text;
    }
    const auto most = std::max_element(shapes.begin(), shapes.end(), [](auto& a, auto& b) {
        return a.second.count < b.second.count;
    });
    if (most == shapes.end() || most->second.count * 2 < known)
        return known > 0;
    blamed.text = plain_line(most->second.text->str(), 200);
    blamed.shape = most->first;
    return true;
}

/// Of its server; where that is not attached, as far as the pool's address tells.
SqlDialect dialect_of(const PoolCase& pool)
{
    if (pool.server != nullptr)
        return sql_dialect_of(pool.server->info.kind);
    const std::string& address = pool.pool->database.str();
    return address.starts_with("postgres")                                  ? SqlDialect::postgresql
           : address.starts_with("mysql") || address.starts_with("mariadb") ? SqlDialect::mysql
                                                                            : SqlDialect::unknown;
}

/// All that run it on that server, the oldest first.
std::vector<const Session*> runners_of(const TargetState& server, const std::string& shape)
{
    std::vector<const Session*> found;
    for (const auto& [pid, session] : server.sessions) {
        if (session.state == SessionState::active && session.is_client() && !session.own &&
            session.statement_since &&
            statement_shape(session.statement.str(), sql_dialect_of(server.info.kind)) == shape)
            found.push_back(&session);
    }
    std::stable_sort(found.begin(), found.end(), [](const Session* a, const Session* b) {
        return *a->statement_since < *b->statement_since;
    });
    return found;
}

bool is_mysql(const PoolCase& pool)
{
    return pool.server != nullptr && pool.server->info.kind == "mysql";
}

/// Whether a shape has these words, one after the other.
bool has_words(std::string_view shape, std::string_view words)
{
    const auto in_word = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
               static_cast<unsigned char>(c) >= 0x80;
    };
    for (std::size_t at = shape.find(words); at != std::string_view::npos;
         at = shape.find(words, at + 1)) {
        const std::size_t end = at + words.size();
        if ((at == 0 || !in_word(shape[at - 1])) && (end == shape.size() || !in_word(shape[end])))
            return true;
    }
    return false;
}

/// Whether nobody but the server minds that it is run once more: it changes nothing, and locks
/// nothing.
bool may_run_again(const BlamedStatement& blamed)
{
    static constexpr std::array<std::string_view, 4> locks{"for update", "for no key update",
                                                           "for share", "for key share"};
    return only_reads(blamed) && std::none_of(locks.begin(), locks.end(), [&](auto words) {
               return has_words(blamed.shape, words);
           });
}

/// "Look at its plan with EXPLAIN (ANALYZE, BUFFERS), which runs it once more: a missing index
/// reads like this."
std::string plan_in_words(const PoolCase& pool, const BlamedStatement& blamed,
                          std::string_view look)
{
    if (blamed.text.empty())
        return "Look at their plans with EXPLAIN.";
    std::string text = "Look at its plan with EXPLAIN";
    if (pool.server != nullptr && !is_mysql(pool))
        // That runs it: nobody should change or lock rows a second time by looking.
        text += may_run_again(blamed) ? " (ANALYZE, BUFFERS), which runs it once more"
                                      : " (without ANALYZE, which would run it)";
    return text + (look.empty() ? "." : fmt::format(": {}.", look));
}

/// A bound that a person would choose: ten times the usual, and less than what runs now. Null where
/// the usual is not known.
std::optional<Duration> bound_of(const PoolCase& pool, Duration longest)
{
    static constexpr std::array bounds{1, 2, 5, 10, 15, 30, 60, 120, 300, 600};
    if (!pool.usual_use)
        return {};
    for (const int each : bounds) {
        if (seconds{each} >= *pool.usual_use * 10)
            return seconds{each} < longest ? std::optional<Duration>(seconds{each}) : std::nullopt;
    }
    return {};
}

/// " (now 30s)": what the role has, else the database of its session; a role's own in that database
/// is not reported, and nor is what the server has, as Poolscope's session sets its own. Empty
/// where that was not told.
std::string bound_now(const TargetState& server, const Session& session)
{
    if (!server.settings)
        return {};
    constexpr std::string_view name = "statement_timeout";
    const ServerSetting* told = server.settings->find(name, SettingScope::role, session.user.str());
    if (told == nullptr && !session.database.empty())
        told = server.settings->find(name, SettingScope::database, session.database.str());
    if (told == nullptr)
        return {};
    return told->value == "0"
               ? std::string{" (now unbounded)"}
               : fmt::format(" (now {}{})", plain_line(told->value, 32), plain_line(told->unit, 8));
}

/// The first of several grants, as one of a name may hold a semicolon within its quotes: "GRANT
/// PROCESS ON *.* TO dba@'%';".
std::string first_grant(std::string_view grants)
{
    char quote = 0;
    for (std::size_t i = 0; i < grants.size(); ++i) {
        const char c = grants[i];
        if (quote != 0)
            quote = c == quote ? '\0' : quote;
        else if (c == '"' || c == '\'' || c == '`')
            quote = c;
        else if (c == ';')
            return plain_line(grants.substr(0, i + 1), 400);
    }
    return plain_line(grants, 400);
}

/// How long the looks went on: "19 s".
std::string span_in_words(const WaitProfile& waits)
{
    return format_duration_prose(
        std::chrono::ceil<seconds>(std::max<Duration>(waits.to - waits.from, seconds{1})));
}

/// The line that bounds how long such a statement takes, for new connections.
std::string bound_in_words(const PoolCase& pool, const BlamedStatement& blamed, Duration longest)
{
    const auto bound = bound_of(pool, longest);
    const auto whole = bound ? std::chrono::duration_cast<seconds>(*bound).count() : 0;
    if (pool.server == nullptr || !bound)
        return is_mysql(pool) ? "A bound on how long a statement may take keeps it from the pool."
                              : "A statement_timeout bounds how long one can take.";
    if (is_mysql(pool)) {
        const bool mariadb =
            pool.server->facts && pool.server->facts->version.find("MariaDB") != std::string::npos;
        return mariadb
                   ? fmt::format("To bound all on new connections: SET GLOBAL max_statement_time "
                                 "= {};",
                                 whole)
                   : fmt::format("To bound all reads on new connections: SET GLOBAL "
                                 "max_execution_time = {};",
                                 whole * 1000);
    }
    const Session* const session = blamed.sessions.empty() ? nullptr : blamed.sessions.front();
    if (session == nullptr || session->user.empty())
        return fmt::format("A statement_timeout of {} s for its role bounds how long one can "
                           "take.",
                           whole);
    return fmt::format("To bound all that this role runs on new connections{}: ALTER ROLE {} SET "
                       "statement_timeout = '{}s';",
                       bound_now(*pool.server, *session),
                       sql_name(plain_line(session->user.str(), 128)), whole);
}

} // namespace

bool only_reads(const BlamedStatement& blamed)
{
    const std::string_view shape = blamed.shape;
    // Nor may another one come after it.
    return has_words(shape.substr(0, 7), "select") && !has_words(shape, "into") &&
           shape.substr(0, shape.size() - 1).find(';') == std::string_view::npos;
}

BlamedStatement blamed_statement(const PoolCase& pool, const Verdict& verdict)
{
    BlamedStatement blamed;
    const Timestamp to = pool.until;
    const Timestamp from = std::max(pool.since - before_strain, to - look_window);
    const WaitLooks* const looks = looks_at(pool);
    bool known = find_common(blamed, verdict.by, dialect_of(pool));
    // Of figures alone: what most of the sessions run that can only be its own.
    if (verdict.by.empty() && looks != nullptr) {
        blamed.shape = looks->commonest(from, to, 0.5);
        known = !blamed.shape.empty();
    }
    if (looks != nullptr && known)
        blamed.waits = looks->profile(blamed.shape, from, to);
    if (blamed.text.empty() && blamed.waits)
        blamed.text = plain_line(blamed.waits->statement.str(), 200);
    for (const CaseHolder& holder : verdict.by) {
        if (holder.session != nullptr && holder.by_server && !holder.moved &&
            holder.session->state == SessionState::active &&
            (blamed.shape.empty() ||
             statement_shape(holder.session->statement.str(), dialect_of(pool)) == blamed.shape))
            blamed.sessions.push_back(holder.session);
    }
    if (verdict.by.empty() && pool.server != nullptr && known)
        blamed.sessions = runners_of(*pool.server, blamed.shape);
    return blamed;
}

std::string waits_in_words(const PoolCase& pool, const BlamedStatement& blamed)
{
    if (pool.server == nullptr)
        return pool.pool->database.str().starts_with("sqlite")
                   ? std::string{}
                   : "Whether it computes, reads from disk or waits only its server tells: attach "
                     "to that too.";
    if (!blamed.waits && pool.server->facts && !pool.server->facts->sees_all)
        // The first that is missing is the one that lets it see; further ones let it end sessions.
        return "What others' statements wait for is hidden from this user" +
               (pool.server->facts->missing_grant.empty()
                    ? std::string{"."}
                    : ": " + first_grant(pool.server->facts->missing_grant));
    if (!blamed.waits)
        return {};
    const WaitProfile& waits = *blamed.waits;
    const std::string whom = blamed.shape.empty()
                                 ? "What runs on " + plain_line(pool.server->info.name, 64)
                                 : std::string{"It"};
    const std::string in =
        fmt::format("in {}{}", pool.recovers() ? "" : "the last ", span_in_words(waits));
    if (waits.looks < looks_least)
        return fmt::format("{} was seen only {} {}: too few to say what it waits for.", whom,
                           waits.looks, waits.looks == 1 ? "time" : "times");
    const std::vector<WaitReasonCount> all = reasons_of(waits);
    if (const auto reason = main_reason(waits)) {
        const std::string does = reason->reason.does.empty() ? "is " + event_in_words(*reason->most)
                                                             : std::string{reason->reason.does};
        return fmt::format("{} {}: {} of {} looks {} found it {}{}.", whom, does, reason->looks,
                           waits.looks, in, event_in_words(*reason), others_in_words(waits, all));
    }
    return fmt::format("{} has no one reason: of {} looks {} {} found it {}{}.", whom, waits.looks,
                       in, all.front().looks, event_in_words(all.front()),
                       others_in_words(waits, all));
}

std::string looks_in_words(const WaitProfile& waits)
{
    constexpr std::size_t most = 10;
    std::string text =
        fmt::format("Of {} looks at {} in {}", waits.looks,
                    waits.statement.is_null() ? "what runs there" : "it", span_in_words(waits));
    std::uint32_t told = 0;
    for (std::size_t i = 0; i < std::min(most, waits.counts.size()); ++i) {
        const WaitCount& count = waits.counts[i];
        told += count.looks;
        text += fmt::format("{}{}{} {}", i == 0 ? " " : ", ", count.looks,
                            i == 0 ? " found it" : "", event_in_words(count));
    }
    return told < waits.looks ? fmt::format("{}, {} elsewhere.", text, waits.looks - told)
                              : text + '.';
}

std::string prevention_of_slow(const PoolCase& pool, const Verdict& verdict,
                               const BlamedStatement& blamed)
{
    Duration longest{};
    for (const CaseHolder& holder : verdict.by)
        longest = std::max(longest, holder.activity_for);
    if (pool.recent && pool.recent->use)
        longest = std::max(longest, *pool.recent->use);
    if (verdict.by.empty() && !blamed.sessions.empty())
        longest = pool.server->age(*blamed.sessions.front()->statement_since, pool.now);
    const auto reason = blamed.waits ? main_reason(*blamed.waits) : std::nullopt;
    const bool plan = !reason || reason->reason.plan || reason->reason.does.empty();
    return (plan ? plan_in_words(pool, blamed, reason ? reason->reason.look : std::string_view{})
                 : std::string{reason->reason.look}) +
           ' ' + bound_in_words(pool, blamed, longest);
}

} // namespace poolscope
