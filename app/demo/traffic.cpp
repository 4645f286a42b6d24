// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/traffic.h"

#include <chrono>
#include <cmath>
#include <numbers>
#include <stdexcept>

namespace shop {

using namespace std::chrono_literals;

namespace {

using Random = std::minstd_rand;

Duration about(Random& random, Duration mean)
{
    std::exponential_distribution<double> spread(1.0);
    return Duration{static_cast<std::int64_t>(static_cast<double>(mean.count()) *
                                              std::min(spread(random), 5.0))};
}

Connection connect(Shop& shop, const Request& request)
{
    auto connection = shop.pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    return std::move(connection).value();
}

void search_products(Shop& shop, Random& random)
{
    Connection connection = connect(shop, {"search", "/search", ++shop.requests});
    run(connection, "SELECT count(*), min(price) FROM products WHERE price < ?1",
        static_cast<std::int64_t>(random() % 10'000));
    shop.pace.rest(about(random, 12ms)); // the page is made
}

void show_account(Shop& shop, Random& random)
{
    Connection connection = connect(shop, {"account", "/account", ++shop.requests});
    const auto customer = static_cast<std::int64_t>(1 + random() % 500);
    run(connection, "SELECT name FROM customers WHERE id = ?1", customer);
    run(connection, "SELECT count(*) FROM orders WHERE customer = ?1", customer);
    shop.pace.rest(about(random, 25ms));
}

void serve_one(Shop& shop, Departments& departments, Random& random)
{
    const auto kind = random() % 100;
    if (kind < 15) {
        departments.checkout.handle(static_cast<std::int64_t>(1 + random() % 2000), Card::accepted);
    } else if (kind < 30) {
        departments.baskets.handle_login(static_cast<std::int64_t>(1 + random() % 500), false);
    } else {
        try {
            kind < 75 ? search_products(shop, random) : show_account(shop, random);
        } catch (const std::exception&) {
            ++shop.failures;
        }
    }
}

/// Between requests of one customer: shorter and longer over some 40 s, as traffic comes in waves.
Duration gap_now()
{
    const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
    const double wave = std::sin(now.count() * 2 * std::numbers::pi / 40);
    return Duration{static_cast<std::int64_t>(90'000 - 40'000 * wave)};
}

} // namespace

void serve_customers(Shop& shop, Departments& departments, unsigned seed)
{
    Random random(seed);
    while (shop.pace.rest(about(random, gap_now())))
        serve_one(shop, departments, random);
}

void serve_office(Shop& shop, Departments& departments)
{
    Random random(99);
    while (shop.pace.rest(about(random, 1500ms)))
        departments.reports.handle_month(false);
}

} // namespace shop
