// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "app/demo/shop.h"

#include <deque>
#include <mutex>

namespace shop {

/// The office's reports. One that nobody fetches stays open with its transaction.
class Reports
{
public:
    explicit Reports(Shop& shop)
        : shop_(shop)
    {}

    /// GET /reports/month. A draft leaves its transaction open.
    void handle_month(bool draft);
    /// The repair: the oldest draft is thrown away. False: there is none.
    bool drop_draft();

private:
    void monthly_report(const Request& request, bool draft);
    Connection open_month(const Request& request);
    std::int64_t monthly_revenue(Connection& connection);

    Shop& shop_;
    std::mutex mutex_;
    std::deque<Connection> drafts_;
};

} // namespace shop
