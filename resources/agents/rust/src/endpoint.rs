// SPDX-License-Identifier: Apache-2.0
//! Where an agent listens, by the rules of PROTOCOL.md, sections 2 and 3.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::users;

pub(crate) enum Listener {
    Unix(UnixListener),
    Tcp(TcpListener),
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Listener::Unix(listener) => listener.as_raw_fd(),
            Listener::Tcp(listener) => listener.as_raw_fd(),
        }
    }
}

pub(crate) struct Endpoint {
    pub(crate) listener: Listener,
    /// As an inspector writes it.
    pub(crate) address: String,
    pub(crate) needs_token: bool,
    /// Whose members may attach too.
    pub(crate) group: Option<u32>,
    path: Option<PathBuf>,
    pid: u32,
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        // Before it is closed: then another may take the path over. Not in a forked child.
        if let Some(path) = self.path.take().filter(|_| self.pid == std::process::id()) {
            let _ = std::fs::remove_file(path);
        }
    }
}

const MAX_SOCKET_PATH: usize = 107;
const BETWEEN_PROBES: Duration = Duration::from_millis(20); // of a socket that seems to be left over

/// `None`: listening is switched off. An error is a sentence.
pub(crate) fn open(
    listen: &str,
    name: &str,
    group: Option<&str>,
    has_token: bool,
) -> Result<Option<Endpoint>, String> {
    if listen == "off" {
        return Ok(None);
    }
    let group = match group.filter(|name| !name.is_empty()) {
        None => None,
        Some(name) => Some(users::group(name).ok_or_else(|| {
            format!("There is no group {name:?} that the agent's socket could belong to.")
        })?),
    };
    if listen.is_empty() {
        return listen_anywhere(name, group).map(Some);
    }
    let text = listen.strip_prefix("unix:").unwrap_or(listen);
    if text.starts_with('/') && text.len() <= MAX_SOCKET_PATH {
        return listen_unix(Path::new(text), group)
            .map(Some)
            .map_err(|error| format!("The agent cannot listen on {text}: {error}."));
    }
    match split_address(text.strip_prefix("tcp:").unwrap_or(text)) {
        Some((host, port)) if !text.starts_with('/') => listen_tcp(host, port, has_token).map(Some),
        _ => Err(format!(
            "The agent cannot listen on {listen:?}. Write /path, unix:/path, host:port or off."
        )),
    }
}

fn split_address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inside.unwrap_or(host);
    let digits = !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit());
    (digits && !host.is_empty()).then_some((host, port.parse().ok()?))
}

fn listen_tcp(host: &str, port: u16, has_token: bool) -> Result<Endpoint, String> {
    let place = format!("{host}:{port}");
    if !has_token {
        return Err(format!(
            "The agent cannot listen on {place}: TCP needs a token. Set POOLSCOPE_TOKEN, or listen on a Unix socket."
        ));
    }
    // Whatever a resolver says.
    let host = if host == "localhost" { "127.0.0.1" } else { host };
    let ip: IpAddr = host.parse().ok().filter(IpAddr::is_loopback).ok_or_else(|| {
        format!(
            "The agent cannot listen on {place}: it is not a loopback address. \
             Listen on 127.0.0.1 or ::1, and attach from elsewhere with --ssh."
        )
    })?;
    let failed = |error: io::Error| format!("The agent cannot listen on {place}: {error}.");
    let listener = TcpListener::bind(SocketAddr::new(ip, port)).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok(Endpoint {
        listener: Listener::Tcp(listener),
        address: format!("pool://{bound}"),
        needs_token: true,
        group: None,
        path: None,
        pid: std::process::id(),
    })
}

/// A folder where the socket may be.
struct Place {
    folder: PathBuf,
    create: bool,
    /// Must be the user's own, and nobody else's.
    exact: bool,
}

fn places() -> Vec<Place> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut places = Vec::new();
    if let Some(text) = std::env::var_os("RUNTIME_DIRECTORY") {
        let first = text.as_bytes().split(|&b| b == b':').next().unwrap_or_default();
        let folder = PathBuf::from(OsStr::from_bytes(first));
        if folder.is_absolute() {
            places.push(Place { folder, create: false, exact: false });
        }
    }
    if let Some(session) = absolute("XDG_RUNTIME_DIR") {
        places.push(Place { folder: session.join("poolscope"), create: true, exact: false });
    }
    places.push(Place { folder: "/run/poolscope".into(), create: false, exact: false });
    let temporary = absolute("TMPDIR").unwrap_or_else(|| "/tmp".into());
    let folder = temporary.join(format!("poolscope-{}", users::me()));
    places.push(Place { folder, create: true, exact: true });
    places
}

