// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/supplierfeed.h"

#include <chrono>
#include <stdexcept>

namespace shop {

void SupplierFeed::load(Duration between, Duration limit)
{
    const auto end = std::chrono::steady_clock::now() + shop_.pace.real(limit);
    for (std::int64_t product = 1; std::chrono::steady_clock::now() < end; ++product) {
        try {
            load_line({"feed", "/jobs/supplier-feed", ++shop_.requests}, product);
        } catch (const std::exception&) {
            ++shop_.failures;
        }
        if (!shop_.pace.rest(shop_.pace.real(between)))
            return;
    }
}

void SupplierFeed::load_line(const Request& request, std::int64_t product)
{
    auto connection = shop_.pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    rows_.push_back(std::move(connection).value()); // until the whole feed is read
    run(rows_.back(), "UPDATE products SET price = price + 1 WHERE id = ?1", product);
}

bool SupplierFeed::drop_line()
{
    if (rows_.empty())
        return false;
    rows_.pop_back();
    return true;
}

} // namespace shop
