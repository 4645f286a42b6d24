// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// pool is what the agent knows of one sql.DB.
type pool struct {
	agent    *agent
	wanted   string // the name asked for
	options  Options
	kind     driverKind
	database string

	statements statements

	max     atomic.Int64 // of connections, as last read; 0: no limit or not known
	lentNow atomic.Int64
	opening atomic.Int64
	again   atomic.Bool // it was said that it is watched a second time

	// Under agent.mu.
	name        string
	shown       bool
	closed      bool // not to be shown again
	connections map[*connection]struct{}
	use, create histogram
	db          *sql.DB
	limits      *Limits
}

// connection is what the agent notes of a physical connection. It does not refer to the driver's.
type connection struct {
	id        uint64
	pool      *pool
	opened    int64
	serverPID int64
	localPort int64
	busy      int32 // atomic
	isLent    bool  // written under agent.mu by whoever holds the connection, who may read it without
	isGone    bool  // the same
	lend      lend

	statements map[*statement]struct{} // under pool.statements.mu
}

// lend is one checkout.
type lend struct {
	id    uint64
	at    int64
	scope *scope
	trace string
	span  string
	stack *stack
}

type eventKind uint8

const (
	openEvent eventKind = iota
	closeEvent
	checkoutEvent
	checkinEvent
	busyEvent
	idleEvent
)

type event struct {
	n    uint64
	kind eventKind
	at   int64
	conn *connection
	pool string
	lend lend
	text string
}

