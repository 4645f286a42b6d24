// SPDX-License-Identifier: Apache-2.0
//! The protocol's transcripts: what a writer with the values of a line writes, and what is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::command;
use crate::json::{self, Value};
use crate::lines::{self, Checkout, Durations, Frame, Hello, Max, PoolInfo, Stats, Timeout};

struct Line {
    mark: char,
    reason: String,
    bytes: Vec<u8>,
}

/// They stand with the protocol's page, beside this folder in the source tree.
fn folder() -> PathBuf {
    match std::env::var_os("POOLSCOPE_GOLDEN") {
        Some(folder) => folder.into(),
        None => concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/golden").into(),
    }
}

/// With "\xHH" for one byte and "\*NxC" for N times a character.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        if rest.starts_with(b"\\x") && rest.len() >= 4 {
            let digits = std::str::from_utf8(&rest[2..4]).unwrap();
            if let Ok(byte) = u8::from_str_radix(digits, 16) {
                out.push(byte);
                rest = &rest[4..];
                continue;
            }
        } else if rest.starts_with(b"\\*") {
            let digits = rest[2..].iter().take_while(|c| c.is_ascii_digit()).count();
            let count: usize = std::str::from_utf8(&rest[2..2 + digits]).unwrap().parse().unwrap();
            let after = std::str::from_utf8(&rest[3 + digits..]).unwrap();
            let letter = after.chars().next().unwrap();
            out.extend(letter.to_string().repeat(count).bytes());
            rest = &rest[3 + digits + letter.len_utf8()..];
            continue;
        }
        out.push(*first);
        rest = after;
    }
    out
}

fn transcripts() -> BTreeMap<String, Vec<Line>> {
    let mut all = BTreeMap::new();
    let entries = std::fs::read_dir(folder()).expect("the protocol's transcripts are there");
    for entry in entries.flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let lines = text.lines().map(|line| {
            let mark = line.chars().next().unwrap();
            let (mut reason, mut text) = ("", line.get(2..).unwrap_or_default());
            if mark == '!' {
                (reason, text) = text.split_once('\t').unwrap();
            }
            let escaped = matches!(mark, '!' | '~');
            let bytes = if escaped { unescaped(text) } else { text.as_bytes().to_vec() };
            Line { mark, reason: reason.to_owned(), bytes }
        });
        all.insert(entry.file_name().into_string().unwrap(), lines.collect());
    }
    assert!(all.len() >= 7, "{} transcripts", all.len());
    all
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let Some(Value::Object(members)) = value else { return Vec::new() };
    let text = |value: &Value| match value {
        Value::Text(text) | Value::Number(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    members.iter().map(|(name, value)| (name.clone(), text(value))).collect()
}

fn array(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Array(items)) => items,
        _ => &[],
    }
}

fn durations(value: Option<&Value>) -> Option<Durations> {
    value.map(|d| Durations {
        count: d.number("count"),
        total: d.number("total_us"),
        median: d.number("p50_us"),
        p99: d.number("p99_us"),
    })
}

fn hello(v: &Value) -> Hello {
    let text = |key| v.text(key).unwrap_or_default().to_owned();
    let word = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let pool = |p: &Value| PoolInfo {
        pool: p.text("pool").unwrap().to_owned(),
        kind: p.text("kind").unwrap_or_default().to_owned(),
        database: p.text("database").unwrap_or_default().to_owned(),
        config: pairs(p.get("config")),
    };
    Hello {
        now: v.number("now").unwrap(),
        agent: text("agent"),
        agent_version: text("agent_version"),
        language: text("language"),
        process: text("process"),
        pid: v.number("pid"),
        host: text("host"),
        started: v.number("started"),
        can: array(v.get("can")).iter().map(word).collect(),
        pools: array(v.get("pools")).iter().map(pool).collect(),
    }
}

