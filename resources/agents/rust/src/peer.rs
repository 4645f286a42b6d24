// SPDX-License-Identifier: Apache-2.0
//! One inspector: what it said and what it is still to be told. Belongs to the agent's thread alone.

use std::collections::HashSet;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::wire::MAX_LINE;
use crate::{lines, process};

pub(crate) enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Socket::Unix(socket) => socket.as_raw_fd(),
            Socket::Tcp(socket) => socket.as_raw_fd(),
        }
    }
}

impl Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.read(buffer),
            Socket::Tcp(socket) => socket.read(buffer),
        }
    }

    pub(crate) fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Socket::Unix(socket) => socket.set_nonblocking(true),
            Socket::Tcp(socket) => socket.set_nonblocking(true),
        }
    }
}

/// Where a peer on TCP begins: one line, 4 KiB, some seconds, and a token to know.
pub(crate) struct Challenge {
    pub(crate) nonce: String,
    pub(crate) until: Instant,
}

pub(crate) const MOST_BEFORE_AUTH: usize = 4096;
pub(crate) const MOST_BAD_LINES: u32 = 1000; // then it is no inspector

/// A picture that waits for the names of its stacks, and what happened since.
pub(crate) struct Held {
    needs: HashSet<u64>,
    lines: Vec<u8>,
    last: u64,
}

pub(crate) struct Peer {
    socket: Socket,
    pub(crate) who: String,
    pub(crate) challenge: Option<Challenge>,
    pub(crate) gone: bool,
    input: Vec<u8>,
    skipping: bool, // the rest of a line that is too long
    out: Vec<u8>,
    sent: usize,       // of out
    progress: Instant, // when something was sent, or began to wait
    /// Of the last event that it was told of.
    pub(crate) number: u64,
    pub(crate) lost: u64,
    /// Stacks; none before the first picture.
    pub(crate) known: Option<HashSet<u64>>,
    /// Those of them that it gets when they have names.
    pub(crate) unnamed: HashSet<u64>,
    pub(crate) held: Option<Held>,
    pub(crate) picture_due: bool,
    pub(crate) not_before: Option<Instant>,
    pub(crate) bad_lines: u32,
}

impl Peer {
    pub(crate) fn new(socket: Socket, who: String, challenge: Option<Challenge>) -> Self {
        process::note_socket(socket.as_raw_fd());
        Peer {
            socket,
            who,
            challenge,
            gone: false,
            input: Vec::new(),
            skipping: false,
            out: Vec::new(),
            sent: 0,
            progress: Instant::now(),
            number: 0,
            lost: 0,
            known: None,
            unnamed: HashSet::new(),
            held: None,
            picture_due: true,
            not_before: None,
            bad_lines: 0,
        }
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Bytes that it has not taken yet.
    pub(crate) fn waiting(&self) -> usize {
        self.out.len() - self.sent
    }

    /// One that reads slowly has its last picture still to come.
    pub(crate) fn wants_picture(&self, now: Instant, most: usize) -> bool {
        self.picture_due
            && self.held.is_none()
            && self.not_before.is_none_or(|when| now >= when)
            && self.waiting() <= most
    }

    /// Begins a picture at one number, which is to be ended with these stacks.
    pub(crate) fn hold(&mut self, number: u64, needs: HashSet<u64>) {
        self.number = number;
        self.unnamed.clone_from(&needs);
        self.held = Some(Held { needs, lines: Vec::new(), last: number });
        self.release();
    }

    /// A stack that it waits for, as a line.
    pub(crate) fn tell_stack(&mut self, id: u64, line: &[u8]) {
        if self.unnamed.remove(&id) {
            self.send(line);
        }
        if let Some(held) = &mut self.held {
            held.needs.remove(&id);
            self.release();
        }
    }

    /// Ends the picture where nothing is missing any more.
    fn release(&mut self) {
        if let Some(held) = self.held.take_if(|held| held.needs.is_empty()) {
            let mut line = Vec::new();
            lines::ready(&mut line, self.number);
            self.send(&line);
            self.send(&held.lines);
            self.number = held.last;
        }
    }

    /// An event, with the stack that it names first.
    pub(crate) fn tell_event(&mut self, number: u64, line: &[u8]) {
        match &mut self.held {
            Some(held) => {
                held.lines.extend_from_slice(line);
                held.last = number;
            }
            None => {
                self.number = number;
                self.send(line);
            }
        }
    }

    /// An event of this size does not fit any more.
    pub(crate) fn is_full(&self, size: usize, most: usize) -> bool {
        let held = self.held.as_ref().map_or(0, |held| held.lines.len());
        self.waiting() + held + size > most
    }

    pub(crate) fn send(&mut self, lines: &[u8]) {
        if self.waiting() == 0 {
            self.progress = Instant::now();
        }
        self.out.extend_from_slice(lines);
    }

    /// Sends what it takes at once. One that takes nothing at all for a while is let go.
    pub(crate) fn flush(&mut self, stall: Duration) {
        while self.waiting() > 0 && !self.gone {
            match process::send(self.fd(), &self.out[self.sent..]) {
                Ok(0) => self.gone = true,
                Ok(size) => {
                    self.sent += size;
                    self.progress = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.gone = self.progress.elapsed() > stall;
                    break;
                }
                Err(_) => self.gone = true,
            }
        }
        const SPARE: usize = 256 << 10;
        if self.waiting() == 0 {
            self.out.clear();
            self.out.shrink_to(SPARE);
            self.sent = 0;
        } else if self.sent > SPARE {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// What came, at most so much at a time, as whole lines; `None` is one that is too long.
    pub(crate) fn read(&mut self) -> Vec<Option<Vec<u8>>> {
        let mut buffer = [0u8; 16 << 10];
        match self.socket.read(&mut buffer) {
            Ok(0) => self.gone = true,
            Ok(size) => return self.take(&buffer[..size]),
            Err(error) => {
                let kind = error.kind();
                self.gone = kind != io::ErrorKind::WouldBlock && kind != io::ErrorKind::Interrupted;
            }
        }
        Vec::new()
    }

    fn take(&mut self, bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let ends = piece.ends_with(b"\n");
            let piece = if ends { &piece[..piece.len() - 1] } else { piece };
            if !self.skipping {
                self.input.extend_from_slice(piece);
            }
            // With a carriage return it may be one longer.
            if self.input.len() > MAX_LINE + 1 {
                self.input = Vec::new();
                self.skipping = true;
            }
            if !ends {
                continue;
            }
            if std::mem::take(&mut self.skipping) {
                lines.push(None);
                continue;
            }
            let mut line = std::mem::take(&mut self.input);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty() {
                lines.push(Some(line));
            }
        }
        if self.challenge.is_some() && self.input.len() > MOST_BEFORE_AUTH {
            self.gone = true;
        }
        lines
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        process::forget_socket(self.socket.as_raw_fd());
    }
}
