// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/pool/poolcore.h"

#include <concepts>
#include <stdexcept>
#include <utility>

namespace poolscope {

/// Makes and keeps a kind of connection.
///
/// - `open()`: a new one, or why not. May block; bound it by the driver's own connect timeout.
/// - `validate(c)`: whether it still works; called when nobody holds it.
/// - `reset(c)`: called when it comes back, by whoever gives it back: rolls back what was left
/// open.
///   False: it is broken, to be closed and replaced.
/// - `close(c)`: the last call for a connection.
///
/// Optional: `describe(c)` gives its ConnectionMetadata, once, after open; `interrupt(c)` makes
/// what its holder does with it fail soon, for reclaim(): from another thread, while it is in use,
/// without blocking, and never together with close(c). `seems_there(c)` tells what is known of a
/// connection on this side, without waiting and without asking the server: it is called before one
/// is lent that was last lent more than a second ago; where it is false `validate` decides. `static
/// constexpr bool has_server = false` says that describe() never gives a server's process or a
/// port.
///
/// Called from any thread, also several at once for different connections. An exception counts as a
/// failure.
template <class Factory, class Connection>
concept ConnectionFactory = std::move_constructible<Connection> &&
    requires(Factory& factory, Connection& connection)
{
    {
        factory.open()
        } -> std::same_as<Result<Connection>>;
    {
        factory.validate(connection)
        } -> std::convertible_to<bool>;
    {
        factory.reset(connection)
        } -> std::convertible_to<bool>;
    factory.close(connection);
};

namespace detail {

/// The connections of one pool, whatever made them.
template <class Connection>
class PoolState : public PoolCore
{
public:
    using PoolCore::abandon;
    using PoolCore::begin_closing;
    using PoolCore::commit;
    using PoolCore::give_back_place;
    using PoolCore::PoolCore;
    using PoolCore::reserve;
    using PoolCore::start;
    /// Closes one that is not the pool's.
    virtual void turn_away(Connection& connection) noexcept = 0;
    GrowingArray<std::optional<Connection>> connections{slot_count()};
    void make_room(std::uint32_t count) noexcept final { connections.grow_to(count); }
};

template <class Connection, ConnectionFactory<Connection> Factory>
class FactoryState final : public PoolState<Connection>
{
public:
    FactoryState(PoolConfig config, Factory factory)
        : PoolState<Connection>(std::move(config))
        , factory_(std::move(factory))
    {}

private:
    Result<ConnectionMetadata> open_connection(std::uint32_t slot) override
    {
        Result<Connection> opened = factory_.open();
        if (!opened)
            return opened.error();
        auto& connection = this->connections[slot];
        connection.emplace(std::move(opened).value());
        if constexpr (requires { factory_.describe(*connection); }) {
            try {
                return ConnectionMetadata(factory_.describe(*connection));
            } catch (...) { // the open has failed, so it is given up here
                turn_away(*connection);
                connection.reset();
                throw;
            }
        } else {
            return ConnectionMetadata{};
        }
    }
    bool validate_connection(std::uint32_t slot) override
    {
        return factory_.validate(*this->connections[slot]);
    }
    bool look_at_connection(std::uint32_t slot) override
    {
        if constexpr (can_look_)
            return factory_.seems_there(*this->connections[slot]);
        else
            return slot < this->slot_count();
    }
    bool can_look() const override { return can_look_; }
    bool reset_connection(std::uint32_t slot) override
    {
        return factory_.reset(*this->connections[slot]);
    }
    void close_connection(std::uint32_t slot) override
    {
        auto& connection = this->connections[slot];
        if (!connection)
            return;
        try {
            factory_.close(*connection);
        } catch (...) {
            connection.reset();
            throw;
        }
        connection.reset();
    }
    void interrupt_connection(std::uint32_t slot) override
    {
        if constexpr (requires { factory_.interrupt(*this->connections[slot]); })
            factory_.interrupt(*this->connections[slot]);
    }
    void turn_away(Connection& connection) noexcept override
    {
        try {
            factory_.close(connection);
        } catch (...) { // NOLINT(bugprone-empty-catch): there is nobody to tell
        }
    }
    bool has_server() const override
    {
        if constexpr (requires { Factory::has_server; })
            return Factory::has_server;
        else
            return requires(Factory & factory, Connection & c)
            {
                factory.describe(c);
            };
    }

