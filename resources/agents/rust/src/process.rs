// SPDX-License-Identifier: Apache-2.0
//! The process: its one agent, forks, its end, when it began.

use std::ffi::CStr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::agent::{say_warning, Agent};
use crate::options::{Figures, Options};

/// The agent of one process. A forked child has another: the locks of its parent's may be held by
/// threads that are not there, and nothing of that agent is run in it, not even its end.
struct Slot {
    forks: u64,
    /// For a moment at a time; the application is never called under it.
    agent: Mutex<Option<Arc<Agent>>>,
    /// While one starts, which asks the system for this and that, but says nothing.
    starting: Mutex<()>,
}

static SLOT: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());

impl Slot {
    fn agent(&self) -> MutexGuard<'_, Option<Arc<Agent>>> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts one where none is. Also gives what is to be said, once no lock is held.
    fn start(&self, options: Options) -> Option<(Arc<Agent>, Result<(), String>)> {
        let _starting = self.starting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.agent().is_some() {
            return None;
        }
        let (agent, result) = Agent::start(options);
        *self.agent() = Some(agent.clone());
        Some((agent, result))
    }
}

fn slot() -> &'static Slot {
    loop {
        let forks = forks();
        let seen = SLOT.load(Ordering::Acquire);
        // SAFETY: what was once put there is never freed: it is one more a fork.
        if let Some(slot) = unsafe { seen.as_ref() }.filter(|slot| slot.forks == forks) {
            return slot;
        }
        let slot = Slot { forks, agent: Mutex::default(), starting: Mutex::default() };
        let fresh = Box::into_raw(Box::new(slot));
        if SLOT.compare_exchange(seen, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: nobody else has seen it.
            drop(unsafe { Box::from_raw(fresh) });
        }
    }
}

/// As if other threads were at it.
#[cfg(test)]
pub(crate) fn while_held<R>(act: impl FnOnce() -> R) -> R {
    let slot = slot();
    let _held = (slot.starting.lock(), slot.agent());
    act()
}

fn say_remarks(agent: &Agent) {
    if let Some(remark) = &agent.remark {
        say_warning(remark);
    }
}

/// The agent of the process, started with what the environment says if nobody did.
pub(crate) fn current() -> Arc<Agent> {
    watch();
    loop {
        let slot = slot();
        if let Some(agent) = &*slot.agent() {
            return agent.clone();
        }
        if let Some((agent, result)) = slot.start(Options::new()) {
            say_remarks(&agent);
            if let Err(why) = result {
                say_warning(&why);
            }
            return agent;
        }
    }
}

/// The agent of the process, where one runs.
#[cfg(any(test, feature = "diesel"))]
pub(crate) fn running() -> Option<Arc<Agent>> {
    slot().agent().clone().filter(|agent| !agent.is_off())
}

/// Why the agent does not listen: a sentence. Pools work all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Starts the agent with other options than the environment's. Call it before the first pool is
/// watched; where an agent runs already that is an error.
pub fn start(options: Options) -> Result<(), Error> {
    watch();
    match slot().start(options) {
        None => Err(Error("The agent runs already.".to_owned())),
        Some((agent, result)) => {
            say_remarks(&agent);
            result.map_err(Error)
        }
    }
}

/// Lets inspectors go, ends the agent and removes its socket; a process that leaves `main` or calls
/// `exit` does so by itself. Pools go on without; those that are made after it get a new agent.
pub fn close() {
    let agent = slot().agent().take();
    if let Some(agent) = agent {
        agent.close();
    }
}

/// Where the agent listens: `pool+unix:///…/4242-shop.sock`, `pool://127.0.0.1:7007`. `None` where it
/// does not.
pub fn address() -> Option<String> {
    slot().agent().as_ref().and_then(|agent| agent.address.get().cloned())
}

/// How the agent fares; all zero where there is none.
pub fn figures() -> Figures {
    slot().agent().as_ref().map(|agent| agent.figures()).unwrap_or_default()
}

static FORKS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn forks() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// Sockets of the agent, which a forked child closes. At most a listener, its bell and the peers.
static SOCKETS: [AtomicI32; 24] = [const { AtomicI32::new(-1) }; 24];

pub(crate) fn note_socket(fd: i32) {
    for slot in &SOCKETS {
        if slot.compare_exchange(-1, fd, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            return;
        }
    }
}

pub(crate) fn forget_socket(fd: i32) {
    for slot in &SOCKETS {
        let _ = slot.compare_exchange(fd, -1, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// In the child, where only this thread goes on: nothing but what a signal handler may do.
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    for slot in &SOCKETS {
        let fd = slot.swap(-1, Ordering::Relaxed);
        if fd >= 0 {
            // SAFETY: what owned it is never run in this process: see slot().
            unsafe { libc::close(fd) };
        }
    }
}

extern "C" fn at_exit() {
    // The lock may be held by a thread that ends with the process.
    let agent = slot().agent.try_lock().ok().and_then(|agent| agent.clone());
    if let Some(agent) = agent {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| agent.close()));
    }
}

/// Of what becomes of the process: once.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: both functions take no arguments, never unwind and live as long as the process.
        unsafe {
            libc::pthread_atfork(None, None, Some(in_child));
            libc::atexit(at_exit);
        }
    });
}

pub(crate) fn host_name() -> String {
    let mut buffer = [0u8; 256];
    // SAFETY: the buffer is as long as said, and its last byte stays zero.
    let result = unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    match CStr::from_bytes_until_nul(&buffer) {
        Ok(name) if result == 0 => name.to_string_lossy().into_owned(),
        _ => String::new(),
    }
}

/// When the system started the process, from its age on the clock that counts suspension.
pub(crate) fn started() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = &stat[stat.rfind(')')? + 1..];
    // Hundredths: what Linux tells programs, whatever it counts.
    let ticks: f64 = after_name.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let up: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let age = up - ticks / 100.0;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    (age >= 0.0).then(|| crate::pool::micros(now).saturating_sub((age * 1e6) as u64))
}

/// Sends without a signal where nobody is at the other end.
pub(crate) fn send(fd: i32, bytes: &[u8]) -> std::io::Result<usize> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const FLAGS: libc::c_int = libc::MSG_NOSIGNAL;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const FLAGS: libc::c_int = 0; // the standard library sets the socket so
                                  // SAFETY: the bytes are as many as said.
    let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), FLAGS) };
    usize::try_from(sent).map_err(|_| std::io::Error::last_os_error())
}
