// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/basket.h"
#include "app/demo/checkout.h"
#include "app/demo/reports.h"
#include "app/demo/supplierfeed.h"

#include <random>

namespace shop {

/// The parts of the shop that answer requests.
struct Departments
{
    explicit Departments(Shop& shop)
        : checkout(shop)
        , baskets(shop)
        , reports(shop)
        , feed(shop)
    {}
    Checkout checkout;
    Baskets baskets;
    Reports reports;
    SupplierFeed feed;
};

/// Customers come and go: short checkouts that all come back. Until the demo ends.
void serve_customers(Shop& shop, Departments& departments, unsigned seed);

/// Now and then somebody in the office reads a report.
void serve_office(Shop& shop, Departments& departments);

} // namespace shop
