// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/observation.h"
#include "core/source/bouncerrows.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace poolscope {

/// PgBouncer's clock, of which it only ever shows seconds in a time zone without its offset.
/// Learned from the instant of our own question, which it lists as our connection's last packet.
class BouncerClock
{
public:
    void clear();
    /// It said `now` between our two readings.
    void learn(const BouncerStamp& now, Timestamp sent, Timestamp received);
    bool isKnown() const { return known_; }
    /// Its clock minus ours; stays while it can be so.
    Duration offset() const { return offset_; }
    /// In UTC on its clock.
    Timestamp instant(const BouncerStamp& stamp) const;
    /// Its clock when ours shows `ours`.
    Timestamp theirs(Timestamp ours) const { return ours + offset_; }

private:
    bool known_ = false;
    std::int64_t zone_ = 0; ///< seconds east of UTC
    Duration offset_{};
    Duration low_{}, high_{}; ///< between which the offset lies
};

/// What is read rarely.
struct BouncerSettings
{
    std::map<std::string, BouncerDatabaseRow> databases;
    std::map<std::string, std::string> config;
    std::map<std::string, BouncerStatsRow> stats;
};

/// One poll's answers.
struct BouncerPoll
{
    std::vector<BouncerPoolRow> pools;
    BouncerSockets servers;
    std::optional<BouncerSockets> clients; ///< not read each time where there are many
    Timestamp sent;                        ///< our clock, of the clients
    Timestamp received;
};

/// Makes PgBouncer's tables one process's pools: a pool a database and user, its connections to the
/// server, and who holds one. Holds the last picture, and tells what changed. Knows no socket.
///
/// A hold is told apart by its client, and by when its client last sent something: between two
/// looks a client may have ended a transaction and begun the next. One that sends again and again
/// within a transaction therefore seems to acquire anew each time; one that was forgotten does not.
class BouncerPools
{
public:
    explicit BouncerPools(TargetId target)
        : target_(target)
    {}

    /// Another connection, perhaps another process.
    void clear();
    void setSettings(BouncerSettings settings) { settings_ = std::move(settings); }
    const BouncerSettings& settings() const { return settings_; }

    /// Whether who holds what cannot be told without the clients. Their list is what costs most:
    /// with `lasting` only what stayed as it was since the poll before is worth it, and not what
    /// comes and goes.
    bool needsClients(const BouncerPoll& poll, bool lasting) const;
    /// Whether somebody holds a connection of whom the clients alone tell that he works again; or,
    /// in session mode, that it is another by now: a client's pointer is taken again.
    bool hasHolds() const { return someHold_; }
    /// Whether a pool is not in the settings: they have changed.
    bool needsSettings(const std::vector<BouncerPoolRow>& pools) const;
    /// The changes; with `full` everything.
    PoolSample absorb(const BouncerPoll& poll, bool full);

    bool isOpen(const Text& checkout) const { return checkouts_.contains(checkout); }
    const Checkout* find(const Text& checkout) const;
    /// The client of an open checkout as it was last seen; null if there is none.
    const BouncerSocket* clientOf(const Text& checkout) const;
    /// Where the server behind is, as "host:port/database"; empty if it is not known.
    std::string databaseOf(const Checkout& checkout) const;
    std::size_t listedClients() const { return listedClients_; }
    Duration offset() const { return clock_.offset(); }

private:
    struct Hold
    {
        BouncerSocket client;
        std::string server;  ///< its identity
        std::string link;    ///< pointer of the client
        BouncerStamp served; ///< the server's last packet
        bool session = false;
        Text id;
        Timestamp acquired;
        std::optional<bool> busy;
        Timestamp busySince;
    };

    Pool poolOf(const BouncerPoolRow& row, const std::map<std::string, int>& poolsOfDatabase);
    void addConfiguration(Pool& pool, const BouncerPoolRow& row) const;
    void holdsFromClients(const BouncerPoll& poll);
    void dropChanged(const BouncerPoll& poll);
    Hold holdOf(const BouncerSocket& client, const BouncerSocket& server, Timestamp now);
    Checkout checkoutOf(const Hold& hold, const BouncerSocket& server);
    bool isSession(const std::string& pool) const;
    static std::string poolName(const BouncerSocket& server);

    TargetId target_;
    TextPool texts_;
    BouncerClock clock_;
    BouncerSettings settings_;
    std::map<std::string, std::string> modes_; ///< of pools
    std::map<std::string, Hold> holds_;        ///< by the server's identity
    /// Of the poll before, by the server's identity: its link and its last packet.
    std::map<std::string, std::pair<std::string, BouncerStamp>> seen_;
    bool someHold_ = false;
    std::optional<Timestamp> lastClients_; ///< its clock, when they were read
    std::size_t listedClients_ = 0;

    std::map<Text, Pool> pools_;
    std::map<ConnectionKey, PoolConnection> connections_;
    std::map<Text, Checkout> checkouts_;
};

} // namespace poolscope
