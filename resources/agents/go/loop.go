// SPDX-License-Identifier: Apache-2.0

package poolscope

import (
	"sync/atomic"
	"time"
)

// loop is the agent's own goroutine: it takes events out of the ring and tells them to the peers. It
// sleeps while nobody is attached.
type loop struct {
	*agent
	peers     []*peer
	lastTaken uint64 // number of the last event that was taken out, or known to be dropped
	nextStats time.Time
	ticker    *time.Ticker
	lines     []byte // of one round, reused
}

// taken is what one round works on: cut at one number, under the lock.
type taken struct {
	number   uint64
	events   []event
	pictures []poolPicture
}

func (a *agent) run() {
	defer close(a.stopped)
	l := &loop{agent: a}
	defer l.endAll()
	for l.once() {
	}
}

// once works until the agent is stopped (false) or something fails: then whoever is attached is let go,
// and may come back.
func (l *loop) once() (again bool) {
	again = true
	defer func() {
		if trouble := recover(); trouble != nil {
			l.fault(trouble)
			l.endAll()
		}
	}()
	for l.step() {
	}
	return false
}

func (l *loop) step() bool {
	var tick <-chan time.Time
	if l.ticker != nil {
		tick = l.ticker.C
	}
	select {
	case <-l.stop:
		return false
	case p := <-l.joining:
		l.join(p)
	case line := <-l.agent.lines:
		l.obey(line)
		return true // how often there is a round is not for peers to say
	case <-l.changed:
		for _, p := range l.peers {
			p.pictureDue = true
		}
	case <-l.wake:
	case <-tick:
	}
	if len(l.peers) > 0 {
		l.round()
	}
	return true
}

func (l *loop) join(p *peer) {
	p.pictureDue = true
	l.peers = append(l.peers, p)
	l.log(p.who + " attached.")
	l.count()
}

