// SPDX-License-Identifier: Apache-2.0
//! Who is who on this machine: users, groups, processes.

use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(crate) fn me() -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::geteuid() }
}

/// Whether a process is there, of whatever user.
pub(crate) fn runs(pid: i32) -> bool {
    // SAFETY: signal 0 is none.
    let sent = unsafe { libc::kill(pid, 0) };
    sent == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

pub(crate) fn may_write(folder: &Path) -> bool {
    let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the path ends with zero.
    unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

const ROOM: usize = 16 << 10; // for what the system's lists say of one user or group

pub(crate) fn group(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let mut room = vec![0; ROOM];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the call, and the room as long as said.
    unsafe {
        let mut entry: libc::group = std::mem::zeroed();
        libc::getgrnam_r(name.as_ptr(), &mut entry, room.as_mut_ptr(), room.len(), &mut found);
        (!found.is_null()).then_some(entry.gr_gid)
    }
}

/// Asks the system's lists, and the group that the process runs as.
fn is_member(uid: u32, gid: u32, group: u32) -> bool {
    if gid == group {
        return true;
    }
    let mut room = vec![0; ROOM];
    let mut found = std::ptr::null_mut();
    // SAFETY: all pointers are valid for the call, and the room as long as said; the entry's name
    // points into the room.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        libc::getpwuid_r(uid, &mut entry, room.as_mut_ptr(), room.len(), &mut found);
        if found.is_null() {
            return false;
        }
        let name = CStr::from_ptr(entry.pw_name);
        let mut groups = [group; 256];
        let mut count = groups.len() as libc::c_int; // at most
        libc::getgrouplist(name.as_ptr(), entry.pw_gid as _, groups.as_mut_ptr(), &mut count);
        let count = usize::try_from(count).unwrap_or(0).min(groups.len());
        groups[..count].contains(&group)
    }
}

/// Who is at the other end of a Unix socket, as the kernel says.
pub(crate) struct Identity {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
    gid: u32,
}

impl Identity {
    pub(crate) fn is_allowed(&self, group: Option<u32>) -> bool {
        self.uid == me()
            || self.uid == 0
            || group.is_some_and(|group| is_member(self.uid, self.gid, group))
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer_of(socket: RawFd) -> Option<Identity> {
    // SAFETY: the structure is as long as said.
    unsafe {
        let mut peer: libc::ucred = std::mem::zeroed();
        let mut size = std::mem::size_of::<libc::ucred>() as libc::socklen_t;
        let result = libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &mut size,
        );
        (result == 0).then_some(Identity { pid: peer.pid, uid: peer.uid, gid: peer.gid })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer_of(socket: RawFd) -> Option<Identity> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: both are valid for the call.
    let result = unsafe { libc::getpeereid(socket, &mut uid, &mut gid) };
    (result == 0).then_some(Identity { pid: 0, uid, gid })
}
