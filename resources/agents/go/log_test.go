// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log"
	"net"
	"strings"
	"sync"
	"testing"
)

// usualLog is what the standard logger wrote, which the agent speaks on where nothing else is chosen.
type usualLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (u *usualLog) Write(b []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.text.Write(b)
}

// lines are those that the agent wrote.
func (u *usualLog) lines() (lines []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, line := range strings.Split(u.text.String(), "\n") {
		if _, sentence, ok := strings.Cut(line, "poolscope: "); ok {
			lines = append(lines, sentence)
		}
	}
	return lines
}

// alone gives the test a process without an agent, and its usual log.
func alone(t *testing.T) *usualLog {
	t.Helper()
	said := &usualLog{}
	usual := log.Writer()
	log.SetOutput(said)
	process.mu.Lock()
	before := process.agent
	process.agent = nil
	process.mu.Unlock()
	t.Cleanup(func() {
		Close()
		process.agent = before
		log.SetOutput(usual)
	})
	return said
}

// TestPortInUse: it is said once, on the usual log, however many pools there are; and they serve.
func TestPortInUse(t *testing.T) {
	said := alone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	t.Setenv("POOLSCOPE_LISTEN", taken.Addr().String())
	t.Setenv("POOLSCOPE_TOKEN", "token")
	for n := 0; n < 3; n++ {
		db := OpenDB(&fakeDriver{}, Options{Name: "orders"})
		query(t, db, context.Background())
		query(t, db, context.Background())
		db.Close()
	}
	if lines := said.lines(); len(lines) != 1 || !strings.Contains(lines[0], taken.Addr().String()) || !strings.Contains(lines[0], "in use") {
		t.Errorf("said %q", lines)
	}
}

// again is a connector of the application's own around one that is watched.
type again struct{ *Connector }

// TestWatchedTwice: a second agent for one pool is said once, on the usual log, and changes nothing.
func TestWatchedTwice(t *testing.T) {
	for name, second := range map[string]func(c *Connector) *sql.DB{
		"Wrap":   func(c *Connector) *sql.DB { return sql.OpenDB(Wrap(Wrap(c, Options{Name: "b"}), Options{})) },
		"OpenDB": func(c *Connector) *sql.DB { return OpenDB(c, Options{Name: "b"}) },
		"around": func(c *Connector) *sql.DB { return OpenDB(again{c}, Options{Name: "orders"}) },
	} {
		t.Run(name, func(t *testing.T) {
			said := alone(t)
			t.Setenv("POOLSCOPE_LISTEN", t.TempDir()+"/a.sock")
			c := Wrap(&fakeDriver{}, Options{Name: "orders"})
			db := OpenDB(c, Options{}) // as the README has it: nothing to say
			defer db.Close()
			query(t, db, context.Background())
			if lines := said.lines(); len(lines) != 0 {
				t.Errorf("said %q", lines)
			}
			other := second(c)
			defer other.Close()
			conn, err := other.Conn(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			query(t, other, context.Background())
			if lines := said.lines(); len(lines) != 1 || lines[0] != "Pool orders is watched already: the second call does nothing." {
				t.Errorf("said %q", lines)
			}
			i := attach(t, Address())
			i.picture()
			if len(i.out) != 1 || fmt.Sprint(i.pools()) != "[orders]" {
				t.Errorf("one connection of one pool is out, and %d checkouts of %v are told", len(i.out), i.pools())
			}
		})
	}
}
