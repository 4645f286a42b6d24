// SPDX-License-Identifier: Apache-2.0
//! A private PostgreSQL, the application with mistakes, and the program poolscope that looks at it.
#![allow(dead_code)] // not every test uses all of it

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

#[path = "../../../src/json.rs"]
pub(crate) mod json;
pub(crate) use json::Value;

/// A folder that ends with the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("psr-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ends with this process, whatever becomes of it.
fn ends_with_us(command: &mut Command, signal: i32) {
    // SAFETY: prctl is what a forked child may call.
    unsafe {
        command.pre_exec(move || {
            libc::prctl(libc::PR_SET_PDEATHSIG, signal);
            Ok(())
        });
    }
}

pub struct Postgres {
    folder: PathBuf,
    process: i32,
    pub port: u16,
}

fn id_of(option: &str, user: &str) -> Option<u32> {
    let out = Command::new("id").args([option, user]).output().ok()?;
    String::from_utf8(out.stdout).ok()?.trim().parse().ok()
}

/// The account that the server runs as, where the tests run as root; it refuses to.
fn account() -> Option<(u32, u32)> {
    // SAFETY: cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    ["postgres", "nobody"].iter().find_map(|user| Some((id_of("-u", user)?, id_of("-g", user)?)))
}

fn binaries() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|entry| entry.path().join("bin")).collect())
        .unwrap_or_default();
    if let Some(named) = std::env::var_os("POOLSCOPE_PG_BINDIRS") {
        found = std::env::split_paths(&named).collect();
    }
    found.sort();
    found.into_iter().rfind(|folder| folder.join("initdb").exists())
}

