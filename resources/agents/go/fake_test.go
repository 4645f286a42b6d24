// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
)

// fakeDriver opens connections that write down what is asked of them.
type fakeDriver struct {
	mu      sync.Mutex
	log     []string
	build   func(*fakeConn) driver.Conn
	stmt    stmtTraits
	opened  int32
	closed  int32
	failing int32 // atomic: operations find the connection broken
	block   chan struct{}
}

// stmtTraits: which optional interfaces a statement has.
type stmtTraits struct{ converter, checker, exec, query bool }

func (d *fakeDriver) note(format string, args ...interface{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, fmt.Sprintf(format, args...))
}

func (d *fakeDriver) said() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.log, "\n")
}

func (d *fakeDriver) Connect(context.Context) (driver.Conn, error) {
	atomic.AddInt32(&d.opened, 1)
	c := &fakeConn{driver: d}
	if d.build != nil {
		return d.build(c), nil
	}
	return everyConn(c), nil
}
func (d *fakeDriver) Driver() driver.Driver            { return d }
func (d *fakeDriver) Open(string) (driver.Conn, error) { return d.Connect(context.Background()) }
func (d *fakeDriver) broken() error {
	if atomic.LoadInt32(&d.failing) != 0 {
		return driver.ErrBadConn
	}
	return nil
}

// fakeConn has what a connection must have. The types below add one optional interface each.
type fakeConn struct{ driver *fakeDriver }

func (c *fakeConn) Prepare(query string) (driver.Stmt, error) {
	c.driver.note("Prepare %s", query)
	return fakeStmtOf(c.driver), c.driver.broken()
}
func (c *fakeConn) Close() error {
	c.driver.note("Close")
	atomic.AddInt32(&c.driver.closed, 1)
	return nil
}
func (c *fakeConn) Begin() (driver.Tx, error) {
	c.driver.note("Begin")
	return &fakeTx{c.driver}, c.driver.broken()
}

type fakeTx struct{ driver *fakeDriver }

func (t *fakeTx) Commit() error   { t.driver.note("Commit"); return nil }
func (t *fakeTx) Rollback() error { t.driver.note("Rollback"); return nil }

type oldExec struct{ d *fakeDriver }

func (x oldExec) Exec(query string, args []driver.Value) (driver.Result, error) {
	x.d.note("Exec %s %v", query, args)
	return driver.RowsAffected(1), x.d.broken()
}

type newExec struct{ d *fakeDriver }

func (x newExec) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	x.d.note("ExecContext %s %v", query, args)
	if strings.HasPrefix(query, "skip") {
		return nil, driver.ErrSkip
	}
	return driver.RowsAffected(1), x.d.broken()
}

type oldQuery struct{ d *fakeDriver }

func (x oldQuery) Query(query string, args []driver.Value) (driver.Rows, error) {
	x.d.note("Query %s %v", query, args)
	return &fakeRows{}, x.d.broken()
}

type newQuery struct{ d *fakeDriver }

func (x newQuery) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	x.d.note("QueryContext %s %v", query, args)
	if strings.HasPrefix(query, "skip") {
		return nil, driver.ErrSkip
	}
	return &fakeRows{}, x.d.broken()
}

type preparer struct{ d *fakeDriver }

func (x preparer) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	x.d.note("PrepareContext %s", query)
	return fakeStmtOf(x.d), x.d.broken()
}

type beginner struct{ d *fakeDriver }

func (x beginner) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	x.d.note("BeginTx %v", o)
	if x.d.block != nil {
		<-x.d.block
	}
	return &fakeTx{x.d}, x.d.broken()
}

type pinger struct{ d *fakeDriver }

func (x pinger) Ping(context.Context) error { x.d.note("Ping"); return x.d.broken() }

// celsius is a type that only a checker, or a converter, knows.
type celsius struct{ degrees float64 }

type checker struct {
	d    *fakeDriver
	name string
}

func (x checker) CheckNamedValue(v *driver.NamedValue) error {
	x.d.note("%s.CheckNamedValue %v", x.name, v.Value)
	switch value := v.Value.(type) {
	case celsius:
		v.Value = value.degrees
		return nil
	case string:
		if value == "remove" {
			return driver.ErrRemoveArgument
		}
	case int:
		return errors.New("no numbers today")
	}
	return driver.ErrSkip
}

type resetter struct{ d *fakeDriver }

func (x resetter) ResetSession(context.Context) error { x.d.note("ResetSession"); return nil }

