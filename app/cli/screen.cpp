// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/screen.h"

#include "app/cli/objects.h"
#include "app/cli/prose.h"
#include "app/cli/screenparts.h"
#include "core/analyze/lostconnection.h"
#include "core/analyze/words.h"
#include "core/report/texttable.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace poolscope {

namespace {

constexpr std::size_t mostSuspects = 5;

std::vector<std::string> words(const std::string& sentence)
{
    std::vector<std::string> found;
    std::istringstream in{plain_line(sentence, 500)};
    for (std::string word; in >> word;)
        found.push_back(word);
    return found;
}

/// As narrow as it goes without becoming another word.
std::string shortState(SessionState state, bool wide)
{
    switch (state) {
    case SessionState::idle_in_transaction:
        return "idle in tx";
    case SessionState::idle_in_transaction_aborted:
        return wide ? "idle in tx (aborted)" : "aborted";
    case SessionState::waiting:
        return wide ? in_words(state) : "waiting";
    default:
        return in_words(state);
    }
}

class Screen
{
public:
    Screen(const Picture& picture, ScreenSize size, bool colours)
        : picture_(picture)
        , size_(size)
        , colours_(colours)
    {}

    void head(const std::string& headline);
    void target(const TargetSummary& target);
    void suspects();
    void places();
    void sessions();
    std::vector<std::string> take() { return std::move(lines_); }

private:
    void add(const std::string& text, Paint paint = Paint::none);
    /// On as many lines as they need, two blanks before each.
    void addWrapped(const std::vector<std::string>& parts, const std::string& gap,
                    Paint paint = Paint::none);
    int left() const
    {
        return size_.rows > 0 ? size_.rows - static_cast<int>(lines_.size()) : 1 << 20;
    }

    const Picture& picture_;
    ScreenSize size_;
    bool colours_;
    std::vector<std::string> lines_;
};

void Screen::add(const std::string& text, Paint paint)
{
    if (left() <= 0)
        return;
    std::string line =
        paint == Paint::inverse ? fitted(text, size_.columns) : shortened(text, size_.columns);
    if (colours_ && paint != Paint::none) {
        constexpr const char* codes[] = {"", "1", "2", "7", "33", "31", "35"};
        line = fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<int>(paint)], line);
    }
    lines_.push_back(std::move(line));
}

void Screen::addWrapped(const std::vector<std::string>& parts, const std::string& gap, Paint paint)
{
    std::string line;
    for (const std::string& part : parts) {
        if (line.empty()) {
            line = "  " + part;
        } else if (display_width(line) + display_width(gap) + display_width(part) <=
                   size_.columns) {
            line += gap + part;
        } else {
            add(line, paint);
            line = "  " + part;
        }
    }
    if (!line.empty())
        add(line, paint);
}

void Screen::head(const std::string& headline)
{
    std::string time = format_iso8601(picture_.now).substr(0, 19);
    time[10] = ' ';
    add(fmt::format("Poolscope  {} UTC  {}", time, headline), Paint::bold);
}

void Screen::target(const TargetSummary& target)
{
    const std::string name = plain_line(target.info.name, 64);
    if (target.status.reach != Reach::up) {
        const Paint trouble = target.status.reach == Reach::connecting ? Paint::none : Paint::red;
        add(name + "  " + std::string{nameOf(target.status.reach)}, trouble);
        addWrapped(words(target.status.sentence + " " + target.status.next_step), " ", trouble);
        if (!target.last_sample)
            return;
        add("  what follows was seen at " + format_iso8601(*target.last_sample));
    } else {
        std::string line = name;
        if (target.facts)
            line += (target.info.kind == "mysql" ? "  " : "  PostgreSQL ") +
                    plain_line(target.facts->version, 60);
        if (target.agent)
            line += fmt::format("  {}, pid {} on {}", plain_line(target.agent->process, 60),
                                target.agent->pid, plain_line(target.agent->host, 60));
        add(line, Paint::bold);
        addWrapped(words(target.status.sentence), " ", Paint::amber);
        if (target.facts && !target.facts->sees_all)
            add("  This role may not see other users' sessions. " +
                    plain_line(target.facts->missing_grant, 200),
                Paint::amber);
    }
    if (hasPools(target)) {
        for (const ScreenLine& line : poolLines(target))
            add(line.text, line.paint);
        for (const Pool& pool : target.pools) {
            const std::string lost =
                lost_in_words(target.lost_connections, pool.name, picture_.now);
            if (!lost.empty())
                addWrapped(words(cleaned(pool.name, 60) + ' ' + lost), " ", Paint::amber);
        }
        return;
    }
    int clients = 0;
    std::vector<std::string> counts;
    for (std::size_t i = 0; i < session_state_count; ++i) {
        const std::int32_t count = target.counts.at(i);
        clients += count;
        const auto state = static_cast<SessionState>(i);
        if (count > 0 || (state != SessionState::unknown && state != SessionState::other))
            counts.push_back(fmt::format("{} {}", in_words(state), count));
    }
    std::string line = fmt::format("  {} connections", clients);
    Paint paint = Paint::none;
    if (target.facts && target.facts->max_connections) {
        line = fmt::format("  {} of {} connections", clients, *target.facts->max_connections);
        const int usable = *target.facts->max_connections - target.facts->reserved.value_or(0);
        if (target.facts->reserved.value_or(0) > 0)
            line += fmt::format(" ({} reserved)", *target.facts->reserved);
        if (clients >= usable) {
            line += "  FULL";
            paint = Paint::red;
        }
    }
    add(line, paint);
    addWrapped(counts, "   ");
}

