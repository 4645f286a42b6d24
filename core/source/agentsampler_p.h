// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/source/agentsampler.h"

#include <array>
#include <limits>

namespace poolscope {

/// A checkout as it came. Texts stay in one buffer until it is listed, which most never are.
struct AgentSampler::Open
{
    std::string bytes;
    wire::Checkout raw; ///< its views are of `bytes`
    std::vector<wire::Pair> tags;
    Text pool;
    StackRef stack;
    std::optional<bool> busy;
    std::optional<Timestamp> busySince;
    std::optional<Timestamp> heartbeat;
    Text statement;
    Text reported;
    bool isListed = false;
    std::size_t touchedAt = untouched; ///< where in touched_

    static constexpr std::size_t untouched = std::numeric_limits<std::size_t>::max();

    void assign(const wire::Checkout& from)
    {
        raw = from;
        std::size_t size = 0;
        const auto parts =
            std::array{&raw.id, &raw.connection, &raw.by, &raw.thread, &raw.trace_id};
        tags.assign(from.tags.begin(), from.tags.end());
        for (const std::string_view* part : parts)
            size += part->size();
        for (const wire::Pair& tag : tags)
            size += tag.name.size() + tag.value.size();
        bytes.clear();
        bytes.reserve(size);
        const auto keep = [&](std::string_view& part) {
            const std::size_t at = bytes.size();
            bytes.append(part);
            part = std::string_view(bytes.data() + at, part.size());
        };
        for (std::string_view* const part : parts)
            keep(*part);
        for (wire::Pair& tag : tags) {
            keep(tag.name);
            keep(tag.value);
        }
        raw.pool = {};
        raw.stack = {};
        raw.frames = {};
        raw.tags = {};
        busy = from.busy;
        busySince = from.busy ? std::optional(from.time) : std::nullopt;
        heartbeat = from.beat;
        statement = {};
        reported = {};
        isListed = false;
        touchedAt = untouched;
    }
};

} // namespace poolscope
