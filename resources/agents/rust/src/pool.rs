// SPDX-License-Identifier: Apache-2.0
//! What the agent knows of one pool, and how it learns it. All of it changes under the agent's one
//! lock, which is held for a few assignments: so a picture and the events' numbers agree.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crate::agent::Agent;
use crate::fingerprint::Dialect;
use crate::histogram::Histogram;
use crate::link::Link;
use crate::scope::{self, Facts, Trace};
use crate::stack::Stack;

/// Of one checkout.
#[derive(Clone, Debug)]
pub(crate) struct Lend {
    pub(crate) id: u64,
    pub(crate) at: u64,
    pub(crate) wait: Option<u64>,
    pub(crate) facts: Option<Arc<Facts>>,
    pub(crate) trace: Trace,
    pub(crate) thread: Arc<str>,
    pub(crate) stack: Option<Arc<Stack>>,
}

/// What stays the same of a physical connection.
#[derive(Debug)]
pub(crate) struct Physical {
    pub(crate) id: String,
    pub(crate) opened: u64,
    pub(crate) server_pid: Option<u64>,
}

pub(crate) struct Connection {
    pub(crate) physical: Arc<Physical>,
    pub(crate) link: Option<Arc<Link>>,
    pub(crate) lend: Option<Lend>,
}

pub(crate) enum What {
    Open(Arc<Physical>),
    Close(Arc<Physical>),
    Wait(u64),
    Checkout(Arc<Physical>, Lend),
    Checkin(Arc<Physical>, u64),
    /// A statement began, as it was sent.
    Busy(u64, String, Dialect),
    Idle(u64),
    Timeout(Lend),
}

/// Keys of connections are counted by r2d2: they need no strong hash.
#[derive(Default)]
pub(crate) struct CountedHasher(u64);

impl Hasher for CountedHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = (self.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
    }
}

pub(crate) type Connections = HashMap<u64, Connection, BuildHasherDefault<CountedHasher>>;

/// Under the agent's lock.
pub(crate) struct PoolData {
    pub(crate) key: u64,
    pub(crate) name: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) config: Vec<(String, String)>,
    pub(crate) database: String,
    pub(crate) can: Can,
    pub(crate) max: Option<u64>,
    pub(crate) idle_min: Option<u64>,
    pub(crate) connections: Connections,
    pub(crate) lent: u64,
    pub(crate) pending: u64,
    pub(crate) timeouts: u64,
    pub(crate) wait: Histogram,
    pub(crate) usage: Histogram,
    pub(crate) create: Histogram,
}

/// What a pool can tell, beside what every pool of r2d2 can.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Can {
    pub(crate) statements: bool,
    pub(crate) server_pid: bool,
    pub(crate) pending: bool,
    /// Waits, timeouts: not where connections are established outside of a pool.
    pub(crate) waits: bool,
}

/// What the hooks of one pool share.
pub(crate) struct Pool {
    pub(crate) agent: Arc<Agent>,
    pub(crate) key: u64,
    pub(crate) wanted: String,
    pub(crate) kind: &'static str,
    pub(crate) can: Can,
    /// Read without the lock, to decide whether a stack is taken.
    pub(crate) lent: AtomicU64,
    pub(crate) max: AtomicU64,
    dialect: AtomicU8,
}

impl Pool {
    pub(crate) fn new(agent: Arc<Agent>, wanted: &str, kind: &'static str, can: Can) -> Self {
        Pool {
            key: agent.next_key(),
            agent,
            wanted: wanted.to_owned(),
            kind,
            can,
            lent: AtomicU64::new(0),
            max: AtomicU64::new(0),
            dialect: AtomicU8::new(0),
        }
    }

