// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/overflow.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace poolscope {
namespace {

std::optional<std::int64_t> setting(const Pool& pool, std::string_view name)
{
    for (const auto& [key, value] : pool.configuration) {
        std::int64_t number = 0;
        const char* const end = value.data() + value.size();
        if (key == name) {
            const auto [at, error] = std::from_chars(value.data(), end, number);
            return error == std::errc{} && at == end ? std::optional{number} : std::nullopt;
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<Overflow> overflow_of(const Pool& pool)
{
    if (pool.kind.str() != "sqlalchemy" || !pool.total || *pool.total < 0)
        return std::nullopt;
    const auto kept = setting(pool, "pool_size");
    const auto most = setting(pool, "max_overflow");
    if (!kept || *kept <= 0 || !most)
        return std::nullopt;
    Overflow overflow;
    overflow.open = std::max<std::int64_t>(0, *pool.total - *kept);
    if (*most >= 0)
        overflow.most = most;
    return overflow;
}

} // namespace poolscope
