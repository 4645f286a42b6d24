// SPDX-License-Identifier: Apache-2.0
//! The endpoint of a process, and the one lock under which what pools report changes.

use std::collections::BTreeSet;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::endpoint::{self, Endpoint};
use crate::events::{Counters, Log};
use crate::frames::Ownership;
use crate::lines::Hello;
use crate::options::{Figures, Options};
use crate::outside::Outside;
use crate::pool::{Pool, PoolData};
use crate::process;
use crate::server::Server;
use crate::stack::{Stacks, Table};
use crate::wire::{cut, MAX_POOL_NAME};

#[derive(Default)]
pub(crate) struct State {
    pub(crate) ids: u64,
    pub(crate) log: Log,
    pub(crate) pools: Vec<PoolData>,
}

pub(crate) struct Agent {
    pub(crate) options: Options,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) stacks: Stacks,
    pub(crate) depth: usize,
    pub(crate) table: Table,
    pub(crate) ownership: Ownership,
    pub(crate) counters: Counters,
    pub(crate) address: OnceLock<String>,
    pub(crate) outside: Outside,
    pub(crate) stopping: AtomicBool,
    pub(crate) changed: AtomicBool,
    pub(crate) began: Instant,
    epoch: u64, // the wall clock, microseconds, when it began
    off: AtomicBool,
    attached: AtomicBool,
    keys: AtomicU64,
    state: Mutex<State>,
    bell: Option<UnixStream>,
    thread: Mutex<Option<JoinHandle<()>>>,
    refusals: Mutex<(Option<Instant>, u64)>,
    fork_count: u64,
    /// In its thread, the next time that it wakes.
    #[cfg(test)]
    pub(crate) fails: AtomicBool,
    /// What is to be said of its options, by who started it and when no lock is held.
    pub(crate) remark: Option<String>,
}

