// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/diagnosiswords.h"

#include "core/analyze/causeparts.h"
#include "core/analyze/causewords.h"
#include "core/analyze/loadwords.h"
#include "core/analyze/relief.h"
#include "core/analyze/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace poolscope {

namespace {

std::string line_of(const Text& text, std::size_t most = 128)
{
    return plain_line(text.str(), most);
}

std::string ago(Duration age)
{
    return format_duration_prose(std::max(Duration{0}, age));
}

/// "Pool shop is exhausted: 20 of 20 are lent and 4 wait".
std::string standing(const PoolCase& pool)
{
    const FlowPoint& now = pool.figures();
    std::string lent = now.max > 0     ? fmt::format("{} of {} are lent", now.used, now.max)
                       : now.used >= 0 ? fmt::format("{} are lent", now.used)
                                       : std::string{};
    std::string text = fmt::format("Pool {} is {}exhausted", line_of(pool.pool->name),
                                   pool.strain == Strain::nearly ? "nearly " : "");
    if (!lent.empty())
        text += fmt::format(" ({}{})", lent,
                            now.pending > 0 ? fmt::format(", {} wait", now.pending) : "");
    return text;
}

std::string times(double ratio)
{
    return ratio >= 10 ? fmt::format("{:.0f} times", ratio) : fmt::format("{:.1f} times", ratio);
}

std::string of_place(const Verdict& verdict)
{
    if (!verdict.place)
        return {};
    return " at " + plain_line(name_of(acquiring_line(verdict.place.get())), 400) +
           way_in_words(verdict.by_way_of);
}

Duration longest_activity(const std::vector<CaseHolder>& holders)
{
    Duration longest{};
    for (const CaseHolder& holder : holders)
        longest = std::max(longest, holder.activity_for);
    return longest;
}

std::string sentence_of_load(const PoolCase& pool, const Verdict& v)
{
    const FlowRate rate = pool.recent.value_or(FlowRate{});
    const std::string use =
        rate.use ? fmt::format(", and each is held for {}", format_duration_prose(*rate.use)) : "";
    if (v.cause == Cause::load_spike) {
        const std::string_view held = !rate.use || v.more_use <= 0 ? ""
                                      : v.more_use >= causing::use_steady
                                          ? ", and longer than usual"
                                          : ", no longer than usual";
        return fmt::format("{}: {} as many acquires as before, {}{}{}.", standing(pool),
                           times(v.more_load), rate_in_words(rate.arrivals), use, held);
    }
    // Little's law: how many are in use at once is how many come times how long each stays.
    std::string needed;
    if (rate.use && rate.arrivals > 0) {
        const double in_use = rate.arrivals * std::chrono::duration<double>(*rate.use).count();
        needed = fmt::format(": that takes {:.0f} at once", std::ceil(std::max(1.0, in_use)));
    }
    return fmt::format("{}: it is too small for its usual load. Acquires come at {}{}{}.",
                       standing(pool), rate_in_words(rate.arrivals), use, needed);
}

std::string candidates_in_words(const std::vector<Cause>& candidates)
{
    std::string text;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        text += i == 0 ? "" : i + 1 == candidates.size() ? " or " : ", ";
        text += in_words(candidates[i]);
    }
    return text;
}

/// What to attach, or to look at, so that it can be told.
std::string look_next(const PoolCase& pool)
{
    if (pool.server == nullptr)
        return "Attach to its database server too: that tells what its sessions do.";
    if (pool.holders.empty() && pool.target->pools.connections.empty())
        return "Instrument the application: that tells who holds what, by line.";
    return "Look at its holders on the Pools page.";
}

