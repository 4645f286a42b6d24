// SPDX-License-Identifier: Apache-2.0
//! The other end of the protocol, as tests need it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::json::{self, Value};

pub(super) struct Inspector {
    lines: BufReader<UnixStream>,
    asked: u64,
}

impl Inspector {
    pub(super) fn attach(path: &Path) -> Self {
        let socket = UnixStream::connect(path).expect("somebody listens");
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Inspector { lines: BufReader::new(socket), asked: 0 }
    }

    pub(super) fn say(&mut self, text: &str) {
        self.lines.get_mut().write_all(text.as_bytes()).expect("is heard");
    }

    pub(super) fn ask(&mut self, kind: &str) -> u64 {
        self.asked += 1;
        self.say(&format!("{{\"k\":\"{kind}\",\"n\":{}}}\n", self.asked));
        self.asked
    }

    /// The next line; `None` where the agent let it go.
    pub(super) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(json::parse(line.trim_end()).unwrap_or_else(|| panic!("{line}"))),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("nothing was said: {error}"),
        }
    }

    /// Lines up to the first of a kind, with it.
    pub(super) fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let line = self.next().unwrap_or_else(|| panic!("no {kind} came"));
            let found = line.text("k") == Some(kind);
            all.push(line);
            if found {
                return all;
            }
        }
    }

    pub(super) fn first(&mut self, kind: &str) -> Value {
        self.until(kind).pop().unwrap()
    }

    pub(super) fn picture(&mut self) -> Vec<Value> {
        self.until("ready")
    }
}

pub(super) fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line.text("k") == Some(kind)).collect()
}

/// Folds what is told, as an inspector does, and finds what cannot be.
#[derive(Default)]
pub(super) struct World {
    pub(super) open: BTreeMap<String, String>,
    pub(super) lent: BTreeMap<String, String>,
    pub(super) number: u64,
    pub(super) gaps: u64,
    picture: bool,
}

impl World {
    pub(super) fn take(&mut self, line: &Value) {
        let text = |key| line.text(key).unwrap_or_default().to_owned();
        let number = line.number("n").expect("a number");
        let kind = line.text("k").expect("a kind");
        let event =
            ["open", "close", "wait", "checkout", "use", "checkin", "timeout"].contains(&kind);
        match kind {
            "hello" => *self = World { number, picture: true, gaps: self.gaps, ..World::default() },
            "ready" => self.picture = false,
            "lost" => {
                self.gaps += 1;
                self.number = number;
            }
            _ if self.picture => assert_eq!(number, self.number, "{line:?}"),
            _ if event => {
                assert_eq!(number, self.number + 1, "{line:?}");
                self.number = number;
            }
            _ => assert!(number <= self.number, "{line:?}"),
        }
        let certain = self.gaps == 0;
        match kind {
            "open" => assert!(self.open.insert(text("conn"), text("pool")).is_none() || !certain),
            "close" => assert!(self.open.remove(&text("conn")).is_some() || !certain, "{line:?}"),
            "checkout" => {
                assert!(self.open.contains_key(&text("conn")) || !certain, "{line:?}");
                assert!(
                    self.lent.insert(text("id"), text("conn")).is_none() || !certain,
                    "{line:?}"
                );
            }
            "checkin" => {
                // Its checkout may be among what was lost.
                assert!(self.lent.remove(&text("id")).is_some() || !certain, "{line:?}");
            }
            _ => {}
        }
    }
}
