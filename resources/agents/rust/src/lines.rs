// SPDX-License-Identifier: Apache-2.0
//! The lines that an agent sends, one function a kind; each appends to a buffer.

use crate::wire::*;

#[derive(Clone, Debug, Default)]
pub(crate) struct PoolInfo {
    pub(crate) pool: String,
    pub(crate) kind: String,
    pub(crate) database: String,
    pub(crate) config: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Hello {
    pub(crate) now: u64,
    pub(crate) agent: String,
    pub(crate) agent_version: String,
    pub(crate) language: String,
    pub(crate) process: String,
    pub(crate) pid: Option<u64>,
    pub(crate) host: String,
    pub(crate) started: Option<u64>,
    pub(crate) can: Vec<String>,
    pub(crate) pools: Vec<PoolInfo>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) own: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Checkout<'a> {
    pub(crate) pool: &'a str,
    pub(crate) id: &'a str,
    pub(crate) time: u64,
    pub(crate) connection: &'a str,
    pub(crate) wait: Option<u64>,
    pub(crate) by: &'a str,
    pub(crate) thread: &'a str,
    pub(crate) stack: &'a str,
    pub(crate) server_pid: Option<u64>,
    pub(crate) local_port: Option<u64>,
    pub(crate) tags: &'a [(String, String)],
    pub(crate) trace_id: &'a str,
    pub(crate) expected: Option<u64>,
    pub(crate) open: bool,
    pub(crate) beat: Option<u64>,
    pub(crate) busy: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Timeout<'a> {
    pub(crate) pool: &'a str,
    pub(crate) time: u64,
    pub(crate) wait: Option<u64>,
    pub(crate) by: &'a str,
    pub(crate) thread: &'a str,
    pub(crate) stack: &'a str,
    pub(crate) tags: &'a [(String, String)],
    pub(crate) trace_id: &'a str,
    pub(crate) reason: &'a str,
}

/// Each of the figures may be unknown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Durations {
    pub(crate) count: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) median: Option<u64>,
    pub(crate) p99: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Max {
    #[default]
    Unknown,
    // r2d2 always has a limit; the golden transcripts show pools that have none.
    #[cfg_attr(not(test), allow(dead_code))]
    None,
    At(u64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) pool: String,
    pub(crate) time: u64,
    pub(crate) used: Option<u64>,
    pub(crate) idle: Option<u64>,
    pub(crate) opening: Option<u64>,
    pub(crate) total: Option<u64>,
    pub(crate) max: Max,
    pub(crate) idle_min: Option<u64>,
    pub(crate) idle_max: Option<u64>,
    pub(crate) pending: Option<u64>,
    pub(crate) timeouts: Option<u64>,
    pub(crate) wait: Option<Durations>,
    pub(crate) usage: Option<Durations>,
    pub(crate) create: Option<Durations>,
    pub(crate) leaks: Option<u64>,
    pub(crate) tracked: Option<u64>,
    pub(crate) circuit: String,
    pub(crate) health: String,
}

pub(crate) fn hello(buffer: &mut Vec<u8>, number: u64, hello: &Hello) {
    let mut line = Line::begin(buffer, "hello", number);
    line.number("v", VERSION);
    line.number("now", hello.now);
    line.text_unless_empty("agent", &hello.agent, MAX_BY);
    line.text_unless_empty("agent_version", &hello.agent_version, MAX_WORD);
    line.text_unless_empty("language", &hello.language, MAX_WORD);
    line.text_unless_empty("process", &hello.process, MAX_BY);
    line.number_if("pid", hello.pid);
    line.text_unless_empty("host", &hello.host, MAX_HOST);
    line.number_if("started", hello.started);
    line.open("can", "[");
    for word in &hello.can {
        line.comma();
        line.quoted(word, MAX_WORD);
    }
    line.raw("]");
    line.open("pools", "[");
    const RESERVE: usize = 64; // the end of the line
    let room = MAX_LINE.saturating_sub(line.size() + RESERVE);
    for (index, pool) in hello.pools.iter().enumerate() {
        let before = line.size();
        pool_info(&mut line, pool, room / hello.pools.len());
        if index == MAX_POOLS || line.size() + RESERVE > MAX_LINE {
            line.shrink_to(before);
            break;
        }
    }
    line.raw("]");
    line.end();
}

