// SPDX-License-Identifier: Apache-2.0
//! Names the frames of a stack: on the agent's thread alone, as that may read much debug information.

use std::collections::HashMap;

use crate::lines::Frame;
use crate::stack::Stack;
use crate::wire::MAX_FRAMES;

/// Tells the application's frames from others'.
pub(crate) struct Ownership {
    crates: Vec<String>,
}

/// The crate of a function as it is named in a binary: `shop::orders::load`,
/// `<shop::Order as core::fmt::Display>::fmt`.
fn crate_of(function: &str) -> &str {
    let name = function.trim_start_matches(['<', '&', '*']);
    let name = name.strip_prefix("mut ").or(name.strip_prefix("dyn ")).unwrap_or(name);
    let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(name.len());
    &name[..end]
}

/// A folder's name as cargo's cache has it: `r2d2-0.8.10`.
fn is_versioned(folder: &str) -> bool {
    folder.rsplit_once('-').is_some_and(|(name, version)| {
        !name.is_empty()
            && version.split('.').count() >= 3
            && version.starts_with(|c: char| c.is_ascii_digit())
    })
}

impl Ownership {
    pub(crate) fn new(crates: &[String]) -> Self {
        Ownership { crates: crates.iter().map(|name| name.replace('-', "_")).collect() }
    }

    /// Of cargo's cache, the compiler's library, or a vendored copy; also with shortened paths.
    fn is_library(file: &str) -> bool {
        const PLACES: [&str; 9] = [
            "/registry/src/",
            "/git/checkouts/",
            "/rustc/",
            "/rustc-",
            "/rustlib/",
            "/vendor/",
            "/library/std/",
            "/library/core/",
            "/usr/share/cargo/",
        ];
        PLACES.iter().any(|part| file.contains(part))
            || !file.starts_with('/') && file.split('/').next().is_some_and(is_versioned)
    }

    fn is_own(&self, function: &str, file: &str) -> bool {
        let name = crate_of(function);
        if self.crates.iter().any(|own| own == name) {
            return true;
        }
        const OTHERS: [&str; 8] =
            ["std", "core", "alloc", "r2d2", "diesel", "tokio", "backtrace", "test"];
        file.ends_with(".rs")
            && !Self::is_library(file)
            && !OTHERS.contains(&name)
            && !name.is_empty()
    }
}

/// This crate's functions, which are left out. Those that were compiled into others have no path in
/// their names, but a file.
fn is_agents(function: &str, file: &str) -> bool {
    const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/");
    let tests = function.contains("::tests::") || file.contains("/src/tests/");
    let mine = matches!(crate_of(function), "poolscope" | "backtrace") || file.starts_with(HERE);
    mine && !tests
}

/// The pool's own functions, and Diesel's.
fn is_pools(frame: &Frame) -> bool {
    matches!(crate_of(&frame.function), "r2d2" | "diesel")
        || ["/r2d2-", "/diesel-"].iter().any(|part| frame.file.contains(part))
}

/// From the pool or the application outwards, to where the application began.
fn trimmed(mut frames: Vec<Frame>) -> Vec<Frame> {
    if let Some(first) = frames.iter().position(|frame| frame.own || is_pools(frame)) {
        frames.drain(..first);
    }
    if let Some(last) = frames.iter().rposition(|frame| frame.own) {
        frames.truncate(last + 1);
    }
    frames.truncate(MAX_FRAMES);
    frames
}

const MOST_NAMED: usize = 100_000; // addresses; with more the cache begins anew

/// What addresses are called: kept, as stacks share most of theirs.
#[derive(Default)]
pub(crate) struct Namer {
    known: HashMap<usize, Vec<Frame>>,
}

impl Namer {
    /// Innermost first, without the agent's own.
    pub(crate) fn frames(&mut self, stack: &Stack, ownership: &Ownership) -> Vec<Frame> {
        if self.known.len() > MOST_NAMED {
            self.known.clear();
        }
        let mut frames = Vec::new();
        for &address in &stack.addresses {
            let named = self.known.entry(address).or_insert_with(|| name(address, ownership));
            frames.extend(named.iter().cloned());
        }
        trimmed(frames)
    }
}

/// A return address is several frames where functions were compiled into one.
fn name(address: usize, ownership: &Ownership) -> Vec<Frame> {
    let mut frames = Vec::new();
    backtrace::resolve(address as *mut _, |symbol| {
        // "{:#}" leaves the hash out.
        let function = symbol.name().map(|name| format!("{name:#}")).unwrap_or_default();
        let file = symbol.filename().map(|path| path.display().to_string()).unwrap_or_default();
        if (function.is_empty() && file.is_empty()) || is_agents(&function, &file) {
            return;
        }
        frames.push(Frame {
            own: ownership.is_own(&function, &file),
            function,
            file,
            line: symbol.lineno().unwrap_or(0),
        });
    });
    frames
}

#[cfg(test)]
#[path = "tests/frames.rs"]
mod tests;
