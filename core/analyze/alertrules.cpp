// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/alertrules.h"

#include "core/base/text.h"

#include <fmt/format.h>

// Its headers alone: the packaged library throws, and is one more thing to install.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>
#include <utility>

namespace poolscope {

// The text of resources/alerts/default.toml; the build writes it.
extern const char* const built_in_alert_rules;

namespace {

constexpr std::array<std::pair<AlertMeasure, std::string_view>, 13> measure_names{{
    {AlertMeasure::used_ratio, "used_ratio"},
    {AlertMeasure::pending, "pending"},
    {AlertMeasure::wait, "wait"},
    {AlertMeasure::wait_growth, "wait_growth"},
    {AlertMeasure::timeouts, "timeouts"},
    {AlertMeasure::idle, "idle"},
    {AlertMeasure::circuit_open, "circuit_open"},
    {AlertMeasure::connections_ratio, "connections_ratio"},
    {AlertMeasure::lock_waiters, "lock_waiters"},
    {AlertMeasure::unreachable, "unreachable"},
    {AlertMeasure::refusing, "refusing"},
    {AlertMeasure::leaks, "leaks"},
    {AlertMeasure::critical_leaks, "critical_leaks"},
}};

constexpr std::array<std::string_view, 3> severity_names{"info", "warning", "critical"};

constexpr std::size_t longest_name = 64;

/// Reads one [[rule]]; what is wrong with it goes to `problems`, and then it counts as none.
class RuleReader
{
public:
    RuleReader(const toml::table& table, std::int32_t first_line, const std::string& file,
               std::vector<RuleProblem>& problems)
        : table_(table)
        , first_line_(first_line)
        , file_(file)
        , problems_(problems)
        , before_(problems.size())
    {}

    std::optional<AlertRule> read()
    {
        AlertRule rule;
        rule.name = text("name").value_or("");
        if (rule.name.empty())
            wrong(nullptr, "A rule needs a name.");
        measure(rule);
        if (const auto given = text("severity"))
            severity(rule, *given);
        thresholds(rule);
        durations(rule);
        rule.target = text("target").value_or("*");
        rule.pool = text("pool").value_or("*");
        if (const toml::node* const node = table_.get("enabled")) {
            if (const auto on = node->value_exact<bool>())
                rule.enabled = *on;
            else
                wrong(node, "\"enabled\" is true or false.");
        }
        unknown_keys();
        return problems_.size() == before_ ? std::optional(rule) : std::nullopt;
    }

private:
    void wrong(const toml::node* node, std::string sentence)
    {
        const auto line =
            node ? static_cast<std::int32_t>(node->source().begin.line) : std::int32_t{1};
        problems_.push_back({file_, first_line_ + std::max(line, 1) - 1, std::move(sentence)});
    }

    std::optional<std::string> text(const char* key)
    {
        const toml::node* const node = table_.get(key);
        if (!node)
            return std::nullopt;
        const auto value = node->value_exact<std::string>();
        if (!value || value->size() > longest_name) {
            wrong(node,
                  fmt::format("\"{}\" is a text of at most {} characters.", key, longest_name));
            return std::nullopt;
        }
        return plain_line(*value, longest_name);
    }

    void measure(AlertRule& rule)
    {
        const auto name = text("measure");
        const auto found = name ? measure_named(*name) : std::nullopt;
        if (found) {
            rule.measure = *found;
            return;
        }
        std::string known;
        for (const auto& [each, word] : measure_names)
            known += (known.empty() ? "" : ", ") + std::string(word);
        wrong(table_.get("measure"), "\"measure\" is one of " + known + ".");
    }

    void severity(AlertRule& rule, const std::string& name)
    {
        const auto found = std::find(severity_names.begin(), severity_names.end(), name);
        if (found == severity_names.end())
            wrong(table_.get("severity"), "\"severity\" is info, warning or critical.");
        else
            rule.severity = static_cast<AlertSeverity>(found - severity_names.begin());
    }

    /// A number, or a duration in seconds.
    std::optional<double> number(const char* key)
    {
        const toml::node* const node = table_.get(key);
        if (!node)
            return std::nullopt;
        if (const auto value = node->value<double>();
            value && node->is_number() && std::isfinite(*value) && *value >= 0)
            return value;
        if (const auto words = node->value_exact<std::string>()) {
            if (const auto duration = parse_duration(*words))
                return std::chrono::duration<double>(*duration).count();
        }
        wrong(node, fmt::format("\"{}\" is a number from 0, or a duration such as \"1s\".", key));
        return std::nullopt;
    }

