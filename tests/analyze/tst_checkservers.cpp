// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/analyze/checkcase.h"

using namespace poolscope;
using namespace poolscope::test;
using namespace std::chrono_literals;

namespace {

std::vector<Case> server_cases()
{
    const Pool sixty = pool_of("hikaricp", with(hikari, "maximumPoolSize", "60"));
    const Pool forty = pool_of("r2d2", with(r2d2, "max_size", "40"), "bills");
    const Pool thirty = pool_of("r2d2", with(r2d2, "max_size", "30"), "bills");
    Pool elsewhere = forty;
    elsewhere.database = Text{std::string("postgresql://db2:5432/shop")};
    const auto routed = [&](const char* role) {
        CheckInput input = on(server_of(100, 3, {limit_of(SettingScope::role, "app", "8")}),
                              {pool_of("hikaricp", hikari)});
        input.routes = {{process_id, Text{std::string("orders")}, server_id, TargetId{}, role}};
        return input;
    };
    const ServerSetting idle_10min{SettingScope::server, "", "idle_session_timeout", "600000",
                                   "ms"};
    const ServerSetting alive{SettingScope::server, "", "tcp_keepalives_idle", "120", "s"};
    const ServerSetting late{SettingScope::server, "", "tcp_keepalives_idle", "7200", "s"};
    CheckTarget open_ended = server_of();
    open_ended.settings->all.back().value = "0";
    CheckTarget by_account =
        server_of(151, 0, {{SettingScope::server, "", "max_user_connections", "8", ""}});
    by_account.info = {server_id, "mysql", "shop-db", "mysql://dba@db1"};
    CheckInput account = on(by_account, {pool_of("hikaricp", hikari)});
    account.routes = {{process_id, Text{std::string("orders")}, server_id, TargetId{}, "app"}};
    CheckInput roomy = account;
    roomy.targets.front().settings->all.front().value = "10";
    CheckTarget mysql =
        server_of(151, 0, {{SettingScope::server, "", "wait_timeout", "28800", "s"}});
    mysql.info = {server_id, "mysql", "shop-db", "mysql://dba@db1"};
    Pool on_mysql = pool_of("sqlalchemy", with(sqlalchemy, "pool_pre_ping", "false"));
    on_mysql.database = Text{std::string("mysql://db1:3306/shop")};
    on_mysql.configuration = with(on_mysql.configuration, "pool_recycle", "3600");
    Pool for_ever = pool_of("sqlalchemy", sqlalchemy);
    for_ever.database = on_mysql.database;
    // Told by one that is elsewhere, and by one that is here.
    Pool beside_it = pool_of("hikaricp", with(hikari, "maximumPoolSize", "120"));
    beside_it.database = Text{std::string("postgresql://localhost:5432/shop")};
    CheckTarget here = server_of();
    here.info.url = "postgresql://dba@localhost:5432/postgres";
    CheckTarget by_socket = process_of({beside_it});
    by_socket.info.url = "pool+unix:///run/shop.sock";
    CheckTarget by_port = process_of({beside_it});
    by_port.info.url = "prometheus+http://127.0.0.1:9090/metrics";
    const auto beside_file = [&](const char* name, const char* database) {
        Pool pool = pool_of("hikaricp", with(hikari, "maximumPoolSize", "40"));
        pool.name = Text{std::string(name)};
        pool.database = Text{std::string(database)};
        CheckTarget file = process_of({pool}, TargetId{9});
        file.from_file = true;
        CheckInput input = on(server_of(), {sixty});
        input.targets.push_back(file);
        return input;
    };
    std::vector<Pool> huge;
    for (int i = 0; i < 12; ++i) {
        huge.push_back(pool_of("c3p0", {}, ("pool " + std::to_string(i)).c_str()));
        huge.back().max = INT64_MAX;
    }
    const auto hikari_with = [&](const char* setting, const char* value) {
        return on(server_of(100, 3, {idle_10min}),
                  {pool_of("hikaricp", with(hikari, setting, value))});
    };
    const CheckOptions quick_firewall{{}, 30s};
    return {
        {"localhost of another machine", {{here, process_of({beside_it})}, {}, {}}},
        {"localhost by a socket of this one",
         {{here, by_socket}, {}, {}},
         {},
         "maxima_over_capacity",
         "maximumPoolSize",
         "120",
         "97",
         Severity::critical},
        {"localhost by a port of this one",
         {{here, by_port}, {}, {}},
         {},
         "maxima_over_capacity",
         "maximumPoolSize",
         "120",
         "97",
         Severity::critical},
        {"the same pool in a file", beside_file("orders", "postgresql://db1:5432/shop")},
        {"the same pool under another name in a file",
         beside_file("orders-pool", "postgresql://db1:5432/shop")},
        {"another pool in a file",
         beside_file("bills", "postgresql://db1:5432/bills"),
         {},
         "maxima_over_capacity",
         "maximumPoolSize",
         "60",
         "58",
         Severity::critical},
        {"sizes beyond all bounds",
         on(server_of(), huge),
         {},
         "maxima_over_capacity",
         "max",
         "1000000000",
         "8",
         Severity::critical},
        {"whether it is kept alive is not told",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("hikaricp", without(hikari, "keepaliveTime"))})},
        {"a keepalive that HikariCP discards",
         hikari_with("keepaliveTime", "20000"),
         {},
         "idle_past_server_timeout",
         "maxLifetime",
         "1800000",
         "540000",
         Severity::info},
        {"a lifetime that HikariCP discards",
         hikari_with("maxLifetime", "20000"),
         {},
         "idle_past_server_timeout",
         "maxLifetime",
         "20000",
         "540000",
         Severity::info},
        {"a lifetime that HikariCP would discard", on(server_of(), {pool_of("hikaricp", hikari)}),
         quick_firewall, "idle_past_firewall_timeout", "maxLifetime", "1800000", "",
         Severity::info},
        {"used once, then closed",
         {{server_of(100, 3, {idle_10min}),
           pooler_of({bouncer_pool("shop/app", with(bouncer, "server_lifetime", "0"))})},
          {},
          {}}},
        {"the server has room", on(server_of(), {sixty, thirty})},
        {"to the last slot", on(server_of(93, 3), {sixty, thirty})},
        {"more than the server has",
         on(server_of(), {sixty, forty}),
         {},
         "maxima_over_capacity",
         "maximumPoolSize",
         "60",
         "58",
         Severity::critical},
        {"more, by what is reserved",
         on(server_of(92, 3), {sixty, thirty}),
         {},
         "maxima_over_capacity",
         "maximumPoolSize",
         "60",
         "59",
         Severity::critical},
        {"another server's pools do not count", on(server_of(), {sixty, elsewhere})},
        {"the overflow counts",
         on(server_of(17, 3), {pool_of("sqlalchemy", sqlalchemy)}),
         {},
         "maxima_over_capacity",
         "pool_size",
         "5",
         "4",
         Severity::critical},
        {"a server that tells no limit", on(
                                             [] {
                                                 CheckTarget s = server_of();
                                                 s.facts->max_connections.reset();
                                                 return s;
                                             }(),
                                             {sixty, forty})},

