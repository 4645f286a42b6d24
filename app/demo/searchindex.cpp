// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/searchindex.h"

#include <stdexcept>

namespace shop {

using namespace std::chrono_literals;

namespace {

void index_products(Shop& shop, const Request& request)
{
    auto options = options_of(request);
    options.expected_duration = shop.pace.real(120s);
    auto connection = shop.pool.acquire(options);
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    for (int part = 0; part < 50; ++part) {
        run(connection.value(), "SELECT count(*) FROM products WHERE name LIKE '%' || ?1 || '%'",
            part);
        connection.value().heartbeat();
        if (!shop.pace.rest(shop.pace.real(2s)))
            return;
    }
}

} // namespace

void rebuild_search_index(Shop& shop)
{
    try {
        index_products(shop, {"search", "/jobs/index", ++shop.requests});
    } catch (const std::exception&) {
        ++shop.failures;
    }
}

} // namespace shop
