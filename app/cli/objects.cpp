// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/objects.h"

namespace poolscope {

namespace {

std::optional<std::uint32_t> xminAge(const TargetSummary& target, const Session& session)
{
    if (!session.xmin || !target.next_xid)
        return std::nullopt;
    return xid_age(*session.xmin, *target.next_xid);
}

void writeNode(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               const BlockingNode& node)
{
    json.begin_object();
    json.member("pid", node.key.pid.value);
    json.member("blocks", node.blocks);
    json.member("queued", node.queued);
    json.key("session");
    if (const SessionRow* const row = picture.row(node.key))
        writeSession(json, picture, target, *row);
    else
        json.null();
    json.key("waiting");
    json.begin_array();
    for (const BlockingNode& waiter : node.waiting)
        writeNode(json, picture, target, waiter);
    json.end_array();
    json.end_object();
}

} // namespace

std::string_view nameOf(Reach reach)
{
    switch (reach) {
    case Reach::connecting:
        return "connecting";
    case Reach::up:
        return "up";
    case Reach::failing:
        return "failing";
    case Reach::stopped:
        return "stopped";
    }
    return "connecting";
}

void writeSession(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                  const SessionRow& row)
{
    const Session& s = row.session;
    json.begin_object();
    json.member("target", target.info.url);
    json.member("pid", s.key.pid.value);
    json.key("started");
    if (to_us(s.key.started) == 0 || !tells_session_start(target.info.kind))
        json.null();
    else
        json.value(s.key.started);
    json.member("user", s.user);
    json.member("database", s.database);
    json.member("application", s.application);
    json.member("client", s.client);
    json.key("state");
    if (s.state == SessionState::unknown)
        json.null();
    else
        json.value(name_of(s.state));
    json.member("state_age_us", picture.age(target, s.state_since));
    json.member("transaction_age_us", picture.age(target, s.transaction_since));
    json.member("wait_event", s.wait_event);
    json.key("blocked_by");
    json.begin_array();
    for (const Pid pid : s.blocked_by)
        json.value(pid.value);
    json.end_array();
    json.member("blocks", row.blocks);
    json.member("id", identity_of(s.key, target.info.kind));
    json.member("backend_type", s.backend_type);
    json.member("xmin_age", xminAge(target, s));
    const CheckoutLink* const link = picture.links().checkout_of(s.key);
    json.member("checkout", link ? link->checkout.id : Text{});
    json.member("joined_by", link ? Text{std::string(name_of(link->by))} : Text{});
    json.member("query", s.statement);
    json.end_object();
}

void writeLeak(JsonWriter& json, const Picture& picture, const TargetSummary& target,
               std::size_t index)
{
    const SuspectedLeak& leak = target.suspects.at(index);
    const CheckoutLink* const link = picture.links().checkout_of(leak.session);
    const Checkout* const checkout = link ? picture.checkout(link->checkout) : nullptr;
    json.begin_object();
    json.member("target", target.info.url);
    json.member("kind", name_of(leak.kind));
    json.member("severity", name_of(leak.severity));
    json.member("pool", checkout ? checkout->pool : leak.pool);
    json.member("checkout", checkout ? checkout->key.id : Text{});
    json.member("server_pid", leak.session.pid.value);
    json.member("age_us", picture.age(target, leak.since));
    json.member("acquired_by", checkout ? checkout->acquired_by : Text{});
    writeTags(json, checkout);
    write_stack(json, checkout ? checkout->stack : StackRef{});
    json.key("evidence");
    json.begin_array();
    if (index < target.evidence.size()) {
        for (const std::string& sentence : target.evidence[index])
            json.value(sentence);
    }
    json.end_array();
    json.key("joined_by");
    if (checkout)
        json.value(name_of(link->by));
    else
        json.null();
    json.member("group", leak.group);
    json.key("session");
    if (const SessionRow* const row = picture.row(leak.session))
        writeSession(json, picture, target, *row);
    else
        json.null();
    json.end_object();
}

void writeStates(JsonWriter& json, const TargetSummary& target)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("time", target.last_sample);
    json.key("counts");
    json.begin_object();
    for (std::size_t i = 0; i < session_state_count; ++i)
        json.member(name_of(static_cast<SessionState>(i)), target.counts.at(i));
    json.end_object();
    json.key("max_connections");
    json.value(target.facts ? target.facts->max_connections : std::nullopt);
    json.key("reserved");
    json.value(target.facts ? target.facts->reserved : std::nullopt);
    json.end_object();
}

