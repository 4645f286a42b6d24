// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/alerts.h"
#include "core/analyze/analysis.h"

#include <QtGlobal>

#include <functional>
#include <optional>
#include <vector>

namespace poolscope::test {

using namespace std::chrono_literals;

inline const Timestamp start = timestamp_from_us(1'795'271'320'000'000);
inline const TargetId shop{1};

/// What a pool says at one second after the beginning.
using Says = std::function<void(Pool&, int)>;

/// One target, told of once a second, and a tick twice.
struct Play
{
    World world;
    AlertBook book;
    std::map<TargetId, TargetFindings> findings;
    std::vector<Observation> all;
    std::vector<AlertBook::Onset> onsets;
    Timestamp now = start;
    int second = 0;
    Pool pool;

    Play()
    {
        tell(shop, TargetAttached{{shop, "pool", "shop", "pool://shop"}});
        reach(Reach::up);
        pool.name = Text{"orders"};
        pool.max = 20;
    }
    explicit Play(const char* rules)
        : Play()
    {
        AlertRules read = parse_alert_rules(rules, "test.toml");
        if (!read.problems.empty())
            qFatal("%s", read.problems.front().text().c_str());
        book.set_rules(std::move(read));
    }

    void tell(TargetId target, const Fact& what)
    {
        all.push_back({SequenceNumber{all.size() + 1}, now, target, what});
        world.apply(all.back());
        book.watch(world, all.back());
        for (AlertBook::Onset& onset : book.take_onsets())
            onsets.push_back(std::move(onset));
    }
    void reach(Reach reach)
    {
        TargetStatus status;
        status.reach = reach;
        status.sentence = "Nothing listens there.";
        tell(shop, StatusChanged{status});
    }
    void tick() { tell(TargetId{0}, Tick{}); }

    void run(int seconds, const Says& says = {})
    {
        for (int i = 0; i < seconds; ++i) {
            now += 500ms;
            tick();
            now += 500ms;
            ++second;
            if (says) {
                says(pool, second);
                PoolSample sample;
                sample.full = second == 1;
                sample.pools = {pool};
                tell(shop, sample);
            }
            tick();
        }
    }
    void used(int seconds, int count)
    {
        run(seconds, [count](Pool& p, int) { p.used = count; });
    }

    std::vector<Alert> alerts() const { return book.alerts(world, findings); }
    std::optional<Alert> only() const
    {
        const std::vector<Alert> now_there = alerts();
        return now_there.size() == 1 ? std::optional(now_there.front()) : std::nullopt;
    }
};

} // namespace poolscope::test
