// SPDX-License-Identifier: Apache-2.0

// Package poolscope lets Poolscope attach to a running application and see who holds the connections
// of its database/sql pools, since when and from which line.
//
//	db, err := poolscope.Open("pgx", dsn, poolscope.Options{Name: "orders"}) // instead of sql.Open
//
// or, with a connector of one's own,
//
//	db := poolscope.OpenDB(connector, poolscope.Options{Name: "orders"}) // instead of sql.OpenDB
//
// and, where one knows for whom work is done,
//
//	ctx = poolscope.WithTags(ctx, "route", "/orders")
//
// Nothing about the pool changes. Until an inspector attaches the agent costs little more than taking
// the stack of each checkout; what an inspector cannot take fast enough is dropped and counted.
package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"time"
)

// Options describe one pool.
type Options struct {
	// Name of the pool, unique in the process; one that is taken gets "-2" and so on behind it.
	// Empty: the driver's.
	Name string
	// Database is a URL of scheme, host, port and database, for people to read: no user, no password.
	// Open finds it by itself.
	Database string
	// Trace returns the ids of the trace and of the span that a context belongs to, in hexadecimal; empty
	// where there is none. The span's is told as the tag "span_id". With OpenTelemetry:
	//
	//	func(ctx context.Context) (traceID, spanID string) {
	//		if span := trace.SpanContextFromContext(ctx); span.IsValid() {
	//			return span.TraceID().String(), span.SpanID().String()
	//		}
	//		return "", ""
	//	}
	Trace func(ctx context.Context) (traceID, spanID string)
	// ServerPID asks for the server's process or connection id, once a connection, where the agent does
	// not know the driver (it knows lib/pq, pgx/stdlib and go-sql-driver/mysql). 0: unknown.
	ServerPID func(ctx context.Context, conn driver.Conn) uint64
	// NoServerPID keeps the agent from asking. Behind a pooler in transaction mode the id says nothing.
	NoServerPID bool
}

// Limits are the settings of a pool that database/sql can set but not tell; see Configure. Zero: as it
// is.
type Limits struct {
	MaxOpenConns    int
	MaxIdleConns    int // below zero: none
	ConnMaxLifetime time.Duration
	ConnMaxIdleTime time.Duration
}

// Connector is a driver's connector that tells the agent of what it opens.
type Connector struct {
	inner driver.Connector
	pool  *pool
}

// Wrap makes a connector for sql.OpenDB out of a driver's. It starts the agent if nobody did; where that
// cannot be the log says why, and the pool works all the same. One that is wrapped already stays as it
// is, which the log says once. OpenDB does this and Watch.
func Wrap(connector driver.Connector, options Options) *Connector {
	if c, ok := connector.(*Connector); ok {
		c.pool.sayAgain()
		return c
	}
	a := current()
	kind := kindOf(connector.Driver())
	p := &pool{agent: a, wanted: options.Name, options: options, kind: kind, database: options.Database,
		connections: make(map[*connection]struct{})}
	if p.wanted == "" {
		p.wanted = kind.name
	}
	return &Connector{connector, p}
}

// Connect is called by database/sql.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	began := c.pool.agent.now()
	conn, err := c.connect(ctx)
	if err != nil || conn == nil {
		return conn, err
	}
	return c.pool.connected(ctx, conn, began), nil
}

func (c *Connector) connect(ctx context.Context) (driver.Conn, error) {
	c.pool.opening.Add(1)
	defer c.pool.opening.Add(-1) // the driver may panic
	return c.inner.Connect(ctx)
}

// Driver is the driver's own.
func (c *Connector) Driver() driver.Driver {
	c.noteProbe()
	return c.inner.Driver()
}

// Close is called by sql.DB.Close. The pool is not shown any more.
func (c *Connector) Close() error {
	c.pool.agent.hide(c.pool)
	if closer, ok := c.inner.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// OpenDB is sql.OpenDB with an agent.
func OpenDB(connector driver.Connector, options Options) *sql.DB {
	c, ok := connector.(*Connector)
	if !ok {
		c = Wrap(connector, options)
	} else if c.pool.isWatched() {
		c.pool.sayAgain()
	}
	c.pool.agent.mu.Lock()
	c.pool.closed = false // a connector may serve again
	c.pool.agent.mu.Unlock()
	db := sql.OpenDB(c)
	c.watch(db, nil)
	return db
}

// Open is sql.Open with an agent.
func Open(driverName, dataSourceName string, options Options) (*sql.DB, error) {
	plain, err := sql.Open(driverName, dataSourceName)
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	plain.Close() // nothing was opened
	var connector driver.Connector = dsnConnector{dataSourceName, d}
	if opener, ok := d.(driver.DriverContext); ok {
		if connector, err = opener.OpenConnector(dataSourceName); err != nil {
			return nil, err
		}
	}
	if options.Database == "" {
		options.Database = databaseOf(driverName, dataSourceName)
	}
	if options.Name == "" {
		options.Name = driverName
	}
	return OpenDB(connector, options), nil
}

type dsnConnector struct {
	dsn    string
	driver driver.Driver
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// Watch lets the agent read db.Stats: limits, waits, idle connections. For a DB on a connector that came
// from Wrap; false for another. OpenDB and Open do it themselves.
func Watch(db *sql.DB) bool {
	c := connectorOf(db)
	if c == nil {
		return false
	}
	c.watch(db, nil)
	return true
}

// Configure sets the limits of a pool, and lets the inspector see those that database/sql does not tell.
func Configure(db *sql.DB, limits Limits) {
	if limits.MaxOpenConns != 0 {
		db.SetMaxOpenConns(limits.MaxOpenConns)
	}
	if limits.MaxIdleConns != 0 {
		db.SetMaxIdleConns(limits.MaxIdleConns)
	}
	if limits.ConnMaxLifetime != 0 {
		db.SetConnMaxLifetime(limits.ConnMaxLifetime)
	}
	if limits.ConnMaxIdleTime != 0 {
		db.SetConnMaxIdleTime(limits.ConnMaxIdleTime)
	}
	if c := connectorOf(db); c != nil {
		c.watch(db, &limits)
	}
}

// Unwrap gives the driver's own connection inside sql.Conn.Raw:
//
//	conn.Raw(func(c any) error { pg := poolscope.Unwrap(c).(*stdlib.Conn); … })
//
// What is no connection of the agent's it gives back as it is.
func Unwrap(driverConn interface{}) interface{} {
	if w, ok := driverConn.(wrapped); ok {
		return w.poolscopeInner()
	}
	return driverConn
}

func (c *Connector) watch(db *sql.DB, limits *Limits) {
	a := c.pool.agent
	if a.isOff() {
		return
	}
	c.pool.max.Store(int64(db.Stats().MaxOpenConnections))
	a.mu.Lock()
	if c.pool.closed {
		a.mu.Unlock()
		return
	}
	c.pool.db = db
	if limits != nil {
		c.pool.limits = limits
	}
	a.mu.Unlock()
	a.show(c.pool)
	a.poolsChanged()
}
