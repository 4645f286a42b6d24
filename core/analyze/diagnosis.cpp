// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/diagnosis.h"

#include "core/analyze/causes.h"
#include "core/analyze/diagnosiswords.h"
#include "core/analyze/links.h"

#include <algorithm>

namespace poolscope {

std::string_view name_of(Cause cause)
{
    switch (cause) {
    case Cause::leak:
        return "leak";
    case Cause::slow_statements:
        return "slow_statements";
    case Cause::held_while_idle:
        return "held_while_idle";
    case Cause::lock_pile_up:
        return "lock_pile_up";
    case Cause::load_spike:
        return "load_spike";
    case Cause::pool_too_small:
        return "pool_too_small";
    case Cause::server_full:
        return "server_full";
    case Cause::bypass:
        return "bypass";
    case Cause::server_gone:
        return "server_gone";
    case Cause::undecided:
        return "undecided";
    }
    return "undecided";
}

std::string_view name_of(Confidence confidence)
{
    switch (confidence) {
    case Confidence::low:
        return "low";
    case Confidence::medium:
        return "medium";
    case Confidence::high:
        return "high";
    }
    return "low";
}

Links& shared_links(const DiagnosisInput& input)
{
    if (!input.links)
        input.links = std::make_shared<Links>(links_of(input.world));
    return *input.links;
}

std::vector<Diagnosis> diagnose(const DiagnosisInput& input)
{
    std::vector<Diagnosis> made;
    for (const PoolCase& pool : strained_pools(input)) {
        if (const auto verdict = verdict_of(pool))
            made.push_back(diagnosis_of(pool, *verdict));
    }
    const std::vector<Diagnosis> pools = made;
    for (const auto& [id, target] : input.world.targets()) {
        if (target.info.kind != "postgresql" && target.info.kind != "mysql")
            continue;
        for (Diagnosis& server : server_diagnoses(input, target, pools))
            made.push_back(std::move(server));
    }
    std::stable_sort(made.begin(), made.end(), [](const Diagnosis& a, const Diagnosis& b) {
        if (a.target != b.target)
            return a.target < b.target;
        return a.pool.is_null() != b.pool.is_null() ? b.pool.is_null() : a.pool < b.pool;
    });
    return made;
}

} // namespace poolscope
