// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

#include <deque>
#include <mutex>

namespace shop {

/// Takes orders. An order whose card was declined is put aside together with its connection, in a
/// list that nobody looks after: a connection kept in a collection.
class Checkout
{
public:
    explicit Checkout(Shop& shop)
        : shop_(shop)
    {}

    /// POST /checkout
    void handle(std::int64_t product, Card card);
    /// The repair: the oldest order that was put aside is dropped. False: there is none.
    bool drop_unpaid();

private:
    struct Order
    {
        Connection connection;
        std::int64_t product = 0;
    };

    void place_order(const Request& request, std::int64_t product, Card card);
    void reserve_stock(Order& order);

    Shop& shop_;
    std::mutex mutex_;
    std::deque<Order> unpaid_;
};

} // namespace shop
