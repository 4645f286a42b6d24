// SPDX-License-Identifier: Apache-2.0
//! Stacks that a thread took before, known again without unwinding: that reads tables for each frame, and
//! costs some half a microsecond a frame.
//!
//! Where a stack was unwound, it is noted in which words above the capturing function its return addresses
//! stand. If they stand there again it is the same stack: a return address tells the function and the call
//! within it, and so how far above it the next one stands. For the same reason no word is read that is not
//! on this thread's stack: each is looked at only if those below it are as they were. Where return
//! addresses do not stand before a frame (other processors than x86, signal frames) nothing is noted, and
//! each stack is unwound.

use std::cell::RefCell;
use std::sync::Arc;

use crate::stack::Stack;

const MOST: usize = 16; // of a thread; a thread has few places that acquire

/// Words of the stack, from the lowest: how far above the anchor, and the return address there.
type Marks = Vec<(usize, usize)>;

struct Seen {
    table: u64,
    depth: usize,
    stack: Arc<Stack>,
    marks: Marks,
}

thread_local! {
    static SEEN: RefCell<Vec<Seen>> = const { RefCell::new(Vec::new()) };
}

/// `anchor`: the address of a local of the function that captures, always the same one.
pub(crate) fn known(table: u64, depth: usize, anchor: usize) -> Option<Arc<Stack>> {
    let find = |seen: &RefCell<Vec<Seen>>| {
        let mut seen = seen.try_borrow_mut().ok()?;
        let same =
            |one: &Seen| one.table == table && one.depth == depth && stands(&one.marks, anchor);
        let at = seen.iter().position(same)?;
        let stack = seen[at].stack.clone();
        seen.swap(at, at.saturating_sub(1)); // what comes often is found early
        Some(stack)
    };
    SEEN.try_with(find).ok().flatten()
}

fn stands(marks: &Marks, anchor: usize) -> bool {
    marks.iter().all(|&(above, address)| {
        // SAFETY: see above: what stands below has shown that the frame this word belongs to is there.
        let word = unsafe { std::ptr::read_volatile((anchor + above) as *const usize) };
        word == address
    })
}

/// Collects where return addresses stand, while a stack is unwound.
pub(crate) struct Noting {
    anchor: usize,
    marks: Marks,
    usable: bool,
}

impl Noting {
    pub(crate) fn new(anchor: usize) -> Self {
        Noting { anchor, marks: Vec::new(), usable: cfg!(target_arch = "x86_64") }
    }

    /// A frame's instruction and its stack pointer there, as the unwinder tells them.
    pub(crate) fn frame(&mut self, ip: usize, sp: usize) {
        let word = sp.wrapping_sub(size_of::<usize>());
        // 0 is the end of the main thread's; what is below is what this crate called, to unwind: gone the next time.
        if !self.usable || ip == 0 || word <= self.anchor {
            return;
        }
        let last = self.marks.last().map_or(0, |&(above, _)| self.anchor + above);
        // SAFETY: the word below a live frame of this thread's stack, which the unwinder just read.
        self.usable = word > last
            && word % size_of::<usize>() == 0
            && unsafe { std::ptr::read_volatile(word as *const usize) } == ip;
        self.marks.push((word - self.anchor, ip));
    }

    pub(crate) fn keep(self, table: u64, depth: usize, stack: &Arc<Stack>) {
        if !self.usable || self.marks.is_empty() {
            return;
        }
        let seen = Seen { table, depth, stack: stack.clone(), marks: self.marks };
        let _ = SEEN.try_with(|all| {
            if let Ok(mut all) = all.try_borrow_mut() {
                if all.len() == MOST {
                    all.pop();
                }
                all.insert(0, seen);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::Table;

    fn forget() {
        SEEN.with(|seen| seen.borrow_mut().clear());
    }

    fn count() -> usize {
        SEEN.with(|seen| seen.borrow().len())
    }

    #[inline(never)]
    fn below(frames: usize, table: &Table) -> Arc<Stack> {
        if frames == 0 {
            return std::hint::black_box(table.here(64).expect("a stack"));
        }
        let stack = below(std::hint::black_box(frames - 1), table);
        std::hint::black_box(stack)
    }

    #[inline(never)]
    fn elsewhere(table: &Table) -> Arc<Stack> {
        std::hint::black_box(table.here(64).expect("a stack"))
    }

    /// Unwound or known again: the same addresses, at every depth and in any order.
    #[test]
    fn what_is_known_again_is_what_unwinding_finds() {
        let table = Table::new();
        let mut ids = Vec::new();
        for round in 0..4 {
            let mut found = Vec::new();
            for frames in [0, 3, 9, 4, 3, 0, 11, 9] {
                found.push(below(frames, &table).id);
                found.push(elsewhere(&table).id);
                if round == 2 {
                    forget();
                }
            }
            if round == 1 {
                assert_eq!(count(), if cfg!(target_arch = "x86_64") { 6 } else { 0 });
            }
            if round > 0 {
                assert_eq!(found, ids);
            }
            ids = found;
        }
        assert_eq!((ids[0], ids[2], ids[1]), (ids[10], ids[8], ids[3]));
        assert_eq!(table.count(), 6);
        // On another thread, which has a stack of its own, another place below it.
        let there = std::thread::scope(|scope| {
            scope.spawn(|| (0..3).map(|_| below(3, &table).id).collect::<Vec<_>>()).join()
        });
        let there = there.expect("no trouble");
        assert_eq!((there[0], there[1]), (there[1], there[2]));
        assert!(!ids.contains(&there[0]));
    }

    #[test]
    fn a_thread_keeps_few() {
        let table = Table::new();
        for frames in 0..3 * MOST {
            below(frames, &table);
        }
        assert!(count() <= MOST);
        let ids: Vec<_> = (0..2).map(|_| below(2, &table).id).collect();
        assert_eq!(ids[0], ids[1]);
    }
}
