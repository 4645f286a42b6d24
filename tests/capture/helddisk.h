// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

namespace poolscope {

/// A disk that is away, as of a server that does not answer: whoever opens a recording on it from
/// now on waits, until it is there again. Whoever had it open goes on. One at a time, and made
/// before the first recording is opened.
class HeldDisk
{
public:
    /// Where nobody gives in, so that a test ends.
    static constexpr std::chrono::seconds longest{6};

    HeldDisk()
    {
        sqlite3_initialize();
        real() = sqlite3_vfs_find(nullptr);
        own() = *real();
        own().zName = "held";
        own().pNext = nullptr;
        own().xOpen = [](sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags,
                         int* out) {
            if (name && (flags & SQLITE_OPEN_MAIN_DB) != 0)
                state().enter(name);
            return real()->xOpen(real(), name, file, flags, out);
        };
        sqlite3_vfs_register(&own(), 1);
    }
    ~HeldDisk()
    {
        release();
        sqlite3_vfs_register(real(), 1);
        sqlite3_vfs_unregister(&own());
    }
    HeldDisk(const HeldDisk&) = delete;
    HeldDisk& operator=(const HeldDisk&) = delete;

    /// Recordings with that in their path.
    void hold(const std::string& part)
    {
        const std::lock_guard lock(state().mutex);
        state().part = part;
    }
    void release()
    {
        const std::lock_guard lock(state().mutex);
        state().part.clear();
        state().changed.notify_all();
    }
    /// How many wait for it.
    int waiting() const
    {
        const std::lock_guard lock(state().mutex);
        return state().waiting;
    }

private:
    struct State
    {
        std::mutex mutex;
        std::condition_variable changed;
        std::string part; // empty: it is there
        int waiting = 0;

        void enter(const char* name)
        {
            std::unique_lock lock(mutex);
            if (part.empty() || std::strstr(name, part.c_str()) == nullptr)
                return;
            ++waiting;
            changed.wait_for(lock, longest, [this] { return part.empty(); });
            --waiting;
        }
    };
    static State& state()
    {
        static State one;
        return one;
    }
    static sqlite3_vfs*& real()
    {
        static sqlite3_vfs* one = nullptr;
        return one;
    }
    static sqlite3_vfs& own()
    {
        static sqlite3_vfs one{};
        return one;
    }
};

} // namespace poolscope