    static constexpr bool can_look_ = requires(Factory & factory, Connection& c)
    {
        factory.seems_there(c);
    };
    Factory factory_;
};

} // namespace detail

template <class Connection>
class ConnectionPool;

/// A connection on loan: gives it back when it goes, however that happens. Moves; one thread at a
/// time. May outlive the pool: the connection is closed then when this goes.
template <class Connection>
class PooledConnection
{
public:
    PooledConnection() = default;
    ~PooledConnection() { release(); }
    PooledConnection(const PooledConnection&) = delete;
    PooledConnection& operator=(const PooledConnection&) = delete;
    PooledConnection(PooledConnection&& other) noexcept
        : state_(std::exchange(other.state_, nullptr))
        , lease_(other.lease_)
        , broken_(other.broken_)
    {}
    PooledConnection& operator=(PooledConnection&& other) noexcept
    {
        if (this != &other) {
            release();
            state_ = std::exchange(other.state_, nullptr);
            lease_ = other.lease_;
            broken_ = other.broken_;
        }
        return *this;
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }
    /// Only where this holds one: not before an acquire, nor after release() or a move from here.
    Connection& operator*() const noexcept { return *state_->connections[lease_.slot]; }
    Connection* operator->() const noexcept { return &**this; }

    /// Of the physical connection; 0 once released.
    ConnectionId connection_id() const
    {
        return state_ ? state_->connection_of(lease_) : ConnectionId{};
    }
    /// What Factory::describe or add_connection said of it; valid until it is released. All empty
    /// once released.
    const ConnectionMetadata& metadata() const
    {
        static const ConnectionMetadata nothing;
        return state_ ? state_->metadata_of(lease_) : nothing;
    }
    CheckoutId checkout_id() const { return state_ ? state_->checkout_of(lease_) : CheckoutId{}; }

    /// The holder is alive: keeps this off the leak list for another leak threshold, not for ever.
    void heartbeat() noexcept
    {
        if (state_)
            state_->heartbeat(lease_);
    }
    /// It will take this much longer, from now: delays the leak thresholds by that much, by
    /// longest_expectation in all at most.
    void expect(Duration from_now) noexcept
    {
        if (state_)
            state_->expect(lease_, from_now);
    }
    /// A statement begins, with its fingerprint or text; and ends. An attached inspector shows it
    /// without its literals, which do not leave the process; and what works is no leak, but for ten
    /// critical thresholds.
    void begin_statement(std::string_view statement) noexcept
    {
        if (state_)
            state_->use(lease_, PoolEventKind::busy, statement);
    }
    void end_statement() noexcept
    {
        if (state_)
            state_->use(lease_, PoolEventKind::idle, {});
    }
    /// The connection is of no use any more: it will be closed and replaced.
    void mark_broken() noexcept { broken_ = true; }
    /// Early; what follows finds nothing here.
    void release() noexcept
    {
        if (auto* state = std::exchange(state_, nullptr))
            state->release(lease_, broken_);
    }

private:
    friend class ConnectionPool<Connection>;
    PooledConnection(detail::PoolState<Connection>& state, PoolCore::Lease lease) noexcept
        : state_(&state)
        , lease_(lease)
    {}

    detail::PoolState<Connection>* state_ = nullptr;
    PoolCore::Lease lease_;
    bool broken_ = false;
};

/// A pool of connections that can be looked into. Any thread may call anything, until the
/// destructor begins.
///
///     poolscope::ConnectionPool<Connection> pool(poolscope::PoolConfig::production(), factory);
///     auto connection = pool.acquire("orders");
///     if (!connection) return connection.error();
///     use(*connection.value());
template <class Connection>
class ConnectionPool
{
public:
    using Guard = PooledConnection<Connection>;

