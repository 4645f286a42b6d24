// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/base/time.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace poolscope::report {

/// Text from outside as it may stand between tags and in attributes: plain, on one line, bounded.
std::string safe(std::string_view untrusted, std::size_t most_bytes = 300);
/// The same, but lines stay lines.
std::string safe_lines(std::string_view untrusted, std::size_t most_bytes);

/// An instant as people read it: "14:28:40" and "2026-11-21 14:28:40".
class Calendar
{
public:
    explicit Calendar(bool utc)
        : utc_(utc)
    {}
    std::string time(Timestamp at) const;
    std::string day_and_time(Timestamp at) const;
    /// Of that instant: "UTC", "UTC+01:00".
    std::string zone(Timestamp at) const;
    /// Local time minus UTC.
    Duration offset(Timestamp at) const;
    bool utc() const { return utc_; }

private:
    bool utc_ = false;
};

} // namespace poolscope::report
