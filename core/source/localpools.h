// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/wire/places.h"

#include <QString>

#include <cstdint>
#include <vector>

namespace poolscope {

/// A process on this machine whose pools can be attached to.
struct LocalPool
{
    QString name;         ///< the process's, as its socket is called: hostile, but plain
    std::int64_t pid = 0; ///< as its socket is called
    QString url;          ///< pool+unix:///…
    friend bool operator==(const LocalPool&, const LocalPool&) = default;
};

/// Looks for agents in the runtime folders (PROTOCOL.md, section 2), and removes sockets of this
/// user that dead processes left there. By name, then pid; at most 1,000. Believes the sockets'
/// names: who is there really says its hello.
///
/// Touches the file system and connects to each socket for a moment, which is quick but not for the
/// GUI thread: call it from another one. Any thread.
std::vector<LocalPool> localPools();
/// The same in other folders; of a folder that is not safe nothing is taken.
std::vector<LocalPool> localPoolsIn(const std::vector<wire::Place>& places);

} // namespace poolscope
