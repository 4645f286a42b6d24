// SPDX-License-Identifier: Apache-2.0
//! Watching a pool of r2d2: its events, and its connections as they are made.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use r2d2::event::{AcquireEvent, CheckinEvent, CheckoutEvent, ReleaseEvent, TimeoutEvent};
use r2d2::{Builder, CustomizeConnection, HandleEvent, ManageConnection, PooledConnection};

use crate::agent::{say_warning, Agent};
use crate::link::Link;
use crate::pool::{self, Can};
use crate::process;

type Customizer<M> = Box<
    dyn CustomizeConnection<<M as ManageConnection>::Connection, <M as ManageConnection>::Error>,
>;
type AskPid<C> = Box<dyn Fn(&mut C) -> Option<u64> + Send + Sync>;

/// How connections are made the pool's own.
pub(crate) struct Adopting<C> {
    /// Before the first: only where each is going to be adopted.
    pub(crate) begin: fn(),
    pub(crate) adopt: fn(&mut C, &Arc<pool::Pool>) -> Arc<Link>,
}

/// A pool's builder that is going to be watched; see [`watch`].
#[must_use = "a pool is made by build"]
pub struct Watch<M: ManageConnection> {
    agent: Arc<Agent>,
    builder: Builder<M>,
    name: String,
    database: String,
    server_pid: Option<AskPid<M::Connection>>,
    customizer: Option<Customizer<M>>,
    events: Option<Box<dyn HandleEvent>>,
    adopting: Option<Adopting<M::Connection>>,
}

/// Watches the pool that `builder` makes, of whatever manager, under that name. It starts the agent if
/// nobody did; where that cannot be the log says why, and the pool works all the same.
///
/// ```no_run
/// # fn f<M: r2d2::ManageConnection>(manager: M) -> Result<(), r2d2::Error> {
/// let builder = r2d2::Pool::builder().max_size(10);
/// let pool = poolscope::watch(builder, "orders").build(manager)?;
/// # Ok(()) }
/// ```
pub fn watch<M: ManageConnection>(builder: Builder<M>, name: &str) -> Watch<M> {
    watch_with(process::current(), builder, name)
}

pub(crate) fn watch_with<M: ManageConnection>(
    agent: Arc<Agent>,
    builder: Builder<M>,
    name: &str,
) -> Watch<M> {
    Watch {
        agent,
        builder,
        name: name.to_owned(),
        database: String::new(),
        server_pid: None,
        customizer: None,
        events: None,
        adopting: None,
    }
}

impl<M: ManageConnection> Watch<M> {
    /// A URL of scheme, host, port and database, for people to read: no user, no password. Diesel's
    /// pools know it by themselves.
    pub fn database(mut self, url: &str) -> Self {
        self.database = url.to_owned();
        self
    }

    /// Asks a connection for its server's process or connection id, once, right after it is there.
    /// Diesel's pools do it by themselves, on PostgreSQL and MySQL.
    pub fn server_pid(
        mut self,
        ask: impl Fn(&mut M::Connection) -> Option<u64> + Send + Sync + 'static,
    ) -> Self {
        self.server_pid = Some(Box::new(ask));
        self
    }

    /// Keeps the agent from asking. Behind a pooler in transaction mode the id says nothing.
    pub fn no_server_pid(mut self) -> Self {
        self.server_pid = None;
        self
    }

    /// The pool's own customizer. To be set here, as the agent needs one itself.
    pub fn connection_customizer(mut self, customizer: Customizer<M>) -> Self {
        self.customizer = Some(customizer);
        self
    }

    /// The pool's own event handler. To be set here, as the agent is one itself.
    pub fn event_handler(mut self, events: Box<dyn HandleEvent>) -> Self {
        self.events = Some(events);
        self
    }

    #[cfg(any(test, feature = "diesel"))]
    pub(crate) fn adopting(mut self, adopting: Adopting<M::Connection>) -> Self {
        self.adopting = Some(adopting);
        self
    }

    #[cfg(feature = "diesel")]
    pub(crate) fn is_off(&self) -> bool {
        self.agent.is_off()
    }

    /// As [`Builder::build`].
    pub fn build(self, manager: M) -> Result<r2d2::Pool<M>, r2d2::Error> {
        let (builder, watched) = self.hooked(false);
        let pool = builder.build(manager)?;
        describe(watched.as_ref(), &pool);
        Ok(pool)
    }

