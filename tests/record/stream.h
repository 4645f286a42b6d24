// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/poolstream.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace poolscope::test {

/// Makes up observations of every kind, the same ones for the same seed.
class Stream
{
public:
    struct Shape
    {
        int targets = 2;
        int sessions = 20;     ///< a target, about
        double changing = 0.1; ///< share of the sessions that change in a sample
        bool events = true;    ///< everything but samples and ticks
        bool odd = true;       ///< extreme values, unknown targets, departures of strangers
        double full = 0.02;    ///< share of samples that name every session
        int processes = 1;     ///< targets more, with pools
        int checkouts = 10;    ///< a process, about
        int version = 5;       ///< of the format: nothing that an older one cannot hold
    };
    Stream(std::uint32_t seed, const Shape& shape);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    Observation next();
    std::vector<Observation> take(std::size_t count);

private:
    int below(int limit);
    bool chance(double probability);
    std::string word(const char* prefix, int different);
    Text text(const std::string& body) { return texts_.intern(body); }
    Timestamp server_time();
    Session fresh(TargetId target);
    void change(Session& session);
    ServerSample sample(TargetId target);
    ServerSettings settings();
    Fact event(TargetId target);
    Fact process_event(PoolStream& process);

    Shape shape_;
    TextPool texts_; ///< as a source shares them
    std::mt19937 random_;
    Timestamp now_;
    std::uint64_t sequence_ = 0;
    std::int64_t next_pid_ = 1000;
    std::uint64_t next_action_ = 1;
    std::map<TargetId, std::map<Pid, Session>> sessions_;
    std::map<TargetId, PoolStream> processes_;
    int due_ = 0; ///< target whose sample comes next; 0: the tick
};

/// A folder that is removed with everything in it.
class Folder
{
public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::filesystem::path operator/(const char* name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// What stands in tests/data/vN.poolrec, and how it was written.
std::vector<Observation> golden_observations(int version);
WriterOptions golden_options(int version);

/// Keyframes so often that a short stream has many.
WriterOptions keyframes_every(Duration every);
/// Writes and closes; gives the error's sentence, or nothing.
std::string record_all(const std::filesystem::path& file,
                       const std::vector<Observation>& observations,
                       const WriterOptions& options = {}, bool close = true);
/// Everything after `after`; an error ends it and goes to `error`.
std::vector<Observation> read_all(RecordingReader& reader, SequenceNumber after = {},
                                  std::string* error = nullptr);
std::vector<Observation> read_file(const std::filesystem::path& file, std::string* error = nullptr);
/// The number of files in a folder.
std::size_t files_in(const std::filesystem::path& folder);

} // namespace poolscope::test
