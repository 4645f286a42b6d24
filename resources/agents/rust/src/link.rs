// SPDX-License-Identifier: Apache-2.0
//! From a connection that can tell when it works to what its pool knows of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::agent::Agent;
use crate::outside::Birth;
use crate::pool::Pool;

pub(crate) struct Link {
    pub(crate) agent: Arc<Agent>,
    /// The pool that has it, once that is known.
    pool: Mutex<Option<Weak<Pool>>>,
    pub(crate) birth: OnceLock<Birth>,
    pub(crate) key: AtomicU64,
    pub(crate) busy: AtomicBool,
    pub(crate) lent: AtomicBool,
}

const NOT_KNOWN: u64 = u64::MAX;

impl Link {
    pub(crate) fn new(agent: Arc<Agent>) -> Self {
        Link {
            agent,
            pool: Mutex::default(),
            birth: OnceLock::new(),
            key: AtomicU64::new(NOT_KNOWN),
            busy: AtomicBool::new(false),
            lent: AtomicBool::new(false),
        }
    }

    pub(crate) fn key(&self) -> Option<u64> {
        Some(self.key.load(Ordering::Acquire)).filter(|key| *key != NOT_KNOWN)
    }

    pub(crate) fn pool(&self) -> Option<Arc<Pool>> {
        let pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.as_ref().and_then(Weak::upgrade)
    }

    pub(crate) fn set_pool(&self, pool: Option<&Arc<Pool>>) {
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = pool.map(Arc::downgrade);
    }

    /// It is nobody's again: the key was that of a connection of its pool alone.
    pub(crate) fn forget(&self) {
        self.key.store(NOT_KNOWN, Ordering::Release);
        self.set_pool(None);
    }
}