    pub(crate) fn data(&self) -> PoolData {
        PoolData {
            key: self.key,
            name: Arc::from(self.wanted.as_str()),
            kind: self.kind,
            config: Vec::new(),
            database: String::new(),
            can: self.can,
            max: None,
            idle_min: None,
            connections: Connections::default(),
            lent: 0,
            pending: 0,
            timeouts: 0,
            wait: Histogram::new(),
            usage: Histogram::new(),
            create: Histogram::new(),
        }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.dialect.load(Ordering::Relaxed) {
            1 => Dialect::Postgres,
            2 => Dialect::MySql,
            _ => Dialect::Any,
        }
    }

    pub(crate) fn set_dialect(&self, dialect: Dialect) {
        let number = match dialect {
            Dialect::Any => 0,
            Dialect::Postgres => 1,
            Dialect::MySql => 2,
        };
        self.dialect.store(number, Ordering::Relaxed);
    }

    /// Calls the application, for the trace: so under no lock.
    pub(crate) fn new_lend(&self, wait: Option<Duration>) -> Lend {
        Lend { trace: scope::trace(), ..self.new_lend_untraced(wait, true) }
    }

    fn new_lend_untraced(&self, wait: Option<Duration>, stack: bool) -> Lend {
        let agent = &self.agent;
        let (lent, max) = (self.lent.load(Ordering::Relaxed), self.max.load(Ordering::Relaxed));
        let stack = stack && agent.table.wants(agent.stacks, lent, max);
        Lend {
            id: 0,
            at: agent.now(),
            wait: wait.map(micros),
            facts: scope::facts(),
            trace: Trace::default(),
            thread: thread_name(),
            stack: stack.then(|| agent.table.here(agent.depth)).flatten(),
        }
    }

    /// A physical connection is there.
    pub(crate) fn opened(
        &self,
        key: u64,
        id: String,
        server_pid: Option<u64>,
        link: Option<Arc<Link>>,
    ) {
        self.opened_at(self.agent.now(), key, id, server_pid, link);
    }

    pub(crate) fn opened_at(
        &self,
        opened: u64,
        key: u64,
        id: String,
        server_pid: Option<u64>,
        link: Option<Arc<Link>>,
    ) {
        if self.agent.is_off() {
            return;
        }
        let physical = Arc::new(Physical { id, opened, server_pid });
        if let Some(link) = &link {
            link.key.store(key, Ordering::Release);
        }
        self.agent.change(self.key, |pool, log| {
            log.emit(&pool.name, physical.opened, || What::Open(physical.clone()));
            let connection = Connection { physical, link, lend: None };
            pool.connections.insert(key, connection);
        });
    }

    /// It is closed; that is a return too where it was lent.
    pub(crate) fn closed(&self, key: u64) {
        self.returned(key);
        let now = self.agent.now();
        self.agent.change(self.key, |pool, log| {
            if let Some(connection) = pool.connections.remove(&key) {
                log.emit(&pool.name, now, || What::Close(connection.physical));
            }
        });
    }

    /// It was lent to the calling thread, which waited so long for it.
    pub(crate) fn lend(&self, key: u64, wait: Option<Duration>) {
        if !self.agent.is_off() {
            self.lend_as(key, self.new_lend(wait));
        }
    }

    pub(crate) fn lend_as(&self, key: u64, mut lend: Lend) {
        self.agent.change_counting(self.key, |pool, log, ids| {
            if let Some(wait) = lend.wait {
                pool.wait.add(wait);
            }
            let Some(connection) = pool.connections.get_mut(&key) else { return };
            if let Some(before) = connection.lend.take() {
                // Its return was not seen.
                pool.usage.add(lend.at.saturating_sub(before.at));
                log.emit(&pool.name, lend.at, || {
                    What::Checkin(connection.physical.clone(), before.id)
                });
                pool.lent -= 1;
            }
            *ids += 1;
            lend.id = *ids;
            pool.lent += 1;
            self.lent.store(pool.lent, Ordering::Relaxed);
            if let Some(link) = &connection.link {
                link.busy.store(false, Ordering::Relaxed);
                link.lent.store(true, Ordering::Relaxed);
            }
            log.emit(&pool.name, lend.at, || {
                What::Checkout(connection.physical.clone(), lend.clone())
            });
            connection.lend = Some(lend);
        });
    }

