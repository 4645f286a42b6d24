// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/bounds.h"
#include "core/base/time.h"
#include "core/record/database.h"

#include <cstdint>
#include <limits>
#include <optional>

// Columns of a row as what the model has: null is nullopt, what does not fit is Damaged.
namespace poolscope::record {

inline constexpr std::int64_t most_16 = std::numeric_limits<std::uint16_t>::max();
inline constexpr std::int64_t most_31 = std::numeric_limits<std::int32_t>::max();
inline constexpr std::int64_t least_31 = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int64_t most_32 = std::numeric_limits<std::uint32_t>::max();

inline std::optional<std::int32_t> optional_small(const Row& row, int column)
{
    if (row.null(column))
        return std::nullopt;
    return static_cast<std::int32_t>(row.integer(column, least_31, most_31));
}

inline std::optional<std::uint16_t> optional_port(const Row& row, int column)
{
    if (row.null(column))
        return std::nullopt;
    return static_cast<std::uint16_t>(row.integer(column, 0, most_16));
}

inline std::optional<Timestamp> optional_time(const Row& row, int column)
{
    const auto us = row.optional_integer(column);
    return us ? std::optional{bounded_instant(*us)} : std::nullopt;
}

inline std::optional<Duration> optional_duration(const Row& row, int column)
{
    const auto us = row.optional_integer(column);
    return us ? std::optional{Duration{*us}} : std::nullopt;
}

} // namespace poolscope::record
