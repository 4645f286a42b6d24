// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/report/concealer.h"

#include "core/analyze/checknames.h"
#include "core/record/redact.h"
#include "core/report/concealsaid.h"
#include "core/report/concealtext.h"

#include <algorithm>

namespace poolscope::report {

namespace {

constexpr std::size_t most_kept = 50'000;
constexpr std::size_t most_kept_bytes = 32 * 1024 * 1024;

/// A setting that says nothing of where or who: a number, a duration, yes or no, a keyword.
bool is_harmless(std::string_view value)
{
    constexpr std::string_view keywords[] = {
        "true",        "false", "on",        "off",  "yes",  "no",   "session",
        "transaction", "None",  "statement", "lifo", "fifo", "none", "unlimited",
        "disabled",    "?",     "-",         "True", "False"};
    if (std::find(std::begin(keywords), std::end(keywords), value) != std::end(keywords))
        return true;
    if (value.find_first_not_of("-+.0123456789") == std::string_view::npos)
        return address_length(value) == 0;
    bool never = false;
    return value.size() <= 32 && read_written_duration(value, never).has_value();
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

/// "?1" says no more than "?", but its number would be taken for a literal: "??".
std::string without_parameter_numbers(std::string_view statement)
{
    std::string out;
    out.reserve(statement.size());
    for (std::size_t at = 0; at < statement.size(); ++at) {
        const char c = statement[at];
        out += c;
        while (c == '?' && at + 1 < statement.size() && statement[at + 1] >= '0' &&
               statement[at + 1] <= '9')
            ++at;
    }
    return out;
}

/// The folder of a user names them.
std::string without_home(const std::string& path)
{
    std::string out = path;
    for (const std::string_view home : {"/home/", "/Users/", "\\Users\\", "/Users\\"}) {
        for (std::size_t at = 0; (at = out.find(home, at)) != std::string::npos;) {
            at += home.size();
            out.replace(at, std::min(out.find_first_of("/\\", at), out.size()) - at, "?");
        }
    }
    return out;
}

/// Words that tell how it does, and decide what is found.
Text state_word(const Text& state)
{
    constexpr std::string_view known[] = {"",       "healthy", "degraded",  "unhealthy",
                                          "closed", "open",    "half-open", "half_open"};
    return std::find(std::begin(known), std::end(known), state.str()) != std::end(known)
               ? state
               : Text{"?"};
}

} // namespace

Text Concealer::address(const Text& address)
{
    if (address.empty())
        return address;
    return made_once(addresses_, address.identity(), address, [&] {
        const AddressParts parts = parts_of_address(address.str());
        return Text{host(parts.host).str() + std::string(port_alone(parts.rest))};
    });
}

Text Concealer::statement(const Text& statement, bool postgres)
{
    if (statement.empty())
        return statement;
    if (bytes_ > most_kept_bytes) {
        statements_.clear();
        bytes_ = 0;
    }
    return made_once(statements_, statement.identity(), statement, [&] {
        const SqlDialect dialect = postgres ? SqlDialect::postgresql : SqlDialect::unknown;
        const std::string plain = without_parameter_numbers(statement.str());
        Text made{replaced(redact_statement(plain, dialect), Within::statement)};
        bytes_ += statement.str().size() + made.str().size();
        return made;
    });
}

bool Concealer::speaks_postgres(TargetId target) const
{
    const auto known = targets_.find(target);
    return known != targets_.end() && known->second.kind == "postgresql";
}

AlertRules Concealer::conceal(const AlertRules& rules) const
{
    const bool renamed = std::any_of(pool_names_.begin(), pool_names_.end(), [](const auto& each) {
        return each.first != each.second.str();
    });
    AlertRules result;
    const auto add = [&](const AlertRule& rule) {
        if (rule.pool == "*" || !renamed) {
            result.rules.push_back(rule);
            return;
        }
        for (const auto& [name, with_user] : pools_) {
            if (!matches_pattern(rule.pool, name))
                continue;
            AlertRule named = rule;
            named.pool = pool(Text{name}).str();
            result.rules.push_back(std::move(named));
        }
    };
    for (const AlertRule& rule : rules.rules) {
        AlertRule named = rule;
        named.name = words(rule.name);
        if (rule.target == "*") {
            add(named);
            continue;
        }
        for (const auto& [id, info] : targets_) {
            if (!matches_pattern(rule.target, info.name))
                continue;
            named.target = conceal(info).name;
            add(named);
        }
    }
    // Where no rule could be read others take their place; where none applies, none does.
    if (rules.rules.empty())
        result.problems = rules.problems;
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
    result.sentence = told_of(status);
    result.next_step.clear();
    return result;
}

ServerFacts Concealer::conceal(const ServerFacts& facts) const
{
    ServerFacts result = facts;
    result.version = label(facts.version);
    result.role = user(facts.role);
    // "GRANT pg_monitor TO dba;"
    if (const std::size_t to = facts.missing_grant.find(" TO "); to != std::string::npos)
        result.missing_grant =
            facts.missing_grant.substr(0, to + 4) + (result.role.empty() ? "?" : result.role) + ';';
    else if (!facts.missing_grant.empty())
        result.missing_grant = "another grant";
    return result;
}

ServerSettings Concealer::conceal(const ServerSettings& settings) const
{
    ServerSettings result = settings;
    for (ServerSetting& setting : result.all) {
        setting.subject = setting.scope == SettingScope::role
                              ? user(setting.subject)
                              : database(Text{setting.subject}).str();
        if (!is_harmless(setting.value))
            setting.value = "?";
    }
    return result;
}

AgentFacts Concealer::conceal(const AgentFacts& facts) const
{
    AgentFacts result = facts;
    result.agent = label(facts.agent);
    result.process = label(facts.process);
    result.host = host(facts.host).str();
    return result;
}

Session Concealer::conceal(const Session& session)
{
    Session result = session;
    result.user = user(session.user);
    result.database = database(session.database);
    result.application = application(session.application);
    result.client = address(session.client);
    result.statement = statement(session.statement, speaks_postgres(session.key.target));
    return result;
}

Pool Concealer::conceal(const Pool& pool) const
{
    Pool result = pool;
    result.name = this->pool(pool.name);
    result.kind = Text{label(pool.kind.str())};
    result.database = way(pool.database);
    result.circuit = state_word(pool.circuit);
    result.health = state_word(pool.health);
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
            if (!line.file.empty())
                line.file = Text{without_home(line.file.str())};
        }
        return make_stack(std::move(lines));
    });
}

