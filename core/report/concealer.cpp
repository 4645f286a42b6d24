// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealer.h"

#include "core/record/redact.h"
#include "core/report/conceallearn.h"

#include <algorithm>

namespace poolscope::report {

namespace {

constexpr std::size_t most_kept = 50'000;

bool word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// The length of "10.0.0.1" at the beginning; 0 where it is none.
std::size_t address_length(std::string_view text)
{
    std::size_t at = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t from = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9')
            ++at;
        if (at == from || at - from > 3)
            return 0;
        if (part < 3 && (at >= text.size() || text[at++] != '.'))
            return 0;
    }
    return at;
}

/// A setting that says nothing of where or who: a number, a duration, yes or no, a keyword.
bool is_harmless(std::string_view value)
{
    constexpr std::string_view keywords[] = {
        "true",        "false",     "on",   "off",  "yes",       "no",       "none", "session",
        "transaction", "statement", "lifo", "fifo", "unlimited", "disabled", "?",    "-"};
    if (std::find(std::begin(keywords), std::end(keywords), value) != std::end(keywords))
        return true;
    const std::size_t digits = value.find_first_not_of("-+.0123456789");
    if (digits == std::string_view::npos)
        return address_length(value) == 0;
    const std::string_view unit = value.substr(digits);
    return digits > 0 && unit.size() <= 8 &&
           unit.find_first_not_of(" abcdefghijklmnopqrstuvwxyz%") == std::string_view::npos;
}

/// The same thing comes many times: what it becomes is made once, and kept with it, so that its
/// address stays its own.
template <class Kept, class Key, class Value, class Make>
Value made_once(Kept& kept, Key key, const Value& of, Make make)
{
    if (const auto known = kept.find(key); known != kept.end())
        return known->second.second;
    if (kept.size() >= most_kept)
        kept.clear();
    Value made = make();
    kept.emplace(key, std::pair{of, made});
    return made;
}

/// The folder of a user names them.
std::string without_home(const std::string& path)
{
    for (const std::string_view home : {"/home/", "/Users/", "\\Users\\"}) {
        const std::size_t at = path.find(home);
        if (at == std::string::npos)
            continue;
        const std::size_t name = at + home.size();
        const std::size_t end = path.find(home.back(), name);
        return path.substr(0, name) + '?' +
               (end == std::string::npos ? std::string{} : path.substr(end));
    }
    return path;
}

} // namespace

std::string Concealer::words(std::string_view text) const
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const bool begins = at == 0 || !word_character(text[at - 1]);
        std::size_t taken = 0;
        for (auto length = lengths_.rbegin(); begins && length != lengths_.rend(); ++length) {
            if (*length > text.size() - at)
                continue;
            if (at + *length < text.size() && word_character(text[at + *length]) &&
                word_character(text[at + *length - 1]))
                continue;
            const auto known = names_.find(text.substr(at, *length));
            if (known == names_.end())
                continue;
            out += known->second;
            taken = *length;
            break;
        }
        if (begins && taken == 0) {
            taken = address_length(text.substr(at));
            if (taken > 0)
                out += "address";
        }
        if (taken == 0) {
            out += text[at];
            taken = 1;
        }
        at += taken;
    }
    return out;
}

Text Concealer::words(const Text& text)
{
    if (text.empty())
        return text;
    return made_once(texts_, text.identity(), text, [&] { return Text{words(text.str())}; });
}

Text Concealer::address(const Text& address)
{
    const AddressParts parts = parts_of_address(address.str());
    const auto known = names_.find(parts.host);
    if (known == names_.end())
        return words(address);
    return Text{known->second + std::string(parts.rest)};
}

Text Concealer::statement(const Text& statement, bool postgres)
{
    if (statement.empty())
        return statement;
    return made_once(statements_, statement.identity(), statement, [&] {
        return Text{words(redact_statement(statement.str(), postgres ? SqlDialect::postgresql
                                                                     : SqlDialect::unknown))};
    });
}

bool Concealer::speaks_postgres(TargetId target) const
{
    const auto known = targets_.find(target);
    return known != targets_.end() && known->second.kind == "postgresql";
}

