// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/waitreasons.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace poolscope {

namespace {

/// So much of all looks is the reason; what else there is, is said beside it.
constexpr double half = 0.5;

std::string in_lower_case(std::string_view text)
{
    std::string lower{text};
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

/// By a part of the event's name, in lower case; the first that fits.
struct NamedReason
{
    std::string_view part;
    WaitReason reason;
    bool whole = false; ///< that is all of its name
};

constexpr WaitReason computes{
    "computes", "many rows in memory, a missing index or old statistics (ANALYZE) look like this",
    true};
constexpr WaitReason log_writes{"waits for the write-ahead log",
                                "Commit less often, and look at the disk of the log.", false};
constexpr WaitReason mysql_logs{"waits for the redo log or the binary log",
                                "Commit less often, and look at the disk of these logs.", false};
constexpr WaitReason alters{"builds a table anew, as ALTER TABLE does",
                            "Change large tables while little else runs.", false};
constexpr WaitReason takes_rows{"waits for the application to take its rows",
                                "Ask for fewer rows, and look at the network and at what is done "
                                "between them.",
                                false};
constexpr WaitReason sends{"waits for the application to send more",
                           "Look at what the application does between.", false};
constexpr WaitReason blocked{"waits for locks of other sessions",
                             "The Blocking page names who holds them.", false};
constexpr WaitReason reads{"reads from disk", "a missing index or a cold cache reads like this",
                           true};
constexpr WaitReason temporary{"sorts or joins through temporary files",
                               "it needs more work_mem, or an index that spares the sort", true};
constexpr WaitReason sleeps{"sleeps, as it is told to",
                            "The pause is written into it, or into a function that it calls.",
                            false};

constexpr std::array io_reasons{
    NamedReason{"buffile", temporary},
    NamedReason{"wal", log_writes},
    NamedReason{"read", reads},
    NamedReason{"prefetch", reads},
    NamedReason{"aio", reads},
    NamedReason{"",
                {"writes to disk",
                 "Look at how many rows and indexes it changes, at checkpoints "
                 "and at the disk.",
                 false}},
};
constexpr std::array other_reasons{
    NamedReason{"lwlock/wal", log_writes},
    NamedReason{"lwlocknamed/wal", log_writes}, // of 9.6
    NamedReason{"lwlocktranche/wal", log_writes},
    // Another one reads the page that it wants.
    NamedReason{"bufferio", reads},
    NamedReason{"buffer_io", reads},
    NamedReason{"lwlock",
                {"waits for the server's own short locks",
                 "Too many do the same at once: fewer at a time are faster.", false}},
    NamedReason{"bufferpin",
                {"waits for others to let go of the same page",
                 "Too many do the same at once: fewer at a time are faster.", false}},
    NamedReason{"clientread", sends},
    NamedReason{"client/", takes_rows},
    NamedReason{"syncrep",
                {"waits for a standby to confirm", "Look at the standby, or at synchronous_commit.",
                 false}},
    NamedReason{"ipc/",
                {"waits for other processes of the server, as for its parallel workers",
                 "what those do shows there", true}},
    NamedReason{"pgsleep", sleeps},
    NamedReason{"timeout/", {"pauses", "Look at what makes it pause.", false}},
};
/// MySQL's and MariaDB's states: the stage that it is in, not what it waits for.
constexpr std::array mysql_reasons{
    NamedReason{"user sleep", sleeps},
    // Of INSERT and REPLACE, and of any statement that is about to change rows: "Updating" is at
    // it.
    NamedReason{
        "update",
        {"writes rows", "Look at how many rows and indexes it changes, and at the disk.", false},
        true},
    NamedReason{"copy to tmp table", alters, true}, // "Copying to tmp table" is another one
    NamedReason{"altering table", alters, true},
    NamedReason{"sort", {"sorts", "an index in the order it asks for spares that", true}},
    NamedReason{"tmp table",
                {"works in a temporary table",
                 "an index that it could group or sort by spares "
                 "that",
                 true}},
    NamedReason{"heap",
                {"works in a temporary table",
                 "an index that it could group or sort by spares "
                 "that",
                 true}},
    NamedReason{"to net", takes_rows},
    NamedReason{"to client", takes_rows},
    NamedReason{"from net", sends},
    NamedReason{"from client", sends}, // MySQL's since 5.7.8
    NamedReason{"semi-sync",
                {"waits for a replica to confirm",
                 "Look at the replica, or at semi-synchronous replication.", false}},
    NamedReason{"commit lock", blocked},
    NamedReason{"commit", mysql_logs},
    NamedReason{"binlog", mysql_logs},
    NamedReason{"opening tables", {"opens tables", "Look at table_open_cache.", false}},
    NamedReason{"sending data",
                {"goes through rows, in memory or from disk: the server does not tell which",
                 "a missing index looks like this", true}},
    NamedReason{"executing",
                {"goes through rows, in memory or from disk: the server does not tell which",
                 "a missing index looks like this", true}},
    NamedReason{
        "statistics",
        {"reads to plan what it does", "many joined tables or a cold cache look like this", true}},
    NamedReason{"updat", {"changes rows", "a missing index for those rows looks like this", true}},
    NamedReason{"delet", {"changes rows", "a missing index for those rows looks like this", true}},
};

template <std::size_t Size>
WaitReason reason_in(const std::array<NamedReason, Size>& reasons, std::string_view event)
{
    const auto found = std::find_if(reasons.begin(), reasons.end(), [event](const auto& each) {
        return each.whole ? event == each.part : event.find(each.part) != std::string_view::npos;
    });
    return found == reasons.end() ? WaitReason{} : found->reason;
}

WaitReason reason_of(const WaitCount& count)
{
    const std::string event = in_lower_case(count.event.str());
    switch (count.kind) {
    case WaitKind::running:
        return computes;
    case WaitKind::io:
        return reason_in(io_reasons, event);
    case WaitKind::lock:
        return blocked;
    case WaitKind::stage:
        if (event.empty())
            return {"runs, and its server does not say what it is at", {}, true};
        return reason_in(mysql_reasons, event);
    default:
        return event == "user sleep" ? sleeps : reason_in(other_reasons, event);
    }
}

} // namespace

std::vector<WaitReasonCount> reasons_of(const WaitProfile& waits)
{
    std::vector<WaitReasonCount> all;
    for (const WaitCount& count : waits.counts) {
        const WaitReason reason = reason_of(count);
        const auto known = std::find_if(all.begin(), all.end(), [&](const WaitReasonCount& each) {
            return !reason.does.empty() && each.reason.does == reason.does;
        });
        if (known == all.end())
            all.push_back({reason, &count, count.looks});
        else
            known->looks += count.looks;
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.looks > b.looks; });
    return all;
}

bool is_share(std::uint32_t part, std::uint32_t of, double share)
{
    return static_cast<double>(part) >= share * static_cast<double>(of);
}

std::optional<WaitReasonCount> main_reason(const WaitProfile& waits)
{
    const std::vector<WaitReasonCount> all = reasons_of(waits);
    if (waits.looks < looks_least || !is_share(all.front().looks, waits.looks, half))
        return {};
    return all.front();
}

} // namespace poolscope
