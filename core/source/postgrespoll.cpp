// SPDX-License-Identifier: GPL-3.0-or-later
// What is asked of the server, in which order, and what becomes of the answers.
#include "core/base/clock.h"
#include "core/source/deadline.h"
#include "core/source/pgsettings.h"
#include "core/source/pgstatements.h"
#include "core/source/postgressource.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {

using std::chrono::milliseconds;

constexpr int many_waiters = 20;

template <class Instant>
bool due(const std::optional<Instant>& last, milliseconds every)
{
    return !last || Instant::clock::now() - *last >= every;
}

} // namespace

void PostgresSource::next()
{
    if (!reach_.isUp() || !connection_.isOpen() || connection_.isBusy() || job_ != Job::none)
        return;
    if (commands_.waiting()) {
        sendCommand();
        return;
    }
    if (factsDue_) {
        askFacts();
        return;
    }
    if (pending_) {
        askNames(missing_);
        return;
    }
    if (pollDue_) {
        askPoll();
        return;
    }
    const std::vector<SessionKey> locks = dueLocks();
    if (!locks.empty())
        askLocks(locks);
    else if (due(lastFacts_, timings_.facts))
        askFacts();
    else if (due(lastSettings_, timings_.settings))
        askSettings();
}

void PostgresSource::ask(Job job, const PgStatement& statement, const std::vector<PgValue>& values,
                         PgConnection::Handler handler)
{
    job_ = job;
    reach_.asked();
    connection_.run(statement, values, [this, handler = std::move(handler)](const PgReply& reply) {
        job_ = Job::none;
        reach_.answered(!reply.trouble);
        handler(reply);
        next();
    });
}

// Facts

void PostgresSource::askFacts()
{
    factsDue_ = false;
    lastFacts_ = Steady::now();
    ask(Job::facts, facts_statement(version_), {},
        [this](const PgReply& reply) { factsCame(reply); });
}

void PostgresSource::factsCame(const PgReply& reply)
{
    if (reply.trouble) {
        // A pooler speaks so; a server that refuses this refuses everything.
        if (!facts_ || reply.trouble->kind != PgTrouble::Kind::transient) {
            reach_.fail(*reply.trouble);
        }
        return;
    }
    const PgRows r{reply.rows};
    const auto text = [&](const char* name) {
        return plain_line(r.text(0, r.column(name)).value_or(""), 256);
    };
    const auto is = [&](const char* name) {
        return r.boolean(0, r.column(name)).value_or(false);
    };
    ownPid_ = r.int4(0, r.column("pid")).value_or(0);
    if (ownPid_ != connection_.backendPid()) {
        // The process that answers is not the one that greeted us.
        reach_.halt(pooler_trouble(connection_.whom()));
        return;
    }
    ServerFacts facts;
    facts.version = text("version");
    facts.version_number = r.int4(0, r.column("version_number")).value_or(0);
    facts.max_connections = r.int4(0, r.column("max_connections"));
    facts.reserved = r.int4(0, r.column("reserved"));
    facts.role = text("role");
    facts.superuser = is("superuser");
    facts.in_recovery = is("in_recovery");
    facts.sees_all = facts.superuser || is("reads_all");
    facts.can_signal = facts.superuser || (facts.sees_all && is("signals"));
    facts.tls = connection_.usesTls();
    facts.server_started = r.timestamp(0, r.column("server_started"));
    const std::string role = text("quoted_role");
    if (facts.version_number >= 100000) {
        if (!facts.sees_all)
            facts.missing_grant = "GRANT pg_monitor TO " + role + ";";
        if (!facts.superuser && !is("signals"))
            facts.missing_grant += (facts.missing_grant.empty() ? "" : " ") +
                                   ("GRANT pg_signal_backend TO " + role + ";");
    }
    version_ = facts.version_number;
    names_.clear(); // roles and databases are renamed now and then
    facts_ = facts;
    if (told_ != facts) {
        told_ = facts;
        fact(FactsReported{facts});
    }
}

void PostgresSource::askSettings()
{
    lastSettings_ = Steady::now();
    ask(Job::settings, settings_statement(), {}, [this](const PgReply& reply) {
        // Nothing hangs on them: where the server refuses they are not reported.
        if (reply.trouble)
            return;
        ServerSettings settings = read_server_settings(PgRows{reply.rows});
        if (settings_ != settings) {
            settings_ = std::move(settings);
            fact(SettingsReported{*settings_});
        }
    });
}

// Polls

void PostgresSource::askPoll()
{
    pollDue_ = false;
    lastPoll_ = Steady::now();
    const bool full = due(lastFull_, timings_.resync);
    const bool many = sessions_.waiters() > many_waiters;
    const bool blockers = !many || due(lastBlockers_, timings_.blockers);
    if (blockers)
        lastBlockers_ = Steady::now();
    blockersSampled_ = many;
    const std::string ask_blockers = blockers ? "t" : "f";
    const auto came = [this, full](const PgReply& reply) {
        pollCame(reply, full);
    };
    if (!lastFull_) {
        ask(Job::poll, first_poll_statement(version_), {ask_blockers}, came);
        return;
    }
    const bool whole = full || sessions_.crowded();
    ask(Job::poll, whole ? full_poll_statement(version_) : steady_poll_statement(version_),
        {format_iso8601(sessions_.since()), ask_blockers, array_of(sessions_.wanted(whole)),
         array_of(sessions_.textless())},
        came);
}

