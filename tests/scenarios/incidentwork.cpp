// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/scenarios/incidentwork.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace poolscope::incident {

namespace {

using namespace std::chrono_literals;
using Guard = PooledConnection<PostgresConnection>;

/// What one thread does over and over, until it is told to end.
struct Job
{
    Shop& shop;
    int a = 0;
    int b = 0;
    const std::atomic<bool>& ending;
    int turn = 0;

    void rest(int ms) const
    {
        const auto until = Clock::now() + std::chrono::milliseconds(ms);
        while (!ending && Clock::now() < until)
            std::this_thread::sleep_for(std::min<Clock::duration>(until - Clock::now(), 10ms));
    }
    /// False: it failed.
    bool run(Guard& guard, const std::string& sql) const
    {
        if (shop.tells_use)
            guard.begin_statement(sql);
        PGresult* const result = PQexec(guard->native(), sql.c_str());
        const ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (shop.tells_use)
            guard.end_statement();
        return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
    }
};

/// Counts how long it is held.
class Use
{
public:
    explicit Use(Shop& shop)
        : shop_(shop)
    {}
    ~Use()
    {
        shop_.used_us +=
            std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin_).count();
        ++shop_.uses;
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

private:
    Shop& shop_;
    Clock::time_point begin_ = Clock::now();
};

std::string sleep_of(int ms)
{
    return "pg_sleep(" + std::to_string(ms / 1000.0) + ')';
}

std::string update_of(int row)
{
    return "UPDATE stock SET n = n - 1 WHERE id = " + std::to_string(row);
}

/// One statement, as most of the work is.
[[gnu::noinline]] void serve(Job& job, const std::string& sql)
{
    auto guard = job.shop.pool->acquire("serve"); // line: serve
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    if (!job.run(guard.value(), sql))
        job.rest(20);
}

[[gnu::noinline]] void forget(Job& job, Guard guard)
{
    if (job.ending)
        return;
    const std::lock_guard lock(job.shop.mutex);
    job.shop.forgotten.push_back(std::move(guard));
    asm volatile(""); // no tail call
}

[[gnu::noinline]] void place_order(Job& job)
{
    auto guard = job.shop.pool->acquire("order"); // line: leak
    if (!guard)
        return;
    job.run(guard.value(), "SELECT 1");
    forget(job, std::move(guard).value());
}

[[gnu::noinline]] void take_stock(Job& job)
{
    auto guard = job.shop.pool->acquire("stock"); // line: leak2
    if (!guard)
        return;
    job.run(guard.value(), "SELECT sum(n) FROM stock");
    forget(job, std::move(guard).value());
}

[[gnu::noinline]] void open_basket(Job& job)
{
    auto guard = job.shop.pool->acquire("basket"); // line: leaktx
    if (!guard)
        return;
    job.run(guard.value(), "BEGIN");
    job.run(guard.value(), "SELECT count(*) FROM stock");
    forget(job, std::move(guard).value());
}

/// Gives back, but for the path of an error that comes now and then.
[[gnu::noinline]] void pay(Job& job)
{
    auto guard = job.shop.pool->acquire("pay"); // line: error
    if (!guard)
        return job.rest(100);
    if (job.turn % job.a == job.a - 1) {
        job.run(guard.value(), "SELECT 1 / 0");
        return forget(job, std::move(guard).value());
    }
    const Use use(job.shop);
    job.run(guard.value(), "SELECT pg_sleep(0.01)");
}

/// Its statements fail, and it gives back all the same.
[[gnu::noinline]] void try_coupon(Job& job)
{
    try {
        auto guard = job.shop.pool->acquire("coupon"); // line: closing
        if (!guard)
            return job.rest(100);
        const Use use(job.shop);
        job.run(guard.value(), "SELECT " + sleep_of(job.a));
        if (!job.run(guard.value(), "SELECT no_such_coupon()"))
            throw std::runtime_error("no such coupon");
    } catch (const std::runtime_error&) {
    }
}

/// Calls somebody else's service while it holds.
[[gnu::noinline]] void send_mail(Job& job)
{
    auto guard = job.shop.pool->acquire("mail"); // line: idle
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    job.run(guard.value(), "SELECT 1");
    const int slower = job.shop.external;
    job.rest(slower > 0 ? slower : job.a);
}

/// The same, for half as long to one and a half times as long.
[[gnu::noinline]] void send_letters(Job& job)
{
    auto guard = job.shop.pool->acquire("letters"); // line: letters
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    job.run(guard.value(), "SELECT 1");
    job.rest(job.a / 2 + job.a * ((job.turn * 7 + 3) % 11) / 10);
}

[[gnu::noinline]] void book_trip(Job& job)
{
    auto guard = job.shop.pool->acquire("trip"); // line: idletx
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    job.run(guard.value(), "BEGIN");
    job.run(guard.value(), "SELECT count(*) FROM stock");
    job.rest(job.a);
    job.run(guard.value(), "COMMIT");
}

/// Holds a row's lock while it does other things.
[[gnu::noinline]] void pack(Job& job)
{
    auto guard = job.shop.pool->acquire("pack"); // line: rowlock
    if (!guard)
        return;
    const Use use(job.shop);
    job.run(guard.value(), "BEGIN");
    job.run(guard.value(), update_of(job.a));
    job.rest(job.b);
    job.run(guard.value(), "COMMIT");
}

/// Holds it while its next statement takes long.
[[gnu::noinline]] void count_all(Job& job)
{
    auto guard = job.shop.pool->acquire("count"); // line: slowlock
    if (!guard)
        return;
    const Use use(job.shop);
    job.run(guard.value(), "BEGIN");
    job.run(guard.value(), update_of(job.a));
    job.run(guard.value(), "SELECT count(*) FROM stock, " + sleep_of(job.b));
    job.run(guard.value(), "COMMIT");
}

/// Two rows, one after the other.
[[gnu::noinline]] void swap_items(Job& job)
{
    auto guard = job.shop.pool->acquire("swap"); // line: chain
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    job.run(guard.value(), "BEGIN");
    job.run(guard.value(), update_of(job.a));
    job.run(guard.value(), update_of(job.a + 1));
    job.run(guard.value(), "COMMIT");
}

/// Long, and known to be: it says so, or shows that it lives.
[[gnu::noinline]] void export_all(Job& job, bool says)
{
    auto guard = job.shop.pool->acquire("export"); // line: export
    if (!guard)
        return job.rest(100);
    const Use use(job.shop);
    if (says)
        guard.value().expect(std::chrono::milliseconds(job.a + 5000));
    const auto until = Clock::now() + std::chrono::milliseconds(job.a);
    while (!job.ending && Clock::now() < until) {
        if (!says)
            guard.value().heartbeat();
        job.run(guard.value(), "SELECT " + sleep_of(300));
        job.rest(400);
    }
}

/// Opens connections that no pool knows.
void open_beside(Job& job)
{
    PGconn* const connection = PQconnectdb(job.shop.conninfo.c_str());
    if (PQstatus(connection) != CONNECTION_OK) {
        PQfinish(connection);
        return job.rest(500);
    }
    const std::lock_guard lock(job.shop.mutex);
    job.shop.unpooled.push_back(connection);
}

struct Kind
{
    std::string_view name;
    void (*once)(Job&);
};

constexpr std::array kinds{
    Kind{"serve",
         [](Job& j) {
             serve(j, "SELECT " + sleep_of(j.a)), j.rest(j.b);
         }},
    /// The same without a rest, each of them that much later than the one before.
    Kind{"later",
         [](Job& j) {
             static thread_local bool begun = false;
             if (!begun)
                 j.rest(j.turn / 3 * j.b);
             begun = true;
             serve(j, "SELECT " + sleep_of(j.a));
         }},
    Kind{"lookup",
         [](Job& j) {
             serve(j, "SELECT lookup()"), j.rest(j.b);
         }},
    Kind{"report",
         [](Job& j) {
             serve(j, "SELECT count(*) FROM stock, " + sleep_of(j.a)), j.rest(j.b);
         }},
    Kind{"compute",
         [](Job& j) {
             serve(j,
                   "SELECT sum(sqrt(i)) FROM generate_series(1, " + std::to_string(j.a) + "000) i");
             j.rest(j.b);
         }},
    /// On a processor for as long on a fast machine as on a slow one, by the database's own busy().
    Kind{"busy",
         [](Job& j) {
             serve(j, "SELECT sum(sqrt(i)) FROM generate_series(1, 8) i WHERE busy(" +
                          std::to_string(j.a) + ")");
             j.rest(j.b);
         }},
    Kind{"update",
         [](Job& j) {
             serve(j, update_of(j.a)), j.rest(j.b);
         }},
    /// Five, and then a rest.
    Kind{"bursts",
         [](Job& j) {
             for (int i = 0; i < 5 && !j.ending; ++i)
                 serve(j, "SELECT " + sleep_of(j.a));
             j.rest(j.b);
         }},
    Kind{"leak",
         [](Job& j) {
             place_order(j), j.rest(j.b);
         }},
    Kind{"leak2",
         [](Job& j) {
             take_stock(j), j.rest(j.b);
         }},
    Kind{"leaktx",
         [](Job& j) {
             open_basket(j), j.rest(j.b);
         }},
    Kind{"leakerror",
         [](Job& j) {
             pay(j), j.rest(j.b);
         }},
    Kind{"closing",
         [](Job& j) {
             try_coupon(j), j.rest(j.b);
         }},
    Kind{"mail",
         [](Job& j) {
             send_mail(j), j.rest(j.b);
         }},
    Kind{"letters",
         [](Job& j) {
             send_letters(j), j.rest(j.b);
         }},
    Kind{"mailtx",
         [](Job& j) {
             book_trip(j), j.rest(j.b);
         }},
    Kind{"rowlock",
         [](Job& j) {
             pack(j), j.rest(20);
         }},
    Kind{"slowlock",
         [](Job& j) {
             count_all(j), j.rest(20);
         }},
    Kind{"chain",
         [](Job& j) {
             swap_items(j), j.rest(j.b);
         }},
    Kind{"export",
         [](Job& j) {
             export_all(j, false), j.rest(j.b);
         }},
    Kind{"expected",
         [](Job& j) {
             export_all(j, true), j.rest(j.b);
         }},
    Kind{"direct",
         [](Job& j) {
             open_beside(j), j.rest(j.b);
         }},
    /// The service that send_mail calls takes that long from now on.
    Kind{"external",
         [](Job& j) {
             j.shop.external = j.a, j.rest(100);
         }},
};

} // namespace

bool Crew::add(const std::string& work)
{
    std::istringstream parts(work);
    for (std::string part; std::getline(parts, part, ',');) {
        std::istringstream words(part);
        int count = 0;
        std::string name;
        Job job{shop_, 0, 0, ending_};
        if (part == "-" || part.empty())
            continue;
        if (!(words >> count >> name >> job.a >> job.b))
            return false;
        const auto kind =
            std::find_if(kinds.begin(), kinds.end(), [&](const Kind& k) { return k.name == name; });
        if (kind == kinds.end())
            return false;
        for (int i = 0; i < count; ++i, job.turn += 3)
            threads_.emplace_back([job, once = kind->once]() mutable {
                for (; !job.ending; ++job.turn)
                    once(job);
            });
    }
    return true;
}

} // namespace poolscope::incident
