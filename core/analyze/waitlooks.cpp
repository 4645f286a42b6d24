// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/waitlooks.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t shape_of_first = 2048;

bool starts_word(char c)
{
    return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}

bool is_word(char c)
{
    return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

/// Walks over a statement, from word to word.
class Shaping
{
public:
    explicit Shaping(std::string_view in)
        : in_(in.substr(0, shape_of_first))
    {
        out_.reserve(in_.size());
    }

    std::string run()
    {
        while (at_ < in_.size())
            step();
        return std::move(out_);
    }

private:
    char peek(std::size_t ahead = 0) const
    {
        return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0';
    }

    void step()
    {
        const char c = peek();
        if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            gap_ = true;
            ++at_;
        } else if (c == '-' && peek(1) == '-') {
            skip_past("\n");
        } else if (c == '/' && peek(1) == '*') {
            skip_past("*/");
        } else if (c == '\'') {
            skip_string();
            literal();
        } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
                   ((c == '$' || c == '?') && !(c == '$' && starts_word(peek(1))))) {
            // A number, or what stands for one.
            do {
                ++at_;
            } while (is_word(peek()) || peek() == '.');
            literal();
        } else if (starts_word(c)) {
            begin(true);
            while (is_word(peek()))
                out_ += static_cast<char>(std::tolower(static_cast<unsigned char>(in_[at_++])));
        } else {
            begin(false);
            out_ += c;
            ++at_;
        }
    }

    /// Between two words there was a gap, however wide; elsewhere none counts.
    void begin(bool word)
    {
        if (gap_ && word && !out_.empty() && is_word(out_.back()))
            out_ += ' ';
        gap_ = false;
    }

    /// "?, ?, ?" of a list of any length is "?".
    void literal()
    {
        gap_ = false;
        if (out_.ends_with("?,"))
            out_.pop_back();
        else
            out_ += '?';
    }

    void skip_past(std::string_view end)
    {
        const std::size_t found = in_.find(end, at_ + 2);
        at_ = found == std::string_view::npos ? in_.size() : found + end.size();
        gap_ = true;
    }

    void skip_string()
    {
        for (++at_; at_ < in_.size(); ++at_) {
            if (in_[at_] != '\'')
                continue;
            ++at_;
            if (peek() != '\'') // doubled: one of its own
                return;
        }
    }

    std::string_view in_;
    std::size_t at_ = 0;
    std::string out_;
    bool gap_ = false;
};

bool runs(const Session& session)
{
    if (session.own || session.statement.empty() ||
        (session.state != SessionState::active && session.state != SessionState::waiting))
        return false;
    // Those that work for another one carry its statement.
    return session.is_client() || session.backend_type.str() == "parallel worker";
}

/// Shapes by the text, each made once.
class Shapes
{
public:
    const std::string& of(const Text& statement)
    {
        const auto [found, first] = made_.try_emplace(statement.identity());
        if (first)
            found->second = statement_shape(statement.str());
        return found->second;
    }

private:
    std::unordered_map<const void*, std::string> made_;
};

} // namespace

std::string_view name_of(WaitKind kind)
{
    switch (kind) {
    case WaitKind::running:
        return "running";
    case WaitKind::io:
        return "io";
    case WaitKind::lock:
        return "lock";
    case WaitKind::internal:
        return "internal";
    case WaitKind::client:
        return "client";
    case WaitKind::workers:
        return "workers";
    case WaitKind::pause:
        return "pause";
    case WaitKind::stage:
        return "stage";
    case WaitKind::other:
        break;
    }
    return "other";
}

WaitKind wait_kind_of(const Session& session, std::string_view server_kind)
{
    const std::string_view event = session.wait_event.str();
    if (session.state == SessionState::waiting)
        return WaitKind::lock;
    if (server_kind == "mysql")
        return event == "User sleep" ? WaitKind::pause : WaitKind::stage;
    const std::string_view type = event.substr(0, event.find('/'));
    static constexpr std::pair<std::string_view, WaitKind> types[] = {
        {"", WaitKind::running},
        {"IO", WaitKind::io},
        {"Lock", WaitKind::lock},
        {"LWLock", WaitKind::internal},
        {"LWLockNamed", WaitKind::internal}, // of 9.6
        {"LWLockTranche", WaitKind::internal},
        {"BufferPin", WaitKind::internal},
        {"Client", WaitKind::client},
        {"IPC", WaitKind::workers},
        {"Timeout", WaitKind::pause},
    };
    for (const auto& [name, kind] : types) {
        if (type == name)
            return kind;
    }
    return WaitKind::other;
}

std::uint32_t WaitProfile::of(WaitKind kind) const
{
    std::uint32_t sum = 0;
    for (const WaitCount& each : counts)
        sum += each.kind == kind ? each.looks : 0;
    return sum;
}

std::string statement_shape(std::string_view statement)
{
    return Shaping{statement}.run();
}

void WaitLooks::watch(const TargetState& after, Timestamp now)
{
    const auto step_of = [](Timestamp time) {
        return to_us(time) / to_us(step);
    };
    if (!looks_.empty() && now < looks_.back().time)
        looks_.clear(); // a clock that was set back
    while (!looks_.empty() && looks_.front().time <= now - look_window)
        looks_.pop_front();
    if (!looks_.empty() && step_of(looks_.back().time) == step_of(now))
        return;
    Look look{now, {}};
    for (const auto& [pid, session] : after.sessions) {
        if (!runs(session))
            continue;
        if (look.seen.size() == most_seen)
            break;
        look.seen.push_back(
            {session.statement, session.wait_event, wait_kind_of(session, after.info.kind)});
    }
    looks_.push_back(std::move(look));
}

std::optional<WaitProfile> WaitLooks::profile(std::string_view shape, Timestamp from,
                                              Timestamp to) const
{
    WaitProfile made;
    made.from = to;
    made.to = to;
    Shapes shapes;
    std::map<std::pair<WaitKind, Text>, std::uint32_t> counts;
    for (const Look& look : looks_) {
        if (look.time <= from || look.time > to)
            continue;
        made.from = std::min(made.from, look.time);
        ++made.polls;
        for (const Seen& seen : look.seen) {
            if (!shape.empty() && shapes.of(seen.statement) != shape)
                continue;
            ++made.looks;
            ++counts[{seen.kind, seen.event}];
            if (!shape.empty())
                made.statement = seen.statement;
        }
    }
    if (made.looks == 0)
        return {};
    for (const auto& [what, looks] : counts)
        made.counts.push_back({what.first, what.second, looks});
    std::stable_sort(made.counts.begin(), made.counts.end(),
                     [](const auto& a, const auto& b) { return a.looks > b.looks; });
    return made;
}

std::string WaitLooks::commonest(Timestamp from, Timestamp to, double share) const
{
    Shapes shapes;
    std::map<std::string, std::uint32_t> counts;
    std::uint32_t all = 0;
    for (const Look& look : looks_) {
        if (look.time <= from || look.time > to)
            continue;
        for (const Seen& seen : look.seen) {
            ++counts[shapes.of(seen.statement)];
            ++all;
        }
    }
    const auto most = std::max_element(counts.begin(), counts.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    return most == counts.end() || static_cast<double>(most->second) < share * all ? std::string{}
                                                                                   : most->first;
}

} // namespace poolscope