        {"a role's limit",
         routed("app"),
         {},
         "maxima_over_role_limit",
         "maximumPoolSize",
         "10",
         "8",
         Severity::critical},
        {"another role's limit", routed("batch")},
        {"mysql's limit of an account",
         account,
         {},
         "maxima_over_role_limit",
         "maximumPoolSize",
         "10",
         "8",
         Severity::critical},
        {"mysql's limit is not reached", roomy},
        {"a database's limit",
         on(server_of(100, 3, {limit_of(SettingScope::database, "shop", "8")}),
            {pool_of("hikaricp", hikari)}),
         {},
         "maxima_over_database_limit",
         "maximumPoolSize",
         "10",
         "8",
         Severity::critical},
        {"another database's limit",
         on(server_of(100, 3, {limit_of(SettingScope::database, "bills", "8")}),
            {pool_of("hikaricp", hikari)})},
        {"a limit that is not reached",
         on(server_of(100, 3, {limit_of(SettingScope::database, "shop", "10")}),
            {pool_of("hikaricp", hikari)})},

        {"idle past the server's end, untested",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("r2d2", with(r2d2, "test_on_check_out", "false"))}),
         {},
         "idle_past_server_timeout",
         "max_lifetime",
         "1800s",
         "540s",
         Severity::warning,
         "no_validation"},
        {"idle past the server's end, tested",
         on(server_of(100, 3, {idle_10min}), {pool_of("hikaricp", hikari)}),
         {},
         "idle_past_server_timeout",
         "maxLifetime",
         "1800000",
         "540000",
         Severity::info},
        {"replaced before", on(server_of(100, 3, {idle_10min}),
                               {pool_of("hikaricp", with(hikari, "maxLifetime", "590000"))})},
        {"kept alive", on(server_of(100, 3, {idle_10min}),
                          {pool_of("hikaricp", with(hikari, "keepaliveTime", "120000"))})},
        {"closed when idle", on(server_of(100, 3, {idle_10min}), {pool_of("poolscope", ours)})},
        {"not closed without clean-up",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("poolscope", with(ours, "automatic_cleanup", "false"))}),
         {},
         "idle_past_server_timeout",
         "max_connection_age",
         "3600 s",
         "540 s",
         Severity::info},
        {"its minimum stays open",
         on(server_of(100, 3, {idle_10min}), {pool_of("poolscope", with(ours, "min_idle", "2"))}),
         {},
         "idle_past_server_timeout",
         "max_connection_age",
         "3600 s",
         "540 s",
         Severity::info},
        {"dbcp2 never looks",
         on(server_of(100, 3, {idle_10min}), {pool_of("dbcp2", dbcp2)}),
         {},
         "idle_past_server_timeout",
         "maxConnLifetimeMillis",
         "-1",
         "540000",
         Severity::info},
        {"dbcp2 looks",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("dbcp2", with(with(dbcp2, "timeBetweenEvictionRunsMillis", "30000"),
                                   "minEvictableIdleTimeMillis", "300000"))})},
        {"tomcat never looks",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("tomcat-jdbc",
                     with(with(tomcat, "minIdle", "0"), "timeBetweenEvictionRunsMillis", "-1"))}),
         {},
         "idle_past_server_timeout",
         "maxAge",
         "0",
         "540000",
         Severity::info},
        {"tomcat looks",
         on(server_of(100, 3, {idle_10min}),
            {pool_of("tomcat-jdbc", with(with(tomcat, "minIdle", "0"),
                                         "timeBetweenEvictionRunsMillis", "5000"))})},
        {"go tells nothing of its lifetimes",
         on(server_of(100, 3, {idle_10min}), {pool_of("database/sql", {{"MaxOpenConns", "20"}})})},
        {"the timeout is off",
         on(server_of(100, 3, {{SettingScope::server, "", "idle_session_timeout", "0", "ms"}}),
            {pool_of("r2d2", r2d2)})},
        {"mysql, recycled in time, still untested",
         {{mysql, process_of({on_mysql})}, {}, {}},
         {},
         "no_validation",
         "pool_pre_ping",
         "false",
         "true"},
        {"mysql's wait_timeout",
         {{mysql, process_of({for_ever})}, {}, {}},
         {},
         "idle_past_server_timeout",
         "pool_recycle",
         "-1",
         "28740",
         Severity::info},

        {"a firewall forgets", on(server_of(), {pool_of("hikaricp", hikari)}), firewall,
         "idle_past_firewall_timeout", "maxLifetime", "1800000", "290000", Severity::info},
        {"the server keeps the way open",
         on(server_of(100, 3, {alive}), {pool_of("hikaricp", hikari)}), firewall},
        {"the server does so too late",
         on(server_of(100, 3, {late}), {pool_of("hikaricp", hikari)}), firewall,
         "idle_past_firewall_timeout", "maxLifetime", "1800000", "290000", Severity::info},
        {"nobody spoke of a firewall", on(server_of(), {pool_of("hikaricp", hikari)})},

        {"transactions never end",
         {{open_ended}, {}, {}},
         {},
         "transactions_never_end",
         "idle_in_transaction_session_timeout",
         "0",
         "5min",
         Severity::info},
    };
}

