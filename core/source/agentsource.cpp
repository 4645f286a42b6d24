// SPDX-License-Identifier: GPL-3.0-or-later
// Reaching the process and staying there; agenttalk.cpp has what is said.
#include "core/source/agentsource.h"

#include "core/source/privatefolder.h"
#include "core/wire/limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

/// Open checkouts of one process; what is beyond is counted by the pool's own figures alone.
constexpr std::size_t mostOpen = 250'000;
const QString tunnelSocket = QStringLiteral("agent.sock");

} // namespace

AgentSource::Talk::Talk(TargetId target, AgentSampler::Events events)
    : sampler(target, std::move(events))
    , state(sampler, mostOpen)
{}

AgentSource::AgentSource(const TargetInfo& info, const AttachRequest& request,
                         const AgentAddress& address)
    : info_(info)
    , address_(address)
    , sshHost_(request.sshHost)
    , token_(request.password.isEmpty() ? qgetenv("POOLSCOPE_TOKEN") : request.password.toUtf8())
{
    for (QTimer* timer : {&retry_, &watch_, &resync_, &first_, &commandTimer_})
        timer->setSingleShot(true);
    tick_.setTimerType(Qt::PreciseTimer);
    setInterval(request.interval);
    connect(&link_, &AgentLink::opened, this, &AgentSource::connected);
    connect(&link_, &AgentLink::readable, this, &AgentSource::read);
    connect(&link_, &AgentLink::ended, this, &AgentSource::linkEnded);
    connect(&tunnel_, &SshTunnel::ready, this, &AgentSource::connectThroughTunnel);
    connect(&tunnel_, &SshTunnel::failed, this, &AgentSource::tunnelFailed);
    connect(&retry_, &QTimer::timeout, this, &AgentSource::reach);
    connect(&watch_, &QTimer::timeout, this, &AgentSource::watch);
    connect(&tick_, &QTimer::timeout, this, [this] {
        if (!first_.isActive())
            deliver(false);
    });
    connect(&ping_, &QTimer::timeout, this, &AgentSource::ping);
    connect(&first_, &QTimer::timeout, this, [this] { deliver(true); });
    connect(&resync_, &QTimer::timeout, this, &AgentSource::askForPicture);
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

AgentSource::~AgentSource() = default;

void AgentSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    commands_.setLimits(timings.answer, timings.effect);
}

void AgentSource::start()
{
    if (started_)
        return;
    started_ = true;
    failures_ = 0;
    teller_.begin();
    teller_.status(Reach::connecting, {});
    reach();
}

void AgentSource::stop()
{
    started_ = false;
    phase_ = Phase::stopped;
    for (QTimer* timer : {&retry_, &watch_, &tick_, &ping_, &resync_, &first_, &commandTimer_})
        timer->stop();
    link_.close();
    tunnel_.stop();
    folder_.reset();
    talk_.reset();
    teller_.forgetSample();
}

void AgentSource::reach()
{
    if (!started_)
        return;
    retry_.stop();
    phase_ = Phase::connecting;
    if (sshHost_.isEmpty()) {
        connectHere(address_);
        return;
    }
    if (tunnel_.isReady()) {
        connectThroughTunnel();
        return;
    }
    if (!address_.isLocal()) {
        tunnel_.start(sshHost_, address_.label(), timings_.tunnel);
        return;
    }
    // The way to a socket that asks for no token ends in a folder that is ours alone: a port here
    // would let in everybody on this machine.
    folder_ = makeSocketFolder(tunnelSocket);
    if (!folder_->isValid()) {
        failed({Trouble::Kind::persistent, "A temporary folder cannot be made.",
                "Set TMPDIR to a folder that may be written."});
        return;
    }
    tunnel_.start(sshHost_, address_.path, timings_.tunnel, folder_->filePath(tunnelSocket));
}

void AgentSource::connectThroughTunnel()
{
    if (folder_)
        connectHere({folder_->filePath(tunnelSocket), {}, 0});
    else
        connectHere({{}, QStringLiteral("127.0.0.1"), tunnel_.port()});
}

void AgentSource::connectHere(const AgentAddress& address)
{
    if (started_ && phase_ == Phase::connecting)
        link_.open(address, timings_.connect);
}

void AgentSource::tunnelFailed(const QString& words)
{
    TunnelTrouble told = tunnel_trouble(sshHost_, words);
    Trouble trouble;
    trouble.sentence = std::move(told.sentence);
    trouble.nextStep = std::move(told.next_step);
    if (told.persistent)
        trouble.kind = Trouble::Kind::persistent;
    failed(trouble);
}

