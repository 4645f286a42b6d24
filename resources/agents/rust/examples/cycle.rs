// SPDX-License-Identifier: Apache-2.0
//! What the agent costs: one checkout and return, bare and watched, with and without an inspector, of
//! connections that do nothing, so that r2d2 and the agent are all there is.
//!
//!     cargo run --release --example cycle
//!
//! Rounds of all kinds take turns, and the best of each counts. Processor time of the whole process: with
//! what the agent's own threads do for an inspector, without what else runs on the machine. Each kind runs
//! in a process of its own, as a process has one agent.

use std::fmt;
use std::hint::black_box;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::Command;

struct Manager;

#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl r2d2::ManageConnection for Manager {
    type Connection = u64;
    type Error = Never;

    fn connect(&self) -> Result<u64, Never> {
        Ok(0)
    }
    fn is_valid(&self, _: &mut u64) -> Result<(), Never> {
        Ok(())
    }
    fn has_broken(&self, _: &mut u64) -> bool {
        false
    }
}

const CYCLES: u32 = 200_000;
const FRAMES: u32 = 20;

/// Of this process, in nanoseconds.
fn processor_time() -> u128 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is there to be written.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    let nanos = i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec);
    u128::try_from(nanos).unwrap_or_default()
}

/// Nanoseconds of a cycle, with frames of an application above it.
#[inline(never)]
fn below(frames: u32, pool: &r2d2::Pool<Manager>) -> u128 {
    if frames > 0 {
        return black_box(below(black_box(frames - 1), pool));
    }
    let began = processor_time();
    for _ in 0..CYCLES {
        black_box(pool.get().expect("a connection"));
    }
    (processor_time() - began) / u128::from(CYCLES)
}

/// Reads as fast as it can.
fn inspect() {
    let address = poolscope::address().expect("an agent");
    let mut socket =
        UnixStream::connect(address.trim_start_matches("pool+unix://")).expect("attached");
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while socket.read(&mut buffer).is_ok_and(|size| size > 0) {}
    });
    while poolscope::figures().pictures == 0 {
        std::thread::yield_now();
    }
}

fn measure(kind: &str) {
    let builder = r2d2::Pool::builder().max_size(5);
    let pool = match kind {
        "bare" => builder.build(Manager),
        _ => poolscope::watch(builder, "orders").build(Manager),
    };
    let pool = pool.expect("a pool");
    if kind == "attached" {
        inspect();
    }
    println!("{}", below(FRAMES, &pool));
}

fn main() {
    if let Some(kind) = std::env::args().nth(1) {
        return measure(&kind);
    }
    const KINDS: [&str; 5] = ["bare", "off", "sampled", "always", "attached"];
    let mut best = [u128::MAX; KINDS.len()];
    for _ in 0..5 {
        for (kind, best) in KINDS.iter().zip(&mut best) {
            let mut child = Command::new(std::env::current_exe().expect("this program"));
            let stacks = if matches!(*kind, "off" | "sampled") { kind } else { "always" };
            let out = child.arg(kind).env("POOLSCOPE_STACKS", stacks).output().expect("runs");
            let text = String::from_utf8_lossy(&out.stdout);
            *best = (*best).min(text.trim().parse().expect("nanoseconds"));
        }
    }
    for (kind, time) in KINDS.iter().zip(best) {
        println!("{kind:10} {time:6} ns  {:.1}", time as f64 / best[0] as f64);
    }
}
