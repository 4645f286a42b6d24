// SPDX-License-Identifier: Apache-2.0
#include "core/agent/picture.h"

#include <unordered_map>

namespace poolscope {

namespace {

/// A list that can be looked up by id and loses elements without moving the others.
template <class T, class IdType>
class Edited
{
public:
    explicit Edited(std::vector<T>& list)
        : list_(list)
    {
        for (std::size_t i = 0; i < list.size(); ++i)
            places_.emplace(list[i].id, i);
    }
    T* find(IdType id)
    {
        const auto found = places_.find(id);
        return found == places_.end() ? nullptr : &list_[found->second];
    }
    void add(const T& element)
    {
        if (places_.emplace(element.id, list_.size()).second)
            list_.push_back(element);
    }
    void remove(IdType id) { places_.erase(id); }
    void finish()
    {
        std::erase_if(list_, [this](const T& element) { return !places_.contains(element.id); });
    }

private:
    std::vector<T>& list_;
    std::unordered_map<IdType, std::size_t> places_;
};

} // namespace

bool changes_picture(PoolEventKind kind)
{
    return kind == PoolEventKind::opened || kind == PoolEventKind::closed ||
           kind == PoolEventKind::checkout || kind == PoolEventKind::checkin ||
           kind == PoolEventKind::beat || kind == PoolEventKind::busy ||
           kind == PoolEventKind::idle || kind == PoolEventKind::pending;
}

PictureChange change_of(std::uint32_t pool, const PoolEvent& event)
{
    PictureChange change;
    change.kind = event.kind;
    change.pool = pool;
    change.number = event.number;
    const Timestamp at = process_epoch().wall(event.time);
    const auto pid = event.server_pid != 0 ? std::optional(event.server_pid) : std::nullopt;
    const auto port = event.local_port != 0 ? std::optional(event.local_port) : std::nullopt;
    change.connection = {event.connection, at, pid, port};
    OpenCheckout& checkout = change.checkout;
    checkout.id = event.checkout;
    if (event.expected.count() > 0)
        checkout.expected = event.expected;
    if (event.kind == PoolEventKind::beat)
        checkout.heartbeat = at;
    if (event.kind == PoolEventKind::busy || event.kind == PoolEventKind::idle)
        checkout.busy = event.kind == PoolEventKind::busy;
    if (event.kind != PoolEventKind::checkout)
        return change;
    checkout.connection = event.connection;
    checkout.acquired = at;
    checkout.wait = event.wait;
    checkout.acquired_by = event.acquired_by;
    checkout.thread = event.thread;
    checkout.stack = event.stack;
    checkout.server_pid = pid;
    checkout.local_port = port;
    checkout.tags.assign(event.tags.begin(), event.tags.end());
    checkout.trace_id = event.trace_id;
    return change;
}

void bring_up_to_date(PoolPicture& picture, std::uint32_t pool,
                      const std::vector<PictureChange>& changes)
{
    if (changes.empty())
        return;
    Edited<OpenConnection, ConnectionId> connections(picture.connections);
    Edited<OpenCheckout, CheckoutId> checkouts(picture.checkouts);
    for (const PictureChange& change : changes) {
        if (change.pool != pool)
            continue;
        if (change.kind == PoolEventKind::opened) {
            connections.add(change.connection);
        } else if (change.kind == PoolEventKind::closed) {
            connections.remove(change.connection.id);
        } else if (change.kind == PoolEventKind::checkout) {
            checkouts.add(change.checkout);
        } else if (change.kind == PoolEventKind::checkin) {
            checkouts.remove(change.checkout.id);
        } else if (change.kind == PoolEventKind::pending) {
            picture.figures.pending = change.number;
        } else if (OpenCheckout* const open = checkouts.find(change.checkout.id)) {
            if (change.checkout.heartbeat)
                open->heartbeat = change.checkout.heartbeat;
            if (change.checkout.expected)
                open->expected = change.checkout.expected;
            if (change.checkout.busy)
                open->busy = change.checkout.busy;
        }
    }
    connections.finish();
    checkouts.finish();
}

} // namespace poolscope
