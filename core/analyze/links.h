// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/analyze/linkdoubt.h"
#include "core/model/world.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace poolscope {

/// How a checkout was joined to the session that serves it, the strongest first.
enum class JoinedBy : std::uint8_t {
    server_pid,  ///< both sides name the same server process
    client_port, ///< both sides name the same end of the connection
    pgbouncer,   ///< by a pooler between: its client, that one's server connection, its session
};
std::string_view name_of(JoinedBy by);

/// What is known of a checkout on the other side. Exactly one session: it is that one. Several: it
/// is one of them, and which cannot be told. None: no attached server has it, or its pooler gave it
/// no server connection now.
struct SessionLink
{
    std::vector<SessionKey> sessions; ///< ascending
    JoinedBy by = JoinedBy::server_pid;
    /// The pooler's own checkout on the way; null where it is direct, or ambiguous.
    std::optional<CheckoutKey> through;
    /// It has the number that the pool knows, or its port, and the pool's address leads elsewhere:
    /// not joined, for a pooler between tells others' numbers. Only where `sessions` is empty.
    std::vector<SessionKey> doubted;
    std::string doubt; ///< why, and what helps, for a person; plain text; empty: no doubt
    bool ambiguous() const { return sessions.size() > 1; }
    std::optional<SessionKey> session() const
    {
        return sessions.size() == 1 ? std::optional(sessions.front()) : std::nullopt;
    }
    friend bool operator==(const SessionLink&, const SessionLink&) = default;
};

/// A session's checkout.
struct CheckoutLink
{
    CheckoutKey checkout;
    JoinedBy by = JoinedBy::server_pid;
    friend bool operator==(const CheckoutLink&, const CheckoutLink&) = default;
};

/// Joins what pools call a checkout with what servers call a session, over everything attached at
/// one instant. Pure: the same world gives the same links, live and in replay. A wrong link would
/// be worse than none: behind a pooler a process is told made-up server pids, or asks for one and
/// is told whichever answers, so that a pid counts only where the port agrees, or where nothing
/// speaks against it, the address of its pool's database least of all. An address that differs is
/// no proof (a port may be mapped, a host have several names): the pid and the port together
/// outweigh it.
///
/// Add all targets, sessions and checkouts, then ask. A value. Cost: n log n of what was added, at
/// the first question.
class Links
{
public:
    /// `clock_offset`: its clock minus the capture's.
    void add_target(const TargetInfo& info, Duration clock_offset);
    void add_session(const Session& session);
    /// `pool_database`: Pool::database of its pool, where it is known.
    void add_checkout(const Checkout& checkout, const Text& pool_database = {});

    /// Null where nothing is known.
    const SessionLink* session_of(const CheckoutKey& checkout);
    /// Of the application where it is attached, for that one knows the line; else of the pooler.
    /// Null where there is none, or several might be it.
    const CheckoutLink* checkout_of(const SessionKey& session);

private:
    struct Target
    {
        std::string kind;
        std::vector<LinkPlace> places; ///< that it was attached at
        Duration clock_offset{};
    };
    /// What counts of a session.
    struct Seen
    {
        SessionKey key;
        bool client_told = false;
        std::optional<std::uint16_t> port;
        std::string database; ///< empty: not told
    };
    /// And of a checkout.
    struct Lent
    {
        CheckoutKey key;
        std::optional<std::int64_t> pid;
        std::optional<std::uint16_t> port;
        std::optional<std::uint16_t> client_port; ///< a pooler's: of its client
        Timestamp acquired;
        std::string database;    ///< empty: not told
        std::string server_kind; ///< likewise
        Text address;            ///< of its pool's database
    };
    enum class Ports { agree, differ, unknown };
    static Ports compare(const Seen& session, const Lent& checkout);
    void join();
    /// `taken`: sessions of poolers, whose pids others may have been told by chance.
    void join_likely(const Lent& checkout, const std::set<SessionKey>& taken);
    bool join_certain(const Lent& checkout);
    void join_through_pooler(const Lent& checkout);
    const std::string& kind_of(TargetId target) const;
    bool is_pooler(TargetId target) const;
    bool may_be_served(const Seen& session, const Lent& checkout) const;
    bool may_be_pid(const Seen& session, const Lent& checkout) const;
    bool had_begun(const Seen& session, const Lent& checkout) const;
    bool leads_elsewhere(const Seen& session, const Lent& checkout);
    void add_candidate(SessionLink& link, const Seen& session, const Lent& checkout);
    void explain(SessionLink& link, const Lent& checkout);
    const std::vector<LinkPlace>& places_of(const Text& address);
    void remember(const CheckoutKey& checkout, SessionLink link);

    bool joined_ = false;
    std::ptrdiff_t servers_ = 0; ///< of databases, among the targets
    std::map<TargetId, Target> targets_;
    std::map<std::string, std::vector<LinkPlace>, std::less<>> places_; ///< by address
    std::multimap<std::int64_t, Seen> by_pid_;
    std::multimap<std::uint16_t, Seen> by_port_;
    std::vector<Lent> checkouts_;
    std::multimap<std::uint16_t, CheckoutKey> pooled_; ///< a pooler's, by its client's port
    std::map<CheckoutKey, SessionLink> sessions_;
    std::map<SessionKey, std::vector<CheckoutLink>> claims_; ///< unambiguous ones
    std::map<SessionKey, CheckoutLink> chosen_;
};

Links links_of(const World& world);

/// The port that a session's client comes from; null for a local socket, and where it is not
/// reported.
std::optional<std::uint16_t> client_port_of(const Session& session);
/// Of a pooler's checkout: the port of the client that it serves.
std::optional<std::uint16_t> client_port_of(const Checkout& checkout);
bool is_pooler(const TargetInfo& target);
/// The server's own process or connection number that serves a checkout; null where that is not
/// known. What a driver was told by a pooler is a number that the pooler made up. `link` is what
/// is known of the checkout, null: nothing; `through` the checkout that the link goes through.
std::optional<std::int64_t> server_pid_of(const Checkout& checkout, const Text& pool_database,
                                          const SessionLink* link, const Checkout* through);
/// A database's server, whose sessions are what checkouts are joined with.
bool is_server(const TargetInfo& target);

/// What the server says of a leak's session, in words, for a person: that the pool says used and
/// the server idle is the strongest evidence there is. `now` is on the server's clock; `blocks`:
/// how many wait behind it. Empty where it says nothing that matters.
std::vector<std::string> evidence_of(const Session& session, std::int32_t blocks, JoinedBy by,
                                     Timestamp now);

} // namespace poolscope
