// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/result.h"
#include "core/model/observation.h"
#include "core/record/writer.h"

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace poolscope {

/// Writes observations to a recording on a thread of its own, one transaction a second. The queue
/// is bounded: what does not fit is refused and counted by the caller, never waited for. While
/// writing fails (disk full) it keeps what it has and tries again every two seconds.
class Recorder
{
public:
    struct Status
    {
        std::uint64_t bytes = 0;
        std::string trouble;             ///< empty while all is well
        std::optional<Timestamp> begins; ///< of a ring that has dropped its beginning
        std::uint64_t refused = 0;       ///< observations that can never be recorded
        std::string refusal;             ///< of the latest of them, why
        friend bool operator==(const Status&, const Status&) = default;
    };
    /// `report` is called on the recorder's thread after each commit.
    Recorder(std::unique_ptr<RecordingWriter> writer, std::function<void(const Status&)> report);
    ~Recorder();
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    static constexpr std::size_t capacity = 20000;
    /// False if the queue is full. Any thread.
    bool push(const Observation& observation);
    bool has_room() const;
    /// Writes what is queued, closes the file, and says how that went. Waits for the disk. The
    /// destructor does it, too; nothing may be pushed after it.
    Result<Done> finish();
    /// Calls `then` on the recorder's thread once all pushed so far can be read back.
    void flush(std::function<void()> then);

private:
    void run();
    /// Takes over what is queued; false when it is time to end.
    bool wait_for_work(std::vector<std::function<void()>>& flushes);
    void write_pending();

    std::unique_ptr<RecordingWriter> writer_;
    std::function<void(const Status&)> report_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Observation> queue_;              // guarded by mutex_
    std::vector<std::function<void()>> flushes_; // guarded by mutex_
    bool closing_ = false;                       // guarded by mutex_
    std::size_t taken_ = 0;           // guarded by mutex_: taken over and not yet written
    std::deque<Observation> pending_; // the thread's own
    Status status_;
    Result<Done> closed_{Done{}}; // the thread's until it has ended
    std::thread thread_;
};

} // namespace poolscope