/// Looks at the folder itself, never at what a link points to.
fn usable(place: &Place) -> bool {
    let look = || std::fs::symlink_metadata(&place.folder);
    let mut info = look();
    if place.create && info.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        let _ = std::fs::DirBuilder::new().mode(0o700).create(&place.folder);
        info = look();
    }
    let Ok(info) = info else { return false };
    if !info.is_dir() {
        return false;
    }
    let ours = info.uid() == users::me();
    if place.exact {
        return ours && info.mode() & 0o7777 == 0o700;
    }
    (ours || info.uid() == 0) && info.mode() & 0o002 == 0 && users::may_write(&place.folder)
}

/// `<pid>-<name>.sock`, with `-2` and so on for further agents of a process.
fn socket_name(name: &str, index: u32) -> String {
    let plain: String = name
        .bytes()
        .take(32)
        .map(|c| match c {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' => char::from(c),
            _ => '_',
        })
        .collect();
    let plain = if plain.is_empty() { "pool" } else { &plain };
    let suffix = if index > 1 { format!("-{index}") } else { String::new() };
    format!("{}-{plain}{suffix}.sock", std::process::id())
}

fn listen_anywhere(name: &str, group: Option<u32>) -> Result<Endpoint, String> {
    let places = places();
    for place in places.iter().filter(|place| usable(place)) {
        for index in 1..=8 {
            let path = place.folder.join(socket_name(name, index));
            if path.as_os_str().len() > MAX_SOCKET_PATH {
                break;
            }
            if let Ok(endpoint) = listen_unix(&path, group) {
                return Ok(endpoint);
            }
        }
    }
    let tried: Vec<_> = places.iter().map(|p| p.folder.display().to_string()).collect();
    Err(format!(
        "The agent finds no folder for its socket. It tried: {}. Set POOLSCOPE_LISTEN, or XDG_RUNTIME_DIR.",
        tried.join(", ")
    ))
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

type Act = unsafe extern "C" fn(RawFd, *const libc::sockaddr, libc::socklen_t) -> libc::c_int;

/// A socket that was bound or connected to the path, without waiting.
fn socket_at(path: &Path, act: Act) -> io::Result<OwnedFd> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const KIND: libc::c_int = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const KIND: libc::c_int = libc::SOCK_STREAM;
    // SAFETY: plain calls of the system; the address is zeroed and its text shorter than it is.
    unsafe {
        let socket = OwnedFd::from_raw_fd(checked(libc::socket(libc::AF_UNIX, KIND, 0))?);
        checked(libc::fcntl(socket.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC))?;
        checked(libc::fcntl(socket.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK))?;
        let mut address: libc::sockaddr_un = std::mem::zeroed();
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        let text = path.as_os_str().as_bytes();
        if text.len() >= address.sun_path.len() || text.contains(&0) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        for (to, &from) in address.sun_path.iter_mut().zip(text) {
            *to = from as libc::c_char;
        }
        let size = std::mem::size_of::<libc::sockaddr_un>() as libc::socklen_t;
        checked(act(socket.as_raw_fd(), (&raw const address).cast(), size))?;
        Ok(socket)
    }
}

/// Bound, and not listening yet: its mode is to be right before anybody gets in.
fn bound_socket(path: &Path) -> io::Result<OwnedFd> {
    socket_at(path, libc::bind)
}

fn listen_unix(path: &Path, group: Option<u32>) -> io::Result<Endpoint> {
    let socket = match bound_socket(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            bound_socket(path)
        }
        other => other,
    }?;
    let mode = if group.is_some() { 0o660 } else { 0o600 };
    let listening = || {
        if let Some(group) = group {
            std::os::unix::fs::chown(path, None, Some(group))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        // SAFETY: a plain call of the system.
        checked(unsafe { libc::listen(socket.as_raw_fd(), 16) })
    };
    if let Err(error) = listening() {
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    Ok(Endpoint {
        listener: Listener::Unix(UnixListener::from(socket)),
        address: format!("pool+unix://{}", path.display()),
        needs_token: false,
        group,
        path: Some(path.to_owned()),
        pid: std::process::id(),
    })
}

/// Nobody listens behind the socket any more.
fn is_stale(path: &Path) -> bool {
    let ours = std::fs::symlink_metadata(path)
        .is_ok_and(|info| info.file_type().is_socket() && info.uid() == users::me());
    // Who is there and too busy, or stopped, lets nobody in now; that is another error.
    let refused = || {
        socket_at(path, libc::connect)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if !ours || is_others(path) || !refused() {
        return false;
    }
    std::thread::sleep(BETWEEN_PROBES); // between bind and listen it is refused too
    refused()
}

/// The pid in the name is another, living process.
fn is_others(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    let pid = name.split_once('-').and_then(|(pid, _)| pid.parse::<i32>().ok());
    pid.is_some_and(|pid| pid > 0 && pid.unsigned_abs() != std::process::id() && users::runs(pid))
}

#[cfg(test)]
#[path = "tests/endpoint.rs"]
mod tests;