    /// Throws std::invalid_argument with all that PoolConfig::validate() finds; std::bad_alloc;
    /// std::system_error where a thread that the configuration needs cannot be started.
    template <class Factory>
    requires ConnectionFactory<Factory, Connection> ConnectionPool(PoolConfig config,
                                                                   Factory factory)
    {
        if (const Result<Done> valid = config.validate(); !valid)
            throw std::invalid_argument(valid.error().sentence);
        state_ =
            new detail::FactoryState<Connection, Factory>(std::move(config), std::move(factory));
        try {
            state_->start();
        } catch (...) { // one of its threads may run already
            state_->begin_closing();
            state_->abandon();
            throw;
        }
    }
    /// Waits for no holder: what is still lent is closed when it comes back; close() before it, for
    /// a deadline. Waits for what the pool's own threads are at just then (an open, a validate, a
    /// close).
    ~ConnectionPool()
    {
        state_->begin_closing();
        state_->abandon();
    }
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;

    /// A connection on loan to `user` (a part of the application, a tenant: who will be named), as
    /// soon as there is one, first come first served; an error after PoolConfig::acquire_timeout
    /// says who holds them. Opening a connection runs on the thread that acquires, and may take it
    /// longer than that. Who opens has been served: what comes back meanwhile goes to the next, and
    /// is kept for nobody; where the open fails, what nobody took by then serves as well. Throws
    /// std::bad_alloc alone, and then nothing is lent.
    Result<Guard> acquire(std::string_view user = {})
    {
        PoolCore::Lease lease;
        if (state_->acquire_now(user, lease)) [[likely]]
            return Guard(*state_, lease);
        return acquire_waiting(user);
    }
    Result<Guard> acquire(const AcquireOptions& options)
    {
        const Result<PoolCore::Lease> lease = state_->acquire(options);
        if (!lease)
            return lease.error();
        return Guard(*state_, lease.value());
    }

    /// Takes up a connection that was opened elsewhere; it is idle then. Fails where the pool has
    /// max_connections, `user` has brought max_per_user, or it is closed: then the connection is
    /// closed by Factory::close, as any that the pool took; also if this throws: std::bad_alloc, or
    /// what Connection's move does.
    Result<ConnectionId> add_connection(Connection connection, std::string_view user,
                                        ConnectionMetadata metadata = {})
    {
        Result<std::uint32_t> slot = Error{};
        try {
            slot = state_->reserve(user);
        } catch (...) {
            state_->turn_away(connection);
            throw;
        }
        if (!slot) {
            state_->turn_away(connection);
            return slot.error();
        }
        try {
            state_->connections[slot.value()].emplace(std::move(connection));
        } catch (...) {
            state_->give_back_place(slot.value());
            state_->turn_away(connection);
            throw;
        }
        return state_->commit(slot.value(), std::move(metadata), user);
    }

    PoolStatistics stats() const { return state_->statistics(); }
    const PoolConfig& config() const { return state_->config(); }
    /// Watches every connection where health_check is on, from the pool's own thread. start() has
    /// it do so from another one, too, which ends with the pool.
    HealthMonitor& health() { return state_->health(); }
    /// For an agent, which must let go before this pool goes.
    PoolControl& control() { return *state_; }
    Result<Done> close(Duration deadline) { return state_->close(deadline); }
    /// What the background threads do, now and as if it were `now`; see PoolCore::maintain.
    void maintain(Ticks now = now_ticks()) { state_->maintain(now); }

private:
    /// Out of the way, so that the rest is short enough to become part of its caller.
    [[gnu::noinline]] Result<Guard> acquire_waiting(std::string_view user)
    {
        AcquireOptions options;
        options.user = user;
        return acquire(options);
    }

    detail::PoolState<Connection>* state_ = nullptr;
};

} // namespace poolscope
