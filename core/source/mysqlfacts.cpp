// SPDX-License-Identifier: GPL-3.0-or-later
// What the server is and what it lets us do.
#include "core/base/text.h"
#include "core/source/mysqlsource.h"

#include <fmt/format.h>

#include <utility>

namespace poolscope {

namespace {

/// "10.11.19" of "10.11.19-MariaDB-0+deb12u1".
std::string number_of(std::string_view version)
{
    return plain_line(version.substr(0, version.find('-')), 32);
}

} // namespace

void MySqlSource::askFacts()
{
    factsDue_ = false;
    lastFacts_ = Steady::now();
    ask(Job::facts, mysql_facts(shape_), [this](const MySqlReply& reply) { factsCame(reply); });
}

void MySqlSource::factsCame(const MySqlReply& reply)
{
    if (reply.trouble) {
        if (!facts_ || reply.trouble->kind != PgTrouble::Kind::transient || !serverStarted_)
            reach_.fail(*reply.trouble);
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
        trouble.sentence = reach_.connection().whom().where + " does not say since when it runs.";
        trouble.next_step = "It seems to be a proxy, or a server that only looks like MySQL.";
        reach_.halt(trouble);
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
    facts.tls = reach_.connection().usesTls();
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
    globalsDue_ = true;
    tellFacts();
}

void MySqlSource::askSettings()
{
    globalsDue_ = false;
    ask(Job::settings, mysql_settings(), [this](const MySqlReply& reply) { settingsCame(reply); });
}

/// For the configuration check, which can do without; ours are set otherwise for our own session
/// alone.
void MySqlSource::settingsCame(const MySqlReply& reply)
{
    if (reply.trouble && settings_)
        return;
    const MySqlRows& rows = reply.rows;
    ServerSettings settings;
    const auto add = [&](const char* name, const char* unit, std::optional<std::int64_t> value) {
        if (value)
            settings.all.push_back({SettingScope::server, {}, name, std::to_string(*value), unit});
    };
    if (facts_ && facts_->max_connections)
        add("max_connections", "", *facts_->max_connections);
    for (const auto& [name, unit] :
         {std::pair{"max_user_connections", ""}, std::pair{"wait_timeout", "s"},
          std::pair{"interactive_timeout", "s"}}) {
        for (int row = 0; row < rows.count(); ++row) {
            if (rows.text(row, rows.column("Variable_name")) == name)
                add(name, unit, rows.integer(row, rows.column("Value")));
        }
    }
    if (settings_ != settings) {
        settings_ = std::move(settings);
        fact(SettingsReported{*settings_});
    }
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
    killerLent_ = killerLent_ && !grants_.kill;
    killersDue_ = !grants_.kill;
    tellFacts();
}

/// Clouds keep the right to KILL and lend a procedure in its place.
void MySqlSource::askKillers()
{
    killersDue_ = false;
    ask(Job::killers, mysql_killers(), [this](const MySqlReply& reply) {
        // Listed is what it may call. Who may read them all sees others too; of rights that come
        // by a role SHOW GRANTS says nothing.
        killerLent_ =
            !reply.trouble && reply.rows.count() > 0 && (grants_.executes || !grants_.sees_others);
        tellFacts();
    });
}

/// Who may not see other accounts' sessions is shown its own, as if there were no more.
bool MySqlSource::listsEveryone() const
{
    return grants_.process || shape_.list == MySqlList::threads;
}

/// What is known of the server and of our rights, once it is all there, and when it changes.
void MySqlSource::tellFacts()
{
    if (!facts_ || grantsDue_ || killersDue_ || job_ == Job::grants || job_ == Job::killers)
        return;
    ServerFacts facts = *facts_;
    facts.superuser = grants_.super;
    facts.sees_all = shape_.transactions && (grants_.process || lastFull_);
    const bool kills = grants_.kill || killerLent_;
    facts.can_signal = kills && facts.sees_all;
    if (!listsEveryone())
        facts.max_connections.reset(); // of how many it cannot be told how many are used
    const bool old = shape_.version < (shape_.mariadb ? 100502 : 80000);
    const std::string kill = fmt::format("GRANT {} ON *.* TO {};",
                                         old              ? "SUPER"
                                         : shape_.mariadb ? "CONNECTION ADMIN"
                                                          : "CONNECTION_ADMIN",
                                         account_);
    wouldHelp_ = kills ? std::string{} : kill;
    std::vector<std::string> missing;
    if (!facts.sees_all)
        missing.push_back(fmt::format("GRANT PROCESS ON *.* TO {};", account_));
    if (schemaDenied_)
        missing.push_back(fmt::format("GRANT SELECT ON performance_schema.* TO {};", account_));
    if (!kills)
        missing.push_back(kill);
    for (const std::string& each : missing)
        facts.missing_grant += (facts.missing_grant.empty() ? "" : " ") + each;
    if (told_ == facts)
        return;
    told_ = facts;
    fact(FactsReported{facts});
}

} // namespace poolscope
