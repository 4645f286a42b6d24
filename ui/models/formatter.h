// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/leak/judgement.h"
#include "core/model/observation.h"

#include <QString>

#include <optional>
#include <string>

namespace poolscope {

/// Turns values into what people read. A value: copies are cheap, two with the same zone are equal.
/// What comes from outside leaves here as plain text of bounded length.
class Formatter
{
public:
    explicit Formatter(bool utc = false)
        : utc_(utc)
    {}
    bool utc() const { return utc_; }

    /// "2 310", with thin spaces.
    static QString count(std::int64_t n);
    /// "20/20" where there is a limit.
    static QString ofLimit(std::int64_t n, std::optional<std::int64_t> limit);
    /// "6m 12s"
    static QString ageCell(Duration age);
    /// "6 min 12 s"
    static QString ageProse(Duration age);
    static QString notReported();
    /// "14:28:40"; with the date unless that is today's at `now`.
    QString instant(Timestamp time, Timestamp now) const;
    /// The same with ".412".
    QString instantExact(Timestamp time, Timestamp now) const;
    /// For tooltips and copies: "2026-11-21T14:28:40.412000Z".
    static QString iso(Timestamp time);

    /// "idle in transaction (aborted)"
    static QString state(SessionState state);
    /// "idle in tx (aborted)"
    static QString stateShort(SessionState state);
    static QString severity(LeakSeverity severity);
    /// "Cancel statement"
    static QString verb(ActionVerb verb);
    static QString phase(ActionPhase phase);
    /// "1 session", "14 sessions"
    static QString sessions(std::int64_t n);

    /// One line of plain text from outside.
    static QString line(const std::string& outside, std::size_t maxBytes = 512);
    /// The same, newlines kept.
    static QString text(const std::string& outside, std::size_t maxBytes = 65536);

    friend bool operator==(const Formatter&, const Formatter&) = default;

private:
    bool utc_;
};

} // namespace poolscope