void PostgresSource::pollCame(const PgReply& reply, bool full)
{
    if (reply.trouble) {
        ++pollFailures_;
        teller_.gap(reply.trouble->sentence);
        if (pollFailures_ >= 5 || reply.trouble->kind != PgTrouble::Kind::transient) {
            reach_.fail(*reply.trouble);
            return;
        }
        const milliseconds wait =
            std::max(pace_.pace(), timings_.firstRetry * (1 << pollFailures_));
        poll_.start(wait);
        teller_.status(Reach::failing, reply.trouble->sentence, reply.trouble->next_step, wait);
        return;
    }
    pollFailures_ = 0;
    pendingCost_ = std::max(Duration{0}, reply.received - reply.sent);
    pending_ = read_poll(reply.rows, info_.id, ownPid_, texts_);
    pendingFull_ = full;
    if (full)
        lastFull_ = Steady::now();
    if (pending_->clock)
        keepOffset(reply, *pending_->clock);
    missing_ = names_.missing(*pending_);
    if (missing_.none())
        deliver();
}

void PostgresSource::keepOffset(const PgReply& reply, Timestamp clock)
{
    // The server read its clock between our two readings. While what we said fits between them it
    // stands: an offset that wobbles with the network is no news.
    const bool fits =
        offset_ && *offset_ >= clock - reply.received && *offset_ <= clock - reply.sent;
    if (!fits)
        offset_ = clock - (reply.sent + (reply.received - reply.sent) / 2);
}

void PostgresSource::askNames(const PgNames::Missing& missing)
{
    ask(Job::names, names_statement(), {array_of(missing.roles), array_of(missing.databases)},
        [this](const PgReply& reply) {
            if (!pending_)
                return;
            names_.learn(missing_, reply.rows, texts_);
            deliver();
        });
}

void PostgresSource::deliver()
{
    names_.fill(*pending_);
    ServerSample sample = sessions_.absorb(*pending_, pendingFull_);
    pending_.reset();
    sample.clock_offset = offset_.value_or(Duration{0});
    sample.poll_cost = pendingCost_;
    pace_.weigh(pendingCost_);
    statusUp();
    teller_.sampling();
    fact(sample);
    tell(commands_.observe(sessions_, Steady::now()));
    schedulePoll();
}

void PostgresSource::schedulePoll()
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

std::vector<SessionKey> PostgresSource::dueLocks()
{
    if (locksRefused_ || sessions_.sessions().empty())
        return {};
    return watched_.due(Steady::now(), timings_.locks,
                        [this](const SessionKey& key) { return sessions_.find(key) != nullptr; });
}

void PostgresSource::askLocks(const std::vector<SessionKey>& sessions)
{
    std::vector<std::int64_t> pids;
    for (const SessionKey& key : sessions)
        pids.push_back(key.pid.value);
    ask(Job::locks, locks_statement(), {array_of(pids)},
        [this, sessions](const PgReply& reply) { locksCame(reply, sessions); });
}

void PostgresSource::locksCame(const PgReply& reply, const std::vector<SessionKey>& sessions)
{
    if (reply.trouble) {
        // Asked again where the server was only busy; not where it refuses.
        if (reply.trouble->sqlstate == "42501") {
            locksRefused_ = true;
            statusUp();
        }
        return;
    }
    std::map<std::int64_t, std::vector<Lock>> found;
    const PgRows r{reply.rows};
    const int pid = r.column("pid"), type = r.column("locktype"), mode = r.column("mode");
    const int granted = r.column("granted"), relation = r.column("relation");
    for (int row = 0; row < r.count(); ++row) {
        std::vector<Lock>& locks = found[r.int4(row, pid).value_or(0)];
        if (locks.size() >= static_cast<std::size_t>(locks_a_session))
            continue;
        locks.push_back({plain_line(r.text(row, type).value_or(""), 64),
                         plain_line(r.text(row, relation).value_or(""), 256),
                         plain_line(r.text(row, mode).value_or(""), 64),
                         r.boolean(row, granted).value_or(true)});
    }
    for (const SessionKey& key : sessions) {
        if (sessions_.find(key))
            fact(LocksReported{key, found[key.pid.value]});
    }
}

void PostgresSource::setWatched(const std::vector<SessionKey>& sessions)
{
    // Those new in the list are read after the next poll, which comes within an interval.
    watched_.set(sessions);
}

// Commands

void PostgresSource::execute(const Command& command)
{
    if (!reach_.isStarted())
        return;
    tell(commands_.add(command, sessions_, Steady::now()));
    armCommandTimer();
    next();
}

void PostgresSource::sendCommand()
{
    const Command command = commands_.take(Steady::now());
    fact(ActionReported{command.action,
                        command.verb,
                        command.session,
                        ActionPhase::sent,
                        "Sent to the server.",
                        {}});
    ask(Job::command, signal_statement(command.verb, version_), PgCommands::valuesOf(command),
        [this](const PgReply& reply) {
            tell(commands_.answered(reply));
            armCommandTimer();
            if (commands_.watching() && poll_.isActive())
                schedulePoll();
        });
}

void PostgresSource::tell(const PgCommands::Facts& facts)
{
    for (const ActionReported& each : facts)
        fact(each);
}

void PostgresSource::armCommandTimer()
{
    armTimer(commandTimer_, commands_.deadline());
}

} // namespace poolscope
