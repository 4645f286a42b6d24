// SPDX-License-Identifier: Apache-2.0
//! How an agent works, and how it fares.

use std::time::Duration;

use crate::stack::Stacks;

/// How the process's one agent works. What is not set says the environment, or a default.
///
/// ```no_run
/// poolscope::start(poolscope::Options::new().name("shop").group("dba")).ok();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) name: Option<String>,
    pub(crate) listen: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) stacks: Option<Stacks>,
    pub(crate) depth: Option<usize>,
    pub(crate) own: Vec<String>,
    pub(crate) limits: Limits,
}

/// What tests change.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) ring_events: usize,
    pub(crate) peer_bytes: usize,
    pub(crate) drain: Duration,
    pub(crate) stats: Duration,
    pub(crate) auth: Duration,
    pub(crate) stall: Duration,
    pub(crate) settle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            ring_events: 16 << 10,
            peer_bytes: 8 << 20,
            drain: Duration::from_millis(10),
            stats: Duration::from_secs(1),
            auth: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            settle: Duration::from_millis(250),
        }
    }
}

impl Options {
    /// All as the environment says, or by default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Of the process, for people, and in the socket's name. Else the program's.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As `POOLSCOPE_LISTEN`: `unix:/path`, `/path`, `host:port` on loopback, `off`.
    pub fn listen(mut self, listen: impl Into<String>) -> Self {
        self.listen = Some(listen.into());
        self
    }

    /// For TCP, where it is needed. Else what `POOLSCOPE_TOKEN` says.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// A group of the operating system whose members may attach to the Unix socket. Else only the same
    /// user, and root.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Else what `POOLSCOPE_STACKS` says (`off`, `sampled`, `always`, `near_exhaustion`), else always.
    pub fn stacks(mut self, stacks: Stacks) -> Self {
        self.stacks = Some(stacks);
        self
    }

    /// How many frames of a stack are walked, 1 to 64. Else 40.
    pub fn stack_depth(mut self, frames: usize) -> Self {
        self.depth = Some(frames);
        self
    }

    /// A crate whose frames are the application's own, beside those that are compiled from outside of
    /// cargo's registry. As in the names of its functions, so with `_` for `-`.
    pub fn own(mut self, name: impl Into<String>) -> Self {
        self.own.push(name.into());
        self
    }
}

/// Counts since the agent was started; only `attached` falls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figures {
    /// Inspectors, now.
    pub attached: u64,
    /// Who was let in to be asked or served.
    pub accepted: u64,
    /// By credentials, token or limits.
    pub refused: u64,
    /// Events, because the ring was full or an inspector read too slowly.
    pub dropped: u64,
    /// Pictures sent.
    pub pictures: u64,
    /// Lines of inspectors that could not be read.
    pub bad_lines: u64,
    /// Distinct stacks.
    pub stacks: u64,
    /// Of the agent itself; the first is on the log.
    pub faults: u64,
}
