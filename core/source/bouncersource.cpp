// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of PgBouncer, and when; bouncerkill.cpp has what it is told to do.
#include "core/source/bouncersource.h"

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/source/pgconninfo.h"
#include "core/source/registry.h"

#include <QRegularExpression>

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

/// libpq reads it under this scheme.
QString asPostgresUrl(const QString& target)
{
    return QStringLiteral("postgresql") + target.mid(target.indexOf(QLatin1Char(':')));
}

std::string bouncerName(const PgParams& given)
{
    QString host = valueOf(given, "host");
    if (host.isEmpty())
        host = valueOf(given, "hostaddr");
    host = host.section(QLatin1Char(','), 0, 0);
    if (host.isEmpty() || host.startsWith(QLatin1Char('/')))
        host = QStringLiteral("local");
    else if (host.contains(QRegularExpression(QStringLiteral("[a-zA-Z]"))) &&
             !host.contains(QLatin1Char(':')))
        host = host.section(QLatin1Char('.'), 0, 0);
    return plain_line("pgbouncer@" + host.toStdString(), 64);
}

} // namespace

bool isBouncerUrl(const QString& target)
{
    return target.startsWith(QLatin1String("pgbouncer://"));
}

Result<PgParams> parseBouncerUrl(const QString& target)
{
    Result<PgParams> read = parseConninfo(asPostgresUrl(target));
    if (!read)
        return Error{"This is not an address of PgBouncer that can be read.",
                     "Write pgbouncer://user@host:6432. Characters such as @ / ? # in it are "
                     "written %40 %2F %3F %23."};
    PgParams params = read.value();
    const QString database = valueOf(params, "dbname");
    if (!database.isEmpty() && database != QLatin1String("pgbouncer"))
        return Error{"PgBouncer's console is the database \"pgbouncer\" and no other.",
                     "Leave the database out of the address; all pools show there."};
    params[QStringLiteral("dbname")] = QStringLiteral("pgbouncer");
    if (valueOf(params, "port").isEmpty())
        params[QStringLiteral("port")] = QStringLiteral("6432");
    // Its console is no standby and no primary.
    params.erase(QStringLiteral("target_session_attrs"));
    return params;
}

QString bouncerUrlWithoutSecrets(const QString& target)
{
    const QString stripped = conninfoWithoutSecrets(asPostgresUrl(target));
    return stripped.isEmpty()
               ? stripped
               : QStringLiteral("pgbouncer") + stripped.mid(stripped.indexOf(QLatin1Char(':')));
}

BouncerSource::BouncerSource(TargetId id, const AttachRequest& request, const PgParams& given)
    : reach_(request, given, PgConnection::Dialect::console, teller_)
    , pools_(id)
{
    info_.id = id;
    info_.kind = "pgbouncer";
    info_.url = plain_line(withoutSecrets(request.target).toStdString(), 4096);
    info_.name = bouncerName(given);
    commands_.setNames("PgBouncer", "PgBouncer");
    setInterval(request.interval);
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->setSingleShot(true);
    poll_.setTimerType(Qt::PreciseTimer);
    connect(&reach_, &PgReach::up, this, &BouncerSource::reached);
    connect(&reach_, &PgReach::down, this, &BouncerSource::lost);
    connect(&reach_, &PgReach::answersAgain, this, [this] {
        full_ = true; // there was a gap
        statusUp();
    });
    connect(&reach_, &PgReach::secretRequired, this, &BouncerSource::secretRequired);
    connect(&poll_, &QTimer::timeout, this, [this] {
        pollDue_ = true;
        next();
    });
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        while (!orders_.empty() && orders_.front().until <= Steady::now()) {
            fact(AgentCommands::told(orders_.front().command, ActionPhase::timed_out,
                                     "It was not sent: PgBouncer did not answer in time."));
            orders_.pop_front();
        }
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

BouncerSource::~BouncerSource() = default;

void BouncerSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    reach_.setLimits(timings.reach);
    commands_.setLimits(timings.answer, timings.effect);
}

void BouncerSource::start()
{
    reach_.start();
}