type validator struct{ d *fakeDriver }

func (x validator) IsValid() bool { x.d.note("IsValid"); return true }

type fakeStmt struct{ driver *fakeDriver }

func (s *fakeStmt) Close() error  { s.driver.note("stmt.Close"); return nil }
func (s *fakeStmt) NumInput() int { return -1 }
func (s *fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	s.driver.note("stmt.Exec %v", args)
	return driver.RowsAffected(1), nil
}
func (s *fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	s.driver.note("stmt.Query %v", args)
	return &fakeRows{}, nil
}

type stmtExec struct{ d *fakeDriver }

func (x stmtExec) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	x.d.note("stmt.ExecContext %v", args)
	return driver.RowsAffected(1), nil
}

type stmtQuery struct{ d *fakeDriver }

func (x stmtQuery) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	x.d.note("stmt.QueryContext %v", args)
	return &fakeRows{}, nil
}

type converter struct{ d *fakeDriver }

func (x converter) ColumnConverter(index int) driver.ValueConverter {
	x.d.note("stmt.ColumnConverter %d", index)
	return driver.DefaultParameterConverter
}

type fakeRows struct{ done bool }

func (r *fakeRows) Columns() []string { return []string{"n"} }
func (r *fakeRows) Close() error      { return nil }
func (r *fakeRows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	dest[0] = int64(7)
	return nil
}

// fakeStmtOf gives each of the sixteen kinds of statement.
func fakeStmtOf(d *fakeDriver) driver.Stmt {
	s, t := &fakeStmt{d}, d.stmt
	type cc = driver.ColumnConverter
	type nv = driver.NamedValueChecker
	type ex = driver.StmtExecContext
	type qu = driver.StmtQueryContext
	c, n, e, q := converter{d}, checker{d, "stmt"}, stmtExec{d}, stmtQuery{d}
	switch t {
	case stmtTraits{}:
		return s
	case stmtTraits{query: true}:
		return struct {
			driver.Stmt
			qu
		}{s, q}
	case stmtTraits{exec: true}:
		return struct {
			driver.Stmt
			ex
		}{s, e}
	case stmtTraits{exec: true, query: true}:
		return struct {
			driver.Stmt
			ex
			qu
		}{s, e, q}
	case stmtTraits{checker: true}:
		return struct {
			driver.Stmt
			nv
		}{s, n}
	case stmtTraits{checker: true, query: true}:
		return struct {
			driver.Stmt
			nv
			qu
		}{s, n, q}
	case stmtTraits{checker: true, exec: true}:
		return struct {
			driver.Stmt
			nv
			ex
		}{s, n, e}
	case stmtTraits{checker: true, exec: true, query: true}:
		return struct {
			driver.Stmt
			nv
			ex
			qu
		}{s, n, e, q}
	case stmtTraits{converter: true}:
		return struct {
			driver.Stmt
			cc
		}{s, c}
	case stmtTraits{converter: true, query: true}:
		return struct {
			driver.Stmt
			cc
			qu
		}{s, c, q}
	case stmtTraits{converter: true, exec: true}:
		return struct {
			driver.Stmt
			cc
			ex
		}{s, c, e}
	case stmtTraits{converter: true, exec: true, query: true}:
		return struct {
			driver.Stmt
			cc
			ex
			qu
		}{s, c, e, q}
	case stmtTraits{converter: true, checker: true}:
		return struct {
			driver.Stmt
			cc
			nv
		}{s, c, n}
	case stmtTraits{converter: true, checker: true, query: true}:
		return struct {
			driver.Stmt
			cc
			nv
			qu
		}{s, c, n, q}
	case stmtTraits{converter: true, checker: true, exec: true}:
		return struct {
			driver.Stmt
			cc
			nv
			ex
		}{s, c, n, e}
	}
	return struct {
		driver.Stmt
		cc
		nv
		ex
		qu
	}{s, c, n, e, q}
}

func everyConn(c *fakeConn) driver.Conn {
	d := c.driver
	return struct {
		driver.Conn
		driver.ExecerContext
		driver.QueryerContext
		driver.ConnPrepareContext
		driver.ConnBeginTx
		driver.Pinger
		driver.NamedValueChecker
		driver.SessionResetter
		driver.Validator
	}{c, newExec{d}, newQuery{d}, preparer{d}, beginner{d}, pinger{d}, checker{d, "conn"}, resetter{d}, validator{d}}
}