    void thresholds(AlertRule& rule)
    {
        const bool least = table_.contains("at_least");
        rule.at_most = table_.contains("at_most");
        if (least == rule.at_most) {
            wrong(nullptr, "A rule needs either \"at_least\" or \"at_most\".");
            return;
        }
        const char* const side = rule.at_most ? "clear_above" : "clear_below";
        const char* const other = rule.at_most ? "clear_below" : "clear_above";
        if (const toml::node* const node = table_.get(other))
            wrong(node, fmt::format("With this threshold it is \"{}\".", side));
        rule.threshold = number(rule.at_most ? "at_most" : "at_least").value_or(0);
        rule.clear = number(side).value_or(rule.threshold);
        if (rule.at_most ? rule.clear < rule.threshold : rule.clear > rule.threshold)
            wrong(table_.get(side), "It would clear where it fires.");
    }

    Duration duration(const char* key, Duration most)
    {
        const toml::node* const node = table_.get(key);
        if (!node)
            return {};
        const auto words = node->value_exact<std::string>();
        const auto value = words ? parse_duration(*words) : std::nullopt;
        if (value && *value <= most)
            return *value;
        wrong(node, fmt::format("\"{}\" is a duration such as \"10s\", of at most {}.", key,
                                format_duration_prose(most)));
        return {};
    }

    void durations(AlertRule& rule)
    {
        rule.sustain = duration("for", longest_sustain);
        rule.clear_after = duration("clear_for", longest_clear);
        if (is_instant(rule.measure) && (rule.sustain + rule.clear_after).count() > 0)
            wrong(table_.contains("for") ? table_.get("for") : table_.get("clear_for"),
                  "Leaks have thresholds of their own: this measure takes no duration.");
    }

    void unknown_keys()
    {
        static const std::set<std::string_view> known{
            "name",        "measure", "severity",  "at_least", "at_most", "clear_below",
            "clear_above", "for",     "clear_for", "target",   "pool",    "enabled"};
        for (const auto& [key, node] : table_) {
            if (!known.contains(key.str()))
                wrong(&node,
                      fmt::format("A rule knows no \"{}\".", plain_line(key.str(), longest_name)));
        }
    }

    const toml::table& table_;
    std::int32_t first_line_;
    const std::string& file_;
    std::vector<RuleProblem>& problems_;
    std::size_t before_;
};

struct Piece
{
    std::string_view text;
    std::int32_t line = 1; ///< of its beginning
};

bool begins_rule(std::string_view line)
{
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.substr(0, 8) == "[[rule]]";
}

/// Each rule alone, so that a syntax error costs one; first what stands before them.
std::vector<Piece> pieces_of(std::string_view text)
{
    std::vector<Piece> pieces{{{}, 1}};
    std::size_t begin = 0;
    std::int32_t line = 1;
    for (std::size_t at = 0; at < text.size(); ++line) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        if (begins_rule(text.substr(at, end - at))) {
            pieces.back().text = text.substr(begin, at - begin);
            pieces.push_back({{}, line});
            begin = at;
        }
        at = end;
    }
    pieces.back().text = text.substr(begin);
    return pieces;
}

/// What must not reach the parser: it nests as deep as a key has dots, and dies of its own tables.
std::optional<RuleProblem> too_deep(const Piece& piece, const std::string& file)
{
    std::size_t counted = 0;
    std::int32_t number = piece.line;
    for (std::size_t at = 0; at < piece.text.size(); ++number) {
        const std::size_t end = std::min(piece.text.find('\n', at), piece.text.size());
        const std::string_view line = piece.text.substr(at, end - at);
        at = end + 1;
        const std::size_t begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos || line[begin] == '#')
            continue; // nothing nests there, nor in a text of several lines
        counted += line.size();
        if (line.size() > longest_rule_line)
            return RuleProblem{file, number,
                               fmt::format("A line is over {} bytes long.", longest_rule_line)};
    }
    if (counted > longest_rule)
        return RuleProblem{file, piece.line,
                           fmt::format("A rule is over {} bytes long.", longest_rule)};
    return std::nullopt;
}

