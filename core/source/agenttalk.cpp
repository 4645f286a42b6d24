// SPDX-License-Identifier: GPL-3.0-or-later
// What an agent says, and what it is asked.
#include "core/source/agentsource.h"

#include "core/base/clock.h"
#include "core/source/deadline.h"
#include "core/wire/encoder.h"
#include "core/wire/limits.h"
#include "core/wire/sha256.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace poolscope {

namespace {

/// In one turn of the event loop, so that one busy process does not hold up the others' sources.
constexpr std::size_t bytesPerTurn = 512 * 1024;
/// Without a line that can be read among them: it is no agent, or has gone mad.
constexpr std::uint64_t unreadableBeforeHello = 256 * 1024;
constexpr std::uint64_t unreadableAfter = 8 * 1024 * 1024;
constexpr std::size_t pingsKept = 8;
/// Smaller changes of the offset are only noise.
constexpr Duration offsetNoise{500};
constexpr std::chrono::seconds resyncAgain{5};
/// Agents may work the start of their process out anew for each hello.
constexpr std::chrono::seconds sameStart{1};

bool isEmpty(const PoolSample& s)
{
    return !s.full && s.pools.empty() && s.opened.empty() && s.closed.empty() &&
           s.changed.empty() && s.ended.empty() && s.brief.empty() && s.timeouts.empty() &&
           s.prepared.empty() && s.lost == 0 && s.unreadable == 0;
}

} // namespace

/// They come while a line is being taken apart: what would end the connection waits until then.
AgentSampler::Events AgentSource::events()
{
    AgentSampler::Events events;
    events.unsupported = [this](std::uint64_t version) {
        Trouble trouble;
        trouble.kind = Trouble::Kind::persistent;
        trouble.sentence =
            fmt::format("The agent speaks version {} of the protocol; this Poolscope "
                        "knows version {}.",
                        version, wire::protocol_version);
        trouble.nextStep = "Use a newer Poolscope.";
        trouble_ = trouble;
    };
    events.challenged = [this](std::string_view nonce) {
        challenged(nonce);
    };
    events.greeted = [this](const AgentFacts& facts, Timestamp agentNow,
                            std::optional<Timestamp> started) {
        greeted(facts, agentNow, started);
    };
    events.ready = [this] {
        pictureCame();
    };
    events.gap = [this](std::uint64_t lost) {
        eventsLost(lost);
    };
    events.pong = [this](std::int64_t of, Timestamp agentNow) {
        pong(of, agentNow);
    };
    events.outcome = [this](std::int64_t of, bool ok, const std::string& why) {
        outcome(of, ok, why);
    };
    events.corrected = [this] {
        askForPicture();
    };
    return events;
}

void AgentSource::read()
{
    readAgain_ = false;
    std::size_t budget = bytesPerTurn;
    while (talk_ && !trouble_ && budget > 0) {
        const std::size_t got = readTurn();
        if (got == 0)
            break;
        budget -= std::min(budget, got);
    }
    if (trouble_ && talk_) {
        failed(*std::exchange(trouble_, std::nullopt));
        return;
    }
    observeCommands();
    if (talk_ && budget == 0 && !std::exchange(readAgain_, true))
        QMetaObject::invokeMethod(this, &AgentSource::read, Qt::QueuedConnection);
}

std::size_t AgentSource::readTurn()
{
    const std::shared_ptr<Talk> talk = talk_; // whoever hears of a fact may stop this source
    const std::size_t got = link_.read(talk->decoder.room());
    if (got == 0)
        return 0;
    talk->decoder.commit(got, talk->state);
    if (talk_ == talk)
        heard();
    return got;
}

void AgentSource::heard()
{
    heard_ = Steady::now();
    probing_ = false;
    const wire::DecoderFigures& figures = talk_->decoder.figures();
    if (figures.messages != messages_) {
        messages_ = figures.messages;
        bytesBefore_ = figures.bytes;
    } else if (!trouble_) {
        trouble_ = unreadable();
    }
    if (std::exchange(quiet_, false)) {
        statusUp();
        askForPicture();
        watch_.start(timings_.silence);
    }
}

std::optional<AgentSource::Trouble> AgentSource::unreadable() const
{
    const std::uint64_t bytes = talk_->decoder.figures().bytes - bytesBefore_;
    if (bytes < (factsTold_ ? unreadableAfter : unreadableBeforeHello))
        return {};
    Trouble trouble;
    const std::string where = plain_line(address_.label().toStdString(), 256);
    trouble.sentence = factsTold_
                           ? "The process sends only what cannot be read."
                           : "What answers at " + where + " does not speak the agent protocol.";
    trouble.nextStep = "Check the address: it must be the agent's, not the database's or the "
                       "application's.";
    return trouble;
}

