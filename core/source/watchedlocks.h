// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/session.h"

#include <chrono>
#include <functional>
#include <optional>
#include <vector>

namespace poolscope {

/// Sessions whose locks somebody looks at, and when each was last asked for. No I/O; one thread.
class WatchedLocks
{
public:
    using Instant = std::chrono::steady_clock::time_point;

    /// Those from now on. What is known of one that stays, stays.
    void set(const std::vector<SessionKey>& sessions);
    /// A new connection: all are asked for anew.
    void forget();
    /// Those to ask for now, which count as asked then: those never asked for and, once one is
    /// older than `every`, all, as one question serves them all. None that `exists` denies.
    std::vector<SessionKey> due(Instant now, std::chrono::milliseconds every,
                                const std::function<bool(const SessionKey&)>& exists);

private:
    struct Watched
    {
        SessionKey session;
        std::optional<Instant> asked;
    };
    std::vector<Watched> watched_;
};

} // namespace poolscope
