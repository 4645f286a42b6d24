// SPDX-License-Identifier: Apache-2.0
//! What happened, between the application's threads and the agent's; and what the agent counts of itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::pool::What;

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) attached: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) pictures: AtomicU64,
    pub(crate) bad_lines: AtomicU64,
    pub(crate) faults: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) struct Event {
    pub(crate) number: u64,
    pub(crate) pool: Arc<str>,
    pub(crate) at: u64,
    pub(crate) what: What,
}

/// The ring between the application's threads and the agent's.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) number: u64,
    pub(crate) dropped: u64,
    pub(crate) ring: Vec<Event>,
    pub(crate) most: usize, // 0: nobody is attached
    pub(crate) filled: bool,
}

impl Log {
    /// Numbers an event and puts it into the ring, or drops it. Made only where it is kept.
    pub(crate) fn emit(&mut self, pool: &Arc<str>, at: u64, what: impl FnOnce() -> What) {
        if self.most == 0 {
            return;
        }
        self.number += 1;
        if self.ring.len() >= self.most {
            self.dropped += 1;
            return;
        }
        self.ring.push(Event { number: self.number, pool: pool.clone(), at, what: what() });
        self.filled = self.ring.len() == self.most / 2;
    }
}
