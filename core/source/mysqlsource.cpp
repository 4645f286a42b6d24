// SPDX-License-Identifier: GPL-3.0-or-later
// Reaching the server and staying there; mysqlpoll.cpp has what is asked of it.
#include "core/source/mysqlsource.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace poolscope {

MySqlSource::MySqlSource(TargetId id, const AttachRequest& request, const MySqlAddress& given)
    : reach_(request, given, teller_)
    , sessions_(id)
{
    info_.id = id;
    info_.kind = "mysql";
    info_.url = plain_line(mysqlUrlWithoutSecrets(request.target).toStdString(), 4096);
    info_.name = plain_line(given.name().toStdString(), 64);
    setInterval(request.interval);
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->setSingleShot(true);
    poll_.setTimerType(Qt::PreciseTimer);
    connect(&reach_, &MySqlReach::up, this, &MySqlSource::reached);
    connect(&reach_, &MySqlReach::down, this, &MySqlSource::lost);
    connect(&reach_, &MySqlReach::answersAgain, this, &MySqlSource::statusUp);
    connect(&reach_, &MySqlReach::secretRequired, this, &MySqlSource::secretRequired);
    connect(&poll_, &QTimer::timeout, this, [this] {
        pollDue_ = true;
        next();
    });
    connect(&commandTimer_, &QTimer::timeout, this, [this] {
        tell(commands_.expire(Steady::now()));
        armCommandTimer();
    });
}

MySqlSource::~MySqlSource() = default;

void MySqlSource::setTimings(const Timings& timings)
{
    timings_ = timings;
    reach_.setLimits({timings.lookup, timings.connect, timings.silence, timings.drop,
                      timings.firstRetry, timings.longestRetry});
    commands_.setLimit(timings.command);
}

void MySqlSource::start()
{
    reach_.start();
}

void MySqlSource::stop()
{
    for (QTimer* timer : {&poll_, &commandTimer_})
        timer->stop();
    reach_.stop();
}

void MySqlSource::reached()
{
    pollFailures_ = 0;
    pace_.forget();
    shape_ = {};
    shape_.mariadb = reach_.connection().isMariaDb();
    shape_.version = reach_.connection().serverVersion();
    sessions_.clear();
    // Of the server before: this one may have been started anew, with ids from 1 on.
    facts_.reset();
    ownId_ = 0;
    refused_.reset();
    refusedNow_ = 0;
    lastFull_.reset();
    lastFacts_.reset();
    lastBlockers_.reset();
    offset_.reset();
    pending_.reset();
    told_.reset();
    locksRefused_ = false;
    schemaDenied_ = false;
    watched_.forget();
    unasked_.clear();
    settled_ = false;
    unset_.clear();
    factsDue_ = true;
    grantsDue_ = true;
    killersDue_ = false;
    globalsDue_ = false;
    pollDue_ = true;
    next();
}

void MySqlSource::lost()
{
    poll_.stop();
    job_ = Job::none;
    pending_.reset();
    tell(commands_.lost());
}

void MySqlSource::sampleNow()
{
    if (!reach_.isUp()) {
        reach_.hurry();
        return;
    }
    pollDue_ = job_ != Job::poll && !pending_;
    next();
}

void MySqlSource::setInterval(Duration interval)
{
    pace_.set_interval(interval);
    if (reach_.isUp() && poll_.isActive())
        schedulePoll();
}

void MySqlSource::provideSecret(const QString& password)
{
    reach_.provideSecret(password);
}

void MySqlSource::statusUp()
{
    std::vector<std::string> sentences;
    if (pace_.stretched())
        sentences.push_back(fmt::format(
            "The server is slow to answer: polled every {} instead of {}.",
            format_duration_prose(pace_.pace()), format_duration_prose(pace_.interval())));
    if (refusedNow_ > 0)
        sentences.push_back(fmt::format(
            "It refused {} lately: all of max_connections were taken.",
            refusedNow_ == 1 ? "a connection" : fmt::format("{} connections", refusedNow_)));
    if (shape_.list == MySqlList::information)
        sentences.push_back(schemaDenied_
                                ? "Sessions are read from information_schema.PROCESSLIST, as this "
                                  "account may not read performance_schema."
                                : "Sessions are read from information_schema.PROCESSLIST, as "
                                  "performance_schema is off: programs' names are not reported.");
    else if (schemaDenied_)
        sentences.push_back("This account may not read performance_schema: programs' names, and "
                            "who holds what sessions wait for, are not reported.");
    if (sessions_.rowsUnknown() && !shape_.rows && !schemaDenied_)
        sentences.push_back("Who holds the rows that sessions wait for is not reported: this "
                            "server tells it in performance_schema alone, which is off.");
    if (!shape_.transactions)
        sentences.push_back(listsEveryone()
                                ? "Without PROCESS this account sees no transactions."
                                : "Without PROCESS this account sees no transactions, and its own "
                                  "sessions only: how many connections are used is not reported.");
    if (sessions_.metadataUnknown())
        sentences.push_back("Who holds the metadata locks that sessions wait for is not reported: "
                            "performance_schema does not record them (instrument "
                            "wait/lock/metadata/sql/mdl).");
    if (blockersSampled_)
        sentences.push_back(
            fmt::format("Many sessions wait for locks: who blocks them is read every {} only.",
                        format_duration_prose(timings_.blockers)));
    if (locksRefused_)
        sentences.push_back("The server did not let Poolscope read the locks.");
    teller_.status(Reach::up, fmt::format("{}", fmt::join(sentences, " ")));
}

void MySqlSource::fact(const Fact& what)
{
    if (reach_.isStarted())
        emit observed(what);
}

} // namespace poolscope