/// Some, and whether there are more.
class ProblemList
{
public:
    explicit ProblemList(std::vector<RuleProblem>& all)
        : all_(all)
    {}
    void add(RuleProblem problem)
    {
        if (all_.size() < most_rule_problems)
            all_.push_back(std::move(problem));
        else if (all_.size() == most_rule_problems)
            all_.push_back({std::move(problem.file), problem.line, "… and more."});
    }

private:
    std::vector<RuleProblem>& all_;
};

} // namespace

std::string_view name_of(AlertMeasure measure)
{
    for (const auto& [each, name] : measure_names) {
        if (each == measure)
            return name;
    }
    return {};
}

std::optional<AlertMeasure> measure_named(std::string_view name)
{
    for (const auto& [each, word] : measure_names) {
        if (word == name)
            return each;
    }
    return std::nullopt;
}

bool is_instant(AlertMeasure measure)
{
    return measure == AlertMeasure::leaks || measure == AlertMeasure::critical_leaks;
}

std::string_view name_of(AlertSeverity severity)
{
    return severity_names.at(static_cast<std::size_t>(severity));
}

std::string RuleProblem::text() const
{
    return fmt::format("{}:{}: {}", file, line, sentence);
}

AlertRules parse_alert_rules(std::string_view text, const std::string& file)
{
    AlertRules read;
    if (text.size() > longest_rules) {
        read.problems.push_back({file, 1, "The file is over 256 KiB long; none of it was read."});
        return read;
    }
    std::set<std::string> names;
    ProblemList problems{read.problems};
    std::size_t count = 0;
    for (const Piece& piece : pieces_of(text)) {
        const bool first = count++ == 0;
        if (count > most_rules_read + 1) {
            problems.add({file, piece.line,
                          fmt::format("There are over {} rules, wrong ones too: the rest is not "
                                      "read.",
                                      most_rules_read)});
            break;
        }
        if (auto problem = too_deep(piece, file)) {
            problems.add(std::move(*problem));
            continue;
        }
        const toml::parse_result parsed = toml::parse(piece.text);
        if (!parsed) {
            const auto line = static_cast<std::int32_t>(parsed.error().source().begin.line);
            problems.add({file, piece.line + std::max(line, 1) - 1,
                          plain_line(std::string(parsed.error().description()), 200) + "."});
            continue;
        }
        const toml::table& table = parsed.table();
        if (first) {
            for (const auto& [key, node] : table)
                problems.add({file, static_cast<std::int32_t>(node.source().begin.line),
                              "Before the first [[rule]] there are comments alone."});
            continue;
        }
        const toml::array* const rules = table["rule"].as_array();
        const toml::table* const given =
            rules && rules->size() == 1 && table.size() == 1 ? rules->get(0)->as_table() : nullptr;
        if (!given) {
            problems.add({file, piece.line, "A rule is one [[rule]] and its settings."});
            continue;
        }
        std::vector<RuleProblem> wrong;
        auto rule = RuleReader(*given, piece.line, file, wrong).read();
        for (RuleProblem& each : wrong)
            problems.add(std::move(each));
        if (!rule)
            continue;
        if (!names.insert(rule->name).second) {
            problems.add(
                {file, piece.line, fmt::format("There is a rule \"{}\" already.", rule->name)});
        } else if (read.rules.size() == most_rules) {
            problems.add({file, piece.line, fmt::format("There are over {} rules.", most_rules)});
            break;
        } else {
            read.rules.push_back(std::move(*rule));
        }
    }
    return read;
}

std::string_view default_alert_rules_text()
{
    return built_in_alert_rules;
}

const AlertRules& default_alert_rules()
{
    static const AlertRules rules = parse_alert_rules(default_alert_rules_text(), "default.toml");
    return rules;
}

bool matches_pattern(std::string_view pattern, std::string_view name)
{
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) ==
               std::tolower(static_cast<unsigned char>(b));
    };
    // Of several * only the last needs to be tried again: linear in practice, never exponential.
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t tried = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            tried = n;
        } else if (p < pattern.size() && same(pattern[p], name[n])) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++tried;
        } else {
            return false;
        }
    }
    return pattern.substr(p).find_first_not_of('*') == std::string_view::npos;
}

} // namespace poolscope
