// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/holders.h"
#include "ui/models/findings.h"
#include "ui/models/sessionmodel.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace poolscope::test {

inline constexpr int rowCount = 10'000;
inline constexpr int changedPerRefresh = rowCount / 10;
inline const Timestamp start = timestamp_from_us(1'795'271'527'000'000);

/// Ten thousand sessions of one server, and what a tenth of them does in a second.
class Sessions
{
public:
    Sessions()
    {
        for (int i = 0; i < rowCount; ++i) {
            SessionRow row;
            Session& s = row.session;
            s.key = {TargetId{1}, Pid{20'000 + i}, start - std::chrono::hours{3} + Duration{i}};
            s.user = users_[pick(0, 2)];
            s.database = users_[pick(0, 2)];
            s.application = applications_[pick(0, 5)];
            s.client = Text("10.20.4." + std::to_string(i % 40) + ":" + std::to_string(20'000 + i));
            s.backend_type = Text("client backend");
            change(row, start);
            rows_.push_back(row);
        }
    }

    const std::vector<SessionRow>& rows() const { return rows_; }
    Timestamp now() const { return now_; }

    Update whole() const
    {
        Update update = empty();
        update.reset = true;
        update.changed = rows_;
        return update;
    }

    /// A second later. The positions that changed, ascending, are left in `positions`.
    Update next(std::vector<int>& positions)
    {
        now_ += std::chrono::seconds{1};
        std::vector<int> all(rowCount);
        for (int i = 0; i < rowCount; ++i)
            all[std::size_t(i)] = i;
        positions.clear();
        std::sample(all.begin(), all.end(), std::back_inserter(positions), changedPerRefresh,
                    random_);
        Update update = empty();
        for (const int at : positions) {
            change(rows_[std::size_t(at)], now_);
            update.changed.push_back(rows_[std::size_t(at)]);
        }
        return update;
    }

private:
    Update empty() const
    {
        Update update;
        update.now = now_;
        TargetSummary target;
        target.info = {TargetId{1}, "postgresql", "shop-db", "postgresql://shop-db/shop"};
        target.status.reach = Reach::up;
        target.next_xid = 90'500'000;
        target.last_sample = now_;
        update.targets.push_back(target);
        return update;
    }

    void change(SessionRow& row, Timestamp now)
    {
        static constexpr std::array states{SessionState::idle_in_transaction, SessionState::waiting,
                                           SessionState::active, SessionState::active,
                                           SessionState::idle};
        Session& s = row.session;
        s.state = states[std::size_t(pick(0, 4))];
        s.state_since = now - Duration{pick(0, 900'000'000)};
        s.transaction_since = s.state == SessionState::idle ? std::nullopt : s.state_since;
        s.wait_event = waits_[pick(0, 2)];
        s.blocked_by.clear();
        if (s.state == SessionState::waiting)
            s.blocked_by.push_back(Pid{20'000 + pick(0, rowCount - 1)});
        row.blocks = pick(0, 19) == 0 ? pick(1, 30) : 0;
        s.xmin = s.state == SessionState::active
                     ? std::optional<std::uint32_t>(90'400'000U + std::uint32_t(pick(0, 99'999)))
                     : std::nullopt;
        s.statement = statements_[pick(0, 3)];
    }

    int pick(int least, int most)
    {
        return std::uniform_int_distribution<int>(least, most)(random_);
    }

    std::mt19937 random_{20'261'121};
    std::vector<SessionRow> rows_;
    Timestamp now_ = start;
    Text users_[3] = {Text("shop"), Text("reporting"), Text("batch")};
    Text applications_[6] = {Text("shop-api"), Text("billing"),  Text("report-worker"),
                             Text("payments"), Text("importer"), Text("psql")};
    Text waits_[3] = {Text(), Text("Client/ClientRead"), Text("Lock/transactionid")};
    Text statements_[4] = {
        Text("SELECT id, state, total FROM orders WHERE id = $1 FOR UPDATE"),
        Text("UPDATE orders SET state = 'paid', changed = now() WHERE id = $1 AND state = 'new'"),
        Text("COMMIT"),
        Text(
            "INSERT INTO ledger (account, amount, currency, booked, reference) VALUES ($1, $2, $3, "
            "now(), $4) RETURNING id")};
};

/// Ten thousand checkouts that one process has open, and what a tenth of them does in a second:
/// some come back, as many are new, the others begin or end a statement.
class Holders
{
public:
    Holders()
    {
        for (int line = 0; line < 3; ++line)
            stacks_[std::size_t(line)] =
                make_stack({{Text("pool::acquire"), Text("pool.h"), 214, false},
                            {Text("shop::place_order"), Text("src/checkout.cpp"), 88 + line, true},
                            {Text("shop::serve"), Text("src/server.cpp"), 131, true}});
        agent_.process = "shop-api";
        while (std::ssize(pools_.checkouts) < rowCount)
            borrow(now_ - std::chrono::seconds{pick(0, 900)});
    }

    Update whole()
    {
        Update update = told();
        update.reset = true;
        for (const auto& [id, checkout] : pools_.checkouts)
            update.checkouts.push_back(checkout);
        changed_.clear();
        return update;
    }

    Update next()
    {
        now_ += std::chrono::seconds{1};
        std::vector<CheckoutKey> gone;
        std::vector<Text> all;
        for (const auto& [id, checkout] : pools_.checkouts)
            all.push_back(id);
        std::vector<Text> some;
        std::sample(all.begin(), all.end(), std::back_inserter(some), changedPerRefresh, random_);
        for (const Text& id : some) {
            Checkout& checkout = pools_.checkouts.at(id);
            if (pick(0, 9) > 0) {
                checkout.busy = !checkout.busy.value_or(false);
                checkout.busy_since = now_;
                changed_.insert(checkout.key);
                continue;
            }
            gone.push_back(checkout.key);
            pools_.checkouts.erase(id);
            borrow(now_);
        }
        Update update = told();
        for (const CheckoutKey& key : changed_)
            update.checkouts.push_back(pools_.checkouts.at(key.id));
        std::sort(gone.begin(), gone.end());
        update.checkouts_gone = std::move(gone);
        changed_.clear();
        return update;
    }

private:
    void borrow(Timestamp acquired)
    {
        Checkout c;
        c.key = {TargetId{1}, Text("c-" + std::to_string(100'000 + serial_++))};
        c.pool = Text("shop");
        c.acquired_by = Text("POST /orders");
        c.tags = {{Text("order"), Text(std::to_string(serial_))}, {Text("tenant"), Text("eu-2")}};
        c.server_pid = 20'000 + serial_;
        c.acquired = acquired;
        c.busy = pick(0, 1) == 1;
        c.stack = stacks_[std::size_t(pick(0, 2))];
        changed_.insert(c.key);
        pools_.checkouts.emplace(c.key.id, std::move(c));
    }

    Update told() const
    {
        Update update;
        update.now = now_;
        TargetSummary target;
        target.info = {TargetId{1}, "pool", "shop-api", "pool+unix:///run/shop.sock"};
        target.status.reach = Reach::up;
        target.last_sample = now_;
        target.agent = agent_;
        Pool pool;
        pool.name = Text("shop");
        pool.used = rowCount;
        pool.max = rowCount;
        target.pools.push_back(pool);
        target.places = find_places(pools_, Judging{}, now_); // the capture's work
        update.targets.push_back(std::move(target));
        return update;
    }

    int pick(int least, int most)
    {
        return std::uniform_int_distribution<int>(least, most)(random_);
    }

    std::mt19937 random_{20'261'122};
    Pools pools_;
    AgentFacts agent_;
    std::set<CheckoutKey> changed_;
    std::array<StackRef, 3> stacks_;
    Timestamp now_ = start;
    int serial_ = 0;
};

} // namespace poolscope::test
