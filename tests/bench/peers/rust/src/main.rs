// SPDX-License-Identifier: GPL-3.0-or-later
//! r2d2's cycle: see README.md beside compare.py.
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Instant;

struct Nothing;
struct Manager;

impl r2d2::ManageConnection for Manager {
    type Connection = Nothing;
    type Error = Infallible;
    fn connect(&self) -> Result<Nothing, Infallible> {
        Ok(Nothing)
    }
    fn is_valid(&self, _: &mut Nothing) -> Result<(), Infallible> {
        Ok(())
    }
    fn has_broken(&self, _: &mut Nothing) -> bool {
        false
    }
}

type Pool = r2d2::Pool<Manager>;

#[inline(never)]
fn at_depth(depth: u32, count: u64, pool: &Pool) {
    if depth > 1 {
        at_depth(black_box(depth - 1), count, pool);
        black_box(());
        return;
    }
    for _ in 0..count {
        black_box(&pool.get().expect("a connection"));
    }
}

/// Processor time of this thread.
fn thread_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that outlives the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn measure(pool: &Pool, threads: u64, cycles: u64) {
    let each = cycles / threads;
    let ready = Arc::new(Barrier::new(threads as usize + 1));
    let used = Arc::new(AtomicU64::new(0));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (ready, used, pool) = (ready.clone(), used.clone(), pool.clone());
            thread::spawn(move || {
                at_depth(17, each / 10 + 1, &pool);
                ready.wait();
                let from = thread_ns();
                at_depth(17, each, &pool);
                used.fetch_add(thread_ns() - from, Ordering::Relaxed);
            })
        })
        .collect();
    ready.wait();
    let from = Instant::now();
    for worker in workers {
        worker.join().expect("a thread");
    }
    let all = (each * threads) as f64;
    println!(
        "result\tr2d2\t{}\t{:.2}\t{:.2}",
        threads,
        from.elapsed().as_nanos() as f64 / all,
        used.load(Ordering::Relaxed) as f64 / all
    );
}

fn main() {
    let cycles = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let pool = r2d2::Pool::builder().max_size(10).build(Manager).expect("a pool");
    for threads in [1, 2, 8] {
        measure(&pool, threads, cycles);
    }
}
