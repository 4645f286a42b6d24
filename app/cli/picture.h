// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/links.h"
#include "core/base/result.h"
#include "core/capture/update.h"
#include "core/capture/whatif.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace poolscope {

/// What a verb prints from: everything at one instant, live or from a recording alike.
struct Picture
{
    Timestamp now;
    std::vector<TargetSummary> targets;
    std::map<SessionKey, SessionRow> rows;
    std::map<CheckoutKey, Checkout> checkouts; ///< open ones of instrumented processes
    std::vector<ActionRecord> actions;

    void apply(const Update& update);
    const TargetSummary* target(TargetId id) const;
    const SessionRow* row(const SessionKey& key) const;
    /// By pid alone; Poolscope's own sessions too.
    const SessionRow* row(TargetId target, Pid pid) const;
    /// Poolscope's own, also where another target of the same server shows it as anybody's.
    bool isOwn(const Session& session) const;
    const Checkout* checkout(const CheckoutKey& key) const;
    /// Checkouts and sessions joined, over all targets of the picture.
    Links& links() const;
    /// The session of a checkout; null where none is known, or several might be it.
    const SessionRow* sessionOf(const CheckoutKey& checkout) const;
    /// Of the server's process or connection that serves a checkout; null where that is not known.
    std::optional<std::int64_t> serverPidOf(const Checkout& checkout) const;
    /// The checkout of a session; null likewise.
    const Checkout* checkoutOf(const SessionKey& session) const;
    /// On the clock of the session's server; never negative.
    Duration age(const TargetSummary& target, Timestamp since) const;
    std::optional<Duration> age(const TargetSummary& target, std::optional<Timestamp> since) const;

private:
    mutable std::optional<Links> links_; ///< made when first asked for
};

/// An instrumented process: it has pools and checkouts, and no sessions.
bool hasPools(const TargetSummary& target);
/// Null where the target knows no such pool.
const Pool* poolNamed(const TargetSummary& target, const Text& name);
/// What the server says of the session that serves a checkout; empty where none is known.
std::vector<std::string> joinedEvidence(const Picture& picture, const CheckoutKey& checkout);
/// Where what a session does comes from: "Checked out from orders at load_orders
/// (src/orders.cpp:42)." Empty where that is not known.
std::string whereFrom(const Picture& picture, const SessionKey& session);
/// A target's open checkouts.
std::vector<const Checkout*> oldestFirst(const Picture& picture, const TargetSummary& target);

/// The instant that the user means: ISO 8601, or HH:MM[:SS] in UTC on the recording's day (the day
/// after its start where the recording runs past midnight).
Result<Timestamp> instantWithin(const std::string& text, Timestamp start, Timestamp end);

struct FileQuestion
{
    std::optional<std::string> at;
    WhatIf whatIf;
};

struct FilePicture
{
    Picture picture;
    /// The recording is damaged after what the picture shows.
    std::optional<Error> damage;
    /// The instant asked for lies behind the end, which is shown instead: a sentence.
    std::string beyond;
    /// The instant asked for is none, or lies before the recording; there is no picture then.
    std::optional<Error> badTime;
};

/// A recording's picture at an instant, by default its last.
Result<FilePicture> pictureOf(const std::string& file, const FileQuestion& question);

} // namespace poolscope
