// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analyze/diagnosiswords.h"
#include "core/analyze/relief.h"
#include "core/analyze/words.h"
#include "core/model/refusal.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

namespace poolscope {

namespace {

using std::chrono::seconds;

constexpr Duration server_sustained = seconds{4};
constexpr Duration server_window = seconds{8};
/// A queue for one lock is worth a word from so many on.
constexpr std::int32_t pile_least = 3;
/// One of so many sessions, and it is what fills the server.
constexpr std::int32_t pile_of_full = 4;

std::string client_in_words(const Session& session)
{
    const std::string& name =
        session.application.empty() ? session.user.str() : session.application.str();
    const std::string& client = session.client.str();
    const std::string address = client.substr(0, client.rfind(':'));
    return plain_line(name.empty() ? "an unnamed client" : name, 128) +
           (address.empty() ? "" : " (" + plain_line(address, 64) + ')');
}

Diagnosis begun(const TargetState& server, Cause cause, Confidence confidence)
{
    Diagnosis made;
    made.target = server.info.id;
    made.cause = cause;
    made.confidence = confidence;
    return made;
}

/// Of a statement as it was laid out, without its breaks and indents.
std::string in_one_line(const Text& statement)
{
    std::string line = plain_line(statement.str(), 400);
    const auto end =
        std::unique(line.begin(), line.end(), [](char a, char b) { return a == ' ' && b == ' '; });
    line.erase(end, line.end());
    return plain_line(line, 200);
}

DiagnosisEvidence shown(std::string sentence, std::string_view page, Timestamp at)
{
    DiagnosisEvidence evidence;
    evidence.sentence = std::move(sentence);
    evidence.page = page;
    evidence.at = at;
    return evidence;
}

/// How many sessions no pool owns, as far as that can be told.
std::int32_t beside_pools(const DiagnosisInput& input, TargetId server)
{
    std::int32_t beside = 0;
    const auto found = input.disagreements.sessions.find(server);
    if (found != input.disagreements.sessions.end())
        beside = static_cast<std::int32_t>(
            std::count_if(found->second.begin(), found->second.end(),
                          [](const auto& leak) { return leak.kind == LeakKind::bypass; }));
    return beside;
}

/// What is left of the slots where some are reserved: ", 2 reserved ones are left". Once there are
/// no others a superuser's session, as Poolscope's own may be, has taken one of them.
std::string left_in_words(const TargetState& server, std::int32_t slots)
{
    const auto left = static_cast<std::int32_t>(std::clamp<std::int64_t>(
        std::int64_t{slots} - server.client_count(), 0, std::numeric_limits<std::int32_t>::max()));
    const std::int32_t reserved = std::min(server.facts->reserved.value_or(0), left);
    if (reserved <= 0)
        return {};
    return reserved < left ? fmt::format(", {} of the {} left are reserved", reserved, left)
           : reserved == 1 ? std::string{", 1 reserved one is left"}
                           : fmt::format(", {} reserved ones are left", reserved);
}

/// How many more of the same client could be ended as cheaply, and for how long that would help.
std::string others_idle(const TargetState& server, const Session& first)
{
    const std::string whose = client_in_words(first);
    const auto idle =
        std::count_if(server.sessions.begin(), server.sessions.end(), [&](const auto& each) {
            const Session& session = each.second;
            return session.state == SessionState::idle && session.is_client() && !session.own &&
                   !(session.key == first.key) && client_in_words(session) == whose;
        });
    return idle == 0
               ? std::string{}
               : fmt::format(" {} more of {} {} idle, too; what belongs to a pool will connect "
                             "again.",
                             idle, whose, idle == 1 ? "is" : "are");
}

/// "26 of reports (10.0.0.8), 26 of them idle": the largest three.
std::string clients_in_words(const TargetState& server)
{
    constexpr std::size_t most = 3;
    struct Client
    {
        std::string name;
        std::int32_t sessions = 0, idle = 0;
    };
    std::map<std::string, Client> by_name;
    for (const auto& [pid, session] : server.sessions) {
        if (!session.is_client() || session.own)
            continue;
        Client& client = by_name[client_in_words(session)];
        ++client.sessions;
        client.idle += session.state == SessionState::idle ? 1 : 0;
    }
    std::vector<Client> clients;
    for (auto& [name, client] : by_name) {
        client.name = name;
        clients.push_back(client);
    }
    std::stable_sort(clients.begin(), clients.end(),
                     [](const Client& a, const Client& b) { return a.sessions > b.sessions; });
    std::string text;
    for (std::size_t i = 0; i < std::min(most, clients.size()); ++i)
        text += fmt::format("{}{} of {}, {} of them idle", i == 0 ? "" : "; ", clients[i].sessions,
                            clients[i].name, clients[i].idle);
    if (clients.size() > most)
        text += fmt::format("; {} more clients", clients.size() - most);
    return text;
}

std::optional<Diagnosis> full(const DiagnosisInput& input, const TargetState& server)
{
    const Timestamp now = input.world.now();
    const bool refused = refuses_as_full(server.status);
    const auto flow = input.flows.find(server.info.id);
    const std::int32_t slots =
        server.facts && server.facts->max_connections ? *server.facts->max_connections : 0;
    const std::int32_t free = std::max(1, slots / 50);
    const bool sustained = server.status.reach == Reach::up && slots > 0 &&
                           flow != input.flows.end() &&
                           flow->second.server_full(free, server_window, now) >= server_sustained;
    if (!refused && !sustained)
        return {};
    const std::string name = plain_line(server.info.name, 64);
    if (refused) {
        // What it said before is old, and may be nothing at all.
        Diagnosis made = begun(server, Cause::server_full, Confidence::high);
        made.since = std::max(server.last_sample.value_or(now), now - flow_window);
        made.sentence = fmt::format("{} has no free slot: it refuses Poolscope too.", name);
        made.evidence.push_back(shown(plain_line(server.status.sentence, 400), "sessions", now));
        // What to do comes from the source, which knows what the server keeps for whom.
        if (!server.status.next_step.empty())
            made.relief = Relief{plain_line(server.status.next_step, 400), {}, {}, 0};
        made.prevention = std::string{slots_advice};
        return made;
    }
    const std::int32_t past_pools = beside_pools(input, server.info.id);
    const bool bypassed = past_pools * 3 >= server.client_count() && past_pools > 0;
    Diagnosis made = begun(server, bypassed ? Cause::bypass : Cause::server_full,
                           bypassed ? Confidence::medium : Confidence::high);
    made.since = flow->second.server_full_since(free, now).value_or(now);
    made.sentence = fmt::format("{} is full: {} of {} connections are taken{}; {}.", name,
                                server.client_count(), slots, left_in_words(server, slots),
                                most_of_slots(server));
    if (bypassed) {
        made.sentence += fmt::format(" {} of them belong to no pool.", past_pools);
        made.candidates = {Cause::server_full};
    }
    made.evidence.push_back(
        shown(fmt::format("{} active, {} waiting for locks, {} idle in transaction, {} idle.",
                          server.counts.at(3), server.counts.at(2),
                          server.counts.at(0) + server.counts.at(1), server.counts.at(4)),
              "sessions", now));
    if (const std::string clients = clients_in_words(server); !clients.empty())
        made.evidence.push_back(shown(clients + '.', "sessions", now));
    const auto findings = input.findings.find(server.info.id);
    if (findings != input.findings.end()) {
        for (const SuspectedLeak& leak : findings->second.suspects) {
            if (!leak.growth)
                continue;
            made.evidence.push_back(
                shown(fmt::format("Idle sessions of {} only grow: {} to {}.",
                                  plain_line(leak.group, 128), leak.growth->from, leak.growth->to),
                      "leaks", now));
            made.candidates.push_back(Cause::leak);
            break;
        }
    }
    // What is idle for longest costs least to end.
    const Session* longest = nullptr;
    for (const auto& [pid, session] : server.sessions) {
        if (session.state == SessionState::idle && session.is_client() && !session.own &&
            session.state_since &&
            (longest == nullptr || *session.state_since < *longest->state_since))
            longest = &session;
    }
    if (longest != nullptr) {
        Relief relief;
        relief.session = longest->key;
        relief.frees = 1;
        relief.sentence =
            fmt::format("End session {}, idle for {}: that frees one slot, and costs no work.{}",
                        session_in_words(server, longest->key),
                        format_duration_prose(server.age(*longest->state_since, now)),
                        others_idle(server, *longest));
        made.relief = std::move(relief);
    }
    made.prevention = bypassed
                          ? "Let everything in that application take its connections from a pool."
                          : std::string{slots_advice};
    return made;
}

std::optional<Diagnosis> gone(const DiagnosisInput& input, const TargetState& server)
{
    const Timestamp now = input.world.now();
    if (server.status.reach != Reach::failing || !server.last_sample ||
        now - *server.last_sample < seconds{5})
        return {};
    Diagnosis made = begun(server, Cause::server_gone, Confidence::medium);
    made.since = *server.last_sample;
    // Whoever turns one away is there.
    const bool refuses = refusal_of(server.status) != Refusal::none;
    made.sentence = fmt::format("{} has {} for {}: {}", plain_line(server.info.name, 64),
                                refuses ? "refused connections" : "not answered",
                                format_duration_prose(now - *server.last_sample),
                                plain_line(server.status.sentence, 400));
    made.evidence.push_back(shown("What it told last.", "sessions", *server.last_sample));
    if (!server.status.next_step.empty()) {
        made.relief.emplace();
        made.relief->sentence = plain_line(server.status.next_step, 400);
    }
    return made;
}

/// `is_full`: the server is, too.
std::optional<Diagnosis> piled_up(const DiagnosisInput& input, const TargetState& server,
                                  const std::vector<Diagnosis>& pools, bool is_full)
{
    const auto findings = input.findings.find(server.info.id);
    if (server.status.reach != Reach::up || findings == input.findings.end())
        return {};
    const Timestamp now = input.world.now();
    for (const BlockingTree& tree : findings->second.blocking.trees) {
        const bool told = std::any_of(pools.begin(), pools.end(), [&](const Diagnosis& d) {
            return d.relief && d.relief->session == tree.root.key;
        });
        if (tree.root.blocks < pile_least || !tree.since ||
            server.age(*tree.since, now) < seconds{3} || told)
            continue;
        Diagnosis made = begun(server, Cause::lock_pile_up, Confidence::high);
        // What cannot go on keeps its slot: then that is what fills the server.
        made.exhausted = is_full && (tree.root.blocks + 1) * pile_of_full >= server.client_count();
        made.since = std::max(now - flow_window, *tree.since - server.clock_offset);
        made.sentence =
            fmt::format(fmt::runtime(made.exhausted ? "{} is full, and {} wait behind {}."
                                                    : "On {} {} wait behind {}."),
                        plain_line(server.info.name, 64), count_of(tree.root.blocks, "session"),
                        root_in_words(input, server, tree));
        add_last_statement(made, server, tree.root.key, now);
        DiagnosisEvidence evidence =
            shown(fmt::format("The first of them has waited for {}.",
                              format_duration_prose(server.age(*tree.since, now))),
                  "blocking", now);
        evidence.session = tree.root.key;
        made.evidence.push_back(std::move(evidence));
        made.relief = relief_of(input, server, tree);
        made.prevention = "Keep transactions short, and bound them: lock_timeout for those who "
                          "wait, idle_in_transaction_session_timeout for who holds.";
        return made;
    }
    return {};
}

} // namespace

std::string session_in_words(const TargetState& target, const SessionKey& key)
{
    const Session* const session = target.find(key);
    return session == nullptr ? std::to_string(key.pid.value)
                              : fmt::format("{} of {}", key.pid.value, client_in_words(*session));
}

std::string root_in_words(const DiagnosisInput& input, const TargetState& server,
                          const BlockingTree& tree)
{
    if (tree.root.key.pid.value == 0)
        return "a prepared transaction";
    const Session* const session = server.find(tree.root.key);
    std::string words = "session " + session_in_words(server, tree.root.key);
    if (session == nullptr)
        return words;
    const Timestamp now = input.world.now();
    if (session->state == SessionState::idle_in_transaction ||
        session->state == SessionState::idle_in_transaction_aborted)
        words += ", idle in its transaction";
    else if (session->state == SessionState::active)
        words += ", at work";
    if (session->state_since)
        words += " for " + format_duration_prose(server.age(*session->state_since, now));
    const CheckoutLink* const link = shared_links(input).checkout_of(tree.root.key);
    const Checkout* const checkout =
        link != nullptr ? input.world.checkout(link->checkout) : nullptr;
    if (checkout != nullptr && checkout->stack)
        words += ", lent at " + plain_line(name_of(acquiring_line(checkout->stack.get())), 400);
    return words;
}

void add_last_statement(Diagnosis& to, const TargetState& server, const SessionKey& key,
                        Timestamp now)
{
    const Session* const session = server.find(key);
    if (session == nullptr || session->statement.empty())
        return;
    DiagnosisEvidence evidence =
        shown(fmt::format("Session {} {}: {}", key.pid.value,
                          session->state == SessionState::active ? "runs" : "ran last",
                          in_one_line(session->statement)),
              "sessions", now);
    evidence.session = key;
    to.evidence.push_back(std::move(evidence));
}

std::string most_of_slots(const TargetState& server)
{
    std::map<std::string, std::int32_t> clients;
    for (const auto& [pid, session] : server.sessions) {
        if (session.is_client() && !session.own)
            ++clients[client_in_words(session)];
    }
    const auto most = std::max_element(clients.begin(), clients.end(),
                                       [](auto& a, auto& b) { return a.second < b.second; });
    return most == clients.end() ? std::string{"by whom is not known"}
                                 : fmt::format("{} of them are of {}", most->second, most->first);
}

std::vector<Diagnosis> server_diagnoses(const DiagnosisInput& input, const TargetState& server,
                                        const std::vector<Diagnosis>& pools)
{
    std::optional<Diagnosis> state = full(input, server);
    std::optional<Diagnosis> queue = piled_up(input, server, pools, state.has_value());
    if (!state)
        state = gone(input, server);
    if (state && queue && queue->exhausted) {
        state->confidence = Confidence::medium;
        state->candidates.insert(state->candidates.begin(), Cause::lock_pile_up);
    }
    std::vector<Diagnosis> made;
    for (std::optional<Diagnosis>* const each : {&queue, &state}) {
        if (*each)
            made.push_back(std::move(**each));
    }
    return made;
}

} // namespace poolscope
