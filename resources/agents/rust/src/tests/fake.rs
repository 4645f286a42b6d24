// SPDX-License-Identifier: Apache-2.0
//! Connections that do nothing.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::options::{Limits, Options};
use crate::watch::{watch_with, Watch};

#[derive(Clone, Debug, Default)]
pub(super) struct Manager {
    pub(super) broken: Arc<AtomicBool>,
    pub(super) made: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(super) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed on purpose")
    }
}

impl std::error::Error for Failed {}

impl r2d2::ManageConnection for Manager {
    type Connection = u64;
    type Error = Failed;

    fn connect(&self) -> Result<u64, Failed> {
        Ok(self.made.fetch_add(1, Ordering::Relaxed) + 1000)
    }
    fn is_valid(&self, _: &mut u64) -> Result<(), Failed> {
        Ok(())
    }
    fn has_broken(&self, _: &mut u64) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

pub(super) type Pool = r2d2::Pool<Manager>;

/// A folder that ends with the test.
pub(super) struct Folder(pub(super) std::path::PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("psu-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An agent of its own, on a socket of its own.
pub(super) struct Served {
    pub(super) agent: Arc<Agent>,
    pub(super) path: std::path::PathBuf,
    _folder: Folder,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.agent.close();
    }
}

pub(super) fn quick() -> Limits {
    Limits {
        drain: Duration::from_millis(2),
        settle: Duration::from_millis(1),
        ..Limits::default()
    }
}

pub(super) fn serve(limits: Limits) -> Served {
    serve_with(Options { limits, ..Options::default() })
}

pub(super) fn serve_with(options: Options) -> Served {
    let folder = Folder::new();
    let path = folder.0.join("a.sock");
    let (agent, result) = Agent::start(options.listen(path.display().to_string()).name("shop"));
    assert_eq!(result, Ok(()));
    Served { agent, path, _folder: folder }
}

impl Served {
    pub(super) fn watch(&self, max: u32, name: &str) -> Watch<Manager> {
        let builder = r2d2::Pool::builder().max_size(max).min_idle(Some(0));
        watch_with(self.agent.clone(), builder.test_on_check_out(false), name)
    }

    pub(super) fn pool(&self, max: u32, name: &str) -> Pool {
        self.watch(max, name).build(Manager::default()).expect("a pool")
    }
}

/// Until it holds, for half a minute.
pub(super) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
