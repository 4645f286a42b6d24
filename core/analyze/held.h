// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"

#include <map>
#include <tuple>
#include <utility>
#include <vector>

namespace poolscope {

/// How long connections of one pool were held by one line of code, within a range.
struct HeldPlace
{
    TargetId target;
    Text pool;
    StackRef stack;          ///< null where no stack was taken
    std::uint64_t count = 0; ///< checkouts that held within the range
    Duration held{};         ///< connection time of all of them together
    friend bool operator==(const HeldPlace& a, const HeldPlace& b);
};

/// The fold behind the Stacks page: connection-seconds by place between two instants of the
/// capture's clock. What was too brief to be listed counts with the sample that told of it.
/// A value; not thread-safe.
class HeldFold
{
public:
    HeldFold(Timestamp from, Timestamp to)
        : from_(from)
        , to_(to)
    {}

    /// The next observation, and the world before it was applied. Those after `to` are ignored.
    void watch(const World& before, const Observation& observation);
    /// Adds what is still held in the world at `to`; the most first.
    std::vector<HeldPlace> finish(const World& at_the_end);

private:
    void add(const TargetState& target, const Checkout& checkout, Timestamp returned);
    HeldPlace& place(TargetId target, const Text& pool, const StackRef& stack);

    Timestamp from_;
    Timestamp to_;
    std::map<std::tuple<TargetId, Text, std::uint64_t>, HeldPlace> places_;
};

} // namespace poolscope