void Screen::suspects()
{
    int critical = 0, all = 0, told = 0;
    std::vector<std::pair<std::string, Paint>> lines;
    for (const TargetSummary& target : picture_.targets) {
        for (const Place& place : target.places) {
            all += place.suspected;
            critical += static_cast<int>(
                std::count_if(place.holders.begin(), place.holders.end(), [](const Holder& h) {
                    return h.severity == LeakSeverity::critical;
                }));
            if (place.severity == LeakSeverity::none || lines.size() >= mostSuspects)
                continue;
            const auto& [text, paint] = suspectLine(place);
            lines.emplace_back(text, paint);
            told += place.suspected;
        }
    }
    for (const TargetSummary& target : picture_.targets) {
        for (const SuspectedLeak& leak : target.suspects) {
            ++all;
            const bool worst = leak.severity == LeakSeverity::critical;
            critical += worst ? 1 : 0;
            const SessionRow* const row = picture_.row(leak.session);
            if (!row || lines.size() >= mostSuspects)
                continue;
            ++told;
            std::string line = fmt::format("  {:8}  {:>7}  {}  {} for {}", name_of(leak.severity),
                                           leak.session.pid.value, holderOf(row->session),
                                           in_words(row->session.state),
                                           format_duration_prose(picture_.age(target, leak.since)));
            if (leak.blocks > 0)
                line += fmt::format(", {} behind it", leak.blocks);
            lines.emplace_back(line, worst ? Paint::red : Paint::amber);
        }
    }
    if (all == 0)
        return;
    add("");
    add(fmt::format("Suspected leaks: {} ({} critical)", all, critical), Paint::bold);
    for (const auto& [line, paint] : lines)
        add(line, paint);
    if (all > told)
        add(fmt::format("  and {} more", all - told), Paint::dim);
}

/// What holds connections: instead of sessions where no server is attached.
void Screen::places()
{
    const auto lines = placeLines(picture_, size_.columns, left() - 1);
    if (!lines.empty())
        add("");
    for (const ScreenLine& line : lines)
        add(line.text, line.paint);
}

void Screen::sessions()
{
    const bool wide = size_.columns >= 120;
    const bool narrow = size_.columns < 100;
    const bool several = picture_.targets.size() > 1;
    TextTable table;
    table.add_column("    PID", true);
    if (several)
        table.add_column("TARGET");
    table.add_column("STATE");
    table.add_column("FOR", true);
    if (!narrow)
        table.add_column("TX", true);
    table.add_column("BLOCKS", true);
    table.add_column("BEHIND");
    if (wide) {
        table.add_column("USER");
        table.add_column("DATABASE");
    }
    table.add_column("APPLICATION");
    table.add_column("STATEMENT");

    const auto rows = worstFirst(picture_);
    const int room = std::max(0, left() - 3);
    const std::size_t shown = std::min(rows.size(), static_cast<std::size_t>(room));
    std::vector<Paint> paints;
    for (std::size_t i = 0; i < shown; ++i) {
        const Session& s = rows[i]->session;
        const TargetSummary& target = *picture_.target(s.key.target);
        const auto age = [&](std::optional<Timestamp> since) {
            return since ? format_duration_cell(picture_.age(target, *since)) : std::string{"-"};
        };
        std::vector<std::string> cells{std::to_string(s.key.pid.value)};
        if (several)
            cells.push_back(shortened(plain_line(target.info.name, 64), 16));
        cells.push_back(shortState(s.state, !narrow));
        cells.push_back(age(s.state_since));
        if (!narrow)
            cells.push_back(age(s.transaction_since));
        cells.push_back(rows[i]->blocks > 0 ? std::to_string(rows[i]->blocks) : "-");
        cells.push_back(s.blocked_by.empty() ? "-" : std::to_string(s.blocked_by.front().value));
        if (wide) {
            cells.push_back(shortened(cleaned(s.user), 16));
            cells.push_back(shortened(cleaned(s.database), 16));
        }
        cells.push_back(shortened(holderOf(s), narrow ? 16 : 24));
        cells.push_back(cleaned(s.statement, 400));
        table.add_row(std::move(cells));
        paints.push_back(s.state == SessionState::waiting                       ? Paint::purple
                         : s.state == SessionState::idle_in_transaction         ? Paint::amber
                         : s.state == SessionState::idle_in_transaction_aborted ? Paint::red
                         : s.state == SessionState::idle                        ? Paint::dim
                                                                                : Paint::none);
    }
    const auto lines = table.lines(size_.columns);
    add("");
    add(lines.front(), Paint::inverse);
    for (std::size_t i = 1; i < lines.size(); ++i)
        add(lines[i], paints[i - 1]);
    if (shown < rows.size())
        add(fmt::format("and {} more sessions", rows.size() - shown), Paint::dim);
}

} // namespace

std::vector<std::string> screenLines(const Picture& picture, ScreenSize size, bool colours,
                                     const std::string& headline)
{
    Screen screen{picture, size, colours};
    screen.head(headline);
    for (const TargetSummary& target : picture.targets)
        screen.target(target);
    screen.suspects();
    const bool servers = std::any_of(picture.targets.begin(), picture.targets.end(),
                                     [](const TargetSummary& target) { return !hasPools(target); });
    servers ? screen.sessions() : screen.places();
    return screen.take();
}

} // namespace poolscope