std::vector<Case> pooler_cases()
{
    const Pool fifty = behind_bouncer("hikaricp", with(hikari, "maximumPoolSize", "50"));
    const Pool more = behind_bouncer("r2d2", with(r2d2, "max_size", "51"), "bills");
    const auto chain = [&](std::vector<Pool> apps, std::vector<Pool> poolers,
                           std::int32_t max = 100) {
        return CheckInput{
            {server_of(max), process_of(std::move(apps)), pooler_of(std::move(poolers))}, {}, {}};
    };
    const Config session = with(bouncer, "pool_mode", "session");
    return {
        {"applications behind a pooler do not count at the server",
         chain({fifty}, {bouncer_pool("shop/app", bouncer)}, 30)},
        {"the pooler's own do",
         chain({fifty}, {bouncer_pool("shop/app", bouncer), bouncer_pool("shop/batch", bouncer)},
               30),
         {},
         "maxima_over_capacity",
         "pool_size",
         "20",
         "13",
         Severity::critical},
        {"a reserve counts",
         chain({}, {bouncer_pool("shop/app", with(bouncer, "reserve_pool_size", "8"))}, 30),
         {},
         "maxima_over_capacity",
         "pool_size",
         "20",
         "19",
         Severity::critical},
        {"its limit for the database holds",
         chain({},
               {bouncer_pool("shop/app", with(bouncer, "max_db_connections", "25")),
                bouncer_pool("shop/batch", with(bouncer, "max_db_connections", "25"))},
               30)},
        {"more clients than it lets in",
         chain({fifty, more}, {bouncer_pool("shop/app", bouncer)}),
         {},
         "clients_over_pooler_limit",
         "max_size",
         "51",
         "50",
         Severity::critical},
        {"session pooling, room for all", chain({fifty}, {bouncer_pool("shop/app", session, 50)})},
        {"session pooling",
         chain({fifty}, {bouncer_pool("shop/app", session, 20)}),
         {},
         "session_pooling_too_small",
         "pool_mode",
         "session",
         "transaction"},
        {"the pooler ends idle clients",
         chain({behind_bouncer("r2d2", with(r2d2, "test_on_check_out", "false"))},
               {bouncer_pool("shop/app", with(bouncer, "client_idle_timeout", "300"))}),
         {},
         "idle_past_pooler_timeout",
         "max_lifetime",
         "1800s",
         "240s",
         Severity::warning,
         "no_validation"},
        {"the pooler's role has a limit",
         {{server_of(100, 3, {limit_of(SettingScope::role, "app", "8")}),
           pooler_of({bouncer_pool("shop/app", bouncer)})},
          {},
          {}},
         {},
         "maxima_over_role_limit",
         "pool_size",
         "20",
         "8",
         Severity::critical},
    };
}

const std::vector<Case>& cases()
{
    static const std::vector<Case> all = [] {
        std::vector<Case> list = server_cases();
        for (const Case& more : pooler_cases())
            list.push_back(more);
        return list;
    }();
    return all;
}

} // namespace

class TestCheckServers : public QObject
{
    Q_OBJECT
private slots:
    void findings_data() { add_rows(cases()); }
    void findings()
    {
        QFETCH(std::size_t, index);
        judge_case(cases()[index]);
    }
    void everyRuleIsTold()
    {
        QVERIFY(all_told(cases(), {"maxima_over_capacity", "maxima_over_role_limit",
                                   "maxima_over_database_limit", "idle_past_server_timeout",
                                   "idle_past_firewall_timeout", "idle_past_pooler_timeout",
                                   "clients_over_pooler_limit", "session_pooling_too_small",
                                   "transactions_never_end"}));
    }
};

QTEST_APPLESS_MAIN(TestCheckServers)
#include "tst_checkservers.moc"
