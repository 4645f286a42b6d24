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
    /// The same for what begins and ends there: where that is on two days, times tell theirs.
    Calendar spanning(Timestamp from, Timestamp to) const;
    bool tells_days() const { return days_; }
    /// "14:28:40", or "11-21 14:28:40".
    std::string time(Timestamp at) const;
    std::string day_and_time(Timestamp at) const;
    /// Of that instant: "UTC", "UTC+01:00".
    std::string zone(Timestamp at) const;
    /// Local time minus UTC.
    Duration offset(Timestamp at) const;
    bool utc() const { return utc_; }

private:
    bool utc_ = false;
    bool days_ = false;
};

/// A sentence without the numbers that stand alone in it, and their units: two that are alike but
/// for them become the same. Digits within a name stay.
std::string without_numbers(std::string_view sentence);

} // namespace poolscope::report
