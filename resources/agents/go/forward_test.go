// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"sync/atomic"
	"testing"
)

// exercise does with a pool all that database/sql may ask a driver for, and writes down what came back.
func exercise(db *sql.DB) (results []string) {
	db.SetMaxOpenConns(1)
	ctx := context.Background()
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	say := func(what string, err error) { results = append(results, fmt.Sprint(what, ": ", err)) }
	query := func(what string, rows *sql.Rows, err error) {
		if err == nil {
			n := 0
			types, _ := rows.ColumnTypes()
			for rows.Next() {
				n++
			}
			results = append(results, fmt.Sprint(what, ": ", n, " rows, ", types[0].DatabaseTypeName(), rows.NextResultSet(), rows.Err()))
			rows.Close()
			return
		}
		say(what, err)
	}
	say("ping", db.PingContext(ctx))
	for _, args := range [][]interface{}{nil, {"a", true}, {celsius{21.5}}, {sql.Named("x", "y")}, {3}, {"remove"}} {
		for _, statement := range []string{"do", "skip"} {
			_, err := db.ExecContext(ctx, statement, args...)
			say("exec", err)
			rows, err := db.QueryContext(ctx, statement, args...)
			query("query", rows, err)
		}
		stmt, err := db.PrepareContext(ctx, "prepared")
		say("prepare", err)
		if err == nil {
			_, err = stmt.ExecContext(ctx, args...)
			say("stmt exec", err)
			rows, err := stmt.QueryContext(ctx, args...)
			query("stmt query", rows, err)
			_, err = stmt.ExecContext(cancelled, args...)
			say("stmt cancelled", err)
			say("stmt close", stmt.Close())
		}
	}
	for _, options := range []*sql.TxOptions{nil, {}, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		tx, err := db.BeginTx(ctx, options)
		say("begin", err)
		if err == nil {
			_, err := tx.ExecContext(ctx, "in a transaction", "b")
			say("exec", err)
			say("commit", tx.Commit())
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	say("begin", err)
	if err == nil {
		say("rollback", tx.Rollback())
	}
	conn, err := db.Conn(ctx)
	say("conn", err)
	if err == nil { // the driver itself is asked with a context that has ended
		conn.Raw(func(c interface{}) error {
			raw := c.(driver.Conn)
			if p, ok := raw.(driver.ConnPrepareContext); ok {
				_, err := p.PrepareContext(ctx, "raw")
				say("raw prepare", err)
			} else {
				_, err := raw.Prepare("raw")
				say("raw prepare", err)
			}
			return nil
		})
		say("conn close", conn.Close())
	}
	say("close", db.Close())
	return results
}

func testAgent(t testing.TB, o AgentOptions) *agent {
	t.Helper()
	if o.Listen == "" {
		o.Listen = t.TempDir() + "/agent.sock"
	}
	said := o.Log
	if said == nil {
		said = func(sentence string) { t.Log(sentence) }
	}
	var over int32 // the test is: nothing may be logged to it any more
	o.Log = func(sentence string) {
		if atomic.LoadInt32(&over) == 0 {
			said(sentence)
		}
	}
	a, err := startAgent(o)
	if err != nil {
		t.Fatal(err)
	}
	process.mu.Lock()
	before := process.agent
	process.agent = a
	process.mu.Unlock()
	t.Cleanup(func() {
		atomic.StoreInt32(&over, 1)
		a.close()
		process.mu.Lock()
		process.agent = before
		process.mu.Unlock()
	})
	return a
}

// TestForwarding: whatever optional interfaces a driver has, it is asked for the same things in the same
// order, and the application gets the same answers, as without the agent.
func TestForwarding(t *testing.T) {
	testAgent(t, AgentOptions{Log: func(string) {}})
	compare := func(t *testing.T, build func(*fakeConn, *fakeDriver) driver.Conn, traits stmtTraits) {
		run := func(open func(driver.Connector) *sql.DB) (string, []string) {
			d := &fakeDriver{stmt: traits}
			d.build = func(c *fakeConn) driver.Conn { return build(c, d) }
			results := exercise(open(d))
			return d.said(), results
		}
		log, results := run(func(c driver.Connector) *sql.DB { return sql.OpenDB(c) })
		wrappedLog, wrappedResults := run(func(c driver.Connector) *sql.DB { return OpenDB(c, Options{Name: "forwarding"}) })
		if log != wrappedLog {
			t.Errorf("the driver was asked\n%s\n\nand without the agent\n%s", wrappedLog, log)
		}
		for i := range results {
			if results[i] != wrappedResults[i] {
				t.Errorf("%q, and without the agent %q", wrappedResults[i], results[i])
			}
		}
	}
	for _, kind := range connKinds {
		kind := kind
		t.Run(kind.name, func(t *testing.T) {
			compare(t, kind.build, stmtTraits{})
			compare(t, kind.build, stmtTraits{converter: true, exec: true})
			compare(t, kind.build, stmtTraits{true, true, true, true})
		})
	}
	bare, every := connKinds[0].build, func(c *fakeConn, _ *fakeDriver) driver.Conn { return everyConn(c) }
	for i := 0; i < 16; i++ {
		traits := stmtTraits{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0}
		t.Run(fmt.Sprintf("statement %+v", traits), func(t *testing.T) {
			compare(t, bare, traits)
			compare(t, every, traits)
		})
	}
	if n := AgentFigures().Faults; n != 0 {
		t.Errorf("%d faults of the agent", n)
	}
}

func TestUnwrap(t *testing.T) {
	testAgent(t, AgentOptions{})
	d := &fakeDriver{build: func(c *fakeConn) driver.Conn { return c }}
	db := OpenDB(d, Options{})
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Raw(func(c interface{}) error {
		if _, ok := Unwrap(c).(*fakeConn); !ok {
			t.Errorf("unwrapped a %T", Unwrap(c))
		}
		return nil
	})
	if got := Unwrap(7); got != 7 {
		t.Errorf("made %v of 7", got)
	}
	if db.Driver() != driver.Driver(d) {
		t.Error("the driver is another")
	}
}
