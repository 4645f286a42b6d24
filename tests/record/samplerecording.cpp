// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/record/samplerecording.h"

#include <SQLiteCpp/Database.h>

#include <fstream>
#include <iterator>

namespace poolscope::test {

std::string contents(const std::filesystem::path& file)
{
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

void write_bytes(const std::filesystem::path& file, const std::string& bytes)
{
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
}

SampleRecording::SampleRecording(std::uint32_t seed, std::size_t observations,
                                 Duration keyframe_every, End end)
    : file_(folder_ / "sample.poolrec")
    , observations_(Stream{seed, {2, 15, 0.3, true, false}}.take(observations))
{
    const WriterOptions options = keyframes_every(keyframe_every);
    if (end == End::closed)
        trouble_ = record_all(file_, observations_, options);
    else
        leave_open(options);
}

SampleRecording::~SampleRecording()
{
    // A test may have made it read-only.
    std::error_code ignored;
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::owner_all, ignored);
}

/// The files of a writer that goes on are copied, which is what a kill leaves of them.
void SampleRecording::leave_open(const WriterOptions& options)
{
    const Folder elsewhere;
    auto writer = RecordingWriter::create(elsewhere / "open.poolrec", options);
    for (const Observation& o : observations_) {
        if (!writer || !writer.value()->append(o))
            trouble_ = "it could not be written";
    }
    if (!trouble_.empty() || !writer.value()->commit()) {
        trouble_ = "it could not be committed";
        return;
    }
    for (const char* const suffix : {"", "-wal", "-shm"})
        std::filesystem::copy_file((elsewhere / "open.poolrec").string() + suffix,
                                   file_.string() + suffix);
}

std::int64_t SampleRecording::ask(const std::string& sql) const
{
    SQLite::Database db{file_.string(), SQLite::OPEN_READONLY};
    return db.execAndGet(sql).getInt64();
}

std::filesystem::path SampleRecording::altered(const std::string& sql) const
{
    const auto copy = folder_ / "altered.poolrec";
    std::filesystem::copy_file(file_, copy, std::filesystem::copy_options::overwrite_existing);
    SQLite::Database{copy.string(), SQLite::OPEN_READWRITE}.exec(sql);
    return copy;
}

std::string use(const std::filesystem::path& file)
{
    auto reader = RecordingReader::open(file);
    if (!reader)
        return reader.error().sentence;
    RecordingReader& r = *reader.value();
    std::string trouble;
    const auto note = [&](const auto& result) {
        if (!result && trouble.empty())
            trouble = result.error().sentence;
        return static_cast<bool>(result);
    };
    const auto info = r.info();
    note(info);
    const Timestamp from = info ? info.value().started : Timestamp{};
    const Timestamp to = info ? info.value().ended : Timestamp::max();
    SessionKey someone{TargetId{1}, Pid{1000}, from};
    note(r.read({}, [&](const Observation& o) {
        if (const auto* const sample = std::get_if<ServerSample>(&o.what);
            sample && !sample->changed.empty())
            someone = sample->changed.front().key;
        return true;
    }));
    note(r.keyframe(from));
    note(r.keyframe(to));
    note(r.keyframe(Timestamp::max()));
    note(r.series(from, to, 100));
    note(r.series(Timestamp::min(), Timestamp::max(), 100));
    note(r.pool_series(from, to, 100));
    note(r.pool_series(from + (to - from) / 2, to, 1000));
    note(r.pool_series(Timestamp::min(), Timestamp::max(), 100));
    note(r.step(from, true));
    note(r.step(to, false));
    note(r.past(someone, from, to));
    return trouble;
}

} // namespace poolscope::test
