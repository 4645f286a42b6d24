// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <core/pool/connectionpool.h>
#include <core/pool/postgresconnection.h>

#include <vector>

namespace bakery {

using Pool = poolscope::ConnectionPool<poolscope::PostgresConnection>;

/// Takes orders. One for a cake keeps its connection.
class Orders
{
public:
    explicit Orders(Pool& pool)
        : pool_(pool)
    {}
    /// False, and a sentence on standard error, if the database did not take it.
    bool take(const char* what, bool cake);

private:
    bool bake(const char* what, bool cake);

    Pool& pool_;
    std::vector<Pool::Guard> cakes_;
};

} // namespace bakery