// emit numbers an event and puts it into the ring, or drops it. Under agent.mu.
func (a *agent) emit(e event) {
	if !a.isAttached() || !e.conn.pool.shown {
		return
	}
	a.number++
	if len(a.ring) == cap(a.ring) {
		a.dropped++
		return
	}
	e.n = a.number
	e.pool = e.conn.pool.name
	a.ring = append(a.ring, e)
	if len(a.ring) == cap(a.ring)/2 {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
}

// guard keeps what goes wrong in the agent out of the application.
func (a *agent) guard() {
	if trouble := recover(); trouble != nil {
		a.fault(trouble)
	}
}

// sayAgain tells, once a pool, that the application has it watched a second time.
func (p *pool) sayAgain() {
	if p.agent.isOff() || !p.again.CompareAndSwap(false, true) {
		return
	}
	p.agent.log(fmt.Sprintf("Pool %s is watched already: the second call does nothing.", orElse(p.wanted, "pool")))
}

func (p *pool) isWatched() bool {
	p.agent.mu.Lock()
	defer p.agent.mu.Unlock()
	return p.db != nil && !p.closed
}

// connected makes the wrapper of a fresh connection. Where the agent itself fails the driver's own
// connection serves.
func (p *pool) connected(ctx context.Context, inner driver.Conn, began int64) (wrapped driver.Conn) {
	wrapped = inner
	a := p.agent
	if a.isOff() {
		return inner
	}
	defer a.guard()
	if _, ok := inner.(interface{ poolscopeInner() driver.Conn }); ok { // by a connector around a wrapped one
		p.sayAgain()
		a.hide(p)
		return inner
	}
	c := &connection{pool: p, opened: a.now()}
	took := c.opened - began
	if p.options.ServerPID != nil {
		if pid := p.options.ServerPID(ctx, inner); pid <= maxNumber {
			c.serverPID = int64(pid)
		}
	} else if !p.options.NoServerPID {
		c.serverPID, c.localPort = p.kind.identify(ctx, inner)
	}
	a.show(p)
	pcs := a.callers()
	// Opened for somebody who waits, or for nobody any more: who gets it shows with the first call.
	lent := !fromOpener(pcs)
	var l lend
	if lent {
		l = p.newLend(ctx)
		if a.wantsStack(p) {
			l.stack = a.table.intern(pcs)
		}
	}
	c.register(took, lent, l)
	return wrap(inner, c)
}

func (c *connection) register(took int64, lent bool, l lend) {
	a := c.pool.agent
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids++
	c.id = a.ids
	c.pool.connections[c] = struct{}{}
	c.pool.create.add(took)
	a.emit(event{kind: openEvent, at: c.opened, conn: c})
	if lent {
		c.lendLocked(l)
	}
}

func (p *pool) newLend(ctx context.Context) lend {
	l := lend{at: p.agent.now(), scope: scopeOf(ctx)}
	if p.options.Trace != nil && ctx != nil {
		l.trace, l.span = p.options.Trace(ctx)
	}
	return l
}

func (c *connection) lendLocked(l lend) {
	a := c.pool.agent
	a.ids++
	l.id = a.ids
	c.lend = l
	c.isLent = true
	atomic.StoreInt32(&c.busy, 0)
	c.pool.lentNow.Add(1)
	a.emit(event{kind: checkoutEvent, at: l.at, conn: c, lend: l})
}

// taken notes that the connection left the pool, in the goroutine that got it.
func (c *connection) taken(ctx context.Context) {
	a := c.pool.agent
	defer a.guard()
	l := c.pool.newLend(ctx)
	l.stack = a.capture(c.pool)
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.isGone {
		return
	}
	if c.isLent { // its return was not seen
		c.returnedLocked(l.at)
	}
	c.lendLocked(l)
}

// returned notes that the connection is back.
func (c *connection) returned() {
	if !c.isLent {
		return
	}
	a := c.pool.agent
	defer a.guard()
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	c.returnedLocked(now)
}

func (c *connection) returnedLocked(now int64) {
	c.pool.use.add(now - c.lend.at)
	c.pool.lentNow.Add(-1)
	c.pool.agent.emit(event{kind: checkinEvent, at: now, conn: c, lend: c.lend})
	c.isLent = false
	c.lend = lend{}
}

// closed notes the end of the connection; that is a return too, where the operation found it broken.
func (c *connection) closed() {
	a := c.pool.agent
	defer a.guard()
	now := a.now()
	c.pool.statements.gone(c)
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.isGone {
		return
	}
	if c.isLent {
		c.returnedLocked(now)
	}
	c.isGone = true
	delete(c.pool.connections, c)
	a.emit(event{kind: closeEvent, at: now, conn: c})
}

// begins notes that a statement is sent: by whom shows here at the latest.
func (c *connection) begins(ctx context.Context, statement string) {
	if !c.isLent && !c.isGone {
		c.taken(ctx)
	}
	atomic.StoreInt32(&c.busy, 1)
	if c.pool.agent.isAttached() {
		c.tell(busyEvent, statement)
	}
}

func (c *connection) ends() {
	atomic.StoreInt32(&c.busy, 0)
	if c.pool.agent.isAttached() {
		c.tell(idleEvent, "")
	}
}

func (c *connection) tell(kind eventKind, text string) {
	a := c.pool.agent
	defer a.guard()
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.isLent {
		a.emit(event{kind: kind, at: now, conn: c, lend: lend{id: c.lend.id}, text: text})
	}
}

func digits(id uint64) string { return strconv.FormatUint(id, 10) }

// picture of one pool, copied under agent.mu.
type poolPicture struct {
	pool        *pool
	name        string
	connections []connectionPicture
}

type connectionPicture struct {
	conn *connection
	lend lend
	lent bool
	busy bool
}

func (p *pool) pictureLocked() poolPicture {
	picture := poolPicture{pool: p, name: p.name, connections: make([]connectionPicture, 0, len(p.connections))}
	for c := range p.connections {
		picture.connections = append(picture.connections,
			connectionPicture{c, c.lend, c.isLent, atomic.LoadInt32(&c.busy) != 0})
	}
	return picture
}

// figures sums the pool up. Not under agent.mu: database/sql calls into the driver, and so into the
// agent, while it holds the lock that Stats takes.
func (p *pool) figures() statsLine {
	a := p.agent
	opening := p.opening.Load()
	a.mu.Lock()
	db, limits := p.db, p.limits
	line := statsLine{pool: p.name, time: a.now(), use: p.use.summary(), create: p.create.summary(),
		total: known(int64(len(p.connections)) + opening)}
	a.mu.Unlock()
	lent := p.lentNow.Load()
	line.opening = known(opening)
	line.used = known(lent)
	line.idle = known(line.total.value - opening - lent)
	if db != nil {
		s := db.Stats()
		p.max.Store(int64(s.MaxOpenConnections))
		line.total = known(int64(s.OpenConnections))
		line.idle = known(int64(s.Idle))
		if line.used.value = int64(s.InUse) - opening; line.used.value < 0 { // those that it opens are in use to it
			line.used.value = 0
			line.opening.value = int64(s.InUse)
		}
		line.max = known(int64(s.MaxOpenConnections))
		line.unlimited = s.MaxOpenConnections <= 0
		line.wait = durations{known: true, count: known(s.WaitCount), total: known(s.WaitDuration.Microseconds())}
	}
	if limits != nil && limits.MaxIdleConns != 0 {
		line.idleMax = known(int64(limits.MaxIdleConns))
	}
	return line
}

// info is the pool's entry in hello.
func (p *pool) info() poolInfo {
	a := p.agent
	a.mu.Lock()
	db, limits := p.db, p.limits
	info := poolInfo{pool: p.name, kind: "database/sql", database: p.database}
	a.mu.Unlock()
	if db != nil {
		max := db.Stats().MaxOpenConnections
		p.max.Store(int64(max))
		info.config = append(info.config, pair{"MaxOpenConns", strconv.Itoa(max)})
	}
	if limits != nil {
		info.config = append(info.config, limits.settings()...)
	}
	return info
}

// can lists what the pool reports.
func (p *pool) can() []string {
	list := []string{"connections", "by", "tags", "use", "expected", "stats", "use_time", "create_time", "statements"}
	if p.agent.stacks != StacksOff {
		list = append(list, "stacks")
	}
	if p.options.Trace != nil {
		list = append(list, "trace")
	}
	if p.options.ServerPID != nil || !p.options.NoServerPID && (p.kind.query != "" || p.kind.pgx) {
		list = append(list, "server_pid")
	}
	if p.options.ServerPID == nil && !p.options.NoServerPID && p.kind.hasPorts {
		list = append(list, "local_port")
	}
	p.agent.mu.Lock()
	watched := p.db != nil
	p.agent.mu.Unlock()
	if watched {
		list = append(list, "wait_time")
	}
	return list
}

func (l *Limits) settings() []pair {
	var list []pair
	add := func(name string, value time.Duration) {
		if value != 0 {
			list = append(list, pair{name, value.String()})
		}
	}
	if l.MaxIdleConns != 0 {
		list = append(list, pair{"MaxIdleConns", strconv.Itoa(l.MaxIdleConns)})
	}
	add("ConnMaxLifetime", l.ConnMaxLifetime)
	add("ConnMaxIdleTime", l.ConnMaxIdleTime)
	return list
}