void AgentSource::connected()
{
    phase_ = Phase::greeting;
    talk_ = std::make_shared<Talk>(info_.id, events());
    trouble_.reset();
    authorised_ = factsTold_ = factsDue_ = false;
    inPicture_ = pictured_ = resyncAsked_ = probing_ = quiet_ = false;
    timesDisbelieved_ = placesLeftOut_ = unnamedTold_ = false;
    skippedSaid_ = contradictionsSaid_ = oddSaid_ = misplacedSaid_ = 0;
    number_ = 0;
    lostTold_ = unreadableTold_ = messages_ = bytesBefore_ = 0;
    pings_.clear();
    clock_.clear();
    offsetTold_.reset();
    heard_ = Steady::now();
    watch_.start(timings_.greeting);
}

AgentSource::Trouble AgentSource::closedTrouble() const
{
    const std::string where = plain_line(address_.label().toStdString(), 256);
    Trouble trouble;
    if (talk_ && talk_->state.is_ready()) {
        trouble.sentence = "The process closed the connection.";
        trouble.nextStep = "It ended, or was restarted. Poolscope keeps trying.";
    } else if (!sshHost_.isEmpty()) {
        trouble.sentence = where + " closed the connection before it said who it is.";
        trouble.nextStep = "On that host the process has ended, has no agent, or lets in its own "
                           "user alone.";
    } else {
        trouble.sentence = where + " closed the connection before it said who it is.";
        trouble.nextStep = "It lets in its own user, root, and the group that it names; and at "
                           "most 16 inspectors.";
    }
    return trouble;
}

void AgentSource::linkEnded(AgentLink::End how, const QString& words)
{
    while (talk_ && !trouble_ && readTurn() > 0) {
        // what came before the end counts: the reason of a refusal, the last events
    }
    Trouble trouble;
    const std::string where = plain_line(address_.label().toStdString(), 256);
    switch (how) {
    case AgentLink::End::absent:
        trouble.sentence = "There is no socket " + where + ".";
        trouble.nextStep = "The process has ended, or started without an agent.";
        break;
    case AgentLink::End::refused:
        trouble.sentence = "Nobody listens at " + where + ".";
        trouble.nextStep = "The process has ended, or started without an agent.";
        break;
    case AgentLink::End::denied:
        trouble.sentence = "This user may not open " + where + ".";
        trouble.nextStep = "Run Poolscope as the user of the process, or let the process name a "
                           "group that you are in.";
        trouble.kind = Trouble::Kind::persistent;
        break;
    case AgentLink::End::timedOut:
        trouble.sentence = fmt::format("{} did not take the connection within {}.", where,
                                       format_duration_prose(timings_.connect));
        break;
    case AgentLink::End::closed:
        trouble = closedTrouble();
        break;
    case AgentLink::End::other:
        trouble.sentence =
            "The connection to " + where + " failed: " + plain_line(words.toStdString(), 300) + ".";
        break;
    }
    failed(trouble_ ? *trouble_ : trouble);
}

void AgentSource::failed(const Trouble& trouble)
{
    if (!started_ || phase_ == Phase::waiting || phase_ == Phase::stopped)
        return;
    deliver(false);
    observeCommands();
    tell(commands_.lost());
    armCommandTimer();
    for (QTimer* timer : {&watch_, &tick_, &ping_, &resync_, &first_})
        timer->stop();
    link_.close();
    talk_.reset();
    teller_.gap(trouble.sentence);
    if (!started_) // whoever heard of it had enough
        return;
    if (trouble.kind == Trouble::Kind::transient)
        retryAfter(trouble);
    else
        halt(trouble);
}

void AgentSource::halt(const Trouble& trouble)
{
    phase_ = Phase::stopped;
    tunnel_.stop();
    folder_.reset();
    teller_.status(Reach::stopped, trouble.sentence, trouble.nextStep);
    if (trouble.kind == Trouble::Kind::secret && started_)
        emit secretRequired(QString::fromStdString(trouble.sentence));
}

void AgentSource::retryAfter(const Trouble& trouble)
{
    phase_ = Phase::waiting;
    const Milliseconds wait = retryWait(timings_.firstRetry, timings_.longestRetry, failures_++);
    retry_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.nextStep, wait);
}

void AgentSource::watch()
{
    const auto now = Steady::now();
    if (phase_ == Phase::greeting && !factsTold_) {
        const wire::DecoderFigures& read = talk_->decoder.figures();
        const std::string where = plain_line(address_.label().toStdString(), 256);
        Trouble trouble;
        trouble.sentence = read.bytes == 0
                               ? fmt::format("{} took the connection, but said nothing for {}.",
                                             where, format_duration_prose(timings_.greeting))
                               : "What answers at " + where + " does not speak the agent protocol.";
        trouble.nextStep = read.bytes == 0
                               ? "The process may be stopped or hang. Poolscope keeps trying."
                               : "Check the address: it must be the agent's, not the database's or "
                                 "the application's.";
        failed(trouble);
        return;
    }
    if (talk_ && !talk_->state.is_ready())
        watchPicture(now);
    if (talk_)
        watchSilence(now);
}