fn as_account(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

impl Postgres {
    fn start() -> Result<Self, String> {
        let folder = Folder::new();
        let path = folder.0.clone();
        let binaries = binaries().ok_or("there is no PostgreSQL server on this machine")?;
        if let Some((user, group)) = account() {
            std::os::unix::fs::chown(&path, Some(user), Some(group)).map_err(|e| e.to_string())?;
        }
        let data = path.join("data");
        let mut init = as_account(&binaries.join("initdb"), &path);
        init.arg("-D").arg(&data);
        init.args(["-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"]);
        let made = init.output().map_err(|e| e.to_string())?;
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let probe = std::net::TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let port = probe.local_addr().map_err(|e| e.to_string())?.port();
        drop(probe);
        let log = std::fs::File::create(path.join("log")).map_err(|e| e.to_string())?;
        let mut serve = as_account(&binaries.join("postgres"), &path);
        serve.arg("-D").arg(&data).args(["-F", "-p", &port.to_string()]);
        serve.args(["-c", "listen_addresses=127.0.0.1", "-k"]).arg(&path);
        serve.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        ends_with_us(&mut serve, libc::SIGQUIT);
        // The server ends with the thread that starts it: so that one stays.
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut child = serve.spawn().expect("postgres starts");
            tell.send(child.id() as i32).expect("the test waits");
            let _ = child.wait();
            std::thread::park();
        });
        let process = told.recv().map_err(|e| e.to_string())?;
        std::mem::forget(folder); // removed by stop()
        let server = Postgres { folder: path, process, port };
        server.prepare()?;
        Ok(server)
    }

    fn prepare(&self) -> Result<(), String> {
        use diesel::connection::SimpleConnection;
        use diesel::Connection;
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut connection = loop {
            match diesel::PgConnection::establish(&self.url()) {
                Ok(connection) => break connection,
                Err(error) if Instant::now() > deadline => {
                    let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                    return Err(format!("the server did not start: {error}\n{log}"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        connection
            .batch_execute("CREATE TABLE items (id int PRIMARY KEY, price int); INSERT INTO items VALUES (42, 5), (43, 5)")
            .map_err(|e| e.to_string())
    }

    /// With a password, which must be told to nobody.
    pub fn url(&self) -> String {
        format!("postgres://postgres:geheim@127.0.0.1:{}/postgres", self.port)
    }
}

extern "C" fn stop() {
    if let Some(Ok(server)) = SERVER.get() {
        // SAFETY: a child of ours that was not waited for yet, or is about to end.
        unsafe { libc::kill(server.process, libc::SIGQUIT) };
        for _ in 0..500 {
            if !server.folder.join("data/postmaster.pid").exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = std::fs::remove_dir_all(&server.folder);
    }
}

static SERVER: OnceLock<Result<Postgres, String>> = OnceLock::new();

/// One for all tests of a program; `None`, said, where there is none to be had.
pub fn postgres() -> Option<&'static Postgres> {
    let server = SERVER.get_or_init(|| {
        // SAFETY: takes no arguments and does not unwind.
        unsafe { libc::atexit(stop) };
        Postgres::start()
    });
    match server {
        Ok(server) => Some(server),
        Err(why) => {
            skip(why);
            None
        }
    }
}

/// Says why a test shows nothing; run.sh counts it.
pub fn skip(why: &str) {
    use std::io::Write;
    // Past the harness, which keeps what tests that pass print.
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED: {why}");
}

/// An application that runs.
pub struct Application {
    pub child: Child,
    pub runtime: Folder,
}

impl Application {
    /// Runs it until it says "ready".
    pub fn start(stack: &str, database: &str, pattern: &str) -> Self {
        Self::start_with(&[stack, database, pattern], None)
    }

    /// With what POOLSCOPE_LISTEN is to say.
    pub fn start_at(stack: &str, database: &str, pattern: &str, listen: Option<&str>) -> Self {
        Self::start_with(&[stack, database, pattern], listen)
    }

    /// In a pool of so many connections, which others want too.
    pub fn start_small(stack: &str, database: &str, pattern: &str, most: usize) -> Self {
        Self::start_with(&[stack, database, pattern, &most.to_string()], None)
    }

    fn start_with(arguments: &[&str], listen: Option<&str>) -> Self {
        let runtime = Folder::new();
        std::fs::set_permissions(&runtime.0, PermissionsExt::from_mode(0o700)).expect("a mode");
        let mut command = Command::new(env!("CARGO_BIN_EXE_leaks"));
        command.args(arguments);
        command.env("XDG_RUNTIME_DIR", &runtime.0).env_remove("RUNTIME_DIRECTORY");
        for name in ["POOLSCOPE_LISTEN", "POOLSCOPE_TOKEN", "POOLSCOPE_STACKS"] {
            command.env_remove(name);
        }
        if let Some(listen) = listen {
            command.env("POOLSCOPE_LISTEN", listen);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        ends_with_us(&mut command, libc::SIGKILL);
        let mut child = command.spawn().expect("the application starts");
        let mut line = String::new();
        let out = child.stdout.as_mut().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("the application speaks");
        let application = Application { child, runtime };
        assert_eq!(line, "ready\n");
        application
    }

    /// Its address, as one finds it in the runtime folder.
    pub fn address(&self) -> String {
        let folder = self.runtime.0.join("poolscope");
        let socket = folder.join(format!("{}-leaks.sock", self.child.id()));
        let found = std::fs::read_dir(&folder).expect("the folder").flatten();
        let names: Vec<_> = found.map(|entry| entry.path()).collect();
        assert_eq!(names.as_slice(), std::slice::from_ref(&socket));
        format!("pool+unix://{}", socket.display())
    }
}

impl Application {
    /// Lets it end by itself.
    pub fn end(&mut self) {
        drop(self.child.stdin.take()); // that ends it
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.end();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn program() -> Option<String> {
    let program = std::env::var("POOLSCOPE_BIN").ok().filter(|program| !program.is_empty());
    if program.is_none() {
        skip("POOLSCOPE_BIN does not name the program");
    }
    program
}

/// What `poolscope VERB --json` prints.
pub(crate) fn ask(program: &str, verb: &str, address: &str, more: &[&str]) -> Vec<Value> {
    let mut command = Command::new(program);
    command.args([verb, "--json", address]).args(more);
    command.env("QT_QPA_PLATFORM", "offscreen").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    let out = command.output().expect("poolscope starts");
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let trouble = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "poolscope {verb}: {text}{trouble}");
    assert!(!text.contains("geheim"), "a password is told: {text}");
    match json::parse(text.trim()) {
        Some(Value::Array(list)) => list,
        _ => panic!("poolscope {verb} said {text}"),
    }
}

/// Asks until `good`, or for a minute: the last answer then.
pub(crate) fn ask_until(
    ask: impl Fn() -> Vec<Value>,
    good: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask();
        if good(&answer) || Instant::now() > deadline {
            return answer;
        }
    }
}

/// The line of leaks.rs that ends with "// leaks: NAME".
pub fn line_of(name: &str) -> u64 {
    let source = include_str!("../../src/bin/leaks.rs");
    let mark = format!("// leaks: {name}");
    let at = source.lines().position(|line| line.ends_with(&mark));
    at.unwrap_or_else(|| panic!("no line is marked with {mark}")) as u64 + 1
}

/// File and line of the first frame that is the application's own.
pub(crate) fn place_of(one: &Value) -> Option<(String, u64)> {
    let Some(Value::Array(frames)) = one.get("stack") else { return None };
    let own = frames.iter().find(|frame| frame.get("own") == Some(&Value::Bool(true)))?;
    let file = own.text("file")?.rsplit('/').next()?.to_owned();
    Some((file, own.number("line")?))
}
