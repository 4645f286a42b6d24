// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

#include <vector>

namespace shop {

/// Reads a supplier's prices, with a connection for each line of the feed and none given back
/// before the end: a checkout in a loop. One thread.
class SupplierFeed
{
public:
    explicit SupplierFeed(Shop& shop)
        : shop_(shop)
    {}

    /// One line every `between` for as long as `limit` (script time), or the demo.
    void load(Duration between, Duration limit);
    /// The repair: gives one connection back. False: there is none.
    bool drop_line();

private:
    void load_line(const Request& request, std::int64_t product);

    Shop& shop_;
    std::vector<Connection> rows_;
};

} // namespace shop