/// One entry of hello; its settings get what is left of their share of the line.
fn pool_info(line: &mut Line<'_>, pool: &PoolInfo, room: usize) {
    let from = line.size();
    line.comma();
    line.raw("{");
    line.text("pool", &pool.pool, MAX_POOL_NAME);
    line.text_unless_empty("kind", &pool.kind, MAX_WORD);
    line.text_unless_empty("database", &pool.database, MAX_DATABASE);
    line.open("config", "{");
    for (name, value) in pool.config.iter().take(MAX_CONFIG) {
        if line.size() - from + 2 * MAX_WHY + 8 > room {
            break;
        }
        line.pair(name, MAX_WHY, value, MAX_WHY);
    }
    line.raw("}}");
}

pub(crate) fn stack(buffer: &mut Vec<u8>, number: u64, id: &str, frames: &[Frame]) {
    let mut line = Line::begin(buffer, "stack", number);
    line.text("id", id, MAX_ID);
    line.open("frames", "[");
    for frame in frames.iter().take(MAX_FRAMES) {
        let before = line.size();
        line.comma();
        line.raw("{");
        line.text_unless_empty("function", &frame.function, MAX_FUNCTION);
        line.text_unless_empty("file", &frame.file, MAX_FILE);
        line.number_if("line", (frame.line > 0).then_some(u64::from(frame.line)));
        if frame.own {
            line.flag("own", true);
        }
        line.raw("}");
        if line.size() + 4 > MAX_LINE {
            line.shrink_to(before);
            break;
        }
    }
    line.raw("]");
    line.end();
}

/// The server's process id and the local port where they are known.
pub(crate) fn open(
    buffer: &mut Vec<u8>,
    number: u64,
    pool: &str,
    connection: &str,
    time: u64,
    (pid, port): (Option<u64>, Option<u64>),
) {
    let mut line = Line::begin(buffer, "open", number);
    line.text("pool", pool, MAX_POOL_NAME);
    line.text("conn", connection, MAX_ID);
    line.number("t", time);
    line.number_if("server_pid", pid);
    line.number_if("local_port", port);
    line.end();
}

pub(crate) fn close(
    buffer: &mut Vec<u8>,
    number: u64,
    pool: &str,
    connection: &str,
    time: u64,
    reason: &str,
) {
    let mut line = Line::begin(buffer, "close", number);
    line.text("pool", pool, MAX_POOL_NAME);
    line.text("conn", connection, MAX_ID);
    line.number("t", time);
    line.text_unless_empty("reason", reason, MAX_WHY);
    line.end();
}

pub(crate) fn wait(buffer: &mut Vec<u8>, number: u64, pool: &str, time: u64, pending: u64) {
    let mut line = Line::begin(buffer, "wait", number);
    line.text("pool", pool, MAX_POOL_NAME);
    line.number("t", time);
    line.number("pending", pending);
    line.end();
}

fn tags(line: &mut Line<'_>, tags: &[(String, String)]) {
    if tags.is_empty() {
        return;
    }
    line.open("tags", "{");
    for (name, value) in tags.iter().take(MAX_TAGS) {
        line.pair(name, MAX_TAG_NAME, value, MAX_TAG_VALUE);
    }
    line.raw("}");
}

pub(crate) fn checkout(buffer: &mut Vec<u8>, number: u64, c: &Checkout<'_>) {
    let mut line = Line::begin(buffer, "checkout", number);
    line.text("pool", c.pool, MAX_POOL_NAME);
    line.text("id", c.id, MAX_ID);
    line.number("t", c.time);
    line.text_unless_empty("conn", c.connection, MAX_ID);
    line.number_if("wait_us", c.wait);
    line.text_unless_empty("by", c.by, MAX_BY);
    line.text_unless_empty("thread", c.thread, MAX_THREAD);
    line.text_unless_empty("stack", c.stack, MAX_ID);
    line.number_if("server_pid", c.server_pid);
    line.number_if("local_port", c.local_port);
    tags(&mut line, c.tags);
    line.text_unless_empty("trace_id", c.trace_id, MAX_TRACE_ID);
    line.number_if("expected_us", c.expected);
    if c.open {
        line.flag("open", true);
    }
    line.number_if("beat", c.beat);
    if let Some(busy) = c.busy {
        line.flag("busy", busy);
    }
    line.end();
}

