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

} // namespace

void MySqlSource::next()
{
    const MySqlConnection& connection = reach_.connection();
    if (!reach_.isUp() || !connection.isOpen() || connection.isBusy() || job_ != Job::none)
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
    if (killersDue_) {
        askKillers();
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
    if (globalsDue_) {
        askSettings();
        return;
    }
    const std::vector<SessionKey> locks = dueLocks();
    const bool crowded = facts_ && facts_->max_connections &&
                         static_cast<double>(sessions_.count()) >= 0.9 * *facts_->max_connections;
    if (!locks.empty())
        askLocks(locks);
    else if (isDue(lastFacts_, crowded ? timings_.crowdedFacts : timings_.facts))
        askFacts();
}

void MySqlSource::ask(Job job, const std::string& sql, MySqlConnection::Handler handler)
{
    job_ = job;
    reach_.asked();
    reach_.connection().run(sql, [this, handler = std::move(handler)](const MySqlReply& reply) {
        job_ = Job::none;
        reach_.answered(!reply.trouble);
        handler(reply);
        next();
    });
}

// Polls

void MySqlSource::askPoll()
{
    pollDue_ = false;
    lastPoll_ = Steady::now();
    const bool full = isDue(lastFull_, timings_.resync);
    const auto expected = std::max<std::int64_t>(static_cast<std::int64_t>(sessions_.count()),
                                                 sessions_.count() == 0 ? connected_ : 0);
    ask(Job::poll, mysql_poll(shape_, mysql_text_limit(static_cast<std::size_t>(expected))),
        [this, full](const MySqlReply& reply) { pollCame(reply, full); });
}

/// Does with less where a table is not there or not for us. False where nothing is left to leave.
bool MySqlSource::demote(const MySqlReply& reply)
{
    if (!mysql_is_closed(reply.error) || shape_.list == MySqlList::information)
        return false;
    shape_.list = MySqlList::information;
    shape_.attributes = false;
    shape_.metadata = false;
    shape_.rows = shape_.mariadb || shape_.version < 80001;
    schemaDenied_ = reply.error != 1146 && reply.error != 1109;
    return true;
}

void MySqlSource::pollFailed(const PgTrouble& trouble)
{
    ++pollFailures_;
    teller_.gap(trouble.sentence);
    if (pollFailures_ >= 5 || trouble.kind != PgTrouble::Kind::transient) {
        reach_.fail(trouble);
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
    const bool blockers = !many || isDue(lastBlockers_, timings_.blockers);
    blockersSampled_ = many;
    wantsRows_ = blockers && shape_.transactions && shape_.rows && any(&MySqlRow::row_wait);
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
            } else if (mysql_is_closed(reply.error)) {
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
            if (mysql_is_closed(reply.error))
                shape_.rows = false;
        });
        return true;
    }
    if (wantsMetadata_) {
        wantsMetadata_ = false;
        ask(Job::metadata, mysql_metadata_waits(), [this](const MySqlReply& reply) {
            pendingCost_ += std::max(Duration{0}, reply.received - reply.sent);
            metadataBlockers_.emplace();
            read_metadata_waits(reply.rows, *metadataBlockers_);
            shape_.metadata = shape_.metadata && !mysql_is_closed(reply.error);
        });
        return true;
    }
    if (!strangers_.empty()) {
        // As many as one question names; the others with the next.
        const auto end = strangers_.begin() +
                         static_cast<std::ptrdiff_t>(std::min(strangers_.size(), timings_.named));
        const std::vector<std::int64_t> asked(strangers_.begin(), end);
        strangers_.erase(strangers_.begin(), end);
        ask(Job::details, mysql_details(shape_, asked), [this, asked](const MySqlReply& reply) {
            // Where it may not be read it is not asked for again on this connection.
            if (mysql_is_closed(reply.error)) {
                // MySQL lets everybody read the list of sessions there, and not the rest.
                schemaDenied_ = schemaDenied_ || shape_.list != MySqlList::information;
                shape_.attributes = false;
            }
            if (!reply.trouble || mysql_is_closed(reply.error))
                sessions_.learn(asked, reply.trouble ? nullptr : &reply.rows, texts_);
            if (reply.trouble)
                strangers_.clear(); // a poll goes on, and finds them again
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

} // namespace poolscope