Checkout Concealer::conceal(const Checkout& checkout)
{
    Checkout result = checkout;
    result.pool = pool(checkout.pool);
    result.acquired_by = caller(checkout.acquired_by);
    if (!checkout.thread.empty())
        result.thread = Text{label(checkout.thread.str())};
    if (!checkout.trace_id.empty())
        result.trace_id = Text{"?"};
    for (auto& [name, value] : result.tags) {
        // The client's port is what a pooler's connections are joined by.
        if (name.str() == "client")
            value = address(value);
        else if (name.str() == "user")
            value = user(value);
        else if (name.str() == "application")
            value = application(value);
        else if (name.str() == "database")
            value = database(value);
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
    for (Pool& each : result.pools)
        each = conceal(each);
    for (PoolConnection& connection : result.opened) {
        connection.key.pool = pool(connection.key.pool);
        connection.health = state_word(connection.health);
    }
    for (ConnectionKey& key : result.closed)
        key.pool = pool(key.pool);
    for (Checkout& checkout : result.changed)
        checkout = conceal(checkout);
    for (BriefHolds& brief : result.brief) {
        brief.pool = pool(brief.pool);
        brief.stack = conceal(brief.stack);
    }
    for (AcquireTimeout& timeout : result.timeouts) {
        timeout.pool = pool(timeout.pool);
        timeout.acquired_by = caller(timeout.acquired_by);
        timeout.stack = conceal(timeout.stack);
    }
    for (PreparedStatements& prepared : result.prepared) {
        prepared.pool = pool(prepared.pool);
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
                return Note{"(left out)", fact.about};
            else if constexpr (std::is_same_v<Kind, Gap>)
                return Gap{told_of_gap(fact.reason)};
            else if constexpr (std::is_same_v<Kind, ThresholdsChanged> ||
                               std::is_same_v<Kind, AlertAnswered>) {
                Kind copy = fact;
                copy.pool = pool(fact.pool);
                if constexpr (std::is_same_v<Kind, AlertAnswered>)
                    copy.rule = words(fact.rule);
                return copy;
            } else if constexpr (std::is_same_v<Kind, ActionReported>) {
                ActionReported copy = fact;
                copy.sentence = told_of_action(fact.sentence);
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
        action.subject = told_of_action(action.subject);
        action.outcome = told_of_action(action.outcome);
    }
    std::vector<NoteRecord> notes = world.notes();
    for (NoteRecord& note : notes)
        note.text = "(left out)";
    World::ThresholdChoices choices;
    for (const auto& [of, thresholds] : world.chosen_thresholds())
        choices[{of.first, pool(of.second)}] = thresholds;
    World::AlertAnswers answers;
    for (const auto& [of, answer] : world.alert_answers()) {
        AlertAnswered copy = answer;
        copy.pool = pool(answer.pool);
        copy.rule = words(answer.rule);
        answers[{std::get<0>(of), copy.pool, copy.rule}] = copy;
    }
    World result;
    result.restore(world.sequence(), world.now(), std::move(targets), std::move(actions),
                   std::move(notes), std::move(choices), world.alert_rules(), std::move(answers));
    return result;
}

} // namespace poolscope::report
