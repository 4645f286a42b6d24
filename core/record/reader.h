// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/model/world.h"

#include <filesystem>
#include <functional>
#include <memory>

namespace poolscope {

struct RecordingInfo
{
    std::string file;
    std::int32_t version = 0; ///< of the schema
    Timestamp started;
    Timestamp ended; ///< of the last observation
    std::vector<TargetInfo> targets;
    std::uint64_t observations = 0;
    std::uint64_t gaps = 0;
    std::uint64_t bytes = 0; ///< on disk
    bool complete = false;   ///< closed properly; not still being written, not cut off
    bool redacted = false;
    SequenceNumber first;
    SequenceNumber last;
};

/// Reads a recording, also one that is being written. Used by one thread. A damaged part gives an
/// error with what could still be read before it, never a crash.
class RecordingReader
{
public:
    /// Sentences tell apart: not there, not a recording, made by a newer Poolscope, damaged.
    static Result<std::unique_ptr<RecordingReader>> open(const std::filesystem::path& file);
    virtual ~RecordingReader() = default;

    /// As of now: a recording that is being written grows.
    virtual Result<RecordingInfo> info() = 0;
    /// The latest keyframe whose instant is at or before `at`, else the empty world before the
    /// first observation; of a ring that has dropped that part, the first that it kept, which is
    /// later.
    virtual Result<World> keyframe(Timestamp at) = 0;
    /// The same past damaged ones, for who goes on after that error: reading on from an earlier one
    /// comes to the same world. Looks at no more than 100 of them.
    virtual Result<World> sound_keyframe(Timestamp at) = 0;
    /// Of a ring that has dropped its beginning: the number up to which it has. A world of an
    /// earlier one cannot be gone on from. Else 0.
    virtual Result<SequenceNumber> dropped_up_to() = 0;
    /// Calls `visit` with each observation after `after`, in order, until it returns false, or the
    /// end. Returns the number of the last one visited.
    virtual Result<SequenceNumber> read(SequenceNumber after,
                                        const std::function<bool(const Observation&)>& visit) = 0;
    /// Instants of the observations just before and after one (samples and events, not ticks), for
    /// stepping.
    virtual Result<std::optional<Timestamp>> step(Timestamp from, bool forward) = 0;
    /// Counts over a range, at most `points` a target: where there are more, of each bucket the one
    /// with the most client sessions.
    virtual Result<std::vector<TargetSeries>> series(Timestamp from, Timestamp to,
                                                     std::size_t points) = 0;
    /// Pools over a range, at most `points` a pool, of which the first tells how it stood at
    /// `from`: where there are more, of each bucket the one with the most in use and pending.
    virtual Result<std::vector<PoolSeries>> pool_series(Timestamp from, Timestamp to,
                                                        std::size_t points) = 0;
    /// One session's states over a range, for its lane: instants where the state changed. A null
    /// state is "gone".
    struct PastState
    {
        Timestamp from;
        std::optional<SessionState> state;
    };
    virtual Result<std::vector<PastState>> past(const SessionKey& session, Timestamp from,
                                                Timestamp to) = 0;
};

/// Copies a recording, also one being written, into one closed file with nothing beside it.
/// `progress` gets 0 to 1 and returns false to stop (then nothing is left behind). An existing file
/// is replaced only once the copy is whole.
Result<Done> save_recording(const std::filesystem::path& from, const std::filesystem::path& to,
                            const std::function<bool(double)>& progress);

/// "SELECT * FROM t WHERE id = 42 AND name = 'x'" -> "SELECT * FROM t WHERE id = ? AND name = ?".
/// Knows PostgreSQL's strings (E'', dollar quotes), comments (dropped), numbers; an unfinished
/// string is redacted to its end. When in doubt it redacts more.
std::string redact_statement(std::string_view statement);

} // namespace poolscope
