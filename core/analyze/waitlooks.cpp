// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/waitlooks.h"

#include "core/base/stringhash.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <tuple>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t shape_of_first = 2048;

bool in_word(char c)
{
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' ||
           static_cast<unsigned char>(c) >= 0x80;
}

/// Puts a shape together, from piece to piece.
class Shaping
{
public:
    void add(const SqlToken& token)
    {
        switch (token.part) {
        case SqlPart::space:
        case SqlPart::line_comment:
        case SqlPart::comment:
            gap_ = true;
            break;
        case SqlPart::text:
        case SqlPart::number:
        case SqlPart::parameter:
            literal();
            break;
        case SqlPart::word:
            // Between two words there was a gap, however wide; elsewhere none counts.
            if (gap_ && !out_.empty() && in_word(out_.back()))
                out_ += ' ';
            gap_ = false;
            for (const char c : token.text)
                out_ += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            break;
        case SqlPart::name: // also where it says other cases apart
            gap_ = false;
            out_ += token.text;
            break;
        case SqlPart::sign:
            if (token.text == "?") {
                literal();
                break;
            }
            gap_ = false;
            out_ += token.text;
            break;
        }
    }
    std::string take() { return std::move(out_); }

private:
    /// "?, ?, ?" of a list of any length is "?".
    void literal()
    {
        gap_ = false;
        if (out_.ends_with("?,"))
            out_.pop_back();
        else
            out_ += '?';
    }

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

/// Never 0.
std::uint64_t hash_of(std::string_view shape)
{
    return std::uint64_t{StringHash{}(shape)} | 1U;
}

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

bool names_all_waits(const TargetState& server)
{
    constexpr std::int32_t first = 100000; // PostgreSQL 10
    const std::int32_t version = server.facts ? server.facts->version_number : 0;
    return server.info.kind == "postgresql" && (version <= 0 || version >= first);
}

WaitKind wait_kind_of(const Session& session, const TargetState& server)
{
    const std::string_view event = session.wait_event.str();
    if (session.state == SessionState::waiting)
        return WaitKind::lock;
    if (server.info.kind == "mysql")
        return event == "User sleep" ? WaitKind::pause : WaitKind::stage;
    if (event.empty() && !names_all_waits(server))
        return WaitKind::stage;
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

std::string statement_shape(std::string_view statement, SqlDialect dialect)
{
    SqlTokens tokens{statement.substr(0, shape_of_first), dialect};
    Shaping shaping;
    while (!tokens.ended())
        shaping.add(tokens.next());
    return shaping.take();
}

std::uint64_t WaitLooks::shape_of(const Seen& seen) const
{
    if (seen.shape == 0)
        seen.shape = hash_of(statement_shape(seen.statement.str(), dialect_));
    return seen.shape;
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
    dialect_ = sql_dialect_of(after.info.kind);
    Look look{now, {}, false};
    for (const auto& [pid, session] : after.sessions) {
        if (!runs(session))
            continue;
        if (look.seen.size() == most_seen) {
            look.cut = true;
            break;
        }
        look.seen.push_back(
            {session.statement, session.wait_event, wait_kind_of(session, after), 0});
    }
    looks_.push_back(std::move(look));
}

std::optional<WaitProfile> WaitLooks::profile(std::string_view shape, Timestamp from,
                                              Timestamp to) const
{
    WaitProfile made;
    made.from = to;
    made.to = to;
    const std::uint64_t wanted = shape.empty() ? 0 : hash_of(shape);
    const Text* last = nullptr;
    for (const Look& look : looks_) {
        if (look.time <= from || look.time > to)
            continue;
        made.from = std::min(made.from, look.time);
        ++made.polls;
        made.cut = made.cut || look.cut;
        for (const Seen& seen : look.seen) {
            if (wanted != 0 && shape_of(seen) != wanted)
                continue;
            ++made.looks;
            last = &seen.statement;
            // There are few of them.
            const auto known =
                std::find_if(made.counts.begin(), made.counts.end(), [&](const WaitCount& each) {
                    return each.kind == seen.kind && each.event == seen.event;
                });
            if (known == made.counts.end())
                made.counts.push_back({seen.kind, seen.event, 1});
            else
                ++known->looks;
        }
    }
    if (made.looks == 0)
        return {};
    if (wanted != 0)
        made.statement = *last;
    std::sort(made.counts.begin(), made.counts.end(), [](const WaitCount& a, const WaitCount& b) {
        return std::tuple(b.looks, a.kind, a.event) < std::tuple(a.looks, b.kind, b.event);
    });
    return made;
}

std::string WaitLooks::commonest(Timestamp from, Timestamp to, double share) const
{
    struct Common
    {
        std::uint32_t looks = 0;
        const Text* text = nullptr;
    };
    std::map<std::uint64_t, Common> shapes;
    std::uint32_t all = 0;
    for (const Look& look : looks_) {
        if (look.time <= from || look.time > to)
            continue;
        for (const Seen& seen : look.seen) {
            Common& common = shapes[shape_of(seen)];
            ++common.looks;
            common.text = &seen.statement;
            ++all;
        }
    }
    const auto most = std::max_element(shapes.begin(), shapes.end(), [](auto& a, auto& b) {
        return a.second.looks < b.second.looks;
    });
    if (most == shapes.end() || static_cast<double>(most->second.looks) < share * all)
        return {};
    return statement_shape(most->second.text->str(), dialect_);
}

} // namespace poolscope