fn stats(v: &Value) -> Stats {
    let text = |key| v.text(key).unwrap_or_default().to_owned();
    Stats {
        pool: text("pool"),
        time: v.number("t").unwrap(),
        used: v.number("used"),
        idle: v.number("idle"),
        opening: v.number("opening"),
        total: v.number("total"),
        max: match v.get("max") {
            Some(Value::Null) => Max::None,
            _ => v.number("max").map_or(Max::Unknown, Max::At),
        },
        idle_min: v.number("idle_min"),
        idle_max: v.number("idle_max"),
        pending: v.number("pending"),
        timeouts: v.number("timeouts"),
        wait: durations(v.get("wait_time")),
        usage: durations(v.get("use_time")),
        create: durations(v.get("create_time")),
        leaks: v.number("leaks"),
        tracked: v.number("tracked"),
        circuit: text("circuit"),
        health: text("health"),
    }
}

fn frame(f: &Value) -> Frame {
    Frame {
        function: f.text("function").unwrap_or_default().to_owned(),
        file: f.text("file").unwrap_or_default().to_owned(),
        line: f.number("line").unwrap_or(0) as u32,
        own: f.get("own") == Some(&Value::Bool(true)),
    }
}

fn checkout(out: &mut Vec<u8>, n: u64, v: &Value) {
    let text = |key| v.text(key).unwrap_or_default();
    let tags = pairs(v.get("tags"));
    let checkout = Checkout {
        pool: text("pool"),
        id: text("id"),
        time: v.number("t").unwrap(),
        connection: text("conn"),
        wait: v.number("wait_us"),
        by: text("by"),
        thread: text("thread"),
        stack: text("stack"),
        server_pid: v.number("server_pid"),
        local_port: v.number("local_port"),
        tags: &tags,
        trace_id: text("trace_id"),
        expected: v.number("expected_us"),
        open: v.get("open") == Some(&Value::Bool(true)),
        beat: v.number("beat"),
        busy: v.get("busy").map(|busy| *busy == Value::Bool(true)),
    };
    lines::checkout(out, n, &checkout);
}

fn timeout(out: &mut Vec<u8>, n: u64, v: &Value) {
    let text = |key| v.text(key).unwrap_or_default();
    let tags = pairs(v.get("tags"));
    let timeout = Timeout {
        pool: text("pool"),
        time: v.number("t").unwrap(),
        wait: v.number("wait_us"),
        by: text("by"),
        thread: text("thread"),
        stack: text("stack"),
        tags: &tags,
        trace_id: text("trace_id"),
        reason: text("reason"),
    };
    lines::timeout(out, n, &timeout);
}

/// Writes the values of a line anew; nothing for kinds that this agent never sends.
fn rewritten(kind: &str, v: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |key| v.text(key).unwrap_or_default();
    let (n, at) = (v.number("n").unwrap(), v.number("t").unwrap_or(0));
    let of = v.number("of").unwrap_or(0);
    let is = |key| v.get(key) == Some(&Value::Bool(true));
    let server = (v.number("server_pid"), v.number("local_port"));
    match kind {
        "hello" => lines::hello(&mut out, n, &hello(v)),
        "stack" => {
            let frames: Vec<_> = array(v.get("frames")).iter().map(frame).collect();
            lines::stack(&mut out, n, text("id"), &frames);
        }
        "open" => lines::open(&mut out, n, text("pool"), text("conn"), at, server),
        "close" => lines::close(&mut out, n, text("pool"), text("conn"), at, text("reason")),
        "wait" => lines::wait(&mut out, n, text("pool"), at, v.number("pending").unwrap()),
        "checkout" => checkout(&mut out, n, v),
        "use" => {
            lines::usage(
                &mut out,
                n,
                text("pool"),
                text("id"),
                at,
                (is("busy"), text("statement")),
            );
        }
        "checkin" => lines::checkin(&mut out, n, text("pool"), text("id"), at, text("conn")),
        "timeout" => timeout(&mut out, n, v),
        "stats" => lines::stats(&mut out, n, &stats(v)),
        "lost" => lines::lost(&mut out, n, v.number("count").unwrap()),
        "ready" => lines::ready(&mut out, n),
        "pong" => lines::pong(&mut out, n, of, v.number("now").unwrap()),
        "result" => lines::result(&mut out, n, of, is("ok"), text("why")),
        "challenge" => lines::challenge(&mut out, text("nonce")),
        _ => {}
    }
    out
}

