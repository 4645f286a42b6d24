// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of the server, in which order, and what becomes of the answers.
#include "core/base/clock.h"
#include "core/source/mysqlsource.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t many_mysql_waiters = 20;

template <class Instant>
bool is_due(const std::optional<Instant>& last, milliseconds every)
{
    return !last || Instant::clock::now() - *last >= every;
}

/// A table that is not there, or not for us.
bool is_closed(unsigned int error)
{
    switch (error) {
    case 1044: // database denied
    case 1054: // no such column
    case 1109: // no such table of information_schema
    case 1142: // table denied
    case 1143: // column denied
    case 1146: // no such table
    case 1227: // privilege missing
        return true;
    default:
        return false;
    }
}

/// "10.11.19" of "10.11.19-MariaDB-0+deb12u1".
std::string number_of(std::string_view version)
{
    return plain_line(version.substr(0, version.find('-')), 32);
}

} // namespace

void MySqlSource::next()
{
    if (phase_ != Phase::up || !connection_.isOpen() || connection_.isBusy() || job_ != Job::none)
        return;
    if (commands_.waiting() && !commands_.inFlight() && settled_ && lastFull_) {
        sendCommand();
        return;
    }
    if (!settled_) {
        settled_ = true;
        const std::vector<std::string> all = mysql_assignments(shape_);
        ask(Job::settings, mysql_set(all), [this, all](const MySqlReply& reply) {
            // All or none are done: one that this server does not take must not cost the others.
            if (reply.trouble)
                unset_ = all;
        });
        return;
    }
    if (!unset_.empty()) {
        const std::string one = unset_.front();
        unset_.erase(unset_.begin());
        ask(Job::settings, mysql_set({one}), [](const MySqlReply&) {});
        return;
    }
    if (factsDue_) {
        askFacts();
        return;
    }
    if (grantsDue_) {
        askGrants();
        return;
    }
    if (pending_) {
        if (!askRest())
            deliver();
        return;
    }
    if (pollDue_) {
        askPoll();
        return;
    }
    const std::vector<SessionKey> locks = dueLocks();
    const bool crowded = facts_ && facts_->max_connections &&
                         static_cast<double>(sessions_.count()) >= 0.9 * *facts_->max_connections;
    if (!locks.empty())
        askLocks(locks);
    else if (is_due(lastFacts_, crowded ? timings_.crowdedFacts : timings_.facts))
        askFacts();
}

void MySqlSource::ask(Job job, const std::string& sql, MySqlConnection::Handler handler)
{
    job_ = job;
    asked_ = Steady::now();
    watchdog_.start(timings_.silence);
    connection_.run(sql, [this, handler = std::move(handler)](const MySqlReply& reply) {
        job_ = Job::none;
        watchdog_.stop();
        if (quiet_ && !reply.trouble) {
            quiet_ = false;
            statusUp();
        }
        handler(reply);
        next();
    });
}

// Facts

void MySqlSource::askFacts()
{
    factsDue_ = false;
    lastFacts_ = Steady::now();
    ask(Job::facts, mysql_facts(shape_), [this](const MySqlReply& reply) { factsCame(reply); });
}