std::string sentence_of(const PoolCase& pool, const Verdict& v, const BlamedStatement& blamed)
{
    const std::string head = standing(pool);
    const auto many = static_cast<std::int64_t>(v.by.size());
    switch (v.cause) {
    case Cause::leak:
        if (v.by.empty())
            return fmt::format("{}: about {:.0f} do not come back, while the others are held no "
                               "longer than usual.",
                               head, std::floor(v.stuck));
        return fmt::format("{}: {} lent{} {} not come back, the oldest for {}.", head,
                           count_of(many, "connection"), of_place(v), many == 1 ? "has" : "have",
                           ago(v.by.front().age));
    case Cause::held_while_idle:
        return fmt::format("{}: {} while other work is done{}.", head,
                           v.by.empty() ? std::string{"its connections are held"}
                                        : count_of(many, "connection") +
                                              (many == 1 ? " is held" : " are held"),
                           of_place(v));
    case Cause::slow_statements: {
        std::string words =
            v.by.empty() ? "its connections run statements that take longer than usual"
                         : fmt::format("{} run statements, the longest for {} so far",
                                       count_of(many, "connection"), ago(longest_activity(v.by)));
        return fmt::format("{}: {}{}.", head, words,
                           blamed.text.empty() ? "" : ", most of them " + blamed.text);
    }
    case Cause::lock_pile_up:
        if (v.tree != nullptr && pool.server != nullptr)
            return fmt::format("{}: {} behind {}.", head,
                               count_of(v.tree->root.blocks, "session") +
                                   (v.tree->root.blocks == 1 ? " waits" : " wait"),
                               root_in_words(*pool.input, *pool.server, *v.tree));
        return fmt::format("{}: its connections wait for locks.", head);
    case Cause::load_spike:
    case Cause::pool_too_small:
        return sentence_of_load(pool, v);
    case Cause::server_full:
        return pool.server == nullptr ? fmt::format("{}: its server is full.", head)
               : pool.server->status.reach != Reach::up // what it said last is old
                   ? fmt::format("{}: it can open no more, as {} has no slot left.", head,
                                 plain_line(pool.server->info.name, 64))
                   : fmt::format("{}: it can open no more, as {} has no slot left; {}.", head,
                                 plain_line(pool.server->info.name, 64),
                                 most_of_slots(*pool.server));
    case Cause::bypass:
    case Cause::server_gone:
        return fmt::format("{}: its server is gone, or the way there is.", head);
    case Cause::undecided:
        break;
    }
    return fmt::format("{}. Why cannot be told from what is attached: {}. {}", head,
                       candidates_in_words(v.candidates), look_next(pool));
}

void add(Diagnosis& to, std::string sentence, std::string_view page, Timestamp at)
{
    DiagnosisEvidence evidence;
    evidence.sentence = std::move(sentence);
    evidence.page = page;
    evidence.at = at;
    to.evidence.push_back(std::move(evidence));
}

/// How long what came back was held, and before.
void add_use(Diagnosis& to, const PoolCase& pool)
{
    const auto& recent = pool.recent;
    if (recent && recent->returned > 0) {
        std::string text =
            fmt::format("In the last {} {} came back",
                        ago(std::chrono::round<std::chrono::seconds>(recent->over)),
                        count_of(static_cast<std::int64_t>(recent->returned), "checkout"));
        if (recent->use)
            text += fmt::format(", held for {} each", format_duration_prose(*recent->use));
        if (pool.usual_use)
            text += fmt::format("; before, it was {}", format_duration_prose(*pool.usual_use));
        add(to, text + '.', "pools", pool.now);
    } else if (recent && pool.usual_use && to.cause == Cause::slow_statements) {
        add(to,
            fmt::format("Nothing came back in the last {}; before, each was held for {}.",
                        ago(std::chrono::round<std::chrono::seconds>(recent->over)),
                        format_duration_prose(*pool.usual_use)),
            "pools", pool.now);
    }
}

void add_acquires(Diagnosis& to, const PoolCase& pool)
{
    const auto& recent = pool.recent;
    if (pool.past && recent)
        add(to,
            fmt::format("Acquires: {} now, {} before.", rate_in_words(recent->arrivals),
                        rate_in_words(pool.past->arrivals)),
            "pools", pool.since);
}

