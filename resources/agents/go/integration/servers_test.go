// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// server is a private database on the loopback interface, started as an unprivileged user.
type server struct {
	folder  string
	port    int
	process *exec.Cmd
	exited  chan struct{}
	missing string // why there is none
}

var postgres, mariadb server

// target is a driver and the server that it speaks to.
type target struct {
	driver string
	server *server
	dsn    func(port int) string
}

var targets = []target{
	{"postgres", &postgres, func(port int) string {
		return fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=disable", port)
	}},
	{"pgx", &postgres, func(port int) string {
		return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	}},
	{"mysql", &mariadb, func(port int) string { return fmt.Sprintf("root@tcp(127.0.0.1:%d)/test", port) }},
}

func (t target) open(tb testing.TB) (dsn string) {
	tb.Helper()
	if t.server.missing != "" {
		tb.Skip(t.server.missing)
	}
	return t.dsn(t.server.port)
}

// credential is the account that servers run as, where the tests run as root; these refuse to.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if account, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(account.Uid, 10, 32)
			gid, _ := strconv.ParseUint(account.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("there is no unprivileged account for a server")
}

func (s *server) command(program string, arguments ...string) (*exec.Cmd, error) {
	account, err := credential()
	if err != nil {
		return nil, err
	}
	c := exec.Command(program, arguments...)
	c.Dir = s.folder
	c.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC", "HOME="+s.folder)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: account, Pdeathsig: syscall.SIGQUIT}
	return c, nil
}

func (s *server) run(program string, arguments ...string) error {
	c, err := s.command(program, arguments...)
	if err != nil {
		return err
	}
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

func (s *server) prepare() error {
	folder, err := os.MkdirTemp("", "pga-")
	if err != nil {
		return err
	}
	s.folder = folder
	account, err := credential()
	if err == nil && account != nil {
		err = os.Chown(folder, int(account.Uid), int(account.Gid))
	}
	if err != nil {
		return err
	}
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = probe.Addr().(*net.TCPAddr).Port
	return probe.Close()
}

func (s *server) launch(driver, dsn, program string, arguments ...string) error {
	c, err := s.command(program, arguments...)
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.folder, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	s.process, s.exited = c, make(chan struct{})
	go func() { c.Wait(); close(s.exited) }()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for deadline := time.Now().Add(30 * time.Second); ; {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err = db.PingContext(ctx)
		cancel()
		if err == nil {
			break
		}
		select {
		case <-s.exited:
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the server did not start: %w\n%s", err, text)
	}
	for _, statement := range []string{"CREATE TABLE items (id int PRIMARY KEY, price int)", "INSERT INTO items VALUES (1, 5)"} {
		if _, err := db.Exec(statement); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) stop(signal syscall.Signal) {
	if s.process != nil {
		s.process.Process.Signal(signal)
		select {
		case <-s.exited:
		case <-time.After(15 * time.Second):
			s.process.Process.Kill()
			<-s.exited
		}
	}
	if s.folder != "" {
		os.RemoveAll(s.folder)
	}
}

func programOf(name string, patterns ...string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			sort.Strings(found)
			return found[len(found)-1]
		}
	}
	return ""
}

func startPostgres() error {
	binary := programOf("postgres", "/usr/lib/postgresql/*/bin/postgres")
	if binary == "" {
		postgres.missing = "there is no PostgreSQL server on this machine"
		return nil
	}
	s := &postgres
	if err := s.prepare(); err != nil {
		return err
	}
	data := filepath.Join(s.folder, "data")
	if err := s.run(filepath.Join(filepath.Dir(binary), "initdb"), "-D", data, "-U", "postgres", "-A", "trust",
		"-N", "-E", "UTF8", "--locale=C"); err != nil {
		return err
	}
	return s.launch("postgres", targets[0].dsn(s.port), binary, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port),
		"-k", s.folder, "-c", "fsync=off", "-c", "max_connections=300")
}

func startMariaDB() error {
	binary := programOf("mariadbd", "/usr/sbin/mariadbd", "/usr/libexec/mariadbd")
	install := programOf("mariadb-install-db", "/usr/bin/mariadb-install-db")
	if binary == "" || install == "" {
		mariadb.missing = "there is no MariaDB server on this machine"
		return nil
	}
	s := &mariadb
	if err := s.prepare(); err != nil {
		return err
	}
	data := "--datadir=" + filepath.Join(s.folder, "data")
	if err := s.run(install, "--no-defaults", data, "--auth-root-authentication-method=normal"); err != nil {
		return err
	}
	return s.launch("mysql", targets[2].dsn(s.port), binary, "--no-defaults", data, "--socket="+filepath.Join(s.folder, "s"),
		"--port="+strconv.Itoa(s.port), "--bind-address=127.0.0.1", "--pid-file="+filepath.Join(s.folder, "pid"),
		"--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=32M", "--max-connections=300")
}

func TestMain(m *testing.M) {
	os.Setenv("POOLSCOPE_LISTEN", "off") // what the tests themselves open; the small application is told otherwise
	code := 1
	started := make(chan error, 2)
	go func() { started <- startMariaDB() }()
	err := startPostgres()
	if other := <-started; err == nil {
		err = other
	}
	if err == nil {
		err = buildApplication()
	}
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	postgres.stop(syscall.SIGINT)
	mariadb.stop(syscall.SIGTERM)
	os.RemoveAll(applicationFolder)
	os.Exit(code)
}
