// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// identifyPeer asks the kernel who is at the other end.
func identifyPeer(socket net.Conn, group int) identity {
	unknown := identity{uid: -1}
	unix, ok := socket.(*net.UnixConn)
	if !ok {
		return unknown
	}
	raw, err := unix.SyscallConn()
	if err != nil {
		return unknown
	}
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err != nil || failed != nil {
		return unknown
	}
	uid := int(peer.Uid)
	allowed := uid == os.Geteuid() || uid == 0 || group >= 0 && inGroup(uid, int(peer.Gid), group)
	return identity{int(peer.Pid), uid, allowed}
}

// processStart is when the system started the process, from its age on the clock that counts suspension.
func processStart() number {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return number{}
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	uptime, err := os.ReadFile("/proc/uptime")
	if err != nil || len(fields) < 20 {
		return number{}
	}
	ticks, err := strconv.ParseFloat(fields[19], 64) // hundredths: what Linux tells programs, whatever it counts
	if err != nil {
		return number{}
	}
	up, err := strconv.ParseFloat(strings.SplitN(string(uptime), " ", 2)[0], 64)
	if err != nil || up < ticks/100 {
		return number{}
	}
	return known(time.Now().UnixNano()/1000 - int64((up-ticks/100)*1e6))
}