void AgentSource::challenged(std::string_view nonce)
{
    const std::string where = plain_line(address_.label().toStdString(), 256);
    Trouble trouble;
    if (authorised_) { // answering more than one would make an oracle of us
        trouble.sentence = "The process at " + where + " asked for the token again and again.";
        trouble_ = trouble;
        return;
    }
    if (token_.isEmpty()) {
        trouble.kind = Trouble::Kind::secret;
        trouble.sentence = "The process at " + where + " asks for its token.";
        trouble.nextStep = "It is what the process has as POOLSCOPE_TOKEN.";
        trouble_ = trouble;
        return;
    }
    authorised_ = true;
    const std::string mac =
        wire::mac_of({token_.constData(), static_cast<std::size_t>(token_.size())}, nonce);
    say(wire::Auth{mac});
}

/// Process ids are used again, in containers at once.
bool AgentSource::isAnother(const AgentFacts& facts, std::optional<Timestamp> started) const
{
    if (!facts_)
        return false;
    const bool later =
        started && processStarted_ && std::chrono::abs(*started - *processStarted_) > sameStart;
    return later || facts_->pid != facts.pid || facts_->host != facts.host ||
           facts_->process != facts.process;
}

void AgentSource::greeted(const AgentFacts& facts, Timestamp agentNow,
                          std::optional<Timestamp> started)
{
    if (!std::exchange(inPicture_, true))
        greetedAt_ = Steady::now();
    resyncAsked_ = false;
    resync_.stop();
    phase_ = Phase::up;
    // Its samples sum up short checkouts in any case: so the agent may as well, which is cheaper.
    if (std::ranges::find(facts.can, "brief") != facts.can.end())
        say(wire::Want{true});
    if (!factsTold_) {
        clock_.greeted(agentNow, Steady::now());
        watch_.start(timings_.silence);
        if (isAnother(facts, started)) {
            // Its ids may be those of the last one's checkouts, which are gone.
            PoolSample nothing;
            nothing.full = true;
            nothing.clock_offset = offset();
            fact(nothing);
            changed_ = Steady::now();
            tell(commands_.processEnded());
        }
    }
    factsDue_ = factsDue_ || (factsTold_ && !(facts_ == facts));
    facts_ = facts;
    processStarted_ = started;
    if (std::exchange(factsTold_, true))
        return; // told with its picture
    fact(AgentReported{facts});
    statusUp();
}

void AgentSource::pictureCame()
{
    const auto now = Steady::now();
    inPicture_ = false;
    if (!pictured_) {
        pictured_ = true;
        failures_ = 0;
        lastPicture_ = now;
        tick_.start();
        ping_.start(timings_.ping);
        ping();
        first_.start(timings_.pong);
    } else if (now - lastPicture_ >= timings_.resync) {
        // An agent that sends picture after picture gets no more than one sample an interval.
        lastPicture_ = now;
        deliver(true);
    }
    statusUp();
}

void AgentSource::eventsLost(std::uint64_t lost)
{
    if (teller_.hasSampled()) {
        deliver(false, lost); // what is before the gap stands before it
        teller_.gap(lost > 0 ? fmt::format("{} events of the process were lost.", lost)
                             : std::string("Events of the process were lost."));
    }
    if (resyncAsked_ || resync_.isActive())
        return;
    const auto since = std::chrono::duration_cast<Milliseconds>(Steady::now() - lastResync_);
    resync_.start(std::clamp(timings_.resync - since, Milliseconds{0}, timings_.resync));
}

void AgentSource::askForPicture()
{
    if (!talk_)
        return;
    const auto since = std::chrono::duration_cast<Milliseconds>(Steady::now() - lastResync_);
    if (since < timings_.resync) {
        resync_.start(timings_.resync - since);
        return;
    }
    lastResync_ = Steady::now();
    resyncAsked_ = true;
    say(wire::Resync{});
    resync_.start(resyncAgain);
}

void AgentSource::ping()
{
    if (!talk_)
        return;
    const auto sent = Steady::now();
    if (const auto number = say(wire::Ping{}))
        pings_.emplace(*number, sent);
    if (pings_.size() > pingsKept)
        pings_.erase(pings_.begin());
}

void AgentSource::pong(std::int64_t of, Timestamp agentNow)
{
    const auto found = pings_.find(of);
    if (found == pings_.end())
        return;
    clock_.answered(agentNow, found->second, Steady::now());
    pings_.erase(found);
    if (first_.isActive()) {
        first_.stop();
        deliver(true);
        return;
    }
    // Without traffic nothing else would tell of it.
    if (offsetTold_ && offset() != *offsetTold_)
        deliver(true);
}

Duration AgentSource::offset()
{
    const Duration now = clock_.offset(SystemClock{}.now(), Steady::now());
    if (offsetTold_ && now - *offsetTold_ < offsetNoise && *offsetTold_ - now < offsetNoise)
        return *offsetTold_;
    return now;
}

void AgentSource::deliver(bool always, std::uint64_t lostLater)
{
    // In the middle of a picture nothing is complete.
    if (!talk_ || !talk_->state.is_ready())
        return;
    PoolSample sample = talk_->sampler.take();
    const std::uint64_t lost = talk_->state.figures().lost - lostLater;
    const std::uint64_t skipped = talk_->decoder.figures().skipped();
    sample.lost = lost - lostTold_;
    sample.unreadable = skipped - unreadableTold_;
    const bool news = remarksAreNew();
    if (!always && isEmpty(sample)) {
        if (news)
            statusUp();
        return;
    }
    if (sample.full && std::exchange(factsDue_, false))
        fact(AgentReported{*facts_});
    lostTold_ = lost;
    unreadableTold_ = skipped;
    offsetTold_ = sample.clock_offset = offset();
    teller_.sampling();
    fact(std::move(sample)); // which may end this connection
    if (news && talk_)
        statusUp();
}