/// "Lent to POST /orders, tenant=eu-2,"
std::string lent_in_words(const Checkout& checkout)
{
    const std::string whose = holder_in_words(checkout);
    return whose.empty() ? fmt::format("Checkout {}, lent", line_of(checkout.key.id))
                         : fmt::format("Lent to {},", whose);
}

void add_holders(Diagnosis& to, const PoolCase& pool, const Verdict& v)
{
    constexpr std::size_t most = 3;
    std::size_t told = 0;
    for (std::size_t i = 0; i < v.by.size() && told < most; ++i) {
        const CaseHolder& holder = v.by[i];
        static constexpr std::array<std::string_view, 5> does{
            "running a statement", "waiting for a lock", "idle", "idle in its transaction", ""};
        const std::string_view what = does.at(static_cast<std::size_t>(holder.activity));
        std::string doing;
        if (!what.empty()) {
            const std::string since = ago(holder.activity_for);
            doing = since == ago(holder.age) ? fmt::format("; {} all the while", what)
                                             : fmt::format("; {} for {}", what, since);
        }
        DiagnosisEvidence evidence;
        evidence.sentence =
            fmt::format("{} for {}{}.", lent_in_words(*holder.checkout), ago(holder.age), doing);
        // One that says what another has said is no more evidence to whoever reads it.
        if (std::any_of(to.evidence.begin(), to.evidence.end(),
                        [&](const auto& before) { return before.sentence == evidence.sentence; }))
            continue;
        ++told;
        evidence.page = "leaks"; // which lists all holders, suspected or not
        evidence.at = pool.now;
        evidence.checkout = holder.checkout->key;
        to.evidence.push_back(std::move(evidence));
    }
}

std::string prevention_of(const PoolCase& pool, const Verdict& v, const BlamedStatement& blamed)
{
    const std::string at = of_place(v);
    switch (v.cause) {
    case Cause::leak:
        return at.empty() ? "Attach to the application with an agent to see the line that takes "
                            "them."
                          : fmt::format("What is taken{} must be given back on every path, also "
                                        "where something fails.",
                                        at);
    case Cause::held_while_idle:
        return fmt::format("Do the other work before taking the connection{}, or after giving it "
                           "back.",
                           at);
    case Cause::slow_statements:
        return prevention_of_slow(pool, v, blamed);
    case Cause::lock_pile_up:
        return "Keep transactions short, and bound them: lock_timeout for those who wait, "
               "idle_in_transaction_session_timeout for who holds.";
    case Cause::load_spike:
        return prevention_of_spike(pool);
    case Cause::pool_too_small:
        return raise_in_words(pool) + ", if the server has slots for that.";
    case Cause::server_full:
    case Cause::bypass:
        return std::string{slots_advice};
    case Cause::server_gone:
    case Cause::undecided:
        break;
    }
    return {};
}

} // namespace

std::string holder_in_words(const Checkout& checkout)
{
    constexpr std::size_t most_tags = 2;
    std::string whose = plain_line(checkout.acquired_by.str(), 64);
    if (whose.empty() && !checkout.thread.empty())
        whose = "thread " + plain_line(checkout.thread.str(), 64);
    for (std::size_t i = 0; i < std::min(most_tags, checkout.tags.size()); ++i)
        whose += (whose.empty() ? "" : ", ") + plain_line(checkout.tags[i].first.str(), 32) + '=' +
                 plain_line(checkout.tags[i].second.str(), 64);
    return whose;
}

