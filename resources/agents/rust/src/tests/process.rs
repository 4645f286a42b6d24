// SPDX-License-Identifier: Apache-2.0
//! The process's one agent. Each test is a process of its own, as what it sets stays.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use super::fake::{wait_for, Manager, Pool};

const WITHIN: &str = "POOLSCOPE_TEST_WITHIN";

/// Runs the test of that name alone, in a process of its own; true within that.
fn is_alone(name: &str, environment: &[(&str, &str)]) -> bool {
    if std::env::var_os(WITHIN).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .args(["--exact", &format!("tests::process::{name}"), "--nocapture"])
        .env(WITHIN, "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Some(status),
            None if std::time::Instant::now() > deadline => break None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    assert!(status.is_some_and(|status| status.success()), "{name}: {status:?}");
    false
}

fn pool(name: &str) -> Pool {
    let builder = r2d2::Pool::builder().max_size(1).min_idle(Some(0));
    crate::watch(builder, name).build(Manager::default()).unwrap()
}

/// Keeps its records in a database, whose pool is watched too.
struct Logger;

static SAID: AtomicU64 = AtomicU64::new(0);
static LOGS: Mutex<Option<Pool>> = Mutex::new(None);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        if record.target() == "poolscope" {
            SAID.fetch_add(1, Ordering::Relaxed);
            let logs = pool("logs");
            drop(logs.get().unwrap());
            *LOGS.lock().unwrap() = Some(logs);
        }
    }
    fn flush(&self) {}
}

#[test]
fn a_logger_may_have_a_watched_pool() {
    let environment = [("POOLSCOPE_LISTEN", "nonsense"), ("POOLSCOPE_STACKS", "nonsense")];
    if !is_alone("a_logger_may_have_a_watched_pool", &environment) {
        return;
    }
    log::set_logger(&Logger).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    drop(pool("orders").get().unwrap());
    assert_eq!(SAID.load(Ordering::Relaxed), 2, "of the address and of the stacks");
    assert!(LOGS.lock().unwrap().is_some());
    assert!(crate::process::running().is_none() && crate::address().is_none());
    crate::close();
    assert!(crate::start(crate::Options::new().listen("off")).is_ok());
    assert!(crate::start(crate::Options::new().listen("off")).is_err(), "it runs already");
}

/// What another thread holds at the fork is held for ever in the child.
#[test]
fn a_child_waits_for_no_lock_of_its_parent() {
    if !is_alone("a_child_waits_for_no_lock_of_its_parent", &[("POOLSCOPE_LISTEN", "off")]) {
        return;
    }
    static PARENTS: OnceLock<Pool> = OnceLock::new();
    let pool = PARENTS.get_or_init(|| pool("orders"));
    drop(pool.get().unwrap()); // nobody establishes connections in the child
    let child = crate::process::while_held(|| {
        // SAFETY: the child leaves by _exit, or with the alarm.
        let child = unsafe { libc::fork() };
        if child == 0 {
            unsafe { libc::alarm(15) };
            let silent = crate::process::running().is_none() && crate::address().is_none();
            let works = pool.get().is_ok() && crate::figures() == crate::Figures::default();
            unsafe { libc::_exit(if silent && works { 0 } else { 1 }) };
        }
        child
    });
    let mut status = -1;
    wait_for(
        "the child ends",
        || unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == child,
    );
    assert_eq!(status, 0);
}

/// r2d2 holds its own lock then.
#[test]
fn a_timeout_asks_for_no_trace() {
    if !is_alone("a_timeout_asks_for_no_trace", &[]) {
        return;
    }
    static ASKED: Mutex<Option<Pool>> = Mutex::new(None);
    static STATES: AtomicU64 = AtomicU64::new(0);
    let served = super::fake::serve(super::fake::quick());
    let pool = served.pool(1, "orders");
    *ASKED.lock().unwrap() = Some(pool.clone());
    crate::set_trace(|| {
        let pool = ASKED.lock().unwrap().clone()?;
        STATES.fetch_add(1, Ordering::Relaxed);
        Some((format!("{:032x}", pool.state().connections), "00f067aa0ba902b7".to_owned()))
    });
    let mut inspector = super::inspector::Inspector::attach(&served.path);
    inspector.picture();
    let held = pool.get().unwrap();
    assert!(pool.get_timeout(Duration::from_millis(5)).is_err());
    let told = inspector.until("timeout");
    let checkout = super::inspector::of_kind(&told, "checkout")[0];
    assert!(checkout.text("trace_id").is_some(), "{checkout:?}");
    let tags = checkout.get("tags").expect("tags");
    assert_eq!(tags.text("span_id"), Some("00f067aa0ba902b7"), "{checkout:?}");
    assert_eq!(told.last().unwrap().text("trace_id"), None);
    assert_eq!(STATES.load(Ordering::Relaxed), 1);
    drop(held);
    *ASKED.lock().unwrap() = None; // the pool may end
}
