// SPDX-License-Identifier: Apache-2.0
//! Every mistake of the field in the real pool on the real database, told by `poolscope leaks --json`
//! with the right line; every correct twin in silence.

mod support;
mod wire {
    pub const MAX_NUMBER: u64 = (1 << 53) - 1; // for the agent's reader of JSON
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::*;

const DIESEL: &[&str] = &["diesel"];
const BOTH: &[&str] = &["diesel", "sqlite"];

/// Pattern, how many leaks it is, of which the line is marked in the application, and the pools that
/// have it. 0: nothing at all.
const PATTERNS: &[(&str, usize, &[&str])] = &[
    ("collection", 1, BOTH),
    ("collection-right", 0, BOTH),
    ("forget", 1, BOTH),
    ("forget-right", 0, BOTH),
    ("thread", 1, BOTH),
    ("thread-right", 0, BOTH),
    ("loop", 3, BOTH),
    ("loop-right", 0, BOTH),
    ("other-work", 1, BOTH),
    ("other-work-right", 0, BOTH),
    ("exhaustion", 3, BOTH),
    ("exhaustion-right", 0, BOTH),
    ("early-return", 0, BOTH),
    ("question-mark", 0, BOTH),
    ("panic", 0, BOTH),
    ("transaction", 1, DIESEL),
    ("transaction-right", 0, DIESEL),
    ("bypass", 1, DIESEL),
    ("bypass-right", 0, DIESEL),
    ("other-pools", 0, DIESEL),
    ("try-get-right", 0, DIESEL),
];

const QUICK: &[&str] = &["--leak-after", "150ms", "--critical-after", "10m", "--for", "500ms"];

fn run(stack: &str, pattern: &str) -> Option<(Application, String, Folder)> {
    let (program, folder) = (program()?, Folder::new());
    let database = database(stack, &folder)?;
    Some((Application::start(stack, &database, pattern), program, folder))
}

fn database(stack: &str, folder: &Folder) -> Option<String> {
    match stack {
        "diesel" => Some(postgres()?.url()),
        _ => Some(folder.0.join("shop.db").display().to_string()),
    }
}

fn check(stack: &str, pattern: &str, leak: &Value) {
    let name = pattern.trim_end_matches("-right");
    let pool = if name == "bypass" { "outside of the pools" } else { "orders" };
    assert_eq!(leak.text("pool"), Some(pool));
    assert_eq!(leak.text("kind"), Some(if name == "bypass" { "bypass" } else { "checkout" }));
    assert_eq!(leak.text("acquired_by"), Some("handler"));
    let tags = leak.get("tags").expect("tags");
    assert_eq!(tags.text("route"), Some(format!("/{name}").as_str()), "{tags:?}");
    assert_eq!(tags.text("tenant"), Some("früh"));
    assert_eq!(place_of(leak), Some(("leaks.rs".to_owned(), line_of(name))), "{leak:?}");
    let knows_pid = stack == "diesel" && name != "bypass";
    assert_eq!(leak.number("server_pid").is_some_and(|pid| pid > 0), knows_pid, "{leak:?}");
    if stack == "diesel" {
        let Some(Value::Array(evidence)) = leak.get("evidence") else { panic!("{leak:?}") };
        let idle = |one: &Value| matches!(one, Value::Text(text) if text.contains("No statement"));
        assert!(evidence.iter().any(idle), "{evidence:?}");
    }
}

fn try_pattern(stack: &str, pattern: &str, leaks: usize) {
    let Some((application, program, _folder)) = run(stack, pattern) else { return };
    let address = application.address();
    let ask = || ask(&program, "leaks", &address, QUICK);
    let found = ask_until(ask, |found| found.len() >= leaks);
    assert_eq!(found.len(), leaks, "{stack}/{pattern}: {found:?}");
    for leak in &found {
        check(stack, pattern, leak);
    }
}

/// Most of the time is spent waiting for thresholds: so several at a time. One that writes comes after
/// its twin, which would wait for its row.
fn each_pattern(at_a_time: usize, look: impl Fn(&str, &str, usize) + Sync) {
    let mut all: Vec<_> = PATTERNS
        .iter()
        .flat_map(|(pattern, leaks, stacks)| {
            stacks.iter().map(move |stack| (stack, pattern, *leaks))
        })
        .collect();
    all.sort_by_key(|(_, _, leaks)| *leaks > 0);
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some((stack, pattern, leaks)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            look(stack, pattern, *leaks);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(worker);
        }
    });
}