std::string_view size_setting(std::string_view kind)
{
    // As each library's manual names it.
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> settings{{
        {"poolscope", "max_connections"},
        {"hikaricp", "maximumPoolSize"},
        {"sqlalchemy", "pool_size + max_overflow"}, // as its size is told, and set in two parts
        {"database/sql", "SetMaxOpenConns"},
        {"r2d2", "max_size"},
        {"diesel", "max_size"},
        {"dbcp2", "maxTotal"},
        {"commons-dbcp2", "maxTotal"},
        {"dbcp", "maxActive"},
        {"tomcat", "maxActive"},
        {"tomcat-jdbc", "maxActive"},
        {"druid", "maxActive"},
        {"pgbouncer", "pool_size"},
        {"c3p0", "maxPoolSize"},
    }};
    const auto found = std::find_if(settings.begin(), settings.end(),
                                    [kind](const auto& s) { return s.first == kind; });
    return found == settings.end() ? std::string_view{} : found->second;
}

Diagnosis diagnosis_of(const PoolCase& pool, const Verdict& verdict)
{
    Diagnosis made;
    made.target = pool.target->info.id;
    made.pool = pool.pool->name;
    made.cause = verdict.cause;
    made.confidence = verdict.cause == Cause::undecided ? Confidence::low : verdict.confidence;
    made.exhausted = pool.strain == Strain::exhausted;
    made.since = pool.since;
    for (const Cause candidate : verdict.candidates) {
        if (candidate != verdict.cause && std::find(made.candidates.begin(), made.candidates.end(),
                                                    candidate) == made.candidates.end())
            made.candidates.push_back(candidate);
    }
    const BlamedStatement blamed = verdict.cause == Cause::slow_statements
                                       ? blamed_statement(pool, verdict)
                                       : BlamedStatement{};
    made.sentence = sentence_of(pool, verdict, blamed);
    made.waits = blamed.waits;
    // Whose fault it is comes before who suffers from it.
    if (verdict.cause == Cause::lock_pile_up && verdict.tree != nullptr) {
        const SessionKey& root = verdict.tree->root.key;
        if (pool.server != nullptr)
            add_last_statement(made, *pool.server, root, pool.now);
        const std::int32_t behind = verdict.tree->root.blocks;
        add(made,
            fmt::format("{} {} behind it.", count_of(behind, "session"),
                        behind == 1 ? "waits" : "wait"),
            "blocking", pool.now);
        made.evidence.back().session = root;
    }
    const auto add_said = [&](std::string sentence, std::string_view page) {
        if (!sentence.empty())
            add(made, std::move(sentence), page, pool.now);
    };
    // Of a server that is not attached there is nothing to see.
    const std::string_view page_of_server = pool.server == nullptr ? "pools" : "sessions";
    if (verdict.cause == Cause::slow_statements) {
        add_use(made, pool); // what has changed
        add_said(waits_in_words(pool, blamed), page_of_server);
        add_acquires(made, pool);
        add_holders(made, pool, verdict);
    } else if (verdict.cause == Cause::load_spike) {
        add_said(callers_in_words(pool), "pools");
        add_said(room_in_words(pool), page_of_server);
        add_use(made, pool);
        add_acquires(made, pool);
        add_holders(made, pool, verdict);
    } else {
        add_holders(made, pool, verdict);
        add_use(made, pool);
        add_acquires(made, pool);
    }
    const auto lost = pool.input->disagreements.lost.find(pool.target->info.id);
    if (lost != pool.input->disagreements.lost.end())
        add(made,
            fmt::format("The pools of {} still list {} that the server has no more.",
                        plain_line(pool.target->info.name, 64),
                        count_of(static_cast<std::int64_t>(lost->second.size()), "connection")),
            "pools", pool.now);
    if (made.cause == Cause::server_gone && pool.server != nullptr &&
        pool.server->status.reach == Reach::failing)
        add(made,
            fmt::format("{}: {}", plain_line(pool.server->info.name, 64),
                        plain_line(pool.server->status.sentence, 400)),
            "sessions", pool.now);
    made.relief = relief_of(pool, verdict, blamed);
    made.prevention = prevention_of(pool, verdict, blamed);
    return made;
}

} // namespace poolscope