    /// As [`Builder::build_unchecked`].
    pub fn build_unchecked(self, manager: M) -> r2d2::Pool<M> {
        let (builder, watched) = self.hooked(false);
        let pool = builder.build_unchecked(manager);
        describe(watched.as_ref(), &pool);
        pool
    }

    /// As [`Builder::build`], but what comes counts who waits: see [`Pool`].
    pub fn build_pool(self, manager: M) -> Result<Pool<M>, r2d2::Error> {
        let (builder, watched) = self.hooked(true);
        let inner = builder.build(manager)?;
        describe(watched.as_ref(), &inner);
        Ok(Pool { inner, watched })
    }

    fn hooked(self, pending: bool) -> (Builder<M>, Option<Arc<pool::Pool>>) {
        let Watch { agent, mut builder, name, database, server_pid, customizer, events, adopting } =
            self;
        // A builder does not give away what was set, but tells its names.
        let said = format!("{builder:?}");
        let free_events = said.contains("event_handler: NopEventHandler, connection_customizer: ");
        let free_customizer = said.ends_with("connection_customizer: NopConnectionCustomizer }");
        if agent.is_off() || !free_events {
            if said.contains("event_handler: PoolscopeEvents") {
                say_warning(&format!("Pool {name:?} is watched already; it stays as it is."));
            } else if !agent.is_off() {
                say_warning(&format!(
                    "Pool {name:?} has an event handler of its own, so it is not watched. Give that to watch(…).event_handler."
                ));
            }
            // What was given here is still the pool's.
            if let Some(events) = events {
                builder = builder.event_handler(events);
            }
            if let Some(customizer) = customizer {
                builder = builder.connection_customizer(customizer);
            }
            return (builder, None);
        }
        if !free_customizer {
            say_warning(&format!(
                "Pool {name:?} has a connection customizer of its own, so its connections are not asked for their \
                 server's process id, nor for what runs on them. Give that to watch(…).connection_customizer."
            ));
        }
        let can = Can {
            statements: adopting.is_some() && free_customizer,
            server_pid: server_pid.is_some() && free_customizer,
            pending,
            waits: true,
        };
        let watched = Arc::new(pool::Pool::new(
            agent.clone(),
            &name,
            if adopting.is_some() { "diesel" } else { "r2d2" },
            can,
        ));
        agent.show(&watched);
        watched.describe_database(&database);
        let needed = server_pid.is_some() || customizer.is_some() || adopting.is_some();
        if free_customizer && needed {
            if let Some(adopting) = &adopting {
                (adopting.begin)();
            }
            let adopt = adopting.map(|adopting| adopting.adopt);
            let mine: Customize<M> =
                Customize { pool: watched.clone(), server_pid, adopt, inner: customizer };
            builder = builder.connection_customizer(Box::new(mine));
        }
        let events = Events { pool: watched.clone(), inner: events };
        (builder.event_handler(Box::new(events)), Some(watched))
    }
}

/// What cannot be asked of a builder.
fn describe<M: ManageConnection>(watched: Option<&Arc<pool::Pool>>, made: &r2d2::Pool<M>) {
    let Some(watched) = watched else { return };
    let max = u64::from(made.max_size());
    let time =
        |time: Option<Duration>| time.map_or_else(|| "none".to_owned(), |time| format!("{time:?}"));
    let config = [
        ("max_size", max.to_string()),
        ("min_idle", made.min_idle().map_or_else(|| "none".to_owned(), |idle| idle.to_string())),
        ("test_on_check_out", made.test_on_check_out().to_string()),
        ("connection_timeout", time(Some(made.connection_timeout()))),
        ("idle_timeout", time(made.idle_timeout())),
        ("max_lifetime", time(made.max_lifetime())),
    ];
    watched.max.store(max, Ordering::Relaxed);
    watched.describe(|pool| {
        pool.max = Some(max);
        pool.idle_min = Some(made.min_idle().map_or(max, u64::from));
        pool.config = config.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    });
}

/// What the customizer learned of a connection, until its number is known: on the same thread.
struct Made {
    pool: u64,
    server_pid: Option<u64>,
    link: Option<Arc<Link>>,
}

thread_local! {
    static MADE: RefCell<Option<Made>> = const { RefCell::new(None) };
}

/// Ties a new connection to its pool.
type Adopt<C> = fn(&mut C, &Arc<pool::Pool>) -> Arc<Link>;

struct Customize<M: ManageConnection> {
    pool: Arc<pool::Pool>,
    server_pid: Option<AskPid<M::Connection>>,
    adopt: Option<Adopt<M::Connection>>,
    inner: Option<Customizer<M>>,
}

