// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// One executable or shared object in this process.
struct Module
{
    std::uintptr_t begin = 0; ///< of its loaded segments
    std::uintptr_t end = 0;
    std::string path;
    bool own = false; ///< the executable, or an object outside the system's library folders
};

/// What is loaded in this process, and whose it is. Thread-safe; reads the loader's list when it
/// is asked for an address that it does not know, never on a hot path.
class Modules
{
public:
    Modules();
    /// The one of this process.
    static Modules& process();

    /// Objects below these folders are not the application's own. Absolute paths.
    void set_system_folders(std::vector<std::string> folders);
    /// The module that `address` lies in; an empty path where there is none. Throws std::bad_alloc.
    Module find(std::uintptr_t address);
    bool is_own(std::uintptr_t address); ///< the same
    /// Whether a file belongs to the system: below its library or include folders.
    bool is_system_file(std::string_view path) const;

private:
    void read_loaded();
    const Module* find_locked(std::uintptr_t address);
    const Module* look_up(std::uintptr_t address) const;

    mutable std::mutex mutex_;
    std::vector<std::string> system_folders_;
    std::vector<Module> modules_; ///< by address
};

} // namespace poolscope
