// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/update.h"

#include <map>
#include <optional>
#include <random>
#include <string>

namespace poolscope::support {

/// Makes updates as a capture would, from sessions that a test names or that chance makes. One
/// target, number 1; the server's clock is ours.
class SyntheticUpdates
{
public:
    explicit SyntheticUpdates(unsigned seed = 1)
        : random_(seed)
    {}

    static Timestamp start() { return timestamp_from_us(1'795'271'527'000'000); }
    Timestamp now() const { return now_; }

    SessionRow& put(std::int64_t pid, SessionState state, const std::string& application,
                    Duration age = std::chrono::seconds{10})
    {
        SessionRow row;
        Session& s = row.session;
        s.key = {TargetId{1}, Pid{pid}, start() - std::chrono::hours{1} + Duration{pid}};
        s.state = state;
        s.user = Text("shop");
        s.database = Text("shop");
        s.application = Text(application);
        s.client = Text("10.20.4.17:" + std::to_string(40000 + pid % 20000));
        s.backend_type = Text("client backend");
        s.state_since = now_ - age;
        s.transaction_since = now_ - age;
        s.wait_event =
            Text(state == SessionState::waiting ? "Lock/transactionid" : "Client/ClientRead");
        s.statement = Text("SELECT id, state, total FROM orders WHERE id = $1 FOR UPDATE");
        auto [it, fresh] = rows_.insert_or_assign(s.key, row);
        changed_.insert_or_assign(s.key, true);
        gone_.erase(s.key);
        return it->second;
    }
    void touch(const SessionKey& key) { changed_.insert_or_assign(key, true); }
    SessionRow& row(const SessionKey& key) { return rows_.at(key); }
    const std::map<SessionKey, SessionRow>& rows() const { return rows_; }
    void drop(const SessionKey& key)
    {
        rows_.erase(key);
        changed_.erase(key);
        gone_[key] = true;
    }

    /// Random arrivals, departures and changes; `keep` never leaves.
    void shake(int changes, const std::optional<SessionKey>& keep = {})
    {
        static const char* const applications[] = {"shop-api", "billing", "report-worker",
                                                   "payments"};
        for (int i = 0; i < changes; ++i) {
            const int kind = pick(0, 9);
            if (kind < 2 || rows_.empty()) {
                put(next_++, static_cast<SessionState>(pick(0, 5)), applications[pick(0, 3)],
                    std::chrono::seconds{pick(0, 900)});
            } else {
                auto it = rows_.begin();
                std::advance(it, pick(0, static_cast<int>(rows_.size()) - 1));
                if (kind == 2) {
                    if (it->first != keep)
                        drop(SessionKey(it->first));
                    continue;
                }
                it->second.session.state = static_cast<SessionState>(pick(0, 5));
                it->second.session.state_since = now_ - std::chrono::seconds{pick(0, 900)};
                it->second.blocks = pick(0, 9) == 0 ? pick(0, 20) : 0;
                if (pick(0, 9) == 0)
                    it->second.session.application = Text(applications[pick(0, 3)]);
                touch(it->first);
            }
        }
    }

    /// What happened since the last call, a second later.
    Update take(bool reset = false)
    {
        now_ += std::chrono::seconds{1};
        Update update;
        update.reset = reset;
        update.now = now_;
        for (const auto& [key, row] : rows_) {
            if (reset || changed_.contains(key))
                update.changed.push_back(row);
        }
        if (!reset) {
            for (const auto& [key, gone] : gone_)
                update.gone.push_back(key);
        }
        changed_.clear();
        gone_.clear();
        update.targets = {target()};
        update.actions = std::make_shared<const std::vector<ActionRecord>>(actions);
        update.notes = std::make_shared<const std::vector<NoteRecord>>(notes);
        return update;
    }

    /// The same instant, whole: what a model made now would be given.
    Update whole() const
    {
        Update update;
        update.reset = true;
        update.now = now_;
        for (const auto& [key, row] : rows_)
            update.changed.push_back(row);
        update.targets = {target()};
        update.actions = std::make_shared<const std::vector<ActionRecord>>(actions);
        update.notes = std::make_shared<const std::vector<NoteRecord>>(notes);
        return update;
    }

    int pick(int least, int most)
    {
        return std::uniform_int_distribution<int>(least, most)(random_);
    }

    std::vector<ActionRecord> actions;
    std::vector<NoteRecord> notes;
    TargetStatus status{Reach::up, {}, {}, {}};

    /// Judged as the engine judges.
    TargetSummary target() const
    {
        TargetState state;
        state.info = {TargetId{1}, "postgresql", "shop-db", "postgresql://shop-db/shop"};
        state.status = status;
        state.next_xid = 90'500'000;
        StateCounts counts{};
        for (const auto& [key, row] : rows_) {
            state.sessions.insert_or_assign(key.pid, row.session);
            ++counts.at(static_cast<std::size_t>(row.session.state));
        }
        TargetSummary summary;
        summary.info = state.info;
        summary.status = status;
        ServerFacts facts;
        facts.version = "15.8";
        facts.version_number = 150008;
        facts.max_connections = 200;
        facts.reserved = 3;
        facts.role = "dba";
        facts.sees_all = facts.can_signal = true;
        summary.facts = facts;
        summary.counts = counts;
        summary.next_xid = state.next_xid;
        summary.last_sample = now_;
        summary.blocking = find_blocking(state);
        summary.suspects = find_suspects(state, summary.blocking, summary.thresholds, now_);
        for (const SuspectedLeak& leak : summary.suspects)
            summary.evidence.push_back(evidence_of(leak, state, summary.thresholds, now_));
        return summary;
    }

private:
    std::mt19937 random_;
    Timestamp now_ = start();
    std::map<SessionKey, SessionRow> rows_;
    std::map<SessionKey, bool> changed_, gone_;
    std::int64_t next_ = 48000;
};

} // namespace poolscope::support
