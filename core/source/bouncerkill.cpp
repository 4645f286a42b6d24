// SPDX-License-Identifier: GPL-3.0-or-later
// Ending a client of PgBouncer.
#include "core/source/bouncersource.h"

#include "core/source/deadline.h"

#include <fmt/format.h>

#include <algorithm>

namespace poolscope {

namespace {
constexpr int killsClients = 12400; ///< KILL_CLIENT came with 1.24
} // namespace

bool BouncerSource::mayKill() const
{
    if (version_ < killsClients)
        return false;
    const std::string user = reach_.connection().whom().user;
    // Of the process's own account, by its local socket.
    if (user == "pgbouncer")
        return true;
    const auto found = pools_.settings().config.find("admin_users");
    if (found == pools_.settings().config.end())
        return false;
    for (const QString& name : QString::fromStdString(found->second).split(QLatin1Char(','))) {
        if (name.trimmed().toStdString() == user || name.trimmed() == QLatin1String("*"))
            return true;
    }
    return false;
}

std::string BouncerSource::obstacle(const Command& command) const
{
    if (command.verb != ActionVerb::reclaim)
        return "A pooler has no sessions to cancel or terminate: attach to the database server "
               "behind it.";
    if (!reach_.isUp())
        return "It was not sent: PgBouncer does not answer now.";
    const Checkout* const checkout = pools_.find(command.checkout.id);
    if (command.checkout.target != info_.id || !checkout)
        return "That checkout is not open any more.";
    const std::string instead =
        checkout->server_pid
            ? fmt::format("Instead attach to the database server, {}, and terminate session {} "
                          "there: the client loses its connection.",
                          pools_.databaseOf(*checkout), *checkout->server_pid)
            : std::string{"Instead end its session on the database server."};
    if (version_ < killsClients)
        return fmt::format("PgBouncer {} cannot end one client (1.24 can), only all of a database "
                           "at once, which Poolscope does not do. {}",
                           versionText_, instead);
    if (!mayKill())
        return fmt::format(
            "User \"{}\" may only look: attach as one of PgBouncer's admin_users. {}",
            reach_.connection().whom().user, instead);
    if (commands_.isFull() || orders_.size() >= 1000)
        return "It was not sent: a thousand orders are on their way already.";
    return {};
}

void BouncerSource::refuse(const Command& command, std::string why)
{
    fact(AgentCommands::told(command, ActionPhase::refused, std::move(why)));
}

void BouncerSource::execute(const Command& command)
{
    if (!reach_.isStarted())
        return;
    if (std::string why = obstacle(command); !why.empty()) {
        refuse(command, std::move(why));
        return;
    }
    const BouncerSocket* const client = pools_.clientOf(command.checkout.id);
    if (!client) {
        refuse(command, "That checkout is not open any more.");
        return;
    }
    orders_.push_back({command, *client, false, Steady::now() + timings_.answer});
    armCommandTimer();
    next();
}

/// Looks at the client again, right before it is ended.
void BouncerSource::checkClient()
{
    ask("SHOW CLIENTS", [this](const PgReply& reply) { clientCame(reply); });
}

std::string BouncerSource::whyNotTheSame(const std::optional<BouncerSocket>& now) const
{
    const Order& order = orders_.front();
    const BouncerSocket& then = order.client;
    if (!now || now->connected != then.connected || now->user != then.user ||
        now->address != then.address || now->port != then.port)
        return "That client is gone.";
    const bool session = order.command.checkout.id.str() == then.identity();
    if (now->link.empty() || (!session && now->requested != then.requested))
        return "That client has gone on since: it holds its connection anew, or none.";
    return {};
}

void BouncerSource::clientCame(const PgReply& reply)
{
    if (orders_.empty())
        return; // its time was over meanwhile
    const Order order = orders_.front();
    std::string why = reply.trouble
                          ? reply.trouble->sentence
                          : whyNotTheSame(find_bouncer_client(reply.rows, order.client.id));
    orders_.pop_front();
    if (!why.empty()) {
        refuse(order.command, std::move(why));
        armCommandTimer();
        return;
    }
    fact(commands_.sent(++number_, order.command, Steady::now()));
    armCommandTimer();
    // Of a number that PgBouncer itself gave: digits, or nothing is sent.
    std::string id = order.client.id;
    std::erase_if(id, [](char c) { return c < '0' || c > '9'; });
    ask("KILL_CLIENT " + id, [this](const PgReply& answer) { killCame(answer); });
}

void BouncerSource::killCame(const PgReply& reply)
{
    tell(commands_.answered(number_, !reply.trouble,
                            reply.trouble ? reply.trouble->words : std::string{}, Steady::now()));
    armCommandTimer();
    if (commands_.isWatching() && poll_.isActive())
        schedulePoll();
}

void BouncerSource::tell(const AgentCommands::Facts& facts)
{
    for (const ActionReported& each : facts)
        fact(each);
}

void BouncerSource::armCommandTimer()
{
    auto deadline = commands_.deadline();
    if (!orders_.empty())
        deadline = std::min(deadline.value_or(Steady::time_point::max()), orders_.front().until);
    armTimer(commandTimer_, reach_.isStarted() ? deadline : std::nullopt);
}

} // namespace poolscope
