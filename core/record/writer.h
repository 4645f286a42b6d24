// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/model/world.h"

#include <filesystem>
#include <memory>

namespace poolscope {

struct WriterOptions
{
    /// Literals in statements become '?' before anything is written.
    bool redact = false;
    /// Of a temporary recording: what is older or over is dropped, whole keyframe spans at a time.
    std::optional<Duration> keep_for;
    std::optional<std::uint64_t> keep_bytes;
    /// A keyframe is due at the latest after this.
    Duration keyframe_every = std::chrono::minutes{10};
};

/// Appends observations to a recording. Used by one thread. Every call is all or nothing; after an
/// error (disk full, read-only folder) the file holds everything up to the last commit, and append
/// may be tried again.
class RecordingWriter
{
public:
    /// Creates the file, 0600; an existing one is an error.
    static Result<std::unique_ptr<RecordingWriter>> create(const std::filesystem::path& file,
                                                           const WriterOptions& options);
    virtual ~RecordingWriter() = default;

    /// Buffers within the open transaction. Folds the observation into the writer's own world, from
    /// which counts and keyframes come.
    virtual Result<Done> append(const Observation& observation) = 0;
    /// Makes everything appended so far safe against kill -9 and visible to readers. Called once a
    /// second.
    virtual Result<Done> commit() = 0;
    /// Commits, marks the recording complete, leaves one file with nothing beside it.
    virtual Result<Done> close() = 0;
    /// Of a ring that has dropped its beginning: the instant from which on it can be read.
    virtual std::optional<Timestamp> begins() const { return std::nullopt; }
    /// Why that can never be recorded here, whatever the disk says, if so: it would be refused by
    /// append() each time.
    virtual std::optional<Error> refuses(const Observation& /*observation*/) const
    {
        return std::nullopt;
    }
    /// Bytes on disk, with what stands beside the file while it is open.
    virtual std::uint64_t bytes() const = 0;
};

} // namespace poolscope
