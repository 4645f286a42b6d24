// SPDX-License-Identifier: GPL-3.0-or-later
// A hostile recording: whatever the bytes are, opening and reading gives a value or an Error.
#include "core/record/reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size)
{
    using namespace poolscope;
    static const std::string file =
        (std::filesystem::temp_directory_path() / ("fuzz-" + std::to_string(getpid()) + ".poolrec"))
            .string();
    const int fd = open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size))
        std::abort();
    close(fd);

    if (auto opened = RecordingReader::open(file)) {
        RecordingReader& reader = *opened.value();
        Timestamp from{}, to = Timestamp::max();
        if (const auto info = reader.info()) {
            from = info.value().started;
            to = info.value().ended;
        }
        if (const auto world = reader.keyframe(to)) {
            int budget = 2000;
            World folded = world.value();
            (void)reader.read(SequenceNumber{0}, [&](const Observation& o) {
                folded.apply(o);
                return --budget > 0;
            });
            if (!folded.targets().empty() && !folded.targets().begin()->second.sessions.empty())
                (void)reader.past(folded.targets().begin()->second.sessions.begin()->second.key,
                                  from, to);
        }
        (void)reader.series(from, to, 100);
        (void)reader.pool_series(from, to, 100);
        (void)reader.pool_series(Timestamp::min(), Timestamp::max(), 20);
        (void)reader.step(from, true);
    }
    unlink(file.c_str());
    for (const char* const beside : {"-wal", "-shm", "-journal"})
        unlink((file + beside).c_str());
    return 0;
}
