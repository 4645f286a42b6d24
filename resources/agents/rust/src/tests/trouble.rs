// SPDX-License-Identifier: Apache-2.0
//! What peers and machines do to an agent: the application goes on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};

use super::fake::{quick, serve, wait_for, Served};
use super::inspector::Inspector;
use crate::agent::Agent;
use crate::json;
use crate::options::{Limits, Options};

#[test]
fn a_thousand_attach_and_leave() {
    let served = serve(quick());
    let pool = served.pool(2, "orders");
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let _held = pool.get().unwrap();
    for _ in 0..1000 {
        let mut inspector = Inspector::attach(&served.path);
        assert_eq!(inspector.next().unwrap().text("k"), Some("hello"));
    }
    wait_for("all are gone", || served.agent.figures().attached == 0);
    assert_eq!(served.agent.figures().accepted, 1000);
    // Other tests run in this process too.
    assert!(descriptors() < 400, "{} descriptors", descriptors());
    assert!(served.agent.state().log.ring.capacity() <= 1024);
    drop(pool.get().unwrap());
}

#[test]
fn one_that_does_not_read_is_dropped_and_the_application_goes_on() {
    let limits = Limits { peer_bytes: 64 << 10, stall: Duration::from_millis(300), ..quick() };
    let served = serve(limits);
    let pool = served.pool(1, "orders");
    let stalled = UnixStream::connect(&served.path).unwrap();
    wait_for("it is attached", || served.agent.figures().attached == 1);
    let mut slowest = Duration::ZERO;
    wait_for("it is let go", || {
        for _ in 0..200 {
            let began = Instant::now();
            drop(pool.get().unwrap());
            slowest = slowest.max(began.elapsed());
        }
        served.agent.figures().attached == 0
    });
    assert!(served.agent.figures().dropped > 0);
    assert!(slowest < Duration::from_secs(2), "{slowest:?}"); // a busy machine
    drop(stalled);
}

#[test]
fn a_flood_of_questions_is_bounded() {
    let served = serve(Limits { peer_bytes: 128 << 10, ..quick() });
    let mut flood = UnixStream::connect(&served.path).unwrap();
    flood.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let pings: String = (1..2000).map(|n| format!("{{\"k\":\"ping\",\"n\":{n}}}\n")).collect();
    let mut sent = 0usize;
    let deadline = Instant::now() + Duration::from_secs(30);
    // Who does not read is not listened to: writing comes to its end.
    while flood.write_all(pings.as_bytes()).is_ok() {
        sent += pings.len();
        assert!(sent < 64 << 20 && Instant::now() < deadline, "{sent} bytes were heard");
    }
    let mut other = Inspector::attach(&served.path);
    other.picture();
    let asked = other.ask("ping");
    assert_eq!(other.first("pong").number("of"), Some(asked));
}

#[test]
fn what_cannot_be_read_is_counted_and_too_much_ends_it() {
    let served = serve(quick());
    let mut inspector = Inspector::attach(&served.path);
    inspector.picture();
    inspector.say("nonsense\n\n\r\n{\"k\":1}\n");
    inspector.say(&format!("{}\n", "x".repeat(200_000)));
    inspector.say("{\"k\":\"future\",\"n\":1}\n{\"k\":\"reclaim\",\"n\":2,\"id\":\"7\"}\r\n");
    let refused = inspector.first("result");
    assert_eq!(
        (refused.number("of"), refused.get("ok")),
        (Some(2), Some(&json::Value::Bool(false)))
    );
    assert_eq!(served.agent.figures().bad_lines, 3);
    inspector.say(&"?\n".repeat(2000));
    while inspector.next().is_some() {}
    wait_for("it is let go", || served.agent.figures().attached == 0);
}

#[test]
fn no_more_than_sixteen_at_a_time() {
    let served = serve(quick());
    let mut all: Vec<_> = (0..16).map(|_| Inspector::attach(&served.path)).collect();
    all.iter_mut().for_each(|inspector| drop(inspector.picture()));
    let mut late = Inspector::attach(&served.path);
    assert!(late.next().is_none());
    assert_eq!(served.agent.figures().refused, 1);
    all.pop();
    wait_for("one has left", || served.agent.figures().attached == 15);
    assert!(!Inspector::attach(&served.path).picture().is_empty());
}

