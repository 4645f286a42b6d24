// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/record/samplerecording.h"

#include <utility>
#include <vector>

namespace poolscope::test {

inline const Timestamp begin = timestamp_from_us(1'795'271'320'000'000);

/// What the agent of one process told, with a sample a second.
class RecordedProcess
{
public:
    RecordedProcess() { add(TargetAttached{{TargetId{1}, "pool", "shop-api", "pool://shop-api"}}); }
    void add(Fact what)
    {
        observations_.push_back(
            {SequenceNumber{observations_.size() + 1}, now_, TargetId{1}, std::move(what)});
    }
    void sample(const std::vector<std::pair<const char*, std::int64_t>>& pools, bool full = false)
    {
        PoolSample sample;
        sample.full = full;
        for (const auto& [name, used] : pools) {
            Pool pool;
            pool.name = Text{name};
            pool.used = used;
            sample.pools.push_back(pool);
        }
        now_ += std::chrono::seconds{1};
        add(sample);
    }
    void pass(Duration time) { now_ += time; }
    const std::vector<Observation>& all() const { return observations_; }

private:
    Timestamp now_ = begin;
    std::vector<Observation> observations_;
};

} // namespace poolscope::test
