// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/byway.h"

#include <algorithm>
#include <map>
#include <utility>

namespace poolscope {

namespace {

constexpr std::size_t most_stacks = 256;
constexpr std::size_t deepest = 64; ///< callers that are looked at
constexpr std::size_t most_told = 3;

/// Whoever called the line that acquires, nearest first.
std::vector<const StackLine*> callers_of(const StackRef& stack, bool own)
{
    std::vector<const StackLine*> callers;
    const StackLine* const acquiring = acquiring_line(stack.get());
    if (!acquiring)
        return callers;
    const StackLine* const end = stack->lines.data() + stack->lines.size();
    for (const StackLine* line = acquiring + 1; line != end && callers.size() < deepest; ++line) {
        if (line->own || !own)
            callers.push_back(line);
    }
    return callers;
}

std::string brief_name(const StackLine* line)
{
    return name_of(line);
}
std::string function_name(const StackLine* line)
{
    return line->function.str() + " (" + name_of(line) + ")";
}
std::string whole_name(const StackLine* line)
{
    return line->file.str() + ":" + std::to_string(line->line);
}

class Telling
{
public:
    Telling(const std::vector<StackRef>& stacks, bool own)
        : told_(stacks.size())
        , counts_(stacks.size())
    {
        std::vector<std::size_t> all;
        for (std::size_t i = 0; i < stacks.size(); ++i) {
            callers_.push_back(callers_of(stacks[i], own));
            all.push_back(i);
        }
        part(all, 0);
    }
    std::vector<std::string> take() { return std::move(told_); }
    bool all_apart() const { return apart_; }

private:
    /// Those have all callers up to `depth` in common.
    void part(const std::vector<std::size_t>& those, std::size_t depth)
    {
        std::map<std::string, std::vector<std::size_t>> by_name;
        for (;; ++depth) {
            if (std::none_of(those.begin(), those.end(),
                             [&](std::size_t i) { return depth < callers_[i].size(); })) {
                apart_ = apart_ && those.size() < 2;
                return;
            }
            // As briefly as tells them apart.
            for (const auto name : {&brief_name, &function_name, &whole_name}) {
                by_name.clear();
                for (const std::size_t i : those)
                    by_name[depth < callers_[i].size() ? name(callers_[i][depth]) : std::string{}]
                        .push_back(i);
                if (by_name.size() > 1)
                    break;
            }
            if (by_name.size() > 1)
                break;
        }
        for (const auto& [name, group] : by_name) {
            for (const std::size_t i : group) {
                if (!name.empty() && counts_[i]++ < most_told)
                    told_[i] += (told_[i].empty() ? "" : ", ") + name;
            }
            if (group.size() > 1)
                part(group, depth); // they may differ there by function or folder
        }
    }

    std::vector<std::vector<const StackLine*>> callers_;
    std::vector<std::string> told_;
    std::vector<std::size_t> counts_;
    bool apart_ = true;
};

} // namespace

std::vector<std::string> ways_apart(const std::vector<StackRef>& alike)
{
    if (alike.size() < 2 || alike.size() > most_stacks)
        return std::vector<std::string>(alike.size());
    Telling own{alike, true};
    return own.all_apart() ? own.take() : Telling{alike, false}.take();
}

} // namespace poolscope
