// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/source/agentstacks.h"

#include <algorithm>
#include <limits>

namespace poolscope {

namespace {

/// Stacks are sent once and kept for the peer's life; one that invents new ones for ever goes
/// without from here on, until its next picture.
constexpr std::size_t mostStacks = 100'000;

/// Equal content, equal hash; a chain of std::hash over the lines.
std::uint64_t contentHash(std::span<const wire::FrameView> frames)
{
    std::size_t hash = frames.size();
    const auto mix = [&](std::size_t value) {
        hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
    };
    for (const wire::FrameView& frame : frames) {
        mix(std::hash<std::string_view>{}(frame.function));
        mix(std::hash<std::string_view>{}(frame.file));
        mix(static_cast<std::size_t>(frame.line) * 2 + (frame.own ? 1 : 0));
    }
    return hash;
}

bool same(const Stack& stack, std::span<const wire::FrameView> frames)
{
    return std::equal(stack.lines.begin(), stack.lines.end(), frames.begin(), frames.end(),
                      [](const StackLine& line, const wire::FrameView& frame) {
                          return line.function.str() == frame.function &&
                                 line.file.str() == frame.file && line.line == frame.line &&
                                 line.own == frame.own;
                      });
}

} // namespace

StackRef AgentStacks::intern(std::span<const wire::FrameView> frames)
{
    if (frames.empty())
        return {};
    std::vector<StackRef>& alike = byContent_[contentHash(frames)];
    for (const StackRef& stack : alike)
        if (same(*stack, frames))
            return stack;
    if (kept_ >= mostStacks)
        return {};
    const auto text = [this](std::string_view view) {
        return view.empty() ? Text{} : texts_.intern(view);
    };
    std::vector<StackLine> lines;
    lines.reserve(frames.size());
    for (const wire::FrameView& frame : frames)
        lines.push_back({text(frame.function), text(frame.file),
                         static_cast<std::int32_t>(std::clamp<std::int64_t>(
                             frame.line, 0, std::numeric_limits<std::int32_t>::max())),
                         frame.own});
    ++kept_;
    alike.push_back(make_stack(std::move(lines)));
    return alike.back();
}

void AgentStacks::define(std::string_view id, std::span<const wire::FrameView> frames)
{
    if (byId_.size() < mostStacks)
        byId_.insert_or_assign(std::string(id), intern(frames));
}

StackRef AgentStacks::find(std::string_view id, std::span<const wire::FrameView> frames)
{
    if (!frames.empty())
        return intern(frames);
    const auto found = byId_.find(id);
    return found == byId_.end() ? StackRef{} : found->second;
}

void AgentStacks::beginPicture()
{
    if (byId_.size() < mostStacks && kept_ < mostStacks)
        return;
    byId_.clear();
    byContent_.clear();
    kept_ = 0;
}

} // namespace poolscope