AlertRules Concealer::conceal(const AlertRules& rules) const
{
    AlertRules result;
    for (const AlertRule& rule : rules.rules) {
        AlertRule named = rule;
        named.name = words(rule.name);
        named.pool = words(rule.pool);
        if (rule.target == "*") {
            result.rules.push_back(named);
            continue;
        }
        for (const auto& [id, info] : targets_) {
            if (!matches_pattern(rule.target, info.name))
                continue;
            named.target = conceal(info).name;
            result.rules.push_back(named);
        }
    }
    return result;
}

TargetInfo Concealer::conceal(const TargetInfo& info) const
{
    TargetInfo result = info;
    result.name = info.kind + '-' + std::to_string(info.id.value);
    result.url = result.name;
    return result;
}

TargetStatus Concealer::conceal(const TargetStatus& status) const
{
    TargetStatus result = status;
    result.sentence = words(status.sentence);
    result.next_step = words(status.next_step);
    return result;
}

ServerFacts Concealer::conceal(const ServerFacts& facts) const
{
    ServerFacts result = facts;
    result.role = words(facts.role);
    result.missing_grant = words(facts.missing_grant);
    return result;
}

ServerSettings Concealer::conceal(const ServerSettings& settings) const
{
    ServerSettings result = settings;
    for (ServerSetting& setting : result.all) {
        setting.subject = words(setting.subject);
        if (!is_harmless(setting.value))
            setting.value = "?";
    }
    return result;
}

AgentFacts Concealer::conceal(const AgentFacts& facts) const
{
    AgentFacts result = facts;
    result.process = words(facts.process);
    result.host = words(facts.host);
    return result;
}

Session Concealer::conceal(const Session& session)
{
    Session result = session;
    result.user = words(session.user);
    result.database = words(session.database);
    result.application = words(session.application);
    result.client = address(session.client);
    result.statement = statement(session.statement, speaks_postgres(session.key.target));
    return result;
}

Pool Concealer::conceal(const Pool& pool)
{
    Pool result = pool;
    result.name = words(pool.name);
    result.database = words(pool.database);
    result.health = words(pool.health);
    for (auto& [name, value] : result.configuration) {
        if (!is_harmless(value))
            value = "?";
    }
    return result;
}

StackRef Concealer::conceal(const StackRef& stack)
{
    if (!stack)
        return stack;
    return made_once(stacks_, stack.get(), stack, [&] {
        std::vector<StackLine> lines = stack->lines;
        for (StackLine& line : lines) {
            line.function = words(line.function);
            if (!line.file.empty())
                line.file = Text{words(without_home(line.file.str()))};
        }
        return make_stack(std::move(lines));
    });
}

Checkout Concealer::conceal(const Checkout& checkout)
{
    Checkout result = checkout;
    result.pool = words(checkout.pool);
    result.connection = words(checkout.connection);
    result.acquired_by = words(checkout.acquired_by);
    result.thread = words(checkout.thread);
    if (!checkout.trace_id.empty())
        result.trace_id = Text{"?"};
    for (auto& [name, value] : result.tags) {
        // The client's port is what a pooler's connections are joined by.
        if (name.str() == "client")
            value = address(value);
        else if (name.str() == "user" || name.str() == "application" || name.str() == "database")
            value = words(value);
        else if (!value.empty())
            value = Text{"?"};
    }
    result.stack = conceal(checkout.stack);
    result.statement = statement(checkout.statement, false);
    return result;
}

PoolSample Concealer::conceal(const PoolSample& sample)
{
    PoolSample result = sample;
    for (Pool& pool : result.pools)
        pool = conceal(pool);
    for (PoolConnection& connection : result.opened) {
        connection.key.pool = words(connection.key.pool);
        connection.key.id = words(connection.key.id);
        connection.health = words(connection.health);
    }
    for (ConnectionKey& key : result.closed)
        key = {words(key.pool), words(key.id)};
    for (Checkout& checkout : result.changed)
        checkout = conceal(checkout);
    for (BriefHolds& brief : result.brief) {
        brief.pool = words(brief.pool);
        brief.stack = conceal(brief.stack);
    }
    for (AcquireTimeout& timeout : result.timeouts) {
        timeout.pool = words(timeout.pool);
        timeout.acquired_by = words(timeout.acquired_by);
        timeout.stack = conceal(timeout.stack);
    }
    for (PreparedStatements& prepared : result.prepared) {
        prepared.pool = words(prepared.pool);
        prepared.stack = conceal(prepared.stack);
        prepared.statement = statement(prepared.statement, false);
    }
    // Other names stand in another order.
    std::sort(result.pools.begin(), result.pools.end(),
              [](const Pool& a, const Pool& b) { return a.name < b.name; });
    std::sort(result.opened.begin(), result.opened.end(),
              [](const PoolConnection& a, const PoolConnection& b) { return a.key < b.key; });
    std::sort(result.closed.begin(), result.closed.end());
    std::sort(result.prepared.begin(), result.prepared.end(),
              [](const PreparedStatements& a, const PreparedStatements& b) {
                  return key_of(a) < key_of(b);
              });
    return result;
}

