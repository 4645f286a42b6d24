// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/demo/reports.h"

#include <stdexcept>

namespace shop {

using namespace std::chrono_literals;

void Reports::handle_month(bool draft)
{
    try {
        monthly_report({"reports", draft ? "/reports/draft" : "/reports/month", ++shop_.requests},
                       draft);
    } catch (const std::exception&) {
        ++shop_.failures;
    }
}

void Reports::monthly_report(const Request& request, bool draft)
{
    Connection connection = open_month(request);
    monthly_revenue(connection);
    shop_.pace.rest(60ms); // it is drawn
    if (draft) {
        const std::lock_guard lock(mutex_);
        drafts_.push_back(std::move(connection)); // in the middle of its transaction
        return;
    }
    run(connection, "COMMIT");
}

Connection Reports::open_month(const Request& request)
{
    auto connection = shop_.reports_pool.acquire(options_of(request));
    if (!connection)
        throw std::runtime_error(connection.error().sentence);
    run(connection.value(), "BEGIN");
    return std::move(connection).value();
}

std::int64_t Reports::monthly_revenue(Connection& connection)
{
    return run(connection, "SELECT sum(p.price) FROM orders o JOIN products p ON p.id = o.product "
                           "WHERE o.paid = 1 AND o.customer > ?1");
}

bool Reports::drop_draft()
{
    const std::lock_guard lock(mutex_);
    if (drafts_.empty())
        return false;
    drafts_.pop_front();
    return true;
}

} // namespace shop
