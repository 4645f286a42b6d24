// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/checkout.h"

#include <stdexcept>

namespace shop {

using namespace std::chrono_literals;

void Checkout::handle(std::int64_t product, Card card)
{
    try {
        place_order({"checkout", "/checkout", ++shop_.requests}, product, card);
    } catch (const std::exception&) {
        ++shop_.failures;
    }
}

void Checkout::place_order(const Request& request, std::int64_t product, Card card)
{
    auto connection = shop_.pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    Order order{std::move(connection).value(), product};
    reserve_stock(order);
    shop_.pace.rest(4ms); // the bank answers
    if (card == Card::declined) {
        const std::lock_guard lock(mutex_);
        unpaid_.push_back(std::move(order)); // and its connection with it
        return;
    }
    run(order.connection, "INSERT INTO orders(product, customer, paid) VALUES (?1, 1, 1)",
        order.product);
}

void Checkout::reserve_stock(Order& order)
{
    run(order.connection, "UPDATE products SET stock = stock - 1 WHERE id = ?1", order.product);
}

bool Checkout::drop_unpaid()
{
    const std::lock_guard lock(mutex_);
    if (unpaid_.empty())
        return false;
    unpaid_.pop_front();
    return true;
}

} // namespace shop
