// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/picture.h"

#include "core/analyze/lostconnection.h"
#include "core/analyze/words.h"
#include "core/capture/ownsessions.h"
#include "core/capture/updatebuilder.h"
#include "core/record/reader.h"
#include "core/report/readuntil.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

void Picture::apply(const Update& update)
{
    if (update.reset) {
        rows.clear();
        checkouts.clear();
    }
    for (const SessionKey& key : update.gone)
        rows.erase(key);
    for (const SessionRow& row : update.changed)
        rows[row.session.key] = row;
    for (const CheckoutKey& key : update.checkouts_gone)
        checkouts.erase(key);
    for (const Checkout& checkout : update.checkouts)
        checkouts[checkout.key] = checkout;
    now = update.now;
    targets = update.targets;
    actions = *update.actions;
    links_.reset();
}

Links& Picture::links() const
{
    if (!links_) {
        links_.emplace();
        for (const TargetSummary& each : targets)
            links_->add_target(each.info, each.clock_offset);
        for (const auto& [key, each] : rows)
            links_->add_session(each.session);
        for (const auto& [key, each] : checkouts) {
            const TargetSummary* const its = target(key.target);
            const Pool* const pool = its ? poolNamed(*its, each.pool) : nullptr;
            links_->add_checkout(each, pool ? pool->database : Text{});
        }
    }
    return *links_;
}

const SessionRow* Picture::sessionOf(const CheckoutKey& checkout) const
{
    const SessionLink* const link = links().session_of(checkout);
    const auto session = link ? link->session() : std::nullopt;
    return session ? row(*session) : nullptr;
}

std::optional<std::int64_t> Picture::serverPidOf(const Checkout& of) const
{
    const SessionLink* const link = links().session_of(of.key);
    const TargetSummary* const its = target(of.key.target);
    const Pool* const pool = its ? poolNamed(*its, of.pool) : nullptr;
    return server_pid_of(of, pool ? pool->database : Text{}, link,
                         link && link->through ? checkout(*link->through) : nullptr);
}

const Checkout* Picture::checkoutOf(const SessionKey& session) const
{
    const CheckoutLink* const link = links().checkout_of(session);
    return link ? checkout(link->checkout) : nullptr;
}

const TargetSummary* Picture::target(TargetId id) const
{
    const auto found = std::find_if(targets.begin(), targets.end(),
                                    [id](const TargetSummary& t) { return t.info.id == id; });
    return found == targets.end() ? nullptr : &*found;
}

const SessionRow* Picture::row(const SessionKey& key) const
{
    const auto found = rows.find(key);
    return found == rows.end() ? nullptr : &found->second;
}

const SessionRow* Picture::row(TargetId target, Pid pid) const
{
    const auto found = rows.lower_bound(SessionKey{target, pid, Timestamp::min()});
    const bool same =
        found != rows.end() && found->first.target == target && found->first.pid == pid;
    return same ? &found->second : nullptr;
}

bool Picture::isOwn(const Session& session) const
{
    return is_own(session, targets, [this](TargetId target, Pid pid) { return row(target, pid); });
}

const Checkout* Picture::checkout(const CheckoutKey& key) const
{
    const auto found = checkouts.find(key);
    return found == checkouts.end() ? nullptr : &found->second;
}

Duration Picture::age(const TargetSummary& target, Timestamp since) const
{
    return std::max(Duration{0}, now + target.clock_offset - since);
}

std::optional<Duration> Picture::age(const TargetSummary& target,
                                     std::optional<Timestamp> since) const
{
    if (!since)
        return std::nullopt;
    return age(target, *since);
}

bool hasPools(const TargetSummary& target)
{
    return target.agent || target.info.kind == "pool" || target.info.kind == "demo" ||
           target.info.kind == "pgbouncer" || target.info.kind == "metrics";
}

const Pool* poolNamed(const TargetSummary& target, const Text& name)
{
    const auto found = std::find_if(target.pools.begin(), target.pools.end(),
                                    [&name](const Pool& pool) { return pool.name == name; });
    return found == target.pools.end() ? nullptr : &*found;
}

std::vector<std::string> joinedEvidence(const Picture& picture, const CheckoutKey& checkout)
{
    const SessionLink* const link = picture.links().session_of(checkout);
    if (link && link->ambiguous())
        return {"Which session of the server it is cannot be told: several may be it."};
    if (link && !link->doubt.empty())
        return {link->doubt};
    const SessionRow* const row = picture.sessionOf(checkout);
    const TargetSummary* const server = row ? picture.target(row->session.key.target) : nullptr;
    if (!server) {
        const Checkout* const lent = picture.checkout(checkout);
        const TargetSummary* const process = picture.target(checkout.target);
        std::string lost;
        if (lent && process)
            lost = lost_in_words(process->lost_connections, *lent, picture.now);
        return lost.empty() ? std::vector<std::string>{} : std::vector{lost};
    }
    return evidence_of(row->session, row->blocks, link->by, picture.now + server->clock_offset);
}

