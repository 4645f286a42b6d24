// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/shop.h"

#include <algorithm>

namespace shop {

namespace {

using namespace std::chrono_literals;

poolscope::PoolConfig config_of(const char* name, std::uint32_t size, const Pace& pace)
{
    auto config = poolscope::PoolConfig::production();
    config.name = name;
    config.database = "sqlite:shop.db";
    config.max_connections = size;
    config.max_per_user = 0;
    config.min_idle = 2;
    config.acquire_timeout = std::max<Duration>(pace.real(3s), 200ms);
    config.leak_threshold = pace.real(config.leak_threshold);
    config.leak_critical_threshold = pace.real(config.leak_critical_threshold);
    return config;
}

} // namespace

Shop::Shop(unsigned speed)
    : pace(speed)
    , pool(config_of("shop", 20, pace), ShopFactory(database.file()))
    , reports_pool(config_of("reports", 5, pace), ShopFactory(database.file()))
{}

} // namespace shop