impl<M: ManageConnection> fmt::Debug for Customize<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolscopeCustomizer")
    }
}

impl<M: ManageConnection> CustomizeConnection<M::Connection, M::Error> for Customize<M> {
    fn on_acquire(&self, connection: &mut M::Connection) -> Result<(), M::Error> {
        if !self.pool.agent.is_off() {
            self.pool.agent.guard(|| {
                let link = self.adopt.map(|adopt| adopt(connection, &self.pool));
                let server_pid = self.server_pid.as_ref().and_then(|ask| ask(connection));
                let server_pid = server_pid.filter(|pid| *pid > 0);
                MADE.with(|made| {
                    *made.borrow_mut() = Some(Made { pool: self.pool.key, server_pid, link })
                });
            });
        }
        self.inner.as_ref().map_or(Ok(()), |inner| inner.on_acquire(connection))
    }

    fn on_release(&self, connection: M::Connection) {
        if let Some(inner) = &self.inner {
            inner.on_release(connection);
        }
    }
}

/// Belongs to the pool of r2d2, and ends with it.
struct Events {
    pool: Arc<pool::Pool>,
    inner: Option<Box<dyn HandleEvent>>,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PoolscopeEvents")
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.pool.agent.guard(|| self.pool.agent.hide(self.pool.key));
    }
}

impl HandleEvent for Events {
    fn handle_acquire(&self, event: AcquireEvent) {
        let key = event.connection_id();
        self.pool.agent.guard(|| {
            let made = MADE.with(|made| made.borrow_mut().take());
            let made = made.filter(|made| made.pool == self.pool.key);
            let (server_pid, link) = made.map_or((None, None), |made| (made.server_pid, made.link));
            self.pool.opened(key, key.to_string(), server_pid, link);
        });
        if let Some(inner) = &self.inner {
            inner.handle_acquire(event);
        }
    }

    fn handle_release(&self, event: ReleaseEvent) {
        self.pool.agent.guard(|| self.pool.closed(event.connection_id()));
        if let Some(inner) = &self.inner {
            inner.handle_release(event);
        }
    }

    fn handle_checkout(&self, event: CheckoutEvent) {
        self.pool.agent.guard(|| self.pool.lend(event.connection_id(), Some(event.duration())));
        if let Some(inner) = &self.inner {
            inner.handle_checkout(event);
        }
    }

    fn handle_timeout(&self, event: TimeoutEvent) {
        self.pool.agent.guard(|| self.pool.timed_out(event.timeout()));
        if let Some(inner) = &self.inner {
            inner.handle_timeout(event);
        }
    }

    fn handle_checkin(&self, event: CheckinEvent) {
        self.pool.agent.guard(|| self.pool.returned(event.connection_id()));
        if let Some(inner) = &self.inner {
            inner.handle_checkin(event);
        }
    }
}

/// A pool of r2d2 that counts who waits in [`get`](Pool::get): r2d2 itself has no event for that. For
/// all else it is the pool that it wraps.
pub struct Pool<M: ManageConnection> {
    inner: r2d2::Pool<M>,
    watched: Option<Arc<pool::Pool>>,
}

impl<M: ManageConnection> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Pool { inner: self.inner.clone(), watched: self.watched.clone() }
    }
}

impl<M: ManageConnection> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.inner.state()).finish()
    }
}

impl<M: ManageConnection> Deref for Pool<M> {
    type Target = r2d2::Pool<M>;

    fn deref(&self) -> &r2d2::Pool<M> {
        &self.inner
    }
}

struct Waiting<'a>(&'a pool::Pool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.agent.guard(|| self.0.waited());
    }
}

impl<M: ManageConnection> Pool<M> {
    fn waiting(&self) -> Option<Waiting<'_>> {
        let pool = self.watched.as_deref()?;
        let waits = pool.agent.guard(|| pool.begins_to_wait());
        (waits == Some(true)).then_some(Waiting(pool))
    }

    /// As [`r2d2::Pool::get`].
    pub fn get(&self) -> Result<PooledConnection<M>, r2d2::Error> {
        let _waiting = self.waiting();
        self.inner.get()
    }

    /// As [`r2d2::Pool::get_timeout`].
    pub fn get_timeout(&self, timeout: Duration) -> Result<PooledConnection<M>, r2d2::Error> {
        let _waiting = self.waiting();
        self.inner.get_timeout(timeout)
    }
}
