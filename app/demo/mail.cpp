// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/mail.h"

#include <stdexcept>

namespace shop {

using namespace std::chrono_literals;

namespace {

/// It talks to the mail server; the database is not needed for it.
void deliver(Shop& shop)
{
    shop.pace.rest(shop.pace.real(45s));
}

void send_batch(Shop& shop, const Request& request)
{
    auto connection = shop.pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    run(connection.value(), "SELECT count(*) FROM orders WHERE paid = ?1", 1);
    deliver(shop);
    run(connection.value(), "UPDATE orders SET paid = 2 WHERE id = ?1", 1);
}

} // namespace

void send_receipts(Shop& shop)
{
    try {
        send_batch(shop, {"mail", "/jobs/receipts", ++shop.requests});
    } catch (const std::exception&) {
        ++shop.failures;
    }
}

} // namespace shop
