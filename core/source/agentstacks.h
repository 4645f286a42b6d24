// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/stringhash.h"
#include "core/base/text.h"
#include "core/model/pool.h"
#include "core/wire/messages.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace poolscope {

/// The stacks of one agent, each kept once however it was told: by the agent's own id, or with the
/// checkout itself. Not thread-safe.
class AgentStacks
{
public:
    explicit AgentStacks(TextPool& texts)
        : texts_(texts)
    {}

    /// The agent says what it means by that id. One beyond the bound is not kept.
    void define(std::string_view id, std::span<const wire::FrameView> frames);
    bool knows(std::string_view id) const { return byId_.find(id) != byId_.end(); }
    /// Frames outrank the id; null where neither says anything.
    StackRef find(std::string_view id, std::span<const wire::FrameView> frames);
    /// With a new picture comes a new table. Keeps what it has unless that is very much.
    void beginPicture();

private:
    StackRef intern(std::span<const wire::FrameView> frames);

    TextPool& texts_;
    StringTable<StackRef> byId_;
    std::unordered_map<std::uint64_t, std::vector<StackRef>> byContent_;
    std::size_t kept_ = 0;
};

} // namespace poolscope
