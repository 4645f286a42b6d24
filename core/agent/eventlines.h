// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/agent/fingerprint.h"
#include "core/event/poolcontrol.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// What hello says of the process.
struct AgentIdentity
{
    std::string process;
    std::string host;
    std::int64_t pid = 0;
    std::optional<Timestamp> started;
    bool stacks = true;
    bool reclaim = false;
};

/// Writes what a pool reports as lines of the protocol, at the end of `out`. One thread.
class EventLines
{
public:
    /// Sets the protocol's clock to the wall clock as it is now. From then on it is monotonic.
    void set_clock();
    Timestamp now() const;

    static void hello(std::string& out, std::uint64_t n, Timestamp now,
                      const AgentIdentity& identity, const std::vector<PoolDescription>& pools);
    /// Of a statement its fingerprint.
    void event(std::string& out, std::uint64_t n, std::string_view pool, const PoolEvent& event,
               Dialect dialect = Dialect::any);
    void connection(std::string& out, std::uint64_t n, std::string_view pool,
                    const OpenConnection& connection) const;
    /// As part of a picture; else as the event of a checkout that is told later than it happened.
    void checkout(std::string& out, std::uint64_t n, std::string_view pool,
                  const OpenCheckout& checkout, bool in_picture = true);
    void brief(std::string& out, std::uint64_t n, std::string_view pool,
               const BriefUses& uses) const;
    void pending(std::string& out, std::uint64_t n, std::string_view pool,
                 std::int64_t pending) const;
    void figures(std::string& out, std::uint64_t n, std::string_view pool,
                 const PoolFigures& figures) const;
    static void stack(std::string& out, std::uint64_t n, StackId stack, const Frames& frames);

private:
    Timestamp time(Ticks ticks) const;
    void checkout_event(std::string& out, std::uint64_t n, std::string_view pool,
                        const PoolEvent& event);
    void timeout_event(std::string& out, std::uint64_t n, std::string_view pool,
                       const PoolEvent& event);

    Duration shift_{}; ///< from the process's epoch to the protocol's clock
};

} // namespace poolscope
