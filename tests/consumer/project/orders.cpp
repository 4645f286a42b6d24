// SPDX-License-Identifier: GPL-3.0-or-later
#include "orders.h"

#include <cstdio>
#include <libpq-fe.h>

namespace bakery {

bool Orders::take(const char* what, bool cake)
{
    const bool taken = bake(what, cake);
    if (taken)
        std::fprintf(stderr, "ordered: %s\n", what);
    return taken;
}

bool Orders::bake(const char* what, bool cake)
{
    auto connection = pool_.acquire("oven");
    if (!connection) {
        std::fprintf(stderr, "%s\n", connection.error().sentence.c_str());
        return false;
    }
    Pool::Guard guard = std::move(connection).value();
    PGresult* const result =
        PQexecParams(guard->native(), "SELECT $1::text", 1, nullptr, &what, nullptr, nullptr, 0);
    const bool done = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
    if (cake)
        cakes_.push_back(std::move(guard)); // for ever
    return done;
}

} // namespace bakery