// count switches the pools' reports on with the first peer, and off with the last.
func (l *loop) count() {
	l.figures.attached.Store(int64(len(l.peers)))
	wanted := len(l.peers) > 0
	if wanted == (l.ticker != nil) {
		return
	}
	if !wanted {
		l.ticker.Stop()
		l.ticker = nil
	} else {
		l.ticker = time.NewTicker(l.options.drainEvery)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped = 0
	l.lastTaken = l.number
	if wanted {
		l.ring = make([]event, 0, l.options.ringEvents)
		l.spare = make([]event, 0, l.options.ringEvents)
		atomic.StoreInt32(&l.attached, 1)
	} else {
		atomic.StoreInt32(&l.attached, 0)
		l.ring, l.spare = nil, nil
	}
}

func (l *loop) reap() {
	kept := l.peers[:0]
	for _, p := range l.peers {
		if !p.isGone() {
			kept = append(kept, p)
			continue
		}
		l.log(p.who + " is detached.")
	}
	for i := len(kept); i < len(l.peers); i++ {
		l.peers[i] = nil
	}
	l.peers = kept
	l.count()
}

func (l *loop) endAll() {
	for _, p := range l.peers {
		p.end()
	}
	l.reap()
}

func (l *loop) obey(line peerLine) {
	p := line.peer
	if line.gone {
		p.end()
		l.reap()
		return
	}
	if !line.readable {
		l.figures.badLines.Add(1)
		if p.badLines++; p.badLines > mostBadLines {
			p.end()
			l.reap()
		}
		return
	}
	c := line.command
	switch c.kind {
	case "ping":
		p.send(encodePong(nil, p.number, c.n, l.now()))
	case "resync":
		p.pictureDue = true
	case "reclaim": // database/sql has no way to take a connection from its holder
		p.send(encodeResult(nil, p.number, c.n, false, "reclaim is not allowed by this process"))
	} // what a later version may ask for is ignored
}

func (l *loop) round() {
	l.reap()
	due := l.peersDue()
	t := l.take(len(due) > 0)
	l.deliver(&t)
	if len(due) > 0 {
		l.picture(&t, due)
	}
	l.stats()
	for _, p := range l.peers {
		l.tellLost(p)
	}
	for i := range t.events { // nothing stays referred to
		t.events[i] = event{}
	}
	l.spare = t.events[:0]
}

func (l *loop) peersDue() []*peer {
	var due []*peer
	now := time.Now()
	for _, p := range l.peers {
		// One that reads slowly has its last picture still to come.
		if p.pictureDue && !now.Before(p.notBefore) && p.waiting() <= l.options.peerBytes/2 {
			p.notBefore = now.Add(betweenPictures)
			due = append(due, p)
		}
	}
	return due
}

func (l *loop) take(pictures bool) taken {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := taken{number: l.number, events: l.ring}
	l.ring, l.spare = l.spare, nil
	if l.dropped > 0 {
		l.figures.dropped.Add(int64(l.dropped))
		l.dropped = 0
	}
	if pictures {
		for _, p := range l.pools {
			t.pictures = append(t.pictures, p.pictureLocked())
		}
	}
	return t
}

// deliver tells the events to everybody who had a picture. A number that is missing was dropped.
func (l *loop) deliver(t *taken) {
	for i := range t.events {
		e := &t.events[i]
		l.lose(e.n - l.lastTaken - 1)
		l.lastTaken = e.n
		l.lines = l.event(l.lines[:0], e)
		for _, p := range l.peers {
			if p.known == nil {
				continue // its first picture comes after
			}
			l.tell(p, e)
		}
	}
	l.lose(t.number - l.lastTaken)
	l.lastTaken = t.number
}

func (l *loop) lose(count uint64) {
	if count == 0 {
		return
	}
	for _, p := range l.peers {
		if p.known != nil {
			p.lost += count
		}
	}
}

func (l *loop) tell(p *peer, e *event) {
	if p.lost > 0 || p.waiting()+len(l.lines) > l.options.peerBytes {
		p.lost++
		l.figures.dropped.Add(1)
		return
	}
	if e.kind == checkoutEvent {
		p.send(l.stackFor(p, e.lend.stack))
	}
	p.number = e.n
	p.send(l.lines)
}

func (l *loop) tellLost(p *peer) {
	if p.lost == 0 || p.known == nil || p.waiting() > l.options.peerBytes/2 {
		return
	}
	p.number = l.lastTaken
	p.send(encodeLost(nil, p.number, p.lost))
	p.lost = 0
}

// stackFor is the line of a stack, the first time that a peer needs it.
func (l *loop) stackFor(p *peer, s *stack) []byte {
	if s == nil || p.known[s.id] {
		return nil
	}
	p.known[s.id] = true
	return encodeStack(nil, p.number, digits(s.id), l.ownership.frames(s))
}

func (l *loop) event(b []byte, e *event) []byte {
	c := e.conn
	pool, conn, id := e.pool, digits(c.id), digits(e.lend.id)
	switch e.kind {
	case openEvent:
		return encodeOpen(b, e.n, pool, conn, e.at, c.serverPID, c.localPort)
	case closeEvent:
		return encodeClose(b, e.n, pool, conn, e.at, "")
	case checkoutEvent:
		line := c.checkout(&e.lend, pool)
		return encodeCheckout(b, e.n, &line)
	case checkinEvent:
		return encodeCheckin(b, e.n, pool, id, e.at, conn)
	case busyEvent:
		return encodeUse(b, e.n, pool, id, e.at, true, l.textOf(fingerprint, e.text, c.pool.kind.dialect))
	}
	return encodeUse(b, e.n, pool, id, e.at, false, "")
}

// textOf keeps one statement's trouble from all peers: then it has no text.
func (a *agent) textOf(shorten func(string, dialect) string, statement string, d dialect) (text string) {
	defer a.guard()
	return shorten(statement, d)
}

func (c *connection) checkout(l *lend, pool string) checkoutLine {
	line := checkoutLine{pool: pool, id: digits(l.id), time: l.at, connection: digits(c.id), by: l.scope.by,
		serverPID: c.serverPID, localPort: c.localPort, tags: l.tags(), traceID: l.trace}
	if l.stack != nil {
		line.stack = digits(l.stack.id)
	}
	if l.scope.expected > 0 {
		line.expected = known(l.scope.expected.Microseconds())
	}
	return line
}

// picture tells what is open at one number.
func (l *loop) picture(t *taken, due []*peer) {
	pools := make([]*pool, len(t.pictures))
	for i, picture := range t.pictures {
		pools[i] = picture.pool
	}
	hello := l.hello(pools)
	var body []byte
	stacks := map[*stack]bool{}
	for _, picture := range t.pictures {
		body = l.pictureOf(body, t.number, picture, stacks)
		for _, line := range picture.pool.statements.lines(picture.name, l.now(), true) {
			body = l.prepared(body, t.number, &line, picture.pool.kind.dialect)
			if line.stack != nil {
				stacks[line.stack] = true
			}
		}
	}
	var stackLines []byte
	for s := range stacks {
		stackLines = encodeStack(stackLines, t.number, digits(s.id), l.ownership.frames(s))
	}
	for _, p := range due {
		p.pictureDue = false
		p.lost = 0 // the picture makes up for it
		p.number = t.number
		p.known = make(map[uint64]bool, len(stacks))
		for s := range stacks {
			p.known[s.id] = true
		}
		p.send(encodeHello(nil, t.number, hello))
		p.send(body)
		p.send(stackLines)
		p.send(encodeReady(nil, t.number))
		l.figures.pictures.Add(1)
	}
}

func (l *loop) pictureOf(b []byte, n uint64, picture poolPicture, stacks map[*stack]bool) []byte {
	for _, open := range picture.connections {
		b = encodeOpen(b, n, picture.name, digits(open.conn.id), open.conn.opened, open.conn.serverPID, open.conn.localPort)
	}
	for i := range picture.connections {
		open := &picture.connections[i]
		if !open.lent {
			continue
		}
		line := open.conn.checkout(&open.lend, picture.name)
		line.open, line.busy, line.busyK = true, open.busy, true
		b = encodeCheckout(b, n, &line)
		if open.lend.stack != nil {
			stacks[open.lend.stack] = true
		}
	}
	stats := picture.pool.figures()
	stats.pool = picture.name
	return encodeStats(b, n, &stats)
}

func (l *loop) stats() {
	now := time.Now()
	if now.Before(l.nextStats) {
		return
	}
	l.nextStats = now.Add(l.options.statsEvery)
	for _, pool := range l.shownPools() {
		stats := pool.figures()
		for _, p := range l.peers {
			if p.known != nil && !p.pictureDue && p.waiting() < l.options.peerBytes {
				p.send(encodeStats(nil, p.number, &stats))
			}
		}
		l.tellStatements(pool)
	}
}
