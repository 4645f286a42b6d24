// SPDX-License-Identifier: Apache-2.0
//! The agent's one thread: lets inspectors in and hears them, by one poll of all sockets. It sleeps
//! while nobody is attached. What it tells them is in tell.rs.

use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::agent::{say, say_warning, Agent};
use crate::command::{self, Command};
use crate::endpoint::{Endpoint, Listener};
use crate::events::count;
use crate::lines;
use crate::names::Names;
use crate::peer::{Challenge, Peer, Socket, MOST_BAD_LINES};
use crate::{process, users};

const MOST_PEERS: usize = 16;
const MOST_CHALLENGED: usize = 8;
const ACCEPT_AGAIN: Duration = Duration::from_millis(100); // too many open files, perhaps

pub(crate) struct Server {
    pub(crate) agent: Arc<Agent>,
    endpoint: Endpoint,
    hears: UnixStream,
    pub(crate) peers: Vec<Peer>,
    accept_after: Option<Instant>,
    next_round: Instant,
    pub(crate) next_stats: Instant,
    pub(crate) serving: bool,
    /// Number of the last event that was taken out, or known to be dropped.
    pub(crate) last_taken: u64,
    pub(crate) names: Names,
}

impl Server {
    pub(crate) fn new(
        agent: Arc<Agent>,
        endpoint: Endpoint,
        hears: UnixStream,
    ) -> io::Result<Self> {
        hears.set_nonblocking(true)?;
        match &endpoint.listener {
            Listener::Unix(listener) => listener.set_nonblocking(true)?,
            Listener::Tcp(listener) => listener.set_nonblocking(true)?,
        }
        process::note_socket(endpoint.listener.as_raw_fd());
        Ok(Server {
            agent,
            endpoint,
            hears,
            peers: Vec::new(),
            accept_after: None,
            next_round: Instant::now(),
            next_stats: Instant::now(),
            serving: false,
            last_taken: 0,
            names: Names::default(),
        })
    }

    /// Until the agent is closed. Where something fails, whoever is attached is let go and may come
    /// back.
    pub(crate) fn run(mut self) {
        let agent = self.agent.clone();
        while !agent.stopping.load(Ordering::Acquire) {
            if agent.guard(|| self.step()).is_none() {
                self.peers.clear();
                let _ = agent.guard(|| self.count()); // nobody is attached: no more reports
                std::thread::sleep(ACCEPT_AGAIN);
            }
        }
        self.peers.clear();
        self.count();
        process::forget_socket(self.endpoint.listener.as_raw_fd());
    }

    fn step(&mut self) {
        let (bell, listener, ready) = self.poll();
        #[cfg(test)]
        assert!(!self.agent.fails.swap(false, Ordering::Relaxed), "on purpose");
        if bell {
            let mut buffer = [0u8; 64];
            while matches!(self.hears.read(&mut buffer), Ok(size) if size > 0) {}
            self.next_round = Instant::now();
            self.tell_names();
        }
        if listener {
            self.accept();
        }
        for (index, heard) in ready.into_iter().enumerate() {
            if heard {
                self.hear(index);
            }
        }
        if self.agent.changed.swap(false, Ordering::AcqRel) {
            self.peers.iter_mut().for_each(|peer| peer.picture_due = true);
        }
        let now = Instant::now();
        for peer in &mut self.peers {
            peer.gone |= peer.challenge.as_ref().is_some_and(|challenge| now >= challenge.until);
        }
        self.reap();
        if self.serving && now >= self.next_round {
            self.next_round = now + self.agent.options.limits.drain;
            self.round();
        }
        let stall = self.agent.options.limits.stall;
        self.peers.iter_mut().for_each(|peer| peer.flush(stall));
        self.reap();
    }

    /// How long nothing can be due.
    fn patience(&self) -> libc::c_int {
        let mut until = self.serving.then_some(self.next_round);
        let deadlines = self.peers.iter().filter_map(|peer| Some(peer.challenge.as_ref()?.until));
        for due in deadlines.chain(self.accept_after) {
            until = Some(until.map_or(due, |until| until.min(due)));
        }
        let Some(until) = until else { return -1 };
        let left = until.saturating_duration_since(Instant::now());
        // Rounded up: not to wake too early.
        libc::c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(1000)
    }

    /// Whether the bell rang, somebody wants in, and who said something.
    fn poll(&mut self) -> (bool, bool, Vec<bool>) {
        let entry = |fd, events| libc::pollfd { fd, events, revents: 0 };
        if self.accept_after.is_some_and(|until| Instant::now() >= until) {
            self.accept_after = None;
        }
        let accepting = if self.accept_after.is_none() { libc::POLLIN } else { 0 };
        let mut entries = vec![
            entry(self.hears.as_raw_fd(), libc::POLLIN),
            entry(self.endpoint.listener.as_raw_fd(), accepting),
        ];
        let most = self.agent.options.limits.peer_bytes / 2;
        for peer in &self.peers {
            // Who asks and does not read is not listened to.
            let reads = if peer.waiting() <= most { libc::POLLIN } else { 0 };
            let writes = if peer.waiting() > 0 { libc::POLLOUT } else { 0 };
            entries.push(entry(peer.fd(), reads | writes));
        }
        // SAFETY: the entries are as many as said.
        unsafe { libc::poll(entries.as_mut_ptr(), entries.len() as libc::nfds_t, self.patience()) };
        let heard = |entry: &libc::pollfd| entry.revents & !libc::POLLOUT != 0;
        let ready = entries[2..].iter().map(heard).collect();
        (heard(&entries[0]), heard(&entries[1]), ready)
    }

