// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/rotation.h"

#include "app/demo/mail.h"
#include "app/demo/searchindex.h"

namespace shop {

using namespace std::chrono_literals;

namespace {

constexpr Duration cycle_length = 300s;
constexpr unsigned customers = 8;

} // namespace

Rotation::Rotation(Shop& shop)
    : shop_(shop)
    , departments_(shop)
{
    for (unsigned seed = 1; seed <= customers; ++seed)
        threads_.emplace_back([this, seed] { serve_customers(shop_, departments_, seed); });
    threads_.emplace_back([this] { serve_office(shop_, departments_); });
    threads_.emplace_back([this] { declined_orders(); });
    threads_.emplace_back([this] { empty_baskets(); });
    threads_.emplace_back([this] { drafts(); });
    threads_.emplace_back([this] { receipts(); });
    threads_.emplace_back([this] { supplier_feed(); });
    threads_.emplace_back([this] { search_index(); });
}

Rotation::~Rotation()
{
    for (std::thread& thread : threads_)
        thread.join();
}

void Rotation::declined_orders()
{
    for (Duration cycle{};; cycle += cycle_length) {
        for (Duration at = 5s; at < 60s; at += 6s) {
            if (!shop_.pace.until(cycle + at))
                return;
            departments_.checkout.handle(1 + at.count() % 2000, Card::declined);
        }
        if (!shop_.pace.until(cycle + 185s))
            return;
        while (departments_.checkout.drop_unpaid()) {
            if (!shop_.pace.rest(shop_.pace.real(1s)))
                return;
        }
    }
}

void Rotation::empty_baskets()
{
    for (Duration cycle{};; cycle += cycle_length) {
        for (Duration at = 15s; at <= 45s; at += 15s) {
            if (!shop_.pace.until(cycle + at))
                return;
            departments_.baskets.handle_login(7, true);
        }
        if (!shop_.pace.until(cycle + 200s))
            return;
        departments_.baskets.repair();
    }
}

void Rotation::drafts()
{
    for (Duration cycle{};; cycle += cycle_length) {
        if (!shop_.pace.until(cycle + 20s))
            return;
        departments_.reports.handle_month(true);
        if (!shop_.pace.until(cycle + 25s))
            return;
        if (cycle > 0s)
            departments_.reports.drop_draft();
    }
}

void Rotation::receipts()
{
    for (Duration cycle{};; cycle += cycle_length) {
        for (const Duration at : {Duration{25s}, Duration{210s}}) {
            if (!shop_.pace.until(cycle + at))
                return;
            send_receipts(shop_);
        }
    }
}

void Rotation::supplier_feed()
{
    for (Duration cycle{};; cycle += cycle_length) {
        if (!shop_.pace.until(cycle + 60s))
            return;
        departments_.feed.load(500ms, 110s);
        if (!shop_.pace.until(cycle + 175s))
            return;
        while (departments_.feed.drop_line()) {
            if (!shop_.pace.rest(shop_.pace.real(1s)))
                return;
        }
    }
}

void Rotation::search_index()
{
    for (Duration cycle{};; cycle += cycle_length) {
        if (!shop_.pace.until(cycle + 10s))
            return;
        rebuild_search_index(shop_);
    }
}

} // namespace shop