void writeBlocking(JsonWriter& json, const Picture& picture, const TargetSummary& target,
                   const BlockingTree& tree)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.key("root");
    if (const SessionRow* const row = picture.row(tree.root.key))
        writeSession(json, picture, target, *row);
    else
        json.null();
    json.member("waiting", tree.root.blocks);
    json.member("since", tree.since);
    json.member("cycle", tree.cycle);
    const Checkout* const checkout = picture.checkoutOf(tree.root.key);
    json.member("checkout", checkout ? checkout->key.id : Text{});
    write_stack(json, checkout ? checkout->stack : StackRef{});
    json.key("tree");
    writeNode(json, picture, target, tree.root);
    json.end_object();
}

void writeInfo(JsonWriter& json, const RecordingInfo& info)
{
    json.begin_object();
    json.member("file", info.file);
    json.member("version", info.version);
    const auto instant = [&](std::string_view name, Timestamp time) {
        json.key(name);
        if (info.observations == 0)
            json.null();
        else
            json.value(time);
    };
    instant("started", info.started);
    instant("ended", info.ended);
    json.member("duration_us", Duration{info.ended - info.started});
    json.key("targets");
    json.begin_array();
    for (const TargetInfo& target : info.targets)
        json.value(target.url);
    json.end_array();
    json.member("observations", info.observations);
    json.member("gaps", info.gaps);
    json.member("complete", info.complete);
    json.end_object();
}

void writeSessions(JsonWriter& json, const Picture& picture)
{
    for (const auto& [key, row] : picture.rows) {
        const TargetSummary* const target = picture.target(key.target);
        if (target && !picture.isOwn(row.session))
            writeSession(json, picture, *target, row);
    }
}

void writeLeaks(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const Place& place : target.places) {
            for (const Holder& holder : place.holders) {
                if (holder.severity != LeakSeverity::none)
                    writeCheckoutLeak(json, picture, target, place, holder);
            }
        }
        for (std::size_t i = 0; i < target.statements.size(); ++i)
            writeStatementLeak(json, target, i);
        for (std::size_t i = 0; i < target.suspects.size(); ++i)
            writeLeak(json, picture, target, i);
    }
}

void writeAllStates(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        if (target.last_sample && !hasPools(target))
            writeStates(json, target);
    }
}

void writeAllBlocking(JsonWriter& json, const Picture& picture)
{
    for (const TargetSummary& target : picture.targets) {
        for (const BlockingTree& tree : target.blocking.trees)
            writeBlocking(json, picture, target, tree);
    }
}

void writeReach(JsonWriter& json, const Picture& picture)
{
    json.key("targets");
    json.begin_array();
    for (const TargetSummary& target : picture.targets) {
        json.begin_object();
        json.member("target", target.info.url);
        json.member("status", nameOf(target.status.reach));
        json.key("sentence");
        if (target.status.sentence.empty())
            json.null();
        else
            json.value(target.status.sentence);
        json.end_object();
    }
    json.end_array();
}

void writeProgress(JsonWriter& json, const RecordProgress& progress, const Picture& picture)
{
    json.begin_object();
    json.member("time", progress.end);
    json.member("file", progress.file);
    json.member("duration_us", Duration{progress.end - progress.start});
    json.member("bytes", progress.bytes);
    json.member("gaps", progress.gaps);
    json.member("dropped", progress.dropped);
    json.member("complete", progress.complete);
    writeReach(json, picture);
    json.end_object();
}

void writeWatched(JsonWriter& json, const Picture& picture)
{
    const auto array = [&](std::string_view name, const auto& write) {
        json.key(name);
        json.begin_array();
        write(json, picture);
        json.end_array();
    };
    json.begin_object();
    json.member("time", picture.now);
    writeReach(json, picture);
    array("states", writeAllStates);
    array("pools", writePools);
    array("leaks", writeLeaks);
    array("blocking", writeAllBlocking);
    array("sessions", writeSessions);
    json.end_object();
}

void writeAction(JsonWriter& json, const TargetSummary& target, const ActionRecord& action)
{
    json.begin_object();
    json.member("target", target.info.url);
    json.member("action", name_of(action.verb));
    if (action.verb == ActionVerb::reclaim) {
        for (const char* const name : {"pid", "started", "id"})
            json.member(name, std::nullopt);
    } else {
        json.member("pid", action.session.pid.value);
        json.key("started");
        if (tells_session_start(target.info.kind))
            json.value(action.session.started);
        else
            json.null();
        json.member("id", identity_of(action.session, target.info.kind));
    }
    json.member("outcome", name_of(action.phase));
    json.member("sentence", action.outcome);
    json.member("requested", action.requested);
    json.member("changed", action.changed);
    json.member("checkout", action.checkout.id);
    json.end_object();
}

} // namespace poolscope