#[test]
fn a_fault_lets_all_go_and_ends_the_reports() {
    let served = serve(quick());
    let pool = served.pool(1, "orders");
    let mut inspector = Inspector::attach(&served.path);
    inspector.picture();
    served.agent.fails.store(true, Ordering::Relaxed);
    served.agent.ring_bell();
    while inspector.next().is_some() {}
    wait_for("the reports end", || !served.agent.is_attached());
    drop(pool.get().unwrap());
    let figures = served.agent.figures();
    assert_eq!((figures.attached, figures.faults), (0, 1));
    assert_eq!(served.agent.state().log.most, 0);
    assert!(!Inspector::attach(&served.path).picture().is_empty(), "it serves again");
}

fn serve_tcp(limits: Limits) -> (Served, String) {
    let mut served = serve(quick());
    let options = Options { limits, ..Options::default() };
    let (agent, result) = Agent::start(options.listen("127.0.0.1:0").token("geheim"));
    assert_eq!(result, Ok(()));
    served.agent.close();
    served.agent = agent;
    let address = served.agent.address.get().unwrap().replace("pool://", "");
    (served, address)
}

fn answer(nonce: &str, token: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(nonce.as_bytes());
    let mac = crate::command::hexadecimal(&mac.finalize().into_bytes());
    format!("{{\"k\":\"auth\",\"n\":1,\"mac\":\"{mac}\"}}\n")
}

fn challenged(address: &str) -> (BufReader<TcpStream>, String) {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let challenge = json::parse(line.trim()).unwrap();
    assert_eq!(challenge.text("k"), Some("challenge"));
    (reader, challenge.text("nonce").unwrap().to_owned())
}

#[test]
fn tcp_needs_the_token() {
    let (served, address) = serve_tcp(quick());
    let (mut right, nonce) = challenged(&address);
    right.get_mut().write_all(answer(&nonce, "geheim").as_bytes()).unwrap();
    let mut line = String::new();
    right.read_line(&mut line).unwrap();
    assert!(line.contains("\"hello\""), "{line}");
    let (mut wrong, nonce) = challenged(&address);
    wrong.get_mut().write_all(answer(&nonce, "Geheim").as_bytes()).unwrap();
    line.clear();
    wrong.read_line(&mut line).unwrap();
    assert!(line.contains("wrong token"), "{line}");
    line.clear();
    assert_eq!(wrong.read_line(&mut line).unwrap(), 0);
    let (mut rude, _) = challenged(&address);
    rude.get_mut().write_all(b"{\"k\":\"resync\",\"n\":1}\n").unwrap();
    assert_eq!(rude.read_line(&mut line).unwrap_or(0), 0);
    // 4 KiB at most.
    let (mut long, _) = challenged(&address);
    let _ = long.get_mut().write_all(&[b'x'; 6000]);
    assert_eq!(long.read_line(&mut line).unwrap_or(0), 0);
    assert_eq!(served.agent.figures().attached, 1);
}

#[test]
fn eight_strangers_at_most_and_not_for_long() {
    let (served, address) = serve_tcp(Limits { auth: Duration::from_millis(500), ..quick() });
    let mut strangers: Vec<_> = (0..8).map(|_| challenged(&address)).collect();
    let mut ninth = TcpStream::connect(&address).unwrap();
    ninth.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    assert_eq!(ninth.read(&mut [0; 8]).unwrap_or(0), 0);
    for (reader, _) in &mut strangers {
        assert_eq!(reader.read_line(&mut String::new()).unwrap_or(0), 0);
    }
    wait_for("all were refused", || served.agent.figures().refused == 9);
    challenged(&address);
}

/// A child of a fork, where only the thread that forked goes on: it uses its pool, tells nothing and
/// closes what is the parent's.
#[test]
fn a_forked_child_lets_the_agent_alone() {
    let served = serve(quick());
    let pool = served.pool(2, "orders");
    drop(pool.get().unwrap());
    let mut inspector = Inspector::attach(&served.path);
    inspector.picture();
    // SAFETY: the child leaves by _exit, and runs nothing that another thread could have locked.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let held = pool.get().is_ok();
        let silent = served.agent.is_off() && !served.agent.is_attached();
        // The path is the parent's: the end of the child's agent leaves it.
        served.agent.close();
        let code = if held && silent && served.path.exists() { 0 } else { 1 };
        unsafe { libc::_exit(code) };
    }
    let mut status = -1;
    wait_for(
        "the child ends",
        || unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == child,
    );
    assert_eq!(status, 0);
    let asked = inspector.ask("ping");
    assert_eq!(inspector.first("pong").number("of"), Some(asked));
    assert_eq!(served.agent.figures().attached, 1);
    // Nothing of the parent's is open in a child any more, so its end shows.
    drop(served);
    while inspector.next().is_some() {}
}