    fn accept(&mut self) {
        loop {
            let accepted = match &self.endpoint.listener {
                Listener::Unix(listener) => {
                    listener.accept().map(|(socket, _)| Socket::Unix(socket))
                }
                Listener::Tcp(listener) => listener.accept().map(|(socket, _)| Socket::Tcp(socket)),
            };
            match accepted {
                Ok(socket) => self.admit(socket),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.accept_after = Some(Instant::now() + ACCEPT_AGAIN);
                    }
                    return;
                }
            }
        }
    }

    fn admit(&mut self, socket: Socket) {
        let agent = self.agent.clone();
        let challenged = self.peers.iter().filter(|peer| peer.challenge.is_some()).count();
        let full = self.peers.len() >= MOST_PEERS || challenged >= MOST_CHALLENGED;
        let mut who = "A peer".to_owned();
        let mut allowed = true;
        if !self.endpoint.needs_token {
            let identity = users::peer_of(socket.as_raw_fd());
            allowed = identity.as_ref().is_some_and(|one| one.is_allowed(self.endpoint.group));
            if let Some(one) = identity {
                who = format!("Process {} of user {}", one.pid, one.uid);
            }
        }
        if full || !allowed || socket.set_nonblocking().is_err() {
            count(&agent.counters.refused);
            agent.say_refusal(&if full {
                format!("{who} cannot attach: too many are attached.")
            } else {
                format!("{who} may not attach.")
            });
            return;
        }
        if !self.endpoint.needs_token {
            count(&agent.counters.accepted);
            self.peers.push(Peer::new(socket, who, None));
            self.joined();
            return;
        }
        let Some(nonce) = nonce() else { return }; // no randomness, no entry
        count(&agent.counters.accepted);
        let until = Instant::now() + agent.options.limits.auth;
        let mut line = Vec::new();
        lines::challenge(&mut line, &nonce);
        let mut peer = Peer::new(socket, who, Some(Challenge { nonce, until }));
        peer.send(&line);
        self.peers.push(peer);
    }

    fn joined(&mut self) {
        if let Some(peer) = self.peers.last() {
            say(&format!("{} attached.", peer.who));
        }
        self.next_round = Instant::now();
        self.count();
    }

    /// Switches the pools' reports on with the first peer, and off with the last.
    fn count(&mut self) {
        let served = self.peers.iter().filter(|peer| peer.challenge.is_none()).count();
        self.agent.counters.attached.store(served as u64, Ordering::Relaxed);
        let serving = served > 0;
        if serving != self.serving {
            self.serving = serving;
            self.last_taken = self.agent.attach(serving);
        }
    }

    fn reap(&mut self) {
        let before = self.peers.len();
        let refused = &self.agent.counters.refused;
        self.peers.retain(|peer| {
            if peer.gone {
                match peer.challenge {
                    None => say(&format!("{} is detached.", peer.who)),
                    Some(_) => count(refused),
                }
            }
            !peer.gone
        });
        if self.peers.len() != before {
            self.count();
        }
    }

    fn hear(&mut self, index: usize) {
        let Some(peer) = self.peers.get_mut(index) else { return };
        for line in peer.read() {
            let command = line.as_deref().and_then(command::read);
            if self.peers[index].gone {
                return;
            }
            if self.peers[index].challenge.is_some() {
                self.judge(index, command);
                continue;
            }
            match command {
                Some((number, command)) => self.obey(index, number, &command),
                None => {
                    count(&self.agent.counters.bad_lines);
                    let peer = &mut self.peers[index];
                    peer.bad_lines += 1;
                    peer.gone = peer.bad_lines > MOST_BAD_LINES;
                }
            }
        }
    }

    /// The one line that a peer on TCP has.
    fn judge(&mut self, index: usize, command: Option<(u64, Command)>) {
        let peer = &mut self.peers[index];
        let (Some(challenge), Some((number, Command::Auth { mac }))) = (&peer.challenge, command)
        else {
            peer.gone = true;
            return;
        };
        if !command::knows_token(&self.agent.token, &challenge.nonce, &mac) {
            let mut line = Vec::new();
            lines::result(&mut line, 0, number, false, "wrong token");
            peer.send(&line);
            peer.flush(Duration::ZERO);
            peer.gone = true;
            self.agent.say_refusal(&format!("{} had a wrong token.", peer.who));
            return;
        }
        peer.challenge = None;
        say(&format!("{} attached.", peer.who));
        self.next_round = Instant::now();
        self.count();
    }

    fn obey(&mut self, index: usize, number: u64, command: &Command) {
        let now = self.agent.now();
        let peer = &mut self.peers[index];
        let mut line = Vec::new();
        match command {
            Command::Ping => lines::pong(&mut line, peer.number, number, now),
            Command::Resync => peer.picture_due = true,
            // r2d2 has no way to take a connection from its holder.
            Command::Reclaim => {
                lines::result(
                    &mut line,
                    peer.number,
                    number,
                    false,
                    "reclaim is not allowed by this process",
                );
            }
            Command::Auth { .. } | Command::Other => {}
        }
        peer.send(&line);
    }
}

fn nonce() -> Option<String> {
    let mut random = [0u8; 32];
    let mut source = match std::fs::File::open("/dev/urandom") {
        Ok(source) => source,
        Err(error) => {
            say_warning(&format!("Nobody can attach, as the system gives no randomness: {error}."));
            return None;
        }
    };
    source.read_exact(&mut random).ok()?;
    Some(command::hexadecimal(&random))
}
