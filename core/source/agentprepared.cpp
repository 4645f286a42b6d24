// SPDX-License-Identifier: GPL-3.0-or-later
// What the sampler makes of the prepared statements that an agent tells of.
#include "core/source/agentsampler_p.h"

#include "core/wire/limits.h"

#include <algorithm>

namespace poolscope {

namespace {

/// Places of one process; the protocol allows an agent a thousand a pool.
constexpr std::size_t mostPreparedPlaces = 4'000;
constexpr auto mostCountable = static_cast<std::uint64_t>(wire::max_number);

/// Of one place that the agent tells apart and we do not.
void add(PreparedStatements& sum, const PreparedStatements& more)
{
    sum.open = std::min(sum.open + more.open, mostCountable);
    if (more.oldest && (!sum.oldest || *more.oldest < *sum.oldest))
        sum.oldest = more.oldest;
    if (sum.distinct && more.distinct)
        *sum.distinct = std::min(*sum.distinct + *more.distinct, mostCountable);
    else
        sum.distinct.reset();
}

} // namespace

void AgentSampler::on(const wire::Prepared& prepared)
{
    const StackRef given = prepared.frames.empty() ? StackRef{} : stacks_.find({}, prepared.frames);
    std::string place{prepared.stack};
    if (given)
        place = "=" + std::to_string(given->fingerprint);
    const std::pair key{text(prepared.pool), place};
    preparedChanged_ = true;
    if (prepared.count == 0) {
        prepared_.erase(key);
        return;
    }
    if (prepared_.size() >= mostPreparedPlaces && !prepared_.contains(key))
        return;
    PreparedAt& at = prepared_[key];
    at.stack = given ? std::string{} : std::string{prepared.stack};
    at.told.pool = key.first;
    at.told.stack = given;
    at.told.open = static_cast<std::uint64_t>(prepared.count);
    at.told.oldest.reset();
    if (prepared.oldest)
        at.told.oldest = times_.believed(*prepared.oldest);
    at.told.distinct.reset();
    if (prepared.distinct)
        at.told.distinct = static_cast<std::uint64_t>(*prepared.distinct);
    at.told.statement = text(prepared.statement);
}

/// What changed since the sample before; all of it where this one is full.
std::vector<PreparedStatements> AgentSampler::preparedNow()
{
    std::vector<PreparedStatements> changed;
    if (!full_ && !preparedChanged_)
        return changed;
    preparedChanged_ = false;
    std::map<PlaceKey, PreparedStatements> now;
    for (const auto& [key, at] : prepared_) {
        PreparedStatements here = at.told;
        if (!at.stack.empty())
            here.stack = stacks_.find(at.stack, {});
        const auto [known, isNew] = now.try_emplace(key_of(here), here);
        if (!isNew)
            add(known->second, here);
    }
    for (const auto& [key, here] : now) {
        const auto before = preparedTold_.find(key);
        if (full_ || before == preparedTold_.end() || !(before->second == here))
            changed.push_back(here);
    }
    if (!full_) {
        for (const auto& [key, before] : preparedTold_) {
            if (now.contains(key))
                continue;
            PreparedStatements none;
            none.pool = before.pool;
            none.stack = before.stack;
            changed.push_back(std::move(none));
        }
        std::sort(changed.begin(), changed.end(),
                  [](const PreparedStatements& a, const PreparedStatements& b) {
                      return key_of(a) < key_of(b);
                  });
    }
    preparedTold_ = std::move(now);
    return changed;
}

} // namespace poolscope
