// SPDX-License-Identifier: Apache-2.0
//! What inspectors are told: pictures, events, figures, and what was lost on the way.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::agent::PoolHello;
use crate::events::{count, Event};
use crate::fingerprint::fingerprint;
use crate::lines::{self, Stats};
use crate::peer::Peer;
use crate::pool::{micros, Lend, Physical, What};
use crate::scope::tags_of;
use crate::server::Server;
use crate::stack::Stack;

const BETWEEN_PICTURES: Duration = Duration::from_millis(100);

/// What one round works on: cut at one number, under the lock.
struct Taken {
    number: u64,
    events: Vec<Event>,
    pools: Vec<PoolPicture>,
}

struct PoolPicture {
    hello: PoolHello,
    connections: Vec<(Arc<Physical>, Option<Lend>, Option<bool>)>,
    pending: u64,
    stats: Stats,
}

fn checkout_line(
    buffer: &mut Vec<u8>,
    number: u64,
    pool: &str,
    physical: &Physical,
    lend: &Lend,
    open: Option<Option<bool>>,
) {
    let (id, stack) = (lend.id.to_string(), stack_id(lend));
    let facts = lend.facts.as_deref();
    let tags = tags_of(facts, &lend.trace);
    let checkout = lines::Checkout {
        pool,
        id: &id,
        time: lend.at,
        connection: &physical.id,
        wait: lend.wait,
        by: facts.map_or("", |facts| &facts.by),
        thread: &lend.thread,
        stack: &stack,
        server_pid: physical.server_pid,
        tags: &tags,
        trace_id: &lend.trace.id,
        expected: facts.and_then(|facts| facts.expected).map(micros),
        open: open.is_some(),
        busy: open.flatten(),
        ..lines::Checkout::default()
    };
    lines::checkout(buffer, number, &checkout);
}

fn stack_id(lend: &Lend) -> String {
    lend.stack.as_ref().map(|stack| stack.id.to_string()).unwrap_or_default()
}

fn event_line(buffer: &mut Vec<u8>, event: &Event) {
    let (n, pool, at) = (event.number, &*event.pool, event.at);
    match &event.what {
        What::Open(physical) => {
            lines::open(buffer, n, pool, &physical.id, at, (physical.server_pid, None))
        }
        What::Close(physical) => lines::close(buffer, n, pool, &physical.id, at, ""),
        What::Wait(pending) => lines::wait(buffer, n, pool, at, *pending),
        What::Checkout(physical, lend) => checkout_line(buffer, n, pool, physical, lend, None),
        What::Checkin(physical, id) => {
            lines::checkin(buffer, n, pool, &id.to_string(), at, &physical.id)
        }
        What::Busy(id, statement, dialect) => {
            let text = fingerprint(statement, *dialect);
            lines::usage(buffer, n, pool, &id.to_string(), at, (true, &text));
        }
        What::Idle(id) => lines::usage(buffer, n, pool, &id.to_string(), at, (false, "")),
        What::Timeout(lend) => {
            let facts = lend.facts.as_deref();
            let stack = stack_id(lend);
            let tags = tags_of(facts, &lend.trace);
            let timeout = lines::Timeout {
                pool,
                time: at,
                wait: lend.wait,
                by: facts.map_or("", |facts| &facts.by),
                thread: &lend.thread,
                stack: &stack,
                tags: &tags,
                trace_id: &lend.trace.id,
                reason: "timed out waiting for connection",
            };
            lines::timeout(buffer, n, &timeout);
        }
    }
}

fn stack_of(event: &Event) -> Option<&Arc<Stack>> {
    match &event.what {
        What::Checkout(_, lend) | What::Timeout(lend) => lend.stack.as_ref(),
        _ => None,
    }
}

fn served(peers: &mut [Peer]) -> impl Iterator<Item = &mut Peer> {
    peers.iter_mut().filter(|peer| peer.challenge.is_none())
}

impl Server {
    pub(crate) fn round(&mut self) {
        crate::outside::settle(&self.agent);
        let most = self.agent.options.limits.peer_bytes;
        let now = Instant::now();
        let due = served(&mut self.peers).any(|peer| peer.wants_picture(now, most / 2));
        let mut taken = self.take(due);
        self.deliver(&mut taken);
        if due {
            self.picture(&taken, now);
        }
        self.tell_stats(now);
        self.tell_lost();
    }

    fn take(&self, pictures: bool) -> Taken {
        let (agent, now) = (&self.agent, self.agent.now());
        let spare = Vec::with_capacity(64);
        let mut state = agent.state();
        let dropped = std::mem::take(&mut state.log.dropped);
        let mut taken = Taken {
            number: state.log.number,
            events: std::mem::replace(&mut state.log.ring, spare),
            pools: Vec::new(),
        };
        if pictures {
            taken.pools.extend(state.pools.iter().map(|pool| {
                PoolPicture {
                    hello: PoolHello {
                        info: pool.info(),
                        words: pool.words(agent.stacks).collect(),
                    },
                    connections: pool
                        .connections
                        .values()
                        .map(|c| {
                            let busy =
                                c.link.as_ref().map(|link| link.busy.load(Ordering::Relaxed));
                            (c.physical.clone(), c.lend.clone(), busy)
                        })
                        .collect(),
                    pending: pool.pending,
                    stats: pool.stats(now),
                }
            }));
        }
        drop(state);
        agent.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
        taken
    }