#[test]
fn every_mistake_is_named_by_line_and_its_twin_is_silent() {
    each_pattern(4, try_pattern);
}

/// A pool that the mistake exhausts is told with that cause and the line; of its twin, which others want
/// connections of as well, nothing is said.
#[test]
fn what_exhausts_a_pool_is_told_with_its_line() {
    const LONG: &[&str] = &["--leak-after", "2s", "--critical-after", "10m", "--for", "12s"];
    each_pattern(16, |stack, pattern, leaks| {
        if pattern == "bypass" {
            return; // exhausts no pool
        }
        let Some(program) = program() else { return };
        let folder = Folder::new();
        let Some(database) = database(stack, &folder) else { return };
        let twin = PATTERNS.iter().find(|(name, _, _)| pattern == format!("{name}-right"));
        let most = leaks.max(twin.map_or(1, |twin| twin.1));
        let application = Application::start_small(stack, &database, pattern, most);
        let told = ask(&program, "diagnose", &application.address(), LONG);
        if leaks == 0 {
            assert!(told.is_empty(), "{stack}/{pattern}: {told:?}");
            return;
        }
        assert_eq!(told.len(), 1, "{stack}/{pattern}: {told:?}");
        assert_eq!(told[0].text("pool"), Some("orders"));
        assert_eq!(told[0].text("cause"), Some("leak"), "{stack}/{pattern}: {told:?}");
        // Where nobody tells that no statement runs it is a little less sure.
        let sure = if stack == "diesel" { "high" } else { "medium" };
        assert_eq!(told[0].text("confidence"), Some(sure), "{stack}/{pattern}: {told:?}");
        let place = format!(" at leaks.rs:{} ", line_of(pattern));
        assert!(told[0].text("sentence").is_some_and(|s| s.contains(&place)), "{place}: {told:?}");
    });
}

