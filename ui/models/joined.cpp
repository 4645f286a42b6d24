// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/models/joined.h"

#include "ui/models/formatter.h"
#include "ui/models/targetkinds.h"
#include "ui/models/translate.h"

#include <QStringList>

#include <algorithm>
#include <set>

namespace poolscope {

namespace {

/// The sessions and checkouts that bear on one answer: Links over these say what Links over all
/// would.
class Neighbours
{
public:
    explicit Neighbours(const SessionStore& store, std::size_t most = 2000)
        : store_(store)
        , most_(most)
    {}

    /// A checkout with all that decides which session serves it.
    void addDeciding(const CheckoutKey& key)
    {
        const auto checkout = add(key);
        if (!checkout)
            return;
        for (const SessionKey& session : mayServe(*checkout)) {
            sessions_.insert(session);
            if (!isPooler(*checkout))
                addPoolersOf(session); // one that a pooler has is nobody's by its pid
        }
        if (checkout->local_port && !isPooler(*checkout)) {
            for (const CheckoutKey& pooled : store_.pooledFor(*checkout->local_port))
                addDeciding(pooled);
        }
    }

    /// A session with all that might claim it.
    void addClaiming(const SessionKey& key)
    {
        const SessionRow* const row = store_.find(key);
        if (!row)
            return;
        sessions_.insert(key);
        for (const CheckoutKey& claim : mayClaim(row->session)) {
            addDeciding(claim);
            const auto checkout = store_.checkout(claim);
            if (!checkout || !isPooler(*checkout))
                continue;
            if (const auto port = client_port_of(*checkout)) {
                for (const CheckoutKey& client : store_.checkoutsFrom(*port))
                    addDeciding(client);
            }
        }
    }

    /// Null where they are too many to be true.
    std::optional<Links> links() const
    {
        if (tooMany())
            return std::nullopt;
        Links links;
        std::set<TargetId> involved;
        for (const SessionKey& key : sessions_)
            involved.insert(key.target);
        for (const CheckoutKey& key : checkouts_)
            involved.insert(key.target);
        int servers = 0; // of those nearby, or beside them: several are enough to be several
        for (const TargetSummary& target : store_.targets()) {
            const bool near = involved.contains(target.info.id);
            const bool server = is_server(target.info);
            if (near || (server && servers < 2))
                links.add_target(target.info, target.clock_offset);
            servers += server ? 1 : 0;
        }
        for (const SessionKey& key : sessions_) {
            if (const SessionRow* const row = store_.find(key))
                links.add_session(row->session);
        }
        for (const CheckoutKey& key : checkouts_) {
            if (const auto checkout = store_.checkout(key)) {
                const Pool* const pool = store_.pool(key.target, checkout->pool);
                links.add_checkout(*checkout, pool ? pool->database : Text{});
            }
        }
        return links;
    }

private:
    bool tooMany() const { return sessions_.size() + checkouts_.size() > most_; }

    bool isPooler(const Checkout& checkout) const
    {
        const TargetSummary* const target = store_.target(checkout.key.target);
        return target && is_pooler(target->info);
    }

    std::shared_ptr<const Checkout> add(const CheckoutKey& key)
    {
        if (tooMany() || !decided_.insert(key).second)
            return nullptr;
        checkouts_.insert(key);
        return store_.checkout(key);
    }

    std::vector<SessionKey> mayServe(const Checkout& checkout) const
    {
        if (checkout.server_pid)
            return store_.sessionsOn(*checkout.server_pid);
        return checkout.local_port ? store_.sessionsFrom(*checkout.local_port)
                                   : std::vector<SessionKey>{};
    }

    /// By pid, or by port where they know no pid.
    std::vector<CheckoutKey> mayClaim(const Session& session) const
    {
        std::vector<CheckoutKey> found = store_.checkoutsOn(session.key.pid.value);
        if (const auto port = client_port_of(session)) {
            for (const CheckoutKey& key : store_.checkoutsFrom(*port)) {
                const auto checkout = store_.checkout(key);
                if (checkout && !checkout->server_pid)
                    found.push_back(key);
            }
        }
        return found;
    }

    void addPoolersOf(const SessionKey& key)
    {
        const SessionRow* const row = store_.find(key);
        if (!row || !asked_.insert(key).second)
            return;
        for (const CheckoutKey& claim : mayClaim(row->session)) {
            const auto checkout = store_.checkout(claim);
            if (checkout && isPooler(*checkout))
                addDeciding(claim);
        }
    }

