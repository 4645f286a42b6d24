// SPDX-License-Identifier: Apache-2.0
#include "core/stack/modules.h"

#include <algorithm>
#include <array>
#include <climits>
#include <link.h>
#include <new>
#include <unistd.h>

namespace poolscope {

namespace {

std::string executable_path()
{
    std::array<char, PATH_MAX> path{};
    const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
    return length > 0 ? std::string(path.data(), static_cast<std::size_t>(length)) : std::string();
}

bool below(std::string_view path, std::string_view folder)
{
    return path.size() > folder.size() && path.starts_with(folder) &&
           (folder.ends_with('/') || path[folder.size()] == '/');
}

struct Listing
{
    std::vector<Module> modules;
    bool out_of_memory = false; ///< not thrown through the loader
};

int add_module(dl_phdr_info* info, std::size_t /*size*/, void* list)
{
    Module module;
    module.begin = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& header = info->dlpi_phdr[i];
        if (header.p_type != PT_LOAD)
            continue;
        const std::uintptr_t from = info->dlpi_addr + header.p_vaddr;
        module.begin = std::min(module.begin, from);
        module.end = std::max(module.end, from + header.p_memsz);
    }
    if (module.end == 0)
        return 0;
    auto& listing = *static_cast<Listing*>(list);
    try {
        module.path = info->dlpi_name ? info->dlpi_name : "";
        listing.modules.push_back(std::move(module));
    } catch (const std::bad_alloc&) {
        listing.out_of_memory = true;
    }
    return listing.out_of_memory ? 1 : 0;
}

} // namespace

Modules::Modules()
    : system_folders_{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64"}
{}

Modules& Modules::process()
{
    static auto* const modules = new Modules; // outlives every thread that may ask
    return *modules;
}

void Modules::set_system_folders(std::vector<std::string> folders)
{
    const std::lock_guard lock(mutex_);
    system_folders_ = std::move(folders);
    modules_.clear();
}

void Modules::read_loaded()
{
    Listing listing;
    dl_iterate_phdr(add_module, &listing);
    if (listing.out_of_memory)
        throw std::bad_alloc();
    std::vector<Module>& found = listing.modules;
    // The loader names the executable with an empty string, and lists it first.
    for (std::size_t i = 0; i < found.size(); ++i) {
        Module& module = found[i];
        const bool executable = i == 0 && module.path.empty();
        if (executable)
            module.path = executable_path();
        const bool system =
            module.path.empty() || module.path.starts_with("linux-vdso") ||
            std::any_of(system_folders_.begin(), system_folders_.end(),
                        [&](const std::string& folder) { return below(module.path, folder); });
        module.own = executable || !system;
    }
    std::sort(found.begin(), found.end(),
              [](const Module& a, const Module& b) { return a.begin < b.begin; });
    modules_ = std::move(found);
}

const Module* Modules::look_up(std::uintptr_t address) const
{
    auto after =
        std::upper_bound(modules_.begin(), modules_.end(), address,
                         [](std::uintptr_t a, const Module& module) { return a < module.begin; });
    if (after == modules_.begin())
        return nullptr;
    --after;
    return address < after->end ? &*after : nullptr;
}

const Module* Modules::find_locked(std::uintptr_t address)
{
    const Module* module = look_up(address);
    if (!module) {
        read_loaded(); // opened since
        module = look_up(address);
    }
    return module;
}

Module Modules::find(std::uintptr_t address)
{
    const std::lock_guard lock(mutex_);
    const Module* const module = find_locked(address);
    return module ? *module : Module{};
}

bool Modules::is_own(std::uintptr_t address)
{
    const std::lock_guard lock(mutex_);
    const Module* const module = find_locked(address);
    return module && module->own;
}

bool Modules::is_system_file(std::string_view path) const
{
    if (below(path, "/usr/include"))
        return true;
    const std::lock_guard lock(mutex_);
    return std::any_of(system_folders_.begin(), system_folders_.end(),
                       [&](const std::string& folder) { return below(path, folder); });
}

} // namespace poolscope
