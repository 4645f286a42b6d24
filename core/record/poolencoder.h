// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/world.h"
#include "core/record/contentnumbers.h"
#include "core/record/minutes.h"
#include "core/record/textrows.h"

#include <functional>
#include <map>
#include <utility>
#include <vector>

namespace poolscope::record {

/// Names and values: the configuration of a pool, the tags of a checkout.
using Properties = std::vector<std::pair<Text, Text>>;

/// What of a checkout goes into `checkout`, once; the rest may change from sample to sample.
bool same_identity(const Checkout& a, const Checkout& b);

/// Turns the samples of agents into rows.
class PoolEncoder
{
public:
    PoolEncoder(TextRows& texts, Minutes& minutes)
        : texts_(texts)
        , minutes_(minutes)
    {}

    /// `now` is the target after the sample; null where it never was attached. `gone` are the
    /// checkouts that left the world with it. Returns how many rows it took.
    std::size_t sample(const Observation& observation, const PoolSample& sample,
                       const TargetState* now, const std::vector<CheckoutKey>& gone,
                       bool gap_before, Pending& pending);

    /// Where the next row of each table of a keyframe goes.
    struct Positions
    {
        std::size_t processes = 0, pools = 0, connections = 0, checkouts = 0, prepared = 0;
    };
    /// `agent` is the row that holds now. Returns how many rows it took.
    std::size_t keyframe(const World& world, TargetId id, const Value& agent, Positions& positions,
                         Pending& pending);
    /// A ring is about to let go of what was last used before that keyframe.
    void forget_before(std::int64_t keyframe);

private:
    struct StackHash
    {
        std::size_t operator()(const StackRef& stack) const { return stack->fingerprint; }
    };
    struct SameStack
    {
        bool operator()(const StackRef& a, const StackRef& b) const { return same_stack(a, b); }
    };
    struct PropertiesHash
    {
        std::size_t operator()(const Properties& properties) const;
    };
    struct LiveCheckout
    {
        Numbered row; ///< of `checkout`
        NumberedRef tags, stack;
        Checkout identity;
    };

    void put_sample(const Observation& observation, const PoolSample& sample, bool attached,
                    bool gap_before, Pending& pending);
    std::size_t put_pools(const Observation& observation, const PoolSample& sample, bool attached,
                          bool gap_before, Pending& pending);
    std::size_t put_connections(std::uint64_t sequence, const PoolSample& sample, Pending& pending);
    std::size_t put_ends(const Observation& observation, const PoolSample& sample,
                         const std::vector<CheckoutKey>& gone, Timestamp now, Pending& pending);
    std::size_t put_holds(std::uint64_t sequence, const PoolSample& sample, Timestamp now,
                          Pending& pending);

    std::vector<Value> pool_row(std::int64_t id, const Pool& pool, Pending& pending);
    std::vector<Value> connection_row(std::int64_t id, const PoolConnection& connection,
                                      Pending& pending);
    /// `now` is the process's clock.
    std::vector<Value> checkout_row(std::int64_t id, TargetId target, const Checkout& checkout,
                                    Timestamp now, Pending& pending);
    std::vector<Value> prepared_row(std::int64_t id, const PreparedStatements& prepared,
                                    Timestamp now, Pending& pending);
    /// The row of `checkout` that has the identity; a new one where there is none.
    std::int64_t number(TargetId target, const Checkout& checkout, Pending& pending);
    void put_identity(LiveCheckout& live, Pending& pending);
    std::int64_t add_stranger(TargetId target, const Text& id, Pending& pending);
    NumberedRef number(const StackRef& stack, Pending& pending);
    NumberedRef number(const Properties& properties, Pending& pending);
    /// Stores what has no number yet: `line(i, numbered)` gives the columns of its row i after the
    /// first, of `lines` rows in all.
    template <class Numbers, class Key, class Line>
    NumberedRef number(Numbers& numbers, const Key& key, schema::Table table,
                       schema::Table line_table, std::size_t lines, Line line, Pending& pending);
    /// A text that belongs to what is numbered.
    Value text_of(Numbered& owner, const Text& text, Pending& pending);
    Value optional(const StackRef& stack, Pending& pending);
    void touch(Numbered& numbered, schema::Table table, Pending& pending) const;

    TextRows& texts_;
    Minutes& minutes_;
    ContentNumbers<StackRef, StackHash, SameStack> stacks_;
    ContentNumbers<Properties, PropertiesHash, std::equal_to<Properties>> properties_;
    std::map<TargetId, std::map<Text, LiveCheckout>> live_;
    std::int64_t last_checkout_ = 0;
};

} // namespace poolscope::record
