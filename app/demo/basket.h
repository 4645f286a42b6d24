// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

#include <memory>
#include <mutex>
#include <vector>

namespace shop {

/// Merges the basket of a guest who logs in. The early return for an empty basket forgets to take
/// the retry away that keeps the merge alive, and so its connection: nobody can reach it any more.
class Baskets
{
public:
    explicit Baskets(Shop& shop)
        : shop_(shop)
    {}
    ~Baskets() { repair(); }
    Baskets(const Baskets&) = delete;
    Baskets& operator=(const Baskets&) = delete;

    /// POST /login
    void handle_login(std::int64_t customer, bool empty_basket);
    /// Breaks what keeps the forgotten merges alive.
    void repair();

private:
    struct Merge;
    void merge_baskets(const Request& request, std::int64_t customer, bool empty_basket);

    Shop& shop_;
    std::mutex mutex_;
    std::vector<std::weak_ptr<Merge>> merges_; ///< for repair() alone: it keeps nothing
};

} // namespace shop
