// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/bench_recordlong.h"

#include "core/analyze/analysis.h"
#include "core/record/database.h"
#include "core/record/reader.h"
#include "core/record/writer.h"
#include "tests/record/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <functional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>
#include <vector>

namespace poolscope::bench {

namespace {

using Path = std::filesystem::path;
using Watch = std::chrono::steady_clock;

double ms_since(Watch::time_point start)
{
    return std::chrono::duration<double, std::milli>(Watch::now() - start).count();
}

/// Processor time of this process: other work on the machine does not count.
double cpu_ms()
{
    return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

struct Took
{
    double wall_ms = 0;
    double cpu_ms = 0;
    bool operator<(const Took& other) const { return wall_ms < other.wall_ms; }
};

Took timed(const std::function<void()>& work)
{
    const auto start = Watch::now();
    const double cpu_before = cpu_ms();
    work();
    return {ms_since(start), cpu_ms() - cpu_before};
}

/// The file's pages leave the system's memory, as they are the morning after.
void forget_pages(const Path& file)
{
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ::fdatasync(fd);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    ::close(fd);
}

template <class T>
T must(Result<T> result)
{
    if (result)
        return std::move(result).value();
    fmt::print(stderr, "{}\n", result.error().sentence);
    std::fflush(stderr);
    ::_exit(1);
}

class Phases
{
public:
    Phases(const LongRecording& settings, double hours)
        : settings_(settings)
        , hours_(hours)
        , file_(settings.folder / "long.poolrec")
    {}
    ~Phases()
    {
        std::error_code ignored;
        for (const std::string_view suffix : {"", "-wal", "-shm"})
            std::filesystem::remove(record::beside(file_, suffix), ignored);
    }
    Phases(const Phases&) = delete;
    Phases& operator=(const Phases&) = delete;

    bool run()
    {
        return phase("write", &Phases::write) && phase("look", &Phases::look) &&
               phase("seek", &Phases::seek) && (!settings_.play || phase("play", &Phases::play));
    }

private:
    void figure(const std::string& name, double value) const
    {
        fmt::print("{:g}h_{} {:.1f}\n", hours_, name, value);
    }
    void figure(const std::string& name, const Took& took) const
    {
        fmt::print("{:g}h_{}_ms {:.1f} cpu {:.1f}\n", hours_, name, took.wall_ms, took.cpu_ms);
    }

    bool phase(const char* name, void (Phases::*work)())
    {
        std::fflush(nullptr);
        const pid_t child = ::fork();
        if (child == 0) {
            (this->*work)();
            std::fflush(nullptr);
            ::_exit(0);
        }
        int status = 0;
        rusage usage{};
        if (child < 0 || ::wait4(child, &status, 0, &usage) != child || status != 0)
            return false;
        figure(fmt::format("{}_peak_rss_mb", name), static_cast<double>(usage.ru_maxrss) / 1024);
        return true;
    }

    void write()
    {
        test::Stream stream{1, {1, settings_.sessions, settings_.changing, false, false, 0.0, 0}};
        auto writer = must(RecordingWriter::create(file_, {}));
        must(writer->append(stream.next()));
        const auto start = Watch::now();
        const double cpu_before = cpu_ms();
        std::size_t rows = 0;
        for (int second = 0; second < static_cast<int>(hours_ * 3600); ++second) {
            for (int i = 0; i < 2; ++i) {
                const Observation o = stream.next();
                if (const auto* const sample = std::get_if<ServerSample>(&o.what))
                    rows += sample->changed.size() + sample->gone.size();
                must(writer->append(o));
            }
            must(writer->commit());
        }
        must(writer->close());
        const auto size = static_cast<double>(record::size_on_disk(file_));
        figure("make_and_write", Took{ms_since(start), cpu_ms() - cpu_before});
        figure("changed_sessions", static_cast<double>(rows));
        figure("file_mb", size / 1e6);
        figure("bytes_a_session_second", size / (settings_.sessions * hours_ * 3600));
    }

    void look()
    {
        for (const char* const way : {"cold", "warm"}) {
            const auto named = [&](const std::string& name) {
                return fmt::format("{}_{}", name, way);
            };
            if (way == std::string_view{"cold"})
                forget_pages(file_);
            std::unique_ptr<RecordingReader> reader;
            RecordingInfo info;
            figure(named("open").c_str(),
                   timed([&] { reader = must(RecordingReader::open(file_)); }));
            figure(named("info"), timed([&] { info = must(reader->info()); }));
            for (const std::size_t points : {600, 2000}) {
                std::size_t got = 0;
                const Took took = timed([&] {
                    for (const auto& s : must(reader->series(info.started, info.ended, points)))
                        got = std::max(got, s.points.size());
                });
                figure(named(fmt::format("series_{}_of_{}", got, points)), took);
            }
            const Duration day =
                std::min<Duration>(info.ended - info.started, std::chrono::hours{19});
            figure(named("series_19h"), timed([&] {
                       static_cast<void>(must(reader->series(info.ended - day, info.ended, 600)));
                   }));
            const Timestamp middle = info.started + (info.ended - info.started) / 2;
            figure(named("step"),
                   timed([&] { static_cast<void>(must(reader->step(middle, true))); }));
            const World world = must(reader->keyframe(middle));
            const SessionKey someone = world.targets().begin()->second.sessions.begin()->second.key;
            figure(named("past_10min"), timed([&] {
                       static_cast<void>(
                           must(reader->past(someone, middle - std::chrono::minutes{10}, middle)));
                   }));
        }
    }

    /// To random instants, from a keyframe: the world alone, and as the player does it, with all
    /// that is found in it.
    void seek()
    {
        auto reader = must(RecordingReader::open(file_));
        const RecordingInfo info = must(reader->info());
        forget_pages(file_);
        for (const char* const way : {"cold", "warm", "with_findings"}) {
            std::mt19937_64 random{7};
            std::vector<Took> all;
            for (int i = 0; i < settings_.seeks; ++i) {
                std::uniform_int_distribution<std::int64_t> anywhere{to_us(info.started),
                                                                     to_us(info.ended)};
                const Timestamp at = timestamp_from_us(anywhere(random));
                all.push_back(timed([&] {
                    if (way == std::string_view{"with_findings"})
                        seek_to<Analysis>(*reader, at);
                    else
                        seek_to<World>(*reader, at);
                }));
            }
            std::sort(all.begin(), all.end());
            figure(fmt::format("seek_{}_median", way), all[all.size() / 2]);
            figure(fmt::format("seek_{}_worst", way), all.back());
        }
    }

    template <class Fold>
    static void seek_to(RecordingReader& reader, Timestamp at)
    {
        constexpr bool whole = std::is_same_v<Fold, Analysis>;
        Fold fold;
        World world = must(reader.keyframe(whole ? at - Analysis::longest_window : at));
        const SequenceNumber from = world.sequence();
        if constexpr (whole)
            fold.restore(std::move(world));
        else
            fold = std::move(world);
        WorldDelta delta;
        must(reader.read(from, [&](const Observation& o) {
            if (o.time > at)
                return false;
            if constexpr (whole)
                fold.fold(o, delta);
            else
                fold.apply(o, delta);
            return true;
        }));
        if constexpr (whole)
            fold.look();
    }

    /// From end to end: what the marks of a timeline need.
    void play()
    {
        auto reader = must(RecordingReader::open(file_));
        std::uint64_t rows = 0;
        const Took read = timed([&] {
            must(reader->read({}, [&](const Observation& o) {
                if (const auto* const sample = std::get_if<ServerSample>(&o.what))
                    rows += sample->changed.size() + sample->gone.size();
                return true;
            }));
        });
        figure("read_all", read);
        figure("read_rows_a_cpu_second", static_cast<double>(rows) / read.cpu_ms * 1000);
        Analysis analysis;
        std::size_t marks = 0;
        const Took folded = timed([&] {
            must(reader->read({}, [&](const Observation& o) {
                WorldDelta ignored;
                analysis.apply(o, ignored);
                marks += analysis.take_marks().size();
                return true;
            }));
        });
        figure("marks", folded);
        figure("marks_found", static_cast<double>(marks));
    }

    LongRecording settings_;
    double hours_;
    Path file_;
};

} // namespace

bool run_long(const LongRecording& settings)
{
    for (const double hours : {settings.hours / 8, settings.hours}) {
        if (!Phases{settings, hours}.run())
            return false;
    }
    return true;
}

} // namespace poolscope::bench