/// Poolscope's window, attached by its dialog to an application of the pasted lines.
#[test]
fn the_window_names_the_line() {
    let Some(window) = std::env::var("POOLSCOPE_WINDOW").ok().filter(|window| !window.is_empty())
    else {
        return; // a build without a window
    };
    let Some((application, _program, _folder)) = run("sqlite", "collection") else { return };
    let mut command = std::process::Command::new(window);
    command.arg(application.child.id().to_string());
    command.arg(format!("leaks.rs:{}", line_of("collection")));
    command.env("XDG_RUNTIME_DIR", &application.runtime.0).env_remove("RUNTIME_DIRECTORY");
    let out = command.env("QT_QPA_PLATFORM", "offscreen").output().expect("the window starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn exhaustion_is_told_with_its_timeouts_and_settings() {
    for stack in BOTH {
        let Some((application, program, _folder)) = run(stack, "exhaustion") else { return };
        let pools = ask(&program, "pools", &application.address(), &[]);
        let pool = &pools[0];
        assert_eq!(pools.len(), 1);
        let figures = ["used", "idle", "max", "timeouts", "idle_min"].map(|name| pool.number(name));
        assert_eq!(figures, [Some(3), Some(0), Some(3), Some(2), Some(1)], "{pool:?}");
        let config = pool.get("config").expect("settings");
        for (name, value) in [
            ("max_size", "3"),
            ("min_idle", "1"),
            ("test_on_check_out", "true"),
            ("connection_timeout", "30s"),
            ("idle_timeout", "600s"),
            ("max_lifetime", "1800s"),
        ] {
            assert_eq!(config.text(name), Some(value), "{config:?}");
        }
    }
    let Some((application, program, _folder)) = run("diesel", "exhaustion-right") else { return };
    let pools = ask(&program, "pools", &application.address(), &[]);
    assert_eq!(pools[0].number("timeouts"), Some(0));
}

#[test]
fn a_slow_statement_is_busy_and_not_idle() {
    let Some((application, program, _folder)) = run("diesel", "slow") else { return };
    let address = application.address();
    let ask = || ask(&program, "checkouts", &address, &[]);
    let found = ask_until(ask, |found| !found.is_empty());
    assert_eq!(found.len(), 1);
    assert_eq!(place_of(&found[0]), Some(("leaks.rs".to_owned(), line_of("slow"))));
    let leaks = support::ask(&program, "leaks", &address, QUICK);
    assert!(leaks.is_empty(), "what works is no leak: {leaks:?}");
}

#[test]
fn what_try_get_lends_shows_with_its_first_statement() {
    let Some((application, program, _folder)) = run("diesel", "try-get") else { return };
    let address = application.address();
    let ask = || ask(&program, "leaks", &address, QUICK);
    let found = ask_until(ask, |found| !found.is_empty());
    assert_eq!(found.len(), 1);
    let (file, _) = place_of(&found[0]).expect("a line");
    assert_eq!(file, "leaks.rs");
}

/// The checkout names the session that it is on the server.
#[test]
fn a_checkout_names_its_session() {
    let Some((application, program, _folder)) = run("diesel", "transaction") else { return };
    let Some(server) = postgres() else { return };
    let target = format!("postgresql://postgres@127.0.0.1:{}/postgres", server.port);
    let address = application.address();
    let held = ask_until(|| ask(&program, "checkouts", &address, &[]), |held| !held.is_empty());
    let pid = held[0].number("server_pid");
    assert!(pid.is_some(), "{held:?}");
    let sessions = ask(&program, "sessions", &target, &["--for", "1s"]);
    let session =
        sessions.iter().find(|session| session.number("pid") == pid).expect("its session");
    assert_eq!(session.text("state"), Some("idle_in_transaction"), "{session:?}");
    assert!(session
        .text("query")
        .is_some_and(|query| query.contains("UPDATE items SET price = 7")));
}

/// r2d2's settings are read in its own names: what is wrong with one is found, and not with its twin.
#[test]
fn a_setting_is_checked_by_its_name() {
    let Some(program) = program() else { return };
    let folder = Folder::new();
    let socket = folder.0.join("check.sock").display().to_string();
    poolscope::start(poolscope::Options::new().listen(socket)).expect("it listens");
    let pool = |name: &str, tested: bool| {
        let builder = r2d2::Pool::builder().max_size(2).test_on_check_out(tested);
        let builder = builder.connection_timeout(Duration::from_secs(5));
        let manager = r2d2_sqlite::SqliteConnectionManager::memory();
        poolscope::watch(builder, name).build(manager).expect("a pool")
    };
    let pools = (pool("wrong", false), pool("right", true));
    let address = poolscope::address().expect("an address");
    let found = ask(&program, "check", &address, &["--caller-timeout", "30s"]);
    let of_rule = |one: &&Value| one.text("rule") == Some("no_validation");
    let found: Vec<_> = found.iter().filter(of_rule).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let words = ["pool", "setting", "value", "proposed"].map(|name| found[0].text(name));
    assert_eq!(words, [Some("wrong"), Some("test_on_check_out"), Some("false"), Some("true")]);
    drop(pools);
    poolscope::close();
}

#[test]
fn the_socket_goes_with_the_process() {
    let folder = Folder::new();
    let database = folder.0.join("shop.db").display().to_string();
    let mut application = Application::start("sqlite", &database, "loop");
    let socket = application.address().replace("pool+unix://", "");
    assert!(std::path::Path::new(&socket).exists());
    application.end();
    assert!(!std::path::Path::new(&socket).exists(), "it is still there");
}

/// No permission, a name that is too long, no agent at all: the application runs as without one.
#[test]
fn where_nobody_can_listen_the_application_goes_on() {
    for listen in ["/proc/agent.sock", "127.0.0.1:1", "nonsense", "off"] {
        let folder = Folder::new();
        let database = folder.0.join("shop.db").display().to_string();
        let application = Application::start_at("sqlite", &database, "loop", Some(listen));
        assert!(!application.runtime.0.join("poolscope").exists(), "{listen}");
    }
}