ServerSample Concealer::conceal(const ServerSample& sample)
{
    ServerSample result = sample;
    for (Session& session : result.changed)
        session = conceal(session);
    return result;
}

Observation Concealer::conceal(const Observation& observation)
{
    Observation result{observation.sequence, observation.time, observation.target, Tick{}};
    result.what = std::visit(
        [this](const auto& fact) -> Fact {
            using Kind = std::decay_t<decltype(fact)>;
            if constexpr (std::is_same_v<Kind, TargetAttached>)
                return TargetAttached{conceal(fact.info)};
            else if constexpr (std::is_same_v<Kind, StatusChanged>)
                return StatusChanged{conceal(fact.status)};
            else if constexpr (std::is_same_v<Kind, FactsReported>)
                return FactsReported{conceal(fact.facts)};
            else if constexpr (std::is_same_v<Kind, SettingsReported>)
                return SettingsReported{conceal(fact.settings)};
            else if constexpr (std::is_same_v<Kind, AgentReported>)
                return AgentReported{conceal(fact.facts)};
            else if constexpr (std::is_same_v<Kind, ServerSample> ||
                               std::is_same_v<Kind, PoolSample>)
                return conceal(fact);
            else if constexpr (std::is_same_v<Kind, Note>)
                return Note{"(left out)"};
            else if constexpr (std::is_same_v<Kind, Gap>)
                return Gap{words(fact.reason)};
            else if constexpr (std::is_same_v<Kind, ThresholdsChanged> ||
                               std::is_same_v<Kind, AlertAnswered>) {
                Kind copy = fact;
                copy.pool = words(fact.pool);
                if constexpr (std::is_same_v<Kind, AlertAnswered>)
                    copy.rule = words(fact.rule);
                return copy;
            } else if constexpr (std::is_same_v<Kind, ActionReported>) {
                ActionReported copy = fact;
                copy.sentence = words(fact.sentence);
                return copy;
            } else
                return fact;
        },
        observation.what);
    return result;
}

World Concealer::conceal(const World& world)
{
    std::map<TargetId, TargetState> targets;
    for (const auto& [id, was] : world.targets()) {
        TargetState target = was;
        target.info = conceal(was.info);
        target.status = conceal(was.status);
        if (was.facts)
            target.facts = conceal(*was.facts);
        if (was.settings)
            target.settings = conceal(*was.settings);
        for (auto& [pid, session] : target.sessions)
            session = conceal(session);
        target.pools = Pools{};
        if (was.pools.agent)
            target.pools.agent = conceal(*was.pools.agent);
        target.pools.apply(conceal(picture_of(was.pools, was.clock_offset)));
        target.pools.lost = was.pools.lost;
        target.pools.unreadable = was.pools.unreadable;
        target.pools.unmatched = was.pools.unmatched;
        targets.emplace(id, std::move(target));
    }
    std::vector<ActionRecord> actions = world.actions();
    for (ActionRecord& action : actions) {
        action.subject = words(action.subject);
        action.outcome = words(action.outcome);
    }
    std::vector<NoteRecord> notes = world.notes();
    for (NoteRecord& note : notes)
        note.text = "(left out)";
    World::ThresholdChoices choices;
    for (const auto& [of, thresholds] : world.chosen_thresholds())
        choices[{of.first, words(of.second)}] = thresholds;
    World::AlertAnswers answers;
    for (const auto& [of, answer] : world.alert_answers()) {
        AlertAnswered copy = answer;
        copy.pool = words(answer.pool);
        copy.rule = words(answer.rule);
        answers[{std::get<0>(of), copy.pool, copy.rule}] = copy;
    }
    World result;
    result.restore(world.sequence(), world.now(), std::move(targets), std::move(actions),
                   std::move(notes), std::move(choices), world.alert_rules(), std::move(answers));
    return result;
}

} // namespace poolscope::report