#[test]
fn a_writer_with_a_lines_values_writes_that_line() {
    let mut count = BTreeMap::<String, u32>::new();
    for (name, lines) in transcripts() {
        if name == "forward.jsonl" || name == "hostile.jsonl" {
            continue; // not what this writer would write
        }
        for line in lines.iter().filter(|line| line.mark == '>') {
            let text = std::str::from_utf8(&line.bytes).unwrap();
            let value = json::parse(text).expect("is JSON");
            let kind = value.text("k").unwrap();
            let written = rewritten(kind, &value);
            if !written.is_empty() {
                *count.entry(kind.to_owned()).or_default() += 1;
                assert_eq!(String::from_utf8(written).unwrap(), format!("{text}\n"), "{name}");
            }
        }
    }
    for kind in [
        "hello",
        "stack",
        "open",
        "close",
        "wait",
        "checkout",
        "use",
        "checkin",
        "timeout",
        "stats",
        "lost",
        "ready",
        "pong",
        "result",
        "challenge",
    ] {
        assert!(count.contains_key(kind), "no line of kind {kind}");
    }
}

#[test]
fn what_an_inspector_sends_is_read_and_nothing_else() {
    for (name, lines) in transcripts() {
        for line in &lines {
            let readable = command::read(&line.bytes).is_some();
            let shown = String::from_utf8_lossy(&line.bytes[..line.bytes.len().min(80)]);
            match line.mark {
                '<' => assert!(readable, "{name}: cannot read {shown}"),
                // Others are of kinds that an agent ignores.
                '!' if line.reason != "bad_field" => {
                    assert!(!readable, "{name}: {} is read: {shown}", line.reason);
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_right_token_and_no_other() {
    let (mut nonce, mut right, mut wrong) = (String::new(), 0, 0);
    for line in &transcripts()["token.jsonl"] {
        if let Some(value) = json::parse(std::str::from_utf8(&line.bytes).unwrap()) {
            if let Some(text) = value.text("nonce") {
                nonce = text.to_owned();
            }
            if let (Some(mac), '<') = (value.text("mac"), line.mark) {
                if command::knows_token("correct horse battery staple", &nonce, mac) {
                    right += 1;
                } else {
                    wrong += 1;
                }
            }
        }
    }
    assert_eq!((right, wrong), (1, 1));
    for mac in ["", "é", &"0".repeat(64), &"é".repeat(32), &"+f".repeat(32)] {
        assert!(!command::knows_token("token", &nonce, mac), "{mac}");
    }
}

#[test]
fn lines_hold_their_bounds() {
    let long = "é\"\n".repeat(40_000);
    let tags: Vec<_> = (0..40).map(|i| (format!("{i}{long}"), long.clone())).collect();
    let frames =
        vec![Frame { function: long.clone(), file: long.clone(), line: 1, own: true }; 200];
    let config = vec![("é".repeat(300), "\"".repeat(600)); 40];
    let pool = PoolInfo { pool: "\n".repeat(300), config, ..PoolInfo::default() };
    let hello = Hello { process: long.clone(), pools: vec![pool; 2000], ..Hello::default() };
    let checkout = Checkout { pool: &long, id: "1", tags: &tags, by: &long, ..Checkout::default() };
    let mut all = Vec::new();
    lines::stack(&mut all, 1, "1", &frames);
    lines::hello(&mut all, 1, &hello);
    lines::checkout(&mut all, u64::MAX, &checkout);
    lines::usage(&mut all, 1, &long, "1", 1, (true, &long));
    for line in std::str::from_utf8(&all).expect("UTF-8").lines() {
        assert!(line.len() <= crate::wire::MAX_LINE, "{} bytes", line.len());
        let value = json::parse(line).expect("is JSON");
        assert!(value.number("n").is_some());
    }
}
