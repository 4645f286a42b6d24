// SPDX-License-Identifier: GPL-3.0-or-later
// A source of metrics that asks a query API: one question after the other is one poll.
#include "core/source/metricssource.h"

#include <algorithm>
#include <utility>

namespace poolscope {

namespace {
/// Of the past, asked for at once: what is told of so many instants is held together.
constexpr std::size_t stepsAtOnce = 12;
} // namespace

bool MetricsSource::setPast(Timestamp from, Timestamp until, Duration step)
{
    if (!fleet_ || step <= Duration{0} || until <= from)
        return false;
    past_ = FleetPoll::Past{from, step, static_cast<std::size_t>((until - from) / step) + 1};
    return true;
}

void MetricsSource::beginPoll()
{
    if (!fleet_)
        return;
    if (!past_) {
        fleet_->begin();
        return;
    }
    FleetPoll::Past part = *past_;
    part.steps = std::min(part.steps, stepsAtOnce);
    fleet_->begin(part);
}

/// What is odd about what it remembers belongs to the time of which it is told.
void MetricsSource::pastRemarks()
{
    std::string words;
    for (const std::string& remark : fleet_->remarks())
        words += (words.empty() ? "" : " ") + remark;
    if (words == pastRemarks_)
        return;
    pastRemarks_ = words;
    emit observedThen(past_->at(0), StatusChanged{{Reach::up, words, {}, {}}});
}

/// A part of it. An instant of which nothing is known is a gap, whatever came before.
void MetricsSource::pastCame()
{
    const std::vector<MetricsPools>& steps = fleet_->steps();
    pastRemarks();
    for (std::size_t i = 0; i < steps.size() && started_; ++i) {
        const std::vector<Pool> pools = steps[i].pools();
        if (!pools.empty()) {
            const bool anew = !std::exchange(pastTold_, true);
            emit observedThen(past_->at(i), changes(pools, anew));
        } else if (std::exchange(pastTold_, false)) {
            emit observedThen(past_->at(i), Gap{"The server knows nothing of this time."});
        }
    }
    if (!started_)
        return;
    past_->from = past_->at(steps.size());
    past_->steps -= steps.size();
    failures_ = 0;
    wasUp_ = true;
    if (past_->steps > 0) {
        beginPoll();
        ask();
        return;
    }
    stop();
    emit pastEnded();
}

/// For the page, or for the next answer of a query API until there is none to ask for.
void MetricsSource::ask()
{
    redirects_ = 0;
    if (!fleet_) {
        fetch(address_.url);
        return;
    }
    if (const std::optional<QUrl> url = fleet_->next())
        fetch(*url);
    else if (started_ && phase_ == Phase::fetching && past_)
        pastCame();
    else if (started_ && phase_ == Phase::fetching)
        readingCame(readFleet());
}

/// Of a query API. False where the poll fails: troubleOf() tells why.
bool MetricsSource::takeAnswer(const MetricsFetch::Outcome& outcome)
{
    using End = MetricsFetch::End;
    using Refusal = FleetPoll::Refusal;
    if (outcome.end == End::tooLong || outcome.end == End::unpackable)
        return fleet_->retreat(Refusal::tooMuch);
    if (outcome.end == End::timedOut)
        return fleet_->retreat(Refusal::late);
    if (outcome.end != End::complete)
        return false;
    if (outcome.status == 200 && fleet_->answered())
        return true;
    // 413 and 422: it would have to load or to send too much; 503: it took it too long. Some say
    // 422 of whatever is wrong with a question.
    if (outcome.status == 413)
        return fleet_->retreat(Refusal::tooMuch);
    const bool maybe =
        outcome.status == 422 || (outcome.status == 503 && outcome.refusal.contains("\"timeout\""));
    return fleet_->retreat(maybe ? Refusal::maybeTooMuch : Refusal::other);
}

MetricsSource::Reading MetricsSource::readFleet() const
{
    Reading reading;
    reading.pools = fleet_->pools().pools();
    reading.remarks = fleet_->remarks();
    return reading;
}

/// What a query API says is wrong; null where it answered, if with something that is no answer.
std::optional<MetricsSource::Trouble>
MetricsSource::troubleOfQuery(const MetricsFetch::Outcome& outcome) const
{
    if (outcome.status == 200)
        return Trouble{wasUp_ ? Trouble::Kind::transient : Trouble::Kind::persistent,
                       "What " + where() + " answers is no answer of a query API.",
                       "Check the path. For a page of metrics it ends otherwise than in /api/v1."};
    const std::string words = fleet_error(outcome.refusal.toStdString());
    if (words.empty() || outcome.status == 401 || outcome.status == 403)
        return {};
    const bool wrong = outcome.status == 400 || outcome.status == 422;
    return Trouble{wrong && !wasUp_ ? Trouble::Kind::persistent : Trouble::Kind::transient,
                   where() + " refused the query: " + words + ".",
                   wrong ? "Check what the address says behind match."
                         : "Its own log says more. Poolscope keeps trying."};
}

} // namespace poolscope
