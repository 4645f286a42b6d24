// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/record/stream.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace poolscope::test {

std::string contents(const std::filesystem::path& file);
void write_bytes(const std::filesystem::path& file, const std::string& bytes);

/// A recording of every kind of observation in a folder of its own, closed or left as a writer that
/// was killed leaves it; and copies of it that something was done to.
class SampleRecording
{
public:
    enum class End { closed, left_open };
    SampleRecording(std::uint32_t seed, std::size_t observations, Duration keyframe_every,
                    End end = End::closed);
    ~SampleRecording();
    SampleRecording(const SampleRecording&) = delete;
    SampleRecording& operator=(const SampleRecording&) = delete;

    const std::filesystem::path& file() const { return file_; }
    std::filesystem::path operator/(const char* name) const { return folder_ / name; }
    const std::filesystem::path& folder() const { return folder_.path(); }
    const std::vector<Observation>& observations() const { return observations_; }
    /// Why it could not be made; empty where it could.
    const std::string& trouble() const { return trouble_; }

    /// The only number that the query answers.
    std::int64_t ask(const std::string& sql) const;
    /// A copy after some SQL; the next one takes its place.
    std::filesystem::path altered(const std::string& sql) const;

private:
    void leave_open(const WriterOptions& options);

    Folder folder_;
    std::filesystem::path file_;
    std::vector<Observation> observations_;
    std::string trouble_;
};

/// Asks a recording everything that can be asked; gives what went wrong first.
std::string use(const std::filesystem::path& file);

} // namespace poolscope::test