void BouncerSource::stop()
{
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->stop();
    reach_.stop();
}

void BouncerSource::reached()
{
    versionText_ = plain_line(reach_.connection().parameter("server_version"), 64);
    if (versionText_.find("/bouncer") == std::string::npos) {
        reach_.halt(not_pooler_trouble(reach_.connection().whom()));
        return;
    }
    version_ = bouncer_version(versionText_);
    versionText_ = versionText_.substr(0, versionText_.find('/'));
    pools_.clear();
    pace_.forget();
    pollFailures_ = 0;
    asking_ = false;
    step_ = Step::none;
    full_ = true;
    facts_.reset();
    lastSettings_.reset();
    lastClients_.reset();
    pollDue_ = true;
    next();
}

void BouncerSource::lost()
{
    poll_.stop();
    asking_ = false;
    step_ = Step::none;
    for (const Order& order : std::exchange(orders_, {}))
        refuse(order.command, "It was not sent: the connection to PgBouncer was lost.");
    tell(commands_.lost());
}

void BouncerSource::sampleNow()
{
    if (!reach_.isUp()) {
        reach_.hurry();
        return;
    }
    pollDue_ = step_ == Step::none;
    next();
}

void BouncerSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (reach_.isUp() && poll_.isActive())
        schedulePoll();
}

void BouncerSource::provideSecret(const QString& password)
{
    reach_.provideSecret(password);
}

// What is asked

void BouncerSource::next()
{
    if (!reach_.isUp() || !reach_.connection().isOpen() || reach_.connection().isBusy() || asking_)
        return;
    if (!orders_.empty()) {
        checkClient();
        return;
    }
    if (step_ == Step::none && pollDue_) {
        pollDue_ = false;
        lastPoll_ = Steady::now();
        pending_ = {};
        cost_ = {};
        settingsRead_ = false;
        step_ = Step::pools;
    }
    if (step_ != Step::none)
        askStep();
}

void BouncerSource::ask(const std::string& command, PgConnection::Handler handler)
{
    asking_ = true;
    reach_.asked();
    reach_.connection().run({"", command}, {},
                            [this, handler = std::move(handler)](const PgReply& reply) {
                                asking_ = false;
                                reach_.answered(!reply.trouble);
                                handler(reply);
                                next();
                            });
}

void BouncerSource::askStep()
{
    const Step step = step_;
    const char* const command = step == Step::pools       ? "SHOW POOLS"
                                : step == Step::servers   ? "SHOW SERVERS"
                                : step == Step::databases ? "SHOW DATABASES"
                                : step == Step::config    ? "SHOW CONFIG"
                                : step == Step::stats     ? "SHOW STATS"
                                                          : "SHOW CLIENTS";
    ask(command, [this, step](const PgReply& reply) { stepCame(step, reply); });
}

BouncerSource::Step BouncerSource::after(Step step)
{
    switch (step) {
    case Step::pools:
        return Step::servers;
    case Step::servers:
        if (!lastSettings_ || Steady::now() - *lastSettings_ >= timings_.settings ||
            (pools_.needsSettings(pending_.pools) &&
             Steady::now() - *lastSettings_ >= std::chrono::seconds{1}))
            return Step::databases;
        break;
    case Step::databases:
        return Step::config;
    case Step::config:
        return Step::stats;
    case Step::stats:
        pools_.setSettings(std::exchange(settings_, {}));
        lastSettings_ = Steady::now();
        settingsRead_ = true;
        break;
    default:
        return Step::none;
    }
    return clientsDue() ? Step::clients : Step::none;
}

/// A long list costs the pooler time in which it serves nobody.
bool BouncerSource::clientsDue() const
{
    if (full_ || !lastClients_)
        return true;
    const bool many = pools_.listedClients() > timings_.few;
    const auto passed = Steady::now() - *lastClients_;
    const bool verify = pools_.hasHolds() && passed >= timings_.verify;
    if (!verify && !pools_.needsClients(pending_, many))
        return false;
    return passed >=
           std::min<Duration>(clientsCost_ * timings_.clientsShare, std::chrono::minutes{1});
}

