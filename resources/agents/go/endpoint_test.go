// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestEndpoints(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "POOLSCOPE_LISTEN", "POOLSCOPE_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("TMPDIR", folder)
	open := func(o AgentOptions) (*endpoint, error) {
		t.Helper()
		e, err := openEndpoint(o)
		if e != nil {
			t.Cleanup(e.close)
		}
		return e, err
	}
	mode := func(path string) os.FileMode {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(folder, "session"))
	os.Mkdir(filepath.Join(folder, "session"), 0o700)
	e, err := open(AgentOptions{Name: "my shop/ü"})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%s/session/poolscope/%d-my_shop___.sock", folder, os.Getpid())
	if e.path != want || e.address != "pool+unix://"+want || mode(want) != 0o600 || mode(filepath.Dir(want)) != 0o700 {
		t.Errorf("listens on %s, not %s", e.path, want)
	}
	second, err := open(AgentOptions{Name: "my shop/ü"}) // a second agent in the process
	if err != nil || !strings.HasSuffix(second.path, "-my_shop___-2.sock") {
		t.Errorf("the second is at %v, %v", second, err)
	}
	e.close()
	if _, err := os.Lstat(want); !os.IsNotExist(err) {
		t.Error("the socket stays")
	}
	// A socket that a crash left is taken over; one with somebody behind it is not.
	left := filepath.Join(folder, "left.sock")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: left, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(AgentOptions{Listen: "unix:" + left}); err == nil || !strings.Contains(err.Error(), left) {
		t.Errorf("a socket that is in use: %v", err)
	}
	listener.SetUnlinkOnClose(false)
	listener.Close()
	if _, err := open(AgentOptions{Listen: left}); err != nil {
		t.Error(err)
	}
	// One that is bound, and not listened to yet, is not; nor one that a living process is named in.
	early := filepath.Join(folder, "early.sock")
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: early}); err != nil {
		t.Fatal(err)
	}
	defer func(before time.Duration) { betweenProbes = before }(betweenProbes)
	betweenProbes = 500 * time.Millisecond // a busy machine
	time.AfterFunc(5*time.Millisecond, func() { syscall.Listen(fd, 1) })
	if _, err := open(AgentOptions{Listen: early}); err == nil {
		t.Error("a socket that was about to be used is taken over")
	}
	betweenProbes = time.Millisecond
	for pid, living := range map[int]bool{os.Getppid(): true, 1<<22 + 1: false} {
		path := fmt.Sprintf("%s/%d-shop.sock", folder, pid)
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		listener.SetUnlinkOnClose(false)
		listener.Close()
		if _, err := open(AgentOptions{Listen: path}); (err != nil) != living {
			t.Errorf("%s: %v", path, err)
		}
	}
	// A folder that others may write is not used, nor one behind a link.
	for _, bad := range []func(string) error{
		func(path string) error { os.Mkdir(path, 0o777); return os.Chmod(path, 0o777) },
		func(path string) error { return os.Symlink(t.TempDir(), path) },
		func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		session := t.TempDir()
		t.Setenv("XDG_RUNTIME_DIR", session)
		if err := bad(session + "/poolscope"); err != nil {
			t.Fatal(err)
		}
		e, err := open(AgentOptions{Name: "x"})
		if err != nil || strings.HasPrefix(e.path, session) {
			t.Errorf("listens at %v, %v", e, err)
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", filepath.Join(folder, "absent"))
	e, err = open(AgentOptions{Name: "x"})
	private := fmt.Sprintf("%s/poolscope-%d", folder, os.Geteuid())
	if err != nil || !strings.HasPrefix(e.path, private+"/") && !strings.HasPrefix(e.path, "/run/poolscope/") {
		t.Errorf("listens at %v, %v", e, err)
	}
	if strings.HasPrefix(e.path, private) && mode(private) != 0o700 {
		t.Errorf("%s has mode %o", private, mode(private))
	}
	for listen, complaint := range map[string]string{
		"127.0.0.1:7007": "needs a token", "nonsense": "Write /path", "127.0.0.1:99999": "Write /path", "tcp:": "Write /path",
		filepath.Join(folder, "no", "such"): "no such file", "/" + strings.Repeat("long", 40): "Write /path",
	} {
		if e, err := open(AgentOptions{Listen: listen}); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: %v, %v", listen, e, err)
		}
	}
	for _, far := range []string{"0.0.0.0:0", "192.0.2.1:7007", "example.org:7007", "[::]:7007"} {
		if e, err := open(AgentOptions{Listen: far, Token: "t"}); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
			t.Errorf("%s: %v, %v", far, e, err)
		}
	}
	near, err := open(AgentOptions{Listen: "localhost:0", Token: "t"})
	if err != nil || !near.needsToken || !strings.HasPrefix(near.address, "pool://127.0.0.1:") {
		t.Errorf("on loopback: %v, %v", near, err)
	}
	// In use.
	if _, err := open(AgentOptions{Listen: strings.TrimPrefix(near.address, "pool://"), Token: "t"}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a port in use: %v", err)
	}
	if e, err := open(AgentOptions{Listen: "off"}); e != nil || err != nil {
		t.Errorf("off: %v, %v", e, err)
	}
	if _, err := open(AgentOptions{Group: "no such group"}); err == nil {
		t.Error("a group that is not there")
	}
}

// TestCannotListen: the pool works all the same, with the driver's own connections, and the log says why
// once.
func TestCannotListen(t *testing.T) {
	var logged []string
	a, err := startAgent(AgentOptions{Listen: filepath.Join(t.TempDir(), "no", "such"), Log: func(s string) { logged = append(logged, s) }})
	if err == nil {
		t.Fatal("it listens")
	}
	process.mu.Lock()
	before := process.agent
	process.agent = a
	process.mu.Unlock()
	defer func() { process.agent = before }()
	if err := Start(AgentOptions{}); err == nil || Address() != "" {
		t.Errorf("a second agent: %v at %q", err, Address())
	}
	d := &fakeDriver{build: func(c *fakeConn) driver.Conn { return c }}
	db := OpenDB(d, Options{})
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	conn.Raw(func(c interface{}) error {
		if _, ok := c.(*fakeConn); !ok {
			t.Errorf("without an agent it is wrapped: %T", c)
		}
		return nil
	})
	conn.Close()
	db.Close()
	Close()
	if len(logged) != 0 { // Start returns it; Wrap logs it
		t.Errorf("logged %q", logged)
	}
}

func TestCloseAndAgain(t *testing.T) {
	goroutines := runtime.NumGoroutine()
	process.mu.Lock()
	before := process.agent
	process.agent = nil
	process.mu.Unlock()
	defer func() { process.agent = before }()
	folder := t.TempDir()
	for n := 0; n < 3; n++ {
		if err := Start(AgentOptions{Listen: folder + "/again.sock", Log: func(string) {}}); err != nil {
			t.Fatal(err)
		}
		db := OpenDB(&fakeDriver{}, Options{})
		i := attach(t, Address())
		i.picture()
		Close()
		for i.line() != nil {
		}
		query(t, db, context.Background()) // goes on without
		db.Close()
		if left, _ := os.ReadDir(folder); len(left) != 0 {
			t.Errorf("%s stays", left[0].Name())
		}
	}
	Close()
	eventually(t, "no goroutine stays", func() bool { return runtime.NumGoroutine() <= goroutines })
}
