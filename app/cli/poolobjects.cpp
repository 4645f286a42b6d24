// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"

#include "core/analyze/overflow.h"
#include "core/analyze/words.h"

#include <algorithm>
#include <set>

namespace poolscope {

void writeTags(JsonWriter& json, const Checkout* checkout)
{
    json.key("tags");
    if (!checkout || checkout->tags.empty()) {
        json.null();
        return;
    }
    std::set<Text> written;
    json.begin_object();
    for (const auto& [name, content] : checkout->tags) {
        if (written.insert(name).second)
            json.member(name.str(), content);
    }
    json.end_object();
}

void writeJoin(JsonWriter& json, const SessionLink* link)
{
    json.key("joined_by");
    if (!link || link->sessions.empty())
        json.null();
    else
        json.value(link->ambiguous() ? "ambiguous" : name_of(link->by));
}

namespace {

void writeSummary(JsonWriter& json, const char* p50, const char* p99,
                  const std::optional<DurationSummary>& summary)
{
    // Percentiles of nothing would be made up.
    const bool any = summary && summary->count > 0;
    json.member(p50, any ? summary->p50 : std::nullopt);
    json.member(p99, any ? summary->p99 : std::nullopt);
}

/// Of the pool's connections those that its server has no more; null where nobody tells both.
void writeLost(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               const Pool& pool)
{
    json.key("lost_connections");
    const bool server = std::any_of(picture.targets.begin(), picture.targets.end(),
                                    [](const auto& each) { return is_server(each.info); });
    if (!server || !target.agent ||
        std::find(target.agent->can.begin(), target.agent->can.end(), "connections") ==
            target.agent->can.end()) {
        json.null();
        return;
    }
    json.begin_array();
    for (const LostConnection& lost : target.lost_connections) {
        if (!(lost.connection.pool == pool.name))
            continue;
        json.begin_object();
        json.member("connection", lost.connection.id);
        json.member("server_pid", lost.session.pid.value);
        json.member("since", lost.since);
        json.member("lent", lost.lent);
        json.end_object();
    }
    json.end_array();
}

} // namespace

void writePool(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               const Pool& pool)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("pool", pool.name);
    json.member("kind", pool.kind);
    json.member("used", pool.used);
    json.member("idle", pool.idle);
    json.member("pending", pool.pending);
    json.member("max", pool.max);
    json.member("timeouts", pool.timeouts);
    writeSummary(json, "wait_p50_us", "wait_p99_us", pool.wait_time);
    writeSummary(json, "use_p50_us", "use_p99_us", pool.use_time);
    json.member("total", pool.total);
    json.member("idle_min", pool.idle_min);
    json.member("idle_max", pool.idle_max);
    const auto overflow = overflow_of(pool);
    json.member("overflow", overflow ? std::optional{overflow->open} : std::nullopt);
    const bool created = pool.create_time && pool.create_time->count > 0;
    json.member("create_p99_us", created ? pool.create_time->p99 : std::nullopt);
    const auto& wait = pool.wait_time;
    json.member("wait_count", wait ? std::optional{wait->count} : std::nullopt);
    json.member("wait_us_total", wait ? wait->total : std::nullopt);
    json.member("health", pool.health);
    json.member("circuit", pool.circuit);
    json.member("leaks_detected", pool.leaks_detected);
    json.member("tracked", pool.tracked);
    json.key("config");
    json.begin_object();
    std::set<std::string> written;
    for (const auto& [name, content] : pool.configuration) {
        if (written.insert(name).second)
            json.member(name, content);
    }
    json.end_object();
    writeLost(json, picture, target, pool);
    json.end_object();
}

void writeCheckout(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                   const Checkout& checkout)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("pool", checkout.pool);
    json.member("checkout", checkout.key.id);
    json.member("connection", checkout.connection);
    json.member("server_pid", picture.serverPidOf(checkout));
    json.member("acquired", checkout.acquired);
    json.member("age_us", picture.age(target, checkout.acquired));
    json.member("wait_us", checkout.wait);
    json.member("acquired_by", checkout.acquired_by);
    writeTags(json, &checkout);
    write_stack(json, checkout.stack);
    json.member("expected_us", checkout.expected);
    const SessionRow* const session = picture.sessionOf(checkout.key);
    const TargetSummary* const server =
        session ? picture.target(session->session.key.target) : nullptr;
    json.key("session");
    if (server)
        json.value(identity_of(session->session.key, server->info.kind));
    else
        json.null();
    writeJoin(json, picture.links().session_of(checkout.key));
    json.end_object();
}

void writeCheckoutLeak(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                       const Place& place, const Holder& holder)
{
    const Checkout* const checkout = picture.checkout(holder.checkout);
    if (!checkout)
        return;
    json.begin_object();
    json.member("target", target.info.url);
    json.member("kind", name_of(place.kind));
    json.member("severity", name_of(holder.severity));
    json.member("pool", checkout->pool);
    json.member("checkout", checkout->key.id);
    json.member("server_pid", picture.serverPidOf(*checkout));
    json.member("age_us", holder.age);
    json.member("acquired_by", checkout->acquired_by);
    writeTags(json, checkout);
    write_stack(json, checkout->stack);
    json.key("evidence");
    json.begin_array();
    for (const std::string& sentence : evidence_of(holder, *checkout, poolNamed(target, place.pool),
                                                   &place, picture.now + target.clock_offset))
        json.value(sentence);
    for (const std::string& sentence : joinedEvidence(picture, checkout->key))
        json.value(sentence);
    json.end_array();
    const SessionRow* const session = picture.sessionOf(checkout->key);
    const TargetSummary* const server =
        session ? picture.target(session->session.key.target) : nullptr;
    writeJoin(json, picture.links().session_of(checkout->key));
    const Text at = place_of(place.stack);
    json.member("group", at.is_null() ? at : Text{at.str() + way_in_words(place.by_way_of)});
    json.key("session");
    if (server)
        writeSession(json, picture, *server, *session);
    else
        json.null();
    json.end_object();
}

void writeStatementLeak(JsonWriter& json, const TargetSummary& target, std::size_t index)
{
    const StatementLeak& leak = target.statements.at(index);
    json.begin_object();
    json.member("target", target.info.url);
    json.member("kind", name_of(LeakKind::statement));
    json.member("severity", name_of(leak.severity));
    json.member("pool", leak.pool);
    json.member("checkout", std::nullopt);
    json.member("server_pid", std::nullopt);
    json.member("age_us", leak.age);
    json.member("acquired_by", std::nullopt);
    json.member("tags", std::nullopt);
    write_stack(json, leak.stack);
    json.key("evidence");
    json.begin_array();
    if (index < target.statement_evidence.size()) {
        for (const std::string& sentence : target.statement_evidence[index])
            json.value(sentence);
    }
    json.end_array();
    json.member("joined_by", std::nullopt);
    json.member("group", place_of(leak.stack));
    json.member("session", std::nullopt);
    json.end_object();
}

void writePools(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const Pool& pool : target.pools)
            writePool(json, picture, target, pool);
    }
}

void writeCheckouts(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const Checkout* const checkout : oldestFirst(picture, target))
            writeCheckout(json, picture, target, *checkout);
    }
}

} // namespace poolscope