/// What the status says beside "up". Counts are said again when they have doubled: a process that
/// goes on like that fills no recording with it.
bool AgentSource::remarksAreNew()
{
    const bool disbelieved = talk_->sampler.timesDisbelieved() > 0;
    const bool leftOut = talk_->sampler.placesLeftOut() > 0;
    const bool unnamed = talk_->decoder.figures().unnamed > 0;
    bool news =
        disbelieved > timesDisbelieved_ || leftOut > placesLeftOut_ || unnamed > unnamedTold_;
    timesDisbelieved_ = timesDisbelieved_ || disbelieved;
    placesLeftOut_ = placesLeftOut_ || leftOut;
    const auto doubled = [&news](std::uint64_t& said, std::uint64_t count) {
        if (count == 0 || count / 2 < said)
            return;
        said = count;
        news = true;
    };
    doubled(skippedSaid_, talk_->decoder.figures().skipped());
    doubled(contradictionsSaid_, contradictions());
    const wire::DecoderFigures& read = talk_->decoder.figures();
    doubled(oddSaid_, read.odd_field + read.clipped);
    doubled(misplacedSaid_, misplaced());
    return news;
}

/// Told of a checkout what cannot be. Where events were lost, or not all are kept, it may be.
std::uint64_t AgentSource::contradictions() const
{
    const wire::PeerFigures& figures = talk_->state.figures();
    const bool knowsAll = figures.gaps == 0 && figures.over_limit == 0;
    return figures.open_again + (knowsAll ? figures.not_lent : 0);
}

/// Lines that have no place where they came.
std::uint64_t AgentSource::misplaced() const
{
    const wire::PeerFigures& figures = talk_->state.figures();
    return figures.unknown_pool + figures.stray + figures.duplicates;
}

std::optional<std::int64_t> AgentSource::say(const wire::Body& body)
{
    std::string line;
    wire::encode(line, wire::Message{static_cast<std::uint64_t>(number_ + 1), body});
    if (!link_.write(line))
        return {};
    return ++number_;
}

void AgentSource::outcome(std::int64_t of, bool ok, const std::string& why)
{
    if (!factsTold_) {
        if (ok)
            return;
        Trouble trouble;
        trouble.kind = Trouble::Kind::secret;
        trouble.sentence = "The process at " + plain_line(address_.label().toStdString(), 256) +
                           " did not take the token" + (why.empty() ? "." : ": " + why + ".");
        trouble.nextStep = "It is what the process has as POOLSCOPE_TOKEN.";
        trouble_ = trouble;
        return;
    }
    tell(commands_.answered(of, ok, why, Steady::now()));
    armCommandTimer();
}

void AgentSource::execute(const Command& command)
{
    if (!started_)
        return;
    const auto refused = [&](const char* why) {
        fact(AgentCommands::told(command, ActionPhase::refused, why));
    };
    if (command.verb != ActionVerb::reclaim) {
        refused("A pool has no sessions to cancel or terminate: reclaim the checkout, or attach to "
                "the database server.");
        return;
    }
    if (!talk_ || !talk_->state.is_ready() || quiet_) {
        refused("It was not sent: the process does not answer now.");
        return;
    }
    if (command.checkout.target != info_.id || !talk_->state.is_open(command.checkout.id.str())) {
        refused("That checkout is not open any more.");
        return;
    }
    if (changed_ && Steady::now() - *changed_ < timings_.caution) {
        // Its checkouts may have the ids of those that were chosen.
        refused("It was not sent: another process has just come in place of the one that was "
                "shown. Look again first.");
        return;
    }
    if (commands_.isFull()) {
        refused("It was not sent: a thousand orders are on their way already.");
        return;
    }
    const auto number = say(wire::Reclaim{command.checkout.id.str(), {}});
    if (!number) {
        refused("It was not sent: the process does not read.");
        return;
    }
    fact(commands_.sent(*number, command, Steady::now()));
    armCommandTimer();
}

void AgentSource::tell(const AgentCommands::Facts& facts)
{
    for (const ActionReported& each : facts)
        fact(each);
}

/// After the sample that shows it, so that whoever hears of it can see it.
void AgentSource::observeCommands()
{
    if (!commands_.isWatching() || !talk_ || !talk_->state.is_ready())
        return;
    const AgentCommands::Facts facts =
        commands_.observe([this](const Text& id) { return talk_->state.is_open(id.str()); });
    if (facts.empty())
        return;
    deliver(false);
    tell(facts);
    armCommandTimer();
}

void AgentSource::armCommandTimer()
{
    armTimer(commandTimer_, started_ ? commands_.deadline() : std::nullopt);
}

} // namespace poolscope
