// SPDX-License-Identifier: Apache-2.0
//! What is established past the pools, and what only seems to be.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::fake::{quick, serve, serve_with, Failed, Manager, Served};
use crate::fingerprint::Dialect;
use crate::link::Link;
use crate::options::{Limits, Options};
use crate::outside::{self, Birth};
use crate::pool::{Can, Pool};
use crate::stack::Stacks;
use crate::watch::{watch_with, Adopting};

fn at_once() -> Limits {
    Limits { settle: Duration::ZERO, ..quick() }
}

fn establish(served: &Served) -> Arc<Link> {
    let link = Arc::new(Link::new(served.agent.clone()));
    let birth = Birth {
        took: Duration::ZERO,
        address: "postgres://db/shop".to_owned(),
        dialect: Dialect::Postgres,
    };
    outside::established(&link, birth);
    link
}

/// Names of the pools, and how many connections of each are lent.
fn told(served: &Served) -> Vec<(String, u64)> {
    outside::settle(&served.agent);
    let state = served.agent.state();
    state.pools.iter().map(|pool| (pool.name.to_string(), pool.lent)).collect()
}

#[test]
fn what_workers_of_pools_establish_is_no_bypass() {
    let served = serve(at_once());
    let on = |name: &str| {
        let thread = std::thread::Builder::new().name(name.to_owned());
        std::thread::scope(|scope| {
            thread.spawn_scoped(scope, || establish(&served)).unwrap().join().unwrap()
        })
    };
    let pooled = on("r2d2-worker-2");
    assert_eq!(told(&served), []);
    let past = on("worker-2");
    assert_eq!(told(&served), [("outside of the pools".to_owned(), 1)]);
    outside::ended(&past);
    outside::ended(&pooled);
    assert_eq!(told(&served), [("outside of the pools".to_owned(), 0)]);
}

#[test]
fn only_a_pool_that_adopts_begins_to() {
    #[derive(Debug)]
    struct Mine;
    impl r2d2::CustomizeConnection<u64, Failed> for Mine {}
    impl r2d2::HandleEvent for Mine {}
    static BEGAN: AtomicU64 = AtomicU64::new(0);
    let served = serve(quick());
    let began = |builder: r2d2::Builder<Manager>| {
        let adopting = Adopting {
            begin: || {
                BEGAN.fetch_add(1, Ordering::Relaxed);
            },
            adopt: |_, pool| Arc::new(Link::new(pool.agent.clone())),
        };
        let watch = watch_with(served.agent.clone(), builder.max_size(1), "orders");
        drop(watch.adopting(adopting).build(Manager::default()).unwrap());
        BEGAN.swap(0, Ordering::Relaxed)
    };
    assert_eq!(began(r2d2::Pool::builder().connection_customizer(Box::new(Mine))), 0);
    assert_eq!(began(r2d2::Pool::builder().event_handler(Box::new(Mine))), 0);
    assert_eq!(began(r2d2::Pool::builder()), 1);
}

/// Whatever meets whatever: in the end nothing is open that is closed or a pool's.
#[test]
fn what_closes_or_is_claimed_while_it_is_told_of_does_not_stay() {
    let options = Options { limits: at_once(), ..Options::default() }.stacks(Stacks::Off);
    let served = serve_with(options);
    let own = Arc::new(Pool::new(served.agent.clone(), "orders", "diesel", Can::default()));
    served.agent.show(&own);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    outside::settle(&served.agent);
                }
            });
        }
        let works: Vec<_> = (0..2u64)
            .map(|thread| {
                let (served, own) = (&served, &own);
                scope.spawn(move || {
                    for round in 0..1_000 {
                        let link = establish(served);
                        std::thread::yield_now(); // the others take it up
                        if round % 2 == thread {
                            outside::claim(&link, own);
                            assert_eq!(link.key(), None, "a number of the other pool's");
                        }
                        outside::ended(&link);
                    }
                })
            })
            .collect();
        let well = works.into_iter().all(|work| work.join().is_ok());
        stop.store(true, Ordering::Relaxed);
        assert!(well);
    });
    let last = establish(&served);
    assert_eq!(told(&served)[1].1, 1);
    outside::ended(&last);
    let state = served.agent.state();
    let left: Vec<_> =
        state.pools.iter().map(|p| (&*p.name, p.lent, p.connections.len())).collect();
    assert_eq!(left, [("orders", 0, 0), ("outside of the pools", 0, 0)]);
}
