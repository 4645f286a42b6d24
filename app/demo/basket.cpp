// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/basket.h"

#include <functional>
#include <stdexcept>

namespace shop {

struct Baskets::Merge
{
    Connection connection;
    std::function<void()> retry;
};

void Baskets::handle_login(std::int64_t customer, bool empty_basket)
{
    try {
        merge_baskets({"basket", "/login", ++shop_.requests}, customer, empty_basket);
    } catch (const std::exception&) {
        ++shop_.failures;
    }
}

void Baskets::merge_baskets(const Request& request, std::int64_t customer, bool empty_basket)
{
    auto connection = shop_.pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    const auto merge = std::make_shared<Merge>(Merge{std::move(connection).value(), {}});
    merge->retry = [merge, customer] {
        run(merge->connection, "UPDATE customers SET visits = visits + 1 WHERE id = ?1", customer);
    };
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(merges_, [](const auto& old) { return old.expired(); });
        merges_.push_back(merge);
    }
    if (empty_basket)
        return; // the merge holds its retry, the retry holds the merge
    try {
        merge->retry();
    } catch (...) {
        merge->retry = nullptr;
        throw;
    }
    merge->retry = nullptr;
}

void Baskets::repair()
{
    std::vector<std::weak_ptr<Merge>> merges;
    {
        const std::lock_guard lock(mutex_);
        merges.swap(merges_);
    }
    for (const auto& forgotten : merges) {
        if (const auto merge = forgotten.lock())
            merge->retry = nullptr;
    }
}

} // namespace shop
