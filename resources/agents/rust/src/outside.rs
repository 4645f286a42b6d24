// SPDX-License-Identifier: Apache-2.0
//! Connections that were established past every pool. Whether one is shows a moment later: a pool
//! claims its own right after they are there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::fingerprint::Dialect;
use crate::link::Link;
use crate::pool::{Can, Lend, Pool};

/// The kind of the pool that stands for them in hello.
pub(crate) const KIND: &str = "bypass";
const NAME: &str = "outside of the pools";
const MOST_FRESH: usize = 1024;

/// How a connection came to be.
#[derive(Clone, Debug)]
pub(crate) struct Birth {
    pub(crate) took: Duration,
    pub(crate) address: String,
    pub(crate) dialect: Dialect,
}

struct Fresh {
    link: Weak<Link>,
    since: Instant,
    lend: Lend,
}

/// Under one lock, so that each connection is told of, a pool's, or closed: never two of them. The
/// agent's own lock is taken within it; the application is never called under it.
#[derive(Default)]
pub(crate) struct Outside {
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    fresh: Vec<Fresh>,
    pool: Option<Arc<Pool>>,
    keys: u64,
}

impl Outside {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// What stands for all of them; shown with the first.
    fn stand_in(&mut self, agent: &Arc<Agent>) -> Arc<Pool> {
        let make = || {
            let can = Can { statements: true, ..Can::default() };
            Arc::new(Pool::new(agent.clone(), NAME, KIND, can))
        };
        self.pool.get_or_insert_with(make).clone()
    }

    /// It is no longer one to be told of, or that was.
    fn forget(&mut self, link: &Link) {
        if let Some(at) = self.fresh.iter().position(|fresh| is_same(&fresh.link, link)) {
            self.fresh.swap_remove(at);
        }
        if let (Some(pool), Some(key)) = (link.pool(), link.key()) {
            if pool.kind == KIND {
                pool.closed(key);
                link.forget();
            }
        }
    }

    fn tell(&mut self, agent: &Arc<Agent>, link: &Arc<Link>, lend: Lend) {
        let pool = self.stand_in(agent);
        agent.show(&pool);
        self.keys += 1;
        let number = self.keys;
        link.set_pool(Some(&pool));
        if let Some(birth) = link.birth.get() {
            pool.set_dialect(birth.dialect);
            pool.created_in(birth.took);
            pool.describe_database(&birth.address);
        }
        pool.opened_at(lend.at, number, format!("x{number}"), None, Some(link.clone()));
        pool.lend_as(number, lend);
    }
}

fn is_same(weak: &Weak<Link>, link: &Link) -> bool {
    std::ptr::eq(weak.as_ptr(), link)
}

/// On the thread that established it.
pub(crate) fn established(link: &Arc<Link>, birth: Birth) {
    let agent = &link.agent;
    if agent.is_off() {
        return;
    }
    let _ = link.birth.set(birth);
    if is_in_a_pool() {
        return;
    }
    let pool = agent.outside.lock().stand_in(agent);
    let lend = pool.new_lend(None);
    let fresh = Fresh { link: Arc::downgrade(link), since: Instant::now(), lend };
    let list = &mut agent.outside.lock().fresh;
    if list.len() < MOST_FRESH {
        list.push(fresh);
    }
}

/// What r2d2 establishes is some pool's, also where nobody watches that and so nobody claims it.
fn is_in_a_pool() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("r2d2-worker-"))
}

/// It is a pool's; also where it took the pool so long to say so that it was told of already.
pub(crate) fn claim(link: &Arc<Link>, pool: &Arc<Pool>) {
    let mut inside = link.agent.outside.lock();
    inside.forget(link);
    link.set_pool(Some(pool));
}

/// It is closed, whoever's it was.
pub(crate) fn ended(link: &Link) {
    if !link.agent.is_forked() {
        link.agent.outside.lock().forget(link);
    }
}

/// What no pool claimed for a while is past the pools. Before a picture and every few milliseconds
/// while somebody is attached, and whenever such a connection works.
pub(crate) fn settle(agent: &Arc<Agent>) {
    let mut inside = agent.outside.lock();
    if inside.fresh.is_empty() {
        return;
    }
    let patience = agent.options.limits.settle;
    let (old, young): (Vec<_>, Vec<_>) =
        inside.fresh.drain(..).partition(|fresh| fresh.since.elapsed() >= patience);
    inside.fresh = young;
    for fresh in old {
        if let Some(link) = fresh.link.upgrade() {
            inside.tell(agent, &link, fresh.lend);
        }
    }
}
