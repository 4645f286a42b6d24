// SPDX-License-Identifier: Apache-2.0
#include "core/stack/symboliser.h"

#include "core/stack/modules.h"

#include <algorithm>
#include <array>

namespace poolscope {

namespace {

/// A service has some ten thousand distinct addresses; beyond this the cache starts over.
constexpr std::size_t most_addresses = 1U << 18U;
constexpr std::size_t most_stacks = 1U << 16U;

bool is_start(std::string_view function)
{
    return function == "_start" || function == "__libc_start_main";
}

} // namespace

bool is_pool_function(std::string_view function)
{
    constexpr std::string_view room = "poolscope::";
    if (!function.starts_with(room))
        return false;
    function.remove_prefix(room.size());
    static constexpr std::array<std::string_view, 8> names{
        "ConnectionPool", "PoolCore", "PooledConnection", "LeakDetector",
        "ResourceGuard",  "capture_", "CheckoutGuard",    "detail::"};
    return std::ranges::any_of(names,
                               [&](std::string_view name) { return function.starts_with(name); });
}

Symboliser& Symboliser::process()
{
    static auto* const symboliser = new Symboliser; // asked until the very end
    return *symboliser;
}

void Symboliser::set_library(std::function<bool(const Frame&)> is_library)
{
    const std::lock_guard lock(mutex_);
    is_library_ = std::move(is_library);
    by_address_.clear();
    by_stack_.clear();
}

const Frames& Symboliser::at(std::uintptr_t pc)
{
    if (const auto known = by_address_.find(pc); known != by_address_.end())
        return known->second;
    if (by_address_.size() >= most_addresses)
        by_address_.clear();
    Modules& modules = Modules::process();
    const Module module = modules.find(pc);
    Frames found = reader_.frames_at(pc);
    if (found.empty() && !module.path.empty())
        found.push_back({"", module.path, 0, false}); // at least in which file
    for (Frame& frame : found) {
        frame.own = module.own && !is_start(frame.function) && !is_pool_function(frame.function) &&
                    !modules.is_system_file(frame.file) && !(is_library_ && is_library_(frame));
    }
    return by_address_.emplace(pc, std::move(found)).first->second;
}

Frames Symboliser::resolve(std::span<const std::uintptr_t> addresses)
{
    Frames frames;
    for (const std::uintptr_t address :
         addresses.first(std::min(addresses.size(), max_stack_depth))) {
        // The call lies before the address that it returns to.
        const Frames& here = at(address - 1);
        frames.insert(frames.end(), here.begin(), here.end());
    }
    const auto caller = std::ranges::find_if(
        frames, [](const Frame& frame) { return !is_pool_function(frame.function); });
    if (caller != frames.end())
        frames.erase(frames.begin(), caller);
    return frames;
}

Frames Symboliser::frames(std::span<const std::uintptr_t> addresses)
{
    const std::lock_guard lock(mutex_);
    return resolve(addresses);
}

Frames Symboliser::frames(StackId stack)
{
    const std::lock_guard lock(mutex_);
    if (const auto known = by_stack_.find(stack); known != by_stack_.end())
        return known->second;
    if (by_stack_.size() >= most_stacks)
        by_stack_.clear();
    const auto addresses = StackTable::process().addresses(stack);
    if (addresses.empty())
        return {};
    return by_stack_.emplace(stack, resolve(addresses)).first->second;
}

} // namespace poolscope
