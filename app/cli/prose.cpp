// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/prose.h"

#include "app/cli/cells.h"
#include "core/analyze/words.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace poolscope {

namespace {

constexpr std::size_t longestStatement = 1000;

std::string cell(std::optional<Duration> age)
{
    return age ? format_duration_cell(*age) : "-";
}

std::string pids(const std::vector<Pid>& all)
{
    std::string text;
    for (const Pid pid : all)
        text += (text.empty() ? "" : ",") + std::to_string(pid.value);
    return text.empty() ? "-" : text;
}

bool severalTargets(const Picture& picture)
{
    return picture.targets.size() > 1;
}

std::string targetName(const TargetSummary& target)
{
    return plain_line(target.info.name, 64);
}

void addNode(const Picture& picture, const TargetSummary& target, const BlockingNode& node,
             int depth, int width, std::string& text)
{
    std::string line(static_cast<std::size_t>(depth) * 4, ' ');
    const SessionRow* const row = picture.row(node.key);
    if (!row) {
        line += waiter_in_words(node.key);
    } else {
        const Session& s = row->session;
        line += fmt::format("{}  {}  {}", s.key.pid.value, holderOf(s), in_words(s.state));
        if (s.state_since)
            line += " for " + format_duration_prose(picture.age(target, *s.state_since));
        if (node.blocks > 0)
            line += ", " + behind_in_words(node.blocks);
        line += "  " + cleaned(s.statement, longestStatement);
    }
    text += (width > 0 ? shortened(line, width) : line) + '\n';
    for (const BlockingNode& waiter : node.waiting)
        addNode(picture, target, waiter, depth + 1, width, text);
}

} // namespace

std::string cleaned(const Text& text, std::size_t maxBytes)
{
    std::string line = plain_line(text.str(), maxBytes);
    // Lines of a statement come with their indents.
    const auto blanks =
        std::unique(line.begin(), line.end(), [](char a, char b) { return a == ' ' && b == ' '; });
    line.erase(blanks, line.end());
    return line;
}

std::string holderOf(const Session& session)
{
    if (!session.application.empty())
        return cleaned(session.application);
    if (!session.user.empty())
        return cleaned(session.user);
    return session.backend_type.empty() ? "unknown" : cleaned(session.backend_type);
}

