// SPDX-License-Identifier: Apache-2.0
//! Acquire stacks: taken as addresses, told apart, kept once each.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::recall::{self, Noting};

/// When the stack of a checkout is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stacks {
    /// Never.
    Off,
    /// One checkout in sixteen.
    Sampled,
    /// Every time: the default, as the line that leaks is what one wants.
    Always,
    /// While 80 % of the pool's `max_size` are checked out.
    NearExhaustion,
}

impl Stacks {
    pub(crate) fn parse(text: &str) -> Option<Stacks> {
        Some(match text {
            "off" => Stacks::Off,
            "sampled" => Stacks::Sampled,
            "always" => Stacks::Always,
            "near_exhaustion" => Stacks::NearExhaustion,
            _ => return None,
        })
    }
}

const SAMPLE_EVERY: u32 = 16;
const MOST_STACKS: u64 = 20_000; // distinct ones; what comes after is a checkout without a stack
const MOST_ADDRESSES: usize = 64;

/// One distinct list of return addresses, innermost first.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) id: u64,
    pub(crate) addresses: Box<[usize]>,
}

/// The same addresses are the same stack, for ever.
pub(crate) struct Table {
    number: u64, // no other in this process has it
    known: RwLock<Known>,
    sample: AtomicU32,
}

#[derive(Default)]
struct Known {
    by_hash: HashMap<u64, Vec<Arc<Stack>>>,
    count: u64,
}

impl Known {
    fn find(&self, hash: u64, addresses: &[usize]) -> Option<Arc<Stack>> {
        let same = self.by_hash.get(&hash)?;
        same.iter().find(|s| *s.addresses == *addresses).cloned()
    }
}

fn hash_of(addresses: &[usize]) -> u64 {
    addresses.iter().fold(14_695_981_039_346_656_037, |hash, &address| {
        (hash ^ address as u64).wrapping_mul(1_099_511_628_211)
    })
}

impl Table {
    pub(crate) fn new() -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Table { number, known: RwLock::default(), sample: AtomicU32::new(0) }
    }

    pub(crate) fn count(&self) -> u64 {
        self.known.read().unwrap_or_else(PoisonError::into_inner).count
    }

    /// Decides by the mode, cheaply. `lent` of `max` are out before this checkout.
    pub(crate) fn wants(&self, mode: Stacks, lent: u64, max: u64) -> bool {
        match mode {
            Stacks::Off => false,
            Stacks::Sampled => self.sample.fetch_add(1, Ordering::Relaxed) % SAMPLE_EVERY == 0,
            Stacks::Always => true,
            Stacks::NearExhaustion => max > 0 && (lent + 1) * 5 >= max * 4,
        }
    }

    /// The stack of the caller. `depth` bounds how far it is walked.
    #[inline(never)]
    pub(crate) fn here(&self, depth: usize) -> Option<Arc<Stack>> {
        let anchor = 0usize;
        let anchor = std::ptr::from_ref(black_box(&anchor)) as usize;
        if let Some(stack) = recall::known(self.number, depth, anchor) {
            return Some(stack);
        }
        let mut noting = Noting::new(anchor);
        let mut addresses = [0usize; MOST_ADDRESSES];
        let (mut count, most) = (0, depth.clamp(1, MOST_ADDRESSES));
        // SAFETY: only Windows' debug helper needs calls to be synchronized; this crate is for Unix.
        unsafe {
            backtrace::trace_unsynchronized(|frame| {
                addresses[count] = frame.ip() as usize;
                noting.frame(frame.ip() as usize, frame.sp() as usize);
                count += 1;
                count < most
            });
        }
        let stack = self.intern(&addresses[..count]);
        if let Some(stack) = &stack {
            noting.keep(self.number, depth, stack);
        }
        stack
    }

    pub(crate) fn intern(&self, addresses: &[usize]) -> Option<Arc<Stack>> {
        if addresses.is_empty() {
            return None;
        }
        let hash = hash_of(addresses);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.find(hash, addresses) {
            return Some(found);
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.find(hash, addresses) {
            return Some(found);
        }
        if known.count >= MOST_STACKS {
            return None;
        }
        known.count += 1;
        let stack = Arc::new(Stack { id: known.count, addresses: addresses.into() });
        known.by_hash.entry(hash).or_default().push(stack.clone());
        Some(stack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_addresses_are_the_same_stack() {
        let table = Table::new();
        let first = table.intern(&[1, 2, 3]).unwrap();
        assert_eq!(table.intern(&[1, 2, 3]).unwrap().id, first.id);
        assert_ne!(table.intern(&[1, 2, 4]).unwrap().id, first.id);
        assert_eq!(table.count(), 2);
        assert!(table.intern(&[]).is_none());
        let here: Vec<_> = (0..3).map(|_| table.here(64).unwrap().id).collect();
        assert_eq!((here[0], here[1]), (here[1], here[2]));
        assert_eq!(table.here(5).unwrap().addresses.len(), 5);
    }

    #[test]
    fn distinct_stacks_are_bounded() {
        let table = Table::new();
        for i in 0..MOST_STACKS as usize + 10 {
            table.intern(&[i + 1]);
        }
        assert_eq!(table.count(), MOST_STACKS);
        assert!(table.intern(&[usize::MAX]).is_none());
        assert!(table.intern(&[7]).is_some());
    }

    #[test]
    fn modes() {
        let table = Table::new();
        let taken = (0..160).filter(|_| table.wants(Stacks::Sampled, 0, 10)).count();
        assert_eq!(taken, 10);
        assert!(table.wants(Stacks::Always, 0, 0) && !table.wants(Stacks::Off, 9, 10));
        assert!(
            !table.wants(Stacks::NearExhaustion, 6, 10)
                && table.wants(Stacks::NearExhaustion, 7, 10)
        );
        assert_eq!(Stacks::parse("near_exhaustion"), Some(Stacks::NearExhaustion));
        assert_eq!(Stacks::parse("Always"), None);
    }
}