void BouncerSource::stepCame(Step step, const PgReply& reply)
{
    if (reply.trouble) {
        pollRefused(*reply.trouble);
        return;
    }
    const Duration took = std::max(Duration{0}, reply.received - reply.sent);
    cost_ += took;
    switch (step) {
    case Step::pools:
        pending_.pools = read_bouncer_pools(reply.rows);
        pending_.received = reply.received;
        break;
    case Step::servers:
        pending_.servers = read_bouncer_sockets(reply.rows, false);
        pending_.received = reply.received;
        break;
    case Step::databases:
        settings_.databases = read_bouncer_databases(reply.rows);
        break;
    case Step::config:
        settings_.config = read_bouncer_config(reply.rows);
        break;
    case Step::stats:
        settings_.stats = read_bouncer_stats(reply.rows);
        break;
    default:
        pending_.clients = read_bouncer_sockets(reply.rows, true);
        pending_.sent = reply.sent;
        pending_.received = reply.received;
        lastClients_ = Steady::now();
        clientsCost_ = took;
        break;
    }
    step_ = after(step);
    if (step_ == Step::none)
        deliver();
}

void BouncerSource::pollRefused(const PgTrouble& trouble)
{
    step_ = Step::none;
    ++pollFailures_;
    full_ = true;
    teller_.gap(trouble.sentence);
    if (pollFailures_ >= 5 || trouble.kind != PgTrouble::Kind::transient) {
        reach_.fail(trouble);
        return;
    }
    const Milliseconds wait =
        std::max(pace_.pace(), timings_.reach.firstRetry * (1 << pollFailures_));
    poll_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void BouncerSource::deliver()
{
    pollFailures_ = 0;
    if (settingsRead_)
        tellFacts();
    PoolSample sample = pools_.absorb(pending_, full_);
    pending_ = {};
    full_ = false;
    pace_.weigh(cost_);
    statusUp();
    teller_.sampling();
    fact(sample);
    tell(commands_.observe([this](const Text& id) { return pools_.isOpen(id); }));
    schedulePoll();
}

void BouncerSource::schedulePoll()
{
    const auto passed =
        std::chrono::duration_cast<Milliseconds>(Steady::now() - lastPoll_.value_or(Steady::now()));
    Milliseconds wait = std::max(Milliseconds{20}, pace_.pace() - passed);
    // After a command its effect is what the user waits for.
    if (commands_.isWatching())
        wait = std::min(wait, std::max(Milliseconds{100}, Milliseconds{250} - passed));
    poll_.start(wait);
}

void BouncerSource::tellFacts()
{
    AgentFacts facts;
    facts.agent = "PgBouncer " + versionText_;
    facts.process = "pgbouncer";
    facts.host = reach_.connection().whom().where;
    facts.can = {"server_pid", "tags", "use"};
    facts.may_reclaim = mayKill();
    if (facts_ != facts) {
        facts_ = facts;
        fact(AgentReported{facts});
    }
}

// Status

void BouncerSource::statusUp()
{
    std::vector<std::string> sentences;
    if (pace_.stretched())
        sentences.push_back(fmt::format(
            "PgBouncer is slow to answer: polled every {} instead of {}.",
            format_duration_prose(pace_.pace()), format_duration_prose(pace_.interval())));
    const Duration apart = clientsCost_ * timings_.clientsShare;
    if (apart > std::chrono::seconds{10} && pools_.listedClients() > timings_.few)
        sentences.push_back(
            fmt::format("Its list of clients takes long: who holds what is read every "
                        "{} at most.",
                        format_duration_prose(std::min<Duration>(apart, std::chrono::minutes{1}))));
    if (pools_.listedClients() > bouncer_most_rows)
        sentences.push_back(fmt::format("It lists {} clients; the first {} are read.",
                                        pools_.listedClients(), bouncer_most_rows));
    teller_.status(Reach::up, fmt::format("{}", fmt::join(sentences, " ")));
}

void BouncerSource::fact(const Fact& what)
{
    if (reach_.isStarted())
        emit observed(what);
}

} // namespace poolscope