std::vector<const SessionRow*> worstFirst(const Picture& picture)
{
    using Rank = std::tuple<int, std::int32_t, Timestamp, SessionKey>;
    std::vector<std::pair<Rank, const SessionRow*>> ranked;
    for (const auto& [key, row] : picture.rows) {
        const TargetSummary* const target = picture.target(key.target);
        if (!target || picture.isOwn(row.session))
            continue;
        const auto suspect =
            std::find_if(target->suspects.begin(), target->suspects.end(),
                         [&key = key](const SuspectedLeak& leak) { return leak.session == key; });
        const SessionState state = row.session.state;
        int rank = 6;
        if (suspect != target->suspects.end())
            rank = suspect->severity == LeakSeverity::critical ? 0 : 1;
        else if (row.blocks > 0)
            rank = 2;
        else if (state == SessionState::waiting)
            rank = 3;
        else if (row.session.transaction_since && state != SessionState::active)
            rank = 4;
        else if (state == SessionState::active)
            rank = 5;
        else if (!row.session.is_client())
            rank = 7;
        ranked.emplace_back(
            Rank{rank, -row.blocks, row.session.state_since.value_or(Timestamp::max()), key}, &row);
    }
    std::sort(ranked.begin(), ranked.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<const SessionRow*> rows;
    rows.reserve(ranked.size());
    for (const auto& [rank, row] : ranked)
        rows.push_back(row);
    return rows;
}

std::string sessionsText(const Picture& picture, int width)
{
    TextTable table;
    if (severalTargets(picture))
        table.add_column("TARGET");
    table.add_column("PID", true);
    table.add_column("STARTED");
    table.add_column("STATE");
    table.add_column("FOR", true);
    table.add_column("TRANSACTION", true);
    for (const char* title : {"USER", "DATABASE", "APPLICATION", "CLIENT", "WAITS FOR"})
        table.add_column(title);
    table.add_column("BLOCKED BY");
    table.add_column("BLOCKS", true);
    table.add_column("STATEMENT");
    for (const SessionRow* const row : worstFirst(picture)) {
        const Session& s = row->session;
        const TargetSummary& target = *picture.target(s.key.target);
        std::vector<std::string> cells;
        if (severalTargets(picture))
            cells.push_back(targetName(target));
        cells.push_back(std::to_string(s.key.pid.value));
        const bool began = to_us(s.key.started) != 0 && tells_session_start(target.info.kind);
        cells.push_back(began ? format_iso8601(s.key.started) : "-");
        cells.push_back(in_words(s.state));
        cells.push_back(cell(picture.age(target, s.state_since)));
        cells.push_back(cell(picture.age(target, s.transaction_since)));
        for (const Text* const text :
             {&s.user, &s.database, &s.application, &s.client, &s.wait_event})
            cells.push_back(shown(*text));
        cells.push_back(pids(s.blocked_by));
        cells.push_back(row->blocks > 0 ? std::to_string(row->blocks) : "-");
        cells.push_back(cleaned(s.statement, longestStatement));
        table.add_row(std::move(cells));
    }
    return joined(table.lines(width));
}

std::string leaksText(const Picture& picture, int width)
{
    std::string text;
    for (const TargetSummary& target : picture.targets) {
        text += checkoutLeaksText(picture, target);
        for (std::size_t i = 0; i < target.suspects.size(); ++i) {
            const SuspectedLeak& leak = target.suspects[i];
            const SessionRow* const row = picture.row(leak.session);
            if (!row)
                continue;
            const Session& s = row->session;
            const std::string kind =
                leak.kind == LeakKind::session ? "" : std::string{name_of(leak.kind)} + "  ";
            text += fmt::format("{}  {}{}  {}  {} on {}", name_of(leak.severity), kind,
                                s.key.pid.value, holderOf(s), shown(s.user), shown(s.database));
            if (tells_session_start(target.info.kind))
                text += ", started " + format_iso8601(s.key.started);
            text += '\n';
            if (severalTargets(picture))
                text += "    On " + targetName(target) + ".\n";
            if (i < target.evidence.size()) {
                for (const std::string& sentence : target.evidence[i])
                    text += "    " + sentence + '\n';
            }
            if (const std::string from = whereFrom(picture, leak.session); !from.empty())
                text += "    " + from + '\n';
            if (!s.statement.empty()) {
                const std::string last = "    Last: " + cleaned(s.statement, longestStatement);
                text += (width > 0 ? shortened(last, width) : last) + '\n';
            }
            text += '\n';
        }
    }
    return text.empty() ? "No suspected leaks.\n" : text;
}

std::string statesText(const Picture& picture, int width)
{
    TextTable table;
    table.add_column("TARGET");
    for (std::size_t i = 0; i < session_state_count; ++i)
        table.add_column(in_words(static_cast<SessionState>(i)), true);
    table.add_column("max", true);
    table.add_column("reserved", true);
    for (const TargetSummary& target : picture.targets) {
        if (!target.last_sample || hasPools(target))
            continue;
        std::vector<std::string> cells{targetName(target)};
        for (const std::int32_t count : target.counts)
            cells.push_back(std::to_string(count));
        const auto number = [](std::optional<std::int32_t> n) {
            return n ? std::to_string(*n) : std::string{"-"};
        };
        cells.push_back(target.facts ? number(target.facts->max_connections) : "-");
        cells.push_back(target.facts ? number(target.facts->reserved) : "-");
        table.add_row(std::move(cells));
    }
    return joined(table.lines(width));
}

std::string blockingText(const Picture& picture, int width)
{
    std::string text;
    for (const TargetSummary& target : picture.targets) {
        for (const BlockingTree& tree : target.blocking.trees) {
            if (severalTargets(picture))
                text += targetName(target) + ":\n";
            if (tree.cycle)
                text += fmt::format("{}\n", circle_in_words);
            addNode(picture, target, tree.root, 0, width, text);
            text += '\n';
        }
    }
    return text.empty() ? "Nobody waits for another.\n" : text;
}

std::string infoText(const RecordingInfo& info)
{
    const bool any = info.observations > 0;
    const std::string began = any ? format_iso8601(info.started) : "nothing was observed";
    const std::string ended = any ? format_iso8601(info.ended) : "-";
    std::string text =
        fmt::format("{}\n  from       {}\n  to         {}\n  lasts      {}\n  complete   {}\n"
                    "  version    {}\n  samples    {} observations, {} gap{}\n",
                    info.file, began, ended, format_duration_prose(info.ended - info.started),
                    info.complete ? "yes" : "no: still being written, or cut off", info.version,
                    info.observations, info.gaps, info.gaps == 1 ? "" : "s");
    if (info.redacted)
        text += "  redacted   yes\n";
    for (const TargetInfo& target : info.targets)
        text += "  target     " + plain_line(target.url, 1000) + '\n';
    return text;
}

} // namespace poolscope
