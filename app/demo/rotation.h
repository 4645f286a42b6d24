// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/traffic.h"

#include <thread>
#include <vector>

namespace shop {

/// The incident, again and again. One cycle takes 300 s (15 s with --demo-workload=fast); what
/// happens in it, in seconds from its beginning:
///
///      5-59  every 6 s an order whose card is declined keeps its connection (checkout.cpp).
///            At 35 the first has been out for 30 s: the first suspected leak.
///     10-110 the search index is rebuilt, announced and with heartbeats: no leak (searchindex.cpp)
///     15-45  three logins with an empty basket lose theirs for good (basket.cpp)
///     20     a draft report leaves its transaction open, in the small pool (reports.cpp). It is
///            dropped 25 s into the next cycle: by then it has been out for over 300 s
///     25-70  receipts: one connection is held during 45 s of mail; it comes back (mail.cpp)
///     60-170 the supplier's feed takes a connection a line (supplierfeed.cpp): within a few
///            seconds the pool is exhausted, and acquires time out after 3 s
///    175-200 repair: the feed, the orders and the baskets give theirs back, one after the other
///    200-300 all is well; from 210 on receipts are sent once more
class Rotation
{
public:
    explicit Rotation(Shop& shop);
    /// Once the demo has ended.
    ~Rotation();
    Rotation(const Rotation&) = delete;
    Rotation& operator=(const Rotation&) = delete;

private:
    void declined_orders();
    void empty_baskets();
    void drafts();
    void receipts();
    void supplier_feed();
    void search_index();

    Shop& shop_;
    Departments departments_;
    std::vector<std::thread> threads_;
};

} // namespace shop
