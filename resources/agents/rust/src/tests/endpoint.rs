// SPDX-License-Identifier: Apache-2.0
use std::os::unix::fs::symlink;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pse-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::DirBuilder::new().mode(0o700).create(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_socket_is_its_users_alone_and_goes_with_the_agent() {
    let folder = Folder::new("mode");
    let path = folder.0.join("1-a.sock");
    let text = path.display().to_string();
    let endpoint = open(&format!("unix:{text}"), "", None, false).unwrap().unwrap();
    assert_eq!(endpoint.address, format!("pool+unix://{text}"));
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let taken = open(&text, "", None, false).err().expect("it is taken");
    assert!(taken.contains(&text), "{taken}");
    drop(endpoint);
    assert!(!path.exists());
}

#[test]
fn what_a_crash_left_is_taken_over_and_what_is_anothers_is_not() {
    let folder = Folder::new("stale");
    let (mine, alive) = (folder.0.join("0-a.sock"), folder.0.join(format!("{}-a.sock", 1)));
    for path in [&mine, &alive] {
        drop(UnixListener::bind(path).unwrap()); // the file stays
    }
    assert!(listen_unix(&mine, None).is_ok());
    // Process 1 runs.
    assert!(listen_unix(&alive, None).is_err() && alive.exists());
    let file = folder.0.join("0-b.sock");
    std::fs::write(&file, "no socket").unwrap();
    assert!(listen_unix(&file, None).is_err() && file.exists());
}

#[test]
fn folders_are_looked_at() {
    let folder = Folder::new("folders");
    let place = |name: &str, create, exact| Place { folder: folder.0.join(name), create, exact };
    assert!(!usable(&place("none", false, false)));
    assert!(usable(&place("made", true, true)));
    assert_eq!(std::fs::metadata(folder.0.join("made")).unwrap().mode() & 0o7777, 0o700);
    mode(&folder.0.join("made"), 0o750);
    assert!(!usable(&place("made", true, true)) && usable(&place("made", true, false)));
    mode(&folder.0.join("made"), 0o777);
    assert!(!usable(&place("made", true, false)));
    mode(&folder.0.join("made"), 0o700);
    symlink(folder.0.join("made"), folder.0.join("link")).unwrap();
    assert!(!usable(&place("link", true, false)));
    std::fs::write(folder.0.join("file"), "").unwrap();
    assert!(!usable(&place("file", true, false)));
}

#[test]
fn names_are_plain_and_short() {
    let pid = std::process::id();
    assert_eq!(socket_name("a shop/1", 1), format!("{pid}-a_shop_1.sock"));
    assert_eq!(socket_name("", 2), format!("{pid}-pool-2.sock"));
    assert_eq!(socket_name(&"x".repeat(99), 1).len(), format!("{pid}-.sock").len() + 32);
}

#[test]
fn tcp_is_loopback_and_needs_a_token() {
    let why = |listen: &str, token: bool| open(listen, "a", None, token).err().unwrap_or_default();
    assert!(why("127.0.0.1:0", false).contains("TCP needs a token"));
    assert!(why("192.0.2.1:7007", true).contains("not a loopback address"));
    assert!(why("example.org:7007", true).contains("not a loopback address"));
    for wrong in ["nonsense", "127.0.0.1:70000", "127.0.0.1:", ":7", "/x/../\u{0}"] {
        assert!(!why(wrong, true).is_empty(), "{wrong}");
    }
    assert!(why(&format!("/{}", "x".repeat(200)), true).contains("cannot listen"));
    assert!(open("off", "a", None, false).unwrap().is_none());
    let bound = open("tcp:localhost:0", "a", None, true).unwrap().unwrap();
    assert!(bound.needs_token && bound.address.starts_with("pool://127.0.0.1:"));
    let taken = why(&bound.address.replace("pool://", ""), true);
    assert!(taken.contains("cannot listen"), "{taken}");
    let nobody = open("", "a", Some("no-such-group"), false).err().unwrap();
    assert!(nobody.contains("no-such-group"));
}

#[test]
fn no_permission_on_the_folder() {
    let why = open("/proc/a.sock", "a", None, false).err().expect("nobody may");
    assert!(why.starts_with("The agent cannot listen on /proc/a.sock: "), "{why}");
}

/// Its backlog is full, so who connects waits.
#[test]
fn one_that_is_stopped_is_neither_waited_for_nor_taken_over() {
    let folder = Folder::new("stopped");
    let path = folder.0.join("fixed.sock");
    let stopped = UnixListener::bind(&path).unwrap();
    checked(unsafe { libc::listen(stopped.as_raw_fd(), 0) }).unwrap();
    let mut waiting = Vec::new();
    let full = loop {
        match socket_at(&path, libc::connect) {
            Ok(socket) => waiting.push(socket),
            Err(error) => break error,
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    let (tell, told) = std::sync::mpsc::channel();
    let text = path.display().to_string();
    std::thread::spawn(move || tell.send(open(&text, "", None, false).err()));
    let error = told.recv_timeout(Duration::from_secs(30)).expect("it does not wait");
    assert!(error.is_some_and(|error| error.contains("fixed.sock")));
    assert!(socket_at(&path, libc::connect).is_err(), "it is the other's still");
    drop((stopped, waiting));
}
