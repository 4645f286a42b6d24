// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/check.h"
#include "core/model/pool.h"
#include "core/model/series.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

// What an incident report says, as values. Texts are as they came from outside: whoever writes them
// cleans, bounds and escapes them. All instants are on the capture's clock unless said otherwise.
namespace poolscope::report {

enum class Weight : std::uint8_t { info, warning, critical };

/// Between two instants of the timeline.
struct Period
{
    enum class Kind : std::uint8_t { diagnosis, alert, gap };
    Kind kind = Kind::diagnosis;
    Weight weight = Weight::info;
    TargetId target;
    Timestamp from;
    bool since_before = false;   ///< it had begun before the report does
    std::optional<Timestamp> to; ///< null: it went on at the end
    std::string what;            ///< "leak", the rule's name
    std::string who;             ///< "shop-db, pool orders"
    std::string sentence;
};

/// One instant of the timeline.
struct Moment
{
    Timestamp time;
    MarkKind kind = MarkKind::note;
    TargetId target;
    std::string who;
    std::string sentence;
};

/// What was not seen of one target.
struct Unseen
{
    TargetId target;
    std::string who;
    int gaps = 0;
    Duration length{}; ///< of all of them, within the report
};

/// A server's sessions over time. The points are thinned out; the figures beside them are not.
struct SessionCounts
{
    TargetSeries series;
    std::optional<SeriesPoint> then; ///< at the moment; null where nothing was known
    StateCounts most{};              ///< of each state alone, in the report's range
};

/// A pool's connections over time, likewise.
struct PoolCounts
{
    PoolSeries series;
    std::optional<PoolPoint> then;
    std::optional<std::int64_t> most_used;
    std::optional<std::int64_t> most_idle;
    std::optional<std::int64_t> most_pending;
    std::optional<std::uint64_t> timeouts; ///< in the report's range
};

struct Target
{
    TargetInfo info;
    bool server = false; ///< it has sessions; else pools
    bool up = false;
    std::string version; ///< the server's or the agent's words
    std::string host;    ///< of an instrumented process
    std::string status;  ///< how it is reached at the moment, a sentence
};

struct Why
{
    std::string who;
    std::string cause; ///< in words: "lock pile up"
    bool undecided = false;
    bool exhausted = true;
    std::string confidence;
    Timestamp since;
    std::string sentence;
    std::vector<std::string> evidence;
    std::string relief;     ///< may be empty
    std::string prevention; ///< likewise
    std::string waits;      ///< what a slow statement was seen at, look by look; likewise
    std::vector<std::string> candidates;
};

/// One that holds a connection or a transaction.
struct Holding
{
    std::string id; ///< of the checkout, or the session's pid
    Duration age{};
    std::string by;
    std::vector<std::pair<std::string, std::string>> tags;
    std::vector<std::string> evidence;
    std::string session; ///< the session that serves it, in words; may be empty
    std::string statement;
};

/// What one line of code, or one client, does not give back.
struct Leak
{
    Weight weight = Weight::warning;
    std::string kind; ///< "checkout", "session", "statement" …
    std::string who;
    std::string sentence;
    StackRef stack;
    std::vector<Holding> holders; ///< the oldest; a few
    std::size_t more = 0;         ///< those that are not listed
};

/// A line of a blocking tree.
struct Waiter
{
    int depth = 0;
    bool queued = false;
    std::string pid; ///< or "prepared transaction"
    std::string session;
    std::int32_t blocks = 0;
    std::string place; ///< where what it does comes from; may be empty
    std::string statement;
};

struct Tree
{
    std::string who;
    bool cycle = false;
    std::vector<Waiter> lines; ///< the root first, each above those that wait for it
    std::size_t more = 0;
};

struct Action
{
    Timestamp requested;
    std::string who;
    std::string verb;
    std::string subject;
    std::string phase;
    std::string outcome;
};

struct NoteText
{
    Timestamp time; ///< that it is about
    std::string text;
    Timestamp written{};
};

/// Of one recording.
struct Incident
{
    std::string file;
    Timestamp from;
    Timestamp to;
    Timestamp moment;
    /// Why the report looks at that moment: "asked for", "the strongest finding", "the end".
    std::string why_then;
    bool complete = true;
    bool cut = false; ///< to a part of the recording
    std::vector<Target> targets;
    std::vector<Why> diagnoses;  ///< at the moment, worst first
    std::vector<Period> periods; ///< ascending by their begin
    std::vector<Moment> moments; ///< ascending
    std::size_t moments_left_out = 0;
    std::vector<Unseen> unseen;
    std::vector<SessionCounts> sessions;
    std::size_t sessions_left_out = 0;
    std::vector<PoolCounts> pools;
    std::size_t pools_left_out = 0;
    std::vector<Leak> leaks; ///< at the moment, worst first
    std::size_t leaks_left_out = 0;
    std::vector<std::string> lost; ///< of pools that list connections which their server lost
    std::vector<Tree> trees;       ///< at the moment, most blocked first
    std::size_t trees_left_out = 0;
    std::vector<Action> actions;
    std::vector<NoteText> notes;
    std::vector<ConfigFinding> findings;
    std::vector<std::string> not_observed; ///< sentences
};

struct Input
{
    std::string version; ///< Poolscope's own
    bool utc = false;    ///< times in UTC, else in the local time zone
    bool redacted = false;
    std::vector<Incident> incidents;
};

/// One file without script or anything from outside, that is XML as well. Pure but for the local
/// time zone: the same input gives the same bytes.
std::string html_of(const Input& input);
/// resources/report/report.css, which is in every page.
extern const char* const report_style;

/// "2026-11-21 14:28:40 to 14:41:02 (UTC+01:00)"; both zones where the clocks were changed.
std::string span_in_words(const Incident& incident, bool utc);

/// By its id; null where there is none.
const Target* target_of(const Incident& incident, TargetId id);

} // namespace poolscope::report
