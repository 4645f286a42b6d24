// SPDX-License-Identifier: Apache-2.0
//! Guards that end in unusual ways.

use super::fake::{quick, serve};
use super::inspector::{of_kind, Inspector};

#[test]
fn guards_that_are_forgotten_stay_and_those_of_a_panic_come_back() {
    let served = serve(quick());
    let pool = served.pool(3, "orders");
    std::mem::forget(pool.get().unwrap());
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _guard = pool.get().unwrap();
        std::panic::resume_unwind(Box::new(()));
    }));
    assert!(unwound.is_err());
    let picture = Inspector::attach(&served.path).picture();
    assert_eq!(of_kind(&picture, "checkout").len(), 1);
}

#[test]
fn a_guard_that_ends_with_its_thread_comes_back() {
    use std::cell::RefCell;
    thread_local! {
        static KEPT: RefCell<Vec<r2d2::PooledConnection<super::fake::Manager>>> = const { RefCell::new(Vec::new()) };
    }
    let served = serve(quick());
    let pool = served.pool(3, "orders");
    let there = pool.clone();
    std::thread::spawn(move || KEPT.with(|kept| kept.borrow_mut().push(there.get().unwrap())))
        .join()
        .unwrap();
    let picture = Inspector::attach(&served.path).picture();
    assert_eq!(of_kind(&picture, "checkout").len(), 0);
    assert_eq!(of_kind(&picture, "open").len(), 1);
    assert_eq!(served.agent.figures().faults, 0);
}