    /// To everybody who had a picture. A number that is missing was dropped.
    fn deliver(&mut self, taken: &mut Taken) {
        let mut line = Vec::new();
        for event in taken.events.drain(..) {
            self.lose((event.number - 1).saturating_sub(self.last_taken));
            self.last_taken = event.number;
            line.clear();
            event_line(&mut line, &event);
            self.tell(&event, &line);
        }
        self.lose(taken.number.saturating_sub(self.last_taken));
        self.last_taken = self.last_taken.max(taken.number);
    }

    fn lose(&mut self, count: u64) {
        for peer in self.peers.iter_mut().filter(|peer| peer.known.is_some()) {
            peer.lost += count;
        }
    }

    fn tell(&mut self, event: &Event, line: &[u8]) {
        let most = self.agent.options.limits.peer_bytes;
        for peer in &mut self.peers {
            if peer.known.is_none() {
                continue; // its first picture comes after
            }
            if peer.lost > 0 || peer.is_full(line.len(), most) {
                peer.lost += 1;
                count(&self.agent.counters.dropped);
                continue;
            }
            let known = peer.known.get_or_insert_with(HashSet::new);
            if let Some(stack) = stack_of(event).filter(|stack| known.insert(stack.id)) {
                peer.unnamed.insert(stack.id);
                if let Some(frames) = self.names.of(&self.agent, stack) {
                    let mut named = Vec::new();
                    lines::stack(&mut named, peer.number, &stack.id.to_string(), frames);
                    peer.tell_stack(stack.id, &named);
                }
            }
            peer.tell_event(event.number, line);
        }
    }

    /// Stacks that came to have names, to who waits for them.
    pub(crate) fn tell_names(&mut self) {
        let mut line = Vec::new();
        for id in self.names.arrived() {
            for peer in self.peers.iter_mut().filter(|peer| peer.unnamed.contains(&id)) {
                line.clear();
                lines::stack(&mut line, peer.number, &id.to_string(), self.names.known(id));
                peer.tell_stack(id, &line);
            }
        }
    }

    fn tell_lost(&mut self) {
        let most = self.agent.options.limits.peer_bytes / 2;
        for peer in &mut self.peers {
            if peer.lost == 0
                || peer.known.is_none()
                || peer.held.is_some()
                || peer.waiting() > most
            {
                continue;
            }
            peer.number = self.last_taken;
            let mut line = Vec::new();
            lines::lost(&mut line, peer.number, std::mem::take(&mut peer.lost));
            peer.send(&line);
        }
    }

    /// What is open at one number.
    fn picture(&mut self, taken: &Taken, now: Instant) {
        let n = taken.number;
        let (mut body, mut stacks) = (Vec::new(), HashMap::new());
        let mut pools = Vec::new();
        for pool in &taken.pools {
            let name = &pool.stats.pool;
            for (physical, lend, busy) in &pool.connections {
                lines::open(
                    &mut body,
                    n,
                    name,
                    &physical.id,
                    physical.opened,
                    (physical.server_pid, None),
                );
                if let Some(lend) = lend {
                    checkout_line(&mut body, n, name, physical, lend, Some(*busy));
                    stacks.extend(lend.stack.as_ref().map(|stack| (stack.id, stack.clone())));
                }
            }
            if pool.pending > 0 {
                lines::wait(&mut body, n, name, pool.stats.time, pool.pending);
            }
            lines::stats(&mut body, n, &pool.stats);
            pools.push(&pool.hello);
        }
        let (mut hello, mut line) = (Vec::new(), Vec::new());
        lines::hello(&mut hello, n, &self.agent.hello(&pools));
        let most = self.agent.options.limits.peer_bytes / 2;
        for peer in served(&mut self.peers) {
            if !peer.wants_picture(now, most) {
                continue;
            }
            peer.picture_due = false;
            peer.not_before = Some(now + BETWEEN_PICTURES);
            peer.lost = 0; // the picture makes up for it
            peer.known = Some(stacks.keys().copied().collect());
            peer.send(&hello);
            peer.send(&body);
            peer.hold(n, stacks.keys().copied().collect());
            for (id, stack) in &stacks {
                if let Some(frames) = self.names.of(&self.agent, stack) {
                    line.clear();
                    lines::stack(&mut line, n, &id.to_string(), frames);
                    peer.tell_stack(*id, &line);
                }
            }
            count(&self.agent.counters.pictures);
        }
    }

    fn tell_stats(&mut self, now: Instant) {
        if now < self.next_stats {
            return;
        }
        self.next_stats = now + self.agent.options.limits.stats;
        let (at, most) = (self.agent.now(), self.agent.options.limits.peer_bytes);
        let all: Vec<Stats> = self.agent.state().pools.iter().map(|pool| pool.stats(at)).collect();
        let mut line = Vec::new();
        for peer in &mut self.peers {
            let begun = peer.known.is_none() || peer.held.is_some();
            if begun || peer.picture_due || peer.waiting() >= most {
                continue;
            }
            line.clear();
            for stats in &all {
                lines::stats(&mut line, peer.number, stats);
            }
            peer.send(&line);
        }
    }
}
