// SPDX-License-Identifier: Apache-2.0

//go:build unix

package poolscope

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func groupOf(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("There is no group %q that the agent's socket could belong to.", name)
	}
	return strconv.Atoi(group.Gid)
}

// usableFolder looks at the folder itself, never at what a link points to.
func usableFolder(p place) bool {
	info, err := os.Lstat(p.folder)
	if err != nil && p.create && errors.Is(err, os.ErrNotExist) {
		os.Mkdir(p.folder, 0o700)
		info, err = os.Lstat(p.folder)
	}
	if err != nil || !info.IsDir() {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	ours := int(owner.Uid) == os.Geteuid()
	if p.exact {
		return ours && owner.Mode&0o7777 == 0o700
	}
	const write, search = 2, 1
	return (ours || owner.Uid == 0) && owner.Mode&0o002 == 0 && syscall.Access(p.folder, write|search) == nil
}

// isStale: nobody listens behind the socket any more.
func isStale(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return false
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return false
	}
	if isOthers(path) || !isRefused(path) {
		return false
	}
	time.Sleep(betweenProbes) // between bind and listen it is refused too
	return isRefused(path)
}

func isRefused(path string) bool {
	probe, err := net.Dial("unix", path)
	if err == nil {
		probe.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// isOthers: the pid in the name is another, living process.
func isOthers(path string) bool {
	name := filepath.Base(path)
	dash := strings.IndexByte(name, '-')
	if dash < 0 {
		return false
	}
	pid, err := strconv.ParseInt(name[:dash], 10, 32)
	if err != nil || pid <= 0 || int(pid) == os.Getpid() {
		return false
	}
	return !errors.Is(syscall.Kill(int(pid), 0), syscall.ESRCH)
}

func listenUnix(path string, group int) (*endpoint, error) {
	fail := func(err error) (*endpoint, error) {
		return nil, fmt.Errorf("The agent cannot listen on %s: %w.", path, err)
	}
	syscall.ForkLock.RLock()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return fail(err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	if errors.Is(err, syscall.EADDRINUSE) && isStale(path) && os.Remove(path) == nil {
		err = syscall.Bind(fd, &syscall.SockaddrUnix{Name: path})
	}
	if err != nil {
		return fail(err)
	}
	// Nobody can connect before listen(), so the mode is right before anybody gets in.
	mode := os.FileMode(0o600)
	if group >= 0 {
		mode = 0o660
		err = os.Chown(path, -1, group)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err == nil {
		err = syscall.Listen(fd, 16)
	}
	var listener net.Listener
	if err == nil {
		listener, err = net.FileListener(file)
	}
	if err != nil {
		os.Remove(path)
		return fail(err)
	}
	return &endpoint{listener: listener, address: "pool+unix://" + path, path: path, group: group}, nil
}

// inGroup asks the system's lists, and the group that the process runs as.
func inGroup(uid, gid, group int) bool {
	if gid == group {
		return true
	}
	account, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return false
	}
	groups, err := account.GroupIds()
	if err != nil {
		return false
	}
	for _, id := range groups {
		if id == strconv.Itoa(group) {
			return true
		}
	}
	return false
}
