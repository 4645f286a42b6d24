// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	poolscope "poolscope.org/agent"
)

// pooler starts PgBouncer in transaction mode before the server, and gives its port.
func pooler(t *testing.T) int {
	t.Helper()
	if postgres.missing != "" {
		t.Skip(postgres.missing)
	}
	binary := programOf("pgbouncer", "/usr/sbin/pgbouncer")
	if binary == "" {
		t.Skip("there is no PgBouncer on this machine")
	}
	s := &server{}
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.folder) })
	users, file := filepath.Join(s.folder, "users"), filepath.Join(s.folder, "ini")
	settings := fmt.Sprintf("[databases]\npostgres = host=127.0.0.1 port=%d dbname=postgres\n[pgbouncer]\n"+
		"listen_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s\n"+
		"admin_users = postgres\nignore_startup_parameters = extra_float_digits\npool_mode = transaction\n", postgres.port, s.port, users)
	for name, content := range map[string]string{users: "\"postgres\" \"\"\n", file: settings} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, err := s.command(binary, file)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Signal(syscall.SIGTERM); c.Wait() })
	for n := 0; n < 1000; n++ {
		if probe, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
			probe.Close()
			return s.port
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("PgBouncer does not listen")
	return 0
}

// TestBehindPgBouncer: what a pooler says of its server's process is not told, and the connection's own
// port leads to the session.
func TestBehindPgBouncer(t *testing.T) {
	needPoolscope(t)
	port := pooler(t)
	withAgent(t)
	db, err := poolscope.Open("postgres", targets[0].dsn(port), poolscope.Options{Name: "orders"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var pid int64
	if err := tx.QueryRowContext(context.Background(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	type checkout struct {
		Pool      string  `json:"pool"`
		ServerPID *int64  `json:"server_pid"`
		Session   *string `json:"session"`
	}
	var alone, found []checkout
	ask(t, &alone, "checkouts", poolscope.Address())
	for _, c := range alone {
		if c.Pool == "orders" && c.ServerPID != nil {
			t.Errorf("it tells %d as the server's process", *c.ServerPID)
		}
	}
	ask(t, &found, "checkouts", poolscope.Address(), fmt.Sprintf("pgbouncer://postgres@127.0.0.1:%d", port),
		fmt.Sprintf("postgresql://postgres@127.0.0.1:%d/postgres", postgres.port))
	seen := false
	for _, c := range found {
		if c.Pool != "orders" {
			continue
		}
		seen = true
		if c.ServerPID == nil || *c.ServerPID != pid {
			t.Errorf("the server's process %d was not found: %+v", pid, c)
		}
		if c.Session == nil || !strings.HasPrefix(*c.Session, fmt.Sprintf("pg-%d-", pid)) {
			t.Errorf("the session %d was not found: %+v", pid, c)
		}
	}
	if !seen {
		t.Errorf("%+v", found)
	}
}
