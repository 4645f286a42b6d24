// SPDX-License-Identifier: Apache-2.0
//! Connections that were established past every pool. Whether one is shows a moment later: a pool
//! claims its own right after they are there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::fingerprint::Dialect;
use crate::pool::{Can, Lend, Link, Pool};

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

#[derive(Default)]
pub(crate) struct Outside {
    fresh: Mutex<Vec<Fresh>>,
    pool: Mutex<Option<Arc<Pool>>>,
    keys: AtomicU64,
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
    let lend = stand_in(agent).new_lend(None, true);
    let _ = link.birth.set(birth);
    let fresh = Fresh { link: Arc::downgrade(link), since: Instant::now(), lend };
    let mut list = agent.outside.fresh.lock().unwrap_or_else(PoisonError::into_inner);
    if list.len() < MOST_FRESH {
        list.push(fresh);
    }
}

/// What stands for all of them; shown with the first.
fn stand_in(agent: &Arc<Agent>) -> Arc<Pool> {
    let mut pool = agent.outside.pool.lock().unwrap_or_else(PoisonError::into_inner);
    pool.get_or_insert_with(|| {
        let can = Can { statements: true, ..Can::default() };
        Arc::new(Pool::new(agent.clone(), NAME, KIND, can))
    })
    .clone()
}

fn take(link: &Link) -> Option<Fresh> {
    let mut list = link.agent.outside.fresh.lock().unwrap_or_else(PoisonError::into_inner);
    let at = list.iter().position(|fresh| is_same(&fresh.link, link))?;
    Some(list.swap_remove(at))
}

/// It is a pool's; also where it took the pool so long to say so that it was told of already.
pub(crate) fn claim(link: &Arc<Link>, pool: &Arc<Pool>) {
    drop(take(link));
    forget(link);
    link.set_pool(Some(pool));
}

/// It is closed, whoever's it was.
pub(crate) fn ended(link: &Link) {
    drop(take(link));
    forget(link);
}

fn forget(link: &Link) {
    if let (Some(pool), Some(key)) = (link.pool(), link.key()) {
        if pool.kind == KIND {
            pool.closed(key);
            link.set_pool(None);
        }
    }
}

/// What no pool claimed for a while is past the pools. Before a picture and every few milliseconds
/// while somebody is attached, and whenever such a connection works.
pub(crate) fn settle(agent: &Arc<Agent>) {
    let settled = {
        let mut list = agent.outside.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        if list.is_empty() {
            return;
        }
        let patience = agent.options.limits.settle;
        let (old, young) = list.drain(..).partition(|fresh| fresh.since.elapsed() >= patience);
        *list = young;
        let old: Vec<Fresh> = old;
        old
    };
    for fresh in settled {
        if let Some(link) = fresh.link.upgrade() {
            tell(agent, &link, fresh.lend);
        }
    }
}

fn tell(agent: &Arc<Agent>, link: &Arc<Link>, lend: Lend) {
    let pool = stand_in(agent);
    if !agent.shows(pool.key) {
        agent.show(&pool);
    }
    let number = agent.outside.keys.fetch_add(1, Ordering::Relaxed) + 1;
    link.set_pool(Some(&pool));
    if let Some(birth) = link.birth.get() {
        pool.set_dialect(birth.dialect);
        pool.created_in(birth.took);
        pool.describe_database(&birth.address);
    }
    pool.opened_at(lend.at, number, format!("x{number}"), None, Some(link.clone()));
    pool.lend_as(number, lend);
}