    const SessionStore& store_;
    std::size_t most_;
    std::set<SessionKey> sessions_;
    std::set<SessionKey> asked_;
    std::set<CheckoutKey> checkouts_;
    std::set<CheckoutKey> decided_;
};

} // namespace

std::optional<SessionLink> sessionLink(const SessionStore& store, const CheckoutKey& checkout)
{
    Neighbours near(store);
    near.addDeciding(checkout);
    auto links = near.links();
    const SessionLink* const link = links ? links->session_of(checkout) : nullptr;
    return link ? std::optional(*link) : std::nullopt;
}

std::optional<CheckoutLink> checkoutLink(const SessionStore& store, const SessionKey& session)
{
    Neighbours near(store);
    near.addClaiming(session);
    auto links = near.links();
    const CheckoutLink* const link = links ? links->checkout_of(session) : nullptr;
    return link ? std::optional(*link) : std::nullopt;
}

std::optional<SessionLink> ambiguousLink(const SessionStore& store, const SessionKey& session)
{
    const SessionRow* const row = store.find(session);
    if (!row)
        return std::nullopt;
    constexpr std::size_t most = 8; // more with one pid or port are made up
    std::vector<CheckoutKey> claims = store.checkoutsOn(session.pid.value);
    if (const auto port = client_port_of(row->session)) {
        const std::vector<CheckoutKey> from = store.checkoutsFrom(*port);
        claims.insert(claims.end(), from.begin(), from.end());
    }
    for (std::size_t i = 0; i < std::min(claims.size(), most); ++i) {
        auto link = sessionLink(store, claims[i]);
        if (link && link->ambiguous() &&
            std::binary_search(link->sessions.begin(), link->sessions.end(), session))
            return link;
    }
    return std::nullopt;
}

std::optional<SessionKey> sessionOf(const SessionStore& store, const CheckoutKey& checkout)
{
    const auto link = sessionLink(store, checkout);
    return link ? link->session() : std::nullopt;
}

std::optional<CheckoutKey> checkoutOf(const SessionStore& store, const SessionKey& session)
{
    const auto link = checkoutLink(store, session);
    return link ? std::optional(link->checkout) : std::nullopt;
}

std::optional<Links> linksAround(const SessionStore& store,
                                 const std::vector<CheckoutKey>& checkouts,
                                 const std::vector<SessionKey>& sessions)
{
    constexpr std::size_t most = 8000;
    Neighbours near(store, most);
    for (const CheckoutKey& each : checkouts)
        near.addDeciding(each);
    for (const SessionKey& each : sessions)
        near.addClaiming(each);
    return near.links();
}

ServerPids::ServerPids(const SessionStore& store, const std::vector<CheckoutKey>& checkouts)
    : store_(store)
{
    const auto& targets = store.targets();
    if (std::none_of(targets.begin(), targets.end(),
                     [](const TargetSummary& target) { return is_pooler(target.info); }))
        return;
    std::vector<CheckoutKey> pooled;
    for (const CheckoutKey& each : checkouts) {
        const auto checkout = store.checkout(each);
        if (checkout && checkout->local_port && !store.pooledFor(*checkout->local_port).empty())
            pooled.push_back(each);
    }
    if (!pooled.empty())
        links_ = linksAround(store, pooled, {});
}

std::optional<std::int64_t> ServerPids::of(const Checkout& checkout)
{
    const SessionLink* const link = links_ ? links_->session_of(checkout.key) : nullptr;
    const Pool* const pool = store_.pool(checkout.key.target, checkout.pool);
    const auto through =
        link && link->through ? store_.checkout(*link->through) : std::shared_ptr<const Checkout>();
    return server_pid_of(checkout, pool ? pool->database : Text{}, link, through.get());
}

std::map<CheckoutKey, std::int32_t> blockingCheckouts(const SessionStore& store)
{
    std::map<CheckoutKey, std::int32_t> blocking;
    if (!canJoin(store))
        return blocking;
    for (const TargetSummary& target : store.targets()) {
        for (const BlockingTree& tree : target.blocking.trees) {
            if (const auto checkout = checkoutOf(store, tree.root.key))
                blocking[*checkout] = tree.root.blocks;
        }
    }
    return blocking;
}

std::int64_t waitingBehind(const SessionStore& store, const Place& place)
{
    const auto blocking = blockingCheckouts(store);
    if (blocking.empty())
        return 0;
    std::int64_t behind = 0;
    for (const Holder& holder : place.holders) {
        const auto found = blocking.find(holder.checkout);
        behind += found == blocking.end() ? 0 : found->second;
    }
    return behind;
}

QString joinWords(JoinedBy by)
{
    switch (by) {
    case JoinedBy::server_pid:
        return tr("by server pid");
    case JoinedBy::client_port:
        return tr("by client port");
    case JoinedBy::pgbouncer:
        return tr("through PgBouncer");
    }
    return {};
}

QString candidateWords(const SessionStore& store, const std::vector<SessionKey>& sessions)
{
    constexpr std::size_t most = 8;
    QStringList words;
    for (const SessionKey& key : sessions) {
        if (static_cast<std::size_t>(words.size()) == most) {
            words += tr("%1 more").arg(sessions.size() - most);
            break;
        }
        const TargetSummary* const target = store.target(key.target);
        const QString pid = QString::number(key.pid.value);
        words += target ? tr("%1 on %2").arg(pid, Formatter::line(target->info.name, 60)) : pid;
    }
    return words.join(QStringLiteral(", "));
}

bool canJoin(const SessionStore& store)
{
    return std::any_of(store.targets().begin(), store.targets().end(), tellsHolders);
}

} // namespace poolscope
