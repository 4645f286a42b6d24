// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
)

// conn stands between database/sql and a driver's connection. database/sql asks a connection which
// optional interfaces it has. For most of them it has a way of its own where one is missing: that way is
// gone here, step by step, so that one type serves. Whether there is Exec or Query on the connection
// decides how arguments are converted before: there the four types below differ.
type conn struct {
	inner driver.Conn
	note  *connection
}

type (
	connExec      struct{ *conn }
	connQuery     struct{ *conn }
	connExecQuery struct{ *conn }
)

// wrapped is what Unwrap knows.
type wrapped interface{ poolscopeInner() driver.Conn }

func (c *conn) poolscopeInner() driver.Conn { return c.inner }

//nolint:staticcheck // driver.Execer and driver.Queryer: old drivers have nothing else
func wrap(inner driver.Conn, note *connection) driver.Conn {
	c := &conn{inner, note}
	_, exec := inner.(driver.ExecerContext)
	if !exec {
		_, exec = inner.(driver.Execer)
	}
	_, query := inner.(driver.QueryerContext)
	if !query {
		_, query = inner.(driver.Queryer)
	}
	switch {
	case exec && query:
		return connExecQuery{c}
	case exec:
		return connExec{c}
	case query:
		return connQuery{c}
	}
	return c
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

func (c *conn) Close() error {
	defer c.note.closed() // the driver may panic
	return c.inner.Close()
}

func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.note.begins(ctx, query)
	defer c.note.ends()
	prepared, err := c.prepare(ctx, query)
	if err != nil || prepared == nil {
		return prepared, err
	}
	return wrapStmt(prepared, c, query, c.note.prepared(query)), nil
}

func (c *conn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if p, ok := c.inner.(driver.ConnPrepareContext); ok {
		return p.PrepareContext(ctx, query)
	}
	prepared, err := c.inner.Prepare(query)
	if err == nil && ctx.Err() != nil {
		prepared.Close()
		return nil, ctx.Err()
	}
	return prepared, err
}

func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	c.note.begins(ctx, "BEGIN")
	defer c.note.ends()
	inner, err := c.begin(ctx, options)
	if err != nil || inner == nil {
		return inner, err
	}
	return &tx{inner, c.note}, nil
}

func (c *conn) begin(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if b, ok := c.inner.(driver.ConnBeginTx); ok {
		return b.BeginTx(ctx, options)
	}
	// The errors are those of database/sql.
	if options.Isolation != driver.IsolationLevel(sql.LevelDefault) {
		return nil, errors.New("sql: driver does not support non-default isolation level")
	}
	if options.ReadOnly {
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	inner, err := c.inner.Begin() //nolint:staticcheck // the driver has nothing else
	if err == nil && ctx.Err() != nil {
		inner.Rollback()
		return nil, ctx.Err()
	}
	return inner, err
}

func (c *conn) Ping(ctx context.Context) error {
	c.note.begins(ctx, "")
	defer c.note.ends()
	if p, ok := c.inner.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// CheckNamedValue says "skip" where the driver has none: database/sql then goes on as without one.
func (c *conn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.inner.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// ResetSession is called, in the goroutine of whoever acquires, when a connection that was used before
// is lent again.
func (c *conn) ResetSession(ctx context.Context) error {
	var err error
	if r, ok := c.inner.(driver.SessionResetter); ok {
		err = r.ResetSession(ctx)
	}
	if !errors.Is(err, driver.ErrBadConn) { // then the pool closes it, and lends another
		c.note.taken(ctx)
	}
	return err
}

// IsValid is called when a connection comes back.
func (c *conn) IsValid() bool {
	c.note.returned()
	if v, ok := c.inner.(driver.Validator); ok {
		return v.IsValid()
	}
	return true
}

func (c connExec) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(ctx, query, args)
}

func (c connQuery) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args)
}

func (c connExecQuery) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.exec(ctx, query, args)
}

func (c connExecQuery) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.query(ctx, query, args)
}

func (c *conn) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.note.begins(ctx, query)
	defer c.note.ends()
	if e, ok := c.inner.(driver.ExecerContext); ok {
		return e.ExecContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.inner.(driver.Execer).Exec(query, values) //nolint:staticcheck // the driver has nothing else
}

func (c *conn) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.note.begins(ctx, query)
	defer c.note.ends()
	if q, ok := c.inner.(driver.QueryerContext); ok {
		return q.QueryContext(ctx, query, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return c.inner.(driver.Queryer).Query(query, values) //nolint:staticcheck // the driver has nothing else
}

// plainValues are arguments for a driver that knows neither names nor contexts.
func plainValues(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		values[i] = arg.Value
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return values, nil
}

type tx struct {
	inner driver.Tx
	note  *connection
}

func (t *tx) Commit() error {
	t.note.says("COMMIT")
	defer t.note.ends()
	return t.inner.Commit()
}

func (t *tx) Rollback() error {
	t.note.says("ROLLBACK")
	defer t.note.ends()
	return t.inner.Rollback()
}

// says is begins() where the connection is lent for certain.
func (c *connection) says(statement string) {
	atomic.StoreInt32(&c.busy, 1)
	if c.pool.agent.isAttached() {
		c.tell(busyEvent, statement)
	}
}

// stmt is a prepared statement; stmtConverter one whose driver converts arguments column by column.
type stmt struct {
	inner driver.Stmt
	conn  *conn
	query string
	note  *statement
}

type stmtConverter struct{ *stmt }

//nolint:staticcheck // driver.ColumnConverter: old drivers have nothing else
func wrapStmt(inner driver.Stmt, c *conn, query string, note *statement) driver.Stmt {
	s := &stmt{inner, c, query, note}
	if _, ok := inner.(driver.ColumnConverter); ok {
		return stmtConverter{s}
	}
	return s
}

func (s stmtConverter) ColumnConverter(index int) driver.ValueConverter {
	return s.inner.(driver.ColumnConverter).ColumnConverter(index) //nolint:staticcheck // as above
}

func (s *stmt) Close() error {
	defer s.note.closed() // the driver may panic
	return s.inner.Close()
}

func (s *stmt) NumInput() int { return s.inner.NumInput() }

// CheckNamedValue: database/sql asks the statement, and where it has none the connection.
func (s *stmt) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := s.inner.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	s.conn.note.begins(context.Background(), s.query)
	defer s.conn.note.ends()
	return s.inner.Exec(args) //nolint:staticcheck // forwarded
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	s.conn.note.begins(context.Background(), s.query)
	defer s.conn.note.ends()
	return s.inner.Query(args) //nolint:staticcheck // forwarded
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.conn.note.begins(ctx, s.query)
	defer s.conn.note.ends()
	if e, ok := s.inner.(driver.StmtExecContext); ok {
		return e.ExecContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.inner.Exec(values) //nolint:staticcheck // the driver has nothing else
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.conn.note.begins(ctx, s.query)
	defer s.conn.note.ends()
	if q, ok := s.inner.(driver.StmtQueryContext); ok {
		return q.QueryContext(ctx, args)
	}
	values, err := plainValues(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.inner.Query(values) //nolint:staticcheck // the driver has nothing else
}