void MySqlSource::factsCame(const MySqlReply& reply)
{
    if (reply.trouble) {
        if (!facts_ || reply.trouble->kind != PgTrouble::Kind::transient || !serverStarted_) {
            connection_.close();
            failed(*reply.trouble);
        }
        return;
    }
    const MySqlRows& r = reply.rows;
    const auto text = [&](const char* name) {
        return plain_line(r.text(0, r.column(name)).value_or(""), 256);
    };
    const auto on = [&](const char* name) {
        const std::string value = text(name);
        return value != "0" && value != "OFF" && !value.empty();
    };
    ownId_ = r.integer(0, r.column("id")).value_or(0);
    const auto started = r.instant(0, r.column("started"));
    if (!started || ownId_ <= 0) {
        PgTrouble trouble;
        trouble.kind = PgTrouble::Kind::persistent;
        trouble.sentence = connection_.whom().where + " does not say since when it runs.";
        trouble.next_step = "It seems to be a proxy, or a server that only looks like MySQL.";
        halt(trouble);
        return;
    }
    if (!serverStarted_ || std::chrono::abs(*serverStarted_ - *started) > std::chrono::seconds{2})
        serverStarted_ = started;
    ServerFacts facts;
    const std::string comment = text("comment");
    facts.version = plain_line(fmt::format("{} {}{}", shape_.mariadb ? "MariaDB" : "MySQL",
                                           number_of(text("version")),
                                           comment.empty() ? "" : " (" + comment + ")"),
                               256);
    facts.version_number = shape_.version;
    if (const auto most = r.integer(0, r.column("max_connections")); most && *most < 1'000'000'000)
        facts.max_connections = static_cast<std::int32_t>(*most);
    facts.reserved = 0; // the spare one for administrators comes on top
    const std::string account = text("role");
    account_ = mysql_account(account);
    facts.role = account.substr(0, account.rfind('@'));
    facts.in_recovery = on("read_only");
    facts.tls = connection_.usesTls();
    facts.server_started = serverStarted_;
    connected_ = r.integer(0, r.column("connected")).value_or(0);
    if (const auto refused = r.integer(0, r.column("refused")))
        keepRefusals(*refused);
    if (!facts_ || !told_ || on("schema_on") != schemaOn_) {
        schemaOn_ = on("schema_on");
        shape_.choose(schemaOn_);
        grantsDue_ = true;
    }
    facts_ = facts;
    tellFacts();
}

void MySqlSource::keepRefusals(std::int64_t refused)
{
    refusedNow_ = refused_ && refused > *refused_ ? refused - *refused_ : 0;
    refused_ = refused;
}

void MySqlSource::askGrants()
{
    grantsDue_ = false;
    ask(Job::grants, mysql_grants(), [this](const MySqlReply& reply) { grantsCame(reply); });
}

void MySqlSource::grantsCame(const MySqlReply& reply)
{
    grants_ = read_mysql_grants(reply.rows, shape_);
    tellFacts();
}

/// What is known of the server and of our rights, once it is all there, and when it changes.
void MySqlSource::tellFacts()
{
    if (!facts_ || grantsDue_ || job_ == Job::grants)
        return;
    ServerFacts facts = *facts_;
    facts.superuser = grants_.super;
    facts.sees_all = shape_.transactions && (grants_.process || lastFull_);
    facts.can_signal = grants_.kill && facts.sees_all;
    const bool old = shape_.version < (shape_.mariadb ? 100502 : 80000);
    const std::string kill = fmt::format("GRANT {} ON *.* TO {};",
                                         old              ? "SUPER"
                                         : shape_.mariadb ? "CONNECTION ADMIN"
                                                          : "CONNECTION_ADMIN",
                                         account_);
    wouldHelp_ = grants_.kill ? std::string{} : kill;
    std::vector<std::string> missing;
    if (!facts.sees_all)
        missing.push_back(fmt::format("GRANT PROCESS ON *.* TO {};", account_));
    if (schemaDenied_)
        missing.push_back(fmt::format("GRANT SELECT ON performance_schema.* TO {};", account_));
    if (!grants_.kill)
        missing.push_back(kill);
    for (const std::string& each : missing)
        facts.missing_grant += (facts.missing_grant.empty() ? "" : " ") + each;
    if (told_ == facts)
        return;
    told_ = facts;
    fact(FactsReported{facts});
}

// Polls

void MySqlSource::askPoll()
{
    pollDue_ = false;
    lastPoll_ = Steady::now();
    const bool full = is_due(lastFull_, timings_.resync);
    const auto expected = std::max<std::int64_t>(static_cast<std::int64_t>(sessions_.count()),
                                                 sessions_.count() == 0 ? connected_ : 0);
    ask(Job::poll, mysql_poll(shape_, mysql_text_limit(static_cast<std::size_t>(expected))),
        [this, full](const MySqlReply& reply) { pollCame(reply, full); });
}

/// Does with less where a table is not there or not for us. False where nothing is left to leave.
bool MySqlSource::demote(const MySqlReply& reply)
{
    if (!is_closed(reply.error) || shape_.list == MySqlList::information)
        return false;
    shape_.list = MySqlList::information;
    shape_.attributes = false;
    shape_.metadata = false;
    schemaDenied_ = reply.error != 1146 && reply.error != 1109;
    return true;
}

void MySqlSource::pollFailed(const PgTrouble& trouble)
{
    ++pollFailures_;
    teller_.gap(trouble.sentence);
    if (pollFailures_ >= 5 || trouble.kind != PgTrouble::Kind::transient) {
        connection_.close();
        failed(trouble);
        return;
    }
    const milliseconds wait = std::max(pace_.pace(), timings_.firstRetry * (1 << pollFailures_));
    poll_.start(wait);
    teller_.status(Reach::failing, trouble.sentence, trouble.next_step, wait);
}

void MySqlSource::pollCame(const MySqlReply& reply, bool full)
{
    if (reply.trouble) {
        if (demote(reply))
            pollDue_ = true;
        else
            pollFailed(*reply.trouble);
        return;
    }
    pollFailures_ = 0;
    pendingCost_ = std::max(Duration{0}, reply.received - reply.sent);
    pending_ = read_mysql_poll(reply.rows, info_.id, *serverStarted_, ownId_, texts_);
    pendingFull_ = full;
    if (pending_->clock)
        keepOffset(reply, *pending_->clock);
    wantsTransactions_ = shape_.transactions;
    rowBlockers_.reset();
    metadataBlockers_.reset();
    wantsRows_ = wantsMetadata_ = false;
    strangers_ = shape_.attributes ? sessions_.strangers(*pending_) : std::vector<std::int64_t>{};
    if (!wantsTransactions_)
        weighPoll();
}

/// Who waits for a lock is known: whether to ask for whom.
void MySqlSource::weighPoll()
{
    const auto any = [&](bool MySqlRow::*wait) {
        return std::any_of(pending_->rows.begin(), pending_->rows.end(),
                           [wait](const MySqlRow& row) { return row.*wait; });
    };
    const bool many = sessions_.waiters() > many_mysql_waiters;
    const bool blockers = !many || is_due(lastBlockers_, timings_.blockers);
    blockersSampled_ = many;
    wantsRows_ = blockers && shape_.transactions && any(&MySqlRow::row_wait);
    wantsMetadata_ = blockers && shape_.metadata && any(&MySqlRow::metadata_wait);
    if (wantsRows_ || wantsMetadata_)
        lastBlockers_ = Steady::now();
}

/// What a poll leaves open: who is new, who blocks whom. False when nothing is left.
bool MySqlSource::askRest()
{
    if (wantsTransactions_) {
        wantsTransactions_ = false;
        ask(Job::transactions, mysql_transactions(), [this](const MySqlReply& reply) {
            pendingCost_ += std::max(Duration{0}, reply.received - reply.sent);
            if (!reply.trouble) {
                read_mysql_transactions(reply.rows, *pending_);
            } else if (is_closed(reply.error)) {
                shape_.transactions = false;
            } else {
                // Without them a session that holds locks looks idle: rather no sample.
                pending_.reset();
                pollFailed(*reply.trouble);
                return;
            }
            weighPoll();
        });
        return true;
    }
    if (wantsRows_) {
        wantsRows_ = false;
        ask(Job::rowWaits, mysql_row_waits(shape_), [this](const MySqlReply& reply) {
            pendingCost_ += std::max(Duration{0}, reply.received - reply.sent);
            rowBlockers_.emplace();
            read_row_waits(reply.rows, *rowBlockers_);
        });
        return true;
    }
    if (wantsMetadata_) {
        wantsMetadata_ = false;
        ask(Job::metadata, mysql_metadata_waits(), [this](const MySqlReply& reply) {
            pendingCost_ += std::max(Duration{0}, reply.received - reply.sent);
            metadataBlockers_.emplace();
            read_metadata_waits(reply.rows, *metadataBlockers_);
            shape_.metadata = shape_.metadata && !is_closed(reply.error);
        });
        return true;
    }
    if (!strangers_.empty()) {
        const std::vector<std::int64_t> asked = std::exchange(strangers_, {});
        ask(Job::details, mysql_details(shape_, asked), [this, asked](const MySqlReply& reply) {
            // Where it may not be read it is not asked for again on this connection.
            shape_.attributes = shape_.attributes && !is_closed(reply.error);
            if (!reply.trouble || is_closed(reply.error))
                sessions_.learn(asked, reply.trouble ? nullptr : &reply.rows, texts_);
        });
        return true;
    }
    return false;
}

void MySqlSource::keepOffset(const MySqlReply& reply, Timestamp clock)
{
    // The server read its clock between our two readings. While what we said fits between them it
    // stands: an offset that wobbles with the network is no news.
    const bool fits =
        offset_ && *offset_ >= clock - reply.received && *offset_ <= clock - reply.sent;
    if (!fits)
        offset_ = clock - (reply.sent + (reply.received - reply.sent) / 2);
}

void MySqlSource::deliver()
{
    ServerSample sample =
        sessions_.absorb(std::move(*pending_), rowBlockers_ ? &*rowBlockers_ : nullptr,
                         metadataBlockers_ ? &*metadataBlockers_ : nullptr, pendingFull_);
    pending_.reset();
    if (pendingFull_)
        lastFull_ = Steady::now();
    sample.clock_offset = offset_.value_or(Duration{0});
    sample.poll_cost = pendingCost_;
    pace_.weigh(pendingCost_);
    tellFacts();
    statusUp();
    teller_.sampling();
    fact(sample);
    tell(commands_.observe(sessions_, Steady::now()));
    schedulePoll();
    next();
}

void MySqlSource::schedulePoll()
{
    const auto passed =
        std::chrono::duration_cast<milliseconds>(Steady::now() - lastPoll_.value_or(Steady::now()));
    milliseconds wait = std::max(milliseconds{20}, pace_.pace() - passed);
    // After a command its effect is what the user waits for.
    if (commands_.watching())
        wait = std::min(wait, std::max(milliseconds{100}, milliseconds{250} - passed));
    poll_.start(wait);
}

// Locks

std::vector<SessionKey> MySqlSource::dueLocks()
{
    std::vector<SessionKey> keys;
    if (locksRefused_ || sessions_.count() == 0 || (!shape_.transactions && !shape_.metadata))
        return keys;
    const bool again = std::any_of(watched_.begin(), watched_.end(), [&](const Watched& each) {
        return each.read && is_due(each.read, timings_.locks);
    });
    for (Watched& each : watched_) {
        if ((again || !each.read) && sessions_.find(each.session)) {
            each.read = Steady::now();
            keys.push_back(each.session);
        }
    }
    return keys;
}

void MySqlSource::askLocks(const std::vector<SessionKey>& sessions)
{
    std::vector<std::int64_t> ids;
    for (const SessionKey& key : sessions)
        ids.push_back(key.pid.value);
    ask(Job::locks, mysql_locks(shape_, ids), [this, sessions](const MySqlReply& reply) {
        if (reply.trouble) {
            // Asked again where the server was only busy; not where it refuses.
            if (is_closed(reply.error)) {
                locksRefused_ = true;
                statusUp();
            }
            return;
        }
        auto found = read_mysql_locks(reply.rows);
        for (const SessionKey& key : sessions) {
            if (sessions_.find(key))
                fact(LocksReported{key, std::move(found[key.pid.value])});
        }
    });
}

void MySqlSource::setWatched(const std::vector<SessionKey>& sessions)
{
    std::vector<Watched> watched;
    for (const SessionKey& key : sessions) {
        const auto known = std::find_if(watched_.begin(), watched_.end(),
                                        [&](const Watched& each) { return each.session == key; });
        watched.push_back(known != watched_.end() ? *known : Watched{key, {}});
    }
    // Those new in the list are read after the next poll, which comes within an interval.
    watched_ = std::move(watched);
}

// Commands

void MySqlSource::execute(const Command& command)
{
    if (!started_)
        return;
    tell(commands_.add(command, sessions_, Steady::now()));
    armCommandTimer();
    next();
}

void MySqlSource::sendCommand()
{
    const Command command = commands_.take();
    fact(ActionReported{command.action,
                        command.verb,
                        command.session,
                        ActionPhase::sent,
                        "Sent to the server.",
                        {}});
    checkAndOrder(command.session);
}

/// Who that id is by now, and then the order: again before each other way to give it.
void MySqlSource::checkAndOrder(const SessionKey& session)
{
    ask(Job::command, mysql_check(shape_, session.pid.value),
        [this, session](const MySqlReply& reply) {
            tell(commands_.checked(reply, sessions_));
            armCommandTimer();
            if (commands_.inFlight())
                order(session);
        });
}

void MySqlSource::order(const SessionKey& session)
{
    ask(Job::command, commands_.order(), [this, session](const MySqlReply& reply) {
        tell(commands_.killed(reply, wouldHelp_));
        armCommandTimer();
        if (commands_.inFlight())
            checkAndOrder(session);
        else if (commands_.watching() && poll_.isActive())
            schedulePoll();
    });
}

void MySqlSource::tell(const MySqlCommands::Facts& facts)
{
    for (const ActionReported& each : facts)
        fact(each);
}

void MySqlSource::armCommandTimer()
{
    const auto deadline = commands_.deadline();
    if (!deadline) {
        commandTimer_.stop();
        return;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(*deadline - Steady::now());
    commandTimer_.start(std::max(milliseconds{1}, left + milliseconds{1}));
}

} // namespace poolscope