void AgentSource::watchPicture(Steady::time_point now)
{
    if (now - greetedAt_ < timings_.picture)
        return;
    Trouble trouble;
    trouble.sentence = fmt::format("The process began to say what is open, and did not end within "
                                   "{}.",
                                   format_duration_prose(timings_.picture));
    failed(trouble);
}

void AgentSource::watchSilence(Steady::time_point now)
{
    const auto waited = std::chrono::duration_cast<Milliseconds>(now - heard_);
    const auto rearm = [this](Milliseconds wait) {
        watch_.start(std::max(Milliseconds{10}, wait));
    };
    if (waited < timings_.silence) {
        rearm(timings_.silence - waited);
        return;
    }
    if (!probing_) {
        probing_ = true;
        ping();
        rearm(timings_.patience);
        return;
    }
    Trouble trouble;
    trouble.sentence = fmt::format("The process has not answered for {}.",
                                   format_duration_prose(quiet_ ? timings_.drop : waited));
    trouble.nextStep = "It may be stopped, as in a debugger, or its machine hangs. Poolscope keeps "
                       "trying.";
    if (waited >= timings_.drop) {
        failed(trouble);
        return;
    }
    const Milliseconds left = timings_.drop - waited;
    if (!std::exchange(quiet_, true)) {
        deliver(false);
        teller_.gap(trouble.sentence);
        teller_.status(Reach::failing, trouble.sentence, trouble.nextStep, left);
    }
    rearm(left);
}

void AgentSource::sampleNow()
{
    if (!started_ || phase_ == Phase::connecting || phase_ == Phase::greeting)
        return;
    if (phase_ == Phase::up) {
        if (!quiet_)
            deliver(true);
        return;
    }
    failures_ = 0;
    reach();
}

void AgentSource::setInterval(Duration interval)
{
    const Duration bounded =
        std::clamp<Duration>(interval, Milliseconds{100}, std::chrono::hours{1});
    tick_.setInterval(std::chrono::ceil<Milliseconds>(bounded));
}

void AgentSource::provideSecret(const QString& password)
{
    if (!started_ || phase_ != Phase::stopped)
        return;
    if (password.isEmpty()) {
        teller_.status(Reach::stopped, "No token was given.", "Attach again to be asked again.");
        return;
    }
    token_ = password.toUtf8();
    failures_ = 0;
    teller_.status(Reach::connecting, {});
    reach();
}

namespace {

std::string timesOrMore(std::uint64_t count)
{
    return count == 1 ? std::string("once") : fmt::format("{} times or more", count);
}

} // namespace

void AgentSource::statusUp()
{
    std::vector<std::string> sentences;
    unnamedTold_ = talk_ && talk_->decoder.figures().unnamed > 0;
    if (talk_ && talk_->state.figures().over_limit > 0)
        sentences.push_back(
            fmt::format("More than {} checkouts are open: those beyond are not listed.", mostOpen));
    if (unnamedTold_)
        sentences.push_back(
            fmt::format("The process tells of pools or checkouts whose name or id is empty "
                        "or over {} bytes: they are left out. Give the pool a shorter name.",
                        wire::max_pool_name));
    if (skippedSaid_ > 0)
        sentences.push_back(skippedSaid_ == 1 ? std::string("One line of the process cannot be "
                                                            "read, and was skipped.")
                                              : fmt::format("{} or more lines of the process "
                                                            "cannot be read, and were skipped.",
                                                            skippedSaid_));
    if (contradictionsSaid_ > 0)
        sentences.push_back(
            fmt::format("The process contradicts itself, {} so far: it lent what was lent "
                        "already, or took back what was not. That is left out.",
                        timesOrMore(contradictionsSaid_)));
    if (oddSaid_ > 0)
        sentences.push_back(
            fmt::format("The process tells values that are too long or of a wrong kind, {} so far: "
                        "they are cut, or taken as not told.",
                        timesOrMore(oddSaid_)));
    if (misplacedSaid_ > 0)
        sentences.push_back(fmt::format(
            "The process tells of a pool that it has not named, or says what has no place "
            "there, {} so far. That is left out.",
            timesOrMore(misplacedSaid_)));
    if (placesLeftOut_)
        sentences.push_back("The process tells of more lines of code than can be listed: what "
                            "short checkouts of the others held is counted at no line.");
    if (timesDisbelieved_)
        sentences.push_back("Some times that the process tells lie in the future. They are not "
                            "believed, but count from when they were told.");
    teller_.status(Reach::up, fmt::format("{}", fmt::join(sentences, " ")));
}

void AgentSource::fact(const Fact& what)
{
    if (started_)
        emit observed(what);
}

} // namespace poolscope