/// An environment variable, where it says something.
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn program() -> String {
    let name = std::env::args_os().next();
    let name = name.as_deref().map(Path::new).and_then(Path::file_name);
    name.map_or_else(|| "rust".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl Agent {
    /// Starts one; where it cannot listen it is switched off and says why.
    pub(crate) fn start(options: Options) -> (Arc<Agent>, Result<(), String>) {
        process::watch();
        let listen =
            options.listen.clone().or_else(|| said("POOLSCOPE_LISTEN")).unwrap_or_default();
        let (bell, hears) = match UnixStream::pair() {
            Ok((bell, hears)) => (Some(bell), Ok(hears)),
            Err(error) => (None, Err(Some(format!("The agent cannot start: {error}.")))),
        };
        let agent = Arc::new(Self::new(options, bell));
        let made = endpoint::open(
            &listen,
            &agent.name,
            agent.options.group.as_deref(),
            !agent.token.is_empty(),
        );
        let result = match made {
            Ok(Some(endpoint)) => hears.and_then(|hears| agent.serve(endpoint, hears)),
            Ok(None) => Err(None),
            Err(why) => Err(Some(why)),
        };
        match result {
            Ok(()) => (agent, Ok(())),
            Err(why) => {
                agent.off.store(true, Ordering::Relaxed);
                (agent, why.map_or(Ok(()), Err))
            }
        }
    }

    fn serve(
        self: &Arc<Self>,
        endpoint: Endpoint,
        hears: UnixStream,
    ) -> Result<(), Option<String>> {
        let _ = self.address.set(endpoint.address.clone());
        let server = Server::new(self.clone(), endpoint, hears)
            .map_err(|error| Some(format!("The agent cannot listen: {error}.")))?;
        let thread = std::thread::Builder::new()
            .name("poolscope".to_owned())
            .spawn(move || server.run())
            .map_err(|error| Some(format!("The agent's thread cannot start: {error}.")))?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    fn new(options: Options, bell: Option<UnixStream>) -> Self {
        if let Some(bell) = &bell {
            let _ = bell.set_nonblocking(true);
        }
        let mut remark = None;
        let stacks = options.stacks.or_else(|| {
            let text = said("POOLSCOPE_STACKS")?;
            let stacks = Stacks::parse(&text);
            if stacks.is_none() {
                remark = Some(format!(
                    "POOLSCOPE_STACKS is {text:?}: off, sampled, always or near_exhaustion is meant. Taking always."
                ));
            }
            stacks
        });
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Agent {
            name: options.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(program),
            token: options.token.clone().or_else(|| said("POOLSCOPE_TOKEN")).unwrap_or_default(),
            stacks: stacks.unwrap_or(Stacks::Always),
            depth: options.depth.unwrap_or(40),
            table: Table::new(),
            ownership: Ownership::new(&options.own),
            counters: Counters::default(),
            address: OnceLock::new(),
            outside: Outside::default(),
            stopping: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            began: Instant::now(),
            epoch: crate::pool::micros(wall),
            off: AtomicBool::new(false),
            attached: AtomicBool::new(false),
            keys: AtomicU64::new(0),
            state: Mutex::default(),
            bell,
            thread: Mutex::default(),
            refusals: Mutex::default(),
            fork_count: process::forks(),
            #[cfg(test)]
            fails: AtomicBool::new(false),
            remark,
            options,
        }
    }

    /// Lets inspectors go and removes the socket. Waits a moment for that, not longer.
    pub(crate) fn close(&self) {
        self.off.store(true, Ordering::Relaxed);
        self.stopping.store(true, Ordering::Release);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if self.is_forked() {
            std::mem::forget(thread); // it is the parent's
            return;
        }
        self.ring_bell();
        let Some(thread) = thread else { return };
        let patience = Instant::now() + Duration::from_millis(500);
        while !thread.is_finished() && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed) || self.is_forked()
    }

    /// In a child of the process that started it, where nobody serves.
    pub(crate) fn is_forked(&self) -> bool {
        self.fork_count != process::forks()
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.attached.load(Ordering::Relaxed) && !self.is_forked()
    }

    /// The protocol's clock, in microseconds.
    pub(crate) fn now(&self) -> u64 {
        self.epoch + crate::pool::micros(self.began.elapsed())
    }

    pub(crate) fn next_key(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change<R: Default>(
        &self,
        key: u64,
        act: impl FnOnce(&mut PoolData, &mut Log) -> R,
    ) -> R {
        self.change_counting(key, |pool, log, _| act(pool, log))
    }

    /// Changes one pool, if it is there still. The third is the last checkout's number.
    pub(crate) fn change_counting<R: Default>(
        &self,
        key: u64,
        act: impl FnOnce(&mut PoolData, &mut Log, &mut u64) -> R,
    ) -> R {
        if self.is_off() {
            return R::default();
        }
        let mut state = self.state();
        let State { ids, log, pools } = &mut *state;
        let Some(pool) = pools.iter_mut().find(|pool| pool.key == key) else {
            return R::default();
        };
        let result = act(pool, log, ids);
        let filled = std::mem::take(&mut log.filled);
        drop(state);
        if filled {
            self.ring_bell();
        }
        result
    }

    /// Wakes the agent's thread.
    pub(crate) fn ring_bell(&self) {
        if let Some(bell) = &self.bell {
            let _ = process::send(bell.as_raw_fd(), &[1]); // full: it is awake
        }
    }

    pub(crate) fn pools_changed(&self) {
        if !self.is_off() && !self.changed.swap(true, Ordering::AcqRel) {
            self.ring_bell();
        }
    }

    /// Makes a pool visible, under a name that no other has, unless it is.
    pub(crate) fn show(&self, pool: &Pool) {
        if self.is_off() {
            return;
        }
        let mut data = pool.data();
        let wanted = match cut(&pool.wanted, MAX_POOL_NAME - 8).0 {
            "" => "pool",
            name => name,
        };
        let mut state = self.state();
        if state.pools.iter().any(|other| other.key == pool.key) {
            return;
        }
        let mut name = wanted.to_owned();
        for i in 2.. {
            if !state.pools.iter().any(|other| *other.name == *name) {
                break;
            }
            name = format!("{wanted}-{i}");
        }
        data.name = Arc::from(name);
        state.pools.push(data);
        drop(state);
        self.pools_changed();
    }

    /// Takes a pool away; connections that are still held go with it.
    pub(crate) fn hide(&self, key: u64) {
        if self.is_forked() {
            return;
        }
        let mut state = self.state();
        let at = state.pools.iter().position(|pool| pool.key == key);
        let gone = at.map(|at| state.pools.remove(at));
        drop(state);
        if gone.is_some() {
            self.pools_changed();
        }
    }

    /// Switches the pools' reports on with the first inspector, and off with the last.
    pub(crate) fn attach(&self, attached: bool) -> u64 {
        let mut state = self.state();
        let most = if attached { self.options.limits.ring_events } else { 0 };
        let before = std::mem::take(&mut state.log.ring);
        state.log.most = most;
        state.log.ring = Vec::with_capacity(most.min(1024));
        state.log.dropped = 0;
        let number = state.log.number;
        self.attached.store(attached, Ordering::Relaxed);
        drop(state);
        drop(before);
        number
    }

    pub(crate) fn hello(&self, pools: &[&PoolHello]) -> Hello {
        let words: BTreeSet<_> = pools.iter().flat_map(|pool| pool.words.iter().copied()).collect();
        Hello {
            now: self.now(),
            agent: "poolscope-rust".to_owned(),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            language: "Rust".to_owned(),
            process: self.name.clone(),
            pid: Some(u64::from(std::process::id())),
            host: process::host_name(),
            started: process::started(),
            can: words.into_iter().map(str::to_owned).collect(),
            pools: pools.iter().map(|pool| pool.info.clone()).collect(),
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let c = &self.counters;
        Figures {
            attached: read(&c.attached),
            accepted: read(&c.accepted),
            refused: read(&c.refused),
            dropped: read(&c.dropped),
            pictures: read(&c.pictures),
            bad_lines: read(&c.bad_lines),
            stacks: self.table.count(),
            faults: read(&c.faults),
        }
    }

    /// Runs a hook; what goes wrong in it stays here, and is told once.
    pub(crate) fn guard<R>(&self, hook: impl FnOnce() -> R) -> Option<R> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(hook));
        if result.is_err() && self.counters.faults.fetch_add(1, Ordering::Relaxed) == 0 {
            say_warning("The agent failed, and the application goes on without what it missed.");
        }
        result.ok()
    }

    /// At most one line in ten seconds: whoever reaches the socket can cause them.
    pub(crate) fn say_refusal(&self, sentence: &str) {
        const BETWEEN: Duration = Duration::from_secs(10);
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if refusals.0.is_some_and(|last| now.duration_since(last) < BETWEEN) {
            refusals.1 += 1;
            return;
        }
        let untold = std::mem::take(&mut refusals.1);
        refusals.0 = Some(now);
        drop(refusals);
        if untold > 0 {
            say_warning(&format!(
                "{sentence} Since the last such line {untold} more were refused."
            ));
        } else {
            say_warning(sentence);
        }
    }
}

/// A pool's part of hello.
pub(crate) struct PoolHello {
    pub(crate) info: crate::lines::PoolInfo,
    pub(crate) words: Vec<&'static str>,
}

/// What the application's logger throws is not the pool's trouble.
pub(crate) fn say(sentence: &str) {
    let _ = std::panic::catch_unwind(|| log::info!(target: "poolscope", "{sentence}"));
}

pub(crate) fn say_warning(sentence: &str) {
    let _ = std::panic::catch_unwind(|| log::warn!(target: "poolscope", "{sentence}"));
}