std::string whereFrom(const Picture& picture, const SessionKey& session)
{
    const Checkout* const checkout = picture.checkoutOf(session);
    if (!checkout)
        return {};
    const Text place = place_of(checkout->stack);
    std::string words = "Checked out from " + plain_line(checkout->pool.str(), 128);
    if (!place.empty())
        words += " at " + plain_line(place.str(), 600);
    if (!checkout->acquired_by.empty())
        words += ", by " + plain_line(checkout->acquired_by.str(), 128);
    return words + '.';
}

std::vector<const Checkout*> oldestFirst(const Picture& picture, const TargetSummary& target)
{
    std::vector<const Checkout*> open;
    for (auto at = picture.checkouts.lower_bound({target.info.id, {}});
         at != picture.checkouts.end() && at->first.target == target.info.id; ++at)
        open.push_back(&at->second);
    std::stable_sort(open.begin(), open.end(), [](const Checkout* a, const Checkout* b) {
        return a->acquired < b->acquired;
    });
    return open;
}

namespace {

/// "14:31" or "14:31:58.5" as time of day.
std::optional<Duration> timeOfDay(const std::string& text)
{
    if (text.size() < 5 || text[2] != ':')
        return std::nullopt;
    const std::string seconds = text.size() == 5 ? text + ":00" : text;
    const auto instant = parse_iso8601("1970-01-01T" + seconds + "Z");
    if (!instant)
        return std::nullopt;
    return instant->time_since_epoch();
}

} // namespace

Result<Timestamp> instantWithin(const std::string& text, Timestamp start, Timestamp end)
{
    std::optional<Timestamp> at = parse_iso8601(text);
    if (const auto time = timeOfDay(text); !at && time) {
        at = std::chrono::floor<std::chrono::days>(start) + *time;
        if (*at < start && *at + std::chrono::days{1} <= end)
            *at += std::chrono::days{1};
    }
    if (!at)
        return Error{"\"" + text + "\" is no time.",
                     "Give it as 2026-11-21T14:31:58Z or, on the recording's day, as 14:31:58 "
                     "(UTC)."};
    // A time that is given to the second means that second.
    if (*at < start && start - *at < std::chrono::seconds{1})
        at = start;
    if (*at < start)
        return Error{"The recording begins later, at " + format_iso8601(start) + ".",
                     "It ends at " + format_iso8601(end) + "."};
    return std::min(*at, end);
}

Result<FilePicture> pictureOf(const std::string& file, const FileQuestion& question)
{
    auto opened = RecordingReader::open(file);
    if (!opened)
        return opened.error();
    RecordingReader& reader = *opened.value();
    const auto info = reader.info();
    if (!info)
        return info.error();
    Timestamp at = info.value().ended;
    std::string beyond;
    if (question.at) {
        const auto asked = instantWithin(*question.at, info.value().started, at);
        if (!asked) {
            FilePicture none;
            none.badTime = asked.error();
            return none;
        }
        // Asked again of what has no end, so that it is known whether this one cut it.
        const auto meant = instantWithin(*question.at, info.value().started, Timestamp::max());
        if (meant && meant.value() >= asked.value() + std::chrono::seconds{1})
            beyond = fmt::format("The recording ends at {}; that is shown.", format_iso8601(at));
        at = asked.value();
    }
    // What grows is judged over a window, as it was live.
    const SequenceNumber end = question.at ? report::last_until(reader, at) : info.value().last;
    auto keyframe = report::keyframe_before(reader, at - Analysis::longest_window, end);
    if (!keyframe)
        return keyframe.error();

    Analysis analysis;
    const WhatIf& whatIf = question.whatIf;
    if (!whatIf.alertRules.empty())
        analysis.suppose_alert_rules(parse_alert_rules(whatIf.alertRules, "rules"));
    const SequenceNumber from = keyframe.value().sequence();
    analysis.restore(std::move(keyframe).value());
    WorldDelta ignored;
    const auto read = reader.read(from, [&](const Observation& observation) {
        if (end < observation.sequence)
            return false;
        analysis.fold(observation, ignored);
        return true;
    });
    supposeThresholds(whatIf.thresholds, analysis, ignored);
    analysis.look();
    FilePicture result;
    result.beyond = beyond;
    UpdateBuilder builder;
    result.picture.apply(*builder.build(analysis));
    if (!read)
        result.damage = read.error();
    return result;
}

} // namespace poolscope