    /// It is back.
    pub(crate) fn returned(&self, key: u64) {
        let now = self.agent.now();
        // What is dropped is dropped outside of the lock.
        let _before = self.agent.change(self.key, |pool, log| {
            let connection = pool.connections.get_mut(&key)?;
            let before = connection.lend.take()?;
            pool.lent -= 1;
            self.lent.store(pool.lent, Ordering::Relaxed);
            pool.usage.add(now.saturating_sub(before.at));
            if let Some(link) = &connection.link {
                link.busy.store(false, Ordering::Relaxed);
                link.lent.store(false, Ordering::Relaxed);
            }
            log.emit(&pool.name, now, || What::Checkin(connection.physical.clone(), before.id));
            Some(before)
        });
    }

    /// An acquire gave up after so long. r2d2 tells it under its own lock, which whoever gets or returns
    /// needs: what tells the trace is not called, as it may be of those.
    pub(crate) fn timed_out(&self, wait: Duration) {
        if self.agent.is_off() {
            return;
        }
        // With nobody attached there is nobody to tell the stack to.
        let lend = self.new_lend_untraced(Some(wait), self.agent.is_attached());
        self.agent.change(self.key, |pool, log| {
            pool.timeouts += 1;
            log.emit(&pool.name, lend.at, || What::Timeout(lend));
        });
    }

    /// Somebody asks for a connection; whether it has to wait, as none is idle.
    pub(crate) fn begins_to_wait(&self) -> bool {
        let now = self.agent.now();
        self.agent.change(self.key, |pool, log| {
            let waits = pool.lent >= pool.connections.len() as u64;
            if waits {
                pool.pending += 1;
                log.emit(&pool.name, now, || What::Wait(pool.pending));
            }
            waits
        })
    }

    pub(crate) fn waited(&self) {
        let now = self.agent.now();
        self.agent.change(self.key, |pool, log| {
            pool.pending = pool.pending.saturating_sub(1);
            log.emit(&pool.name, now, || What::Wait(pool.pending));
        });
    }

    /// A statement began (with its text) or ended on a connection that is lent.
    pub(crate) fn works(&self, key: u64, statement: Option<String>) {
        let now = self.agent.now();
        let dialect = self.dialect();
        self.agent.change(self.key, |pool, log| {
            let lend = pool.connections.get(&key).and_then(|c| c.lend.as_ref());
            if let Some(id) = lend.map(|lend| lend.id) {
                log.emit(&pool.name, now, || match statement {
                    Some(text) => What::Busy(id, text, dialect),
                    None => What::Idle(id),
                });
            }
        });
    }

    pub(crate) fn created_in(&self, time: Duration) {
        self.agent.change(self.key, |pool, _| pool.create.add(micros(time)));
    }

    /// Settings, and where its database is, as they become known.
    pub(crate) fn describe(&self, tell: impl FnOnce(&mut PoolData)) {
        self.agent.change(self.key, |pool, _| tell(pool));
        self.agent.pools_changed();
    }

    /// The first that is known counts.
    pub(crate) fn describe_database(&self, address: &str) {
        let news = self.agent.change(self.key, |pool, _| {
            let news = pool.database.is_empty() && !address.is_empty();
            if news {
                pool.database = address.to_owned();
            }
            news
        });
        if news {
            self.agent.pools_changed();
        }
    }
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

thread_local! {
    static NAME: Arc<str> = {
        let thread = std::thread::current();
        Arc::from(thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned))
    };
}

fn thread_name() -> Arc<str> {
    NAME.try_with(Arc::clone).unwrap_or_else(|_| Arc::from("")) // the thread ends
}
