// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/compare/match.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

namespace poolscope::compare {

namespace {

/// Pairs what has the same key and is the only one with it on its side.
template <class T, class KeyOf>
void pair_up(std::vector<const T*>& before, std::vector<const T*>& after,
             std::vector<Pair<T>>& pairs, KeyOf key_of)
{
    using Key = decltype(key_of(*before.front()));
    std::map<Key, std::pair<std::vector<const T*>, std::vector<const T*>>> by_key;
    for (const T* const each : before)
        by_key[key_of(*each)].first.push_back(each);
    for (const T* const each : after)
        by_key[key_of(*each)].second.push_back(each);
    for (const auto& [key, both] : by_key) {
        if (both.first.size() != 1 || both.second.size() != 1)
            continue;
        pairs.emplace_back(both.first.front(), both.second.front());
        std::erase(before, both.first.front());
        std::erase(after, both.second.front());
    }
}

std::vector<const TargetFigures*> observed_of(const Side& side)
{
    std::vector<const TargetFigures*> all;
    for (const auto& [id, target] : side.targets) {
        if (target.observed > 0)
            all.push_back(&target);
    }
    return all;
}

/// A stack without its line numbers and folders.
std::string shape_of(const PlaceFigures& place)
{
    std::string shape;
    if (!place.stack)
        return shape;
    for (const StackLine& line : place.stack->lines) {
        const std::string& path = line.file.str();
        shape += line.function.str();
        shape += '\n';
        shape += path.substr(path.find_last_of("/\\") + 1);
        shape += '\n';
    }
    return shape;
}

std::vector<const PlaceFigures*> places_of(const TargetFigures* target, const Text& pool)
{
    std::vector<const PlaceFigures*> all;
    if (!target)
        return all;
    for (auto at = target->places.lower_bound({pool, 0}); at != target->places.end(); ++at) {
        if (!(at->first.first == pool))
            break;
        all.push_back(&at->second);
    }
    return all;
}

} // namespace

std::vector<Pair<TargetFigures>> match_targets(const Side& before, const Side& after)
{
    std::vector<const TargetFigures*> first = observed_of(before);
    std::vector<const TargetFigures*> second = observed_of(after);
    std::vector<Pair<TargetFigures>> pairs;
    pair_up(first, second, pairs, [](const TargetFigures& t) {
        return std::tuple(t.info.kind, t.info.name, t.info.url);
    });
    pair_up(first, second, pairs,
            [](const TargetFigures& t) { return std::tuple(t.info.kind, t.info.name); });
    // What names no program stays apart here: each has an address of its own.
    pair_up(first, second, pairs, [](const TargetFigures& t) {
        return std::tuple(t.info.kind, t.process, t.process.empty() ? t.info.url : std::string{});
    });
    pair_up(first, second, pairs, [](const TargetFigures& t) { return std::tuple(t.info.kind); });
    std::sort(pairs.begin(), pairs.end(),
              [](const auto& a, const auto& b) { return a.first->info.id < b.first->info.id; });
    for (const TargetFigures* const each : first)
        pairs.emplace_back(each, nullptr);
    for (const TargetFigures* const each : second)
        pairs.emplace_back(nullptr, each);
    return pairs;
}

std::vector<Pair<PlaceFigures>> match_places(const TargetFigures* before,
                                             const TargetFigures* after, const Text& pool)
{
    std::vector<const PlaceFigures*> first = places_of(before, pool);
    std::vector<const PlaceFigures*> second = places_of(after, pool);
    std::vector<Pair<PlaceFigures>> pairs;
    pair_up(first, second, pairs,
            [](const PlaceFigures& p) { return p.stack ? p.stack->fingerprint : 0; });
    pair_up(first, second, pairs, shape_of);
    for (const PlaceFigures* const each : first)
        pairs.emplace_back(each, nullptr);
    for (const PlaceFigures* const each : second)
        pairs.emplace_back(nullptr, each);
    return pairs;
}

} // namespace poolscope::compare
