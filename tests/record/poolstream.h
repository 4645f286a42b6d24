// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"

#include <map>
#include <random>
#include <string>

namespace poolscope::test {

/// Makes up what the agent of one process tells: every field of it, null and not.
class PoolStream
{
public:
    struct Shape
    {
        int checkouts = 10;    ///< open, about
        double changing = 0.3; ///< share of them that change in a sample
        double full = 0.02;    ///< share of samples that list everything
        bool odd = true;       ///< extreme values, ends of strangers
        int version = 3;       ///< of the format
    };
    PoolStream(TargetId target, const Shape& shape, std::mt19937& random, TextPool& texts);

    AgentFacts agent();
    /// `now` is the clock of the capture.
    PoolSample sample(Timestamp now);
    /// One that is open, mostly.
    CheckoutKey someone();

private:
    int below(int limit);
    bool chance(double probability);
    std::string word(const char* prefix, int different);
    Text text(const std::string& body) { return texts_.intern(body); }
    Text maybe(double null, const std::string& body);
    std::optional<std::int64_t> number(int limit);
    std::optional<DurationSummary> summary();
    StackRef stack();
    Pool pool(const std::string& name);
    PoolConnection connection();
    Checkout checkout(Timestamp process_now);
    void change(Checkout& checkout, Timestamp process_now);
    void move_pools(PoolSample& sample);
    void move_connections(PoolSample& sample);
    void move_checkouts(PoolSample& sample, Timestamp process_now);
    void add_brief(PoolSample& sample, Timestamp process_now);
    void move_prepared(PoolSample& sample, Timestamp process_now);

    TargetId target_;
    Shape shape_;
    std::mt19937& random_;
    TextPool& texts_;
    std::vector<StackRef> stacks_;
    std::map<Text, Pool> pools_;
    std::map<ConnectionKey, PoolConnection> connections_;
    std::map<Text, Checkout> checkouts_;
    std::map<PlaceKey, PreparedStatements> prepared_;
    int last_ = 0;
    bool begun_ = false;
};

} // namespace poolscope::test
