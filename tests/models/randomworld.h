// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/capture/update.h"

#include <map>
#include <random>
#include <set>
#include <string>

namespace poolscope::testdata {

/// Three servers whose clocks differ, that fail and come back, whose sessions arrive, leave, reuse
/// pids, wait for each other, and carry names that are missing, empty, hostile or alike. Gives
/// updates as a capture would. The same seed gives the same ones.
class RandomWorld
{
public:
    explicit RandomWorld(unsigned seed)
        : random_(seed)
    {
        for (std::uint16_t id = 1; id <= 3; ++id) {
            TargetState target;
            target.info = {TargetId{id}, "postgresql", "db-" + std::to_string(id), "postgresql://"};
            target.status.reach = Reach::up;
            target.clock_offset = Duration{pick(-5'000'000, 5'000'000)};
            target.next_xid = 90'000'000;
            if (id < 3) // the third has not answered yet
                target.last_sample = now_;
            targets_.emplace(target.info.id, std::move(target));
        }
    }

    int pick(int least, int most)
    {
        return std::uniform_int_distribution<int>(least, most)(random_);
    }
    bool chance(int percent) { return pick(0, 99) < percent; }
    Timestamp now() const { return now_; }
    const std::map<SessionKey, SessionRow>& rows() const { return rows_; }

    void shake(int changes)
    {
        for (int i = 0; i < changes; ++i) {
            const int kind = pick(0, 9);
            if (kind < 2 || rows_.empty())
                arrive();
            else if (kind == 2)
                leave(anyone());
            else
                change(rows_.at(anyone()));
        }
        for (auto& [id, target] : targets_) {
            if (chance(10))
                target.status.reach = static_cast<Reach>(pick(0, 3));
            if (chance(50))
                target.next_xid = *target.next_xid + std::uint64_t(pick(0, 50));
            if (chance(3))
                target.clock_offset += Duration{pick(-1000, 1000)};
        }
        if (chance(20))
            act();
    }

    /// What happened since the last call, a second later.
    Update take()
    {
        now_ += std::chrono::seconds{1};
        for (auto& [id, target] : targets_) {
            if (target.status.reach == Reach::up)
                target.last_sample = now_;
        }
        Update update = common();
        for (const SessionKey& key : changed_)
            update.changed.push_back(rows_.at(key));
        update.gone.assign(gone_.begin(), gone_.end());
        changed_.clear();
        gone_.clear();
        return update;
    }

    /// The same instant, whole.
    Update whole() const
    {
        Update update = common();
        update.reset = true;
        for (const auto& [key, row] : rows_)
            update.changed.push_back(row);
        return update;
    }

private:
    SessionKey anyone()
    {
        auto it = rows_.begin();
        std::advance(it, pick(0, int(rows_.size()) - 1));
        return it->first;
    }

    Text name()
    {
        static const char* const names[] = {"",         "shop-api",     "billing",   "Billing",
                                            "<b>x</b>", "a\tb\x1b[31m", "\xff\xfe!", "\xfe\xff!"};
        const int which = pick(-1, 7);
        return which < 0 ? Text() : Text(names[which]); // equal ones are not shared
    }

    void arrive()
    {
        SessionRow row;
        Session& s = row.session;
        const Pid pid{pick(1, 60)}; // few, so that they come again
        s.key = {TargetId{std::uint16_t(pick(1, 3))}, pid,
                 chance(5) ? Timestamp{} : now_ - Duration{pick(0, 9'000'000)}};
        for (const auto& [key, old] : std::map(rows_)) {
            if (key.target == s.key.target && key.pid == pid)
                leave(key);
        }
        s.user = name();
        s.database = name();
        s.application = name();
        s.client = chance(10) ? Text() : Text("10.0.0." + std::to_string(pick(1, 3)) + ":4000");
        s.backend_type = Text("client backend");
        gone_.erase(s.key);
        const auto [it, fresh] = rows_.emplace(s.key, row);
        change(it->second);
    }

    void change(SessionRow& row)
    {
        Session& s = row.session;
        s.state = static_cast<SessionState>(pick(0, 6));
        const auto instant = [this]() -> std::optional<Timestamp> {
            if (chance(10))
                return std::nullopt;
            return now_ - std::chrono::seconds{pick(0, 900)};
        };
        s.state_since = instant();
        s.transaction_since = instant();
        s.wait_event = name();
        s.statement = chance(10) ? Text() : Text("SELECT " + std::to_string(pick(1, 5)));
        if (chance(10))
            s.application = name();
        s.xmin = chance(50)
                     ? std::optional<std::uint32_t>(89'999'000U + std::uint32_t(pick(0, 999)))
                     : std::nullopt;
        std::set<Pid> blockers;
        if (s.state == SessionState::waiting) {
            for (int i = pick(0, 2); i > 0; --i)
                blockers.insert(chance(10) ? Pid{0} : Pid{pick(1, 60)});
        }
        blockers.erase(s.key.pid);
        s.blocked_by.assign(blockers.begin(), blockers.end());
        row.blocks = chance(20) ? pick(1, 2000) : 0;
        changed_.insert(s.key);
    }

    void leave(const SessionKey& key)
    {
        rows_.erase(key);
        changed_.erase(key);
        gone_.insert(key);
    }

    void act()
    {
        if (!actions_.empty() && chance(60)) {
            ActionRecord& action = actions_[std::size_t(pick(0, int(actions_.size()) - 1))];
            action.phase = static_cast<ActionPhase>(pick(0, 5));
            action.outcome = "<i>refused</i> " + std::to_string(pick(1, 9));
        } else if (!rows_.empty() && chance(70)) {
            ActionRecord action;
            action.id = ActionId{std::uint64_t(actions_.size() + 1)};
            action.session = anyone();
            action.requested = action.changed = now_;
            action.subject = "shop-api, idle";
            actions_.push_back(action);
        } else {
            notes_.push_back({now_, "deployed " + std::to_string(pick(1, 9)), now_});
        }
    }

    Update common() const
    {
        Update update;
        update.now = now_;
        for (const auto& [id, kept] : targets_) {
            TargetState state = kept;
            for (const auto& [key, row] : rows_) {
                if (key.target != id)
                    continue;
                state.sessions.insert_or_assign(key.pid, row.session);
                ++state.counts.at(static_cast<std::size_t>(row.session.state));
            }
            TargetSummary summary;
            summary.info = state.info;
            summary.status = state.status;
            if (id.value != 2) {
                ServerFacts facts;
                facts.max_connections = 30;
                facts.reserved = 3;
                summary.facts = facts;
            }
            summary.counts = state.counts;
            summary.clock_offset = state.clock_offset;
            summary.next_xid = state.next_xid;
            summary.last_sample = state.last_sample;
            summary.blocking = find_blocking(state);
            summary.suspects = find_suspects(state, summary.blocking, summary.thresholds, now_);
            for (const SuspectedLeak& leak : summary.suspects)
                summary.evidence.push_back(evidence_of(leak, state, summary.thresholds, now_));
            update.targets.push_back(std::move(summary));
        }
        update.actions = std::make_shared<const std::vector<ActionRecord>>(actions_);
        update.notes = std::make_shared<const std::vector<NoteRecord>>(notes_);
        return update;
    }

    std::mt19937 random_;
    Timestamp now_ = timestamp_from_us(1'795'271'527'000'000);
    std::map<TargetId, TargetState> targets_;
    std::map<SessionKey, SessionRow> rows_;
    std::set<SessionKey> changed_, gone_;
    std::vector<ActionRecord> actions_;
    std::vector<NoteRecord> notes_;
};

} // namespace poolscope::testdata