/// `busy` with the statement's fingerprint, or idle with none.
pub(crate) fn usage(
    buffer: &mut Vec<u8>,
    number: u64,
    pool: &str,
    id: &str,
    time: u64,
    (busy, statement): (bool, &str),
) {
    let mut line = Line::begin(buffer, "use", number);
    line.text("pool", pool, MAX_POOL_NAME);
    line.text("id", id, MAX_ID);
    line.number("t", time);
    line.flag("busy", busy);
    line.text_unless_empty("statement", statement, MAX_STATEMENT);
    line.end();
}

pub(crate) fn checkin(
    buffer: &mut Vec<u8>,
    number: u64,
    pool: &str,
    id: &str,
    time: u64,
    connection: &str,
) {
    let mut line = Line::begin(buffer, "checkin", number);
    line.text("pool", pool, MAX_POOL_NAME);
    line.text("id", id, MAX_ID);
    line.number("t", time);
    line.text_unless_empty("conn", connection, MAX_ID);
    line.end();
}

pub(crate) fn timeout(buffer: &mut Vec<u8>, number: u64, t: &Timeout<'_>) {
    let mut line = Line::begin(buffer, "timeout", number);
    line.text("pool", t.pool, MAX_POOL_NAME);
    line.number("t", t.time);
    line.number_if("wait_us", t.wait);
    line.text_unless_empty("by", t.by, MAX_BY);
    line.text_unless_empty("thread", t.thread, MAX_THREAD);
    line.text_unless_empty("stack", t.stack, MAX_ID);
    tags(&mut line, t.tags);
    line.text_unless_empty("trace_id", t.trace_id, MAX_TRACE_ID);
    line.text_unless_empty("reason", t.reason, MAX_WHY);
    line.end();
}

fn durations(line: &mut Line<'_>, key: &str, durations: Option<Durations>) {
    let Some(d) = durations else { return };
    line.open(key, "{");
    line.number_if("count", d.count);
    line.number_if("total_us", d.total);
    line.number_if("p50_us", d.median);
    line.number_if("p99_us", d.p99);
    line.raw("}");
}

pub(crate) fn stats(buffer: &mut Vec<u8>, number: u64, s: &Stats) {
    let mut line = Line::begin(buffer, "stats", number);
    line.text("pool", &s.pool, MAX_POOL_NAME);
    line.number("t", s.time);
    line.number_if("used", s.used);
    line.number_if("idle", s.idle);
    line.number_if("opening", s.opening);
    line.number_if("total", s.total);
    match s.max {
        Max::Unknown => {}
        Max::None => line.null("max"),
        Max::At(max) => line.number("max", max),
    }
    line.number_if("idle_min", s.idle_min);
    line.number_if("idle_max", s.idle_max);
    line.number_if("pending", s.pending);
    line.number_if("timeouts", s.timeouts);
    durations(&mut line, "wait_time", s.wait);
    durations(&mut line, "use_time", s.usage);
    durations(&mut line, "create_time", s.create);
    line.number_if("leaks", s.leaks);
    line.number_if("tracked", s.tracked);
    line.text_unless_empty("circuit", &s.circuit, MAX_WORD);
    line.text_unless_empty("health", &s.health, MAX_WORD);
    line.end();
}

pub(crate) fn lost(buffer: &mut Vec<u8>, number: u64, count: u64) {
    let mut line = Line::begin(buffer, "lost", number);
    line.number("count", count);
    line.end();
}

pub(crate) fn ready(buffer: &mut Vec<u8>, number: u64) {
    Line::begin(buffer, "ready", number).end();
}

pub(crate) fn pong(buffer: &mut Vec<u8>, number: u64, of: u64, now: u64) {
    let mut line = Line::begin(buffer, "pong", number);
    line.number("of", of);
    line.number("now", now);
    line.end();
}

pub(crate) fn result(buffer: &mut Vec<u8>, number: u64, of: u64, ok: bool, why: &str) {
    let mut line = Line::begin(buffer, "result", number);
    line.number("of", of);
    line.flag("ok", ok);
    line.text_unless_empty("why", why, MAX_WHY);
    line.end();
}

pub(crate) fn challenge(buffer: &mut Vec<u8>, nonce: &str) {
    let mut line = Line::begin(buffer, "challenge", 0);
    line.number("v", VERSION);
    line.text("nonce", nonce, MAX_ID);
    line.end();
}
