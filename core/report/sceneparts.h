// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/analysis.h"
#include "core/analyze/links.h"

#include <cstddef>
#include <string>

// What the parts of a scene share.
namespace poolscope::report {

/// What is asked of all targets at one instant.
struct Scene
{
    explicit Scene(const Analysis& of)
        : analysis(of)
        , world(of.world())
        , links(links_of(of.world()))
    {}
    const Analysis& analysis;
    const World& world;
    Links links;

    const Session* session_of(const CheckoutKey& checkout)
    {
        const SessionLink* const link = links.session_of(checkout);
        const auto key = link ? link->session() : std::nullopt;
        return key ? world.session(*key) : nullptr;
    }
    const Checkout* checkout_of(const SessionKey& session)
    {
        const CheckoutLink* const link = links.checkout_of(session);
        return link ? world.checkout(link->checkout) : nullptr;
    }
    std::string named(const Session& session) const;
    std::int32_t blocked_by(const SessionKey& session) const
    {
        const auto& blocks = analysis.findings(session.target).blocking.blocks;
        const auto found = blocks.find(session.pid);
        return found == blocks.end() ? 0 : found->second;
    }
};

/// On one line, bounded.
std::string line_of(const Text& text, std::size_t most = 128);
/// "shop-api (app on shop, 10.0.0.7:4711), idle in transaction for 6 min 12 s"
std::string session_in_report(const Session& session, const TargetState& target, Timestamp now);
/// "load_orders (src/orders.cpp:42)"
std::string place_in_words(const StackRef& stack);

} // namespace poolscope::report
